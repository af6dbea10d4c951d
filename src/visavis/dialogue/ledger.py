"""One dialogue in memory, as its two logs on disk give it.

Lives here: `Ledger`, `Event`, what a side may read of the contents, how far the entries were checked.
Not here: writing (`service`), verdicts (`fold`, `join`), bytes on disk (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.dialogue.commands import Audience
from visavis.dialogue.cosigning import Cosigned, next_cosigned
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint
from visavis.dialogue.ports import ContentRow, EnrolmentRow, Fork, Mark
from visavis.errors import Refused, VisavisError
from visavis.record.bundle import Bundle, ForkNotes, LogPart, Opened, encode_bundle
from visavis.record.checkpoint import Checkpoint, Cosignature, encode_checkpoint, sign_checkpoint
from visavis.record.entry import Founding, Seen
from visavis.record.merkle import Tree, leaf_hash


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

    cosigned: (log's side, cosigner) → what that cosigner remembers of that log, as it is on disk.
    forks:    proofs that a side signed two histories.
    stopped:  why nothing may be written in this dialogue now; None: all is well.
    damaged:  commitments whose contents on disk do not open them; they are not shown.
    filed:    per side, entries whose full tiles and head are on disk. checked: see `check_on`.
    """

    id: str
    sides: tuple[str, str]
    foundings: tuple[Founding, Founding]
    log_keys: Mapping[str, Ed25519PrivateKey]
    states: tuple[SideState, SideState]
    joint: Joint
    leaves: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))
    contents: dict[str, ContentRow] = field(default_factory=dict)
    enrolments: dict[str, EnrolmentRow] = field(default_factory=dict)
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    subscribers: dict[MemoryObjectSendStream[Event], str] = field(default_factory=dict)
    receipts_due: anyio.Event = field(default_factory=anyio.Event)
    cosigned: dict[tuple[str, str], Cosigned] = field(default_factory=dict)
    forks: list[Fork] = field(default_factory=list)
    stopped: VisavisError | None = None
    damaged: set[str] = field(default_factory=set)
    filed: list[int] = field(default_factory=lambda: [0, 0])
    checked: list[int] = field(default_factory=lambda: [0, 0])

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

    def seen(self, side: str, *, acknowledge: bool) -> Seen:
        """This side's log as it stands; with its own checkpoint signature if it is to be acknowledged."""
        state = self.states[self.index(side)]
        size = state.size
        root = state.root(size)
        sig = b""
        if acknowledge and size:
            sig = sign_checkpoint(self.log_keys[side], self.id, side, size, root)
        return Seen(size, root, sig)

    def note(self, side: str, size: int | None = None) -> bytes:
        """The checkpoint of the log's first `size` entries (of all by default), signed by its key alone."""
        state, key = self.states[self.index(side)], self.log_keys[side]
        size = state.size if size is None else size
        root = state.root(size)
        sig = sign_checkpoint(key, self.id, side, size, root)
        return encode_checkpoint(
            Checkpoint(self.id, side, size, root, sig), key.public_key().public_bytes_raw()
        )

    def checkpoint(self, side: str) -> bytes:
        """The log's latest checkpoint, signed by its key, with both sides' cosignatures if they have given them."""
        seen = self.seen(side, acknowledge=True)
        if seen.size == 0:
            raise Refused("this log has no entry yet")
        key = self.log_keys[side].public_key().public_bytes_raw()
        other = self.sides[1 - self.index(side)]
        own, cosignature = (self._cosignature(side, by, seen) for by in (side, other))
        if own is None:  # the counterpart's counts with the log's own side's, or not at all (§10.3)
            cosignature = None
        note = Checkpoint(self.id, side, seen.size, seen.root, seen.sig, cosignature, own)
        return encode_checkpoint(note, key, other, self.log_keys[other].public_key().public_bytes_raw())

    def _cosignature(self, side: str, cosigner: str, seen: Seen) -> Cosignature | None:
        held = self.cosigned.get((side, cosigner))
        return held.cosignature if held is not None and held.seen == Seen(seen.size, seen.root) else None

    def cosigners(self, side: str) -> tuple[str, ...]:
        """Who cosigns that side's checkpoints: the side itself, and the counterpart (§10.3)."""
        return (side, self.sides[1 - self.index(side)])

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

        side: None for the contents that both may read. Raises `Refused` while a log has no entry.
        """
        logs = {
            each: LogPart(founding, tuple(leaves), self.checkpoint(each), forks=self._forks(each))
            for each, founding, leaves in zip(self.sides, self.foundings, self.leaves, strict=True)
        }
        contents = {
            commitment: Opened(row.salt, row.data)
            for commitment, row in self.contents.items()
            if readable(self, side, commitment) is not None
        }
        return encode_bundle(Bundle(logs, contents))

    def _forks(self, side: str) -> tuple[ForkNotes, ...]:
        return tuple(ForkNotes(fork.shown, fork.held) for fork in self.forks if fork.side == side)

    def missing(self, side: str, hash_: str) -> frozenset[str]:
        """Commitments of a tabled subject whose contents `side` does not hold. What is held opens them: it was
        checked when it came."""
        named = self.joint.tabled[hash_].commitments
        return frozenset(each for each in named if readable(self, side, each) is None)

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
    """The content, if `side` may read it: its own, or one whose audience is wider (None: both sides)."""
    row = ledger.contents.get(commitment)
    if row is None or (row.side != side and row.audience is Audience.OWN):
        return None
    return row


def _true_mark(log: Sequence[bytes], side: str, marks: Sequence[Mark]) -> int:
    """How many entries of the log were checked before; 0 if the mark is not of this log."""
    mark = next((mark for mark in marks if mark.side == side), None)
    if mark is None or not 0 <= mark.size <= len(log):
        return 0
    return mark.size if Tree(log[: mark.size]).root() == mark.root else 0
