"""kill -9, again and again, while a busy chain forks and finality skips heights: in the end the
stream, the journal and the ledger agree with what @polkadot/api reads from the node.

SPYHOP_KILLS says how many kills (200); SPYHOP_SEED repeats a run.
"""

import json
import os
import random
import sqlite3
import subprocess
import time
import unittest

from harness import HERE, Case, main, need_node_packages

KILLS = int(os.environ.get("SPYHOP_KILLS", "200"))
SEED = int(os.environ.get("SPYHOP_SEED", str(random.SystemRandom().randrange(1 << 32))))
FIRST = 1001  # the block behind the one the node begins with


def scenario(random_source):
    """Forks and skipped heights all along. (Each kill breaks the connection.)"""
    text, block = "", 5
    while block < 20_000:
        kind = random_source.choice(["fork", "fork", "skip_finality"])
        count = random_source.randrange(1, 4)
        text += f'[[fault]]\nat_block = {block}\nkind = "{kind}"\ncount = {count}\n'
        block += random_source.randrange(8, 40)
    return text


class Kill(Case):
    def test_nothing_is_lost_doubled_or_wrong(self):
        need_node_packages()
        chance = random.Random(SEED)
        print(f"{KILLS} kills, SPYHOP_SEED={SEED}")
        faults = self.write("faults.toml", scenario(chance))
        node = self.spyhop("node", "--listen", "127.0.0.1:0", "--block-time", "40ms",
                           "--history", "200000", "--scenario", faults)
        url = node.wait_line(r"^polkadot at (ws://\S+)", "out").group(1)
        self.stream = self.folder / "alerts.ndjson"
        config = self.config({"polkadot": (url, f"start = {FIRST}")}, sink=str(self.stream))

        begun = time.monotonic()
        service = self.service(config)
        service.wait_line(r"following from block")
        life = 2 * (time.monotonic() - begun) + 0.2  # slow builds live longer
        for _ in range(KILLS):
            try:
                code = service.child.wait(chance.uniform(0, life))
                self.fail(f"ended by itself with {code}: {service.story()}")
            except subprocess.TimeoutExpired:
                service.kill()
            self.processes.remove(service)
            service = self.spyhop("run", "-c", config)

        service.wait_line(r"following from block")
        last = service.wait_until(lambda: self.status()["chains"][0]["best"], "a best block")
        service.wait_until(lambda: self.covered(last), f"everything up to {last} is final")
        truth = self.truth(url, last)
        self.end(service)
        self.assert_agrees_with(truth, last)
        self.assert_journal_is_the_stream()

    def covered(self, last):
        code, out, err = self.run_spyhop("coverage", "-o", "json", "-s",
                                         self.folder / "admin.sock")
        self.assertEqual(code, 0, err)
        chain = json.loads(out)["chains"][0]
        return (not chain["holes"] and len(chain["ranges"]) == 1
                and chain["ranges"][0]["from"] == FIRST and chain["ranges"][0]["to"] >= last)

    def truth(self, url, last):
        peer = self.start("node", HERE / "node_truth.mjs", url, FIRST, last)
        # It asks for each block; a machine that is busy has made thousands meanwhile.
        self.assertEqual(peer.wait(900), 0, peer.story())
        lines = [json.loads(line) for line in peer.out if line.startswith("{")]
        self.assertEqual(lines.pop(), {"blocks": last - FIRST + 1})
        return sorted((t["block"], t["hash"], t["index"], t["from"], t["to"], t["amount"])
                      for t in lines)

    def assert_agrees_with(self, truth, last):
        alerts = [json.loads(line) for line in self.stream.read_text().splitlines()]
        self.assert_none_doubled(alerts)
        alerts = [a for a in alerts if a["block"]["number"] <= last]
        final = sorted((a["block"]["number"], a["block"]["hash"], a["event"]["index"],
                        a["from"]["public_key"], a["to"]["public_key"], a["amount_raw"])
                       for a in alerts if a["state"] == "final")
        self.assertEqual(len(final), len(set(final)))
        missing, extra = set(truth) - set(final), set(final) - set(truth)
        self.assertEqual((sorted(missing)[:5], sorted(extra)[:5]), ([], []))
        ended = {}
        for alert in alerts:
            ended[alert["id"]] = alert["state"]
        still_open = [i for i, state in ended.items() if state == "seen"]
        self.assertEqual(still_open[:5], [])
        states = [alert["state"] for alert in alerts]
        print(f"{last - FIRST + 1} blocks, {len(truth)} transfers: {states.count('seen')} seen, "
              f"{len(final)} final, {states.count('retracted')} retracted; 0 missing, 0 double")
        self.assertGreater(states.count("retracted"), 0, "no fork was met: the test is too mild")

    def assert_journal_is_the_stream(self):
        with sqlite3.connect(self.folder / "state" / "alerts.db") as journal:
            rows = [line for line, in journal.execute("SELECT line FROM alerts ORDER BY seq")]
        self.assertEqual(self.stream.read_text().splitlines(), rows)


if __name__ == "__main__":
    main()
