"""What others' tools are given of a bundle (record.md §§10.4–10.6)."""

from __future__ import annotations

import dataclasses

import pytest
from tests.verification.desk import DIALOGUE, KEYS, PUBLIC, RULEBOOK, SIDES, Desk

from visavis.errors import Malformed, Refused, Untrusted
from visavis.record.bundle import Bundle, encode_bundle
from visavis.record.checkpoint import origin, parse_text
from visavis.record.inclusion import check_proof
from visavis.record.note import ED25519, parse_note, verifier_key
from visavis.record.policy import dialogue_policy, encode_policy, satisfied
from visavis.verification.readable import Readable
from visavis.verification.verify import verify


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A guarantee in force, then another log key of side 0."""
    desk = Desk().founded()
    desk.agreed(kind="guarantee")
    desk.rotate(0)
    desk.receipts()
    return desk


def with_log(desk: Desk, s: int, **changes: object) -> bytes:
    parts = desk.parts()
    logs = {**parts.logs, SIDES[s]: dataclasses.replace(parts.logs[SIDES[s]], **changes)}
    return encode_bundle(Bundle(logs, parts.contents))


def test_the_policy_names_every_key_that_a_side_has_had(desk: Desk) -> None:
    """A rotation that stands adds a key; a bundle's own checkpoints, old and new, meet its policy."""
    policy = Readable(desk.bundle(), RULEBOOK).policy()
    keys = {SIDES[0]: [PUBLIC[0, "log"], PUBLIC[0, "new-log"]], SIDES[1]: [PUBLIC[1, "log"]]}
    assert policy == dialogue_policy(DIALOGUE, keys)
    assert list(policy.witnesses) == ["A.1", "A.2", "B"]
    for s in (0, 1):
        assert satisfied(policy, parse_note(desk.checkpoint(s)))
    assert satisfied(policy, parse_note(desk.checkpoint(0, 4, key=KEYS[0, "log"])))


def test_a_rotation_that_is_void_adds_no_key() -> None:
    """A principal who may not admit rotates nothing, and the policy stays."""
    desk = Desk().founded()
    act = {"type": "side.rotate-key", "log_key": desk.content("x")}
    desk.write(0, act)
    assert list(Readable(desk.bundle(), RULEBOOK).policy().witnesses) == ["A", "B"]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("cosigned", [True, False])
def test_the_verifier_and_the_policy_agree(desk: Desk, own: bool, cosigned: bool) -> None:
    """The account has a receipt if and only if the checkpoint meets the dialogue's policy."""
    data = with_log(desk, 0, checkpoint=desk.checkpoint(0, own=own, cosigned=cosigned))
    record = Readable(data, RULEBOOK)
    met = satisfied(record.policy(), parse_note(record.bundle.logs[SIDES[0]].checkpoint))
    assert met is (own and cosigned)
    assert (verify(data, RULEBOOK).logs[0].cosigned is not None) is met


def test_every_entry_is_proven(desk: Desk) -> None:
    """Each entry's proof leads from its bytes to the checkpoint in the bundle."""
    record = Readable(desk.bundle(), RULEBOOK)
    for s, side in enumerate(SIDES):
        for index, leaf in enumerate(desk.logs[s]):
            proof, entry = record.prove(side, index)
            assert (proof.checkpoint, entry) == (desk.checkpoint(s), leaf)
            assert check_proof(proof, entry, record.policy()).side == side


def test_a_proof_rests_on_the_latest_receipt(desk: Desk) -> None:
    """Where the whole log is not cosigned, the earlier receipt proves what it covers, and nothing later."""
    bare, receipt = desk.checkpoint(0, cosigned=False), desk.checkpoint(0, 5, key=KEYS[0, "log"])
    record = Readable(with_log(desk, 0, checkpoint=bare, receipt=receipt), RULEBOOK)
    proof, _ = record.prove(SIDES[0], 4)
    assert parse_text(parse_note(proof.checkpoint).text)[2] == 5
    with pytest.raises(Refused, match="covers entry 5"):
        record.prove(SIDES[0], 5)


@pytest.mark.parametrize("index", [-1, 99])
def test_an_entry_that_is_not_there_is_not_proven(desk: Desk, index: int) -> None:
    """An index outside the log is refused."""
    with pytest.raises(Refused, match=f"no entry {index}"):
        Readable(desk.bundle(), RULEBOOK).prove(SIDES[0], index)


def test_a_checkpoint_of_another_log_proves_nothing(desk: Desk) -> None:
    """A well-cosigned note over other leaves is no proof of these."""
    other = Desk().founded()
    for _ in range(len(desk.logs[1]) - 2):
        other.put(1, b"another entry")
    record = Readable(with_log(desk, 1, checkpoint=other.checkpoint(1)), RULEBOOK)
    with pytest.raises(Untrusted):
        record.prove(SIDES[1], 0)


def test_the_files_are_tiled_logs(desk: Desk) -> None:
    """Each side's folder is a C2SP tiled log with its key; the policy stands above; no content is among them."""
    files = dict(Readable(desk.bundle(), RULEBOOK).files())
    policy = Readable(desk.bundle(), RULEBOOK).policy()
    assert files.pop("policy") == encode_policy(policy)
    for s, side in enumerate(SIDES):
        key = PUBLIC[s, "new-log" if s == 0 else "log"]
        size = len(desk.logs[s])
        vkey = verifier_key(origin(DIALOGUE, side), ED25519, key)
        assert files.pop(f"{side}/vkey") == f"{vkey}\n".encode()
        assert files.pop(f"{side}/checkpoint") == desk.checkpoint(s)
        for name in ("founding.json", f"tile/entries/000.p/{size}", f"tile/0/000.p/{size}"):
            assert files.pop(f"{side}/{name}")
    assert files == {}


def test_a_bundle_that_is_not_whole_is_not_handed_on(desk: Desk) -> None:
    """A byte that a verifier would name is not laid out as if it were the record."""
    data = bytearray(desk.bundle())
    data[-30] ^= 1
    with pytest.raises(Untrusted, match="not whole"):
        Readable(bytes(data), RULEBOOK)
    with pytest.raises(Malformed):
        Readable(b"no bundle", RULEBOOK)
