"""The bundle's members and its one spelling (record.md §12)."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.passkeys import passkey

from visavis.errors import Malformed
from visavis.record import container
from visavis.record.bundle import Bundle, LogPart, Opened, encode_bundle, parse_bundle
from visavis.record.checkpoint import Checkpoint, encode_checkpoint, sign_checkpoint
from visavis.record.content import commit
from visavis.record.entry import Founding, dialogue_id
from visavis.record.merkle import Tree

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(2)]
PUBLIC = [key.public_key().public_bytes_raw() for key in KEYS]
FOUNDINGS = [
    Founding(
        (("en", f"Side {i}"),),
        PUBLIC[i],
        (),
        f"officer-{i}",
        passkey(f"officer {i}").passkey,
        bytes([i]) * 16,
    )
    for i in range(2)
]
SALT = bytes(range(32))


def bundle_of(*sizes: int, texts: tuple[str, ...] = ("one", "two")) -> Bundle:
    """A bundle whose leaves say nothing: the form alone is under test here."""
    sides = [founding.side() for founding in FOUNDINGS]
    dialogue = dialogue_id(*sides)
    logs = {}
    for key, public, founding, side, size in zip(KEYS, PUBLIC, FOUNDINGS, sides, sizes, strict=True):
        leaves = tuple(b"entry %d" % i for i in range(size))
        head = (dialogue, side, size, Tree(leaves).root())
        note = encode_checkpoint(Checkpoint(*head, sign_checkpoint(key, *head)), public)
        logs[side] = LogPart(founding, leaves, note)
    contents = {commit(SALT, text.encode()): Opened(SALT, text.encode()) for text in texts}
    return Bundle(logs, contents)


@pytest.mark.parametrize("sizes", [(0, 0), (1, 3), (255, 256), (257, 512), (600, 0)])
def test_a_bundle_reads_back(sizes: tuple[int, int]) -> None:
    """What was written is read, without a fault, at every shape of the last tile."""
    bundle = bundle_of(*sizes)
    assert parse_bundle(encode_bundle(bundle)) == (bundle, [])


def test_one_record_has_one_bundle() -> None:
    """The order in which parts were given does not show in the bytes."""
    bundle = bundle_of(3, 4)
    turned = Bundle(dict(reversed(bundle.logs.items())), dict(reversed(bundle.contents.items())))
    assert encode_bundle(turned) == encode_bundle(bundle)


def test_a_receipt_is_kept() -> None:
    """An earlier checkpoint that the counterpart cosigned travels beside the latest."""
    bundle = bundle_of(3, 4)
    side = bundle.sides[0]
    logs = {**bundle.logs, side: dataclasses.replace(bundle.logs[side], receipt=b"a note")}
    with_receipt = Bundle(logs, bundle.contents)
    assert parse_bundle(encode_bundle(with_receipt)) == (with_receipt, [])


def test_every_byte_of_a_bundle_counts_or_is_for_verify() -> None:
    """One byte changed anywhere is malformed or a fault: the form alone has no slack."""
    data = encode_bundle(bundle_of(2, 1, texts=("one",)))
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        try:
            _, faults = parse_bundle(bytes(changed))
        except Malformed:
            continue
        assert faults, f"byte {at} passed"


def members_of(bundle: Bundle) -> list[container.Member]:
    return container.read(encode_bundle(bundle))[0]


def faults_of(members: list[container.Member]) -> list[str]:
    return [fault.check for fault in parse_bundle(container.write(members))[1]]


def test_a_changed_entry_is_named_by_its_index() -> None:
    """An entry changed in an archive that was packed again is found by its hash, log and index named."""
    bundle = bundle_of(300, 1)
    side = next(side for side, part in bundle.logs.items() if len(part.leaves) == 300)
    changed = [
        (name, content.replace(b"entry 270", b"ENTRY 270")) if side in name else (name, content)
        for name, content in members_of(bundle)
    ]
    _, faults = parse_bundle(container.write(changed))
    assert [(fault.check, fault.log, fault.index) for fault in faults] == [("leaf-hash", side, 270)]


def test_members_missing_added_or_moved_are_found() -> None:
    """A member that has no place, one that is missing, or two that changed places are faults."""
    members = members_of(bundle_of(2, 2))
    assert faults_of(members) == []
    assert faults_of([*members, ("notes.txt", b"x")]) == ["member"]
    assert faults_of([*members, ("salts/x", b"x")]) == ["member"]
    assert faults_of([members[0], *reversed(members[1:])]) == ["member"]
    hashes = next(member for member in members if "/tile/0/" in member[0])
    assert faults_of([member for member in members if member != hashes]) == ["member"]
    assert faults_of([*members, (hashes[0].replace("/0/", "/1/"), hashes[1])]) == ["member"]


@pytest.mark.parametrize("missing", ["visavis.json", "founding.json", "checkpoint", "salts/"])
def test_what_cannot_be_done_without_is_malformed(missing: str) -> None:
    """Without manifest, founding statements, checkpoints or salts there is no bundle."""
    members = [member for member in members_of(bundle_of(2, 2)) if missing not in member[0]]
    with pytest.raises(Malformed):
        faults_of(members)


def test_swapped_logs_are_found() -> None:
    """A log under the other side's id is a fault: the founding statement's hash is another."""
    one, other = bundle_of(2, 3).sides
    swap = {one: other, other: one}
    swapped = []
    for name, content in members_of(bundle_of(2, 3)):
        parts = name.split("/")
        if parts[0] == "logs":
            parts[1] = swap[parts[1]]
        swapped.append(("/".join(parts), content))
    assert "founding" in faults_of(
        sorted(swapped, key=lambda member: (member[0] != "visavis.json", member[0]))
    )


def test_another_dialogues_name_is_found() -> None:
    """The dialogue's id follows from the two founding statements and from nothing else."""
    members = members_of(bundle_of(1, 1))
    name, manifest = members[0]
    dialogue = bundle_of(1, 1).dialogue.encode()
    changed = manifest.replace(dialogue, dialogue[:-1] + (b"A" if dialogue[-1:] != b"A" else b"E"))
    assert "dialogue" in faults_of([(name, changed), *members[1:]])


