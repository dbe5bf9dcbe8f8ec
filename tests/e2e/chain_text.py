"""Amounts, ids and addresses as text, written from their definitions and not from the program."""

import hashlib


def tokens(raw, decimals):
    """The shortest exact decimal text of raw / 10^decimals."""
    digits = str(raw).zfill(decimals + 1)
    whole, part = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    part = part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def alert_id(genesis, alert):
    """The identity of an alert as the contract defines it: BLAKE2b-256, its first 16 bytes."""
    def key(party):
        raw = bytes.fromhex(alert[party]["public_key"][2:]) if party in alert else b""
        return bytes([len(raw)]) + raw
    text = (bytes.fromhex(genesis[2:]) + alert["block"]["number"].to_bytes(4, "little")
            + alert["event"]["index"].to_bytes(4, "little") + key("from") + key("to")
            + int(alert["amount_raw"]).to_bytes(16, "little") + alert["rule"].encode())
    return hashlib.blake2b(text, digest_size=32).digest()[:16].hex()


BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def ss58(key, prefix):
    """The SS58 text of a public key (registry and checksum as the SS58 page describes them)."""
    if prefix < 64:
        head = bytes([prefix])
    else:
        head = bytes([((prefix & 0b1111_1100) >> 2) | 0b0100_0000,
                      (prefix >> 8) | ((prefix & 0b11) << 6)])
    body = head + key
    body += hashlib.blake2b(b"SS58PRE" + body, digest_size=64).digest()[:2]
    number, text = int.from_bytes(body, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = BASE58[rest] + text
    return "1" * (len(body) - len(body.lstrip(b"\0"))) + text
