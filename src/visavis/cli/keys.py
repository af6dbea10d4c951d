"""Private keys in files of their own, kept away from a running node.

Lives here: `make_key`, `read_key`. Not here: what they sign (`recovery`, `move`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from visavis.errors import Malformed, Refused, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make_key(file: Path) -> str:
    """A new Ed25519 key: its private half into `file` (PKCS #8, PEM), its public half returned, base64url.

    Raises `Refused` if the file is there already, `Unavailable` if it cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from visavis.record.digest import to_text
    from visavis.serving import write_private

    if file.exists():
        raise Refused(f"{file} is there already; nothing was written")
    key = Ed25519PrivateKey.generate()
    try:
        write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}") from error
    return to_text(key.public_key().public_bytes_raw())


def read_key(file: Path) -> Ed25519PrivateKey:
    """The key in `file`. Raises `Unavailable` if it cannot be read, `Malformed` if it is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise Malformed(f"{file} holds no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Malformed(f"{file} holds another kind of key; an Ed25519 key is due")
    return key
