"""`spyhop run` against `spyhop node` with generated traffic: what is told, in which order."""

import json
import unittest

from harness import DEVELOPMENT, Case, alerts_of, main


class Follow(Case):
    def finals(self, service):
        return [a for a in alerts_of(service) if a["state"] == "final"]

    def test_best_is_seen_first_then_final_under_the_same_id(self):
        _, urls = self.node()
        service = self.service(self.config(urls, assets='["native"]', levels='notable = "0"'))
        service.wait_until(lambda: len(self.finals(service)) >= 40, "forty final alerts")
        genesis = {c["name"]: c["genesis"] for c in self.status()["chains"]}
        self.end(service)
        seen = {}
        for line in service.out:
            chain = json.loads(line)["chain"]
            alert = self.assert_alert(line, genesis[chain], DEVELOPMENT[chain][2])
            if alert["state"] == "seen":
                seen[alert["id"]] = alert
            elif alert["state"] == "final" and alert["id"] in seen:
                for member in ("block", "event", "from", "to", "amount_raw", "severity"):
                    self.assertEqual(alert[member], seen[alert["id"]][member])
        alerts = alerts_of(service)
        self.assert_none_doubled(alerts)
        told_final = [a["id"] for a in alerts if a["state"] == "final"]
        self.assertGreater(len([i for i in told_final if i in seen]), 20)
        self.assertEqual({a["chain"] for a in alerts}, set(DEVELOPMENT))

    def test_attributed_transfers_name_their_extrinsic_and_its_signer(self):
        _, urls = self.node()
        chain = "polkadot"
        service = self.service(self.config({chain: (urls[chain], "attribute = true")}))
        service.wait_until(lambda: len(self.finals(service)) >= 40, "forty final alerts")
        self.end(service)
        named = {}
        for alert in alerts_of(service):
            extrinsic = alert["extrinsic"]
            self.assertEqual(extrinsic["index"], alert["event"]["phase"]["ApplyExtrinsic"])
            self.assertRegex(extrinsic["hash"], r"^0x[0-9a-f]{64}$")
            place = (alert["block"]["hash"], extrinsic["index"])
            self.assertEqual(named.setdefault(place, extrinsic), extrinsic)
        self.assertEqual(len({e["hash"] for e in named.values()}), len(named))
        # In this traffic whoever signs pays, but in batches, which move what is others'.
        paid = [a["extrinsic"]["signer"] == a["from"] for a in alerts_of(service)]
        self.assertGreater(sum(paid), len(paid) // 2)
        self.assert_none_doubled(alerts_of(service))

    def test_finalized_tells_nothing_but_final(self):
        _, urls = self.node()
        service = self.service(self.config(urls, follow="finalized"))
        service.wait_until(lambda: len(service.out) >= 40, "forty alerts")
        self.end(service)
        self.assertEqual({a["state"] for a in alerts_of(service)}, {"final"})
        self.assert_none_doubled(alerts_of(service))

    def test_a_threshold_is_met_at_equality_and_nothing_below_is_told(self):
        # What is told with a threshold is what is told without one, cut at the threshold.
        _, urls = self.node()
        chain = "polkadot"
        levels = 'notable = "5000"\nimportant = "50000"'
        both = (f'[[rule]]\nname = "all"\nkind = "large_transfer"\nassets = ["native"]\n'
                f'notable = "0"\n')
        service = self.service(self.config({chain: urls[chain]}, assets='["native"]',
                                           levels=levels, extra=both))
        service.wait_until(lambda: len(self.finals(service)) >= 60, "sixty final alerts")
        self.end(service)
        told = {}
        for alert in alerts_of(service):
            where = (alert["block"]["hash"], alert["event"]["index"], alert["state"])
            told.setdefault(where, {})[alert["rule"]] = alert
        # The last block may be cut by the end of the service.
        for rules in told.values():
            if "all" not in rules:
                continue
            raw = int(rules["all"]["amount_raw"])
            self.assertEqual("large-transfer" in rules, raw >= 5000 * 10**10, rules)
            if "large-transfer" in rules:
                self.assertEqual(rules["large-transfer"]["severity"],
                                 "important" if raw >= 50000 * 10**10 else "notable")
                self.assertNotEqual(rules["large-transfer"]["id"], rules["all"]["id"])

    def test_a_watched_account_carries_its_label(self):
        node, urls = self.node()
        first = self.service(self.config(urls))
        first.wait_until(lambda: len(first.out) >= 1, "an alert")
        self.end(first)
        party = alerts_of(first)[0]["from"]
        watch = f'[[watch]]\naddress = "{party["public_key"]}"\nlabel = "Quote \\" and é"\n'
        self.assertTrue(node.alive())
        second = self.service(self.config(urls, extra=watch))

        def labelled():
            return [a for a in alerts_of(second) for side in ("from", "to")
                    if a.get(side, {}).get("public_key") == party["public_key"]
                    and a[side].get("label") == 'Quote " and é']
        second.wait_until(labelled, "an alert of the watched account")
        self.end(second)

    def test_each_layout_and_idle_policy_watches(self):
        _, urls = self.node()
        for layout, idle in (("single", "park"), ("dedicated", "park"), ("compact", "backoff"),
                             ("single", "spin")):
            with self.subTest(layout=layout, idle=idle):
                config = self.config(urls, name=f"{layout}.toml")
                config.write_text(config.read_text().replace(
                    "[[chain]]", f'layout = "{layout}"\nidle = "{idle}"\n[[chain]]', 1))
                service = self.service(config)
                service.wait_until(lambda: len(self.finals(service)) >= 4, "four final alerts")
                self.end(service)
                self.assert_none_doubled(alerts_of(service))


if __name__ == "__main__":
    main()
