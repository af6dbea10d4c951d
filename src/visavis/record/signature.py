"""Ed25519 signatures, checked. Pure.

Lives here: `verifies`. Not here: what is signed (`entry`, `checkpoint`), making signatures (their callers' keys).
Spec: docs/spec/record.md §§2.3, 10.3; RFC 8032.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verifies(public_key: bytes, sig: bytes, message: bytes) -> bool:
    """Whether `sig` (64 bytes) is `public_key`'s (32 bytes) over `message`. Never raises."""
    try:
        _ready(public_key).verify(sig, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _ready(public_key: bytes) -> Ed25519PublicKey:
    """The key, made once: a log has few signers and many entries, and making costs a seventh of a check."""
    return Ed25519PublicKey.from_public_bytes(public_key)
