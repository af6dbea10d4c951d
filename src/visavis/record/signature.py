"""Ed25519: which keys may stand, and signatures checked. Pure.

Lives here: `verifies`, `read_key`, `is_proper`. Not here: what is signed (`entry`, `checkpoint`), making signatures
(their callers' keys), the mathematics (the library's).
Spec: docs/spec/record.md §§1.5, 2.3, 10.3; RFC 8032; Chalkias et al., "Taming the Many EdDSAs", 2020.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from visavis.errors import Malformed
from visavis.record.digest import from_text

KEY_BYTES = 32
_P = 2**255 - 19
_SMALL_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",  # order 4
    "0100000000000000000000000000000000000000000000000000000000000000",  # 1
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 2
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  # 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # 8
)
"""The y of every point of small order (libsodium's list); the sign of x is the highest bit of the last byte."""
_BEYOND = tuple((_P + n).to_bytes(KEY_BYTES, "little") for n in range(19))
_IMPROPER = frozenset(
    y[:31] + bytes([y[31] | sign])
    for y in (*map(bytes.fromhex, _SMALL_ORDER), *_BEYOND)
    for sign in (0, 0x80)
)


def is_proper(point: bytes) -> bool:
    """Whether 32 bytes may be a key, or the R of a signature: its y is below p, and it is of no small order.

    What is refused here, some libraries take and others do not; an honest signer never makes it. That the bytes are a
    point at all is the library's to say.
    """
    return point not in _IMPROPER


def read_key(value: object, what: str) -> bytes:
    """Read a public key, 32 bytes, from its text. `Malformed` if it is none, or not proper."""
    key = from_text(value, KEY_BYTES, what=what)
    if not is_proper(key):
        raise Malformed(f"{what}: a key of small order, or not in its one spelling")
    return key


def verifies(public_key: bytes, sig: bytes, message: bytes) -> bool:
    """Whether `sig` (64 bytes) is `public_key`'s (32 bytes) over `message`, as §1.5 says. Never raises."""
    try:
        _ready(public_key).verify(sig, message)
    except (InvalidSignature, ValueError):
        return False
    return sig[:KEY_BYTES] not in _IMPROPER


@lru_cache(maxsize=256)
def _ready(public_key: bytes) -> Ed25519PublicKey:
    """The key, made once: a log has few signers and many entries, and making costs a seventh of a check."""
    if not is_proper(public_key):
        raise ValueError("no key that may stand")
    return Ed25519PublicKey.from_public_bytes(public_key)
