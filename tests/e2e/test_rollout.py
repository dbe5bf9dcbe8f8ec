"""Both paths beside each other: the comparison, the rollout, health, and the way back over HTTP."""

import json
import urllib.error
import urllib.request

from harness import main
from subscan_peer import KEY
from two_paths import TOKEN, TwoPaths


class Rollout(TwoPaths):
    def test_the_paths_agree_and_the_report_says_how_sure_that_is(self):
        service = self.both()
        chain = lambda: self.ask("shadow", "report")["chains"][0]
        service.wait_until(lambda: chain()["pairs"] >= 20, "pairs")
        report = chain()
        self.assertEqual(report["agree"] + report["late"], report["pairs"], report)
        accuracy = report["accuracy"]
        self.assertEqual(accuracy["estimate"], 1)
        self.assertLess(accuracy["lower"], 1)
        self.assertEqual(accuracy["upper"], 1)
        self.assertGreater(report["latency_ratio"]["estimate"], 1)
        self.assertEqual(self.ask("shadow", "mismatches")["mismatches"], [])

    def test_the_rollout_starts_pauses_promotes_by_hand_and_survives_a_restart(self):
        service = self.both(flags="hybrid_traffic_percent = 0")
        plan = self.ask("rollout", "plan")
        self.assertEqual(self.ask("rollout", "status")["phase"], "idle")
        self.ask("rollout", "promote", codes=(4,))
        self.ask("flag", "set", "hybrid_traffic_percent", "12.5")
        self.assertEqual(self.ask("rollout", "status")["in_force_percent"], 12.5)
        self.assertIn("in force is hybrid 12.5 %, set by hand",
                      self.run_spyhop("rollout", "status", "-s", self.folder / "admin.sock")[1])
        self.ask("rollout", "start", "--reason", "week one")
        self.assertEqual(self.ask("rollout", "status")["phase"], "running")
        refused = self.ask("rollout", "promote", codes=(4,))
        self.assertTrue(refused["error"])
        self.ask("rollout", "pause")
        self.ask("rollout", "resume")
        self.assertIn(self.run_spyhop("ready", "-s", self.folder / "admin.sock")[0], (6, 7))
        self.end(service)
        config = self.folder / "spyhop.toml"
        service = self.service(config, environment={"MADE_UP": KEY})
        self.assertEqual(self.ask("rollout", "status")["phase"], "running")
        actions = [entry["action"] for entry in self.ask("audit")["entries"]]
        self.assertEqual(actions, ["flag set hybrid_traffic_percent", "rollout start",
                                   "rollout pause", "rollout resume"])
        self.ask("rollback", "--reason", "enough")
        locked = lambda: self.ask("rollout", "status")["phase"] == "locked"
        service.wait_until(locked, "the rollout is locked")
        self.ask("rollout", "start", codes=(4,))
        self.assertTrue(plan["steps"])

    def test_health_shows_every_check(self):
        self.both()
        health = self.ask("health")
        names = {check["check"] for check in health["checks"]}
        self.assertLessEqual({"error_rate", "latency", "alert_mismatch", "crash", "quality",
                              "latency_regression", "rpc_lost", "memory", "block_progress",
                              "queue_depth", "quota"}, names)
        self.assertEqual(self.ask("incidents")["incidents"], [])

    def test_over_http_health_metrics_and_the_emergency_rollback(self):
        service = self.both(flags="hybrid_traffic_percent = 100", http=True)
        url = service.wait_line(r"listening on (http://127\.0\.0\.1:\d+)").group(1)

        def call(path, method="GET", token=None, body=None):
            request = urllib.request.Request(url + path, method=method, data=body)
            if token is not None:
                request.add_header("Authorization", f"Bearer {token}")
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        self.assertEqual(call("/healthz"), (200, "ok\n"))
        service.wait_until(lambda: call("/readyz")[0] == 200, "every source has spoken")
        self.assertIn("spyhop_route_alerts_total", call("/metrics")[1])
        status, text = call("/api/status")
        self.assertEqual((status, json.loads(text)["mode"]), (200, "normal"))
        self.assertEqual(call("/nothing")[0], 404)
        self.assertEqual(call("/api/shutdown")[0], 403)
        back = "/admin/emergency-rollback"
        order = json.dumps({"reason": "bad alerts", "operator": "ann"}).encode()
        self.assertEqual(call(back)[0], 405)
        self.assertEqual(call("/metrics", "POST", TOKEN, b"")[0], 405)
        for token in (None, "", TOKEN[:-1], TOKEN + "x", TOKEN.upper()):
            self.assertEqual(call(back, "POST", token, order)[0], 401, token)
        self.assertEqual(call(back, "POST", TOKEN, b"nonsense")[0], 400)
        self.assertEqual(call(back, "POST", TOKEN, b"x" * 200_000)[0], 413)
        self.assertEqual(json.loads(call("/api/status")[1])["mode"], "normal")
        status, text = call(back, "POST", TOKEN, order)
        answer = json.loads(text)
        self.assertEqual((status, answer["ok"]), (200, True), text)
        self.assertGreater(answer["stored_to_obeyed_us"], 0)
        self.assertEqual(json.loads(call("/api/status")[1])["mode"], "legacy")
        entry = self.ask("audit")["entries"][-1]
        self.assertEqual((entry["action"], entry["actor"], entry["reason"]),
                         ("rollback", "http (ann)", "bad alerts"))
        self.end(service)
        self.assertNotIn(TOKEN, "\n".join(service.err))


if __name__ == "__main__":
    main()
