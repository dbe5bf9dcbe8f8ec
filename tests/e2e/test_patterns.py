"""Patterns of several movements, as the service tells them: against a count of our own over the
movements that it tells one by one."""

import collections
import datetime
import json
import math
import signal
import unittest

from harness import Case, alerts_of, main

CHAIN = "polkadot"
WINDOW_S = 3600
COUNTERPARTIES, EFFECTIVE = 3, 2.0

SPREAD = f"""[[rule]]
name = "spread"
kind = "dispersion"
window = "1h"
counterparties = {COUNTERPARTIES}
effective = {EFFECTIVE}
sum = "0.0000000001"
cooldown = "24h"
exchanges = true
"""


def seconds(alert):
    return datetime.datetime.fromisoformat(alert["block"]["timestamp"]).timestamp()


def place(alert):
    return alert["block"]["number"], alert["event"]["index"]


def effective_number(sums):
    total = sum(sums)
    return math.exp(-sum(s / total * math.log(s / total) for s in sums if s))


class Patterns(Case):
    def service_of(self, extra, keys="start = 1000", **more):
        _, urls = self.node()
        config = self.config({CHAIN: (urls[CHAIN], keys)}, assets='["native"]', extra=extra, **more)
        return self.service(config)

    def single_movements(self, alerts):
        """What moved, in the order of the chain: by the rule that tells every transfer."""
        final = [a for a in alerts if a["kind"] == "large_transfer" and a["state"] == "final"]
        return sorted(final, key=place)

    def test_one_to_many_is_told_once_with_its_evidence(self):
        service = self.service_of(SPREAD)
        spread = lambda: [a for a in alerts_of(service) if a["kind"] == "dispersion"]
        service.wait_until(lambda: len(spread()) >= 20, "twenty alerts of the pattern")
        self.assert_rules(service)
        self.end(service)
        alerts = alerts_of(service)
        told = {a["subject"]["public_key"]: a for a in spread() if "amended" not in a}
        self.assertEqual(len(told), len([a for a in spread() if "amended" not in a]))
        moves = self.single_movements(alerts)
        by_place = {place(m): m for m in moves}
        for subject, alert in told.items():
            self.assertEqual(alert["state"], "final")
            self.assertIn("hash", alert["block"])
            self.assertIn("phase", alert["event"])
            evidence = [by_place[(e["block"], e["index"])] for e in alert["evidence"]]
            self.assertEqual(alert["evidence_count"], len(evidence))
            self.assertEqual(place(evidence[-1]), place(alert))
            self.assertEqual({m["from"]["public_key"] for m in evidence}, {subject})
            self.assertEqual(sum(int(m["amount_raw"]) for m in evidence), int(alert["sum_raw"]))
            for member in ("from", "to", "amount_raw"):
                self.assertEqual(alert[member], evidence[-1][member])
        self.assertEqual({s: place(a) for s, a in told.items()},
                         self.expected(moves, max(map(place, told.values()))))

    def assert_rules(self, service):
        """Status says how often each rule spoke, though another process counts it."""
        rules = lambda: {r["name"]: r for r in self.status()["rules"]}
        service.wait_until(lambda: rules()["spread"]["actual_24h"] >= 20, "what the rule has told")
        self.assertEqual(list(rules()), ["large-transfer", "spread"])
        for name, kind in (("large-transfer", "large_transfer"), ("spread", "dispersion")):
            rule = rules()[name]
            self.assertEqual([rule[key] for key in ("kind", "chain", "path", "state", "budget",
                                                    "warming", "warm_at")],
                             [kind, CHAIN, "hybrid", "speaking", None, False, None])
            self.assertGreater(rule["actual_24h"], 0)

    def expected(self, moves, last):
        """{sender: the place of the movement by which it had sent to so many}."""
        sent, first = collections.defaultdict(list), {}
        for move in moves:
            sender, receiver = move["from"]["public_key"], move["to"]["public_key"]
            if place(move) > last or sender == receiver:
                continue
            sent[sender].append(move)
            sums = collections.Counter()
            for one in sent[sender]:
                if seconds(one) >= seconds(move) - WINDOW_S:
                    sums[one["to"]["public_key"]] += int(one["amount_raw"])
            enough = len(sums) >= COUNTERPARTIES and effective_number(sums.values()) >= EFFECTIVE
            if enough and sender not in first:
                first[sender] = place(move)
        return first

    def test_more_of_a_pattern_is_the_same_alert(self):
        service = self.service_of(SPREAD)
        amended = lambda: [a for a in alerts_of(service) if a.get("amended") == ["evidence"]]
        service.wait_until(lambda: len(amended()) >= 5, "five that went on")
        self.end(service)
        first = {a["id"]: a for a in alerts_of(service)
                 if a["kind"] == "dispersion" and "amended" not in a}
        for alert in amended():
            before = first[alert["id"]]
            self.assertEqual(place(alert), place(before))
            self.assertGreater(int(alert["sum_raw"]), int(before["sum_raw"]))
            self.assertGreater(alert["evidence_count"], before["evidence_count"])

    def test_windows_outlive_a_kill(self):
        """Killed in the middle and started again, it tells each pattern once, at its movement."""
        sink = self.folder / "alerts.ndjson"
        _, urls = self.node()
        config = self.config({CHAIN: (urls[CHAIN], "start = 1000")}, assets='["native"]',
                             extra=SPREAD, sink=str(sink))
        lines = lambda: [json.loads(line) for line in sink.read_text().splitlines(True)
                         if line.endswith("\n")] if sink.exists() else []
        spread = lambda: [a for a in lines() if a["kind"] == "dispersion" and "amended" not in a]
        for wanted in (8, 16):
            service = self.service(config)
            service.wait_until(lambda: len(spread()) >= wanted, f"{wanted} alerts of the pattern")
            service.signal(signal.SIGKILL)
            service.child.wait()
        service = self.service(config)
        service.wait_until(lambda: len(spread()) >= 24, "alerts after the second kill")
        self.end(service)
        told = {a["subject"]["public_key"]: place(a) for a in spread()}
        self.assertEqual(len(told), len(spread()))
        moves = self.single_movements(lines())
        self.assertEqual(told, self.expected(moves, max(told.values())))

    def test_a_watched_account_is_told_whatever_the_amount(self):
        quiet = self.service_of("")
        service = quiet
        service.wait_until(lambda: len(self.single_movements(alerts_of(service))) >= 200, "moves")
        self.end(service)
        moves = self.single_movements(alerts_of(service))
        counts = collections.Counter(m["from"]["address"] for m in moves)
        watched, _ = counts.most_common(1)[0]
        extra = (f'[[watch]]\naddress = "{watched}"\nlabel = "ours"\n'
                 '[[rule]]\nname = "mine"\nkind = "watch"\nseverity = "important"\n')
        service = self.service_of(extra, name="watch.toml")
        mine = lambda: [a for a in alerts_of(service)
                        if a["kind"] == "watch" and a["state"] == "final"]
        service.wait_until(lambda: len(mine()) >= 10, "ten of the watched account")
        self.end(service)
        self.assertEqual({a["severity"] for a in mine()}, {"important"})
        for alert in mine():
            self.assertIn(watched, (alert["from"]["address"], alert["to"]["address"]))
        last = max(map(place, mine()))
        wanted = [place(m) for m in self.single_movements(alerts_of(service)) if place(m) <= last
                  and watched in (m["from"]["address"], m["to"]["address"])]
        self.assertEqual(sorted(map(place, mine())), wanted)

    def test_a_rule_that_cannot_work_is_refused_with_its_place(self):
        _, urls = self.node()
        rule = '[[rule]]\nname = "long"\nkind = "drain"\nwindow = "30d"\n'
        config = self.config({CHAIN: urls[CHAIN]}, extra=rule)
        code, out, err = self.run_spyhop("check", "-c", config)
        self.assertEqual(code, 78, out + err)
        self.assertRegex(out + err, r"spyhop\.toml:\d+:\d+: .*window")


if __name__ == "__main__":
    main()
