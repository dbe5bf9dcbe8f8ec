"""`spyhop subscan`: the recorded real blocks as Subscan would tell them, over HTTP, compared with
what @polkadot/api decoded; its quota, its scenario, and generated traffic that grows."""

import hashlib
import http.client
import json
import re
import signal
import time
import unittest
import urllib.parse

from capture_file import CorpusChain, write_capture, xxh64
from harness import CORPUS, DEADLINE_S, Case, main, need_corpus, ss58, tokens

CHAINS = (("polkadot", "DOT", 10, 0), ("asset-hub-polkadot", "DOT", 10, 0),
          ("hydration", "HDX", 12, 63), ("mythos", "MYTH", 18, 29972))


class Client:
    """One kept-alive connection; the key is made up."""

    def __init__(self, base):
        url = urllib.parse.urlsplit(base)
        self.path = url.path.rstrip("/")
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=DEADLINE_S)

    def ask(self, path, body=None, key="made-up", method="POST"):
        """(status, headers, body as JSON)."""
        headers = {"X-API-Key": key} if key else {}
        self.connection.request(method, self.path + path, json.dumps(body or {}), headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or "null")

    def data(self, path, body=None):
        status, _, answer = self.ask(path, body)
        assert status == 200 and answer["code"] == 0, (path, status, answer)
        return answer["data"]

    def transfers(self, **filters):
        """Every row, by after_id."""
        rows, after = [], {}
        while True:
            page = self.data("/api/v2/scan/transfers", {"row": 17, "page": 0, **filters, **after})
            rows += page["transfers"]
            if len(page["transfers"]) < 17:
                return rows
            last = rows[-1]
            after = {"after_id": [last["block_num"], last["event_idx"]]}


