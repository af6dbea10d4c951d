"""What a dialogue keeps on disk beside its entries, and what follows if the two do not agree.

Lives here: `Keeper`: reading a dialogue from disk and comparing all that is known of it; full tiles and heads;
cosigners' memory; proofs of forks; whether anything may be written; fetching back what is missing.
Not here: the rules (`receiving`, `cosigning`), bytes on disk (`store`), acts (`service`).
Spec: docs/spec/record.md §§9.5, 10.3, 10.4; ADR 8.

A log's head, its latest checkpoint, stands in a file of its own. So a database that was put back from an old copy, or
has lost its latest transactions, is seen to be behind; one with a changed entry is seen to be another. The first may
be read and not written, the second neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from datetime import datetime

import anyio
import structlog

from visavis.dialogue.commands import Rotation
from visavis.dialogue.cosigning import Cosigned
from visavis.dialogue.errors import CosignedLarger, Forked, LogBehind, LogDamaged, LogDiffers
from visavis.dialogue.fold import SideState
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.ports import ContentRow, Fork, Mark, Shown, Store, Unit
from visavis.dialogue.receiving import (
    Finding,
    acknowledged_beyond,
    forks_shown,
    largest_head,
    may_write,
    opened,
    weigh,
)
from visavis.errors import Malformed, Unavailable, Untrusted, VisavisError
from visavis.record import tiles
from visavis.record.bundle import MAX_FORKS
from visavis.record.checkpoint import Checkpoint, encode_checkpoint, parse_text
from visavis.record.content import ContentDiffers, opens
from visavis.record.entry import Seen
from visavis.record.merkle import ProofInvalid
from visavis.record.note import parse_note

log = structlog.get_logger(__name__)

ENTRIES = "tile/entries/"


class Keeper:
    """Keeps what stands beside the entries of all dialogues."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self.scrub_due = False
        """What was deleted may still be in the store's files."""

    # --- at start --------------------------------------------------------------------------------

    async def read(self, ledger: Ledger, *, settle: bool) -> None:
        """Read a dialogue into `ledger`, which is empty, and compare all that the disk says of it.

        settle: write what is missing of tiles, head and mark. Raises `LogDamaged`, saying what is wrong where.
        """
        # Heads first: a node that runs meanwhile only makes the entries more.
        heads = [await self._heads(ledger, side) for side in ledger.sides]
        try:
            async with self._store.begin() as unit:
                one, other = [await unit.leaves(ledger.id, side) for side in ledger.sides]
                contents = await unit.contents(ledger.id)
                cosigned = await unit.cosigned(ledger.id)
                marks = await unit.marks(ledger.id)
                timestamps = await unit.timestamps(ledger.id)
                ledger.forks += await unit.forks(ledger.id)
                keys = [row for side in ledger.sides for row in await unit.log_keys(side)]
                shown = await unit.shown(ledger.id)
        except Unavailable as error:
            raise LogDamaged(error.message, **error.details) from error
        ledger.read((one, other), marks)
        ledger.seat_keys(keys)
        for content in contents:
            try:
                opens(content.commitment, content.salt, content.data)
            except (ContentDiffers, Malformed):
                log.error("content.damaged", dialogue=ledger.id, commitment=content.commitment)
                ledger.damaged[content.commitment] = content
            else:
                ledger.contents[content.commitment] = content
        ledger.cosigned = {(row.side, row.cosigner): row for row in cosigned}
        for stamp in timestamps:
            # One of a size that the log has lost is kept on disk, and shown once the entries are fetched back.
            if stamp.side in ledger.sides and stamp.size <= ledger.states[ledger.index(stamp.side)].size:
                ledger.timestamps[stamp.side][stamp.size] = stamp.token
        for us in (0, 1):
            try:
                await self._compare(ledger, us, heads[us])
            except LogBehind as error:
                ledger.behind = ledger.behind or error
        for row in shown:
            self._take_shown(ledger, row)
        if ledger.stopped is not None:
            log.error("dialogue.stopped", dialogue=ledger.id, why=ledger.stopped.message)
        if settle:
            await self._settle(ledger, marks)
            await self._settle_shown(ledger, shown)
            await self._forget_keys(ledger)
            await self._forget_erased(ledger, contents)

    async def _heads(self, ledger: Ledger, side: str) -> Sequence[bytes] | None:
        try:
            return await self._store.logs.heads(ledger.id, side)
        except Unavailable as error:
            raise LogDamaged(f"the head of a log cannot be read: {error.message}", side=side) from error

    async def _compare(self, ledger: Ledger, us: int, notes: Sequence[bytes] | None) -> None:
        """Hold one log against its head, its tiles, the cosigner's memory and the other's acks."""
        state, side = ledger.states[us], ledger.sides[us]
        head = largest_head(state, notes or ())
        tiles_there = await self._compare_tiles(ledger, us, head)
        known = [row.seen for row in ledger.cosigned.values() if row.side == side]
        if head is not None:
            known.append(head)
        try:
            for seen in sorted(known, key=lambda each: each.size):
                may_write(state, seen)
        except LogDiffers as error:
            raise LogDamaged(
                f"an entry of log {side} in the database is not what was written: its first {error.details['size']}"
                " entries have another root than the log's own checkpoint",
                side=side,
            ) from error
        if notes is not None and head is None:
            raise LogBehind(
                f"the head of log {side} is damaged, so it is not known whether entries are missing. If you know that"
                f" none is, remove the file logs/{ledger.id}/{side}/head",
                side=side,
            )
        shown = acknowledged_beyond(state, ledger.states[1 - us])
        if shown is not None:
            may_write(state, shown)
        ledger.filed[us] = head.size if head is not None and tiles_there else 0
        if head is not None:
            ledger.heads[side] = head

    async def _compare_tiles(self, ledger: Ledger, us: int, head: Seen | None) -> bool:
        """Whether every full tile is on disk. Raises `LogDamaged` if one differs, `LogBehind` if one is beyond."""
        state, side, leaves = ledger.states[us], ledger.sides[us], ledger.leaves[us]
        whole = True
        for path, due in tiles.full_tiles(leaves, state.tree, 0, state.size):
            held = await self._tile(ledger, side, path)
            if held is None:
                whole = False
            elif held != due:
                true = head is not None and head.size <= state.size and state.root(head.size) == head.root
                which = (
                    "the file is damaged: remove it, and it is written again"
                    if true
                    else _entry(held, leaves, path)
                )
                raise LogDamaged(
                    f"log {side}: {path} is not what the database has: {which}", side=side, tile=path
                )
        beyond = tiles.tile_path("entries", state.size // tiles.WIDTH)
        if await self._tile(ledger, side, beyond) is not None:
            size = (state.size // tiles.WIDTH + 1) * tiles.WIDTH
            raise LogBehind(
                f"{beyond} of log {side} is on disk, so it had {size} entries; the database has {state.size}",
                held=size,
                own=state.size,
            )
        return whole

    async def _tile(self, ledger: Ledger, side: str, path: str) -> bytes | None:
        try:
            return await self._store.logs.tile(ledger.id, side, path)
        except Unavailable as error:
            raise LogDamaged(f"{path} of log {side} cannot be read: {error.message}", side=side) from error

    async def _settle(self, ledger: Ledger, marks: Sequence[Mark]) -> None:
        """Bring what stands beside the entries up to them. What cannot be written now is written later."""
        await self.file(ledger)
        known = {mark.side: mark.size for mark in marks}
        due = [ledger.check_on(us) for us in (0, 1)]
        due = [mark for mark in due if mark.size >= known.get(mark.side, 0) + tiles.WIDTH]
        if due:
            try:
                async with self._store.begin() as unit:
                    for mark in due:
                        await unit.keep_mark(mark)
            except Unavailable as error:
                log.warning("mark.put-off", dialogue=ledger.id, why=error.message)

    # --- erasing ---------------------------------------------------------------------------------

    async def erase(self, unit: Unit, ledger: Ledger, us: int, commitment: str) -> bool:
        """With the entry by which side `us` erases: delete what its copy is, here and in what stands beside the record.

        Whether the content itself goes: it stays while the other side may read it and has not erased it.
        """
        row = ledger.contents.get(commitment)
        await self._forget_beside(unit, ledger.states[us], commitment, row)
        await unit.drop_remarks(ledger.id, ledger.sides[us], _saying(ledger, {commitment}))
        goes = commitment in ledger.damaged if row is None else not ledger.kept(row, without=us)
        if goes:
            await unit.drop_content(ledger.id, commitment)
        return goes

    async def _forget_beside(
        self, unit: Unit, state: SideState, commitment: str, row: ContentRow | None
    ) -> None:
        """Blank what a side has erased where its words stand beside the record."""
        if row is not None:
            await unit.forget_words(state.dialogue, state.id, row.data.decode("utf-8", "replace"))
        for delegate in state.delegates.values():
            if delegate.name == commitment:
                await unit.forget_name(state.dialogue, state.id, delegate.id)

    async def scrub(self) -> None:
        """Have what was deleted gone from the store's files; put off if another process reads them just now."""
        self.scrub_due = True
        try:
            self.scrub_due = not await self._store.scrub()
        except Unavailable as error:
            log.warning("scrub.put-off", why=error.message)

    async def _forget_erased(self, ledger: Ledger, contents: Sequence[ContentRow]) -> None:
        """Delete what the logs say is erased and the disk still has: it is an older copy, put back."""
        gone = [row for row in contents if not ledger.kept(row)]
        for row in gone:
            ledger.contents.pop(row.commitment, None)
            ledger.damaged.pop(row.commitment, None)
            log.info("content.erased", dialogue=ledger.id, commitment=row.commitment)
        if gone:
            try:
                async with self._store.begin() as unit:
                    for row in gone:
                        for state in ledger.states:
                            await self._forget_beside(unit, state, row.commitment, row)
                        await unit.drop_content(ledger.id, row.commitment)
            except Unavailable as error:
                log.error("erasure.put-off", dialogue=ledger.id, why=error.message)
        for side, erased in zip(ledger.sides, ledger.joint.erased, strict=True):
            if texts := _saying(ledger, erased.keys()):
                try:
                    async with self._store.begin() as unit:
                        await unit.drop_remarks(ledger.id, side, texts)
                except Unavailable as error:
                    log.error("erasure.put-off", dialogue=ledger.id, why=error.message)

    # --- fetching back ---------------------------------------------------------------------------

    async def restore(
        self,
        ledger: Ledger,
        grown: Ledger,
        logs: tuple[Sequence[bytes], Sequence[bytes]],
        contents: Sequence[ContentRow],
        forks: Sequence[Fork],
    ) -> tuple[int, int]:
        """Append what `logs` have beyond ours, and keep the contents and the proofs of forks that we lack.

        Returns how many entries and contents were written.

        grown: an empty ledger of the same dialogue, to see what would become of it. The logs have been verified;
        each is ours and more, or nothing is written: `LogDiffers`.
        """
        async with ledger.lock:
            longer = tuple(
                given if len(given) > len(own) else own
                for given, own in zip(logs, ledger.leaves, strict=True)
            )
            grown.read((longer[0], longer[1]), ())
            for us, side in enumerate(ledger.sides):
                own, given = ledger.leaves[us], logs[us]
                shared = min(len(own), len(given))
                if list(given[:shared]) != own[:shared]:
                    raise LogDiffers(f"this is another history of log {side}; nothing was written", side=side)
                head = largest_head(grown.states[us], await self._heads(ledger, side) or ())
                known = [row.seen for row in ledger.cosigned.values() if row.side == side]
                for seen in (*known, *([head] if head else [])):
                    if seen.size <= grown.states[us].size:
                        may_write(grown.states[us], seen)
            new = [longer[us][ledger.states[us].size :] for us in (0, 1)]
            lost = [row for row in contents if row.commitment not in ledger.contents and grown.kept(row)]
            proofs = [row for row in forks if self._may_keep(ledger, row)]
            with anyio.CancelScope(shield=True):
                async with self._store.begin() as unit:
                    for us, side in enumerate(ledger.sides):
                        for seq, leaf in enumerate(new[us], ledger.states[us].size):
                            await unit.append_leaf(ledger.id, side, seq, leaf)
                    for us, state in enumerate(grown.states):
                        for commitment, index in grown.joint.erased[us].items():
                            if index >= ledger.states[us].size:  # entered again: erased with it
                                row_here = ledger.contents.get(commitment)
                                await self._forget_beside(unit, state, commitment, row_here)
                    for row in lost:
                        if row.commitment in ledger.damaged:
                            await unit.mend_content(row)
                        else:
                            await unit.add_content(row)
                    for proof in proofs:
                        await unit.keep_fork(proof)
            return sum(map(len, new)), len(lost)

    # --- writing ---------------------------------------------------------------------------------

    async def may_write(self, ledger: Ledger, us: int, act: str, rotation: Rotation | None = None) -> None:
        """Nothing is written while the log is behind, or before the files of the last entry are on disk.

        Raises what stops side `us` from an act of that type, or `Unavailable`.
        """
        hindered = ledger.hindrance(us, act, rotation)
        if hindered is not None:
            raise again(hindered)
        for us in (0, 1):
            await self._file(ledger, us)

    async def file(self, ledger: Ledger) -> None:
        """Write the tiles that are full, the heads, and the forks that the two logs show.

        If the disk does not take them, that is due before the next entry; the entries themselves are on disk.
        """
        try:
            for us in (0, 1):
                await self._file(ledger, us)
            await self._keep_forks(ledger)
        except Unavailable as error:
            log.error("head.put-off", dialogue=ledger.id, why=error.message)

    async def _file(self, ledger: Ledger, us: int) -> None:
        state, side, filed = ledger.states[us], ledger.sides[us], ledger.filed[us]
        size = state.size
        if filed == size or ledger.behind is not None or side not in ledger.log_keys:
            return
        due = tiles.full_tiles(ledger.leaves[us], state.tree, filed, size)
        await self._store.logs.keep(ledger.id, side, due, size, ledger.note(side, size))
        ledger.filed[us] = size

    async def keep_mark(self, unit: Unit, ledger: Ledger, us: int) -> None:
        """With each entry that fills a tile: how far the log was checked before it."""
        if (ledger.states[us].size + 1) % tiles.WIDTH == 0:
            await unit.keep_mark(ledger.check_on(us))

    # --- cosigning -------------------------------------------------------------------------------

    async def cosign(self, ledger: Ledger) -> None:
        """Have each log cosigned as it stands; what the cosigners remember is on disk before anybody sees it.

        A cosigner that remembers more, or another log, gives nothing. Raises `Unavailable` if the disk does not
        take it.
        """
        if ledger.stopped is not None or not self._uncosigned(ledger):
            return
        with anyio.CancelScope(shield=True):
            await self._cosign(ledger)

    def is_cosigned(self, ledger: Ledger) -> bool:
        """Whether both sides have cosigned both logs as they stand here."""
        return not self._uncosigned(ledger)

    async def _cosign(self, ledger: Ledger) -> None:
        made: dict[tuple[str, str], Cosigned] = {}
        async with self._store.begin() as unit:
            held = {(row.side, row.cosigner): row for row in await unit.cosigned(ledger.id)}
            for side, cosigner in self._uncosigned(ledger):
                before = held.get((side, cosigner))
                try:
                    now = ledger.cosigned_next(side, cosigner, before, int(self._clock().timestamp()))
                except (CosignedLarger, Forked, ProofInvalid) as error:
                    log.error("cosignature.refused", dialogue=ledger.id, side=side, why=error.message)
                    continue
                made[side, cosigner] = now
                if now != before:
                    await unit.keep_cosigned(now)
        ledger.cosigned |= made

    def _uncosigned(self, ledger: Ledger) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for side, state in zip(ledger.sides, ledger.states, strict=True):
            for cosigner in ledger.cosigners(side):
                held = ledger.cosigned.get((side, cosigner))
                if state.size and (held is None or held.size != state.size):
                    found.append((side, cosigner))
        return found

    # --- what readers show -----------------------------------------------------------------------

    async def present(self, ledger: Ledger, note: bytes) -> Finding:
        """Weigh a checkpoint of one of the two logs; see `Dialogues.present`."""
        _, side, _, _ = parse_text(parse_note(note).text)
        us = ledger.index(side)
        async with ledger.lock:
            state = ledger.states[us]
            shown = opened(state, note)
            finding = weigh(state, shown)
            if finding is Finding.FORKED:
                await self._keep_fork(ledger, us, shown)
            elif finding is Finding.BEHIND:
                held = ledger.shown.get(side)
                if held is None or held.size < shown.size:
                    with anyio.CancelScope(shield=True):
                        async with self._store.begin() as unit:
                            await unit.keep_shown(Shown(ledger.id, side, _signed(ledger, side, shown)))
                        ledger.shown[side] = shown
                    log.error("dialogue.stopped", dialogue=ledger.id, side=side, shown=shown.size)
        if finding is not Finding.HELD:
            ledger.publish("log", side=side, size=state.size)
        return finding

    def _take_shown(self, ledger: Ledger, row: Shown) -> None:
        """What a reader showed before this start stops the dialogue still, if it is larger than the log still."""
        us = ledger.index(row.side)
        try:
            shown = opened(ledger.states[us], row.note)
        except (Malformed, Untrusted):  # by a key that was replaced before that size
            return
        if weigh(ledger.states[us], shown) is Finding.BEHIND:
            ledger.shown[row.side] = shown

    async def _settle_shown(self, ledger: Ledger, rows: Sequence[Shown]) -> None:
        """What was shown and stops nothing any more: held by now, or proof of a second history."""
        try:
            for row in rows:
                if row.side not in ledger.shown:
                    await self.disown(ledger, ledger.index(row.side), row)
        except Unavailable as error:
            log.warning("shown.put-off", dialogue=ledger.id, why=error.message)

    async def disown(self, ledger: Ledger, us: int, row: Shown | None = None) -> None:
        """After a rotation: no checkpoint of more entries by the key before it is true. What was shown is kept as
        proof of that, beside the log's own checkpoint."""
        side = ledger.sides[us]
        if row is None:
            shown = ledger.shown.pop(side, None)
            if shown is None:
                return
            async with self._store.begin() as unit:
                row = next((each for each in await unit.shown(ledger.id) if each.side == side), None)
            if row is None:
                return
        _, _, size, root = parse_text(parse_note(row.note).text)
        state = ledger.states[us]
        held = size <= state.size and state.root(size) == root
        fork = Fork(ledger.id, side, ledger.note(side, size if size <= state.size else None), row.note)
        with anyio.CancelScope(shield=True):
            async with self._store.begin() as unit:
                if not held and fork not in ledger.forks:
                    await unit.keep_fork(fork)
                await unit.drop_shown(ledger.id, side)
            if not held and fork not in ledger.forks:
                ledger.forks.append(fork)

    async def turned(self, ledger: Ledger, us: int) -> None:
        """After a rotation that is on disk: the key before it is taken off the disk, and what was shown by it is
        settled. What cannot be done now is done at the next start."""
        try:
            await self.scrub()
            await self.disown(ledger, us)
        except Unavailable as error:
            log.error("rotation.put-off", dialogue=ledger.id, side=ledger.sides[us], why=error.message)

    async def _forget_keys(self, ledger: Ledger) -> None:
        """At a start: log keys that were drawn for a rotation which never came, and any that is not in force."""
        try:
            dropped = 0
            async with self._store.begin() as unit:
                for us, side in enumerate(ledger.sides):
                    in_force = ledger.key_in_force(us)
                    if side in ledger.log_keys or side in ledger.away:
                        dropped += await unit.drop_log_keys(side, [in_force])
            if dropped:
                await self.scrub()
        except Unavailable as error:
            log.warning("log-keys.put-off", dialogue=ledger.id, why=error.message)

    async def _keep_forks(self, ledger: Ledger) -> None:
        """Keep what the two logs at hand show of forks, once for each log."""
        for us, side in enumerate(ledger.sides):
            if ledger.joint.forked[us] and not any(kept.side == side for kept in ledger.forks):
                for shown in forks_shown(ledger.states[us], ledger.states[1 - us]):
                    await self._keep_fork(ledger, us, shown)

    async def _keep_fork(self, ledger: Ledger, us: int, shown: Seen) -> None:
        side = ledger.sides[us]
        fork = Fork(ledger.id, side, ledger.note(side, shown.size), _signed(ledger, side, shown))
        if not self._may_keep(ledger, fork):
            return
        log.error("log.forked", dialogue=ledger.id, side=side, size=shown.size)
        with anyio.CancelScope(shield=True):
            async with self._store.begin() as unit:
                await unit.keep_fork(fork)
        ledger.forks.append(fork)

    def _may_keep(self, ledger: Ledger, fork: Fork) -> bool:
        """One proof of a log is enough, and whoever has stolen a log key can sign any number."""
        return fork not in ledger.forks and sum(kept.side == fork.side for kept in ledger.forks) < MAX_FORKS


def _saying(ledger: Ledger, commitments: Set[str]) -> list[str]:
    """Hashes of all that was tabled and says one of these."""
    return [hash_ for hash_, subject in ledger.joint.tabled.items() if subject.commitments & commitments]


def again(error: VisavisError) -> VisavisError:
    """The same error to be raised once more: an exception that is raised twice keeps both its histories."""
    return type(error)(error.phrase, **error.details)


def _signed(ledger: Ledger, side: str, seen: Seen) -> bytes:
    """A note of what the log's key signed, with that signature and no other line."""
    key = ledger.states[ledger.index(side)].key_at(seen.size)
    assert key is not None
    return encode_checkpoint(Checkpoint(ledger.id, side, seen.size, seen.root, seen.sig), key)


def _entry(held: bytes, leaves: Sequence[bytes], path: str) -> str:
    """Which entry of a tile of entries differs, in words."""
    if not path.startswith(ENTRIES):
        return "an entry in the database is not what was written"
    first = tiles.WIDTH * int(re.sub("[x/]", "", path.removeprefix(ENTRIES)))
    try:
        kept = tiles.decode_entries(held, tiles.WIDTH)
    except Malformed:
        return "the database and the file are both damaged"
    odd = next(at for at, leaf in enumerate(kept) if leaf != leaves[first + at])
    return f"entry {first + odd} in the database is not what was written"
