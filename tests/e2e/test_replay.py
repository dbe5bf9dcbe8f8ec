"""`spyhop record` and `spyhop replay`: what was recorded of a chain replays to the alerts that the
service told of it, and the same alerts whoever plays the recording."""

import json
import signal
import unittest

from harness import Case, alerts_of, main

CHAIN = "polkadot"
FIRST, LAST = 1001, 1040

SPREAD = """[[rule]]
name = "spread"
kind = "dispersion"
window = "1h"
counterparties = 3
effective = 2.0
sum = "0.0000000001"
cooldown = "24h"
exchanges = true
"""


def told(line):
    """What an alert says, without what depends on how and when it was heard of."""
    alert = json.loads(line) if isinstance(line, str) else line
    return {key: alert[key] for key in alert if key not in ("latency", "regime", "amended")}


class Replay(Case):
    def replay(self, config, capture, *more):
        code, out, err = self.run_spyhop("replay", "-c", config, "--capture", capture, *more)
        self.assertEqual(code, 0, err)
        return out

    def record(self, config, name, *more):
        path = self.folder / name
        code, out, err = self.run_spyhop("record", "-c", config, "--out", path, *more)
        self.assertEqual(out, "", err)
        return code, path, err

    def recorded(self, **more):
        """The service's alerts of a generated chain, its configuration, and a recording of it."""
        _, urls = self.node(block_time="50ms")
        config = self.config({CHAIN: (urls[CHAIN], "start = 1000")}, follow="finalized",
                             assets='["native"]', **more)
        service = self.service(config)
        service.wait_until(lambda: any(a["block"]["number"] > LAST + 1 for a in alerts_of(service)),
                           f"block {LAST} has been told")
        self.end(service)
        code, capture, err = self.record(config, "first.cap", "--from", FIRST, "--to", LAST)
        self.assertEqual(code, 0, err)
        self.assertIn(f"{LAST - FIRST + 1} blocks, to block {LAST}", err)
        return alerts_of(service), config, capture

    def test_a_recording_replays_to_what_the_service_told(self):
        alerts, config, capture = self.recorded(levels='notable = "0"\nimportant = "5000"')
        lines = self.replay(config, capture).splitlines()
        service = {a["id"]: told(a) for a in alerts if FIRST <= a["block"]["number"] <= LAST}
        self.assertGreater(len(service), 40)
        self.assertEqual({json.loads(line)["id"]: told(line) for line in lines}, service)
        self.assertEqual(len(lines), len(service))
        for line in lines:
            self.assertEqual(json.loads(line)["latency"],
                             {"received_to_emitted_ns": 0, "block_to_emitted_ms": 0})
        self.assertEqual(self.replay(config, capture).splitlines(), lines)

    def test_a_recording_that_is_played_and_recorded_again_replays_the_same(self):
        _, config, capture = self.recorded(extra=SPREAD)
        first = self.replay(config, capture)
        self.assertIn('"rule":"spread"', first)
        node = self.spyhop("node", "--listen", "127.0.0.1:0", "--block-time", "20ms",
                           "--capture", capture)
        url = node.wait_line(r"^listening on (ws://\S+)", "out").group(1)
        again = self.config({CHAIN: url}, assets='["native"]', extra=SPREAD, name="again.toml")
        code, copy, err = self.record(again, "second.cap", "--from", FIRST, "--to", LAST)
        self.assertEqual(code, 0, err)
        self.assertEqual(self.replay(again, copy), first)
        self.assertEqual(copy.read_bytes(), capture.read_bytes())

    def test_a_recording_that_is_stopped_is_shorter_and_whole(self):
        _, urls = self.node(block_time="50ms")
        config = self.config({CHAIN: urls[CHAIN]}, assets='["native"]')
        path = self.folder / "stopped.cap"
        recording = self.spyhop("record", "-c", config, "--out", path)
        recording.wait_line(r"^recorded \d+ blocks")
        self.assertFalse(path.exists())
        recording.signal(signal.SIGINT)
        self.assertEqual(recording.wait(), 0)
        self.assertIn('"state":"final"', self.replay(config, path))
        before = path.read_bytes()
        code, _, err = self.record(config, "stopped.cap", "--blocks", 5)
        self.assertEqual(code, 4, err)
        self.assertIn("--force", err)
        self.assertEqual(path.read_bytes(), before)
        code, _, err = self.record(config, "stopped.cap", "--blocks", 5, "--force")
        self.assertEqual(code, 0, err)
        self.assertIn("5 blocks", err)
        self.assertNotEqual(path.read_bytes(), before)

    def test_a_difference_is_counted_and_named(self):
        _, config, capture = self.recorded()
        other = self.config({CHAIN: "ws://127.0.0.1:1"}, assets='["native"]',
                            levels='notable = "100"', name="other.toml")
        lines = [json.loads(line) for line in self.replay(config, capture).splitlines()]
        small = sum(float(a["amount"]) < 100 for a in lines)
        self.assertTrue(0 < small < len(lines))
        out = self.replay(config, capture, "--diff", other, "-o", "json")
        difference = json.loads(out)
        self.assertEqual(difference["counts"], {"added": 0, "dropped": small, "changed": 0,
                                                "same": len(lines) - small})
        self.assertEqual(difference["rules"][0]["keys"],
                         [{"key": "notable", "before": '"0"', "after": '"100"'}])
        self.assertIn(f"0 added, {small} dropped, 0 changed", self.replay(
            config, capture, "--diff", other))

    def test_a_node_that_is_not_there(self):
        config = self.config({CHAIN: "ws://127.0.0.1:1"})
        code, path, err = self.record(config, "none.cap", "--blocks", 5)
        self.assertEqual(code, 3, err)
        self.assertIn("127.0.0.1:1", err)
        self.assertFalse(path.exists())


class Words(Case):
    def test_a_word_that_is_nearly_a_command(self):
        for words, near in ((("rule", "lst"), "rule list"), (("bench", "latecy"), "bench latency"),
                            (("flag", "st", "a"), "flag set"), (("replya",), "replay")):
            code, out, err = self.run_spyhop(*words)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn(f"did you mean {near}?", err)


if __name__ == "__main__":
    main()
