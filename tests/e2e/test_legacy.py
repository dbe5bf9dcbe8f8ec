"""The legacy path: `spyhop run` on Subscan alone and beside a node, against an independent peer."""

import json
import signal
import sqlite3
import unittest

from harness import Case, alert_id, alerts_of, main, movements, ss58, tokens
from subscan_peer import KEY, Peer

GENESIS = "0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3"
CHAIN = "polkadot"
UNIT = 10 ** 10


def account(number):
    return number.to_bytes(4, "big") * 8


class Legacy(Case):
    def peer(self, **more):
        peer = Peer(GENESIS, **more)
        self.addCleanup(peer.close)
        return peer

    def legacy_config(self, peer, urls="ws://127.0.0.1:9", extra="", keys="", name="spyhop.toml",
                      poll="200ms", flags="enable_hybrid_rpc = false", levels='notable = "10000"'):
        self.environment = {"MADE_UP": KEY}
        return self.config(
            {CHAIN: (urls, f'subscan_url = "{peer.url}"\nlegacy_poll = "{poll}"\n{keys}')},
            assets='["native"]', levels=levels, name=name,
            extra=f'[subscan]\napi_key_env = "MADE_UP"\nrequests_per_second = 1000\n'
                  f'requests_per_day = 50000000\n'
                  f'[flags]\n{flags}\n{extra}')

    def run_legacy(self, config):
        return self.service(config, environment=self.environment)

    def wait_states(self, service, count, state="final"):
        states = lambda: {a["id"] for a in alerts_of(service) if a["state"] == state}
        service.wait_until(lambda: len(states()) >= count, f"{count} alerts that are {state}")

    def assert_rows(self, service, peer, first, least=10_000 * UNIT):
        """The final alerts are the rows from block `first` on, each once, under the right id."""
        told = {}
        for alert in alerts_of(service):
            self.assertEqual(alert["id"], alert_id(GENESIS, alert))
            self.assertEqual(alert["path"], "legacy")
            self.assertNotIn("hash", alert["block"])
            self.assertNotIn("phase", alert["event"])
            if alert["state"] == "final" and "amended" not in alert:
                place = (alert["block"]["number"], alert["event"]["index"])
                self.assertNotIn(place, told)
                told[place] = (alert["from"]["address"], alert["to"]["address"], alert["amount"])
        wanted = {place: (row["from"], row["to"], row["amount"])
                  for place, row in peer.rows.items()
                  if place[0] >= first and row["success"] and row["item_id"] is None
                  and float(row["amount"]) * UNIT >= least}
        self.assertEqual(told, wanted)

    # -- Subscan alone ----------------------------------------------------------------------------

    def test_on_subscan_alone_every_row_is_told_once_and_truly(self):
        peer = self.peer()
        peer.best, peer.finalized = 1000, 998
        service = self.run_legacy(self.legacy_config(peer))
        service.wait_until(lambda: peer.count("transfers") >= 1, "a poll")
        amounts = [10_000 * UNIT, 10_000 * UNIT - 1, 123_456_789_012_345_678, 10 ** 30, 7]
        for n in range(230):  # more than two pages in one block
            peer.add(1001 + n % 3, n, account(n), account(n + 1), amounts[n % 5])
        peer.add(1002, 900, account(1), account(2), 10 ** 16, success=False)
        peer.add(1002, 901, account(1), account(2), 10 ** 16, item_id="7")
        peer.best = 1003
        self.wait_states(service, 100, "seen")
        peer.best, peer.finalized = 1020, 1010
        self.wait_states(service, 138)
        status = self.status()
        self.end(service)
        self.assert_rows(service, peer, 1001)
        self.assert_none_doubled(alerts_of(service))
        chain = status["chains"][0]
        self.assertTrue(status["ready"])
        self.assertEqual((chain["genesis"], chain["symbol"], chain["decimals"], chain["path"]),
                         (GENESIS, "DOT", 10, "legacy"))
        self.assertEqual((chain["best"], chain["finalized"]), (1020, 1010))
        self.assertEqual(chain["legacy"]["state"], "polling")
        self.assertGreater(status["subscan"]["used_24h"], 3)

    def test_old_rows_and_a_server_that_does_not_list_tokens(self):
        peer = self.peer()
        peer.token_lists = False
        peer.best, peer.finalized = 10, 9
        peer.add(10, 1, account(1), account(2), 20_000 * UNIT)
        service = self.run_legacy(self.legacy_config(peer))
        self.wait_states(service, 1, "seen")  # decimals taken from amount and amount_v2
        peer.old_amounts = True
        peer.add(11, 1, account(1), account(2), 30_000 * UNIT + 5)
        peer.best, peer.finalized = 20, 19
        self.wait_states(service, 2)
        self.end(service)
        self.assert_rows(service, peer, 10)

    def test_a_fork_is_taken_back(self):
        peer = self.peer()
        peer.best, peer.finalized = 10, 8
        service = self.run_legacy(self.legacy_config(peer))
        service.wait_until(lambda: peer.count("transfers") >= 1, "a poll")
        peer.add(11, 1, account(1), account(2), 20_000 * UNIT)
        peer.best = 11
        self.wait_states(service, 1, "seen")
        with peer.lock:
            peer.rows.clear()
        peer.add(11, 1, account(3), account(4), 20_000 * UNIT)
        self.wait_states(service, 1, "retracted")
        peer.best, peer.finalized = 20, 19
        self.wait_states(service, 1)
        self.end(service)
        self.assert_rows(service, peer, 10)

    def test_whatever_subscan_does_no_poll_range_is_lost(self):
        peer = self.peer()
        peer.best, peer.finalized = 100, 99
        faults = ["limited", "limited_in_200", "error_in_200", "garbage", "reset", "twice",
                  ("status", 500, {"message": "x"}), ("status", 502, {}), ("status", 503, {})]
        service = self.run_legacy(self.legacy_config(peer))
        service.wait_until(lambda: peer.count("transfers") >= 1, "a poll")
        for n, fault in enumerate(faults):
            for event in range(130):
                peer.add(101 + n, event, account(event), account(n + 7), (10_000 + n) * UNIT)
            with peer.lock:
                peer.faults.append(("transfers", fault))
                peer.best, peer.finalized = 101 + n, 100 + n
            self.wait_states(service, 130 * n)
        with peer.lock:
            peer.best, peer.finalized = 200, 199
        self.wait_states(service, 130 * len(faults))
        log = "\n".join(service.err)
        self.end(service)
        self.assert_rows(service, peer, 101)
        self.assert_none_doubled(alerts_of(service))
        self.assertNotIn(KEY, log)
        for what in ("429", "500", "502", "maintenance|JSON|cannot be read"):
            self.assertRegex(log, what)
        self.assertRegex(log, r"request \d+")

    def test_a_wrong_key_is_an_incident_and_not_tried_again_and_again(self):
        peer = self.peer()
        peer.best, peer.finalized = 100, 99
        config = self.legacy_config(peer)
        service = self.service(config, environment={"MADE_UP": "another-key"})
        service.wait_line(r"incident: .*401.*api_key")
        service.wait_until(lambda: self.status()["chains"][0]["legacy"]["state"] == "held", "held")
        asked = peer.count()
        self.assertLess(asked, 4)
        self.end(service)
        self.assertEqual(peer.count(), asked)
        self.assertNotIn("another-key", "\n".join(service.err))

    def test_kill_and_restart_say_everything_once(self):
        peer = self.peer()
        peer.best, peer.finalized = 100, 99
        config = self.legacy_config(peer)
        stream = self.folder / "alerts.ndjson"
        config.write_text(config.read_text().replace('path = "-"', f'path = "{stream}"'))
        block = 100
        for life in range(6):
            service = self.run_legacy(config)
            polls = peer.count("transfers")
            service.wait_until(lambda: peer.count("transfers") > polls + 1, "a poll")
            for _ in range(4):
                block += 1
                for event in range(20):
                    peer.add(block, event, account(event), account(block), 10_000 * UNIT)
            with peer.lock:
                peer.best, peer.finalized = block, block - 2
            polls = peer.count("transfers")
            service.wait_until(lambda: peer.count("transfers") > polls + life % 3, "more polls")
            service.kill()
            block += 2  # while nobody looks
            for event in range(20):
                peer.add(block, event, account(event), account(block), 10_000 * UNIT)
            with peer.lock:
                peer.best, peer.finalized = block, block - 2
        with peer.lock:
            peer.best, peer.finalized = block + 50, block + 49
        service = self.run_legacy(config)
        lines = lambda: stream.read_text().splitlines() if stream.exists() else []
        finals = lambda: [a for a in map(json.loads, lines()) if a["state"] == "final"]
        service.wait_until(lambda: len(finals()) >= len(peer.rows), "every row")
        self.end(service)
        service.out = lines()
        self.assert_rows(service, peer, 101)
        self.assert_none_doubled(alerts_of(service))
        journal = sqlite3.connect(self.folder / "state" / "alerts.db")
        rows = [line for line, in journal.execute("select line from alerts order by seq")]
        self.assertEqual(rows, service.out)

    def test_polling_is_by_chain_and_range_twice_a_poll(self):
        peer = self.peer()
        peer.best, peer.finalized = 100, 99
        watched = "".join(f'[[watch]]\naddress = "{ss58(account(n), 0)}"\nlabel = "w{n}"\n'
                          for n in range(300))
        service = self.run_legacy(self.legacy_config(peer, extra=watched))
        service.wait_until(lambda: peer.count("transfers") >= 10, "ten polls")
        self.end(service)
        with peer.lock:
            asked = [body for path, body, _ in peer.asked if "transfers" in path]
        self.assertLessEqual(abs(peer.count("metadata") - len(asked)), 1)
        for body in asked:
            self.assertNotIn("address", body)
            self.assertEqual((body["min_amount"], body["row"]), ("10000", 100))
            self.assertRegex(body["block_range"], r"^\d+-\d+$")

    # -- enrichment -------------------------------------------------------------------------------

    def test_what_comes_later_amends_and_is_known_from_then_on(self):
        peer = self.peer()
        peer.best, peer.finalized = 100, 99
        show = lambda n: ss58(account(n), 0)
        peer.people[show(1)] = {"account": {
            "address": show(1), "balance": "818617.0281089598", "display": "",
            "account_display": {"address": show(1), "display": "", "identity": False,
                                "judgements": None, "parent": None,
                                "merkle": {"tag_name": "Binance.com", "tag_type": "Exchange"}}}}
        labels = self.write("labels.csv", "address,label,kind,source\n"
                            f"{show(2)},Cold wallet,exchange,our desk\n{show(2)[:-1]}x,Bad,,\n")
        service = self.run_legacy(self.legacy_config(
            peer, poll="2s", extra=f'[labels]\nfiles = ["{labels}"]'))
        service.wait_line(r"labels\.csv:3:\d+: .*checksum")
        service.wait_until(lambda: peer.count("transfers") >= 1, "a poll")
        peer.add(101, 1, account(1), account(2), 20_000 * UNIT)
        peer.best = 101
        amended = lambda: [a for a in alerts_of(service) if "amended" in a]
        service.wait_until(amended, "an amendment")
        first, later = alerts_of(service)[0], amended()[0]
        self.assertEqual((first["id"], first["state"]), (later["id"], later["state"]))
        self.assertEqual(first["to"]["label"], "Cold wallet")
        self.assertNotIn("label", first["from"])
        self.assertEqual(later["amended"], ["from.label", "from.balance", "usd"])
        self.assertEqual(later["from"]["label"], "Binance.com")
        self.assertEqual(later["from"]["kind"], "Exchange")
        self.assertEqual(later["from"]["balance"]["amount"], "818617.0281089598")
        self.assertEqual(later["usd"]["value"], "84000")
        asked = peer.count("search") + peer.count("price")
        peer.add(102, 1, account(1), account(2), 30_000 * UNIT)
        peer.best, peer.finalized = 110, 105
        self.wait_states(service, 2)
        known = [a for a in alerts_of(service) if a["block"]["number"] == 102][0]
        self.assertEqual(known["from"]["label"], "Binance.com")
        self.assertEqual(known["usd"]["value"], "126000")
        self.assertNotIn("amended", known)
        self.assertEqual(peer.count("search") + peer.count("price"), asked)
        self.end(service)
        journal = sqlite3.connect(self.folder / "state" / "alerts.db")
        states = journal.execute("select id, state, count(*) from alerts group by 1, 2").fetchall()
        self.assertEqual({count for _, _, count in states}, {1})
        lines = [line for line, in journal.execute("select line from lines order by seq")]
        self.assertEqual(lines, service.out)
        # And a restart knows it, too.
        service = self.run_legacy(self.folder / "spyhop.toml")
        peer.add(120, 1, account(1), account(2), 40_000 * UNIT)
        peer.best, peer.finalized = 125, 123
        self.wait_states(service, 1)
        again = [a for a in alerts_of(service) if a["block"]["number"] == 120][0]
        self.assertEqual(again["from"]["label"], "Binance.com")
        self.assertGreaterEqual(again["from"]["label_age_s"], 0)
        self.assertEqual(peer.count("search") + peer.count("price"), asked)
        self.end(service)

    # -- beside a node ----------------------------------------------------------------------------

    def rows_of(self, peer, alerts):
        for alert in alerts:
            key = lambda party: bytes.fromhex(alert[party]["public_key"][2:])
            peer.add(alert["block"]["number"], alert["event"]["index"], key("from"), key("to"),
                     int(alert["amount_raw"]))

    def test_both_paths_tell_the_same_events_under_the_same_ids(self):
        _, urls = self.node()
        by_node = self.service(self.config({CHAIN: urls[CHAIN]}, assets='["native"]',
                                           levels='notable = "0"', name="node.toml"))
        by_node.wait_until(lambda: sum(a["state"] == "final" for a in alerts_of(by_node)) >= 60,
                           "sixty final alerts")
        genesis = self.status()["chains"][0]["genesis"]
        self.end(by_node)
        finals = [a for a in alerts_of(by_node) if a["state"] == "final"]
        peer = self.peer()
        peer.genesis = genesis
        first = min(a["block"]["number"] for a in finals)
        peer.best, peer.finalized = first - 1, first - 2
        service = self.run_legacy(self.legacy_config(peer, levels='notable = "0"'))
        service.wait_until(lambda: peer.count("transfers") >= 1, "a poll")
        self.rows_of(peer, finals)
        peer.best = max(a["block"]["number"] for a in finals) + 9
        peer.finalized = peer.best
        self.wait_states(service, len(finals))
        self.end(service)
        self.assertEqual({a["id"] for a in alerts_of(service)}, {a["id"] for a in finals})
        self.assertEqual(movements(alerts_of(service)), movements(finals))

    def test_at_any_share_each_event_is_told_by_one_path(self):
        last = 1040
        happened = {place: moved for place, moved in self.traffic(last).items()
                    if place[0] == CHAIN and 1000 <= place[1] <= last}
        total = sum(map(len, happened.values()))
        _, urls = self.node(block_time="20ms")
        peer = self.peer()
        for (_, block), moved in happened.items():
            for event, source, target, raw in moved:
                peer.add(block, event, bytes.fromhex(source[2:]), bytes.fromhex(target[2:]),
                         int(raw))
        peer.best = peer.finalized = last
        service = self.run_legacy(self.legacy_config(
            peer, urls=urls[CHAIN], levels='notable = "0"', keys="start = 1000",
            flags="hybrid_traffic_percent = 35"))
        finals = lambda: [a for a in alerts_of(service)
                          if a["state"] == "final" and a["block"]["number"] <= last]
        service.wait_until(lambda: len({a["id"] for a in finals()}) >= total, "every movement")
        chain = self.status()["chains"][0]
        self.end(service)
        self.assertEqual(chain["path"], "both")
        self.assertEqual(movements(finals()), happened)
        for alert in alerts_of(service):
            hybrid = bucket(bytes.fromhex(alert["from"]["public_key"][2:])) < 3500
            self.assertEqual(alert["path"], "hybrid" if hybrid else "legacy")
        self.assertEqual({a["path"] for a in finals()}, {"hybrid", "legacy"})
        self.assert_none_doubled(alerts_of(service))


def bucket(data, key=b"spyhop bucket v1"):
    """floor(SipHash-2-4(public key) * 10,000 / 2^64), as the paper defines the hash."""
    mask = (1 << 64) - 1
    word = lambda text: int.from_bytes(text, "little")
    left = lambda x, by: ((x << by) | (x >> (64 - by))) & mask
    k0, k1 = word(key[:8]), word(key[8:])
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = left(v[1], 13) ^ v[0]
            v[0] = left(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = left(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = left(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = left(v[1], 17) ^ v[2]
            v[2] = left(v[2], 32)
    whole = len(data) - len(data) % 8
    blocks = [word(data[i:i + 8]) for i in range(0, whole, 8)]
    blocks.append((len(data) & 0xFF) << 56 | word(data[whole:]))
    for block in blocks:
        v[3] ^= block
        rounds(2)
        v[0] ^= block
    v[2] ^= 0xFF
    rounds(4)
    return (v[0] ^ v[1] ^ v[2] ^ v[3]) * 10_000 >> 64


if __name__ == "__main__":
    main()
