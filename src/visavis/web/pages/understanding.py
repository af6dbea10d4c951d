"""Understandings: one text in both languages, the thread of its versions, the draft of another, remarks on clauses.

Lives here: `/d/{d}/understandings/new`, `/d/{d}/understandings/{u}`, its remarks and its paper.
Not here: their rules (`understandings`), what stands on paper (`visavis.paper`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, load
from visavis.dialogue.acts import Power
from visavis.dialogue.chair import Mark
from visavis.dialogue.commands import View
from visavis.dialogue.steps import Steps
from visavis.dialogue.texts import Texts, harmless
from visavis.errors import Malformed
from visavis.node import Node
from visavis.talks.model import TalkSummary, talks_of
from visavis.understandings.brackets import Bracket, Part, clauses_of, open_places, parts, taken
from visavis.understandings.model import (
    TextView,
    UnderstandingView,
    UndertakingView,
    Version,
    understanding_view,
    versions,
)
from visavis.understandings.redline import ClauseChange, compared
from visavis.understandings.remarks import REMARK_LIMIT, Remark
from visavis.web.api import number
from visavis.web.context import language_of, page
from visavis.web.pages.frame import Sides, sides_of, texts_of, what_now

ROWS = 8
"""Undertakings that the form offers each side, and clauses beyond those that there are; a text may have more: a blank
line in a clause begins another."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """A text, clause against clause: ours at the start side, theirs at the end side.

    languages: of the two columns; the second is "" where the text stands in one language alone.
    rows: (our clause, their clause); "" where one text has no such clause.
    """

    languages: tuple[str, str]
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What a version changes in another: its title, its clauses, the undertakings of each side."""

    version: Version
    languages: tuple[str, str]
    title: tuple[ClauseChange, ...]
    body: tuple[ClauseChange, ...]
    ours: tuple[ClauseChange, ...]
    theirs: tuple[ClauseChange, ...]

    @property
    def same(self) -> int:
        """Clauses that stay as they were."""
        return sum(not each.changed for each in self.body)


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that stands on the page in full. places: where it has brackets. taking: whether alternatives can be taken,
    since brackets name the sides. others: in what further languages it stands."""

    version: Version
    clauses: Clauses
    places: tuple[str, ...]
    taking: bool
    others: tuple[str, ...]

    @property
    def text(self) -> TextView:
        return self.version.text

    @property
    def named(self) -> tuple[str, ...]:
        """The places as the page names them: undertakings all at once, since each side's have numbers of their own."""
        alike = ("undertakings" if place.startswith("undertaking-") else place for place in self.places)
        return tuple(dict.fromkeys(alike))


def columns(sides: Sides, languages: Sequence[str]) -> tuple[str, str]:
    """Which of a text's languages stand in our column and in theirs; "" for none."""
    order = [code for code in (*sides.ours.languages, *languages) if code in languages]
    ours = order[0] if order else ""
    others = [code for code in (*sides.theirs.languages, *languages) if code in languages and code != ours]
    return ours, others[0] if others else ""


def clauses(sides: Sides, texts: Mapping[str, str]) -> Clauses:
    """Lay two authentic texts side by side. A clause is what blank lines part."""
    ours, theirs = columns(sides, tuple(texts))
    rows = zip_longest(_shown(texts.get(ours, "")), _shown(texts.get(theirs, "")), fillvalue="")
    return Clauses((ours, theirs), tuple(rows))


def _shown(text: str) -> tuple[str, ...]:
    return tuple(harmless(clause) for clause in clauses_of(text))


def text_of(view: View, text: TextView) -> Clauses:
    return clauses(sides_of(view), texts_of(view, text.body))


def found(view: View, understanding: str) -> UnderstandingView:
    """The understanding. Raises 404 if no text of it was tabled."""
    seen = understanding_view(view.joint, view.us, understanding)
    if seen is None:
        raise HTTPException(404)
    return seen


def names_of(sides: Sides) -> dict[str, str]:
    """How a side is called in brackets, in any language → its id; what both are called names neither."""
    called = [(name, side.id) for side in (sides.ours, sides.theirs) for name in set(side.name.values())]
    many = Counter(" ".join(name.split()).casefold() for name, _ in called)
    return {name: side for name, side in called if many[" ".join(name.split()).casefold()] == 1}


