"""Checkpoints and cosignatures (record.md §10.3; C2SP tlog-checkpoint, tlog-cosignature)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import (
    Checkpoint,
    Cosignature,
    checkpoint_text,
    cosign,
    encode_checkpoint,
    open_checkpoint,
    origin,
    parse_cosignature,
    parse_text,
    sign_checkpoint,
    verify_cosignature,
    verify_signature,
)
from visavis.record.merkle import leaf_hash
from visavis.record.note import COSIGNATURE_V1, ED25519, Note, Signature, encode_note, key_id, parse_note

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/record/checkpoint.json").read_text())
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LOG_KEY, OTHER_KEY = LOG.public_key().public_bytes_raw(), OTHER.public_key().public_bytes_raw()
ROOT = leaf_hash(b"entry")
HEAD = ("D" * 43, "A" * 43, 17, ROOT)
COUNTERPART = "B" * 43
SIGNED = Checkpoint(*HEAD, sign_checkpoint(LOG, *HEAD), cosign(OTHER, *HEAD, 1_638_889_200))
NOTE = encode_checkpoint(SIGNED, LOG_KEY, COUNTERPART, OTHER_KEY)
BOTH = replace(SIGNED, own=cosign(LOG, *HEAD, 1_638_889_201))
BOTH_NOTE = encode_checkpoint(BOTH, LOG_KEY, COUNTERPART, OTHER_KEY)


def test_vector() -> None:
    """The checkpoint of the shared vectors is written byte for byte."""
    assert NOTE.decode() == VECTOR["note"]
    assert LOG_KEY.hex() == VECTOR["log_key"]
    assert OTHER_KEY.hex() == VECTOR["cosigner_key"]


def test_the_text_is_three_lines_without_a_host() -> None:
    """A checkpoint's text is origin, size and root; the origin is the log's name, not its place (ADR 5)."""
    text = checkpoint_text(*HEAD).decode()
    assert text.split("\n") == [f"visavis/{'D' * 43}/{'A' * 43}", "17", VECTOR["root"], ""]
    assert parse_text(text) == HEAD
    assert origin("d", "a") == "visavis/d/a"


def test_a_note_opens_with_the_right_keys() -> None:
    """The log's signature and the counterpart's cosignature are both verified and kept."""
    assert open_checkpoint(NOTE, LOG_KEY, COUNTERPART, OTHER_KEY) == SIGNED
    assert open_checkpoint(NOTE, LOG_KEY).cosignature is None


def test_three_lines() -> None:
    """A checkpoint bears the log's line, then its own side's cosignature, then the counterpart's (§10.3)."""
    lines = BOTH_NOTE.decode().split("\n")[4:-1]
    assert [line.split(" ")[1] for line in lines] == [origin(*HEAD[:2])] * 2 + [origin(HEAD[0], COUNTERPART)]
    kinds = [(ED25519, LOG_KEY), (COSIGNATURE_V1, LOG_KEY), (COSIGNATURE_V1, OTHER_KEY)]
    for signature, (kind, key) in zip(parse_note(BOTH_NOTE).signatures, kinds, strict=True):
        assert signature.key_id == key_id(signature.name, kind, key)
    assert open_checkpoint(BOTH_NOTE, LOG_KEY, COUNTERPART, OTHER_KEY) == BOTH
    assert open_checkpoint(BOTH_NOTE, LOG_KEY).cosignature is None


def test_a_receipt_has_both_cosignatures() -> None:
    """One cosignature alone, whichever it is, makes no receipt."""
    assert BOTH.receipt == BOTH.cosignature
    assert SIGNED.receipt is None
    assert replace(BOTH, cosignature=None).receipt is None


def test_a_forged_own_cosignature_is_untrusted() -> None:
    """A line in the log's own name whose signature fails makes the whole note untrusted, as any known key's."""
    forged = replace(BOTH, own=replace(BOTH.own, timestamp=BOTH.own.timestamp + 1))
    data = encode_checkpoint(forged, LOG_KEY, COUNTERPART, OTHER_KEY)
    with pytest.raises(Untrusted, match=f"cosignature of {origin(*HEAD[:2])} fails"):
        open_checkpoint(data, LOG_KEY)


def test_a_third_partys_cosignature_is_passed_over() -> None:
    """Lines by keys unknown to the reader are ignored, as C2SP asks."""
    line = "— witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs\n"
    assert open_checkpoint(NOTE + line.encode(), LOG_KEY, COUNTERPART, OTHER_KEY) == SIGNED


def test_another_key_is_untrusted() -> None:
    """A checkpoint that the log's key did not sign is `Untrusted`."""
    with pytest.raises(Untrusted, match="not signed by the log's key"):
        open_checkpoint(NOTE, OTHER_KEY)


def test_a_signature_does_not_pass_for_a_cosignature() -> None:
    """What a key signs as a log's checkpoint is no cosignature, and the other way round."""
    sig = sign_checkpoint(OTHER, *HEAD)
    assert not verify_cosignature(OTHER_KEY, *HEAD, Cosignature(0, sig))
    assert SIGNED.cosignature is not None
    assert not verify_signature(OTHER_KEY, *HEAD, SIGNED.cosignature.sig)