class Subscan(Case):
    def subscan(self, *arguments, chains=1):
        process = self.spyhop("subscan", "--listen", "127.0.0.1:0", *arguments)
        first = process.wait_line(r"^listening on (http://127\.0\.0\.1:\d+)$", "out").group(1)
        urls = [(None, first)]
        if chains > 1:
            process.wait_until(lambda: len(process.out) == 1 + chains, f"{chains} chains")
            urls = [re.match(r"^(\S+) at (http://\S+)$", line).groups()
                    for line in process.out[1:]]
        clients = {name: Client(url) for name, url in urls}
        for client in clients.values():
            self.addCleanup(client.connection.close)
        return process, clients

    def quiet(self, text=""):
        return self.write("scenario.toml", "quota_per_second = 0\nquota_per_day = 0\n" + text)

    def capture(self, names):
        need_corpus("events")
        chains = {row[0]: CorpusChain(CORPUS, *row) for row in CHAINS if row[0] in names}
        write_capture(self.folder / "c.capture", chains.values())
        return self.folder / "c.capture", chains

    def assert_row(self, row, chain, number, event, meant):
        address = lambda key: (ss58(bytes.fromhex(key[2:]), chain.prefix)
                               if len(key) == 66 else key)
        self.assertEqual((row["block_num"], row["event_idx"]), (number, event))
        self.assertEqual((row["from"], row["to"]), (address(meant["from"]), address(meant["to"])))
        self.assertEqual(row["amount_v2"], meant["amount"])
        self.assertIs(row["success"], True)
        self.assertEqual(row["module"], meant["pallet"].lower())
        place = meant["extrinsicIndex"]
        self.assertEqual(row["extrinsic_index"], "" if place is None else f"{number}-{place}")
        extrinsics = chain.extrinsics(number)
        expected = ("0x" + hashlib.blake2b(extrinsics[place], digest_size=32).hexdigest()
                    if place is not None and extrinsics else "")
        self.assertEqual(row["hash"], expected)
        if meant["pallet"] == "Balances":
            self.assertEqual([row[k] for k in ("asset_symbol", "asset_unique_id", "asset_type")],
                             [chain.symbol, chain.symbol, ""])
            self.assertEqual(row["amount"], tokens(int(meant["amount"]), chain.decimals))
        elif meant["pallet"] == "Assets":
            self.assertEqual([row[k] for k in ("asset_unique_id", "asset_type")],
                             [f"standard_assets/{meant['assetId']}", "assets"])
        else:
            self.assertTrue(row["asset_unique_id"].startswith(row["asset_type"] + "/"), row)

    def test_the_checksum_is_the_published_one(self):
        # Values of the reference implementation (XXH64, seeds 0 and 1).
        self.assertEqual(xxh64(b""), 0xEF46DB3751D8E999)
        self.assertEqual(xxh64(b"abc"), 0x44BC2CF5AD770999)

    def test_recorded_blocks_are_told_as_they_were(self):
        capture, chains = self.capture([row[0] for row in CHAINS])
        process, clients = self.subscan("--capture", capture, "--scenario", self.quiet(),
                                        chains=len(chains))
        self.assertEqual(set(clients), set(chains))
        told = 0
        for name, chain in chains.items():
            client, truth = clients[name], chain.transfers()
            rows = client.transfers(order="asc")
            self.assertEqual(len(rows), len(truth), name)
            for row, meant in zip(rows, truth):
                self.assert_row(row, chain, *meant)
            self.assertEqual(client.transfers(), rows[::-1])
            told += len(rows)
            metadata = client.data("/api/scan/metadata")
            self.assertTrue(all(isinstance(value, str) for value in metadata.values()), metadata)
            last = chain.blocks[-1]
            self.assertEqual(metadata["blockNum"], str(last["blockNumber"]))
            self.assertEqual(metadata["addressType"], str(chain.prefix))
            block = client.data("/api/scan/block", {"block_num": last["blockNumber"]})
            self.assertEqual(block["hash"], "0x" + chain.block_hash(last).hex())
            self.assertEqual(client.data("/api/scan/block", {"block_num": 0})["hash"],
                             "0x" + chain.genesis.hex())
            token = client.data("/api/v2/scan/token/native")["detail"][chain.symbol]
            self.assertEqual(token["token_decimals"], chain.decimals)
        self.assertGreater(told, 60)
        self.end(process)
        self.assertRegex("\n".join(process.err),
                         r"requests \d+, unauthorized 0, over quota 0, .*, rows " + str(2 * told))

    def test_filters_of_recorded_blocks(self):
        capture, chains = self.capture(["polkadot"])
        _, clients = self.subscan("--capture", capture, "--scenario", self.quiet())
        client, chain = clients[None], chains["polkadot"]
        truth = chain.transfers()
        place = lambda rows: [(row["block_num"], row["event_idx"]) for row in rows]
        wanted = lambda which: [(b, e) for b, e, one in truth if which(b, one)]
        amounts = sorted({int(one["amount"]) for _, _, one in truth})
        middle = amounts[len(amounts) // 2]
        self.assertEqual(
            place(client.transfers(order="asc", min_amount=tokens(middle, 10))),
            wanted(lambda _, one: int(one["amount"]) >= middle))
        self.assertEqual(
            place(client.transfers(order="asc", max_amount=tokens(middle, 10))),
            wanted(lambda _, one: int(one["amount"]) <= middle))
        numbers = [block["blockNumber"] for block in chain.blocks]
        low, high = numbers[len(numbers) // 3], numbers[2 * len(numbers) // 3]
        self.assertEqual(place(client.transfers(order="asc", block_range=f"{low}-{high}")),
                         wanted(lambda b, _: low <= b <= high))
        who = truth[0][2]["from"]
        self.assertEqual(place(client.transfers(order="asc", address=who, direction="sent")),
                         wanted(lambda _, one: one["from"] == who))
        self.assertEqual(place(client.transfers(order="asc", address=who)),
                         wanted(lambda _, one: who in (one["from"], one["to"])))

    def test_a_capture_in_time_becomes_known_block_by_block(self):
        capture, chains = self.capture(["polkadot"])
        process, clients = self.subscan("--capture", capture, "--block-time", "50ms",
                                        "--scenario", self.quiet())
        numbers = [str(block["blockNumber"]) for block in chains["polkadot"].blocks]
        seen, end = [], time.monotonic() + DEADLINE_S
        while (not seen or seen[-1] != numbers[-1]) and time.monotonic() < end:
            best = clients[None].data("/api/scan/metadata")["blockNum"]
            if not seen or seen[-1] != best:
                seen.append(best)
        self.assertEqual(seen, numbers[numbers.index(seen[0]):][-len(seen):])
        self.assertGreater(len(seen), 5)
        self.end(process, signal.SIGINT)

    def test_keys_and_quota(self):
        scenario = self.write("scenario.toml", "quota_per_second = 3\n")
        process, clients = self.subscan("--scenario", scenario, chains=2)
        client = clients["polkadot"]
        status, _, body = client.ask("/api/now", key="")
        self.assertEqual((status, "code" in body), (401, False))
        statuses = [client.ask("/api/now")[0] for _ in range(4)]
        self.assertEqual(statuses, [200, 200, 200, 429])
        status, headers, body = client.ask("/api/now")
        self.assertEqual((status, body), (429, {"message": "API rate limit exceeded"}))
        self.assertEqual(headers["ratelimit-limit"], "3")
        self.assertEqual(headers["retry-after"], "1")
        self.end(process)
        self.assertIn("requests 6, unauthorized 1, over quota 2, answered 3,",
                      "\n".join(process.err))

    def test_faults_and_what_follows_them(self):
        scenario = self.quiet("".join(
            f'[[fault]]\nat_request = {n}\nkind = "{kind}"\n' for n, kind in
            enumerate(("server_error", "not_json", "reset", "garbage"), 1)))
        _, clients = self.subscan("--scenario", scenario, chains=2)
        client = clients["polkadot"]
        for error in (json.JSONDecodeError, json.JSONDecodeError,
                      (http.client.RemoteDisconnected, ConnectionResetError),
                      http.client.BadStatusLine):
            with self.assertRaises(error):
                client.ask("/api/now")
            client.connection.close()
        self.assertEqual(client.ask("/api/now")[0], 200)

    def test_generated_traffic_grows(self):
        process, clients = self.subscan("--block-time", "100ms", "--scenario", self.quiet(),
                                        "--seed", "3", chains=2)
        for name, client in clients.items():
            first = int(client.data("/api/scan/metadata")["blockNum"])
            best, end = first, time.monotonic() + DEADLINE_S
            while best < first + 3 and time.monotonic() < end:
                best = int(client.data("/api/scan/metadata")["blockNum"])
            self.assertGreaterEqual(best, first + 3, name)
            rows = client.transfers(order="asc", block_range=f"{first}-{best}")
            outside = {row["block_num"] for row in rows} - set(range(first, best + 1))
            self.assertEqual(outside, set())
        self.end(process)

    def test_what_cannot_be_served_is_named(self):
        scenario = self.write("scenario.toml", '[[fault]]\nkind = "explode"\n')
        code, _, err = self.run_spyhop("subscan", "--scenario", scenario)
        self.assertEqual(code, 1)
        self.assertIn(f"{scenario}:2:8: unknown kind of fault", err)
        code, _, err = self.run_spyhop("subscan", "--capture", self.folder / "nowhere")
        self.assertEqual(code, 1)
        self.assertIn("nowhere", err)
        code, _, err = self.run_spyhop("subscan", "--listen", "here")
        self.assertEqual(code, 1)
        code, _, err = self.run_spyhop("subscan", "--block-time", "6")
        self.assertEqual(code, 2)


if __name__ == "__main__":
    main()
