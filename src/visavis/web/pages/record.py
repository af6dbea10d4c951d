"""The record: two logs side by side, in plain form.

Lives here: `/d/{d}/record`, `rows`, `beside`, `shown`, `stamps`.
Not here: verification (`visavis.verification`; in the browser `client/src/verify`), the bundle as a file (`web.api`).

Entries stand in the order of the node's clock, which no rule reads; what an entry knew of the other log is
said beside it, and that is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.dialogue.acts import Receive, slot_text
from visavis.dialogue.chair import Mark
from visavis.dialogue.commands import View
from visavis.dialogue.editions import editions_of
from visavis.dialogue.erasing import committed, erasures, own_erasure, shortened, source_of
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.people import side_view
from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import checkpoint_text
from visavis.record.digest import to_text
from visavis.record.timestamp import Stamp, read_stamp
from visavis.web.context import page

if TYPE_CHECKING:
    from visavis.node import Node

ROWS = 100
"""Entries on one page: more is a scroll nobody reads, and each carries its own raw form."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A content to which an entry commits. words: in short; None: not ours to read.

    erased: who has erased their copy. erasable: our side may erase its own now. binds: it may not, since it binds.
    """

    commitment: str
    part: str
    language: str
    words: str | None
    erased: tuple[Mark, ...]
    erasable: bool
    binds: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. who: "ours", "theirs". seq: its index. knew: entries of the other log its writer had seen.

    act: its type. role: of its delegate; "" for the node. verdict: None: it stands.
    raw: the entry as written, indented for reading. contents: what it commits to, where it was asked for.
    erases: of an erasure, the entry that commits to what was erased: ("ours" or "theirs", its index, its member).
    """

    who: str
    seq: int
    act: str
    role: str
    at: datetime | None
    knew: int
    verdict: str | None
    receipt: bool
    leaf: str
    raw: str
    contents: tuple[Beside, ...] = ()
    erases: tuple[str, int, str] | None = None


def rows(view: View) -> list[Row]:
    """Every entry of both logs, latest first."""
    found: list[tuple[str, int, int, Row]] = []
    for index, state in enumerate(view.joint.sides):
        verdicts = view.joint.verdicts[index]
        for seq, judged in enumerate(state.judged):
            entry = judged.entry
            who = "ours" if index == view.us else "theirs"
            verdict = verdicts[seq] if seq < len(verdicts) else "held"
            leaf = to_text(state.tree.leaf(seq))
            if entry is None:
                row = Row(who, seq, "", "", None, 0, verdict, False, leaf, "")
                found.append(("", index, seq, row))
                continue
            act: Mapping[str, Any] = entry.signed.act
            person = state.delegates.get(entry.signed.delegate)
            found.append(
                (
                    entry.time,
                    seq,
                    index,
                    Row(
                        who=who,
                        seq=seq,
                        act=str(act.get("type")),
                        role=person.role if person else "",
                        at=_time(entry.time),
                        knew=entry.signed.ack.size,
                        verdict=verdict,
                        receipt=isinstance(judged.move, Receive),
                        leaf=leaf,
                        raw=msgspec.json.format(entry.leaf, indent=2).decode(),
                    ),
                )
            )
    found.sort(key=lambda each: each[:3], reverse=True)
    return [row for *_, row in found]


def beside(view: View, row: Row) -> tuple[Beside, ...]:
    """What an entry that stands commits to, as our side has it."""
    joint, us = view.joint, view.us
    entry = joint.sides[us if row.who == "ours" else 1 - us].entry(row.seq)
    if entry is None or row.verdict is not None:
        return ()
    found = []
    for each in committed(entry.signed.act):
        words, binds = view.text(each.commitment), joint.binds(us, each.commitment)
        ours = own_erasure(joint, us, each.commitment) is None and (words is not None or row.who == "ours")
        found.append(
            Beside(
                each.commitment,
                each.part,
                each.language,
                None if words is None else shortened(words),
                erasures(joint, us, each.commitment),
                ours and not binds,
                ours and binds,
            )
        )
    return tuple(found)


def erases(view: View, row: Row) -> tuple[str, int, str] | None:
    """Of an erasure: which entry commits to what was erased; None of all else, or if none does."""
    joint, s = view.joint, view.us if row.who == "ours" else 1 - view.us
    entry = joint.sides[s].entry(row.seq)
    if entry is None or row.act != "content.erase" or row.verdict is not None:
        return None
    source = source_of(joint, str(entry.signed.act["commitment"]))
    return (
        None
        if source is None
        else ("ours" if source.side == view.us else "theirs", source.index, source.part)
    )


def shown(view: View) -> dict[str, Any]:
    """What this page and all others say of the record, for the browser to compare with its own computation."""
    joint = view.joint
    return {
        "sizes": {state.id: state.size for state in joint.sides},
        "in_force": [
            [slot_text(slot), accord.hash]
            for slot in sorted(joint.slots)
            if (accord := joint.accord_in_force(slot)) is not None
        ],
        "void": [
            [state.id, seq, verdict]
            for state, verdicts in zip(joint.sides, joint.verdicts, strict=True)
            for seq, verdict in enumerate(verdicts)
            if verdict is not None
        ],
    }


def stamps(ledger: Ledger) -> dict[str, tuple[int, Stamp]]:
    """Side → the latest timestamp over its log: the size, and what the token says, by its own word."""
    found: dict[str, tuple[int, Stamp]] = {}
    for side, tokens in ledger.timestamps.items():
        for size in sorted(tokens, reverse=True):
            root = ledger.states[ledger.index(side)].root(size)
            try:
                stamp = read_stamp(tokens[size], checkpoint_text(ledger.id, side, size, root))
            except (Malformed, Untrusted):  # it was checked when it came: what the disk gives is another
                continue
            found[side] = (size, stamp)
            break
    return found


def _time(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo else None


async def record(request: Request) -> Response:
    """Both logs; `?receipts=1` shows the nodes' receipts too, `?from=n` older entries."""
    _asker, view = await load(request, request.path_params["d"])
    receipts = request.query_params.get("receipts") == "1"
    every = [row for row in rows(view) if receipts or not row.receipt]
    start = request.query_params.get("from", "0")
    first = min(int(start), len(every)) if start.isascii() and start.isdigit() and len(start) < 9 else 0
    node: Node = request.app.state.node
    ledger = node.dialogues.ledger(view.joint.sides[0].dialogue)
    sizes = [state.size for state in view.joint.sides]
    return page(
        request,
        "record.html",
        rows=[
            replace(row, contents=beside(view, row), erases=erases(view, row))
            for row in every[first : first + ROWS]
        ],
        first=first,
        older=first + ROWS if first + ROWS < len(every) else None,
        receipts=receipts,
        editions=editions_of(view.joint, view.us),
        sizes=(sizes[view.us], sizes[1 - view.us]),
        keys=[side_view(view.joint, s).log_key for s in (view.us, 1 - view.us)],
        voids=sum(1 for row in every if row.verdict is not None),
        forks=[(fork.side, *(note.decode() for note in (fork.held, fork.shown))) for fork in ledger.forks],
        stamps=stamps(ledger),
        damaged=sorted(view.damaged),
        shown=msgspec.json.encode(shown(view)).decode(),
        view=view,
    )


routes = [Route("/d/{d}/record", record)]
