"""Members of canonical JSON, read within their bounds. Pure.

Lives here: `members`, `text`, `size`: each names what is wrong in one `Malformed`.
Not here: the spelling itself (`canonical`), what the members mean (`entry`, `proof`).
"""

from __future__ import annotations

from typing import Any

from visavis.errors import Malformed
from visavis.record import canonical


def members(value: object, names: set[str], what: str) -> dict[str, Any]:
    """`value` as an object with exactly `names`; else `Malformed`, naming the first that differs."""
    if not isinstance(value, dict):
        raise Malformed(f"{what}: an object is due")
    if value.keys() != names:
        odd = sorted(names ^ value.keys())
        raise Malformed(f"{what}: member {odd[0]!r} is {'missing' if odd[0] in names else 'unknown'}")
    return value


def text(value: object, what: str, limit: int) -> str:
    """`value` as a string of at most `limit` characters; else `Malformed`."""
    if not isinstance(value, str) or len(value) > limit:
        raise Malformed(f"{what}: a string of at most {limit} characters is due")
    return value


def size(value: object, what: str) -> int:
    """`value` as an integer 0…2^53−1; else `Malformed`."""
    if type(value) is not int or not 0 <= value <= canonical.MAX_INTEGER:
        raise Malformed(f"{what}: an integer 0…2^53−1 is due")
    return value