def test_a_forged_cosignature_is_untrusted() -> None:
    """A line in the counterpart's name whose signature fails makes the whole note untrusted."""
    forged = Checkpoint(*HEAD, SIGNED.sig, Cosignature(1_638_889_201, SIGNED.cosignature.sig))
    data = encode_checkpoint(forged, LOG_KEY, COUNTERPART, OTHER_KEY)
    with pytest.raises(Untrusted, match=f"cosignature of {origin(HEAD[0], COUNTERPART)} fails"):
        open_checkpoint(data, LOG_KEY, COUNTERPART, OTHER_KEY)


@pytest.mark.parametrize("at", range(4))
def test_a_signature_holds_for_one_dialogue_side_size_and_root(at: int) -> None:
    """Every part of the checkpoint is covered by both signatures."""
    head = list(HEAD)
    head[at] = ("E" * 43, "B" * 43, 18, leaf_hash(b"x"))[at]
    assert verify_signature(LOG_KEY, *HEAD, SIGNED.sig)
    assert not verify_signature(LOG_KEY, *head, SIGNED.sig)
    assert not verify_cosignature(OTHER_KEY, *head, SIGNED.cosignature)


def test_the_log_key_signs_plain_ed25519_over_the_text() -> None:
    """`ack.sig` is checkable with nothing but Ed25519 and the three lines."""
    Ed25519PublicKey.from_public_bytes(LOG_KEY).verify(SIGNED.sig, checkpoint_text(*HEAD))


def test_every_byte_of_the_note_counts() -> None:
    """One bit changed anywhere in the note, and it is malformed, untrusted, or no receipt."""
    for at in range(len(BOTH_NOTE)):
        for bit in range(8):
            changed = bytearray(BOTH_NOTE)
            changed[at] ^= 1 << bit
            try:
                opened = open_checkpoint(bytes(changed), LOG_KEY, COUNTERPART, OTHER_KEY)
            except (Malformed, Untrusted):
                continue
            assert opened.receipt is None
            assert opened.sig == SIGNED.sig


@pytest.mark.parametrize(
    "text",
    [
        "",
        "visavis/d/a\n1\n",
        f"visavis/d/a\n1\n{VECTOR['root']}\nextension\n",
        f"visavis/d/a/b\n1\n{VECTOR['root']}\n",
        f"visavis/d\n1\n{VECTOR['root']}\n",
        f"visavis//a\n1\n{VECTOR['root']}\n",
        f"host/d/a\n1\n{VECTOR['root']}\n",
        f"visavis/d/a b\n1\n{VECTOR['root']}\n",
        f"visavis/d/a\n01\n{VECTOR['root']}\n",
        f"visavis/d/a\n-1\n{VECTOR['root']}\n",
        f"visavis/d/a\n١\n{VECTOR['root']}\n",
        f"visavis/d/a\n{'9' * 17}\n{VECTOR['root']}\n",
        f"visavis/d/a\n1\n{VECTOR['root'][:-1]}\n",
        "visavis/d/a\n1\nAAAA\n",
    ],
)
def test_other_texts_are_malformed(text: str) -> None:
    """A text that is not exactly origin, size and root is `Malformed`, whoever signed it."""
    with pytest.raises(Malformed):
        parse_text(text)


def test_an_extension_line_is_malformed_even_if_signed() -> None:
    """Extension lines are refused: nothing would check them."""
    text = checkpoint_text(*HEAD).decode() + "extension\n"
    name = origin(*HEAD[:2])
    line = Signature(name, key_id(name, ED25519, LOG_KEY), LOG.sign(text.encode()))
    with pytest.raises(Malformed):
        open_checkpoint(encode_note(Note(text, (line,))), LOG_KEY)


@given(st.binary(max_size=100))
def test_a_cosignatures_bytes_are_read_or_malformed(stamped: bytes) -> None:
    """Any bytes are a timestamped signature of 72 bytes, or `Malformed`."""
    try:
        cosignature = parse_cosignature(stamped)
    except Malformed:
        return
    assert cosignature.timestamp.to_bytes(8, "big") + cosignature.sig == stamped


def test_a_time_above_the_limit_is_malformed() -> None:
    """C2SP: a cosignature's time does not exceed 2^63 − 1."""
    with pytest.raises(Malformed):
        parse_cosignature(b"\x80" + bytes(71))
    assert not verify_cosignature(OTHER_KEY, *HEAD, Cosignature(2**63, bytes(64)))
    assert key_id("a", ED25519, LOG_KEY) != key_id("a", COSIGNATURE_V1, LOG_KEY)


@given(
    st.binary(max_size=70), st.text(max_size=70), st.text(max_size=70), st.integers(), st.binary(max_size=70)
)
def test_verifying_never_raises(key: bytes, dialogue: str, side: str, size: int, root: bytes) -> None:
    """Whatever is claimed, verifying a signature says no and raises nothing."""
    assert not verify_signature(key, dialogue, side, size, root, key)
    assert not verify_cosignature(key, dialogue, side, size, root, Cosignature(size, key))
