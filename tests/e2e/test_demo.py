"""`spyhop demo`: generated traffic, and the recorded real blocks."""

import json
import re
import signal
import unittest

from harness import CORPUS, DEVELOPMENT, Case, alerts_of, main, need_corpus


def socket_of(demo):
    return demo.wait_line(r"spyhop status -s (\S+)").group(1)


class Demo(Case):
    def test_generated_traffic_becomes_alerts_that_are_true(self):
        demo = self.spyhop("demo", "--block-time", "200ms")
        socket = socket_of(demo)

        def enough():
            states = [(a["chain"], a["state"]) for a in alerts_of(demo)]
            return all(states.count((chain, "final")) >= 3 for chain in DEVELOPMENT)
        demo.wait_until(enough, "three final alerts of each chain")
        chains = {chain["name"]: chain for chain in self.status(socket)["chains"]}
        self.assertEqual(set(chains), set(DEVELOPMENT))
        self.end(demo, signal.SIGINT)
        alerts = []
        for line in demo.out:
            chain = json.loads(line)["chain"]
            symbol, decimals, prefix = DEVELOPMENT[chain]
            alert = self.assert_alert(line, chains[chain]["genesis"], prefix)
            self.assertEqual(alert["asset"], {"symbol": symbol, "decimals": decimals})
            self.assertGreaterEqual(int(alert["amount_raw"]), 10_000 * 10**decimals)
            for level, name in ((10**6, "critical"), (10**5, "important"), (10**4, "notable")):
                if int(alert["amount_raw"]) >= level * 10**decimals:
                    self.assertEqual(alert["severity"], name)
                    break
            alerts.append(alert)
        self.assert_none_doubled(alerts)
        self.assertIn("every alert made is written", "\n".join(demo.err))

    def test_both_paths_speak_and_names_and_prices_come(self):
        demo = self.spyhop("demo", "--block-time", "200ms")
        socket = socket_of(demo)

        def enough():
            alerts = alerts_of(demo)
            return ({a["path"] for a in alerts} == {"hybrid", "legacy"}
                    and any("usd" in a for a in alerts) and any("amended" in a for a in alerts)
                    and any("label_source" in a.get("from", {}) for a in alerts))
        demo.wait_until(enough, "both paths, a price, a name, an amendment")
        status = self.status(socket)
        self.assertEqual({c["legacy"]["state"] for c in status["chains"]}, {"polling"})
        self.assertGreater(status["subscan"]["used_24h"], 0)
        self.end(demo, signal.SIGINT)
        self.assert_none_doubled(alerts_of(demo))

    def test_a_second_demo_at_the_same_time_works(self):
        demos = [self.spyhop("demo", "--block-time", "200ms") for _ in range(2)]
        for demo in demos:
            demo.wait_until(lambda: len(demo.out) >= 4, "four alerts")
        for demo in demos:
            self.end(demo, signal.SIGINT)

    def test_two_demos_of_one_seed_carry_the_same_events(self):
        told = []
        for _ in range(2):
            demo = self.spyhop("demo", "--block-time", "100ms", "--seed", "7")
            finals = lambda: [a for a in alerts_of(demo)
                              if a["state"] == "final" and a["path"] == "hybrid"]
            demo.wait_until(lambda: {a["chain"] for a in finals() if a["block"]["number"] > 1010}
                            == set(DEVELOPMENT), "ten final blocks of each chain")
            self.end(demo)
            told.append({(a["chain"], a["block"]["number"], a["event"]["index"],
                          a["from"]["public_key"], a["to"]["public_key"], a["amount_raw"])
                         for a in finals() if a["block"]["number"] <= 1010})
        self.assertEqual(told[0], told[1])
        self.assertEqual({chain for chain, *_ in told[0]}, set(DEVELOPMENT))

    def test_a_corpus_that_is_not_there_is_named(self):
        code, out, err = self.run_spyhop("demo", "--corpus", self.folder / "nowhere")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("nowhere", err)


class RecordedBlocks(Case):
    """The transfers listed beside the recorded blocks, and nothing else, are told."""

    def wanted(self):
        transfers, hashes = {}, {}
        for path in sorted((CORPUS / "events").glob("*.json")):
            block = json.loads(path.read_text(encoding="utf-8"))
            if (CORPUS / "blocks" / path.name).is_file():
                hashes[block["chain"], block["blockNumber"]] = block["blockHash"]
            for transfer in block["transfers"]:
                if transfer["pallet"] == "Currencies":  # the same movement, said again
                    continue
                where = (block["chain"], block["blockNumber"], transfer["eventIndex"])
                transfers[where] = transfer
        return transfers, hashes

    def prefixes(self):
        index = json.loads((CORPUS / "INDEX.json").read_text(encoding="utf-8"))
        return {m["chain"]: m["ss58Prefix"] for m in index["metadata"] if "ss58Prefix" in m}

    def test_every_recorded_transfer_is_told_once(self):
        need_corpus("events")
        transfers, hashes = self.wanted()
        demo = self.spyhop("demo", "--corpus", CORPUS, "--block-time", "100ms")
        self.assertEqual(demo.wait(), 0, demo.story())
        self.assertGreater(len(transfers), 50)
        prefixes = self.prefixes()
        final = {}
        for line in demo.out:
            chain = json.loads(line)["chain"]
            alert = self.assert_alert(line, prefix=prefixes.get(chain))
            where = (chain, alert["block"]["number"], alert["event"]["index"])
            if alert["state"] == "final":
                self.assertNotIn(where, final, "told twice")
                final[where] = alert
        self.assert_none_doubled(alerts_of(demo))
        self.assertEqual(set(final), set(transfers))
        for where, transfer in transfers.items():
            self.assert_same(final[where], transfer)
            if where[:2] in hashes:
                self.assertEqual(final[where]["block"]["hash"], hashes[where[:2]])
        print(f"{len(final)} recorded transfers told, "
              f"{sum(1 for w in final if w[:2] in hashes)} of them in blocks with a real header")

    def assert_same(self, alert, transfer):
        self.assertEqual(alert["from"]["public_key"], transfer["from"])
        self.assertEqual(alert["to"]["public_key"], transfer["to"])
        self.assertEqual(alert["amount_raw"], transfer["amount"])
        self.assertEqual((alert["event"]["pallet"], alert["event"]["name"]),
                         (transfer["pallet"], transfer["event"]))
        if transfer["extrinsicIndex"] is not None:
            self.assertEqual(alert["event"]["phase"],
                             {"ApplyExtrinsic": transfer["extrinsicIndex"]})
        if transfer.get("assetId") is not None:
            shown = alert["asset"]["id"]
            expected = transfer["assetId"]
            text = expected if isinstance(expected, str) else json.dumps(
                expected, separators=(",", ":"), ensure_ascii=False)
            # What is too long for a record is cut, and says so by not being whole JSON.
            self.assertTrue(shown == text or re.escape(text).startswith(re.escape(shown[:-3])),
                            f"{shown} is not {text}")


if __name__ == "__main__":
    main()
