"""What every end-to-end test needs: processes with deadlines, configurations, and an independent
reading of alerts (identity, addresses, amounts) to compare the program's with.

SPYHOP_BIN names the binary; SPYHOP_CORPUS the recorded data (default ../shared/corpus).
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from chain_text import alert_id, ss58, tokens

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = os.environ.get("SPYHOP_BIN", str(ROOT / "build" / "spyhop"))
CORPUS = pathlib.Path(os.environ.get("SPYHOP_CORPUS") or ROOT.parent / "shared" / "corpus")
# Only a hang reaches it; sanitized builds on a loaded machine are slow.
DEADLINE_S = 120

DEVELOPMENT = {  # chain -> (symbol, decimals, prefix) of the traffic that the binary carries
    "polkadot": ("DOT", 10, 0),
    "polkadot-asset-hub": ("DOT", 10, 0),
}


def need_corpus(part):
    """Skips the test, loudly, where the recorded data is absent."""
    if (CORPUS / part).is_dir():
        return
    text = f"NOT TESTED: no recorded data at {CORPUS / part}; set SPYHOP_CORPUS"
    print(text, file=sys.stderr)
    raise unittest.SkipTest(text)


def need_node_packages():
    """The npm packages that package-lock.json pins, installed where they are not yet (`./dev test`
    has done so before, and leaves the same mark)."""
    lock, mark = HERE / "package-lock.json", HERE / "node_modules" / ".installed-from"
    if mark.is_file() and mark.read_bytes() == lock.read_bytes():
        return
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE,
                   check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    shutil.copyfile(lock, mark)


class Process:
    """A program in a process group of its own; its lines are collected as they come."""

    def __init__(self, arguments, stdout=None, environment=None, before=None):
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "SPYHOP_SOCKET")}
        env.update(environment or {})
        self.arguments = [str(a) for a in arguments]
        self.changed = threading.Condition()
        self.out, self.err = [], []
        self.child = subprocess.Popen(
            self.arguments, stdin=subprocess.DEVNULL, env=env, preexec_fn=before,
            stdout=subprocess.PIPE if stdout is None else stdout, stderr=subprocess.PIPE,
            start_new_session=True)
        streams = [(self.child.stderr, self.err)]
        if stdout is None:
            streams.append((self.child.stdout, self.out))
        self.readers = [threading.Thread(target=self._read, args=s, daemon=True) for s in streams]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, lines):
        with stream:
            for raw in stream:
                with self.changed:
                    lines.append(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
                    self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def alive(self):
        return self.child.poll() is None

    def story(self):
        text = "\n".join(self.err[-40:])
        return f"{' '.join(self.arguments)} (exit {self.child.poll()}) said:\n{text}"

    def wait_until(self, condition, what, deadline_s=DEADLINE_S):
        """Until condition() holds; it is asked again whenever a line came."""
        end = time.monotonic() + deadline_s
        with self.changed:
            while not (value := condition()):
                left = end - time.monotonic()
                ended = not any(r.is_alive() for r in self.readers) and not self.alive()
                if left <= 0 or ended:
                    if value := condition():
                        return value
                    raise AssertionError(
                        f"{'ended' if ended else 'waited too long'}: {what}\n{self.story()}")
                self.changed.wait(min(left, 0.2))
        return value

    def wait_line(self, pattern, stream="err", start=0):
        lines = getattr(self, stream)

        def found():
            for line in lines[start:]:
                if match := re.search(pattern, line):
                    return match
            return None
        return self.wait_until(found, f"no line matches {pattern!r}")

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, deadline_s=DEADLINE_S):
        """The exit code, with every line read."""
        try:
            code = self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end: {self.story()}") from None
        for reader in self.readers:
            reader.join(10)
        return code

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


class Case(unittest.TestCase):
    """A test with a folder of its own; what it started is gone when it ends."""

    maxDiff = 4000
    # Further lines of [service]; SPYHOP_ISOLATION=thread runs every test in one process.
    service_keys = f'isolation = "{os.environ.get("SPYHOP_ISOLATION", "process")}"\n'

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spyhop-e2e-"))
        self.processes = []
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.kill_all)

    def kill_all(self):
        for process in reversed(self.processes):
            process.kill()

    def start(self, *arguments, **more):
        process = Process(arguments, **more)
        self.processes.append(process)
        return process

    def spyhop(self, *arguments, **more):
        return self.start(BIN, *arguments, **more)

    def run_spyhop(self, *arguments, **more):
        """(exit code, stdout, stderr) of a command that ends by itself."""
        process = self.spyhop(*arguments, **more)
        code = process.wait()
        return code, "\n".join(process.out), "\n".join(process.err)

    def node(self, *arguments, block_time="100ms", wait=True):
        """A stand-in node with generated traffic: {chain: url}. It keeps every block, and with
        `wait` makes none before somebody follows: how long a start takes changes nothing."""
        node = self.spyhop("node", "--listen", "127.0.0.1:0", "--block-time", block_time,
                           "--history", "1000000", *(["--wait"] if wait else []), *arguments)
        node.wait_line(r"^listening on ws://", "out")
        node.wait_until(lambda: len(node.out) >= 1 + len(DEVELOPMENT), "the node's chains")
        urls = dict(re.match(r"(\S+) at (ws://\S+)", line).groups() for line in node.out[1:])
        return node, urls

    def traffic(self, last):
        """The movements of the generated traffic, {(chain, block): [movement]}, up to block `last`:
        its seed is fixed, so an undisturbed service on an undisturbed node tells them."""
        if not _traffic or max(number for _, number in _traffic) < last:
            _, urls = self.node(block_time="20ms")
            whole = {chain: (url, "start = 1000") for chain, url in urls.items()}  # the first block
            quiet = self.service(self.config(whole, follow="finalized", name="quiet.toml"))
            done = lambda: {a["chain"] for a in alerts_of(quiet)[-400:]
                            if a["block"]["number"] > last} == set(urls)
            quiet.wait_until(done, f"block {last} of each chain")
            # What was made before it listened comes from history, perhaps after the newer ones.
            quiet.wait_until(lambda: self.whole_from(1000, last), "every block before it")
            self.end(quiet)
            _traffic.update(movements(alerts_of(quiet)))
        return _traffic

    def whole_from(self, first, last):
        """The ledger of every chain is one range over these blocks."""
        code, out, err = self.run_spyhop("coverage", "-o", "json", "-s",
                                         self.folder / "admin.sock")
        self.assertEqual(code, 0, err)
        return all(any(r["from"] <= first and r["to"] >= last for r in chain["ranges"])
                   for chain in json.loads(out)["chains"])

    def assert_every_movement(self, alerts, but=()):
        """From the first block told to the one before the last, the final alerts are what happened
        on each chain, to the letter; `but`: blocks that cannot be told."""
        told = movements(a for a in alerts if a["state"] == "final")
        for chain in {chain for chain, _ in told}:
            numbers = [number for name, number in told if name == chain]
            first, last = min(numbers), max(numbers)
            traffic = self.traffic(last)
            for number in range(first, last):
                if number not in but:
                    self.assertEqual(told.get((chain, number)), traffic.get((chain, number)),
                                     f"{chain}, block {number}")

    def script(self, recording, **options):
        """The scripted peer, playing a recorded session: (process, url)."""
        need_node_packages()
        text = json.dumps({"recording": str(recording), **options})
        peer = self.start("node", HERE / "scripted_node.mjs", text)
        return peer, peer.wait_line(r"^listening on (\S+)", "out").group(1)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def config(self, chains, follow="best", assets='["*"]', levels='notable = "0"', sink="-",
               extra="", name="spyhop.toml"):
        """A configuration file; chains is {name: url or [urls]} or {name: (urls, more keys)}."""
        # A journal knows what was said before: what is to be told anew has one of its own.
        state = "state" if name == "spyhop.toml" else f"state-{name}"
        text = (f'[service]\nstate_dir = "{self.folder}/{state}"\n'
                f'socket = "{self.folder}/admin.sock"\n{self.service_keys}')
        for chain, urls in chains.items():
            more = ""
            if isinstance(urls, tuple):
                urls, more = urls
            urls = [urls] if isinstance(urls, str) else urls
            text += (f'[[chain]]\nname = "{chain}"\nendpoints = {json.dumps(urls)}\n'
                     f'follow = "{follow}"\n{more}\n')
        text += (f'[[rule]]\nname = "large-transfer"\nkind = "large_transfer"\n'
                 f'assets = {assets}\n{levels}\n[[sink]]\nkind = "ndjson"\npath = "{sink}"\n'
                 f'{extra}')
        return self.write(name, text)

    def service(self, config, **more):
        """The running service, after it said that it watches."""
        service = self.spyhop("run", "-c", config, **more)
        service.wait_line(r"is watching \d+ chains")
        return service

    def status(self, socket=None):
        code, out, err = self.run_spyhop("status", "-o", "json", "-s",
                                         socket or self.folder / "admin.sock")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def metrics(self, socket=None):
        """Metric values, by name with labels."""
        code, out, err = self.run_spyhop("metrics", "-s", socket or self.folder / "admin.sock")
        self.assertEqual(code, 0, err)
        lines = (line for line in out.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def metric_sum(self, name):
        return sum(v for k, v in self.metrics().items() if re.split(r"[{ ]", k)[0] == name)

    def end(self, process, number=signal.SIGTERM):
        process.signal(number)
        self.assertEqual(process.wait(), 0, process.story())

    def assert_none_doubled(self, alerts):
        # A retracted alert may be seen again: the states of one id are a sequence.
        last = {}
        for alert in alerts:
            if "amended" in alert:  # a further line of a state
                self.assertEqual(last.get(alert["id"]), alert["state"], alert)
                continue
            self.assertNotEqual(last.get(alert["id"]), alert["state"], alert)
            last[alert["id"]] = alert["state"]
        finals = [a["id"] for a in alerts if a["state"] == "final" and "amended" not in a]
        self.assertEqual(len(finals), len(set(finals)), "an alert was final twice")

    def assert_alert(self, line, genesis=None, prefix=None):
        """Every member of an alert line is there, of the right shape, and true; the alert."""
        alert = json.loads(line)
        check = AlertCheck(self, alert)
        check.members()
        check.values()
        if prefix is not None:
            check.addresses(prefix)
        if genesis is not None:
            self.assertEqual(alert["id"], alert_id(genesis, alert), line)
        return alert


class AlertCheck:
    def __init__(self, case, alert):
        self.case, self.alert = case, alert

    def members(self):
        case, alert = self.case, self.alert
        optional = {"from", "to", "amount", "usd", "amended"}
        order = ["id", "state", "rule", "kind", "severity", "chain", "block", "event", "extrinsic",
                 "from", "to", "asset", "amount", "amount_raw", "usd", "path", "regime", "amended",
                 "latency"]
        # What the legacy path does not know, and what it does.
        legacy = alert["path"] == "legacy"
        optional |= {"extrinsic"} if legacy else set()
        order = [k for k in order if k != "extrinsic" or legacy]
        case.assertEqual(list(alert), [k for k in order if k in alert or k not in optional])
        case.assertEqual("hash" in alert["block"], not legacy)
        case.assertEqual(list(alert["event"]),
                         ["index", "pallet", "name"] + ([] if legacy else ["phase"]))
        case.assertEqual(list(alert["regime"]), ["epoch", "hybrid_traffic_percent"])
        case.assertIn("received_to_emitted_ns", alert["latency"])
        for party in {"from", "to"} & set(alert):
            case.assertEqual(list(alert[party])[:2], ["address", "public_key"])

    def values(self):
        case, alert = self.case, self.alert
        case.assertRegex(alert["id"], r"^[0-9a-f]{32}$")
        case.assertIn(alert["state"], ("seen", "final", "retracted"))
        case.assertEqual(alert["kind"], "large_transfer")
        case.assertIn(alert["severity"], ("notable", "important", "critical"))
        case.assertIsInstance(alert["block"]["number"], int)
        legacy = alert["path"] == "legacy"
        if not legacy:
            case.assertRegex(alert["block"]["hash"], r"^0x[0-9a-f]{64}$")
            case.assertRegex(json.dumps(alert["event"]["phase"]),
                             r'^("Initialization"|"Finalization"|\{"ApplyExtrinsic": \d+\})$')
        if "timestamp" in alert["block"]:
            case.assertRegex(alert["block"]["timestamp"],
                             r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            case.assertIsInstance(alert["latency"]["block_to_emitted_ms"], int)
        case.assertIsInstance(alert["event"]["index"], int)
        case.assertRegex(alert["amount_raw"], r"^\d+$")
        if "amount" in alert:
            case.assertEqual(alert["amount"],
                             tokens(int(alert["amount_raw"]), alert["asset"]["decimals"]))
        case.assertIn(alert["path"], ("hybrid", "legacy"))
        case.assertIsInstance(alert["regime"]["epoch"], int)
        case.assertGreaterEqual(alert["latency"]["received_to_emitted_ns"], 0)

    def addresses(self, prefix):
        for party in {"from", "to"} & set(self.alert):
            key = bytes.fromhex(self.alert[party]["public_key"][2:])
            expected = ss58(key, prefix) if len(key) == 32 else "0x" + key.hex()
            self.case.assertEqual(self.alert[party]["address"], expected)


_traffic = {}


def movements(alerts):
    """{(chain, block): [(event index, from, to, amount)]}"""
    found = {}
    for alert in alerts:
        if "amended" in alert:  # said before
            continue
        found.setdefault((alert["chain"], alert["block"]["number"]), []).append(
            (alert["event"]["index"], alert["from"]["public_key"], alert["to"]["public_key"],
             alert["amount_raw"]))
    return {where: sorted(moved) for where, moved in found.items()}


def alerts_of(process):
    return [json.loads(line) for line in list(process.out)]


def main():
    if not pathlib.Path(BIN).is_file():
        sys.exit(f"SPYHOP_BIN names no file: {BIN}")
    unittest.main(verbosity=2)
