"""Replacing a log key at a real store: what signs from then on, what is left of the old one, and the way out when
somebody who has stolen it stops the log (record.md §§9.4, 9.5)."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.dialogue.test_keeping import reopened
from tests.dialogue.test_service import PROFILE, House, house, open_house

from visavis.dialogue.errors import LogBehind, LogKeyMissing, SideMoved
from visavis.dialogue.receiving import Finding
from visavis.dialogue.service import DraftGone
from visavis.errors import Malformed, Refused, Unavailable, Untrusted
from visavis.record.checkpoint import Checkpoint, encode_checkpoint, open_checkpoint, sign_checkpoint
from visavis.record.digest import from_text, to_text
from visavis.record.inclusion import check_proof, encode_proof, parse_proof
from visavis.record.policy import encode_policy, parse_policy
from visavis.rulebook import EDITION_1
from visavis.verification.readable import Readable
from visavis.verification.verify import verify

__all__ = ["house"]
pytestmark = pytest.mark.anyio

HUGE = 10**16 - 1
THERE = "https://new.example"


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def forged(house: House, side: str, key: Ed25519PrivateKey, size: int = HUGE) -> bytes:
    """What a thief of the log key signs."""
    sig = sign_checkpoint(key, house.ledger.id, side, size, bytes(32))
    return encode_checkpoint(Checkpoint(house.ledger.id, side, size, bytes(32), sig), raw(key))


async def seeds(house: House, side: str) -> list[bytes | None]:
    async with house.store.begin() as unit:
        return [row.seed for row in await unit.log_keys(side)]


def on_disk(folder: Path, secret: bytes) -> list[str]:
    """The files under `folder` that hold these bytes."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in files if secret in file.read_bytes()]


@asynccontextmanager
async def again(house: House, tmp_path: Path) -> AsyncIterator[House]:
    """The same data, at another start."""
    opened = await reopened(house, tmp_path)
    try:
        yield dataclasses.replace(opened, officers=house.officers)
    finally:
        await opened.store.close()


async def exported(house: House) -> bytes:
    return await house.dialogues.export(house.ledger.id, None)


# --- a rotation -----------------------------------------------------------------------------------------


async def test_the_new_key_signs_from_its_entry_on(house: House, tmp_path: Path) -> None:
    """Checkpoints, both sides' cosignatures and the node's own entries; the record verifies, now and after a start."""
    one, other = house.officers
    side, theirs = one.session.side, other.session.side
    await house.dialogues.checkpoint(house.ledger.id, theirs)  # cosigned by the key before
    before = house.ledger.log_keys[side]
    entry = await house.enter(one, "dialogue.rotate-key")
    after = house.ledger.log_keys[side]
    assert raw(after) == from_text(str(entry.signed.act["log_key"]), 32) != raw(before)
    note = await house.dialogues.checkpoint(house.ledger.id, side)
    read = open_checkpoint(note, raw(after), theirs, raw(house.ledger.log_keys[theirs]))
    assert read.own is not None
    assert read.cosignature is not None
    with pytest.raises(Untrusted):
        open_checkpoint(note, raw(before))
    # The counterpart's log stands as it was cosigned: by the key of then.
    held = await house.dialogues.checkpoint(house.ledger.id, theirs)
    assert (
        open_checkpoint(held, raw(house.ledger.log_keys[theirs]), side, raw(before)).cosignature is not None
    )
    assert verify(await exported(house), EDITION_1).holds
    await house.enter(
        other, "talks.propose", title={"en": "Talks"}, start="2021-12-07T15:00:00Z", minutes=60, mode="video"
    )
    draft_of = house.ledger.joint.tabled_at[house.ledger.index(theirs)]
    (hash_,) = draft_of
    talk = house.ledger.joint.tabled[hash_].slot[1]
    await house.enter(one, "talks.accept", talk=talk, hash=hash_)  # after the node's receipt, by the new key
    assert verify(await exported(house), EDITION_1).holds
    async with again(house, tmp_path) as restarted:
        assert restarted.ledger.stopped is None
        await restarted.enter(one, "dialogue.rotate-key")
        await restarted.enter(one, "dialogue.profile", **PROFILE)
        account = verify(await exported(restarted), EDITION_1)
        assert account.holds
        assert all(log.cosigned is not None for log in account.logs)


