"""What a node accepts of the other's log, and when it may write its own. Pure.

Lives here: `accept`, `may_write`; what proves that the own log is behind (`acknowledged_beyond`, `largest_head`), what
proves a fork (`forks_shown`, `Finding`, `weigh`).
Not here: fetching (`peering`), what accepted entries mean (`fold`, `join`), keeping proofs of a fork (`store`).
Spec: docs/spec/record.md §9; rule book 2a §9.

A node keeps the greatest checkpoint of the other's that it accepted. It accepts only what extends it; anything
else that the other signed is proof of a fork and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from visavis.dialogue.errors import Forked, LogBehind, LogDiffers
from visavis.dialogue.fold import SideState
from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import open_checkpoint, parse_text
from visavis.record.entry import Seen
from visavis.record.merkle import leaf_hash
from visavis.record.note import parse_note


def accept(known: SideState, held: Seen | None, leaves: Sequence[bytes], shown: Seen) -> tuple[bytes, ...]:
    """The leaves that extend what is known of the other's log: append these. Empty if nothing is new.

    known:  the fold of what was accepted so far; not changed.
    held:   the checkpoint at which it was, signed by the other's log key; None before the first.
    leaves: the other's log from its first entry on, as offered.
    shown:  the checkpoint offered with it; entries beyond it are not looked at.
    Raises `Untrusted` if the checkpoint does not fit the leaves or its key; `Forked`, with both checkpoints, if it
    contradicts `held`. An older checkpoint is no fork and shrinks nothing.
    """
    offered = leaves[: shown.size]
    if len(offered) < shown.size:
        raise Untrusted(f"a checkpoint of {shown.size} entries came with {len(offered)}")
    common = 0
    for leaf, hash_ in zip(offered, known.tree.leaf_hashes(), strict=False):
        if leaf_hash(leaf) != hash_:
            break
        common += 1
    new = known.prefix(common)
    for leaf in offered[common:]:
        new.append(leaf)
    if new.root() != shown.root:
        raise Untrusted("the checkpoint is of other entries than those it came with")
    if not new.signed(shown):
        raise Untrusted("the checkpoint is not signed by the log key in force at its size")
    if common < min(known.size, new.size) and held is not None:
        raise Forked(held, shown)
    return tuple(offered[known.size :])


def may_write(own: SideState, acknowledged: Seen) -> None:
    """Check that the own log holds all that the other truly acknowledged of it; nothing is written before.

    acknowledged: the greatest checkpoint of the own log, signed by its key, that the other's log or node shows.
    Raises `LogBehind` (a node restored from an old copy: fetch the own entries back) or `LogDiffers`.
    """
    if acknowledged.size > own.size:
        raise LogBehind(
            "%(held)s entries of this log are known to be signed; this node's disk has %(own)s",
            held=acknowledged.size,
            own=own.size,
        )
    if own.root(acknowledged.size) != acknowledged.root:
        raise LogDiffers(
            f"another history of this log is signed, of {acknowledged.size} entries", size=acknowledged.size
        )


def acknowledged_beyond(own: SideState, other: SideState) -> Seen | None:
    """The greatest checkpoint of the own log, beyond what is at hand, that the other's entries truly show."""
    beyond = [judged.ack for judged in other.judged if judged.ack is not None and judged.ack.size > own.size]
    beyond.sort(key=lambda ack: ack.size, reverse=True)
    return next((ack for ack in beyond if own.signed(ack)), None)


def largest_head(own: SideState, notes: Iterable[bytes]) -> Seen | None:
    """The greatest checkpoint among `notes` that the own log's key signed; what is damaged is passed over."""
    found: Seen | None = None
    for note in notes:
        try:
            seen = opened(own, note)
        except (Malformed, Untrusted):
            continue
        if found is None or seen.size > found.size:
            found = seen
    return found


def opened(own: SideState, note: bytes) -> Seen:
    """The checkpoint of the own log that `note` holds, with the log's signature.

    Raises `Malformed`, or `Untrusted` if it is another log's or not signed by the log key in force at its size.
    """
    dialogue, side, size, _ = parse_text(parse_note(note).text)
    if (dialogue, side) != (own.dialogue, own.id):
        raise Untrusted("the checkpoint is of another log")
    key = own.key_at(size)
    if key is None:
        raise Untrusted("the checkpoint is of a log that has no key yet")
    read = open_checkpoint(note, key)
    return Seen(read.size, read.root, read.sig)


class Finding(StrEnum):
    """What a checkpoint that somebody shows says of the log at hand."""

    HELD = "held"
    """It is of this log, now or earlier."""
    BEHIND = "behind"
    """It is of more entries than are at hand: the log at hand is an old copy."""
    FORKED = "forked"
    """It contradicts the log at hand: two histories are signed."""


def weigh(own: SideState, shown: Seen) -> Finding:
    """What `shown`, signed by the log's key, says of the log at hand. A larger one cannot be compared yet."""
    if shown.size > own.size:
        return Finding.BEHIND
    return Finding.HELD if own.root(shown.size) == shown.root else Finding.FORKED


def forks_shown(own: SideState, other: SideState) -> Iterator[Seen]:
    """Checkpoints, signed by the own log's key, in the other's acks that the log at hand does not have."""
    for judged in other.judged:
        ack = judged.ack
        if (
            ack is not None
            and 0 < ack.size <= own.size
            and own.root(ack.size) != ack.root
            and own.signed(ack)
        ):
            yield ack
