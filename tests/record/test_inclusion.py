"""Proofs that an entry is logged, as files (record.md §10.6; C2SP tlog-proof)."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, sign_checkpoint
from visavis.record.inclusion import (
    HEADER,
    MAX_BYTES,
    LoggedProof,
    check_proof,
    encode_proof,
    parse_proof,
)
from visavis.record.merkle import ProofInvalid, Tree
from visavis.record.policy import dialogue_policy

ONE, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
KEYS = [key.public_key().public_bytes_raw() for key in (ONE, OTHER)]
DIALOGUE, A, B = "D" * 43, "A" * 43, "B" * 43
POLICY = dialogue_policy(DIALOGUE, {A: KEYS[:1], B: KEYS[1:]})
LEAVES = [b"entry %d" % n for n in range(300)]
TREE = Tree(LEAVES)


def note(size: int, *, cosigned: bool = True) -> bytes:
    head = (DIALOGUE, A, size, TREE.root(size))
    own, other = (cosign(key, *head, 7) for key in (ONE, OTHER))
    made = Checkpoint(*head, sign_checkpoint(ONE, *head), other if cosigned else None, own)
    return encode_checkpoint(made, KEYS[0], B, KEYS[1])


def proof(index: int, size: int) -> LoggedProof:
    return LoggedProof(index, tuple(TREE.inclusion_proof(index, size)), note(size))


GOOD = encode_proof(proof(4, 7))
HASH = base64.b64encode(bytes(32)).decode()


def test_a_proof_as_c2sp_draws_it() -> None:
    """Header, index, the siblings leaf to root, an empty line, the checkpoint verbatim."""
    lines = GOOD.decode().split("\n")
    assert lines[:2] == [HEADER, "index 4"]
    assert [base64.b64decode(line) for line in lines[2:5]] == TREE.inclusion_proof(4, 7)
    assert lines[5] == ""
    assert GOOD.endswith(b"\n\n" + note(7))
    assert parse_proof(GOOD) == proof(4, 7)


@pytest.mark.parametrize("size", [1, 2, 3, 17, 255, 256, 257, 300])
def test_every_entry_of_a_log_is_proven(size: int) -> None:
    """An entry's proof holds for that entry at that index, and for no other entry."""
    for index in sorted({0, 1, size // 2, size - 1} & set(range(size))):
        read = parse_proof(encode_proof(proof(index, size)))
        logged = check_proof(read, LEAVES[index], POLICY)
        assert (logged.dialogue, logged.side, logged.index, logged.size) == (DIALOGUE, A, index, size)
        assert set(logged.met.cosigned) == {"A", "B"}
        with pytest.raises(ProofInvalid):
            check_proof(read, LEAVES[index] + b".", POLICY)


def test_a_proof_holds_at_its_index_only() -> None:
    """The same siblings at another index, or one too few, lead nowhere."""
    with pytest.raises(ProofInvalid):
        check_proof(replace(proof(4, 7), index=5), LEAVES[4], POLICY)
    with pytest.raises(ProofInvalid, match="too short"):
        check_proof(replace(proof(4, 7), hashes=proof(4, 7).hashes[:-1]), LEAVES[4], POLICY)
    with pytest.raises(ProofInvalid, match="no leaf 7"):
        check_proof(replace(proof(4, 7), index=7), LEAVES[4], POLICY)


def test_a_proof_rests_on_a_checkpoint_that_meets_the_policy() -> None:
    """A checkpoint without the counterpart's cosignature proves nothing, however right its tree is."""
    with pytest.raises(Untrusted, match="not cosigned by B"):
        check_proof(replace(proof(4, 7), checkpoint=note(7, cosigned=False)), LEAVES[4], POLICY)
    strangers = dialogue_policy(DIALOGUE, {A: [bytes([2]) * 32], B: [bytes([1]) * 32]})
    with pytest.raises(Untrusted, match="not signed by a log that it names"):
        check_proof(proof(4, 7), LEAVES[4], strangers)


def test_a_note_that_is_no_checkpoint_is_malformed() -> None:
    """What follows the empty line must be a checkpoint of a Visavis log."""
    for odd in (b"", b"no note", note(7)[:-1], note(7).replace(b"visavis/", b"elsewhere/", 1)):
        with pytest.raises(Malformed):
            check_proof(replace(proof(4, 7), checkpoint=odd), LEAVES[4], POLICY)


def test_extra_data_is_read_and_trusted_for_nothing() -> None:
    """Another tool may put extra data in; the check is the same with it and without."""
    extra = replace(proof(4, 7), extra=b"page-v1")
    assert encode_proof(extra).split(b"\n")[1] == b"extra cGFnZS12MQ=="
    assert parse_proof(encode_proof(extra)) == extra
    assert check_proof(extra, LEAVES[4], POLICY) == check_proof(proof(4, 7), LEAVES[4], POLICY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no empty line"),
        (f"{HEADER}\nindex 0\n", "no empty line"),
        ("c2sp.org/tlog-proof@v2\nindex 0\n\nx", "line 1 is not c2sp"),
        (f" {HEADER}\nindex 0\n\nx", "line 1 is not c2sp"),
        (f"{HEADER}\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex 00\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex -1\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex +1\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex  1\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex {'9' * 17}\n\nx", "line 2 is not an index"),
        (f"{HEADER}\nindex 0\nextra AA==\n\nx", "line 3 is not base64"),
        (f"{HEADER}\nextra \nindex 0\n\nx", "line 2 has no extra data"),
        (f"{HEADER}\nextra AB==\nindex 0\n\nx", "line 2 is not base64 in its one spelling"),
        (f"{HEADER}\nextra AA==\nextra AA==\nindex 0\n\nx", "line 3 is not an index"),
        (f"{HEADER}\nextra AA==\n\nx", "line 3 is not an index"),
        (f"{HEADER}\nindex 0\n{HASH}\nAAAA\n\nx", "line 4 is not a hash"),
        (f"{HEADER}\nindex 0\n{HASH[:-1]}\n\nx", "line 3 is not base64"),
        (f"{HEADER}\nindex 0\n{HASH} \n\nx", "line 3 is not base64"),
        (f"{HEADER}\r\nindex 0\r\n\n\nx", "line 1 is not c2sp"),
        (f"{HEADER}\nindex ١\n\nx", "line 2 is not ASCII"),
        (f"{HEADER}\nindex 0\n" + f"{HASH}\n" * 64 + "\nx", "64 hashes"),
        ("x" * (MAX_BYTES + 1), "bytes where"),
    ],
)
def test_a_malformed_proof_names_its_line(text: str, says: str) -> None:
    """A file that breaks the form is `Malformed`, and the message says which line."""
    with pytest.raises(Malformed, match=says):
        parse_proof(text.encode())


@pytest.mark.parametrize(
    "odd",
    [
        replace(proof(4, 7), index=-1),
        replace(proof(4, 7), hashes=(bytes(31),)),
        replace(proof(4, 7), hashes=(b"",)),
        replace(proof(4, 7), hashes=(bytes(32),) * 64),
        replace(proof(4, 7), extra=b""),
        replace(proof(4, 7), checkpoint=bytes(MAX_BYTES)),
    ],
)
def test_what_could_not_be_read_back_is_not_written(odd: LoggedProof) -> None:
    """A proof whose parts do not form one is `Malformed` when written."""
    with pytest.raises(Malformed):
        encode_proof(odd)


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([HEADER, "index 4", "extra AA==", HASH, "", "x"]), max_size=6).map(
        lambda lines: "\n".join(lines).encode()
    )
)
@example(b"\n\n")
def test_reading_any_bytes_ends_in_a_proof_or_malformed(data: bytes) -> None:
    """Any bytes are a proof, spelt as it would be written, or `Malformed`; its check raises nothing else."""
    try:
        read = parse_proof(data)
    except Malformed:
        return
    assert encode_proof(read) == data
    with pytest.raises((Malformed, Untrusted)):
        check_proof(read, b"entry", POLICY)


def test_every_byte_counts() -> None:
    """One bit changed anywhere in the file, and it proves nothing."""
    check_proof(parse_proof(GOOD), LEAVES[4], POLICY)
    for at in range(len(GOOD)):
        for bit in range(8):
            changed = bytearray(GOOD)
            changed[at] ^= 1 << bit
            with pytest.raises((Malformed, Untrusted)):
                check_proof(parse_proof(bytes(changed)), LEAVES[4], POLICY)
