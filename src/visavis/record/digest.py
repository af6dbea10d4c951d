"""Domain-separated SHA-256, and the one spelling of bytes in text. Pure.

Lives here: `digest` (H of the specification), base64url without padding, how a hash is spelt.
Not here: tree hashes (`merkle`), which RFC 9162 separates by its own prefix bytes.
Spec: docs/spec/record.md §1.
"""

from __future__ import annotations

import binascii
import hashlib

from visavis.errors import Malformed


def digest(tag: str, *parts: bytes) -> bytes:
    """SHA-256("visavis/" tag "/v1" 00 ‖ for each part: u64be(length) ‖ part), 32 bytes.

    Length-prefixed, so that no two lists of parts share an input.
    """
    h = hashlib.sha256(b"visavis/" + tag.encode("ascii") + b"/v1\0")
    for part in parts:
        h.update(len(part).to_bytes(8, "big"))
        h.update(part)
    return h.digest()


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(
    b"-_+/=", b"+/!!!"
)  # padding and the other alphabet are no characters of this one
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_ENDS = ((b"", _ALPHABET), (b"===", ""), (b"==", _ALPHABET[::16]), (b"=", _ALPHABET[::4]))
"""By length modulo 4: the padding that is left out, and the last characters whose loose bits are zero."""


def to_text(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5): the one spelling of bytes in canonical JSON."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_URL_SAFE).decode("ascii")


def from_text(text: object, length: int | None = None, *, what: str = "bytes") -> bytes:
    """Read `to_text`'s spelling and no other: padding, another alphabet or loose bits are `Malformed`.

    length: the exact number of bytes expected, or None for any.
    """
    if not isinstance(text, str):
        raise Malformed(f"{what}: not a string")
    padding, last = _ENDS[len(text) % 4]
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_STANDARD) + padding, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{what}: not base64url") from error
    if text[-1:] not in last:
        raise Malformed(f"{what}: not the one spelling of base64url without padding")
    if length is not None and len(data) != length:
        raise Malformed(f"{what}: {len(data)} bytes where {length} are due")
    return data


def is_hash(text: object) -> bool:
    """Whether `text` is spelt as a hash, a commitment or a side's id is: base64url of 32 bytes."""
    try:
        from_text(text, 32)
    except Malformed:
        return False
    return True
