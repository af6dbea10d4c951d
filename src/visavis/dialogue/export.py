"""A dialogue's record in one file, as one side may read it.

Lives here: `export`. Not here: the file's form (`record.bundle`), its checks (`verification`), who asks (`web`, `cli`).
Spec: docs/spec/record.md §12.
"""

from __future__ import annotations

from datetime import datetime

from visavis.dialogue.commands import Audience
from visavis.dialogue.ledger import Ledger
from visavis.errors import Refused
from visavis.record.bundle import Bundle, LogPart, Opened, encode_bundle


class NothingToExport(Refused):
    """A log without an entry has no checkpoint: both sides found first."""

    code = "nothing-to-export"


def export(ledger: Ledger, side: str | None, now: datetime) -> bytes:
    """The bundle: both logs, their checkpoints, cosigned now, and the contents that `side` may read.

    side: whose contents to include beside what both may read; None: only what both may read.
    now:  aware; the cosignatures' time. Raises `NothingToExport`, `NoSuchDialogue` for a side of another.
    """
    if side is not None:
        ledger.index(side)
    if not all(ledger.leaves):
        raise NothingToExport("a side has not entered its founding yet; there is no record to export")
    logs = {
        each: LogPart(founding, tuple(leaves), ledger.checkpoint(each, now))
        for each, founding, leaves in zip(ledger.sides, ledger.foundings, ledger.leaves, strict=True)
    }
    committed = b"".join(leaf for leaves in ledger.leaves for leaf in leaves)
    contents = {
        row.commitment: Opened(row.salt, row.data)
        for row in ledger.contents.values()
        if (row.side == side or row.audience is not Audience.OWN) and row.commitment.encode() in committed
    }
    return encode_bundle(Bundle(logs, contents))
