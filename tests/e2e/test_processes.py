"""The service in processes of its own: one dies, by whatever means, and the others go on; in the
end the alerts are what @polkadot/api reads from the node, each said once.

SPYHOP_DEATHS says how many of each kind (2); SPYHOP_SEED repeats a run.
"""

import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import time
import unittest

from harness import Case, alerts_of, main, need_node_packages
from subscan_peer import KEY, Peer
from test_kill import FIRST, Kill as KillCase, scenario

DEATHS = int(os.environ.get("SPYHOP_DEATHS", "2"))
SEED = int(os.environ.get("SPYHOP_SEED", str(random.SystemRandom().randrange(1 << 32))))
PARTS = ("control", "legacy", "hybrid")
WATCHDOG_S = 2
GENESIS = "0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3"


def children_of(process):
    """{part: pid} by their titles."""
    path = pathlib.Path(f"/proc/{process.child.pid}/task/{process.child.pid}/children")
    found = {}
    for pid in map(int, path.read_text().split()):
        try:
            title = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        except FileNotFoundError:
            continue
        if title.startswith("spyhop: "):
            found[title.removeprefix("spyhop: ")] = pid
    return found


def open_files(pid):
    """Where its descriptors lead; one may be closed while the folder is read."""
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield os.readlink(link)
        except FileNotFoundError:
            continue


def alive(pid):
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


class Processes(Case):
    service_keys = ""

    def busy(self, **more):
        _, urls = self.node(block_time="40ms")
        service = self.service(self.config({"polkadot": urls["polkadot"]}), **more)
        service.wait_line(r"following from block")
        return service

    def wait_part(self, service, part, other_than):
        """The pid of this part once it runs again, under its title."""
        fresh = lambda: (pid := children_of(service).get(part)) and pid != other_than and pid
        return service.wait_until(fresh, f"{part} is there again")

    def test_titles_group_and_status(self):
        service = self.busy()
        parts = children_of(service)
        self.assertEqual(set(parts), set(PARTS))
        for pid in parts.values():
            self.assertEqual(os.getpgid(pid), service.child.pid)
        told = {p["name"]: (p["pid"], p["restarts"]) for p in self.status()["processes"]}
        self.assertEqual(told, {"supervisor": (service.child.pid, 0),
                                **{part: (pid, 0) for part, pid in parts.items()}})
        self.end(service)
        self.assertFalse(any(map(alive, parts.values())))

    def test_hybrid_does_not_have_the_journal_open(self):
        service = self.busy()
        service.wait_until(lambda: alerts_of(service), "an alert")
        for part, pid in children_of(service).items():
            files = {os.path.basename(name) for name in open_files(pid)}
            # control adds to the audit trail, which lies in the same file.
            self.assertEqual("alerts.db" in files, part != "hybrid", (part, files))
        self.end(service)

    def test_a_terminals_signal_to_the_whole_group_drains(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            service = self.busy()
            os.killpg(service.child.pid, number)
            self.assertEqual(service.wait(), 0, service.story())
            self.assertIn("every alert made is written", "\n".join(service.err))

    def test_none_survives_the_supervisor(self):
        service = self.busy()
        parts = children_of(service)
        service.signal(signal.SIGKILL)
        service.child.wait()
        end = time.monotonic() + 10
        while any(map(alive, parts.values())) and time.monotonic() < end:
            pass
        self.assertEqual([p for p, pid in parts.items() if alive(pid)], [])

    def test_a_part_that_cannot_start_ends_the_service_with_its_reason(self):
        _, urls = self.node()
        config = self.config({"polkadot": urls["polkadot"]}, sink=str(self.folder / "no" / "file"))
        code, _, err = self.run_spyhop("run", "-c", config)
        self.assertNotEqual(code, 0)
        self.assertIn(str(self.folder / "no"), err)

    def test_hybrid_with_too_much_memory_is_started_again(self):
        self.service_keys = 'memory_max_hybrid = "16MiB"\n'
        _, urls = self.node(block_time="40ms")
        # A compiled runtime for each: far more than the limit.
        service = self.service(self.config({f"{name}-{i}": url for name, url in urls.items()
                                            for i in range(16)}))
        service.wait_line(r"incident: hybrid \(\d+\) holds \d+ MiB, more than memory_max_hybrid")
        service.wait_line(r"incident: hybrid \(\d+\) was ended by signal 9")
        self.end(service)

    def test_hybrid_is_the_first_to_go_when_memory_is_short(self):
        self.service_keys = 'memory_max_hybrid = "512MiB"\n'
        service = self.busy()
        for part, pid in children_of(service).items():
            score = int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())
            most, _ = resource.prlimit(pid, resource.RLIMIT_DATA)
            self.assertEqual(score == 500, part == "hybrid", part)
            self.assertEqual(most != resource.RLIM_INFINITY, part == "hybrid", part)
        self.end(service)


