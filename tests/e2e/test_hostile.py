"""Nodes that misbehave: the service lives on, later alerts come, none is doubled, and what happened
is said and counted."""

import json
import re
import unittest

from harness import CORPUS, Case, alerts_of, main, need_corpus

# kind of fault -> (what a person reads, a metric that rises)
FAULTS = {
    "close": (r"clos", "spyhop_source_disconnects_total"),
    "reset": (r"reset|clos|ended|gone", "spyhop_source_disconnects_total"),
    "malformed_json": (r"JSON", "spyhop_source_malformed_total"),
    "oversize_frame": (r"larger|too (large|long|big)|limit|at most|bytes", None),
    "truncated_frame": (r"clos|reset|ended|frame", "spyhop_source_disconnects_total"),
    "invalid_utf8": (r"UTF-8", None),
    "error_reply": (None, None),
    "garbage_events": (r"decode_incomplete", "spyhop_decode_incomplete_blocks_total"),
    "skip_finality": (None, None),
    "fork": (None, None),
}


def followed(service):
    """The blocks from which the service began to follow, one a connection."""
    return [int(n) for n in re.findall(r"following from block (\d+)", "\n".join(service.err))]


class Scenarios(Case):
    """Each fault of `spyhop node --scenario`."""

    def play(self, kind, count=None):
        text = f'[[fault]]\nat_block = 8\nkind = "{kind}"\n'
        text += f"count = {count}\n" if count else ""
        node, urls = self.node("--scenario", self.write("scenario.toml", text),
                               block_time="150ms")
        chain = "polkadot"
        service = self.service(self.config({chain: urls[chain]}))
        first = service.wait_until(
            lambda: [a["block"]["number"] for a in alerts_of(service)][:1], "the first alert")[0]
        service.wait_until(
            lambda: sum(a["state"] == "final" and a["block"]["number"] > first + 25
                        for a in alerts_of(service)) >= 5, "alerts well after the fault")
        words, metric = FAULTS[kind]
        if words:
            service.wait_line(words)
        if metric:
            self.assertGreaterEqual(self.metric_sum(metric), 1, metric)
        self.assertTrue(service.alive() and node.alive())
        self.end(service)
        alerts = alerts_of(service)
        self.assert_none_doubled(alerts)
        return service, alerts, first

    def test_close(self):
        self.assert_every_movement(self.play("close")[1])

    def test_reset(self):
        self.assert_every_movement(self.play("reset")[1])

    def test_malformed_json(self):
        self.assert_every_movement(self.play("malformed_json")[1])

    def test_oversize_frame(self):
        self.assert_every_movement(self.play("oversize_frame")[1])

    def test_truncated_frame(self):
        self.assert_every_movement(self.play("truncated_frame")[1])

    def test_invalid_utf8(self):
        self.assert_every_movement(self.play("invalid_utf8")[1])

    def test_error_reply(self):
        self.assert_every_movement(self.play("error_reply", 5)[1])

    def test_skipped_finality(self):
        self.assert_every_movement(self.play("skip_finality", 4)[1])

    def test_garbage_events_are_reported_and_the_chain_goes_on(self):
        service, alerts, _ = self.play("garbage_events")
        line = service.wait_line(r".*decode_incomplete.*").group(0)
        self.assertRegex(line, r"polkadot")
        self.assertRegex(line, r"byte|offset")
        garbled = int(re.search(r"block (\d+)", line).group(1))
        self.assertNotIn(garbled, {a["block"]["number"] for a in alerts})
        self.assert_every_movement(alerts, but={garbled})
        letters = list((self.folder / "state" / "dead-letters").glob(f"polkadot-{garbled}-*.json"))
        self.assertEqual(len(letters), 1)
        letter = json.loads(letters[0].read_text())
        self.assertEqual(letter["block"]["number"], garbled)
        self.assertIn(letter["fault"], line)
        # The metadata lies beside it, so the letter alone is enough.
        code, out, err = self.run_spyhop("decode", "events", "--input", letters[0])
        self.assertEqual(code, 1)
        for place in re.findall(r"at byte \d+|in event \d+", letter["fault"]):
            self.assertIn(place, err)
        self.assertEqual(len(out.splitlines()), letter["events_read"])

    def test_a_fork_retracts_what_it_abandons(self):
        _, alerts, _ = self.play("fork", 2)
        self.assertTrue([a for a in alerts if a["state"] == "retracted"])
        last = {}
        for alert in alerts:
            if alert["state"] == "retracted":
                self.assertEqual(last.get(alert["id"]), "seen")
            last[alert["id"]] = alert["state"]
        self.assert_every_movement(alerts)
        hashes = {}
        for alert in alerts:
            if alert["state"] == "final":
                hashes.setdefault(alert["block"]["number"], set()).add(alert["block"]["hash"])
        self.assertTrue(all(len(h) == 1 for h in hashes.values()), "two final blocks of a height")

    def test_a_node_that_turns_into_another_chain_is_left_until_it_is_itself_again(self):
        scenario = self.write("scenario.toml",
                              '[[fault]]\nat_block = 8\nkind = "wrong_genesis"\ncount = 10\n')
        _, urls = self.node("--scenario", scenario, block_time="150ms")
        service = self.service(self.config({"polkadot": urls["polkadot"]}))
        service.wait_line(r"serves another chain: its genesis is 0x[0-9a-f]{64}")
        service.wait_until(lambda: len(followed(service)) == 2, "the node to be itself again")
        # Finality is told in order, so what was seen after the return and is final now says that
        # everything before it has been told.
        back = followed(service)[-1]
        seen = lambda state: {a["id"] for a in alerts_of(service)
                              if a["state"] == state and a["block"]["number"] > back}
        service.wait_until(lambda: seen("seen") & seen("final"), "final alerts when it is back")
        self.assertGreaterEqual(self.metric_sum("spyhop_source_wrong_genesis_total"), 1)
        self.end(service)
        self.assert_none_doubled(alerts_of(service))
        self.assert_every_movement(alerts_of(service))

    def test_a_scenario_with_a_fault_in_it_is_refused_with_its_place(self):
        scenario = self.write("scenario.toml", '[[fault]]\nkind = "explode"\n')
        code, _, err = self.run_spyhop("node", "--listen", "127.0.0.1:0", "--scenario", scenario)
        self.assertEqual(code, 1)
        self.assertIn(f"{scenario}:2:8: unknown kind of fault", err)