def test_a_bundle_needs_two_logs_under_their_own_ids() -> None:
    """Writing refuses a side whose id is not its statement's hash, and one log alone."""
    bundle = bundle_of(1, 1)
    one, other = bundle.sides
    for logs in ({one: bundle.logs[one]}, {one: bundle.logs[other], other: bundle.logs[one]}):
        with pytest.raises(Malformed):
            encode_bundle(Bundle(logs, {}))
    with pytest.raises(Malformed):
        encode_bundle(Bundle(bundle.logs, {"x": Opened(SALT, b"")}))


def test_too_many_entries_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a log's entries is within a budget, writing and reading."""
    data = encode_bundle(bundle_of(512, 1))
    monkeypatch.setattr("visavis.record.bundle.MAX_ENTRIES", 300)
    for use in (lambda: parse_bundle(data), lambda: encode_bundle(bundle_of(301, 1))):
        with pytest.raises(Malformed, match="more than 300 entries"):
            use()


@settings(max_examples=300)
@given(st.data())
def test_any_damage_ends_in_faults_or_malformed(data: st.DataObject) -> None:
    """Whatever members are cut, changed, dropped or renamed, reading ends, and raises only `Malformed`."""
    members = members_of(bundle_of(3, 2))
    at = data.draw(st.integers(0, len(members) - 1))
    name, content = members[at]
    other = data.draw(
        st.sampled_from([content[:-1], content + b"\0", b"", b"{}", bytes(32), b"[" * 5000])
        | st.binary(max_size=40)
    )
    members[at] = (data.draw(st.sampled_from([name, "x", f"contents/{name[-9:]}"])), other)
    if data.draw(st.booleans()):
        members.pop(data.draw(st.integers(0, len(members) - 1)))
    packed = container.write(members)
    try:
        bundle, faults = parse_bundle(packed)
    except Malformed:
        return
    assert faults or encode_bundle(bundle) == packed
