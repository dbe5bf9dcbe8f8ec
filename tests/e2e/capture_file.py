"""Capture files, written as io/capture.hpp describes them, from the recorded blocks: by other means
than the program's own, so that it is also held against its format."""

import hashlib
import json
import struct

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                      0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def _rotate(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & MASK


def _round(accumulator, lane):
    return _rotate((accumulator + lane * P2) & MASK, 31) * P1 & MASK


def xxh64(data, seed=0):
    """xxHash's specification, "XXH64 algorithm description"."""
    whole = len(data) // 32 * 32
    if whole:
        lanes = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        for stripe in struct.iter_unpack("<4Q", data[:whole]):
            lanes = [_round(a, b) for a, b in zip(lanes, stripe)]
        value = sum(_rotate(a, n) for a, n in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * P1 + P4) & MASK
    else:
        value = (seed + P5) & MASK
    value = (value + len(data)) & MASK
    rest = data[whole:]
    while len(rest) >= 8:
        lane = _round(0, int.from_bytes(rest[:8], "little"))
        value = (_rotate(value ^ lane, 27) * P1 + P4) & MASK
        rest = rest[8:]
    if len(rest) >= 4:
        lane = int.from_bytes(rest[:4], "little") * P1 & MASK
        value = (_rotate(value ^ lane, 23) * P2 + P3) & MASK
        rest = rest[4:]
    for byte in rest:
        value = _rotate(value ^ byte * P5 & MASK, 11) * P1 & MASK
    for shift, prime in ((33, P2), (29, P3), (32, 1)):
        value = (value ^ value >> shift) * prime & MASK
    return value


def _blob(data):
    return len(data).to_bytes(4, "little") + data


def _record(kind, payload):
    head = struct.pack("<IB3x", len(payload), kind)
    return head + xxh64(payload, xxh64(head)).to_bytes(8, "little") + payload


def _raw(text):
    return bytes.fromhex(text[2:])


class CorpusChain:
    """The recorded blocks of one chain, oldest first."""

    def __init__(self, corpus, name, symbol, decimals, prefix):
        self.corpus, self.name = corpus, name
        self.symbol, self.decimals, self.prefix = symbol, decimals, prefix
        self.genesis = hashlib.blake2b(name.encode(), digest_size=32).digest()
        files = (json.loads(path.read_text(encoding="utf-8"))
                 for path in corpus.glob(f"events/{name}-*.json"))
        self.blocks = sorted(files, key=lambda block: block["blockNumber"])
        self.bodies = {}
        for path in corpus.glob(f"blocks/{name}-*.json"):
            body = json.loads(path.read_text(encoding="utf-8"))
            self.bodies[body["blockNumber"]] = body

    def extrinsics(self, number):
        body = self.bodies.get(number)
        return [_raw(one) for one in body["rpc"]["block"]["extrinsics"]] if body else []

    def block_hash(self, block):
        given = block.get("blockHash")
        return _raw(given) if given else hashlib.blake2b(
            str(block["blockNumber"]).encode(), digest_size=32).digest()

    def records(self):
        properties = {"ss58Format": self.prefix, "tokenDecimals": self.decimals,
                      "tokenSymbol": self.symbol}
        description = {"name": self.name, "specName": self.name, "properties": properties}
        yield _record(1, self.genesis + _blob(json.dumps(description).encode()))
        versions, parent = {}, bytes(32)  # of metadata: those a capture knows apart
        for block in self.blocks:
            if block["metadata"] not in versions:
                versions[block["metadata"]] = len(versions) + 1
                metadata = (self.corpus / block["metadata"]).read_bytes()
                yield _record(2, versions[block["metadata"]].to_bytes(4, "little") + _blob(b"{}")
                              + _blob(metadata))
            extrinsics = self.extrinsics(block["blockNumber"])
            timestamp = int(self.bodies.get(block["blockNumber"], {}).get("timestamp") or 0)
            own = self.block_hash(block)
            yield _record(3, block["blockNumber"].to_bytes(8, "little") + own + parent
                          + timestamp.to_bytes(8, "little")
                          + versions[block["metadata"]].to_bytes(4, "little") + _blob(b"")
                          + _blob(_raw(block["eventsHex"])) + len(extrinsics).to_bytes(4, "little")
                          + b"".join(map(_blob, extrinsics)) + bytes(4))
            parent = own

    def transfers(self):
        """[(block, event index, transfer)], what was reported twice once."""
        found = []
        for block in self.blocks:
            reported = set()
            for one in block["transfers"]:
                what = (one["extrinsicIndex"], one["from"], one["to"], one["amount"])
                if one["pallet"] == "Currencies" and what in reported:
                    continue
                reported.add(what)
                found.append((block["blockNumber"], one["eventIndex"], one))
        return found


def write_capture(path, chains):
    with open(path, "wb") as file:
        file.write(b"spyhop-capture 1\n".ljust(32, b"\0"))
        for chain in chains:
            for record in chain.records():
                file.write(record)
