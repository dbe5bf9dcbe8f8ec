"""What a start of the legacy path costs, and what `spyhop check` finds out about Subscan."""

import shutil

from harness import Case, alerts_of, main
from subscan_peer import KEY, Peer
from test_legacy import CHAIN, GENESIS, UNIT, account


class LegacyStart(Case):
    def setUp(self):
        super().setUp()
        self.peer = Peer(GENESIS)
        self.peer.best, self.peer.finalized = 100, 99

    def tearDown(self):
        if self.peer:
            self.peer.close()
        super().tearDown()

    def on_subscan(self, nodes="ws://127.0.0.1:9", flags="enable_hybrid_rpc = false"):
        return self.config(
            {CHAIN: (nodes, f'subscan_url = "{self.peer.url}"\nlegacy_poll = "200ms"\n')},
            assets='["native"]', levels='notable = "10000"',
            extra='[subscan]\napi_key_env = "MADE_UP"\nrequests_per_second = 1000\n'
                  f'[flags]\n{flags}\n')

    def test_check_reaches_subscan_and_says_when_it_does_not(self):
        config = self.on_subscan()
        # The node is dead, which is no fault while nobody asks it.
        code, out, err = self.run_spyhop("check", "-c", config)
        self.assertEqual(code, 0, err)
        self.assertRegex(err, r"warning.*127\.0\.0\.1:9.*refused")
        self.assertEqual(self.peer.asked, [])  # no quota was spent
        self.peer.close()
        self.peer = None
        code, out, err = self.run_spyhop("check", "-c", config)
        self.assertEqual(code, 78, err)
        self.assertRegex(err, r"toml:\d+:\d+: chain polkadot: subscan_url: 127\.0\.0\.1.*refused")

    def test_a_chain_without_nodes_needs_none(self):
        for base, flags in ((100, ""), (200, "hybrid_traffic_percent = 100")):
            with self.subTest(flags=flags):
                self.peer.best, self.peer.finalized = base, base - 1
                config = self.on_subscan(nodes=[], flags=flags)
                self.assertEqual(self.run_spyhop("check", "-c", config)[0], 0)
                service = self.service(config, environment={"MADE_UP": KEY})
                polls = self.peer.count("transfers")
                service.wait_until(lambda: self.peer.count("transfers") > polls, "a poll")
                self.peer.add(base + 1, 1, account(1), account(2), 20_000 * UNIT)
                with self.peer.lock:
                    self.peer.best, self.peer.finalized = base + 10, base + 9
                service.wait_until(lambda: [a for a in alerts_of(service)
                                            if a["state"] == "final" and a["path"] == "legacy"],
                                   "its alert, from Subscan")
                self.assertEqual(self.status()["chains"][0]["path"], "legacy")
                self.assertEqual(self.run_spyhop("sources", "-s", self.folder / "admin.sock")[0], 0)
                self.end(service)
                shutil.rmtree(self.folder / "state")

    def test_a_second_start_asks_for_nothing_it_knows(self):
        config = self.on_subscan()
        for life in range(2):
            self.peer.add(100 + life, 1, account(1), account(2), 20_000 * UNIT)
            with self.peer.lock:
                self.peer.best, self.peer.finalized = 102 + life, 101 + life
            service = self.service(config, environment={"MADE_UP": KEY})
            polls = self.peer.count("transfers")
            service.wait_until(lambda: self.peer.count("transfers") > polls + 2, "some polls")
            self.end(service)
            self.assertEqual(self.peer.count("/api/scan/block"), 1)
            self.assertEqual(self.peer.count("/api/scan/token"), 1)


if __name__ == "__main__":
    main()
