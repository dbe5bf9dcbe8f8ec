"""`spyhop decode` over generated and damaged values and every metadata blob of the corpus, against
lines rebuilt from the decoded truth beside them (recorded blocks: test_decode.py).

The truth was made by @polkadot/types and an independent walk over the type registry; this file
only writes it down as the contract's section 6 says: one object a line, members in this order,
text as JSON writes it without blanks and without escapes that need not be.

    python3 test_decode_corpus.py     SPYHOP_BIN, SPYHOP_CORPUS (default ../shared/corpus)
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = os.environ.get("SPYHOP_BIN", str(ROOT / "build" / "spyhop"))
CORPUS = pathlib.Path(os.environ.get("SPYHOP_CORPUS") or ROOT.parent / "shared" / "corpus")
SS58_PREFIX_MAX = 16383  # an SS58 text has 14 bits for it; a chain that says more has no such text


def need(part):
    if (CORPUS / part).exists():
        return
    text = f"NOT TESTED: no recorded data at {CORPUS / part}; set SPYHOP_CORPUS"
    print(text, file=sys.stderr)
    raise unittest.SkipTest(text)


def canonical(fields):
    """A composite's JSON: null, the one unnamed value, a list of unnamed ones, or an object."""
    if not fields:
        return None
    if fields[0]["name"] is not None:
        return {field["name"]: field["value"] for field in fields}
    return fields[0]["value"] if len(fields) == 1 else [field["value"] for field in fields]


def line_of(event):
    record = {"index": event["index"], "phase": event["phase"], "pallet": event["pallet"],
              "event": event["event"], "fields": canonical(event["fields"]),
              "topics": event["topics"]}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def spyhop(*arguments, data=None):
    done = subprocess.run([BIN, *map(str, arguments)], input=data, capture_output=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Golden(unittest.TestCase):
    maxDiff = 3000

    def decode(self, metadata, data):
        return spyhop("decode", "events", "--metadata", CORPUS / metadata, "--input", "-",
                      data=data)

    def assert_decodes(self, block, metadata, data, name):
        code, out, err = self.decode(metadata, data)
        self.assertEqual((code, err), (0, ""), name)
        wanted = [line_of(event) for event in block["expected"]]
        for ours, theirs in zip(out.splitlines(), wanted):
            self.assertEqual(ours, theirs, name)
        self.assertEqual(len(out.splitlines()), len(wanted), name)
        self.assertTrue(out == "" or out.endswith("\n"))


class Generated(Golden):
    def test_every_generated_batch(self):
        need("generated")
        batches = events = 0
        for path in sorted((CORPUS / "generated").iterdir()):
            opened = gzip.open if path.suffix == ".gz" else open
            with opened(path, "rt", encoding="utf-8") as lines:
                metadata = json.loads(next(lines))["metadata"]
                for row in map(json.loads, filter(str.strip, lines)):
                    self.assert_decodes(row, metadata, row["eventsHex"].encode(), path.name)
                    batches += 1
                    events += len(row["expected"])
        print(f"{batches} generated batches, {events} events")


class Damaged(Golden):
    """Recorded values that were damaged: an error is told, after what stood before it."""

    def rows(self):
        need("malformed")
        lines = (CORPUS / "malformed" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def check(self, row, truth):
        data = bytes.fromhex(row["eventsHex"][2:])
        code, out, err = self.decode(row["metadata"], row["eventsHex"].encode())
        self.assertEqual(code, 1, row["kind"])
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertRegex(err, r"byte|offset", row["kind"])
        lines = out.splitlines()
        for line in lines:
            json.loads(line)
        # What the damage does not reach is told as it was.
        original = bytes.fromhex(truth["eventsHex"][2:])
        same = 0
        while same < min(len(data), len(original)) and data[same] == original[same]:
            same += 1
        whole = [e for e in truth["expected"] if e["span"][1] <= same]
        before = [line_of(event) for event in whole]
        everything = [line_of(event) for event in truth["expected"]]
        if row["kind"] in ("trailing-byte", "count-plus-one"):
            self.assertEqual(lines, everything)
        elif row["kind"] == "truncated":
            self.assertEqual(lines, before)
            if data[:1] == original[:1]:
                self.assertRegex(err, rf"\b{len(whole)}\b", "the index of the event is named")
        elif row["kind"].startswith("unknown-"):
            self.assertEqual(lines[:len(before)], before)
        # A count that was overwritten moves everything behind it; nothing can be said about that.

    def test_every_damaged_value(self):
        rows, kinds = self.rows(), {}
        for row in rows:
            truth = json.loads((CORPUS / row["from"]).read_text(encoding="utf-8"))
            with self.subTest(kind=row["kind"], of=row["from"]):
                self.check(row, truth)
            kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
        print(f"{len(rows)} damaged values: {kinds}")


def prefix_beyond(row):
    prefix = row.get("ss58Prefix")
    return prefix if prefix is not None and prefix > SS58_PREFIX_MAX else object()


class Metadata(Golden):
    def test_a_summary_of_every_blob(self):
        need("INDEX.json")
        index = json.loads((CORPUS / "INDEX.json").read_text(encoding="utf-8"))
        read = refused = 0
        for row in index["metadata"]:
            path = CORPUS / row["file"]
            code, out, err = spyhop("decode", "metadata", "--metadata", path, "-o", "json")
            version = path.read_bytes()[4]
            if version < 14:
                self.assertEqual((code, out), (1, ""), path.name)
                self.assertIn(str(version), err)
                refused += 1
                continue
            self.assertEqual((code, err), (0, ""), path.name)
            summary = json.loads(out)
            self.assertEqual(summary["version"], version)
            for ours, theirs in (("spec_name", "specName"), ("spec_version", "specVersion"),
                                 ("ss58_prefix", "ss58Prefix"), ("pallets", "pallets"),
                                 ("events", "eventVariants"), ("types", "types")):
                if row.get(theirs) is not None and row[theirs] != prefix_beyond(row):
                    self.assertEqual(summary[ours], row[theirs], f"{path.name}: {ours}")
            read += 1
        print(f"{read} blobs summarised, {refused} of old versions refused by number")

    def test_what_is_no_metadata(self):
        for data, word in ((b"", "meta"), (b"meta", ""), (b"0x6d657461ff", "255"),
                           (b"not metadata at all", ""), (b"meta\x0e" + b"\xff" * 64, "")):
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                code, out, err = spyhop("decode", "metadata", "--metadata", file.name)
                self.assertEqual((code, out), (1, ""), data)
                self.assertEqual(len(err.splitlines()), 1, err)
                self.assertIn(word, err)

    def test_a_table_for_people(self):
        path = ROOT / "tests" / "data" / "metadata"
        for blob in sorted(path.glob("*.scale")):
            code, out, err = spyhop("decode", "metadata", "--metadata", blob)
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, r"metadata version  1[456]")


if __name__ == "__main__":
    if not pathlib.Path(BIN).is_file():
        sys.exit(f"SPYHOP_BIN names no file: {BIN}")
    unittest.main(verbosity=2)
