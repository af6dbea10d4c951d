"""Timestamps in a bundle: what they bound, by whose word. Pure.

Lives here: `Bound`, `bounds`.
Not here: tokens (`record.timestamp`), the checks of the record itself (`verify`), which never read a token.
Spec: docs/spec/record.md §§10.7, 14.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.x509 import Certificate

from visavis.errors import Malformed, Untrusted
from visavis.record.bundle import Fault, parse_bundle
from visavis.record.checkpoint import checkpoint_text
from visavis.record.merkle import Tree
from visavis.record.timestamp import read_stamp


@dataclass(frozen=True, slots=True)
class Bound:
    """That the first `size` entries of a side's log existed not later than `time`, as an authority says.

    time: RFC 3339, UTC. authority, serial: its certificate's subject and serial number. checked: whether its signature
    leads to an authority that the reader named; if not, the rest is hearsay.
    """

    side: str
    size: int
    time: str
    authority: str
    serial: str
    checked: bool


def bounds(data: bytes, authorities: Sequence[Certificate]) -> tuple[tuple[Bound, ...], tuple[Fault, ...]]:
    """What the tokens of a bundle say, smallest sizes first, and which of them fail.

    data: the bundle's bytes. authorities: CA certificates that the reader trusts; with none, no signature is
    checked, and only that each token is over its own checkpoint.
    """
    try:
        bundle, _ = parse_bundle(data)
    except Malformed:
        return (), ()
    found: list[Bound] = []
    faults: list[Fault] = []
    for side in bundle.sides:
        part = bundle.logs[side]
        tree = Tree(part.leaves)
        for size, token in sorted(part.timestamps.items()):
            text = checkpoint_text(bundle.dialogue, side, size, tree.root(size))
            try:
                stamp = read_stamp(token, text, authorities)
            except (Malformed, Untrusted) as error:
                faults.append(Fault("timestamp", f"at {size} entries: {error.message}", side))
                continue
            time = stamp.time.strftime("%Y-%m-%dT%H:%M:%SZ")
            found.append(Bound(side, size, time, stamp.authority, stamp.serial, stamp.trusted))
    return tuple(found), tuple(faults)
