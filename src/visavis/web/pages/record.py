"""The record: two logs side by side, in plain form; and each entry by itself, whole.

Lives here: `/d/{d}/record`, `/d/{d}/record/{side}/{n}`; `ordered`, `row`, `beside`, `shown`, `stamps`.
Not here: verification (`visavis.verification`; in the browser `client/src/verify`), the bundle as a file (`web.api`).

Entries stand in the order of the node's clock, which no rule reads; what an entry knew of the other log is
said beside it, and that is what counts. The page has a line for each entry; its words and bytes stand at an address of
its own, the same on both sides' screens, which the page opens in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.dialogue.acts import Receive, slot_text
from visavis.dialogue.chair import Mark, mark
from visavis.dialogue.commands import View
from visavis.dialogue.editions import editions_of
from visavis.dialogue.erasing import committed, erasures, own_erasure, shortened, source_of
from visavis.dialogue.join import Joint
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.memo import remembered
from visavis.dialogue.people import side_view
from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import checkpoint_text
from visavis.record.digest import to_text
from visavis.record.timestamp import Stamp, read_stamp
from visavis.verification.lines import ProofKind, lines
from visavis.web.api import number
from visavis.web.context import page

if TYPE_CHECKING:
    from visavis.node import Node

ROWS = 50
"""Entries on one page: more is a scroll nobody reads."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in one line. who: "ours", "theirs". side: its log. seq: its index there.

    act: its type; "" if the bytes are no entry. role: of its delegate; "" for the node.
    knew: entries of the other log its writer had seen. verdict: None: it stands.
    """

    who: str
    side: str
    seq: int
    act: str
    role: str
    at: datetime | None
    knew: int
    verdict: str | None


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
class Whole:
    """All of one entry. leaf: its hash in the tree. raw: as written, indented for reading; "" if it is no entry.

    by: who entered it. contents: what it commits to. erases: of an erasure, the entry that commits to what was erased:
    (side, its index, its member). proof: by what it is proven, None if it is no entry. knew_last: the last entry of
    the other log that it knew. known_since: the first that acknowledges it. later, earlier: its neighbours in its own
    log. None: there is none here.
    """

    row: Row
    by: Mark
    leaf: str
    raw: str
    contents: tuple[Beside, ...]
    erases: tuple[str, int, str] | None
    proof: ProofKind | None
    knew_last: int | None
    known_since: int | None
    later: int | None
    earlier: int | None


@remembered
def _ordered(joint: Joint, _sizes: tuple[int, int], receipts: bool) -> tuple[tuple[int, int], ...]:
    found = []
    for s, state in enumerate(joint.sides):
        for seq, judged in enumerate(state.judged):
            if receipts or not isinstance(judged.move, Receive):
                found.append(("" if judged.entry is None else judged.entry.time, seq, s))
    found.sort(reverse=True)
    return tuple((s, seq) for _, seq, s in found)


def ordered(view: View, *, receipts: bool) -> tuple[tuple[int, int], ...]:
    """Every entry of both logs as (index of its side, its own), latest first. receipts: those of the nodes too."""
    one, other = view.joint.sides
    return _ordered(view.joint, (one.size, other.size), receipts)


def row(view: View, s: int, seq: int) -> Row:
    """Entry `seq` of the log of the side at index `s`."""
    state, verdicts = view.joint.sides[s], view.joint.verdicts[s]
    who, verdict = "ours" if s == view.us else "theirs", verdicts[seq] if seq < len(verdicts) else "held"
    entry = state.entry(seq)
    if entry is None:
        return Row(who, state.id, seq, "", "", None, 0, verdict)
    signed = entry.signed
    person = state.delegates.get(signed.delegate)
    role = person.role if person else ""
    at = _time(entry.time)
    return Row(who, state.id, seq, str(signed.act.get("type")), role, at, signed.ack.size, verdict)


def whole(view: View, s: int, seq: int) -> Whole:
    """Entry `seq` of the log of the side at index `s`, with all that it says and commits to."""
    state, line = view.joint.sides[s], row(view, s, seq)
    entry = state.entry(seq)
    (read,) = lines(view.joint, lambda _: None, state.id, seq, seq + 1)
    return Whole(
        row=line,
        by=mark(view.joint, s, seq),
        leaf=to_text(state.tree.leaf(seq)),
        raw="" if entry is None else msgspec.json.format(entry.leaf, indent=2).decode(),
        contents=beside(view, line),
        erases=erases(view, line),
        proof=read.proof,
        knew_last=line.knew - 1 if 0 < line.knew <= view.joint.sides[1 - s].size else None,
        known_since=read.known_since,
        later=seq + 1 if seq + 1 < state.size else None,
        earlier=seq - 1 if seq else None,
    )


def beside(view: View, line: Row) -> tuple[Beside, ...]:
    """What an entry that stands commits to, as our side has it."""
    joint, us = view.joint, view.us
    entry = joint.sides[us if line.who == "ours" else 1 - us].entry(line.seq)
    if entry is None or line.verdict is not None:
        return ()
    found = []
    for each in committed(entry.signed.act):
        words, binds = view.text(each.commitment), joint.binds(us, each.commitment)
        ours = own_erasure(joint, us, each.commitment) is None and (words is not None or line.who == "ours")
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


def erases(view: View, line: Row) -> tuple[str, int, str] | None:
    """Of an erasure: which entry commits to what was erased; None of all else, or if none does."""
    joint, s = view.joint, view.us if line.who == "ours" else 1 - view.us
    entry = joint.sides[s].entry(line.seq)
    if entry is None or line.act != "content.erase" or line.verdict is not None:
        return None
    source = source_of(joint, str(entry.signed.act["commitment"]))
    return None if source is None else (joint.sides[source.side].id, source.index, source.part)


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
    every = ordered(view, receipts=receipts)
    first = min(number(request.query_params.get("from", "0")) or 0, len(every))
    node: Node = request.app.state.node
    ledger = node.dialogues.ledger(view.joint.sides[0].dialogue)
    sizes = [state.size for state in view.joint.sides]
    return page(
        request,
        "record.html",
        rows=[row(view, s, seq) for s, seq in every[first : first + ROWS]],
        first=first,
        every=len(every),
        later=max(first - ROWS, 0) if first else None,
        older=first + ROWS if first + ROWS < len(every) else None,
        receipts=receipts,
        editions=editions_of(view.joint, view.us),
        sizes=(sizes[view.us], sizes[1 - view.us]),
        keys=[side_view(view.joint, s).log_key for s in (view.us, 1 - view.us)],
        forks=[(fork.side, *(note.decode() for note in (fork.held, fork.shown))) for fork in ledger.forks],
        stamps=stamps(ledger),
        damaged=sorted(view.damaged),
        shown=msgspec.json.encode(shown(view)).decode(),
        view=view,
    )


async def entry(request: Request) -> Response:
    """One entry, whole, with the way back to its place among the others."""
    _asker, view = await load(request, request.path_params["d"])
    seq = number(request.path_params["n"])
    s = next((s for s, state in enumerate(view.joint.sides) if state.id == request.path_params["side"]), None)
    if s is None or seq is None or seq >= view.joint.sides[s].size:
        raise HTTPException(404)
    receipts = (s, seq) not in ordered(view, receipts=False)
    place = ordered(view, receipts=receipts).index((s, seq))
    return page(
        request,
        "entry.html",
        entry=whole(view, s, seq),
        receipts=receipts,
        first=place // ROWS * ROWS,
        view=view,
    )


routes = [Route("/d/{d}/record", record), Route("/d/{d}/record/{side}/{n}", entry)]