class Recorded(Case):
    """A recorded session with faults in it: all of its transfers are told nevertheless."""

    NAME = "kusama-1000000"

    def play(self, *kinds, count=None, spoiled=0, **options):
        need_corpus("rpc")
        truth = json.loads((CORPUS / "rpc" / f"{self.NAME}.truth.json").read_text())
        transfers = {(b["number"], t["eventIndex"]) for b in truth["blocks"]
                     for t in b["transfers"]}
        faults = [{"at": 5 + 3 * i, "kind": kind} for i, kind in enumerate(kinds)]
        peer, url = self.script(CORPUS / "rpc" / f"{self.NAME}.jsonl", faults=faults, **options)
        service = self.service(self.config({self.NAME: url}))
        peer.wait_line(r"^the recording is over", "out")
        wanted = len(transfers) if count is None else count
        finals = lambda: {(a["block"]["number"], a["event"]["index"])
                          for a in alerts_of(service) if a["state"] == "final"}
        service.wait_until(lambda: len(finals()) >= wanted, f"{wanted} final alerts")
        self.assertEqual(sum(line.startswith("fault ") for line in peer.out), len(kinds))
        return peer, service, transfers, finals

    def finish(self, service):
        self.assertTrue(service.alive())
        self.end(service)
        self.assert_none_doubled(alerts_of(service))

    def survives(self, kind, words=None):
        _, service, transfers, finals = self.play(kind)
        self.assertEqual(finals(), transfers)
        if words:
            service.wait_line(words)
        self.finish(service)
        return service

    def test_close(self):
        self.survives("close", r"clos")

    def test_reset(self):
        self.survives("reset")

    def test_malformed_json(self):
        self.survives("malformed_json", r"JSON")

    def test_json_that_is_no_envelope(self):
        self.survives("not_an_envelope")

    def test_json_nested_too_deep(self):
        self.survives("deep_json")

    def test_binary_message(self):
        self.survives("binary")

    def test_notice_of_an_unknown_subscription(self):
        self.survives("unknown_subscription")

    def test_reply_to_nothing_asked(self):
        self.survives("unknown_reply")

    def test_oversize_frame(self):
        self.survives("oversize_frame")

    def test_truncated_frame(self):
        self.survives("truncated_frame")

    def test_invalid_utf8(self):
        self.survives("invalid_utf8", r"UTF-8")

    def test_masked_frame_from_a_server(self):
        self.survives("masked_frame")

    def test_reserved_opcode(self):
        self.survives("reserved_opcode")

    def test_error_replies(self):
        self.survives("error_reply")

    def test_one_fault_after_the_other(self):
        _, service, transfers, finals = self.play("malformed_json", "invalid_utf8", "close",
                                                  "reset", "truncated_frame")
        self.assertEqual(finals(), transfers)
        self.finish(service)

    def spoiled(self, kind, words):
        _, service, transfers, finals = self.play(kind, count=1)
        service.wait_line(words)
        left = lambda: {block for block, _ in transfers} - {block for block, _ in finals()}
        service.wait_until(lambda: len(left()) <= 1, "every block but one")
        self.finish(service)
        self.assertEqual(len(left()), 1, "exactly the spoiled block tells nothing")
        return service

    def test_garbage_events(self):
        self.spoiled("garbage_events", r"decode_incomplete")

    def test_events_that_are_no_hex(self):
        self.spoiled("events_no_hex", r"cannot be read")

    def test_a_node_without_runtime_version_subscriptions(self):
        need_corpus("rpc")
        _, url = self.script(CORPUS / "rpc" / f"{self.NAME}.jsonl",
                             no_methods=["state_subscribeRuntimeVersion"])
        service = self.service(self.config({self.NAME: url}))
        service.wait_until(lambda: alerts_of(service), "an alert")
        self.finish(service)

    def test_a_wrong_genesis_on_the_second_endpoint(self):
        need_corpus("rpc")
        recording = CORPUS / "rpc" / f"{self.NAME}.jsonl"
        first, good = self.script(recording, faults=[{"at": 6, "kind": "close"}])
        second, bad = self.script(recording, genesis="0x" + "17" * 32)
        service = self.service(self.config({self.NAME: [good, bad]}))
        service.wait_line(r"another chain.*0x1717")
        second.wait_line(r"^disconnection", "out")
        first.wait_line(r"^the recording is over", "out")
        truth = json.loads((CORPUS / "rpc" / f"{self.NAME}.truth.json").read_text())
        wanted = sum(len(b["transfers"]) for b in truth["blocks"])
        service.wait_until(
            lambda: sum(a["state"] == "final" for a in alerts_of(service)) >= wanted, "every final")
        self.finish(service)


if __name__ == "__main__":
    main()
