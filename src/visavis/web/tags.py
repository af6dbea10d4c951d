"""Entity tags: what a reader has already is not sent again. Source: RFC 9110 §§8.8.3, 13.1.2.

Lives here: `tag_of`, `is_held`. Not here: how long an answer may be kept unasked (each page's own word).
"""

from __future__ import annotations

from hashlib import sha256

from starlette.requests import Request


def tag_of(body: bytes) -> str:
    """The tag of exactly these bytes."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def is_held(request: Request, tag: str) -> bool:
    """Whether the asker says that they have what the tag is of, compressed or not."""
    tags = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in tags or "*" in tags
