"""Canonical JSON and the spelling of bytes (record.md §1)."""

from __future__ import annotations

import hashlib
import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.record import canonical
from visavis.record.digest import digest, from_text, to_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, canonical.MAX_INTEGER) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example(
    {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, "ö": 7}
)  # RFC 8785 §3.2.3: UTF-16 order
def test_one_value_has_one_spelling(value: object) -> None:
    """What is encoded decodes to itself."""
    data = canonical.encode(value)
    assert canonical.decode(data) == value
    assert json.loads(data) == value


@given(VALUES)
@example({"a\x7f": '\x00\x1f\x7f\u2028\ud7ff\U0010ffff/"\\\b\f\n\r\t', "": {"A": 1, "a": 2, "_": 3}})
def test_the_fast_spelling_is_rfc_8785s(value: object) -> None:
    """Whichever way a value is spelt here, the bytes are those of the independent library."""
    assert canonical.encode(value) == rfc8785.dumps(value)


def test_members_stand_in_utf16_order() -> None:
    """RFC 8785 §3.2.3's own example of sorting."""
    data = canonical.encode({"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, "ö": 7})
    assert list(json.loads(data)) == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e3",
        b"-1",
        b"-0",
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b'"\\u0041"',
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b"\xef\xbb\xbf1",
        b"\xff",
        b"",
        b"[" * 100_000,
        b"[" * 34 + b"]" * 34,
        b'{"a":' * 20_000,
        b"9" * 60_000,
        b'"' + b"a" * canonical.MAX_BYTES + b'"',
    ],
    ids=lambda data: data[:12].decode("latin-1"),
)
def test_other_spellings_are_malformed(data: bytes) -> None:
    """Duplicate members, floats, spaces, other orders, deep nesting, long numbers are `Malformed`."""
    with pytest.raises(Malformed):
        canonical.decode(data)


@pytest.mark.parametrize("value", [1.5, -1, 2**53, "\ud800", {1: 2}, {"\ud800": 1}, b"x", {"a": {1, 2}}])
def test_values_without_a_spelling_are_malformed(value: object) -> None:
    """Only objects, arrays, strings, booleans, null and integers 0…2^53−1 can be written."""
    with pytest.raises(Malformed):
        canonical.encode(value)


@given(st.binary(max_size=60))
@example(b'"\\ud800"')
def test_any_bytes_are_canonical_or_malformed(data: bytes) -> None:
    """Reading never raises anything but `Malformed`, and accepts only what it would write."""
    try:
        value = canonical.decode(data)
    except Malformed:
        return
    assert canonical.encode(value) == data


@given(st.binary(max_size=50))
def test_bytes_have_one_text(data: bytes) -> None:
    """Base64url without padding reads back to the same bytes."""
    assert from_text(to_text(data), len(data)) == data


@pytest.mark.parametrize("text", ["AA==", "AB", "A", "A+", "A/", "AA\n", " AA", "ÄÄ", None, 7, "A" * 5])
def test_other_spellings_of_bytes_are_malformed(text: object) -> None:
    """Padding, another alphabet, white space and loose bits are `Malformed`."""
    with pytest.raises(Malformed):
        from_text(text)


@given(st.lists(st.binary(max_size=9), max_size=4), st.lists(st.binary(max_size=9), max_size=4))
def test_no_two_lists_of_parts_share_a_digest(one: list[bytes], other: list[bytes]) -> None:
    """Parts are length-prefixed, so that moving a boundary changes the hash."""
    assert (digest("x", *one) == digest("x", *other)) == (one == other)


def test_the_digest_is_the_specifications() -> None:
    """SHA-256("visavis/" tag "/v1" 00 ‖ u64be(length) ‖ part …)."""
    assert digest("side", b"ab") == hashlib.sha256(b"visavis/side/v1\0" + bytes(7) + b"\2ab").digest()
    assert digest("side", b"ab") != digest("dialogue", b"ab")


@pytest.mark.parametrize("inner", [b'"x"', b"0", b"null", b"[]", b"{}"])
@pytest.mark.parametrize(("before", "after"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_no_value_lies_inside_more_than_32_others(before: bytes, inner: bytes, after: bytes) -> None:
    """Whatever the value and whatever it lies in; a text in an object, too."""
    fits = before * 32 + inner + after * 32
    assert canonical.encode(canonical.decode(fits)) == fits
    with pytest.raises(Malformed):
        canonical.decode(before * 33 + inner + after * 33)
