"""The audit of balances: what a node says its whales hold, against the movements decoded. The
stand-in node keeps its whales' balances from what it means to happen; for some blocks it tells no
events, as a runtime would whose events nobody reads."""

import hashlib

from harness import Case, alerts_of, main

CHAIN, DECIMALS = "polkadot", 10
WHALES = ["0x" + hashlib.blake2b(f"spyhop whale {i}".encode(), digest_size=32).hexdigest()
          for i in range(1, 7)]
AT_START = 10**9 * 10**DECIMALS  # of each
FIRST, LOST = 1000, range(1060, 1100)


def planck(tokens):
    whole, _, part = tokens.lstrip("-").partition(".")
    value = int(whole) * 10**DECIMALS + int(part.ljust(DECIMALS, "0") or 0)
    return -value if tokens.startswith("-") else value


class Audit(Case):
    def watching(self, *arguments):
        _, urls = self.node(*arguments, block_time="50ms")
        accounts = ", ".join(f'"{whale}"' for whale in WHALES)
        rule = ('[[rule]]\nname = "books"\nkind = "chain_health"\nwhat = ["conservation"]\n'
                f'audit = [{accounts}]\naudit_every = "1s"\ncooldown = "0s"\n')
        return self.service(self.config({CHAIN: (urls[CHAIN], "start = 1000")},
                                        assets='["native"]', extra=rule))

    def differences(self, service):
        return [a for a in alerts_of(service) if "health" in a]

    def sum_of(self, traffic, account, blocks):
        """What moved in, less what moved out."""
        moved = [m for block in blocks for m in traffic.get((CHAIN, block), [])]
        return (sum(int(amount) for _, _, to, amount in moved if to == account) -
                sum(int(amount) for _, frm, _, amount in moved if frm == account))

    def test_books_that_balance_are_not_spoken_of(self):
        service = self.watching()
        audited = lambda: self.metric_sum("spyhop_detect_audited_total")
        service.wait_until(lambda: audited() >= 5 * len(WHALES), "five rounds")
        self.assertEqual(self.differences(service), [])
        self.assertEqual(self.metric_sum("spyhop_detect_audit_differences_total"), 0)
        self.end(service)

    def test_what_happened_in_events_that_were_lost_is_found_to_the_last_planck(self):
        scenario = self.write("scenario.toml", f'[[fault]]\nat_block = {LOST[0] - FIRST}\n'
                              f'kind = "no_events"\ncount = {len(LOST)}\n')
        traffic = self.traffic(LOST[-1] + 100)
        service = self.watching("--scenario", scenario)
        moved = {w for w in WHALES if self.sum_of(traffic, w, LOST)}
        self.assertGreater(len(moved), 1)
        found = lambda: self.differences(service)
        service.wait_until(lambda: {a["health"]["account"] for a in found()} and
                           self.status_past(LOST[-1] + 60), "the blocks after those")
        self.end(service)
        address = self.addresses(service)
        told = {}
        for alert in found():
            health = alert["health"]
            self.assertEqual((alert["kind"], alert["severity"], health["what"]),
                             ("chain_health", "critical", "conservation"))
            account, (since, until) = address[health["account"]], health["blocks"]
            lost = [block for block in LOST if since < block <= until]
            self.assertEqual(planck(health["surplus"]), self.sum_of(traffic, account, lost))
            self.assertEqual(planck(health["held"]),
                             AT_START + self.sum_of(traffic, account, range(FIRST, until + 1)))
            told.setdefault(account, []).extend(lost)
        self.assertEqual(set(told), moved)

    def test_a_mark_is_crossed_by_an_account_that_held_its_balance_before_anybody_looked(self):
        mark = AT_START - 1000 * 10**DECIMALS
        watched = "".join(f'[[watch]]\naddress = "{whale}"\n' for whale in WHALES)
        _, urls = self.node(block_time="50ms")
        rule = (f'{watched}[[rule]]\nname = "low"\nkind = "watch"\nmin = "2000000000"\n'
                f'low = "{mark // 10**DECIMALS}"\n')
        service = self.service(self.config({CHAIN: (urls[CHAIN], "start = 1000")},
                                           assets='["native"]', extra=rule))
        low = lambda: [a for a in alerts_of(service) if a["rule"] == "low"]
        service.wait_until(low, "a balance that falls to the mark")
        self.end(service)
        last = max(a["block"]["number"] for a in low())
        traffic = self.traffic(last)
        for alert in low():
            account, number = alert["subject"]["public_key"], alert["block"]["number"]
            before = AT_START + self.sum_of(traffic, account, range(FIRST, number))
            after = before + self.sum_of(traffic, account, [number])
            # Within a block it may go down and up again.
            moved = [m for m in traffic[(CHAIN, number)] if account in m[1:3]]
            self.assertTrue(after <= mark < before or len(moved) > 1, alert)

    def addresses(self, service):
        """{SS58: key} of those that moved something."""
        return {a[side]["address"]: a[side]["public_key"]
                for a in alerts_of(service) if "from" in a for side in ("from", "to")}

    def status_past(self, block):
        numbers = [a["block"]["number"] for a in alerts_of(self.processes[-1])[-50:]]
        return numbers and max(numbers) > block


if __name__ == "__main__":
    main()
