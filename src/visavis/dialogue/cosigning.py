"""When a side cosigns the other's checkpoint, and what it must remember of it. Pure.

Lives here: `Cosigned` (a cosigner's memory of one log), `may_cosign`, `next_cosigned`.
Not here: the cosignature's bytes (`record.checkpoint`), keeping the memory on disk (`store`), when it is asked for
(`service`).
Spec: docs/spec/record.md §10.3; C2SP tlog-cosignature, tlog-witness.

A cosigner remembers the largest checkpoint of a log that it ever cosigned. It cosigns what begins with that one, by a
consistency proof, and nothing else: never a smaller tree, never a different one. The memory is on disk before the
cosignature leaves, and a cosignature once made is given again, not made again: its time is when it was first made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.dialogue.errors import CosignedLarger, Forked
from visavis.record.checkpoint import Cosignature, cosign
from visavis.record.entry import Seen
from visavis.record.merkle import verify_consistency


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The largest checkpoint of `side`'s log that `cosigner` (a side's id) ever cosigned, and the cosignature."""

    dialogue: str
    side: str
    cosigner: str
    size: int
    root: bytes
    timestamp: int
    sig: bytes

    @property
    def seen(self) -> Seen:
        return Seen(self.size, self.root)

    @property
    def cosignature(self) -> Cosignature:
        return Cosignature(self.timestamp, self.sig)


def may_cosign(held: Cosigned | None, shown: Seen, proof: Sequence[bytes]) -> None:
    """Check that `shown` is what was cosigned last, or begins with it.

    held:  the cosigner's memory of this log; None before the first.
    shown: the log's checkpoint; its own signature has been checked.
    proof: from `held` to `shown`, as `merkle.Tree.consistency_proof` gives it; empty before the first.
    Raises `CosignedLarger` for a smaller tree, `Forked` for another one of the same size, `ProofInvalid` (an
    `Untrusted`) if the proof does not lead from the one to the other.
    """
    if held is None:
        return
    if shown.size < held.size:
        raise CosignedLarger(
            f"a checkpoint of {held.size} entries is cosigned already; none of {shown.size} will be",
            held=held.size,
            shown=shown.size,
        )
    if shown.size == held.size and shown.root != held.root:
        raise Forked(held.seen, shown)
    verify_consistency(held.size, held.root, shown.size, shown.root, proof)


def next_cosigned(
    held: Cosigned | None,
    shown: Seen,
    proof: Sequence[bytes],
    *,
    dialogue: str,
    side: str,
    cosigner: str,
    key: Ed25519PrivateKey,
    timestamp: int,
) -> Cosigned:
    """What the cosigner remembers from now on: `held` itself if `shown` is that very checkpoint.

    key: the cosigner's log key. timestamp: POSIX seconds, by the cosigner's clock. Raises as `may_cosign` does.
    """
    may_cosign(held, shown, proof)
    if held is not None and held.size == shown.size:
        return held
    made = cosign(key, dialogue, side, shown.size, shown.root, timestamp)
    return Cosigned(dialogue, side, cosigner, shown.size, shown.root, made.timestamp, made.sig)
