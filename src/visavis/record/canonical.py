"""Canonical JSON (RFC 8785), written and read within a budget. Pure.

Lives here: `encode`, `decode`: one value, one spelling.
Not here: what the members mean (`entry` and the slices).
Spec: docs/spec/record.md §1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import rfc8785

from visavis.errors import Malformed

MAX_BYTES = 64 * 1024 - 1  # what C2SP tlog-tiles can carry: an entry's length is a uint16
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1


_FAST = msgspec.json.Encoder(order="sorted")
"""Spells as RFC 8785 does where every member's name is ASCII: the same escapes, and the order of bytes is then
the order of UTF-16. Two hundred times as fast; `tests/record/test_canonical.py` holds it to `rfc8785`."""


_FAST_DECODER = msgspec.json.Decoder()
_ODD_NUMBER = re.compile(rb"[:\[,](?:-|[0-9]+[.eE]|[0-9]{16})")
"""Where, in an object or array, a number may stand that is not a short integer; it may also be words in a string."""


def encode(value: object) -> bytes:
    """RFC 8785 bytes of `value`: objects, arrays, strings, booleans, null, integers 0…2^53−1.

    Raises `Malformed` for anything else (a float, a negative integer, a lone surrogate).
    """
    return _spell(value, plain=_check(value, 0))


def decode(data: bytes, *, limit: int = MAX_BYTES, depth: int = 0) -> Any:
    """Parse `data` and require that it is the canonical spelling of what it says.

    limit: greatest length in bytes. depth: in how many other values this one lies. Duplicate members, floats, deep
    nesting, lone surrogates and any other spelling raise `Malformed`.
    """
    if len(data) > limit:
        raise Malformed(f"{len(data)} bytes where {limit} are allowed")
    brackets = data.count(b"{") + data.count(b"[")
    shallow = data.isascii() and brackets + depth <= MAX_DEPTH  # so few brackets cannot nest too deep
    if shallow and data[:1] in b"{[" and not _ODD_NUMBER.search(data):
        try:
            value = _FAST_DECODER.decode(data)
            if _FAST.encode(value) == data:
                return value
        except (ValueError, RecursionError):
            pass  # not canonical; what follows says why
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    # The decoder has seen to the numbers, and names of ASCII need no care.
    if _spell(value, plain=shallow or _check(value, depth)) != data:
        raise Malformed("not the canonical spelling (RFC 8785)")
    return value


def respell(part: object) -> bytes:
    """`encode` for a part of what `decode` gave, whose members' names are known to be ASCII."""
    return _FAST.encode(part)


def strings(value: object) -> Iterator[str]:
    """All strings in a JSON value, members' names aside: of an act, among them every commitment and every id."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def _spell(value: object, *, plain: bool) -> bytes:
    try:
        return _FAST.encode(value) if plain else rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise Malformed(f"not canonical JSON: {type(error).__name__}") from error


def _integer(text: str) -> int:
    if len(text) > 16 or not 0 <= int(text) <= MAX_INTEGER:
        raise ValueError("integer outside 0…2^53−1")
    return int(text)


def _no_float(text: str) -> Any:
    raise ValueError(f"number {text[:20]!r} is not an integer")


_DECODER = json.JSONDecoder(parse_float=_no_float, parse_int=_integer, parse_constant=_no_float)


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
        if value and depth == MAX_DEPTH:
            raise Malformed(f"nested deeper than {MAX_DEPTH}")
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
