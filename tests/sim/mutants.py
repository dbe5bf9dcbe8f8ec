#!/usr/bin/env python3
"""Does the simulator notice? Each mutant is a bug made on purpose in a copy of the tree; the
simulator is built there and plays seeds until one fails.

    tests/sim/mutants.py [--seeds N] [--copy DIR] [NAME ...]

Needs `build` as ./dev test leaves it; the work tree is never changed. Prints a table; the exit code
is 1 if a mutant survives or does not build.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIM = Path("build/tests/sim/sim")


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    text: str         # occurs once
    replacement: str
    meaning: str


MUTANTS = (
    Mutant("fork_ignored", "stages/lifecycle.cpp",
           "for (Block const& block : gone) settle(block, AlertState::retracted);",
           "for (Block const& block : gone) settle(block, AlertState::final);",
           "alerts of a block that was left become final"),
    Mutant("credit_off_by_one", "stages/subscan_source.cpp",
           "for (; told < max_burst; ++told) {",
           "for (; told <= max_burst; ++told) {",
           "the legacy source says one fact more than there is credit for"),
    Mutant("dedup_too_wide", "stages/journal.cpp",
           "case AlertState::seen: return after != AlertState::seen;",
           "case AlertState::seen: return after == AlertState::retracted;",
           "an alert is said once, and not again when it is final"),
    Mutant("dedup_too_narrow", "stages/journal.cpp",
           "case AlertState::final: return false;",
           "case AlertState::final: return after == AlertState::final;",
           "a final alert is said as final again"),
    Mutant("threshold", "stages/rules.cpp",
           "levels.at[i] = value.value_or(0);",
           "levels.at[i] = value.value_or(0) + 1;",
           "a threshold is not met at equality"),
    Mutant("not_synced", "io/database.cpp",
           'options.durable ? "FULL" : "OFF"',
           'options.durable ? "OFF" : "OFF"',
           "commits are not on disk when they return"),
    Mutant("torn_line_stays", "stages/stream_tail.cpp",
           "if (auto done = file.cut(*size); !done)",
           "if (auto done = file.size(); !done)",
           "a line torn by a crash is left in the stream"),
    Mutant("backlog_forgotten", "stages/stream_tail.cpp",
           "            start.after = found;\n            return {};",
           "            start.after = journal.last_seq().value_or(found);\n            return {};",
           "what was committed and not written before a crash is not written after it"),
    Mutant("covered_untold", "stages/follower.cpp",
           "if (needs_telling(block)) return false;\n    bool const of_interest = block.told;",
           "bool const of_interest = true;",
           "a block is said to be final before its events were told"),
    Mutant("gap_ignored", "stages/custody.cpp",
           "return ranges.size() > 1 ||\n",
           "return ranges.size() > 2 ||\n",
           "one hole in the ledger is nobody's business"),
    Mutant("wrong_runtime", "stages/rpc_source_blocks.cpp",
           "if (auto const version = read_upgrade(values.upgrade)) return *version;",
           "if (auto const version = read_upgrade(values.upgrade))\n"
           "            return current_spec_ != 0 ? current_spec_ : *version;",
           "a block after an upgrade is read by the runtime before it"),
    Mutant("held_for_ever", "stages/handover.cpp",
           "await(queue, {now + patience[queue], place, slot.generation});",
           "await(queue, {now + 1'000 * patience[queue], place, slot.generation});",
           "what waits for a silent path waits for ever"),
    Mutant("settled_too_early", "stages/subscan_poll.cpp",
           "settle(std::min(range_.to, std::max(final_before_, far)));",
           "settle(std::max(range_.to, far));",
           "legacy's cursor passes rows that are not final"),
    Mutant("rollback_unheard", "stages/governor.cpp",
           "    return force(std::move(next), who, action, from, to);",
           "    next.mode = state_.mode;\n"
           "    next.of(FlagName::hybrid_traffic_percent) =\n"
           "        state_.of(FlagName::hybrid_traffic_percent);\n"
           "    return force(std::move(next), who, action, from, to);",
           "a rollback is acknowledged and changes nothing"),
    Mutant("pins_forgotten", "config/topology.cpp",
           "        options.pins.push_back({pin.account, pin.pin, pin.until_unix_ms});",
           "        static_cast<void>(pin);",
           "a routing stage that begins does not know the pins that are stored"),
    Mutant("freeze_unheard", "stages/governor.cpp",
           "    if (frozen())\n        return \"frozen: hybrid",
           "    if (frozen() && state_.locked)\n        return \"frozen: hybrid",
           "a freeze is acknowledged, and promotion goes on"),
    Mutant("tiers_swapped", "stages/routing.cpp",
           "subject.tier <= regime.tier);",
           "subject.tier < regime.tier);",
           "a canary tier that is admitted is left on legacy"),
    Mutant("holes_of_another_chain", "stages/deliver.cpp",
           "wants_.emit(want.chain, want);",
           "wants_.emit(0, want);",
           "what one chain lacks is ordered from another one's history"),
    Mutant("patterns_begin_anew", "config/topology.cpp",
           "        again = reread->blocks;\n",
           "        again = Stretch{reread->blocks.to, reread->blocks.to};\n",
           "what patterns knew before a restart is not read again"),
    Mutant("window_too_short", "stages/pattern_gathering.cpp",
           "std::min(moved.time_s, options.window_s);",
           "std::min(moved.time_s, options.window_s - 1);",
           "what is exactly as old as the window is left out"),
)


def copy_tree(to):
    def skipped(directory, names):
        here = Path(directory) == ROOT
        return [name for name in names
                if name in (".git", "__pycache__", "node_modules")
                or (here and name.startswith("build") and name != "build")]
    shutil.copytree(ROOT, to, ignore=skipped, symlinks=True)


def play(copy, seeds):
    """The first seed that fails, and why; (None, None) if all pass."""
    # A seed at a time: a mutant may end the whole process by a CHECK, or hang it.
    for first in range(1, seeds + 1):
        try:
            run = subprocess.run(
                [copy / SIM, "--quiet", "--shrink", "0", "--seeds", "1", "--first", str(first)],
                cwd=copy, capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return first, "it stands still"
        if run.returncode != 0:
            said = re.search(r"^after .*", run.stdout, re.M) or re.search(r"CHECK.*", run.stderr)
            return first, said[0][:90] if said else f"exit code {run.returncode}"
    return None, None


def attempt(mutant, copy, seeds):
    path = copy / mutant.file
    before = path.read_text()
    if before.count(mutant.text) != 1:
        return None, f"its text occurs {before.count(mutant.text)} times in {mutant.file}", False
    path.write_text(before.replace(mutant.text, mutant.replacement))
    try:
        built = subprocess.run(
            ["ninja", "-j1", "-C", copy / "build", SIM.relative_to("build")],
            capture_output=True, text=True, check=False)
        if built.returncode != 0:
            return None, "does not build: " + built.stdout[-400:], False
        seed, why = play(copy, seeds)
        return seed, why or "SURVIVED", seed is not None
    finally:
        path.write_text(before)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--copy", type=Path, help="where the copy is made, and kept")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    with tempfile.TemporaryDirectory() as temporary:
        copy = options.copy or Path(temporary) / "tree"
        if not copy.exists():
            copy_tree(copy)
        survived = 0
        print(f"{'mutant':22} {'seed':>5} {'s':>5}  what the simulator said")
        for mutant in chosen:
            begun = time.monotonic()
            seed, why, caught = attempt(mutant, copy, options.seeds)
            survived += not caught
            print(f"{mutant.name:22} {seed or '-':>5} {time.monotonic() - begun:5.0f}  {why}",
                  flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
