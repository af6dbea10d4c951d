"""What a node accepts of the other's log, and when it may write its own. Pure.

Lives here: `accept`, `may_write`.
Not here: fetching (`peering`), what accepted entries mean (`fold`, `join`), keeping proofs of a fork (`store`).
Spec: docs/spec/record.md §9; rule book 2a §9.

A node keeps the greatest checkpoint of the other's that it accepted. It accepts only what extends it; anything
else that the other signed is proof of a fork and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from visavis.dialogue.errors import Forked, LogBehind, LogDiffers
from visavis.dialogue.fold import SideState
from visavis.errors import Untrusted
from visavis.record.entry import Seen
from visavis.record.merkle import leaf_hash


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
            f"the other side holds {acknowledged.size} entries of this log, which has {own.size}",
            held=acknowledged.size,
            own=own.size,
        )
    if own.root(acknowledged.size) != acknowledged.root:
        raise LogDiffers("the other side holds another history of this log", size=acknowledged.size)
