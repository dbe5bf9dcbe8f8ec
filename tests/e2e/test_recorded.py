"""The recorded RPC sessions, frame by frame through `spyhop run`: the alerts are the transfers that
@polkadot/api decoded from the same blocks."""

import json
import unittest

from harness import CORPUS, Case, alerts_of, main, need_corpus


class RecordedSession(Case):
    def replay(self, name, follow):
        need_corpus("rpc")
        truth = json.loads((CORPUS / "rpc" / f"{name}.truth.json").read_text(encoding="utf-8"))
        wanted = {(block["number"], t["eventIndex"]): (block["hash"], t)
                  for block in truth["blocks"] for t in block["transfers"]}
        peer, url = self.script(CORPUS / "rpc" / f"{name}.jsonl")
        service = self.service(self.config({name: url}, follow=follow))
        peer.wait_line(r"^the recording is over", "out")
        service.wait_until(
            lambda: sum(a["state"] == "final" for a in alerts_of(service)) >= len(wanted),
            f"{len(wanted)} final alerts")
        chain = self.status()["chains"][0]
        self.assertEqual([chain[k] for k in ("genesis", "symbol", "decimals")],
                         [truth[k] for k in ("genesis", "symbol", "decimals")])
        self.end(service)
        final = {}
        for line in service.out:
            alert = self.assert_alert(line, truth["genesis"], truth["ss58"])
            self.assertEqual(alert["asset"],
                             {"symbol": truth["symbol"], "decimals": truth["decimals"]})
            where = (alert["block"]["number"], alert["event"]["index"])
            block_hash, transfer = wanted[where]
            self.assertEqual(alert["block"]["hash"], block_hash)
            self.assertEqual((alert["from"]["address"], alert["to"]["address"],
                              alert["amount_raw"]),
                             (transfer["from"], transfer["to"], transfer["amount"]))
            self.assertNotEqual(alert["state"], "retracted")
            if alert["state"] == "final":
                final[where] = alert
        self.assertEqual(set(final), set(wanted))
        self.assert_none_doubled(alerts_of(service))
        if follow == "finalized":
            self.assertTrue(all(a["state"] == "final" for a in alerts_of(service)))

    def test_kusama(self):
        self.replay("kusama-1000000", "best")

    def test_kusama_finalized_only(self):
        self.replay("kusama-1000000", "finalized")

    def test_bittensor(self):
        self.replay("bittensor-218", "best")

    def test_bittensor_finalized_only(self):
        self.replay("bittensor-218", "finalized")


if __name__ == "__main__":
    main()
