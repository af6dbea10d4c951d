"""Contents beside the log: commitments with a salt, and their opening. Pure.

Lives here: `Salt`, `commit`, `opens`.
Not here: randomness (the caller draws the salt), what a content says, who may read it.
Spec: docs/spec/record.md §11.
"""

from __future__ import annotations

from typing import NewType

from visavis.errors import Malformed, Untrusted
from visavis.record.digest import digest, to_text

Salt = NewType("Salt", bytes)
"""Exactly 32 random bytes, one per content, kept beside the content and given with it."""

SALT_BYTES = 32


class ContentDiffers(Untrusted):
    """A content and its salt do not open the commitment. It is never shown as the thing committed to."""

    code = "content-differs"


def salt(data: bytes) -> Salt:
    """Take 32 bytes as a salt. Any other length is `Malformed`: it would let one commitment open twice."""
    if len(data) != SALT_BYTES:
        raise Malformed(f"salt: {len(data)} bytes where {SALT_BYTES} are due")
    return Salt(data)


def commit(salt: bytes, content: bytes) -> str:
    """The commitment to `content`: base64url of H("content", salt, content), 43 characters.

    salt: 32 random bytes; another length is `Malformed`.
    """
    if len(salt) != SALT_BYTES:
        raise Malformed(f"salt: {len(salt)} bytes where {SALT_BYTES} are due")
    return to_text(digest("content", salt, content))


def opens(commitment: str, salt: bytes, content: bytes) -> None:
    """Check that `salt` and `content` open `commitment`. Raises `ContentDiffers` (an `Untrusted`) if not."""
    if commit(salt, content) != commitment:
        raise ContentDiffers("the content does not open its commitment", commitment=commitment)
