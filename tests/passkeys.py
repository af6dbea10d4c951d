"""Passkeys of a test's cast: the same each time, each made from a name.

Lives here: `passkey`. Not here: a passkey made anew (`Authenticator.generate`).
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.authenticator import Authenticator

RP = "talks.example"
ORIGIN = "https://talks.example"


def passkey(name: str, key: Ed25519PrivateKey | None = None, *, rp: str = RP) -> Authenticator:
    """An EdDSA passkey whose key is the hash of `name`, unless one is given."""
    seed = hashlib.sha256(name.encode()).digest()
    key = key or Ed25519PrivateKey.from_private_bytes(seed)
    return Authenticator(
        key, id=hashlib.sha256(f"id of {name}".encode()).digest()[:16], rp=rp, origin=f"https://{rp}"
    )