def change(view: View, before: Version, after: Version) -> Change | None:
    """What `after` changes in `before`, in the languages of both; None where nothing of them can be compared."""
    one, other = before.text, after.text
    bodies = texts_of(view, one.body), texts_of(view, other.body)
    spoken = [code for code in bodies[1] if code in bodies[0]]
    if not spoken:
        return None

    def duties(side: Sequence[UndertakingView]) -> list[dict[str, str]]:
        opened = (texts_of(view, duty.texts) for duty in sorted(side, key=_numbered))
        return [{code: harmless(duty[code]) for code in spoken if code in duty} for duty in opened]

    def titles(text: TextView) -> list[dict[str, str]]:
        opened = texts_of(view, text.title)
        return [{code: harmless(opened[code]) for code in spoken if code in opened}]

    def body(texts: Mapping[str, str]) -> list[dict[str, str]]:
        rows = zip_longest(*(_shown(texts[code]) for code in spoken), fillvalue="")
        return [{code: words for code, words in zip(spoken, row, strict=True) if words} for row in rows]

    return Change(
        before,
        columns(sides_of(view), spoken),
        compared(titles(one), titles(other)),
        compared(body(bodies[0]), body(bodies[1])),
        compared(duties(one.ours), duties(other.ours)),
        compared(duties(one.theirs), duties(other.theirs)),
    )


def _numbered(duty: UndertakingView) -> tuple[int, str]:
    """In the order of the text, from whichever chair it is read."""
    return len(duty.id), duty.id


def places_of(view: View, text: TextView) -> tuple[str, ...]:
    """Where a text has brackets, as far as the asker may read it."""
    undertakings = sorted((*text.ours, *text.theirs), key=_numbered)
    return open_places(
        texts_of(view, text.title),
        texts_of(view, text.body),
        [texts_of(view, duty.texts) for duty in undertakings],
    )


def in_full(seen: UnderstandingView, thread: Sequence[Version], chosen: str | None) -> list[Version]:
    """Which versions the page shows in full: what is in force, what a side has signed, the latest that can still be
    signed (else the latest of all), and the one that was asked for."""
    live = {text.hash for text in seen.open}
    signed = {text.hash for text in seen.open if text.seal.ours.stands or text.seal.theirs.stands}
    latest = [version.text.hash for version in thread if version.text.hash in live][-1:]
    force = {seen.text.hash} if seen.text is not None else set()
    wanted = force | signed | set(latest) | {chosen}
    shown = [version for version in thread if version.text.hash in wanted]
    shown = shown if force or latest or shown else list(thread[-1:])
    # What is in force stands first, then what would come after it.
    return sorted(shown, key=lambda version: (version.text.hash not in force, version.number))


def resolving(steps: Steps, bracketed: Mapping[str, bool]) -> Steps:
    """What is asked about the versions that the page shows. A text with brackets is not to be signed: they are to be
    resolved. bracketed: hash of a version that is shown → whether it has some."""
    now = (
        replace(step, key="resolve-brackets", command=None) if bracketed[step.params["hash"]] else step
        for step in steps.now
        if step.params["hash"] in bracketed
    )
    return replace(steps, now=tuple(now))


def tabled_by(version: Version, side: str) -> bool:
    return any(mark.side == side for mark in version.text.by[:1])


def talk_of(view: View, talk: str | None) -> TalkSummary | None:
    return next((each for each in talks_of(view.joint, view.us) if each.id == talk), None)


async def understanding(request: Request) -> Response:
    """One understanding: its text in force, texts that want a signature, their thread, assessments over time, proof.

    `?text=`: the hash of a version that is to be shown in full, too.
    """
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["u"])
    sides = sides_of(view)
    names = names_of(sides)
    thread = versions(view.joint, view.us, seen.id)
    full = in_full(seen, thread, request.query_params.get("text"))

    def shown(version: Version) -> Shown:
        bodies = texts_of(view, version.text.body)
        laid = clauses(sides, bodies)
        named = (p for words in bodies.values() for p in parts(words, names) if isinstance(p, Bracket))
        others = tuple(code for code in bodies if code not in laid.languages)
        return Shown(version, laid, places_of(view, version.text), any(p.side for p in named), others)

    def parted(words: str) -> tuple[Part, ...]:
        return parts(words, names)

    return page(
        request,
        "understanding.html",
        view=view,
        u=seen,
        thread=thread,
        shown=[shown(version) for version in full],
        changes={
            version.number: [made for each in version.against if (made := change(view, each, version))]
            for version in full
        },
        parted=parted,
        tabled_by_us=lambda version: tabled_by(version, sides.ours.id),
        remarks=await remarks_of(request, asker, view, thread, full),
        remark_limit=REMARK_LIMIT,
        talk_reached=talk_of(view, seen.talk),
        starts={each.id: each.time.start for each in talks_of(view.joint, view.us)},
        what=what_now(
            resolving(
                seen.steps, {version.text.hash: bool(places_of(view, version.text)) for version in full}
            ),
            asker.dialogue,
            language_of(request),
            asker.may,
        ),
    )


