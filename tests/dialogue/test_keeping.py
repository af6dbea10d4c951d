"""What a dialogue keeps beside its entries: cosigners' memory, marks, heads and tiles, over a real store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from msgspec import structs
from tests.dialogue.test_service import PROFILE, House, house, open_house

from visavis.dialogue import fold
from visavis.dialogue.errors import LogBehind, LogDamaged
from visavis.dialogue.ports import Mark
from visavis.errors import Unavailable
from visavis.record import tiles
from visavis.record.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from visavis.record.digest import to_text
from visavis.record.entry import Seen, make_entry

__all__ = ["house"]
pytestmark = pytest.mark.anyio


async def reopened(house: House, tmp_path: Path) -> House:
    await house.store.close()
    return await open_house(tmp_path / "node.sqlite", house.clock)


def read(house: House, note: bytes, side: str) -> Checkpoint:
    us = house.ledger.index(side)
    keys = [founding.log_key for founding in house.ledger.foundings]
    return open_checkpoint(note, keys[us], house.ledger.sides[1 - us], keys[1 - us])


# --- cosigning ------------------------------------------------------------------------------------------


async def test_a_cosignature_is_made_once_and_given_again(house: House, tmp_path: Path) -> None:
    """Asked later, after a restart, or by another export: the same cosignature, with the time it was made at."""
    side, dialogue = house.officers[0].session.side, house.ledger.id
    first = await house.dialogues.checkpoint(dialogue, side)
    house.clock.now = house.clock.now.replace(year=2022)
    assert await house.dialogues.checkpoint(dialogue, side) == first
    again = await reopened(house, tmp_path)
    try:
        assert await again.dialogues.checkpoint(dialogue, side) == first
    finally:
        await again.store.close()


async def test_each_side_has_its_own_memory(house: House) -> None:
    """On a node that serves both, each side's cosigner has its own memory of either log, before anybody sees it."""
    dialogue = house.ledger.id
    for side in house.ledger.sides:
        note = read(house, await house.dialogues.checkpoint(dialogue, side), side)
        async with house.store.begin() as unit:
            kept = {row.cosigner: row for row in await unit.cosigned(dialogue) if row.side == side}
        (other,) = set(house.ledger.sides) - {side}
        assert kept.keys() == {side, other}
        assert (kept[other].size, kept[other].cosignature) == (note.size, note.cosignature)
        assert (kept[side].size, kept[side].cosignature) == (note.size, note.own)


async def test_a_cosigner_that_remembers_another_log_gives_nothing(house: House) -> None:
    """Whatever the log says: what was cosigned once is not cosigned otherwise, and the memory stays."""
    dialogue, side = house.ledger.id, house.officers[0].session.side
    await house.dialogues.checkpoint(dialogue, side)
    key = (side, house.officers[1].session.side)
    for odd in ({"size": 50}, {"root": bytes(32)}):
        async with house.store.begin() as unit:
            remembered = dataclasses.replace(house.ledger.cosigned[key], **odd)
            await unit.keep_cosigned(remembered)
        del house.ledger.cosigned[key]
        note = read(house, await house.dialogues.checkpoint(dialogue, side), side)
        assert note.cosignature is None
        async with house.store.begin() as unit:
            assert remembered in await unit.cosigned(dialogue)
        async with house.store.connection() as db:
            await db.exec_driver_sql("DELETE FROM cosignatures")
        await house.dialogues.checkpoint(dialogue, side)


async def test_a_full_disk_keeps_nobody_from_reading(house: House) -> None:
    """What cannot be remembered is not cosigned; the log's own checkpoint is still given."""
    side = house.officers[0].session.side

    async def full(_: object) -> None:
        raise Unavailable("full")

    house.dialogues._keeper._cosign = full  # type: ignore[method-assign]
    assert read(house, await house.dialogues.checkpoint(house.ledger.id, side), side).cosignature is None