async def test_others_tools_get_every_key(house: House) -> None:
    """The policy names all keys that a side has had, and proves entries from before a rotation and after it."""
    one = house.officers[0]
    await house.enter(one, "dialogue.rotate-key")
    await house.enter(one, "dialogue.profile", **PROFILE)
    record = Readable(await exported(house), EDITION_1)
    policy = parse_policy(encode_policy(record.policy()))
    for side, leaves in zip(house.ledger.sides, house.ledger.leaves, strict=True):
        for index, leaf in enumerate(leaves):
            proof, entry = record.prove(side, index)
            assert entry == leaf
            assert check_proof(parse_proof(encode_proof(proof)), entry, policy).index == index


async def test_two_officers_may_draft_at_once(house: House) -> None:
    """Neither draft takes the other's key; entered, the one leaves nothing for the other."""
    one = house.officers[0]
    drafts = []

    async def ask() -> None:
        drafts.append(await house.dialogues.draft(one.session, house.ledger.id, "dialogue.rotate-key", {}))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask)
    assert len(await seeds(house, one.session.side)) == 4
    first, second, _ = drafts
    for draft in (second, first):
        proof = one.key.prove(draft.signed.challenge())
        if draft is second:
            await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)
            continue
        with pytest.raises(DraftGone):
            await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)
    assert len(await seeds(house, one.session.side)) == 1
    assert to_text(raw(house.ledger.log_keys[one.session.side])) == second.signed.act["log_key"]


async def test_the_old_key_is_off_the_disk(house: House, tmp_path: Path) -> None:
    """Nothing in the database, nor in its write-ahead log, holds the seed that was replaced."""
    one = house.officers[0]
    side = one.session.side
    (old,) = await seeds(house, side)
    assert old is not None
    assert on_disk(tmp_path, old)
    await house.enter(one, "dialogue.rotate-key")
    (new,) = await seeds(house, side)
    assert new is not None
    assert new != old
    assert on_disk(tmp_path, old) == []
    assert on_disk(tmp_path, new)


async def test_who_may_not_admit_rotates_nothing(house: House) -> None:
    """It takes the officer's power; what is refused leaves no key behind."""
    one = house.officers[0]
    delegate = dataclasses.replace(one.session, delegate="somebody")
    with pytest.raises(Refused):
        await house.dialogues.draft(delegate, house.ledger.id, "dialogue.rotate-key", {})
    assert len(await seeds(house, one.session.side)) == 1


# --- between the steps ----------------------------------------------------------------------------------


async def test_a_draft_that_nobody_signs_changes_nothing(house: House, tmp_path: Path) -> None:
    """Its key is on disk before anybody signs for it, and gone when the draft is; the key in force stays."""
    one = house.officers[0]
    side, key = one.session.side, raw(house.ledger.log_keys[one.session.side])
    for n in range(3):
        await house.dialogues.draft(one.session, house.ledger.id, "dialogue.rotate-key", {})
        assert len(await seeds(house, side)) == 2 + n
    house.clock.now = house.clock.now.replace(year=2022)
    await house.dialogues.draft(one.session, house.ledger.id, "dialogue.rotate-key", {})
    assert len(await seeds(house, side)) == 2
    async with again(house, tmp_path) as restarted:
        assert raw(restarted.ledger.log_keys[side]) == key
        assert len(await seeds(restarted, side)) == 1
        await restarted.enter(one, "dialogue.profile", **PROFILE)


