"""Counts what a suite ran: `suite_report.py LOG` reads the JSON lines that `meson test` left.

Prints "PASSED FAILED SKIPPED" to stdout and the names of skipped cases to stderr. A case is a
GoogleTest or unittest case or a TAP line where the output shows them, else the whole program.
A suite without a single test counts as one failure: an empty suite proves nothing.
"""

import json
import re
import sys


def count_gtest(text):
    """(passed, failed, skipped, skipped names) of a GoogleTest run, or None."""
    if "[==========] Running" not in text:
        return None
    passed = len(re.findall(r"^\[       OK \] ", text, re.M))
    skipped = set(re.findall(r"^\[  SKIPPED \] (\S+?\.\S+)", text, re.M))
    failed = set(re.findall(r"^\[  FAILED  \] (\S+?\.[^\s,]+)", text, re.M))
    return passed, len(failed), len(skipped), sorted(skipped)


def count_unittest(text):
    ran = re.search(r"^Ran (\d+) tests? in", text, re.M)
    if ran is None:
        return None
    numbers = {name: int(n) for name, n in re.findall(r"(failures|errors|skipped)=(\d+)", text)}
    failed = numbers.get("failures", 0) + numbers.get("errors", 0)
    skipped = numbers.get("skipped", 0)
    return int(ran.group(1)) - failed - skipped, failed, skipped, []


def count_tap(text):
    lines = re.findall(r"^(ok|not ok)\b(.*)$", text, re.M)
    if not lines:
        return None
    skipped = [rest.strip() for word, rest in lines if word == "ok" and "# SKIP" in rest]
    failed = sum(1 for word, _ in lines if word == "not ok")
    return len(lines) - failed - len(skipped), failed, len(skipped), skipped


def count_program(entry):
    """(passed, failed, skipped, skipped names) of one entry of the log."""
    text = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    good = entry["result"] in ("OK", "EXPECTEDFAIL")
    if entry["result"] == "SKIP":
        return 0, 0, 1, [entry["name"]]
    for count in (count_gtest, count_unittest, count_tap):
        found = count(text)
        if found is not None and sum(found[:3]) > 0:
            passed, failed, skipped, names = found
            # A crash or a time-out fails the program although no case was reported as failed.
            return passed, failed if good or failed else 1, skipped, names
    return (1, 0, 0, []) if good else (0, 1, 0, [])


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            entries = [json.loads(line) for line in log if line.strip()]
    except OSError:
        entries = []
    if not entries:
        print("this suite has no tests", file=sys.stderr)
        print("0 1 0")
        return
    totals = [0, 0, 0]
    for entry in entries:
        *numbers, names = count_program(entry)
        totals = [total + number for total, number in zip(totals, numbers)]
        for name in names:
            print(f"skipped: {name}", file=sys.stderr)
    print(*totals)


if __name__ == "__main__":
    main()