# --- remarks ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownRemark:
    """A remark of our side as the page shows it. mark: who made it. version: the one that it was made on."""

    remark: Remark
    mark: Mark
    version: int


async def remarks_of(
    request: Request, asker: Asker, view: View, thread: Sequence[Version], full: Sequence[Version]
) -> dict[tuple[str, int], list[ShownRemark]]:
    """(text's hash, clause) → what our side says of it, oldest first; for the versions in `full`.

    What was said of a clause of an earlier version is said of the clause that came of it.
    """
    node: Node = request.app.state.node
    by_text: dict[str, list[Remark]] = {}
    for remark in await node.remarks.of(asker.dialogue, asker.side, [each.text.hash for each in thread]):
        by_text.setdefault(remark.text, []).append(remark)
    out: dict[tuple[str, int], list[ShownRemark]] = {}
    for shown in full:
        for made_on in thread[: shown.number]:
            remarks = by_text.get(made_on.text.hash, ())
            became = _became(view, made_on, shown) if remarks and made_on is not shown else None
            for remark in remarks:
                clause = remark.clause if became is None else became.get(remark.clause)
                if clause is not None:
                    said = ShownRemark(remark, _mark(view, asker.side, remark), made_on.number)
                    out.setdefault((shown.text.hash, clause), []).append(said)
    return out


def _became(view: View, before: Version, after: Version) -> dict[int, int]:
    """Clause of one version → the clause of a later one that came of it; without those that have fallen."""
    made = change(view, before, after)
    rows = () if made is None else made.body
    return {row.before: row.after for row in rows if row.before is not None and row.after is not None}


def _mark(view: View, side: str, remark: Remark) -> Mark:
    who = view.joint.sides[view.us].delegates.get(remark.delegate)
    role, name = (who.role, who.name) if who is not None else ("", None)
    return Mark(side, remark.delegate, role, name, remark.at.isoformat(), 0)


async def leave_remark(request: Request) -> Response:
    """Keep a remark of the asker's on a clause; their own side alone sees it."""
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["u"])
    form = await request.form(max_files=0, max_fields=8, max_part_size=8 * REMARK_LIMIT)
    thread = versions(view.joint, view.us, seen.id)
    version = next((each for each in thread if each.text.hash == form.get("text")), None)
    if version is None:
        raise Malformed("text: the hash of a version of this understanding is due", field="text")
    clause = number(str(form.get("clause", "")))
    if clause is None or not 0 < clause <= len(text_of(view, version.text).rows):
        raise Malformed("clause: the number of a clause of that version is due", field="clause")
    node: Node = request.app.state.node
    said = await node.remarks.of(asker.dialogue, asker.side, [version.text.hash])
    mine = [each for each in said if (each.clause, each.delegate) == (clause, asker.delegate)]
    words = str(form.get("words", "")).replace("\r\n", "\n").strip()
    # Sent twice: the form was served before the first of the two was kept.
    again = mine[-1:] if "seen" in form and form["seen"] != str(len(mine)) and mine else []
    if again and again[0].words == words:
        return _back(request, asker, again[0])
    remark = await node.remarks.leave(
        asker.dialogue,
        asker.side,
        asker.delegate,
        text=version.text.hash,
        clause=clause,
        words=words,
    )
    return _back(request, asker, remark)


async def erase_remark(request: Request) -> Response:
    """Erase a remark: one's own, or any of our side for who admits its delegates."""
    asker, view = await load(request, request.path_params["d"])
    found(view, request.path_params["u"])
    node: Node = request.app.state.node
    any_of_ours = asker.may(Power.ADMIT)
    remark = await node.remarks.erase(
        asker.dialogue, asker.side, request.path_params["remark"], asker.delegate, any_of_ours=any_of_ours
    )
    return _back(request, asker, remark)


