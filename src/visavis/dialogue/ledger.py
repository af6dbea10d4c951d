"""One dialogue in memory, as its two logs on disk give it.

Lives here: `Ledger`, `Event`, what a side may read of the contents, how far the entries were checked.
Not here: writing (`service`), verdicts (`fold`, `join`), bytes on disk (`store`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.dialogue.commands import Audience, Rotation
from visavis.dialogue.cosigning import Cosigned, next_cosigned
from visavis.dialogue.errors import LogBehind, LogDamaged, LogKeyMissing, SideMoved
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint
from visavis.dialogue.ports import ContentRow, EnrolmentRow, Fork, LogKeyRow, Mark
from visavis.errors import Refused, Untrusted, VisavisError
from visavis.record.bundle import Bundle, ForkNotes, LogPart, Opened, encode_bundle
from visavis.record.checkpoint import (
    Checkpoint,
    Cosignature,
    encode_checkpoint,
    open_checkpoint,
    parse_text,
    sign_checkpoint,
    verify_cosignature,
)
from visavis.record.entry import Founding, Seen
from visavis.record.merkle import Tree, leaf_hash
from visavis.record.note import parse_note


class NoSuchDialogue(Refused):
    """There is no such dialogue, or the asker is not of it."""

    code = "no-such-dialogue"


@dataclass(frozen=True, slots=True)
class Event:
    """What subscribers are told: that something is there, never what it says."""

    kind: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Ledger:
    """One dialogue in memory. `states[i]`, `joint.sides[i]` and `sides[i]` are the same side.

    log_keys: by side, the log key in force, where this node has it.
    away:     sides that have moved → where their log is written.
    heads:    by side, the latest checkpoint that this node can show of a log whose key it has not.
    shown:    by side, a truly signed checkpoint of more entries than are here, known from a reader alone.
    cosigned: (log's side, cosigner) → what that cosigner remembers of that log, as it is on disk.
    forks:    proofs that a side signed two histories.
    behind:   what this node's own disk or the other's log says of missing entries; None: nothing.
    timestamps: side → size → token over the checkpoint of that size.
    damaged:  commitment → the content on disk that does not open it; it is not shown.
    filed:    per side, entries whose full tiles and head are on disk. checked: see `check_on`.
    """

    id: str
    sides: tuple[str, str]
    foundings: tuple[Founding, Founding]
    states: tuple[SideState, SideState]
    joint: Joint
    log_keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    heads: dict[str, Seen] = field(default_factory=dict)
    shown: dict[str, Seen] = field(default_factory=dict)
    leaves: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))
    contents: dict[str, ContentRow] = field(default_factory=dict)
    enrolments: dict[str, EnrolmentRow] = field(default_factory=dict)
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    subscribers: dict[MemoryObjectSendStream[Event], str] = field(default_factory=dict)
    receipts_due: anyio.Event = field(default_factory=anyio.Event)
    cosigned: dict[tuple[str, str], Cosigned] = field(default_factory=dict)
    forks: list[Fork] = field(default_factory=list)
    behind: VisavisError | None = None
    timestamps: dict[str, dict[int, bytes]] = field(init=False)
    damaged: dict[str, ContentRow] = field(default_factory=dict)
    filed: list[int] = field(default_factory=lambda: [0, 0])
    checked: list[int] = field(default_factory=lambda: [0, 0])

    def __post_init__(self) -> None:
        self.timestamps = {side: {} for side in self.sides}

    def take(self, side: str, leaf: bytes, *, proven: bool) -> None:
        """Fold one more leaf, which is on disk; `joint.advance` is the caller's.

        proven: its proof was checked by this node, before it wrote it.
        """
        index = self.index(side)
        self.leaves[index].append(leaf)
        state = self.states[index]
        state.add(state.judge(leaf, proven=proven), leaf_hash(leaf))

    def read(self, logs: tuple[Sequence[bytes], Sequence[bytes]], marks: Sequence[Mark]) -> None:
        """Fold both logs as they stand on disk, and join them; no signature below a true mark is checked again.

        A mark is true if the log's own root at its size, computed anew, is the mark's: then these are the
        very entries that were checked, and their verdicts never change.
        """
        sizes = [_true_mark(log, side, marks) for log, side in zip(logs, self.sides, strict=True)]
        for side, log, checked in zip(self.sides, logs, sizes, strict=True):
            for seq, leaf in enumerate(log):
                self.take(side, leaf, proven=seq < checked)
        if all(sizes):  # whether an ack's signature is true depends on the other log's keys
            for index, checked in enumerate(sizes):
                for judged in self.states[index].judged[:checked]:
                    if judged.ack is not None and judged.ack.size:
                        self.states[1 - index].vouch(judged.ack)
        self.joint.advance()
        for index in (0, 1):
            self.check_on(index)

    def check_on(self, index: int) -> Mark:
        """How far the log at `index` stands, each entry with a true proof and a true ack: what a mark may say.

        The mark ends before the first entry that does not: from there on a restart checks everything again.
        """
        state, other = self.states[index], self.states[1 - index]
        verdicts, at = self.joint.verdicts[index], self.checked[index]
        while at < len(verdicts) and verdicts[at] is None:
            ack = state.judged[at].ack
            if ack is None or (ack.size and not (ack.size <= other.size and other.signed(ack))):
                break
            at += 1
        self.checked[index] = at
        return Mark(self.id, state.id, at, state.root(at))

    def index(self, side: str) -> int:
        try:
            return self.sides.index(side)
        except ValueError:
            raise NoSuchDialogue("this side is not of this dialogue") from None

    # --- log keys ------------------------------------------------------------------------------------

    def key_in_force(self, us: int) -> bytes:
        """The public log key that signs the log at `us` as it stands; the founding's before there is an entry."""
        return self.states[us].key_at(self.states[us].size) or self.foundings[us].log_key

    def seat_keys(self, rows: Iterable[LogKeyRow]) -> None:
        """Take from what the disk has of log keys those in force. Raises `LogDamaged` if a seed is not its key's."""
        for us, side in enumerate(self.sides):
            self.log_keys.pop(side, None)
            self.away.pop(side, None)
            in_force = self.key_in_force(us)
            row = next((row for row in rows if (row.side, row.key) == (side, in_force)), None)
            if row is not None and row.seed is not None:
                self.log_keys[side] = _private(row.seed, row.key)
            elif row is not None:
                self.away[side] = row.address

    def hindrance(self, us: int, act: str = "", rotation: Rotation | None = None) -> VisavisError | None:
        """Why side `us` may not write an act of that type now; None: it may (record.md §9.5).

        A rotation stands by itself: what stops the other side does not stop it, and what a reader has shown
        does not, if the side declares it false. While one side has moved, the other's people can still be changed.
        """
        side, other = self.sides[us], self.sides[1 - us]
        if self.behind is not None:
            return self.behind
        if side in self.away:
            return _moved(self.away[side])
        shown = self.shown.get(side)
        if shown is not None and (rotation is None or rotation.disowned != shown.size):
            return _behind(shown.size, self.states[us].size)
        if rotation is not None:
            return None
        if side not in self.log_keys:
            return _keyless(side)
        if other in self.shown:
            return _behind(self.shown[other].size, self.states[1 - us].size)
        if other in self.away:
            return None if act.startswith("side.") else _moved(self.away[other])
        return None if other in self.log_keys else _keyless(other)

    @property
    def stopped(self) -> VisavisError | None:
        """Why nothing but what leads out of it may be written in this dialogue now; None: all is well."""
        return self.hindrance(0) or self.hindrance(1)

    def seen(self, side: str, *, acknowledge: bool) -> Seen:
        """This side's log as it stands; with its own checkpoint signature if it is to be acknowledged.

        Without the log's key: the latest checkpoint that it has signed, as far as is known here.
        """
        state = self.states[self.index(side)]
        if not acknowledge or not state.size:
            return Seen(state.size, state.root())
        key = self.log_keys.get(side)
        if key is None:
            return self.heads.get(side, Seen(0, state.root(0)))
        return Seen(state.size, state.root(), sign_checkpoint(key, self.id, side, state.size, state.root()))

    def given(self, side: str) -> int:
        """How many entries of a log this node can show under a checkpoint: all, if it has the log's key."""
        if side in self.log_keys:
            return self.states[self.index(side)].size
        return self.heads[side].size if side in self.heads else 0

    def note(self, side: str, size: int | None = None) -> bytes:
        """A checkpoint of the log, signed by its key alone: of its first `size` entries, all by default.

        If that size was another key's to sign, or the key is not here, the latest that there is.
        """
        us = self.index(side)
        state, key = self.states[us], self.log_keys.get(side)
        seen = self.seen(side, acknowledge=True)
        if key is not None and size is not None and state.key_at(size) == self.key_in_force(us):
            root = state.root(size)
            seen = Seen(size, root, sign_checkpoint(key, self.id, side, size, root))
        public = state.key_at(seen.size)
        if public is None:
            raise _keyless(side)
        return encode_checkpoint(Checkpoint(self.id, side, seen.size, seen.root, seen.sig), public)

    def turn_key(self, us: int, rotation: Rotation) -> None:
        """Go over to another log key, whose entry has just been taken; the one before is forgotten."""
        side = self.sides[us]
        self.log_keys.pop(side, None)
        if rotation.seed is not None:
            self.log_keys[side] = _private(rotation.seed, rotation.key)
        else:
            self.away[side] = rotation.address

    def checkpoint(self, side: str) -> bytes:
        """The log's latest checkpoint, signed by its key, with both sides' cosignatures if they have given them."""
        us = self.index(side)
        if self.states[us].size == 0:
            raise Refused("this log has no entry yet")
        seen = self.seen(side, acknowledge=True)
        key = self.states[us].key_at(seen.size)
        if key is None:
            raise _keyless(side)
        other = self.sides[1 - us]
        own, cosignature = (self._cosignature(side, by, seen) for by in (side, other))
        if own is None:  # the counterpart's counts with the log's own side's, or not at all (§10.3)
            cosignature = None
        by = b"" if cosignature is None else self._cosigner_key(side, other, seen, cosignature)
        note = Checkpoint(self.id, side, seen.size, seen.root, seen.sig, cosignature, own)
        return encode_checkpoint(note, key, other, by)

    def _cosigner_key(self, side: str, cosigner: str, seen: Seen, cosignature: Cosignature) -> bytes:
        """Which of the cosigner's log keys it was by: it may have changed its key since."""
        us = self.index(cosigner)
        keys = [key for _, key in reversed(self.states[us].log_keys)] or [self.foundings[us].log_key]
        fits = (
            key
            for key in keys[:-1]
            if verify_cosignature(key, self.id, side, seen.size, seen.root, cosignature)
        )
        return next(fits, keys[-1])

    def _cosignature(self, side: str, cosigner: str, seen: Seen) -> Cosignature | None:
        held = self.cosigned.get((side, cosigner))
        return held.cosignature if held is not None and held.seen == Seen(seen.size, seen.root) else None

    def cosigners(self, side: str) -> tuple[str, ...]:
        """Who cosigns that side's checkpoints: the side itself, and the counterpart (§10.3)."""
        return (side, self.sides[1 - self.index(side)])

    def cosigned_now(self, side: str) -> Seen | None:
        """The whole log as it stands, if both sides have cosigned it; None if not."""
        state = self.states[self.index(side)]
        held = [self.cosigned.get((side, cosigner)) for cosigner in self.cosigners(side)]
        whole = Seen(state.size, state.root())
        return whole if all(each is not None and each.seen == whole for each in held) else None

    def cosigned_next(self, side: str, cosigner: str, held: Cosigned | None, timestamp: int) -> Cosigned:
        """What `cosigner` remembers once it has been asked to cosign `side`'s log as it stands. Changes nothing.

        held: what it remembers on disk. timestamp: POSIX seconds. Raises as `cosigning.may_cosign` does.
        """
        state = self.states[self.index(side)]
        proof = state.tree.consistency_proof(held.size) if held and held.size <= state.size else ()
        return next_cosigned(
            held,
            self.seen(side, acknowledge=True),
            proof,
            dialogue=self.id,
            side=side,
            cosigner=cosigner,
            key=self.log_keys[cosigner],
            timestamp=timestamp,
        )

    def bundle(self, side: str | None) -> bytes:
        """The record as `side` holds it: both logs, their checkpoints, the contents open to it.

        side: None for the contents that both may read. Raises `Refused` while a log has no entry. Of a log whose
        key is not here, the record has what that log's latest checkpoint at hand covers.
        """
        logs, beyond = {}, b""
        for each, founding, leaves in zip(self.sides, self.foundings, self.leaves, strict=True):
            size = self.given(each)
            stamps = {at: token for at, token in self.timestamps[each].items() if at <= size}
            logs[each] = LogPart(
                founding,
                tuple(leaves[:size]),
                self.checkpoint(each),
                timestamps=stamps,
                forks=self._forks(each),
            )
            beyond += b"".join(leaves[size:])
        contents = {
            commitment: Opened(row.salt, row.data)
            for commitment, row in self.contents.items()
            if readable(self, side, commitment) is not None and commitment.encode() not in beyond
        }
        return encode_bundle(Bundle(logs, contents))

    def _forks(self, side: str) -> tuple[ForkNotes, ...]:
        """Those that any reader can check: a checkpoint by a key since replaced, of a size that was its successor's
        to sign, proves to this node alone that the key was stolen (§9.5)."""
        return tuple(
            ForkNotes(fork.shown, fork.held)
            for fork in self.forks
            if fork.side == side and self._contradict(side, fork)
        )

    def _contradict(self, side: str, fork: Fork) -> bool:
        state = self.states[self.index(side)]
        _, _, size, root = parse_text(parse_note(fork.held).text)
        _, _, shown_size, shown_root = parse_text(parse_note(fork.shown).text)
        if size != shown_size or root == shown_root or size > state.size or state.root(size) != root:
            return False
        key = state.key_at(size)
        try:
            return key is not None and all(open_checkpoint(note, key) for note in (fork.held, fork.shown))
        except Untrusted:
            return False

    def missing(self, side: str, hash_: str) -> frozenset[str]:
        """Commitments of a tabled subject whose contents `side` does not hold. What is held opens them: it was
        checked when it came."""
        named = self.joint.tabled[hash_].commitments
        return frozenset(each for each in named if readable(self, side, each) is None)

    def kept(self, row: ContentRow, *, without: int | None = None) -> bool:
        """Whether a side that may read the content has not erased its copy: else it has no place on disk.

        without: a side that is about to.
        """
        own = self.index(row.side)
        readers = (own,) if row.audience is Audience.OWN else (0, 1)
        return any(s != without and row.commitment not in self.joint.erased[s] for s in readers)

    def received(self, us: int, hash_: str) -> bool:
        """Whether side `us` needs no receipt for this subject's contents: it tabled them, has one, or there are
        none."""
        joint = self.joint
        return (
            hash_ in joint.tabled_at[us] or hash_ in joint.received[us] or not joint.tabled[hash_].commitments
        )

    def to_receive(self, us: int) -> tuple[str, ...]:
        """Hashes of the other's subjects whose contents are all at hand, and no receipt says so yet."""
        return tuple(
            hash_
            for hash_ in self.joint.tabled_at[1 - us]
            if not self.received(us, hash_) and not self.missing(self.sides[us], hash_)
        )

    def publish(self, kind: str, **data: object) -> None:
        """Tell all subscribers; one that is too slow is closed, and asks again."""
        for stream in list(self.subscribers):
            try:
                stream.send_nowait(Event(kind, data))
            except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.subscribers.pop(stream, None)
                stream.close()


def readable(ledger: Ledger, side: str | None, commitment: str) -> ContentRow | None:
    """The content, if `side` may read it: its own, or one whose audience is wider (None: both sides).

    What a side has erased it does not read, though the row stays while the other side holds its copy (§11).
    """
    row = ledger.contents.get(commitment)
    return row if row is not None and _may_read(ledger, row, side) else None


def _may_read(ledger: Ledger, row: ContentRow, side: str | None) -> bool:
    erased = ledger.joint.erased
    readers = (0, 1) if side is None else (ledger.index(side),)
    return (row.side == side or row.audience is not Audience.OWN) and not any(
        row.commitment in erased[s] for s in readers
    )


def lost(ledger: Ledger, side: str | None) -> frozenset[str]:
    """Commitments whose contents `side` might read, if they were not damaged on this node's disk."""
    return frozenset(each for each, row in ledger.damaged.items() if _may_read(ledger, row, side))


def public(ledger: Ledger, commitment: str) -> ContentRow | None:
    """The content, if everybody may read it: its side let it out, and has not erased it since."""
    row = ledger.contents.get(commitment)
    if row is None or row.audience is not Audience.PUBLIC:
        return None
    return readable(ledger, row.side, commitment)


def _private(seed: bytes, public: bytes) -> Ed25519PrivateKey:
    """The log key of that seed. Raises `LogDamaged` if it is not that of `public`."""
    try:
        key = Ed25519PrivateKey.from_private_bytes(seed)
    except ValueError as error:
        raise LogDamaged("the database is damaged: a log's key is not 32 bytes") from error
    if key.public_key().public_bytes_raw() != public:
        raise LogDamaged("the database is damaged: a log's key is not the one that it should be")
    return key


def _behind(held: int, own: int) -> LogBehind:
    return LogBehind(
        "somebody has shown a checkpoint of %(held)s entries, signed by this log's key; this node's disk has %(own)s",
        held=held,
        own=own,
        shown=True,
    )


def _keyless(side: str) -> LogKeyMissing:
    return LogKeyMissing(
        "the key that signs log %(side)s now is not on this node's disk, so nothing can be written; that side's "
        "protocol officer replaces it",
        side=side,
    )


def _moved(address: str) -> SideMoved:
    return SideMoved(
        "this dialogue has moved: its log is written at %(address)s. What is here can be read",
        address=address,
    )


def _true_mark(log: Sequence[bytes], side: str, marks: Sequence[Mark]) -> int:
    """How many entries of the log were checked before; 0 if the mark is not of this log."""
    mark = next((mark for mark in marks if mark.side == side), None)
    if mark is None or not 0 <= mark.size <= len(log):
        return 0
    return mark.size if Tree(log[: mark.size]).root() == mark.root else 0