async def test_an_entry_that_is_not_written_leaves_the_key(house: House) -> None:
    """The store fails as the rotation is entered: the key in force signs on, and the same draft is taken later."""
    one = house.officers[0]
    side, key = one.session.side, house.ledger.log_keys[one.session.side]
    draft = await house.dialogues.draft(one.session, house.ledger.id, "dialogue.rotate-key", {})
    proof = one.key.prove(draft.signed.challenge())
    async with house.store.connection() as db:
        await db.exec_driver_sql(
            "CREATE TRIGGER no BEFORE DELETE ON log_keys BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with pytest.raises(Unavailable):
        await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)
    assert house.ledger.log_keys[side] is key
    assert len(await seeds(house, side)) == 2
    async with house.store.connection() as db:
        await db.exec_driver_sql("DROP TRIGGER no")
    await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)
    assert house.ledger.log_keys[side] is not key


async def test_killed_after_the_entry_the_new_key_is_there(house: House, tmp_path: Path) -> None:
    """The entry is on disk, no file of the log is: the next start signs by the new key and goes on."""
    one = house.officers[0]
    side, keep = one.session.side, house.store.logs.keep

    async def full(*_: object) -> None:
        raise Unavailable("no space left")

    house.store.logs.keep = full  # type: ignore[method-assign]
    entry = await house.enter(one, "dialogue.rotate-key")
    house.store.logs.keep = keep  # type: ignore[method-assign]
    async with again(house, tmp_path) as restarted:
        assert to_text(raw(restarted.ledger.log_keys[side])) == entry.signed.act["log_key"]
        assert (await restarted.enter(one, "dialogue.profile", **PROFILE)).seq == entry.seq + 1
        assert verify(await exported(restarted), EDITION_1).holds


async def test_a_node_without_the_key_says_so_and_a_rotation_leads_out(house: House, tmp_path: Path) -> None:
    """Entries fetched back onto a copy from before a rotation: nothing is written but that side's next rotation."""
    one, other = house.officers
    side = one.session.side
    copy = tmp_path / "copy"
    copy.mkdir()
    await house.store.scrub()
    await anyio.to_thread.run_sync(lambda: shutil.copy(tmp_path / "node.sqlite", copy / "node.sqlite"))
    await house.enter(one, "dialogue.rotate-key")
    await house.enter(one, "dialogue.profile", **PROFILE)
    logs = dict(zip(house.ledger.sides, house.ledger.leaves, strict=True))
    old = await open_house(copy / "node.sqlite", house.clock)
    old.officers = house.officers
    try:
        assert await old.dialogues.restore(old.ledger.id, logs, []) == (2, 0)
        assert isinstance(old.ledger.stopped, LogKeyMissing)
        for officer in (one, other):
            with pytest.raises(LogKeyMissing):
                await old.enter(officer, "dialogue.profile", **PROFILE)
        await old.enter(one, "dialogue.rotate-key")
        assert old.ledger.stopped is None
        await old.enter(other, "dialogue.profile", **PROFILE)
        assert verify(await exported(old), EDITION_1).holds
        assert len(await seeds(old, side)) == 1
    finally:
        await old.store.close()


# --- a stolen key ---------------------------------------------------------------------------------------


