"""A storm of switches and kills while both paths speak: every alert once, none lost.

SPYHOP_SWITCHES says how many (2000: each is on disk before it is answered); SPYHOP_SEED repeats a
run.
"""

import json
import os
import random
import socket

from harness import main
from subscan_peer import KEY
from two_paths import TwoPaths

SWITCHES = int(os.environ.get("SPYHOP_SWITCHES", "2000"))
LIVES = 4
# Spread over many blocks, or within one: a life that ends before anything is final.
SWITCHES_A_BLOCK = (25, SWITCHES)


class Operator:
    """The admin socket, one request after the other."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile()

    def close(self):
        self.lines.close()
        self.socket.close()

    def ask(self, *words, **args):
        self.socket.sendall(json.dumps({"command": list(words), "args": args}).encode() + b"\n")
        return json.loads(self.lines.readline())


class Storm(TwoPaths):
    def test_a_storm_of_switches_and_kills_loses_and_doubles_nothing(self):
        seed = int(os.environ.get("SPYHOP_SEED", random.SystemRandom().randrange(1 << 30)))
        print("seed", seed)
        dice = random.Random(seed)
        stream = self.folder / "alerts.ndjson"
        service = self.both(flags="hybrid_traffic_percent = 50",
                            extra='[routing]\nhybrid_patience = "1s"\n',
                            sink=str(stream), wait=False)
        lines = lambda: [line for line in stream.read_text().splitlines(True)
                         if line.endswith("\n")] if stream.exists() else []
        # From where both paths are there on, nothing may lack: so both have to have been.
        heard = lambda: {a["chain"] for a in map(json.loads, lines()) if a["path"] == "legacy"}
        chains = {chain["name"] for chain in self.status()["chains"]}
        service.wait_until(lambda: heard() == chains, "a word of legacy's on each chain")
        obeyed, self.killed_at = [], []
        for life in range(LIVES):
            operator = Operator(self.folder / "admin.sock")
            pace = SWITCHES_A_BLOCK[(life + seed) % len(SWITCHES_A_BLOCK)]
            for turn in range(SWITCHES // LIVES):
                if turn % pace == 0:
                    best = operator.ask("status")["chains"][0]["best"]
                    service.wait_until(
                        lambda: operator.ask("status")["chains"][0]["best"] > best, "a block")
                throw = dice.random()
                if throw < 0.1:
                    answer = operator.ask("rollback", reason="storm")
                elif throw < 0.3:
                    answer = operator.ask("unlock", reason="storm")
                else:
                    answer = operator.ask("flag", "set", "hybrid_traffic_percent",
                                          str(dice.choice([0, 1, 35, 50, 100])))
                if answer["ok"]:
                    obeyed.append(answer["stored_to_obeyed_us"])
                else:
                    self.assertEqual(answer["code"], 4, answer)  # locked
            operator.close()
            if life + 1 < LIVES:
                self.killed_at.append((self.status()["chains"][0]["best"],
                                       self.status()["chains"][0]["legacy"]["settled"]))
                service.kill()
                service = self.service(self.folder / "spyhop.toml", environment={"MADE_UP": KEY})
        highest = lambda: max((json.loads(line)["block"]["number"] for line in lines()), default=0)
        operator = Operator(self.folder / "admin.sock")
        operator.ask("unlock", reason="the end")
        operator.ask("flag", "set", "hybrid_traffic_percent", "100")
        operator.close()
        aim = highest() + 30
        service.wait_until(lambda: highest() >= aim, "some more blocks")
        self.end(service)
        obeyed.sort()
        print(f"{len(obeyed)} changes obeyed, p50 {obeyed[len(obeyed) // 2]} us, "
              f"p99 {obeyed[len(obeyed) * 99 // 100]} us")
        told = [json.loads(line) for line in lines()]
        self.assert_none_doubled(told)
        self.assertEqual({a["path"] for a in told}, {"legacy", "hybrid"})
        self.compare(told, aim - 12)

    def compare(self, told, last):
        """With what an undisturbed service on the node alone tells of the same traffic."""
        _, urls = self.node(block_time="20ms")
        quiet = self.service(self.config(
            {name: (url, "start = 1000") for name, url in urls.items()}, follow="finalized",
            assets='["native"]', levels='notable = "100"', name="quiet.toml"))
        reached = lambda: {a["chain"] for a in map(json.loads, quiet.out[-400:])
                           if a["block"]["number"] > last} == {a["chain"] for a in told}
        quiet.wait_until(reached, f"block {last} of each chain")
        self.end(quiet)
        key = lambda a: (a["chain"], a["block"]["number"], a["event"]["index"], a["amount_raw"])
        finals = {key(a) for a in told if a["state"] == "final"}
        # Each path begins at the head it sees first; from where both are there nothing may lack.
        chains = {chain for chain, *_ in finals}
        first = {chain: min(a["block"]["number"] for a in told
                            if a["chain"] == chain and a["path"] == "legacy")
                 for chain in chains}
        truth = {key(a) for a in map(json.loads, quiet.out) if a["chain"] in chains
                 and first[a["chain"]] < a["block"]["number"] <= last}
        mine = {k for k in finals if first[k[0]] < k[1] <= last}
        seen = {key(a): (a["state"], a["path"]) for a in told if a["state"] != "final"}
        lost = [(k, seen.get(k)) for k in sorted(truth - mine)]
        self.assertEqual((lost, sorted(mine - truth)), ([], []), f"killed at {self.killed_at}")
        print(f"{len(truth)} alerts compared")


if __name__ == "__main__":
    main()
