"""What an operator does to a running service: flags, route, rollback, unlock, audit."""

import json
import os
import subprocess

from harness import Case, alerts_of, main, ss58
from subscan_peer import KEY, Peer
from test_legacy import CHAIN, GENESIS, UNIT, account, bucket


class Control(Case):
    def setUp(self):
        super().setUp()
        self.peer = Peer(GENESIS)
        self.addCleanup(self.peer.close)
        self.peer.best, self.peer.finalized = 100, 99

    def launch(self, flags="", extra=""):
        config = self.config(
            {CHAIN: ("ws://127.0.0.1:9",
                     f'subscan_url = "{self.peer.url}"\nlegacy_poll = "100ms"\n')},
            assets='["native"]', levels='notable = "10000"',
            extra=f'[subscan]\napi_key_env = "MADE_UP"\nrequests_per_second = 1000\n'
                  f'requests_per_day = 50000000\n[flags]\n{flags}\n{extra}')
        service = self.service(config, environment={"MADE_UP": KEY})
        service.wait_until(lambda: self.peer.count("transfers") > 0, "a poll")
        return service

    def ask(self, *words, code=0):
        got, out, err = self.run_spyhop(*words, "-o", "json", "-s", self.folder / "admin.sock")
        self.assertEqual(got, code, (words, out, err))
        answer = json.loads(out)
        self.assertEqual(answer["ok"], code == 0)
        if code:
            self.assertEqual(answer["code"], code)
        return answer

    def flag(self, name):
        return next(f for f in self.ask("flags")["flags"] if f["name"] == name)

    def test_flags_are_set_with_their_epoch_kept_and_audited(self):
        service = self.launch()
        before = self.ask("status")["epoch"]
        answer = self.ask("flag", "set", "hybrid_traffic_percent", "12.5", "--reason", "a try")
        self.assertEqual(answer["epoch"], before + 1)
        flag = self.flag("hybrid_traffic_percent")
        self.assertEqual((flag["value"], flag["default"], flag["set_by"], flag["epoch"]),
                         (12.5, 0, f"uid {os.getuid()}", before + 1))
        self.assertEqual(self.ask("status")["hybrid_traffic_percent"], 12.5)
        for words in (("hybrid_traffic_percent", "101"), ("hybrid_traffic_percent", "1.234"),
                      ("hybrid_traffic_percent", "-1"), ("hybrid_traffic_percent", "many"),
                      ("enable_hybrid_rpc", "yes"), ("canary_tier", "5"),
                      ("hybrid_traffic_percnt", "1")):
            refused = self.ask("flag", "set", *words, code=4)
            self.assertTrue(refused["error"])
        self.assertIn("did you mean hybrid_traffic_percent", refused["error"])
        stale = self.ask("flag", "set", "hybrid_traffic_percent", "20", "--if-epoch", str(before),
                         code=4)
        self.assertIn(f"epoch is {before + 1}, not {before}", stale["error"])
        self.ask("flag", "set", "hybrid_traffic_percent", "20", "--if-epoch", str(before + 1))
        entries = self.ask("audit")["entries"]
        self.assertEqual([(e["action"], e["from"], e["to"], e["reason"]) for e in entries],
                         [("flag set hybrid_traffic_percent", "0", "12.5", "a try"),
                          ("flag set hybrid_traffic_percent", "12.5", "20", "")])
        self.assertTrue(self.ask("audit", "--verify")["intact"])
        self.end(service)
        self.launch(flags="hybrid_traffic_percent = 50")  # the stored state decides
        self.assertEqual(self.flag("hybrid_traffic_percent")["value"], 20)

    def test_route_says_which_path_and_why(self):
        watch = f'[[watch]]\naddress = "{ss58(account(7), 0)}"\nlabel = "seven"\ntier = 2\n'
        self.launch(flags="hybrid_traffic_percent = 50", extra=watch)
        for number in range(1, 40):
            answer = self.ask("route", ss58(account(number), 42))
            self.assertEqual(answer["bucket"], bucket(account(number)))
            self.assertEqual(answer["path"], "hybrid" if answer["bucket"] < 5000 else "legacy")
            self.assertEqual(answer["public_key"], "0x" + account(number).hex())
            self.assertEqual(answer["tier"], 2 if number == 7 else None)
        self.ask("flag", "set", "canary_tier", "1")
        answer = self.ask("route", ss58(account(7), 0))
        self.assertEqual(answer["path"], "legacy")
        self.assertIn("tier", answer["reason"])
        self.ask("pin", ss58(account(7), 0), "hybrid", "--for", "1h", "--reason", "ours")
        answer = self.ask("route", ss58(account(7), 2))
        self.assertEqual((answer["path"], answer["pin"]), ("hybrid", "hybrid"))
        self.ask("route", "12nonsense", code=2)

    def test_a_freeze_refuses_what_gives_more_and_lasts(self):
        service = self.launch(flags="hybrid_traffic_percent = 20")
        self.ask("freeze", code=2)  # without a reason
        self.ask("freeze", "--reason", "a long weekend")
        self.assertIn("spyhop unfreeze", self.ask("flag", "set", "hybrid_traffic_percent", "21",
                                                  code=4)["error"])
        self.ask("flag", "set", "hybrid_traffic_percent", "10")
        self.end(service)
        self.launch()
        self.assertEqual(self.ask("status")["mode"], "frozen")
        self.ask("unfreeze", "--reason", "back at work")
        self.ask("flag", "set", "hybrid_traffic_percent", "21")
        self.assertEqual([(e["action"], e["to"], e["reason"]) for e in self.ask("audit")["entries"]
                          if "freeze" in e["action"]],
                         [("freeze", "frozen", "a long weekend"),
                          ("unfreeze", "normal", "back at work")])

    def test_rollback_is_obeyed_locks_and_lasts_until_it_is_unlocked(self):
        service = self.launch(flags="hybrid_traffic_percent = 100")
        epoch = self.ask("status")["epoch"]
        drill = self.ask("rollback", "--drill")
        self.assertGreater(drill["stored_to_obeyed_us"], 0)
        self.assertEqual(self.ask("status")["mode"], "normal")
        self.ask("rollback", code=2)  # without a reason
        answer = self.ask("rollback", "--reason", "bad alerts")
        self.assertGreater(answer["epoch"], epoch)
        self.assertGreaterEqual(answer["command_to_obeyed_us"], answer["stored_to_obeyed_us"])
        again = self.ask("rollback", "--reason", "bad alerts still")
        self.assertEqual(again["epoch"], answer["epoch"])  # idempotent
        status = self.ask("status")
        self.assertEqual((status["mode"], status["locked"], status["hybrid_traffic_percent"],
                          status["chains"][0]["path"]), ("legacy", True, 0, "legacy"))
        self.assertIn("locked", self.ask("flag", "set", "hybrid_traffic_percent", "1",
                                         code=4)["error"])
        self.peer.add(101, 1, account(1), account(2), 20_000 * UNIT)
        with self.peer.lock:
            self.peer.best, self.peer.finalized = 110, 109
        service.wait_until(lambda: alerts_of(service), "legacy speaks")
        self.end(service)
        self.launch()
        self.assertTrue(self.ask("status")["locked"])
        self.ask("unlock", code=2)
        self.ask("unlock", "--reason", "understood")
        self.ask("flag", "set", "hybrid_traffic_percent", "1")
        self.assertEqual(self.ask("status")["mode"], "normal")
        actions = [e["action"] for e in self.ask("audit", "--since", "1h")["entries"]]
        self.assertEqual(actions, ["rollback drill", "rollback", "unlock",
                                   "flag set hybrid_traffic_percent"])

    def test_an_unclean_end_with_traffic_on_hybrid_comes_up_on_legacy(self):
        service = self.launch(flags="hybrid_traffic_percent = 35")
        service.kill()
        service = self.launch()
        service.wait_line(r"incident: the last run did not end in order")
        status = self.ask("status")
        self.assertEqual((status["mode"], status["locked"]), ("legacy", True))
        self.ask("unlock", "--reason", "power cut")
        service.kill()  # nothing is on hybrid: nothing to fall back from
        self.launch()
        self.assertEqual(self.ask("status")["mode"], "normal")

    def test_a_file_of_flags_that_cannot_be_read_is_kept_aside(self):
        service = self.launch(flags="hybrid_traffic_percent = 35")
        self.end(service)
        stored = self.folder / "state" / "flags.toml"
        for bad in ("epoch = ", "", stored.read_text().replace('"35"', '"350"')):
            stored.write_text(bad)
            service = self.launch()
            service.wait_line(r"incident: .*flags\.toml")
            status = self.ask("status")
            self.assertEqual((status["mode"], status["locked"]), ("legacy", True))
            self.assertEqual((self.folder / "state" / "flags.toml.bad").read_text(), bad)
            self.ask("unlock", "--reason", "repaired")
            self.end(service)

    def test_another_user_may_look_and_not_touch(self):
        service = self.launch()
        socket = self.folder / "admin.sock"
        os.chmod(socket, 0o666)
        for folder in (self.folder, *self.folder.parents):
            if folder.stat().st_uid == os.getuid() and folder != folder.parent:
                os.chmod(folder, folder.stat().st_mode | 0o055)
        if os.getuid() != 0:
            self.skipTest("only root can be somebody else")
        def as_nobody(line):
            script = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\n"
                      f"s.connect({str(socket)!r})\ns.sendall({line!r}.encode()+b'\\n')\n"
                      "print(s.makefile().readline())")
            return subprocess.run(["python3", "-c", script], user=65534, text=True,
                                  capture_output=True, check=True).stdout
        self.assertIn("spyhop", as_nobody("status"))
        for command in ("flag set hybrid_traffic_percent 1", "rollback --reason x",
                        "unlock --reason x", "shutdown"):
            self.assertRegex(as_nobody(command), r"^error: .* needs the rights")
        self.assertEqual(self.ask("audit")["entries"], [])


if __name__ == "__main__":
    main()