# --- marks ------------------------------------------------------------------------------------------------


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every signature that a fold checks, from now on."""
    seen: list[str] = []

    def counted(name: str) -> Callable[..., object]:
        kept = getattr(fold, name)

        def call(*args: object, **kwargs: object) -> object:
            seen.append(name)
            return kept(*args, **kwargs)

        return call

    for name in ("verify", "_checkpoint_fits"):
        monkeypatch.setattr(fold, name, counted(name))
    return seen


async def marked(house: House, **odd: object) -> None:
    async with house.store.begin() as unit:
        for us in (0, 1):
            await unit.keep_mark(dataclasses.replace(house.ledger.check_on(us), **odd))


async def test_what_was_checked_is_not_checked_again(house: House, tmp_path: Path, checks: list[str]) -> None:
    """Below a true mark a restart verifies no signature, and finds the same state."""
    for officer in house.officers:
        await house.enter(officer, "dialogue.profile", **PROFILE)
    state = house.ledger.joint.state()
    await marked(house)
    checks.clear()
    again = await reopened(house, tmp_path)
    try:
        assert (checks, again.ledger.joint.state()) == ([], state)
        await again.enter(house.officers[0], "dialogue.profile", **PROFILE)
    finally:
        await again.store.close()


@pytest.mark.parametrize("odd", [{"root": bytes(32)}, {"size": 1}, {"size": 99}])
async def test_a_false_mark_is_no_mark(
    house: House, tmp_path: Path, checks: list[str], odd: dict[str, object]
) -> None:
    """A mark of another log, or beyond it, vouches for nothing: every entry is checked."""
    for officer in house.officers:
        await house.enter(officer, "dialogue.profile", **PROFILE)
    state = house.ledger.joint.state()
    await marked(house, **odd)
    checks.clear()
    again = await reopened(house, tmp_path)
    try:
        assert checks.count("verify") == 4
        assert again.ledger.joint.state() == state
    finally:
        await again.store.close()


async def test_a_mark_ends_before_what_does_not_stand(house: House, tmp_path: Path) -> None:
    """An entry that a node did not write itself and that is void is checked at each start, and stays void."""
    ledger = house.ledger
    async with house.store.begin() as unit:
        await unit.append_leaf(ledger.id, ledger.sides[0], 1, b"no entry at all")
    again = await reopened(house, tmp_path)
    try:
        assert again.ledger.check_on(0) == Mark(ledger.id, ledger.sides[0], 1, ledger.states[0].root(1))
        assert again.ledger.joint.verdicts[0][1] == "malformed"
    finally:
        await again.store.close()


# --- heads and tiles --------------------------------------------------------------------------------------


async def test_each_entry_has_its_head_on_disk(house: House) -> None:
    """When an entry is confirmed, the head beside the database is of it."""
    one = house.officers[0]
    side = one.session.side
    entry = await house.enter(one, "dialogue.profile", **PROFILE)
    notes = await house.store.logs.heads(house.ledger.id, side) or ()
    assert {read(house, note, side).size for note in notes} == {entry.seq, entry.seq + 1}


async def test_what_is_missing_beside_the_log_is_made_again(house: House, tmp_path: Path) -> None:
    """A lost folder of heads and tiles is written anew from the entries."""
    logs = tmp_path / "logs"
    await anyio.to_thread.run_sync(lambda: logs.rename(tmp_path / "lost"))
    again = await reopened(house, tmp_path)
    try:
        assert again.ledger.stopped is None
        for side in again.ledger.sides:
            (note,) = [n for n in await again.store.logs.heads(again.ledger.id, side) or () if n]
            assert read(again, note, side).size == 1
    finally:
        await again.store.close()


async def test_an_entry_that_is_on_disk_is_confirmed_and_the_next_waits(house: House) -> None:
    """If the head cannot be written the entry still stands, and no further one is begun before it is."""
    one, keep = house.officers[0], house.store.logs.keep

    async def full(*_: object) -> None:
        raise Unavailable("the log's files: no space left")

    house.store.logs.keep = full  # type: ignore[method-assign]
    entry = await house.enter(one, "dialogue.profile", **PROFILE)
    async with house.store.begin() as unit:
        assert (await unit.leaves(house.ledger.id, one.session.side))[-1] == entry.leaf
    with pytest.raises(Unavailable, match="no space"):
        await house.enter(one, "dialogue.profile", **PROFILE)
    house.store.logs.keep = keep  # type: ignore[method-assign]
    assert (await house.enter(one, "dialogue.profile", **PROFILE)).seq == entry.seq + 1


async def test_the_others_acks_say_that_a_log_is_behind(house: House, tmp_path: Path) -> None:
    """Without any head: entries of the other side that truly acknowledge more than there is stop all writing."""
    one, other = house.officers
    await house.enter(one, "dialogue.profile", **PROFILE)
    await house.enter(other, "dialogue.profile", **PROFILE)
    async with house.store.connection() as db:
        await db.exec_driver_sql("DELETE FROM entries WHERE side = ? AND seq = 1", (one.session.side,))
    await anyio.to_thread.run_sync(lambda: (tmp_path / "logs").rename(tmp_path / "lost"))
    again = await reopened(house, tmp_path)
    try:
        assert isinstance(again.ledger.stopped, LogBehind)
        with pytest.raises(LogBehind):
            await again.enter(one, "dialogue.profile", **PROFILE)
    finally:
        await again.store.close()


async def test_a_changed_entry_is_named(house: House, tmp_path: Path) -> None:
    """An entry that differs from its tile, and from the log's own head, is named; nothing of the log is served."""
    one = house.officers[0]
    for _ in range(tiles.WIDTH):
        await house.enter(one, "dialogue.profile", **PROFILE)
    leaf = house.ledger.leaves[house.ledger.index(one.session.side)][77]
    other = leaf.replace(b'"time":"2021', b'"time":"2020')
    async with house.store.connection() as db:
        await db.exec_driver_sql(
            "UPDATE entries SET leaf = ? WHERE side = ? AND seq = 77", (other, one.session.side)
        )
    with pytest.raises(LogDamaged, match="entry 77 in the database"):
        await reopened(house, tmp_path)


