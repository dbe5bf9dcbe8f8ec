#!/usr/bin/env python3
"""From the death of hybrid to the first alert by legacy, at 100 % on hybrid: bench/death.py [N]

Hybrid is stopped first, until legacy holds events that hybrid should speak for; then it is killed.
Two moments count: when routing has obeyed (the service's own word, from the death it saw), and when
legacy's first line is in the sink, behind an fsync, by the killer's clock. SPYHOP_BIN names the
binary.
"""

import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
from harness import main  # noqa: E402
from test_processes import children_of  # noqa: E402
from two_paths import TwoPaths  # noqa: E402

ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 20
LONG_S = 60


class Death(TwoPaths):
    service_keys = TwoPaths.service_keys + 'watchdog = "5m"\n'  # it may be stopped for long

    def test_death(self):
        sink = self.folder / "alerts.ndjson"
        service = self.both(flags="hybrid_traffic_percent = 100", sink=str(sink), wait=False,
                            extra='[routing]\nhybrid_patience = "5m"\n'
                                  # The check would answer each death once more, a moment later.
                                  '[health]\ncrash = { threshold = 1000 }')
        self.place = 0
        obeyed, spoken = [], []
        for _ in range(ROUNDS):
            self.until_line(sink, "hybrid")
            hybrid = children_of(service)["hybrid"]
            os.kill(hybrid, signal.SIGSTOP)
            service.wait_until(lambda: self.held() > 0, "legacy to hold something")
            self.place = sink.stat().st_size
            said = len(service.err)
            killed = time.monotonic()
            os.kill(hybrid, signal.SIGKILL)
            spoken.append(self.until_line(sink, "legacy") - killed)
            line = service.wait_line(r"legacy speaks for all since (\d+) us", start=said)
            obeyed.append(int(line.group(1)) / 1e6)
            self.ask("unlock", "--reason", "bench")
            self.ask("flag", "set", "hybrid_traffic_percent", "100")
        self.end(service)
        for what, times in (("death seen to regime stored", obeyed),
                            ("kill to legacy's first line in the sink", spoken)):
            times.sort()
            print(f"{what}: p50 {times[len(times) // 2] * 1e3:.2f} ms, "
                  f"max {times[-1] * 1e3:.2f} ms, {len(times)} deaths")

    def held(self):
        found = re.search(r"^spyhop_route_held_matches\S* (\d+)", self.run_spyhop(
            "metrics", "-s", self.folder / "admin.sock")[1], re.M)
        return int(found.group(1))

    def until_line(self, sink, path):
        """When a line by this path has come; spins, so that nothing is added."""
        mark, end = f'"path":"{path}"'.encode(), time.monotonic() + LONG_S
        while time.monotonic() < end:
            if not sink.exists() or sink.stat().st_size <= self.place:
                continue
            with sink.open("rb") as file:
                file.seek(self.place)
                whole = file.read()
            now = time.monotonic()
            self.place += whole.rfind(b"\n") + 1
            if mark in whole:
                return now
        raise AssertionError(f"no line by {path} in {LONG_S} s")


if __name__ == "__main__":
    main()