async def test_a_side_gets_out_of_what_a_thief_has_signed(house: House, tmp_path: Path) -> None:
    """A huge checkpoint stops the dialogue; the side declares it false as it replaces the key, and both go on."""
    one, other = house.officers
    side, key = one.session.side, house.ledger.log_keys[one.session.side]
    note = forged(house, side, key)
    assert await house.dialogues.present(house.ledger.id, note) is Finding.BEHIND
    async with again(house, tmp_path) as stopped:
        assert isinstance(stopped.ledger.stopped, LogBehind)
        for officer, command, fields in (
            (one, "dialogue.profile", PROFILE),
            (other, "dialogue.profile", PROFILE),
            (one, "dialogue.rotate-key", {}),  # without a word on the checkpoint
        ):
            with pytest.raises(LogBehind):
                await stopped.enter(officer, command, **fields)
        with pytest.raises(Refused) as unknown:
            await stopped.enter(one, "dialogue.rotate-key", disown=str(HUGE - 1))
        assert unknown.value.code == "no-such-checkpoint"
        assert len(await seeds(stopped, side)) == 1
        draft = await stopped.dialogues.draft(
            one.session, stopped.ledger.id, "dialogue.rotate-key", {"disown": str(HUGE)}
        )
        assert any(f"{HUGE} entries" in line for line in draft.drafted.summary.lines)
        await stopped.dialogues.enter(
            one.session, stopped.ledger.id, draft.id, one.key.prove(draft.signed.challenge())
        )
        assert stopped.ledger.stopped is None
        await stopped.enter(other, "dialogue.profile", **PROFILE)
        (fork,) = stopped.ledger.forks
        assert fork.shown == note
        assert (
            open_checkpoint(fork.held, raw(stopped.ledger.log_keys[side])).size == draft.signed.own.size + 1
        )
        with pytest.raises(Untrusted):  # another: that key signs nothing so large any more
            await stopped.dialogues.present(stopped.ledger.id, forged(stopped, side, key, HUGE - 1))
        assert verify(await exported(stopped), EDITION_1).holds
        async with again(stopped, tmp_path) as restarted:
            assert restarted.ledger.stopped is None
            assert restarted.ledger.forks == [fork]
            await restarted.enter(one, "dialogue.profile", **PROFILE)


async def test_the_proof_is_kept_though_the_node_is_killed(house: House, tmp_path: Path) -> None:
    """The rotation is entered and nothing after it happens: the next start keeps what was shown, as proof."""
    one = house.officers[0]
    side, key = one.session.side, house.ledger.log_keys[one.session.side]
    await house.dialogues.present(house.ledger.id, forged(house, side, key))

    async def killed(*_: object) -> None:
        return

    house.dialogues._keeper.turned = killed  # type: ignore[method-assign]
    await house.enter(one, "dialogue.rotate-key", disown=str(HUGE))
    assert house.ledger.forks == []
    async with again(house, tmp_path) as restarted:
        assert restarted.ledger.stopped is None
        assert [fork.shown for fork in restarted.ledger.forks] == [forged(house, side, key)]
        async with restarted.store.begin() as unit:
            assert await unit.shown(restarted.ledger.id) == []


@pytest.mark.parametrize("witness", ["head", "cosigner", "other log"])
async def test_an_old_copy_is_not_talked_away(house: House, tmp_path: Path, witness: str) -> None:
    """What the disk itself, a cosigner's memory or the other's log knows is never declared false by anybody."""
    one, other = house.officers
    side = one.session.side
    await house.enter(one, "dialogue.profile", **PROFILE)
    await house.enter(other, "dialogue.profile", **PROFILE)
    true = await house.dialogues.checkpoint(house.ledger.id, side)
    async with house.store.connection() as db:
        await db.exec_driver_sql("DELETE FROM entries WHERE side = ? AND seq = 1", (side,))
        if witness != "other log":
            await db.exec_driver_sql("DELETE FROM entries WHERE side = ? AND seq = 1", (other.session.side,))
        if witness != "cosigner":
            await db.exec_driver_sql("DELETE FROM cosignatures")
        else:
            await db.exec_driver_sql("DELETE FROM cosignatures WHERE side <> ?", (side,))
    if witness != "head":
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(tmp_path / "logs"))
    async with again(house, tmp_path) as old:
        assert isinstance(old.ledger.stopped, LogBehind)
        # Nor if somebody shows it as well.
        assert await old.dialogues.present(old.ledger.id, true) is Finding.BEHIND
        for fields in ({}, {"disown": "2"}):
            with pytest.raises(LogBehind):
                await old.enter(one, "dialogue.rotate-key", **fields)
        assert [len(leaves) for leaves in old.ledger.leaves][old.ledger.index(side)] == 1