def _back(request: Request, asker: Asker, remark: Remark) -> Response:
    """To the clause, and tell our own side's other pages."""
    node: Node = request.app.state.node
    node.dialogues.ledger(asker.dialogue).publish("remark", side=asker.side)
    at = f"/d/{asker.dialogue}/understandings/{request.path_params['u']}"
    return RedirectResponse(f"{at}?text={remark.text}#c-{remark.text[:8]}-{remark.clause}", 303)


# --- paper ------------------------------------------------------------------------------------------


async def paper(request: Request) -> Response:
    """One understanding on paper: `?side=ours`, sealed, or `?side=theirs`, as the other side's copy has it."""
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["u"])
    which = request.query_params.get("side", "ours")
    if which not in ("ours", "theirs"):
        raise HTTPException(404)
    sides = view.joint.sides
    copy = sides[view.us if which == "ours" else 1 - view.us].id
    node: Node = request.app.state.node
    pdf = await node.paper(asker.dialogue, asker.side, copy, seen.id)
    name = f"{seen.id[:8]}-{which}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)


# --- drafting -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Base:
    """What a draft begins with: the words of a version, or none. clauses: language → words, in each."""

    title: Mapping[str, str]
    clauses: tuple[Mapping[str, str], ...]
    ours: tuple[Mapping[str, str], ...]
    theirs: tuple[Mapping[str, str], ...]


def base_of(view: View, text: TextView | None, take: str) -> Base:
    """take: the id of the side whose alternatives are taken in place of the brackets; "" for none."""
    if text is None:
        return Base({}, (), (), ())
    sides = sides_of(view)
    names = names_of(sides)

    def words(texts: Texts | Mapping[str, str]) -> dict[str, str]:
        opened = texts if isinstance(texts, Mapping) else texts_of(view, texts)
        return {code: taken(text, take, names) if take else text for code, text in opened.items()}

    body = texts_of(view, text.body)
    rows = zip_longest(*(clauses_of(said) for said in body.values()), fillvalue="")
    laid = (words(dict(zip(body, row, strict=True))) for row in rows)
    return Base(
        words(text.title),
        tuple(row for row in laid if any(row.values())),
        tuple(words(each.texts) for each in text.ours),
        tuple(words(each.texts) for each in text.theirs),
    )


async def new(request: Request) -> Response:
    """Draft a text; `?talk=` in which it was reached, `?kind=`; `?of=` the understanding whose next text it is to be.

    `?counter=`: the hash of the version that it answers; its words are what the draft begins with. `?take=ours` or
    `theirs`: that side's alternatives stand in place of its brackets.
    """
    _asker, view = await load(request, request.path_params["d"])
    sides = sides_of(view)
    of = request.query_params.get("of")
    amended = None if of is None else found(view, of)
    thread = () if amended is None else versions(view.joint, view.us, amended.id)
    answered = next((v for v in thread if v.text.hash == request.query_params.get("counter")), None)
    if answered is None and amended is not None and amended.text is None:
        answered = thread[-1]
    base = answered.text if answered is not None else (amended.text if amended is not None else None)
    take = {"ours": sides.ours.id, "theirs": sides.theirs.id}.get(request.query_params.get("take", ""), "")
    chosen = request.query_params.get("talk", base.talk if base is not None and base.talk else "")
    kind = base.kind.value if base is not None else request.query_params.get("kind", "understanding")
    return page(
        request,
        "understanding-new.html",
        view=view,
        amended=amended,
        answered=answered,
        thread=thread,
        base=base_of(view, base, take),
        was=None if base is None or answered is None else text_of(view, base),
        talks=talks_of(view.joint, view.us),
        chosen=chosen,
        kind=kind,
        rows=ROWS,
        parted=lambda words: parts(words, names_of(sides)),
        tabled_by_us=lambda version: tabled_by(version, sides.ours.id),
    )


routes = [
    Route("/d/{d}/understandings/new", new),
    Route("/d/{d}/understandings/{u}", understanding),
    Route("/d/{d}/understandings/{u}/remarks", leave_remark, methods=["POST"]),
    Route("/d/{d}/understandings/{u}/remarks/{remark}/erase", erase_remark, methods=["POST"]),
    Route("/d/{d}/understandings/{u}/paper.pdf", paper),
]
