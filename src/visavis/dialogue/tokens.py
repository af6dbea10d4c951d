"""Secrets that open something to whoever holds them: of one-time links, sessions, feeds, mails that ask.

Lives here: a token, its form, and what is kept of it. Not here: what one opens, and for how long.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from visavis.record.digest import to_text

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 random bytes in base64url."""


def new_token() -> str:
    return to_text(secrets.token_bytes(32))


def hash_of(token: str) -> str:
    """All that is kept of a token: SHA-256 of its characters, hex. Whoever reads the store gets in by none."""
    return hashlib.sha256(token.encode()).hexdigest()
