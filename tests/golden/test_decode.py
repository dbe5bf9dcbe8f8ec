#!/usr/bin/env python3
"""spyhop decode, from outside: the corpus' blocks to the letter, every spelling of the input, exit
codes, one line of error.

usage: test_decode.py SPYHOP; reads $SPYHOP_CORPUS (default ../shared/corpus), says so and skips
(exit 77) without it."""

import json
import os
import pathlib
import subprocess
import sys

CORPUS = pathlib.Path(os.environ.get("SPYHOP_CORPUS", "../shared/corpus"))


def decode(spyhop, metadata, value):
    words = [spyhop, "decode", "events", "--metadata", str(CORPUS / metadata), "--input", "-"]
    run = subprocess.run(words, input=value, capture_output=True, check=False, timeout=60)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def line_of(event):
    fields = event["fields"]
    if not fields:
        shown = None
    elif fields[0]["name"] is not None:
        shown = {field["name"]: field["value"] for field in fields}
    elif len(fields) == 1:
        shown = fields[0]["value"]
    else:
        shown = [field["value"] for field in fields]
    record = {key: event[key] for key in ("index", "phase", "pallet", "event")}
    record |= {"fields": shown, "topics": event["topics"]}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def check_block(spyhop, path):
    block = json.loads(path.read_text())
    text = block["eventsHex"]
    raw = bytes.fromhex(text[2:])
    expected = "".join(line_of(event) + "\n" for event in block["expected"])
    spellings = [text.encode(), text[2:].encode() + b"\n", raw]
    for value in spellings:
        assert decode(spyhop, block["metadata"], value) == (0, expected, ""), path
    begin, end = block["expected"][-1]["span"]
    cut = raw[: (begin + end) // 2]
    code, out, err = decode(spyhop, block["metadata"], cut)
    assert (code, out) == (1, "".join(expected.splitlines(True)[:-1])), path
    assert err.count("\n") == 1 and "byte" in err and "event" in err and "type" in err, err
    code, out, err = decode(spyhop, block["metadata"], raw + b"\0")
    assert (code, out) == (1, expected) and "left over" in err, err


def main():
    spyhop = sys.argv[1]
    if not CORPUS.exists():
        print(f"CORPUS ABSENT: {CORPUS} does not exist; set SPYHOP_CORPUS", file=sys.stderr)
        return 77
    count = 0
    for path in sorted((CORPUS / "events").glob("*.json"))[::3]:
        check_block(spyhop, path)
        count += 1
    old = next((CORPUS / "metadata").glob("*.v13.scale"))
    code, out, err = decode(spyhop, old.relative_to(CORPUS), b"00")
    assert code == 1 and out == "" and "version 13 is not supported" in err, err
    run = subprocess.run([spyhop, "decode", "metadata", "-o", "json", "--metadata",
                          str(CORPUS / "metadata/polkadot-2000000.v15.scale")],
                         capture_output=True, check=True, timeout=60)
    summary = json.loads(run.stdout)
    assert summary["version"] == 15 and summary["events"] == 311
    assert summary["spec_version"] == 2000000
    print(f"{count} blocks, {5 * count} decodes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