async def test_a_founding_that_is_lost_is_not_a_new_node(house: House, tmp_path: Path) -> None:
    """Without its founding a dialogue's entries are not taken for nothing: the node says so, and founds no other."""
    async with house.store.connection() as db:
        await db.exec_driver_sql("DELETE FROM foundings")
        await db.exec_driver_sql("DELETE FROM entries")
    with pytest.raises(LogDamaged, match="founding is not"):
        await reopened(house, tmp_path)


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ("UPDATE foundings SET statement = ? WHERE chair = 0", b'{"name":1}'),
        ("UPDATE log_keys SET seed = ?", bytes(32)),
    ],
)
async def test_a_founding_that_is_changed_is_noticed(
    house: House, tmp_path: Path, change: str, other: bytes
) -> None:
    """Neither another statement nor another key stands for the side that was founded."""
    async with house.store.connection() as db:
        await db.exec_driver_sql(change, (other,))
    with pytest.raises(LogDamaged, match="the database is damaged"):
        await reopened(house, tmp_path)


async def test_a_dialogue_that_is_damaged_leaves_others_alone(house: House, tmp_path: Path) -> None:
    """One log is not as it was written: its dialogue is not shown, another is, and goes on."""
    good = house.ledger.id
    (folder := tmp_path / "logs" / to_text(bytes(32)) / "side").mkdir(parents=True)
    assert folder.is_dir()
    again = await reopened(house, tmp_path)
    try:
        assert again.dialogues.ids == (good,)
        with pytest.raises(LogDamaged):
            again.dialogues.ledger(to_text(bytes(32)))
        await again.enter(house.officers[0], "dialogue.profile", **PROFILE)
    finally:
        await again.store.close()


# --- forks ------------------------------------------------------------------------------------------------


async def test_an_ack_of_another_history_is_kept_as_proof(house: House, tmp_path: Path) -> None:
    """An entry of the other side that carries our log's signature over another root: both notes are kept, once."""
    ledger, (one, other) = house.ledger, house.officers
    side, key = one.session.side, ledger.log_keys[one.session.side]
    sig = sign_checkpoint(key, ledger.id, side, 1, bytes(32))
    draft = await house.dialogues.draft(other.session, ledger.id, "dialogue.profile", PROFILE)
    signed = structs.replace(draft.signed, ack=Seen(1, bytes(32), sig))
    entry = make_entry(signed, other.key.prove(signed.challenge()), seq=1, time="")
    async with house.store.begin() as unit:
        await unit.append_leaf(ledger.id, other.session.side, 1, entry.leaf)
    again = await reopened(house, tmp_path)
    again = await reopened(again, tmp_path)
    try:
        (fork,) = again.ledger.forks
        assert fork.side == side
        assert (read(again, fork.held, side).root, read(again, fork.shown, side).root) == (
            ledger.states[ledger.index(side)].root(1),
            bytes(32),
        )
        assert again.ledger.stopped is None
    finally:
        await again.store.close()
