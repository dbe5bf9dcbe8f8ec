"""The admin socket, the sinks, the signals, and what must never be shown."""

import json
import os
import re
import signal
import socket
import stat
import unittest

from harness import Case, main


class Socket(Case):
    """A service on a node with generated traffic."""

    def setUp(self):
        super().setUp()
        _, self.urls = self.node()
        self.running = self.service(self.config(self.urls))
        self.path = self.folder / "admin.sock"

    def ask(self, *lines):
        """What comes back on one connection, line by line, until the answers are complete."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.path))
            answers = []
            with client.makefile("r", encoding="utf-8") as reader:
                for line in lines:
                    client.sendall(line.encode() + b"\n")
                    if line.startswith("{"):
                        answers.append(reader.readline())
                        continue
                    text = []
                    while (got := reader.readline()) not in ("\n", ""):
                        text.append(got)
                    # An empty line inside an answer (a table) is followed by more of it.
                    answers.append("".join(text))
            return answers

    def test_words_are_answered_by_text(self):
        for word, pattern in (("help", "shutdown"), ("status", r"spyhop \d"),
                              ("metrics", "# HELP")):
            self.assertRegex(self.ask(word)[0], pattern)

    def test_json_is_answered_by_one_line(self):
        for line in self.ask('{"command":["status"]}', '{"command":["status"],"args":{}}'):
            self.assertTrue(line.endswith("\n"))
            self.assertIs(json.loads(line)["ok"], True)

    def test_wrong_requests_get_a_code_and_a_sentence(self):
        for request in ('{"command":["sttus"]}', '{"command":[]}', '{"command"', '{}', '{"x":1}'):
            answer = json.loads(self.ask(request)[0])
            self.assertEqual((answer["ok"], answer["code"]), (False, 2), request)
            self.assertTrue(answer["error"])
        self.assertIn("did you mean status?", self.ask("sttus")[0])

    def test_alerts_are_what_was_said_and_what_will_be(self):
        self.running.wait_until(lambda: len(self.running.out) >= 20, "some alerts")
        socket_option = ("-s", self.path)
        code, out, err = self.run_spyhop("alerts", "--limit", "5", "-o", "json", *socket_option)
        self.assertEqual(code, 0, err)
        listed = json.loads(out)["alerts"]
        self.assertEqual(len(listed), 5)
        said = [json.loads(line) for line in self.running.out]
        for alert in listed:
            self.assertIn(alert, said)
        address = listed[0]["from"]["address"]
        _, out, _ = self.run_spyhop("alerts", "--address", address, "-o", "ndjson", *socket_option)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertIn(listed[0]["id"], {alert["id"] for alert in found})
        for alert in found:
            self.assertIn(address, (alert["from"]["address"], alert["to"]["address"]))
        _, out, _ = self.run_spyhop("alerts", "--since", "1ms", "--address", "0x" + "07" * 32,
                                    "-o", "ndjson", *socket_option)
        self.assertEqual(out, "")  # none: not a line
        follower = self.spyhop("alerts", "--follow", "-o", "ndjson", "--limit", "1", *socket_option)
        follower.wait_until(lambda: len(follower.out) >= 10, "alerts that were not there before")
        follower.signal(signal.SIGINT)
        self.assertEqual(follower.wait(), 0, follower.story())
        lines = follower.out
        self.assertEqual(len(lines), len(set(lines)))
        for words in (("--severity", "high"), ("--since", "soon"), ("--limit", "many"),
                      ("--address", "nobody")):
            self.assertEqual(self.run_spyhop("alerts", *words, *socket_option)[0], 2, words)

    def test_status_has_every_member_of_the_contract(self):
        self.running.wait_until(lambda: self.status()["ready"], "a ready service")
        status = self.status()
        self.assertLessEqual(
            {"ok", "version", "uptime_s", "epoch", "mode", "hybrid_traffic_percent", "ready",
             "locked", "chains", "processes"}, set(status))
        self.assertEqual([c["name"] for c in status["chains"]], list(self.urls))
        for chain in status["chains"]:
            self.assertLessEqual({"name", "genesis", "symbol", "decimals", "best", "finalized",
                                  "lag_s", "path", "endpoint", "state"}, set(chain))
            self.assertRegex(chain["genesis"], r"^0x[0-9a-f]{64}$")
            self.assertGreaterEqual(chain["best"], chain["finalized"])
            self.assertEqual((chain["path"], chain["state"]), ("hybrid", "following"))
        for process in status["processes"]:
            self.assertEqual(set(process), {"name", "pid", "restarts"})
        self.assertIn(self.running.child.pid, [p["pid"] for p in status["processes"]])

    def test_tables_are_for_people(self):
        self.running.wait_until(lambda: self.status()["ready"], "a ready service")
        code, out, _ = self.run_spyhop("status", "-s", self.path)
        self.assertEqual(code, 0)
        for chain in self.urls:
            self.assertIn(chain, out)
        by_environment = self.run_spyhop("status", environment={"SPYHOP_SOCKET": str(self.path)})
        self.assertEqual(by_environment[0], 0)

    def test_metrics_are_what_prometheus_reads(self):
        code, out, _ = self.run_spyhop("metrics", "-s", self.path)
        self.assertEqual(code, 0)
        described = set()
        for line in out.splitlines():
            if not line:
                continue
            if line.startswith("# "):
                self.assertRegex(line, r"^# (HELP|TYPE) spyhop_[a-z0-9_]+ .+$")
                described.add(line.split()[2])
                continue
            self.assertRegex(line, r'^spyhop_[a-z0-9_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? '
                                   r'[0-9.e+]+$')
            self.assertIn(re.split(r"[{ ]", line)[0], described)
        self.assertNotRegex(out, r"0x[0-9a-f]{40}")

    def test_the_socket_is_for_owner_and_group(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)

    def test_shutdown_drains_and_takes_the_socket_away(self):
        code, _, err = self.run_spyhop("shutdown", "--drain", "5s", "-s", self.path)
        self.assertEqual(code, 0, err)
        self.assertEqual(self.running.wait(), 0, self.running.story())
        self.assertFalse(self.path.exists())

    def test_a_drain_that_is_no_duration_ends_nothing(self):
        code, _, err = self.run_spyhop("shutdown", "--drain", "later", "-s", self.path)
        self.assertEqual(code, 2)
        self.assertIn("later", err)
        self.assertTrue(self.running.alive())

    def test_many_clients_that_say_nothing_do_not_shut_others_out(self):
        idle = []
        try:
            for _ in range(8):
                client = socket.socket(socket.AF_UNIX)
                client.connect(str(self.path))
                client.sendall(b'{"command":')
                idle.append(client)
            self.assertIs(self.status()["ok"], True)
        finally:
            for client in idle:
                client.close()

    def test_a_line_without_end_is_refused(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.path))
            try:
                client.sendall(b"x" * (4 << 20))
                while client.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.assertIs(self.status()["ok"], True)


class Sinks(Case):
    def test_a_reader_that_goes_away_ends_the_service(self):
        _, urls = self.node()
        config = self.config(urls)
        read, write = os.pipe()
        service = self.spyhop("run", "-c", config, stdout=write)
        os.close(write)
        self.assertTrue(os.read(read, 1))
        os.close(read)
        self.assertEqual(service.wait(), 1, service.story())
        self.assertRegex("\n".join(service.err), r"error sink: .*(closed|gone|reader|pipe)")

    def test_a_file_holds_whole_lines_and_is_appended_to(self):
        _, urls = self.node()
        path = self.folder / "alerts.ndjson"
        config = self.config(urls, sink=path)
        sizes = []
        for _ in range(2):
            service = self.service(config)
            before = sizes[-1] if sizes else 0
            service.wait_until(
                lambda: path.exists() and path.read_bytes().count(b"\n") >= before + 10, "10 lines")
            self.end(service)
            text = path.read_text(encoding="utf-8")
            self.assertTrue(text.endswith("\n"))
            for line in text.splitlines():
                self.assert_alert(line)
            sizes.append(text.count("\n"))
            self.assertEqual(service.out, [])

    def test_a_second_signal_ends_at_once(self):
        # A reader that does not read keeps the drain waiting.
        _, urls = self.node(block_time="20ms")
        read, write = os.pipe()
        service = self.spyhop("run", "-c", self.config(urls), stdout=write)
        os.close(write)
        self.assertTrue(os.read(read, 1))
        pending = lambda: self.metric_sum("spyhop_deliver_sink_pending_bytes") > 0
        service.wait_until(pending, "a full pipe")
        service.signal(signal.SIGTERM)
        service.wait_line("draining")
        service.signal(signal.SIGTERM)
        self.assertEqual(service.wait(), 128 + signal.SIGTERM, service.story())
        os.close(read)

    def test_a_reader_that_pauses_loses_nothing(self):
        _, urls = self.node(block_time="20ms")
        read, write = os.pipe()
        service = self.spyhop("run", "-c", self.config(urls, follow="finalized"), stdout=write)
        os.close(write)
        pending = lambda: self.metric_sum("spyhop_deliver_sink_pending_bytes") > 1 << 20
        service.wait_line(r"is watching")
        service.wait_until(pending, "a megabyte that waits")
        paused_at = self.metric_sum("spyhop_deliver_lines_total")
        alerts = []
        with os.fdopen(read, encoding="utf-8") as lines:
            for count, line in enumerate(lines):
                alerts.append(self.assert_alert(line))
                if count > paused_at + 100:
                    break
            service.signal(signal.SIGTERM)
            alerts += [self.assert_alert(line) for line in lines]
        self.assertEqual(service.wait(), 0, service.story())
        self.assert_every_movement(alerts)

    def test_hangup_is_survived(self):
        _, urls = self.node()
        service = self.service(self.config(urls))
        service.signal(signal.SIGHUP)
        service.wait_line("SIGHUP")
        told = len(service.out)
        service.wait_until(lambda: len(service.out) > told + 3, "alerts after SIGHUP")
        self.end(service)


class Secrets(Case):
    """Providers put keys into paths and queries; these are for nobody's eyes."""

    KEYS = ("k3y-in-the-path", "k3y-in-the-query")

    def everything_said(self, service):
        said = "\n".join(service.err) + "\n".join(service.out)
        for command in (("status",), ("status", "-o", "json"), ("metrics",)):
            code, out, err = self.run_spyhop(*command, "-s", self.folder / "admin.sock")
            self.assertEqual(code, 0)
            said += out + err
        return said

    def test_keys_are_not_shown_while_it_works(self):
        _, urls = self.node()
        url = f'{urls["polkadot"]}?key={self.KEYS[1]}'
        service = self.service(self.config({"polkadot": url}))
        service.wait_until(lambda: service.out, "an alert over the endpoint with the key")
        said = self.everything_said(service)
        self.end(service)
        for key in self.KEYS:
            self.assertNotIn(key, said)

    def test_keys_are_not_shown_when_nothing_works(self):
        urls = [f"ws://127.0.0.1:1/{self.KEYS[0]}?apikey={self.KEYS[1]}",
                f"wss://127.0.0.1:1/{self.KEYS[0]}", f"ws://no-such-host.invalid/{self.KEYS[0]}"]
        config = self.config({"polkadot": urls})
        service = self.service(config)
        service.wait_until(lambda: sum("Next attempt" in line for line in service.err) >= 3,
                           "an attempt at each endpoint")
        said = self.everything_said(service)
        self.end(service)
        checked = self.run_spyhop("check", "-c", config)
        shown = self.run_spyhop("topology", "-c", config)
        for text in (said, "\n".join(service.err), *checked[1:], *shown[1:]):
            for key in self.KEYS:
                self.assertNotIn(key, text)


class Topology(Case):
    def test_what_is_drawn_is_what_the_configuration_asks_for(self):
        for arguments in ((), ("-c", self.config({"alpha": "ws://127.0.0.1:1"}))):
            code, out, err = self.run_spyhop("topology", *arguments)
            self.assertEqual((code, err), (0, ""))
            for stage in ("decode", "detect", "route", "deliver", "control"):
                self.assertRegex(out, rf"\b{stage}\b")
        self.assertIn("source:alpha", out)
        code, dot, _ = self.run_spyhop("topology", "--dot", *arguments)
        self.assertEqual(code, 0)
        self.assertRegex(dot, r"^digraph")


if __name__ == "__main__":
    main()
