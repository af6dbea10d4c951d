"""Entries, founding statements and proofs (record.md §2)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs
from tests.passkeys import passkey

from visavis.errors import Malformed, Untrusted
from visavis.record import canonical
from visavis.record.digest import to_text
from visavis.record.entry import (
    Founding,
    Proof,
    Seen,
    SignedMembers,
    dialogue_id,
    make_entry,
    parse_entry,
    sign,
    verify_proof,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OFFICER = passkey("officer of side A", KEY)
FOUNDING = Founding(
    names=(("en", "Side A"), ("ru", "Сторона А")),
    log_key=bytes([9]) * 32,
    recovery=(bytes([9]) * 32,),
    officer="officer-of-a",
    passkey=OFFICER.passkey,
    nonce=bytes(16),
)
SIGNED = SignedMembers(
    dialogue="d" * 43,
    side="a" * 43,
    own=Seen(1, bytes(32)),
    ack=Seen(2, bytes(32), bytes(64)),
    act={"type": "record.receive"},
    delegate="officer-of-a",
    credential=to_text(PUBLIC),
    nonce=bytes(16),
)
ENTRY = make_entry(SIGNED, sign(SIGNED, KEY), seq=1, time="2021-12-07T15:02:11.123Z")


def test_vector() -> None:
    """The shared founding entry is made byte for byte, by hashes spelt out here as in §§1, 2 and 11."""
    vector = json.loads(
        (Path(__file__).parents[1] / "vectors/record/founding.json").read_text(encoding="utf-8")
    )

    def h(tag: str, *parts: bytes) -> str:
        lengths = (len(part).to_bytes(8, "big") + part for part in parts)
        return to_text(hashlib.sha256(f"visavis/{tag}/v1\0".encode() + b"".join(lengths)).digest())

    statements = [rfc8785.dumps(founding) for founding in vector["foundings"]]
    assert [h("side", statement) for statement in statements] == vector["sides"]
    assert h("dialogue", *(side.encode() for side in sorted(vector["sides"]))) == vector["dialogue"]
    spelt = rfc8785.dumps(vector["signed"])
    assert spelt.decode() == vector["signed_canonical"]
    challenge = hashlib.sha256(b"visavis/entry/v1\0" + spelt).digest()
    assert challenge.hex() == vector["challenge"]
    entry = parse_entry(vector["leaf"].encode())
    assert make_entry(entry.signed, entry.proof, seq=vector["seq"], time=vector["time"]) == entry
    assert entry.signed.to_json() == vector["signed"]
    verify_proof(entry.signed, entry.proof, Founding.from_json(vector["foundings"][0]).passkey)
    assert Founding.from_json(vector["foundings"][0]).side() == vector["sides"][0]
    assert hashlib.sha256(b"\0" + entry.leaf).hexdigest() == vector["leaf_hash"]
    content = vector["content"]
    assert h("content", bytes.fromhex(content["salt"]), content["words"].encode()) == content["commitment"]


def test_an_entry_reads_back() -> None:
    """What was made is what is read."""
    assert parse_entry(ENTRY.leaf) == ENTRY


def test_the_challenge_covers_what_was_seen_and_done_and_neither_seq_nor_time() -> None:
    """A proof holds at whatever place and time the node states (§2.3)."""
    verify_proof(SIGNED, ENTRY.proof, PUBLIC)
    moved = make_entry(SIGNED, ENTRY.proof, seq=9, time="2021-12-07T16:00:00.000Z")
    verify_proof(parse_entry(moved.leaf).signed, moved.proof, PUBLIC)
    covered = canonical.encode(SIGNED.to_json())
    assert SIGNED.challenge() == hashlib.sha256(b"visavis/entry/v1\0" + covered).digest()


@given(
    st.dictionaries(
        st.text(max_size=9), st.text(max_size=9) | st.integers(0, 9) | st.lists(st.text(max_size=5))
    ),
    st.text(max_size=40),
    st.text(max_size=64),
    st.integers(0, 2**53 - 1),
)
@example({"proof": ',"proof":{', ',"proof":{': 1}, ',"proof":{"sig":', ',"proof":{"side":"', 0)
def test_the_challenge_of_an_entry_that_was_read_is_the_one_that_was_signed(
    act: dict, time: str, side: str, seq: int
) -> None:
    """Read from a leaf, the signed members give the challenge that they give by themselves, whatever they hold."""
    signed = structs.replace(SIGNED, act={**act, "type": "x"}, side=side)
    entry = parse_entry(make_entry(signed, Proof("ed25519", bytes(64)), seq=seq, time=time).leaf)
    assert entry.challenge() == entry.signed.challenge() == signed.challenge()


@pytest.mark.parametrize(
    "change",
    [
        {"dialogue": "e" * 43},
        {"side": "b" * 43},
        {"own": Seen(0, bytes(32))},
        {"ack": Seen(2, bytes(32), b"\1" + bytes(63))},
        {"act": {"type": "record.receive", "more": 1}},
        {"delegate": "another"},
        {"credential": "another"},
        {"nonce": bytes(15) + b"\1"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_signed_member_is_covered(change: dict) -> None:
    """Each of the signed members changed alone makes the proof `Untrusted`."""
    with pytest.raises(Untrusted):
        verify_proof(structs.replace(SIGNED, **change), ENTRY.proof, PUBLIC)


def test_a_proof_of_another_type_than_its_key_is_untrusted() -> None:
    """A passkey proves by an assertion, and an Ed25519 key by itself; neither passes for the other."""
    with pytest.raises(Untrusted):
        verify_proof(SIGNED, OFFICER.prove(SIGNED.challenge()), PUBLIC)
    with pytest.raises(Untrusted):
        verify_proof(SIGNED, ENTRY.proof, OFFICER.passkey)


def test_every_byte_of_a_leaf_counts() -> None:
    """One bit changed anywhere in a leaf: malformed, or another entry; never the same one."""
    for at in range(len(ENTRY.leaf)):
        changed = bytearray(ENTRY.leaf)
        changed[at] ^= 1 << (at % 8)
        try:
            entry = parse_entry(bytes(changed))
        except Malformed:
            continue
        assert structs.replace(entry, leaf=b"") != structs.replace(ENTRY, leaf=b"")


@given(
    st.binary(max_size=80)
    | st.dictionaries(st.sampled_from(["v", "act", "own"]), st.none()).map(canonical.encode)
)
def test_any_bytes_are_an_entry_or_malformed(data: bytes) -> None:
    """Reading a leaf never raises anything but `Malformed`."""
    with pytest.raises(Malformed):
        parse_entry(data)


@given(
    st.sampled_from(
        ["v", "seq", "time", "proof", "dialogue", "side", "own", "ack", "act", "by", "nonce", "extra"]
    ),
    st.sampled_from(
        [None, True, 0, -1, "", "x", [], {}, {"type": 1}, {"size": True, "root": "x"}, 2**53, "\x00" * 99]
    ),
)
def test_a_wrong_member_is_malformed(name: str, value: object) -> None:
    """An entry with one member missing, unknown or of another form is `Malformed`."""
    body = canonical.decode(ENTRY.leaf)
    without = {key: member for key, member in body.items() if key != name}
    if name != "extra":
        with pytest.raises(Malformed):
            parse_entry(canonical.encode(without))
    try:
        data = canonical.encode({**body, name: value})
        entry = parse_entry(data)
    except Malformed:
        return
    assert (name, type(value)) in {("time", str), ("dialogue", str), ("side", str), ("seq", int)}
    assert entry.leaf == data


def test_an_entry_above_the_limit_is_malformed() -> None:
    """An entry is at most 65,535 bytes, written or read."""
    big = structs.replace(SIGNED, act={"type": "x", "text": "a" * 65_000})
    with pytest.raises(Malformed):
        make_entry(big, ENTRY.proof, seq=1, time="")


def test_a_founding_statement_names_its_side() -> None:
    """A side's id is its statement's hash; every member of the statement counts."""
    assert Founding.from_json(FOUNDING.to_json()) == FOUNDING
    ids = {FOUNDING.side()}
    for change in (
        {"names": (("en", "Side B"),)},
        {"log_key": bytes(31) + b"\1"},
        {"recovery": ()},
        {"officer": "x"},
        {"passkey": passkey("another").passkey},
        {"nonce": bytes(15) + b"\1"},
    ):
        ids.add(dataclasses.replace(FOUNDING, **change).side())
    assert len(ids) == 7
    assert all(len(each) == 43 for each in ids)


def test_the_dialogues_id_is_the_same_from_both_chairs() -> None:
    """No side's name stands first."""
    assert dialogue_id("a", "b") == dialogue_id("b", "a")
    with pytest.raises(Malformed):
        dialogue_id("a", "a")


@pytest.mark.parametrize(
    "change",
    [
        {"name": {}},
        {"name": {"en": ""}},
        {"name": {"en": 1}},
        {"name": []},
        {"log_key": "AA"},
        {"recovery": [to_text(bytes(32))] * 9},
        {"officer": {"delegate": "x"}},
        {"officer": None},
        {"nonce": to_text(bytes(15))},
        {"extra": 1},
    ],
)
def test_other_founding_statements_are_malformed(change: dict) -> None:
    """A founding statement has exactly its members, each in its form."""
    with pytest.raises(Malformed):
        Founding.from_json({**FOUNDING.to_json(), **change})