class Legacy(Case):
    """A chain on both paths: hybrid dies, and legacy speaks."""

    service_keys = ""

    def test_the_death_of_hybrid_puts_the_regime_to_legacy(self):
        peer = Peer(GENESIS)
        self.addCleanup(peer.close)
        peer.best, peer.finalized = 1000, 999
        _, urls = self.node(block_time="40ms")
        config = self.config(
            {"polkadot": (urls["polkadot"],
                          f'subscan_url = "{peer.url}"\nlegacy_poll = "200ms"\n')},
            extra=f'[[sink]]\nkind = "ndjson"\npath = "{self.folder}/operators"\nlevel = 1\n'
                  '[subscan]\napi_key_env = "MADE_UP"\nrequests_per_second = 1000\n'
                  'requests_per_day = 50000000\n[flags]\nhybrid_traffic_percent = 100\n')
        service = self.service(config, environment={"MADE_UP": KEY})
        service.wait_line(r"following from block")
        hybrid = lambda: [a for a in alerts_of(service) if a["path"] == "hybrid"]
        service.wait_until(hybrid, "an alert of hybrid's")
        self.assertEqual(self.status()["mode"], "normal")
        told, killed = len(service.err), time.time()
        os.kill(children_of(service)["hybrid"], signal.SIGKILL)
        said = service.wait_line(r"^(\S+)Z .*hybrid \(\d+\) was ended by signal 9.*"
                                 r"legacy speaks for all since (\d+) us")
        moment = time.mktime(time.strptime(said.group(1)[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        moment += float(said.group(1)[19:])
        print(f"kill to log line {(moment - killed) * 1e3:.1f} ms, death seen to regime "
              f"{said.group(2)} us")
        status = self.status()
        self.assertEqual((status["mode"], status["locked"]), ("legacy", True))
        service.wait_line(r"following from block", start=told)  # it is back
        self.assertEqual({p["name"]: p["restarts"] for p in self.status()["processes"]},
                         {"supervisor": 0, "control": 0, "legacy": 0, "hybrid": 1})
        operators = self.folder / "operators"
        service.wait_until(lambda: operators.read_text().endswith("\n"), "the incident")
        told = json.loads(operators.read_text().splitlines()[0])
        self.assertEqual((told["news"], told["level"], told["acknowledged_by"]), ("open", 1, None))
        code, out, err = self.run_spyhop("incident", "ack", str(told["incident"]), "-s",
                                         self.folder / "admin.sock")
        self.assertEqual(code, 0, out + err)
        self.end(service)
        last = json.loads(operators.read_text().splitlines()[-1])
        self.assertEqual((last["incident"], last["news"]), (told["incident"], "acknowledged"))


class Deaths(KillCase):
    """Everything test_kill demands, while the parts die one by one."""

    service_keys = f'watchdog = "{WATCHDOG_S}s"\n'

    def test_nothing_is_lost_doubled_or_wrong(self):
        need_node_packages()
        chance = random.Random(SEED)
        print(f"SPYHOP_SEED={SEED}")
        faults = self.write("faults.toml", scenario(chance))
        node = self.spyhop("node", "--listen", "127.0.0.1:0", "--block-time", "40ms",
                           "--history", "200000", "--scenario", faults)
        url = node.wait_line(r"^polkadot at (ws://\S+)", "out").group(1)
        self.stream = self.folder / "alerts.ndjson"
        service = self.service(self.config({"polkadot": (url, f"start = {FIRST}")},
                                           sink=str(self.stream)))
        service.wait_line(r"following from block")
        kinds = [(part, number) for part in PARTS
                 for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)] * DEATHS
        kinds += [(part, signal.SIGSTOP) for part in PARTS]
        chance.shuffle(kinds)
        for part, number in kinds:
            self.die(service, part, number, chance)
        best = lambda: self.reachable_status()["chains"][0]["best"]
        last = service.wait_until(best, "a best block")
        service.wait_until(lambda: self.covered(last), f"everything up to {last} is final")
        truth = self.truth(url, last)
        self.end(service)
        self.assert_agrees_with(truth, last)
        self.assert_journal_is_the_stream()
        counted = re.findall(r"incident: (\w+) \(\d+\) was ended by signal (\d+)",
                             "\n".join(service.err))
        self.assertEqual(len(counted), len(kinds), counted)

    def die(self, service, part, number, chance):
        pid = service.wait_until(lambda: children_of(service).get(part), f"{part} runs")
        told = len(service.err)
        with self.assertRaises(subprocess.TimeoutExpired, msg="it ended by itself"):
            service.child.wait(chance.uniform(0, 0.6))
        os.kill(pid, number)
        service.wait_line(rf"incident: {part} \({pid}\) was ended by signal", start=told)
        self.assertTrue(service.alive(), service.story())

    def reachable_status(self):
        """Control may be starting."""
        code, out, _ = self.run_spyhop("status", "-o", "json", "-s", self.folder / "admin.sock")
        return json.loads(out) if code == 0 else {"chains": [{"best": None}]}


del KillCase  # its test is test_kill's

if __name__ == "__main__":
    main()
