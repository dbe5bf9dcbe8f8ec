"""`spyhop decode extrinsic` over every recorded extrinsic of the corpus, against the truth beside
it; every spelling of the input; what became of them by their block's events; exit codes and the one
line of error.

The corpus does not hold arguments as JSON but for the time of each block.

    python3 test_decode_extrinsic.py     SPYHOP_BIN, SPYHOP_CORPUS (default ../shared/corpus)
"""

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
OUTCOMES = {"ExtrinsicSuccess": "ok", "ExtrinsicFailed": "failed"}


def setUpModule():
    if not (CORPUS / "blocks").exists():
        text = f"NOT TESTED: no recorded data at {CORPUS}; set SPYHOP_CORPUS"
        print(text, file=sys.stderr)
        raise unittest.SkipTest(text)


def decode(metadata, data, *more):
    words = [BIN, "decode", "extrinsic", "--metadata", CORPUS / metadata, "--input", "-", *more]
    done = subprocess.run([str(word) for word in words], input=data, capture_output=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def blocks():
    for path in sorted((CORPUS / "blocks").glob("*.json")):
        block = json.loads(path.read_text())
        texts = block["rpc"]["block"]["extrinsics"]
        yield path.name, block, list(zip(texts, block["expected"], strict=True))


def account_of(signer):
    """The bytes of an address of the corpus as the command shows them: MultiAddress or a key."""
    return {"Id": "0x" + signer[4:]} if len(signer) == 68 else signer


class DecodeExtrinsic(unittest.TestCase):
    maxDiff = 3000

    def check(self, shown, truth, name):
        for key in ("hash", "length", "signed", "pallet", "call"):
            self.assertEqual(shown[key], truth[key], (name, key))
        self.assertEqual(shown["version"], truth["version"] & 0x3F, name)
        self.assertEqual(shown["kind"], "signed" if truth["signed"] else "bare", name)
        self.assertEqual(shown["nonce"], truth.get("nonce"), name)
        self.assertEqual(shown["tip"], truth.get("tip"), name)
        self.assertEqual(shown["extension_version"], None, name)
        self.assertIs(shown["calls_complete"], True, name)
        if truth["signed"]:
            self.assertEqual(shown["signer"], account_of(truth["signer"]), name)
            self.assertEqual(shown["fee_payer"], "0x" + truth["signer"][-64:], name)
        else:
            self.assertEqual((shown["signer"], shown["fee_payer"]), (None, None), name)
            self.assertEqual([one["origin"] for one in shown["calls"]], ["none"], name)

    def test_every_recorded_extrinsic(self):
        count = 0
        for name, block, extrinsics in blocks():
            for index, (text, truth) in enumerate(extrinsics):
                code, out, err = decode(block["metadata"], text.encode())
                self.assertEqual((code, err, out.count("\n")), (0, "", 1), (name, index))
                self.check(json.loads(out), truth, (name, index))
                count += 1
        self.assertEqual(count, 160)

    def test_the_time_of_every_block(self):
        for name, block, extrinsics in blocks():
            text = next(text for text, truth in extrinsics if truth["pallet"] == "Timestamp")
            shown = json.loads(decode(block["metadata"], text.encode())[1])
            self.assertEqual(shown["args"], {"now": block["timestamp"]}, name)
            self.assertEqual(shown["calls"][0]["args"], shown["args"], name)

    def test_what_became_of_them(self):
        seen = {}
        with tempfile.TemporaryDirectory() as folder:
            value = pathlib.Path(folder) / "events"
            for name, block, extrinsics in blocks():
                path = CORPUS / "events" / name
                if not path.exists():
                    continue
                truth = json.loads(path.read_text())
                value.write_text(truth["eventsHex"])
                for index, (text, _) in enumerate(extrinsics):
                    code, out, err = decode(block["metadata"], text.encode(), "--events", value,
                                            "--index", index)
                    self.assertEqual((code, err), (0, ""), (name, index))
                    shown = json.loads(out)["outcome"]
                    said = [OUTCOMES[event["event"]] for event in truth["expected"]
                            if event["phase"] == {"ApplyExtrinsic": index}
                            and event["pallet"] == "System" and event["event"] in OUTCOMES]
                    self.assertEqual([shown["dispatched"]], said, (name, index))
                    inner = [event["index"] for event in truth["expected"]
                             if event["phase"] == {"ApplyExtrinsic": index}
                             and event["pallet"] == "Utility" and event["event"] in
                             ("ItemFailed", "BatchInterrupted", "BatchCompletedWithErrors")]
                    told = [one["event_index"] for one in shown["inner_failures"]]
                    self.assertEqual(told, inner, (name, index))
                    self.assertEqual(shown["inner_failures_total"], len(inner), (name, index))
                    seen[shown["dispatched"]] = seen.get(shown["dispatched"], 0) + 1
        self.assertGreater(seen["ok"], 100)
        self.assertGreater(seen["failed"], 0)

    def test_every_spelling(self):
        block = json.loads((CORPUS / "blocks" / "polkadot-17844552.json").read_text())
        text = block["rpc"]["block"]["extrinsics"][2]
        raw = bytes.fromhex(text[2:])
        wanted = decode(block["metadata"], text.encode())
        self.assertEqual(wanted[0], 0)
        length = 2  # of the compact length in front: the extrinsic has more than 63 bytes
        for data in (raw, text[2:].encode() + b"\n", text.upper().replace("0X", "0x").encode(),
                     raw[length:], text[2 + 2 * length:].encode()):
            self.assertEqual(decode(block["metadata"], data), wanted)
        with tempfile.TemporaryDirectory() as folder:
            metadata = pathlib.Path(folder) / "metadata.hex"
            metadata.write_text("0x" + (CORPUS / block["metadata"]).read_bytes().hex() + "\n")
            self.assertEqual(decode(metadata, raw), wanted)

    def test_bad_input_is_one_line_and_exit_1(self):
        block = json.loads((CORPUS / "blocks" / "polkadot-17844552.json").read_text())
        raw = bytes.fromhex(block["rpc"]["block"]["extrinsics"][2][2:])
        broken = bytearray(raw)
        broken[2] = 0x85
        cases = [(b"", "byte 0"), (raw[:-1], f"byte {len(raw) - 1}"),
                 (raw + b"\0", f"1 bytes left over after the last value, from byte {len(raw)}"),
                 (bytes(broken), "byte 2 is 133"), (raw.hex().encode()[:-1], "odd number of hex"),
                 (b"0x2804zz", "not a hex digit at byte 6")]
        for data, words in cases:
            code, out, err = decode(block["metadata"], data)
            self.assertEqual((code, out, err.count("\n")), (1, "", 1), words)
            self.assertIn(words, err)
            self.assertTrue(err.startswith("spyhop: -: "), err)
        inside = bytearray(raw)
        inside[36] = 9  # the signature's tag
        code, _, err = decode(block["metadata"], bytes(inside))
        self.assertEqual(code, 1)
        self.assertIn("at byte 36", err)
        self.assertIn("in the extrinsic's signature, type 371 (sp_runtime::MultiSignature)", err)
        missing = decode("metadata/does-not-exist.scale", raw)
        self.assertEqual((missing[0], missing[1], missing[2].count("\n")), (1, "", 1))
        old = next((CORPUS / "metadata").glob("*.v13.scale")).relative_to(CORPUS)
        self.assertIn("version 13 is not supported", decode(old, raw)[2])

    def test_usage(self):
        metadata = CORPUS / "metadata/polkadot-9431.v14.scale"
        for words in (["--input", "-"], ["--metadata", metadata],
                      ["--metadata", metadata, "--input", "-", "--events", "x"],
                      ["--metadata", metadata, "--input", "-", "--index", "1"],
                      ["--metadata", metadata, "--input", "-", "--idnex", "1"]):
            run = [str(word) for word in (BIN, "decode", "extrinsic", *words)]
            done = subprocess.run(run, input=b"", capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        code, out, err = decode("metadata/polkadot-9431.v14.scale", b"", "--events", "-",
                                "--index", "0")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("only one of", err)


if __name__ == "__main__":
    unittest.main()
