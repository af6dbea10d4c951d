"""Make the vectors of Ed25519's edges anew: `python -m tests.vectors.ed25519`.

Which keys may stand, and which signatures verify, where libraries are known to differ (record.md §1.5). Nothing here
computes on the curve: the library gives [a]B and [r]B as public keys, and adding the point of order 2, (0, −1), to
(x, y) gives (−x, −y), which is a change of spelling.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from tests.vectors.make import plain_key, write

from visavis.dialogue.acts import Rulebook
from visavis.errors import Malformed
from visavis.record.digest import to_text
from visavis.record.entry import Founding
from visavis.record.note import ED25519, parse_verifier_key, verifier_key
from visavis.record.proof import Passkey
from visavis.record.signature import is_proper, verifies
from visavis.rulebook import EDITION_1

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
SIGN = 1 << 255
ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SPKI = bytes.fromhex("302a300506032b6570032100")


def spelt(number: int) -> bytes:
    return number.to_bytes(32, "little")


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def scalar(key: Ed25519PrivateKey) -> int:
    """The secret scalar of RFC 8032 §5.1.5."""
    half = number(hashlib.sha512(key.private_bytes_raw()).digest()[:32])
    return half & (2**254 - 8) | 2**254


def turned(point: bytes) -> bytes:
    """The point plus the one of order 2: (−x, −y)."""
    value = number(point)
    return spelt((P - value % SIGN) | (SIGN - (value & SIGN)) & SIGN)


def points() -> list[dict[str, Any]]:
    small = [0, 1, P - 1, *(number(bytes.fromhex(y)) for y in ORDER_8)]
    named = [(f"small order, y = {hex(y)}", y) for y in small] + [(f"y = p + {n}", P + n) for n in range(19)]
    both = [
        (f"{name}, x {'odd' if sign else 'even'}", spelt(y | sign)) for name, y in named for sign in (0, SIGN)
    ]
    honest = plain_key(1).public_key().public_bytes_raw()
    good = [
        ("honest", honest),
        ("honest, of mixed order", turned(honest)),
        ("y = 2", spelt(2)),
        ("y = p − 2", spelt(P - 2)),
    ]
    return [{"name": name, "point": point.hex(), "proper": is_proper(point)} for name, point in good + both]


def signatures() -> list[dict[str, Any]]:
    key, nonce = plain_key(1), plain_key(2)
    a, r = scalar(key), scalar(nonce)
    public, point = (each.public_key().public_bytes_raw() for each in (key, nonce))
    one, minus = spelt(1), spelt(P - 1)

    def k(first: bytes, by: bytes, message: bytes) -> int:
        return number(hashlib.sha512(first + by + message).digest()) % L

    def made(first: bytes, by: bytes, message: bytes, nonce_scalar: int = r) -> bytes:
        return first + spelt((nonce_scalar + k(first, by, message) * a) % L)

    def message(first: bytes, by: bytes, even: bool) -> bytes:
        return next(m for n in range(99) if (k(first, by, m := b"%d" % n) % 2 == 0) is even)

    mixed = turned(public)
    even, odd = message(point, mixed, True), message(point, mixed, False)
    good = key.sign(b"m")
    cases = {
        "honest": (public, good, b"m"),
        "another message": (public, good, b"n"),
        "S + L": (public, good[:32] + spelt(number(good[32:]) + L), b"m"),
        "S with its highest bit": (public, good[:32] + spelt(number(good[32:]) | SIGN), b"m"),
        "a key of order 1, R of order 1, S = 0": (one, one + bytes(32), b"m"),
        "a key of order 2, R of order 1, S = 0": (minus, one + bytes(32), message(one, minus, True)),
        "a key of order 1, spelt p + 1": (spelt(P + 1), one + bytes(32), b"m"),
        "a key of order 1, x = 0 with a sign": (spelt(1 | SIGN), one + bytes(32), b"m"),
        "R of order 1": (public, made(one, public, b"m", 0), b"m"),
        "R of order 1, spelt p + 1": (public, made(spelt(P + 1), public, b"m", 0), b"m"),
        "R of order 1, x = 0 with a sign": (public, made(spelt(1 | SIGN), public, b"m", 0), b"m"),
        "R of mixed order: only with the cofactor": (public, made(turned(point), public, b"m"), b"m"),
        "a key of mixed order, with and without the cofactor": (mixed, made(point, mixed, even), even),
        "a key of mixed order: only with the cofactor": (mixed, made(point, mixed, odd), odd),
        "a key that is no point": (spelt(2), good, b"m"),
    }
    return [
        {"name": name, "key": by.hex(), "sig": sig.hex(), "message": m.hex(), "holds": verifies(by, sig, m)}
        for name, (by, sig, m) in cases.items()
    ]


def takes(read: Any) -> bool:
    try:
        read()
    except Malformed:
        return False
    return True


def act_stands(act: dict[str, Any], rulebook: Rulebook = EDITION_1) -> bool:
    """Whether an act has its form, as far as no log is needed to say it."""
    try:
        parsed = rulebook.parse(act)
    except Malformed:
        return False
    return parsed is not None and parsed[0].form(parsed[1], frozenset()) is None


def stated() -> dict[str, list[dict[str, Any]]]:
    honest, other = (plain_key(n).public_key().public_bytes_raw() for n in (1, 3))
    keys = {
        "honest": honest,
        "of order 1": spelt(1),
        "of order 8": bytes.fromhex(ORDER_8[0]),
        "y = p + 3": spelt(P + 3),
    }
    passkeys = {name: ("EdDSA", SPKI + key) for name, key in keys.items()}
    for exponent in (65_537, 3):
        made = generate_private_key(exponent, 2048).public_key()
        passkeys[f"RSA, exponent {exponent}"] = (
            "RS256",
            made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )
    assert all(load_der_public_key(key) for _, key in passkeys.values())
    said = [
        {"name": name, "passkey": Passkey(alg, b"id", key, "talks.example").to_json()}
        for name, (alg, key) in passkeys.items()
    ]
    good = Founding(
        (("en", "A"),), honest, (), "o", Passkey("EdDSA", b"id", SPKI + honest, "x.example"), bytes(16)
    )
    foundings, acts, vkeys = [], [], []
    for name, key in keys.items():
        base = good.to_json()
        foundings += [
            {"name": f"log key {name}", "founding": {**base, "log_key": to_text(key)}},
            {
                "name": f"recovery key {name}",
                "founding": {**base, "recovery": [to_text(other), to_text(key)]},
            },
        ]
        admit = {"delegate": "d", "role": "adviser", "passkey": None, "powers": [], "name": None}
        acts += [
            {"name": f"device {name}", "act": {"type": "side.admit", **admit, "credential": to_text(key)}},
            {"name": f"log key {name}", "act": {"type": "side.rotate-key", "log_key": to_text(key)}},
        ]
        vkeys.append({"name": name, "vkey": verifier_key("log.example", ED25519, key)})
    for each in said:
        each["stands"] = takes(lambda each=each: Passkey.from_json(each["passkey"]))
    for each in foundings:
        each["stands"] = takes(lambda each=each: Founding.from_json(each["founding"]))
    for each in acts:
        each["stands"] = act_stands(each["act"])
    for each in vkeys:
        each["stands"] = takes(lambda each=each: parse_verifier_key(each["vkey"]))
    return {"passkeys": said, "foundings": foundings, "acts": acts, "vkeys": vkeys}


if __name__ == "__main__":
    write(
        "record/ed25519.json",
        "docs/spec/record.md §1.5: keys that may stand, signatures that verify; hexadecimal. Key: seed 01…01.",
        points=points(),
        signatures=signatures(),
        **stated(),
    )