async def test_what_was_shown_and_is_fetched_back_is_held(house: House, tmp_path: Path) -> None:
    """A whole folder put back from an old copy: a reader's checkpoint stops it, and fetching back ends that."""
    one = house.officers[0]
    side = one.session.side
    old_copy = tmp_path / "old"
    await house.store.scrub()
    await anyio.to_thread.run_sync(
        lambda: shutil.copytree(tmp_path, old_copy, ignore=shutil.ignore_patterns("old", "*-shm"))
    )
    await house.enter(one, "dialogue.profile", **PROFILE)
    note = await house.dialogues.checkpoint(house.ledger.id, side)
    logs = dict(zip(house.ledger.sides, house.ledger.leaves, strict=True))
    old = await open_house(old_copy / "node.sqlite", house.clock)
    try:
        assert old.ledger.stopped is None
        assert await old.dialogues.present(old.ledger.id, note) is Finding.BEHIND
        await old.dialogues.restore(old.ledger.id, logs, [])
        assert old.ledger.stopped is None
        async with old.store.begin() as unit:
            assert await unit.shown(old.ledger.id) == []
        assert old.ledger.forks == []
    finally:
        await old.store.close()


# --- a side that moves ----------------------------------------------------------------------------------


async def test_a_side_that_has_moved_is_written_elsewhere(house: House, tmp_path: Path) -> None:
    """Its key is gone from here; it writes nothing more, the other side nothing but its own people and its own move."""
    one, other = house.officers
    side, theirs = one.session.side, other.session.side
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    (old,) = await seeds(house, side)
    assert old is not None
    sizes = {each: house.ledger.states[house.ledger.index(each)].size for each in house.ledger.sides}
    await house.enter(one, "dialogue.move", log_key=to_text(raw(keys[0])), address=THERE)
    assert house.ledger.away == {side: THERE}
    assert on_disk(tmp_path, old) == []
    async with again(house, tmp_path) as moved:
        for officer, command, fields in (
            (one, "dialogue.profile", PROFILE),
            (one, "dialogue.rotate-key", {}),
            (
                other,
                "talks.propose",
                {"title": {"en": "T"}, "start": "2021-12-07T15:00:00Z", "minutes": 5, "mode": "video"},
            ),
        ):
            with pytest.raises(SideMoved) as refused:
                await moved.enter(officer, command, **fields)
            assert refused.value.details["address"] == THERE
        await moved.enter(other, "dialogue.profile", **PROFILE)
        await moved.enter(other, "dialogue.move", log_key=to_text(raw(keys[1])), address=THERE)
        # What is left here can be read and verified, as of the last checkpoints that this node could sign.
        account = verify(await exported(moved), EDITION_1)
        assert account.holds
        assert {log.side: log.size for log in account.logs} == {side: sizes[side], theirs: sizes[theirs] + 1}
        async with again(moved, tmp_path) as restarted:
            assert restarted.ledger.away == {side: THERE, theirs: THERE}
            assert verify(await exported(restarted), EDITION_1).holds
            async with restarted.store.begin() as unit:
                for each, key in ((side, keys[0]), (theirs, keys[1])):
                    (row,) = await unit.log_keys(each)
                    assert (row.key, row.seed) == (raw(key), None)


@pytest.mark.parametrize(
    "address",
    [
        "new.example",
        "http://new.example",
        "https://new.example/path",
        "https://a@new.example",
        "https://",
        "https://[x",
    ],
)
async def test_only_a_nodes_address_is_moved_to(house: House, address: str) -> None:
    """Where a side moves is an address that a browser takes passkeys at."""
    key = to_text(raw(Ed25519PrivateKey.generate()))
    with pytest.raises(Malformed):
        await house.enter(house.officers[0], "dialogue.move", log_key=key, address=address)


async def test_no_log_key_is_used_twice(house: House) -> None:
    """Neither the other side's nor one that was replaced is moved to."""
    one, other = house.officers
    first = raw(house.ledger.log_keys[one.session.side])
    await house.enter(one, "dialogue.rotate-key")
    for key in (first, raw(house.ledger.log_keys[other.session.side])):
        with pytest.raises(Malformed):
            await house.enter(one, "dialogue.move", log_key=to_text(key), address=THERE)
