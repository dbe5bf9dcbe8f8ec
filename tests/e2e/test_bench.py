"""`spyhop bench`: small runs of each command. Only shapes and counts are looked at, never times: a
test that fails on a busy machine says nothing."""

import json
import re

from harness import Case, main

QUANTILES = {"count", "p50", "p90", "p99", "p999", "max"}
RAN = (0, 6)  # it was measured; 6: on this machine a promise was not kept


class Bench(Case):
    def bench(self, *arguments):
        code, out, err = self.run_spyhop("bench", *arguments, "-o", "json",
                                         "--folder", self.folder)
        self.assertIn(code, RAN, err)
        document = json.loads(out)
        self.assertEqual(document["ok"], code == 0)
        self.assertEqual(document["command"], arguments[0])
        self.assertEqual(document["ok"], all(v["kept"] for v in document["verdicts"]))
        self.assertEqual([p.name for p in self.folder.glob("spyhop-bench-*")], [], "left behind")
        return document

    def assert_quantiles(self, found, count):
        self.assertEqual(set(found), QUANTILES)
        self.assertEqual(found["count"], count)
        values = [found[name] for name in ("p50", "p90", "p99", "p999", "max")]
        self.assertEqual(values, sorted(values))

    def small(self, *more):
        return ("latency", "--blocks", "4", "--warm-up", "3", "--block-time", "300ms",
                "--legacy-poll", "300ms", "--events", "60", "--alerts", "2", *more)

    def test_latency_counts_every_alert_of_every_contestant(self):
        report = self.folder / "report.html"
        found = self.bench(*self.small("--report", str(report)))
        rows = {row["name"]: row for row in found["contestants"]}
        self.assertLessEqual({"hybrid", "legacy", "floor"}, set(rows))
        self.assertEqual(rows["floor"]["expected"], 4)
        alerts = rows["hybrid"]["expected"]
        self.assertGreater(alerts, 0)
        for name, row in rows.items():
            self.assertEqual((row["missing"], row["doubled"], row["foreign"]), (0, 0, 0), row)
            expected = 4 if name == "floor" else alerts
            self.assertEqual(row["expected"], expected)
            self.assert_quantiles(row["due_to_seen_ns"], expected)
            self.assert_quantiles(row["sent_to_seen_ns"], expected)
        self.assertEqual([run["up_to"] for run in found["one_thread"]],
                         ["JSON", "hex", "SCALE", "decode", "detect", "route, enrich", "deliver",
                          "deliver, fsync"])
        self.assertIn("socket", [hop["name"] for hop in found["hops"]])
        page = report.read_text(encoding="utf-8")
        self.assertEqual(page.count("<polyline"), len(rows))
        self.assertNotIn("http://", page.replace("http://www.w3.org/2000/svg", ""))

    def test_latency_as_a_table(self):
        code, out, err = self.run_spyhop("bench", *self.small("--no-legacy", "--tls"))
        self.assertIn(code, RAN, err)
        self.assertRegex(out, r"spyhop, node +\d")
        self.assertRegex(out, r"bare WebSocket reader +\d")
        self.assertIn("wss on loopback", out)
        self.assertRegex(out, r"every alert, once +\d+ +\d+ +kept")

    def test_a_peer_that_ends_is_quoted(self):
        code, out, err = self.run_spyhop("bench", *self.small("--peer", "echo nonsense >&2; false"))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("the peer ended with 1", err)
        self.assertIn("nonsense", err)

    def test_throughput(self):
        found = self.bench("throughput", "--quick")
        groups = {row["group"] for row in found["rows"]}
        self.assertEqual(groups, {"sustained", "watched", "chains", "bursts"})
        for row in found["rows"]:
            self.assertEqual((row["missing"], row["doubled"], row["foreign"]), (0, 0, 0), row)
            self.assertEqual(row["events_per_s"] > 0, row["group"] == "sustained")
            self.assertGreater(row["pss_bytes"], 0)
        self.assertIn(1000, {row["watched"] for row in found["rows"]})
        burst = next(row for row in found["rows"] if row["group"] == "bursts")
        self.assertGreaterEqual(burst["expected"], 50)

    def test_idle(self):
        found = self.bench("idle", "--chains", "1", "--block-time", "200ms", "--length", "2s")
        row, = found["rows"]
        self.assertEqual((row["chains"], row["missing"]), (1, 0))
        self.assertEqual(row["processes"], 4)
        self.assertGreater(row["core_share"], 0)
        self.assertGreaterEqual(row["rss_bytes"], row["pss_bytes"])

    def test_soak_of_each_scenario(self):
        for name in ("", "coordination", "congestion", "api-failures", "memory-pressure"):
            with self.subTest(name):
                more = ("--scenario", name) if name else ()
                found = self.bench("soak", "--hours", "0.2", "--speed", "200", "--samples", "5",
                                   *more)
                self.assertEqual(found["scenario"], name)
                self.assertEqual(len(found["samples"]), 5)
                self.assertEqual((found["missing"], found["doubled"], found["foreign"]), (0, 0, 0))
                self.assertGreater(found["expected"], 0)
                self.assertEqual(found["restarts"], 0)

    def test_wrong_options_are_named(self):
        for arguments, pattern in ((("bench",), "--help"),
                                   (("bench", "latency", "--block-time", "0s"), "0s"),
                                   (("bench", "soak", "--scenario", "rain"), "rain")):
            code, out, err = self.run_spyhop(*arguments)
            self.assertEqual((code, out), (2, ""))
            self.assertTrue(re.search(pattern, err), err)

    def test_a_folder_that_cannot_be_used_is_named(self):
        nowhere = self.folder / "nowhere"
        for command in ("latency", "throughput", "idle", "soak"):
            code, out, err = self.run_spyhop("bench", command, "--folder", nowhere)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("writable", err)


if __name__ == "__main__":
    main()
