"""Signed notes (record.md §10.2; C2SP signed-note)."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.record.note import (
    COSIGNATURE_V1,
    ED25519,
    MAX_BYTES,
    MAX_SIGNATURES,
    Note,
    Signature,
    VerifierKey,
    encode_note,
    key_id,
    parse_note,
    parse_verifier_key,
    verifier_key,
)

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/record/note.json").read_text())
LINE = "— visavis/d/a AAAAAAECAwQ=\n"
NOTE = f"one\ntwo\n\n{LINE}".encode()


def test_published_note() -> None:
    """Go's published example reads, verifies, and is written back byte for byte."""
    public_key = bytes.fromhex(VECTOR["public_key"])
    note = parse_note(VECTOR["note"].encode())
    sig = note.find(VECTOR["name"], key_id(VECTOR["name"], ED25519, public_key))
    assert sig is not None
    Ed25519PublicKey.from_public_bytes(public_key).verify(sig, note.text.encode())
    assert verifier_key(VECTOR["name"], ED25519, public_key) == VECTOR["verifier_key"]
    assert encode_note(note) == VECTOR["note"].encode()


def test_signatures_are_split_at_the_last_empty_line() -> None:
    """A text may have empty lines; the signatures stand under the last."""
    note = parse_note(f"one\n\ntwo\n\n{LINE}{LINE}".encode())
    assert note.text == "one\n\ntwo\n"
    assert note.signatures == (Signature("visavis/d/a", bytes(4), b"\1\2\3\4"),) * 2


def test_unknown_keys_are_passed_over() -> None:
    """A signature is found by name and key id together, and not by one of them."""
    note = parse_note(NOTE)
    assert note.find("visavis/d/a", bytes(4)) == b"\1\2\3\4"
    assert note.find("visavis/d/b", bytes(4)) is None
    assert note.find("visavis/d/a", b"\0\0\0\1") is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no empty line"),
        (b"one\ntwo\n", "no empty line"),
        (NOTE[:-1], "line 4 does not end in a newline"),
        (b"one\n\n", "line 3 does not end"),
        (b"one\n\n\n", "line 4 does not end"),
        (b"one\r\n\n" + LINE.encode(), "line 1 has a control character"),
        (b"one\ntw\x00o\n\n" + LINE.encode(), "line 2 has a control character"),
        (b"one\n\xff\n\n" + LINE.encode(), "line 2 is not UTF-8"),
        (b"one\n\n- visavis/d/a AAAAAAECAwQ=\n", "line 3 does not begin with an em dash"),
        ("one\n\n—  AAAAAAECAwQ=\n".encode(), "line 3 has no proper key name"),
        ("one\n\n— a+b AAAAAAECAwQ=\n".encode(), "line 3 has no proper key name"),
        ("one\n\n— a\u2003b AAAAAAECAwQ=\n".encode(), "line 3 has no proper key name"),
        (f"one\n\n{LINE}— a AAAAAAECAwQ\n".encode(), "line 4 has a signature that is not base64"),
        (
            "one\n\n— a AAAAAAECAwR=\n".encode(),
            "line 3 has a signature that is not base64 in its one spelling",
        ),
        ("one\n\n— a AAAAAA==\n".encode(), "line 3 has a signature of 4 bytes"),
        ("one\n\n— a\n".encode(), "line 3 has a signature of 0 bytes"),
        ("one\n\n— a AAAAAAECAwQ= \n".encode(), "line 3 has a signature that is not base64"),
        (f"one\n\n{LINE * (MAX_SIGNATURES + 1)}".encode(), "33 signatures"),
        (b"x" * (MAX_BYTES + 1), "bytes where"),
    ],
)
def test_a_malformed_note_names_its_line(data: bytes, says: str) -> None:
    """A note that breaks the form is `Malformed`, and the message says which line."""
    with pytest.raises(Malformed, match=says):
        parse_note(data)


def test_sixteen_signatures_are_read() -> None:
    """C2SP asks that at least sixteen signatures be accepted."""
    assert len(parse_note(f"one\n\n{LINE * 16}".encode()).signatures) == 16


@pytest.mark.parametrize(
    "note",
    [
        Note("no newline", ()),
        Note("one\n", ()),
        Note("one\n\x01\n", (Signature("a", bytes(4), b"x"),)),
        Note("one\n", (Signature("a b", bytes(4), b"x"),)),
        Note("one\n", (Signature("a", bytes(3), b""),)),
        Note("\ud800\n", (Signature("a", bytes(4), b"x"),)),
        Note("one\n", (Signature("a", bytes(4), b"x\n"), Signature("\n\n", bytes(4), b"x"))),
    ],
)
def test_what_could_not_be_read_back_is_not_written(note: Note) -> None:
    """A note whose parts do not form one note is `Malformed` when written."""
    with pytest.raises(Malformed):
        encode_note(note)


@given(
    st.binary(max_size=200) | st.text(max_size=120).map(lambda s: f"{s}\n\n{LINE}".encode(errors="replace"))
)
@example(b"\n\n")
@example(b"\xe2\x80\x94")
def test_reading_any_bytes_ends_in_a_note_or_malformed(data: bytes) -> None:
    """Any bytes either are a note, spelt as it would be written, or are `Malformed`."""
    try:
        note = parse_note(data)
    except Malformed:
        return
    assert encode_note(note) == data


PUBLISHED = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
"""The example of C2SP signed-note."""


def test_a_published_verifier_key() -> None:
    """C2SP's example key reads, and is written back; a cosigning key's id differs from a plain one's."""
    key = parse_verifier_key(PUBLISHED)
    assert (key.name, key.kind, key.id.hex()) == ("example.com/foo", ED25519, "530d903a")
    assert verifier_key(key.name, key.kind, key.public_key) == PUBLISHED
    cosigner = VerifierKey(key.name, COSIGNATURE_V1, key.public_key)
    assert cosigner.id != key.id
    assert parse_verifier_key(verifier_key(cosigner.name, cosigner.kind, cosigner.public_key)) == cosigner


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no proper key name"),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no proper key name"),
        (PUBLISHED.replace("foo", "bar"), "id is not the key's"),
        (PUBLISHED.replace("530d903a", "530D903A"), "one spelling"),
        (PUBLISHED.replace("530d903a", "0530d903a"), "one spelling"),
        (PUBLISHED[:-1], "not base64"),
        (PUBLISHED + "\n", "not base64"),
        (PUBLISHED.replace("+Aeky", "+Beky"), "type 01 or 04"),
        ("a+00000000+AQ==", "of 32 bytes"),
        ("a+00000000+", "type 01 or 04"),
        ("a", "type 01 or 04"),
        ("\udcff+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not UTF-8"),
    ],
)
def test_other_texts_are_no_verifier_keys(text: str, says: str) -> None:
    """A vkey of another type, another id or another spelling is `Malformed`."""
    with pytest.raises(Malformed, match=says):
        parse_verifier_key(text)


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_every_byte_counts(at: int, difference: int) -> None:
    """A note with one byte changed is malformed or another note."""
    changed = bytearray(NOTE)
    changed[at] ^= difference
    with contextlib.suppress(Malformed):
        assert parse_note(bytes(changed)) != parse_note(NOTE)
