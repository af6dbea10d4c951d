"""Mutations: bytes into other bytes that get deeper than chance would.

Lives here: `raw`, `json_`, `lines`: each takes bytes and a source of randomness, and gives bytes.
Not here: what only a target knows, such as hashes and signatures to be made anew (`targets`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

MAX_BYTES = 1 << 17
"""Nothing longer is made: every reader's budget but the bundle's is below it, and a bundle's is tested elsewhere."""

TOKENS = (
    b"",
    b"\0",
    b"\xff",
    b"\n",
    b"\n\n",
    b" ",
    b"\t",
    b"\r",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"+",
    b"=",
    b"/",
    b"0",
    b"00",
    b"1e9",
    b"1e400",
    b"-1",
    b"NaN",
    b"9007199254740992",
    b"99999999999999999999999999",
    b"null",
    b"true",
    "—".encode(),
    "\u2028".encode(),
    "\u0660".encode(),
    "\U0001f600".encode(),
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"PK\x03\x04",
    b"none",
    b"quorum",
    b"[" * 500,
    b'{"a":' * 200,
    b"A" * 300,
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 255, 2**31, 2**53 - 1, 2**53, 2**64, 10**400, 1.5, 1e300, float("nan"),
    "", "a", "node", "recovery", "é", "\u2028", "\U0001f600", "\ud800", "\0", "a" * 70, "a" * 3000,
    "A" * 43, "A" * 42 + "B", "AQ" + "A" * 41, "ed25519", "webauthn", "EdDSA", "ES256", "RS256",
    "2021-12-07T15:00:00Z", "9999-99-99T99:99:99Z",
    "text/u", "principal", "admit", "guarantee", "https://talks.example", "localhost",
    [], {}, [[]], [None], ["en", "A" * 43], [["en", "A" * 43]], [["en", "A" * 43], ["en", "A" * 43]],
    {"": 0}, {"é": 1, "\U0001f600": 2},
)  # fmt: skip


def raw(data: bytes, random: Random) -> bytes:
    """One to four changes of bytes."""
    value = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(value) + 1)
        end = min(len(value), at + random.choice((1, 1, 2, 4, 16, 64)))
        match random.randrange(8):
            case 0 if at < len(value):
                value[at] ^= 1 << random.randrange(8)
            case 1 if at < len(value):
                value[at] = random.choice((0, 1, 10, 34, 127, 128, 255, random.randrange(256)))
            case 2:
                del value[at:end]
            case 3:
                value[at:at] = random.choice(TOKENS)
            case 4:
                value[at:end] = random.choice(TOKENS)
            case 5:
                value[at:at] = value[at:end] * random.choice((1, 2, 40))
            case 6:
                other = random.randrange(len(value) + 1)
                value[other:other] = value[at:end]
            case _:
                del value[random.choice((at, end)) :]
    return bytes(value[:MAX_BYTES])


def lines(data: bytes, random: Random) -> bytes:
    """Lines dropped, doubled, swapped; a word of one line put into another."""
    rows = data.split(b"\n")
    one, other = (random.randrange(len(rows)) for _ in range(2))
    match random.randrange(5):
        case 0:
            del rows[one]
        case 1:
            rows[other:other] = [rows[one]] * random.choice((1, 2, 40))
        case 2:
            rows[one], rows[other] = rows[other], rows[one]
        case 3:
            words = rows[one].split(b" ")
            words[random.randrange(len(words))] = random.choice(rows[other].split(b" ") + list(TOKENS))
            rows[one] = b" ".join(words)
        case _:
            rows[one] = raw(rows[one], random)
    return b"\n".join(rows)[:MAX_BYTES]


def json_(data: bytes, random: Random) -> bytes:
    """One to three changes of a JSON value, spelt canonically again; bytes that are no JSON are changed as bytes."""
    try:
        return spell(changed(json.loads(data), random))
    except (ValueError, RecursionError):
        return raw(data, random)


def spell(value: Any) -> bytes:
    """As RFC 8785 spells it, but for values that it does not have."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")[:MAX_BYTES]


def changed(value: Any, random: Random) -> Any:
    """One to three changes of a JSON value; the value given may change with it."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        value = _changed_once(value, random)
    return value


def _changed_once(value: Any, random: Random) -> Any:
    places = list(_places(value))
    if not places:
        return _value(random)
    holder, at = random.choice(places)
    old = holder[at]
    match random.randrange(10):
        case 0:
            del holder[at]
        case 1:
            other, there = random.choice(places)
            holder[at] = copy.deepcopy(other[there])
        case 2 if isinstance(holder, dict):
            holder[random.choice(("x", "", "type", str(at) + "x", "é"))] = copy.deepcopy(old)
        case 2 if isinstance(holder, list):
            holder[at:at] = copy.deepcopy([old] * random.choice((1, 2, 40)))
        case 3 if isinstance(old, str):
            holder[at] = raw(old.encode("utf-8", "surrogatepass"), random).decode("utf-8", "replace")
        case 4 if type(old) is int:
            holder[at] = old + random.choice((-1, 1, 2, 256, 2**31, 2**53))
        case 5:
            holder[at] = [old]
        case 6:
            deep: Any = old
            for _ in range(random.choice((1, 31, 33, 400))):
                deep = random.choice(([deep], {"a": deep}))
            holder[at] = deep
        case _:
            holder[at] = _value(random)
    return value


def _value(random: Random) -> Any:
    return copy.deepcopy(random.choice(VALUES))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key or index) of every value inside."""
    rest = [value]
    while rest:
        holder = rest.pop()
        items = (
            holder.items()
            if isinstance(holder, dict)
            else enumerate(holder)
            if isinstance(holder, list)
            else ()
        )
        for at, member in items:
            yield holder, at
            rest.append(member)
