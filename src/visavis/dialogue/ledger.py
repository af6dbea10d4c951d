"""One dialogue in memory, as its two logs on disk give it.

Lives here: `Ledger`, `Event`, what a side may read of the contents.
Not here: writing (`service`), verdicts (`fold`, `join`), bytes on disk (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.dialogue.commands import Audience
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint
from visavis.dialogue.ports import ContentRow, EnrolmentRow
from visavis.errors import Refused
from visavis.record.bundle import Bundle, LogPart, Opened, encode_bundle
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, sign_checkpoint
from visavis.record.entry import Founding, Seen


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
    """One dialogue in memory. `states[i]`, `joint.sides[i]` and `sides[i]` are the same side."""

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

    def take(self, side: str, leaf: bytes) -> None:
        """Fold one more leaf, which is on disk; `joint.advance` is the caller's."""
        index = self.index(side)
        self.leaves[index].append(leaf)
        self.states[index].append(leaf)

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

    def checkpoint(self, side: str, now: datetime) -> bytes:
        """The log's latest checkpoint, signed by its key and cosigned by both sides' (§10.3)."""
        index = self.index(side)
        other = self.sides[1 - index]
        seen = self.seen(side, acknowledge=True)
        if seen.size == 0:
            raise Refused("this log has no entry yet")
        key, cosigner = self.log_keys[side], self.log_keys[other]
        head = (self.id, side, seen.size, seen.root)
        own, cosignature = (cosign(each, *head, int(now.timestamp())) for each in (key, cosigner))
        note = Checkpoint(*head, seen.sig, cosignature, own)
        return encode_checkpoint(
            note, key.public_key().public_bytes_raw(), other, cosigner.public_key().public_bytes_raw()
        )

    def bundle(self, side: str | None, now: datetime) -> bytes:
        """The record as `side` holds it: both logs, cosigned checkpoints, the contents open to it.

        side: None for the contents that both may read. now: aware; the cosignatures' time.
        Raises `Refused` while a log has no entry.
        """
        logs = {
            each: LogPart(founding, tuple(leaves), self.checkpoint(each, now))
            for each, founding, leaves in zip(self.sides, self.foundings, self.leaves, strict=True)
        }
        contents = {
            commitment: Opened(row.salt, row.data)
            for commitment, row in self.contents.items()
            if readable(self, side, commitment) is not None
        }
        return encode_bundle(Bundle(logs, contents))

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
