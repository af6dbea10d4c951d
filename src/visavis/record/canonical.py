"""Canonical JSON (RFC 8785), written and read within a budget. Pure.

Lives here: `encode`, `decode`: one value, one spelling.
Not here: what the members mean (`entry` and the slices).
Spec: docs/spec/record.md §1.
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from visavis.errors import Malformed

MAX_BYTES = 64 * 1024 - 1  # what C2SP tlog-tiles can carry: an entry's length is a uint16
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1


_FAST = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)
"""Spells as RFC 8785 does where every member's name is ASCII: the same escapes, and code point order is then
UTF-16 order. In C, eight times as fast; `tests/record/test_canonical.py` holds it to `rfc8785`."""


def encode(value: object) -> bytes:
    """RFC 8785 bytes of `value`: objects, arrays, strings, booleans, null, integers 0…2^53−1.

    Raises `Malformed` for anything else (a float, a negative integer, a lone surrogate).
    """
    plain = _check(value, 0)
    try:
        return _FAST.encode(value).encode() if plain else rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise Malformed(f"not canonical JSON: {type(error).__name__}") from error


def decode(data: bytes, *, limit: int = MAX_BYTES) -> Any:
    """Parse `data` and require that it is the canonical spelling of what it says.

    limit: greatest length in bytes. Duplicate members, floats, deep nesting, lone surrogates and any
    other spelling raise `Malformed`.
    """
    if len(data) > limit:
        raise Malformed(f"{len(data)} bytes where {limit} are allowed")
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if encode(value) != data:
        raise Malformed("not the canonical spelling (RFC 8785)")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"number {text[:20]!r} is not an integer")


def _check(value: object, depth: int) -> bool:
    """Raise `Malformed` unless `value` can be spelt; whether every member's name is ASCII."""
    if depth > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    plain = True
    if kind is int:
        if not 0 <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise Malformed("integer outside 0…2^53−1")
    elif kind is dict:
        for key, member in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise Malformed("a member's name is not a string")
            plain = key.isascii() and plain
            if type(member) is not str:
                plain = _check(member, depth + 1) and plain
    elif kind is list or kind is tuple:
        for item in value:  # type: ignore[attr-defined]
            plain = _check(item, depth + 1) and plain
    else:
        raise Malformed(f"{kind.__name__} has no canonical spelling")
    return plain
