"""Understandings as one chair sees them: the register, one text, the review. Pure.

Lives here: `ACTS` of the slice, the frozen views that pages and JSON show, the table of states.
Not here: the acts' own forms and rules (`acts`), commands (`service`), words.
Spec: docs/spec/record.md §§7–8.

Texts are (language, commitment); the caller opens them for its reader. `us` is the reader's chair, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from visavis.dialogue import chair
from visavis.dialogue.acts import Power
from visavis.dialogue.chair import DoubleSeal, Mark
from visavis.dialogue.join import Joint
from visavis.dialogue.memo import remembered
from visavis.dialogue.steps import Step, Steps, together
from visavis.dialogue.texts import Texts, languages, texts_of
from visavis.understandings.acts import ACTS, Kind, Verdict, text_slot
from visavis.understandings.references import parted

__all__ = ["ACTS", "Review", "UnderstandingView", "register", "review", "steps", "understanding_view"]


class Status(StrEnum):
    TABLED = "tabled"
    INITIALLED = "initialled"
    """Initialled by both: the text is settled, and binds nobody."""
    SIGNED_BY_ONE = "signed-by-one"
    IN_FORCE = "in-force"
    ENDED = "ended"
    LAPSED = "lapsed"
    """Declined or withdrawn, and nothing else tabled since."""


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What both logs say of an understanding, in five questions."""

    ended: bool
    agreed: bool
    signed_by_one: bool
    initialled: bool
    open: bool


STATUSES: tuple[tuple[Status, str | None], ...] = (
    (Status.ENDED, "ended"),
    (Status.IN_FORCE, "agreed"),
    (Status.SIGNED_BY_ONE, "signed_by_one"),
    (Status.INITIALLED, "initialled"),
    (Status.TABLED, "open"),
    (Status.LAPSED, None),
)
"""An understanding's state is the first row whose fact holds: an end wins over every accord."""


def status_of(facts: TextFacts) -> Status:
    return next(status for status, fact in STATUSES if fact is None or getattr(facts, fact))


class Event(StrEnum):
    """What can happen to an understanding."""

    INITIALLED = "the second side initials it"
    SIGNED = "one side signs"
    OFFERED = "one side tables and signs"
    AGREED = "the other side signs the same text"
    LAPSED = "declined; or withdrawn, and heard"
    TABLED = "a text is tabled"
    REPLACED = "both sign an amendment or a correction"
    ENDED = "either side that ever signed ends it"


LIFE: tuple[tuple[Status | None, Event, Status], ...] = (
    (None, Event.TABLED, Status.TABLED),
    (None, Event.OFFERED, Status.SIGNED_BY_ONE),
    (Status.TABLED, Event.INITIALLED, Status.INITIALLED),
    (Status.TABLED, Event.SIGNED, Status.SIGNED_BY_ONE),
    (Status.INITIALLED, Event.SIGNED, Status.SIGNED_BY_ONE),
    (Status.SIGNED_BY_ONE, Event.AGREED, Status.IN_FORCE),
    (Status.SIGNED_BY_ONE, Event.LAPSED, Status.LAPSED),
    (Status.SIGNED_BY_ONE, Event.ENDED, Status.ENDED),
    (Status.LAPSED, Event.TABLED, Status.TABLED),
    (Status.LAPSED, Event.SIGNED, Status.SIGNED_BY_ONE),
    (Status.LAPSED, Event.ENDED, Status.ENDED),
    (Status.IN_FORCE, Event.REPLACED, Status.IN_FORCE),
    (Status.IN_FORCE, Event.ENDED, Status.ENDED),
)
"""The life of an understanding, as the tests drive it: from, event, to. `STATUSES` says what a state is."""


# --- views ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UndertakingView:
    id: str
    ours: bool
    texts: Texts


@dataclass(frozen=True, slots=True)
class Initials:
    """Who initialled a text. both: it is settled; that binds nobody."""

    ours: Mark | None
    theirs: Mark | None

    @property
    def both(self) -> bool:
        return self.ours is not None and self.theirs is not None


@dataclass(frozen=True, slots=True)
class Receipts:
    """Where each side's log says that all contents of a text were at hand; None: no receipt."""

    ours: Mark | None
    theirs: Mark | None


@dataclass(frozen=True, slots=True)
class ReadingView:
    """How one side reads a place where the languages of a text differ."""

    reading: Texts
    mark: Mark


@dataclass(frozen=True, slots=True)
class DivergenceView:
    """A place where the languages differ, as each side reads it. place: the words in question."""

    id: str
    place: Texts
    ours: ReadingView | None
    theirs: ReadingView | None


@dataclass(frozen=True, slots=True)
class TextView:
    """One text of an understanding. base: hash of the text that it would replace or has replaced.

    corrected: both agreed that a correction replaces it from the beginning. divergences: by id.
    """

    hash: str
    base: str | None
    kind: Kind
    talk: str | None
    correction: bool
    title: Texts
    body: Texts
    languages: tuple[str, ...]
    ours: tuple[UndertakingView, ...]
    theirs: tuple[UndertakingView, ...]
    by: tuple[Mark, ...]
    seal: DoubleSeal
    initials: Initials
    received: Receipts
    divergences: tuple[DivergenceView, ...]
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One text in the thread of an understanding's texts. number: from 1, as tabled.

    against: the versions that it is to be read against: the last before it of the side that did not table it (else the
    last before it), and the one that it would replace.
    """

    number: int
    text: TextView
    against: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class AssessmentView:
    """One side's word on one understanding at one talk. references: commitment to what it refers to, or None."""

    talk: str
    verdict: Verdict
    evidence: Texts
    references: str | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class AssessedView:
    """Both assessments at one talk. differ: both have spoken, and not alike."""

    talk: str
    ours: AssessmentView | None
    theirs: AssessmentView | None

    @property
    def differ(self) -> bool:
        return self.ours is not None and self.theirs is not None and self.ours.verdict != self.theirs.verdict


@dataclass(frozen=True, slots=True)
class EndView:
    """Who ended it, and why, if they said."""

    mark: Mark
    reason: Texts


@dataclass(frozen=True, slots=True)
class UnderstandingLine:
    """An understanding in one line of the register. text: in force, or was, or as tabled last."""

    id: str
    status: Status
    kind: Kind
    title: Texts
    talk: str | None
    text: TextView
    latest: AssessedView | None


@dataclass(frozen=True, slots=True)
class UnderstandingView:
    """Everything of one understanding for one chair.

    text:     in force, or in force until it ended; None if it never was.
    open:     texts that still want a signature. past: all others, earliest first.
    assessed: at each talk, earliest first.
    """

    id: str
    status: Status
    kind: Kind
    talk: str | None
    title: Texts
    text: TextView | None
    open: tuple[TextView, ...]
    past: tuple[TextView, ...]
    assessed: tuple[AssessedView, ...]
    ended_ours: EndView | None
    ended_theirs: EndView | None
    steps: Steps


class Need(StrEnum):
    """Why an understanding stands where it does in a review: what asks for most comes first."""

    EFFORT = "effort"
    """At least one side asks for extra effort."""
    APART = "apart"
    """One side holds it for implemented, the other for not begun."""
    NOT_BEGUN = "not-begun"
    OPEN = "open"
    """Not assessed by both yet, and nothing of the above is said."""
    DONE = "done"
    """Implemented, both sides say."""


def need_of(ours: Verdict | None, theirs: Verdict | None) -> Need:
    """What two assessments ask for. Symmetric."""
    said = {ours, theirs}
    if Verdict.EXTRA_EFFORT in said:
        return Need.EFFORT
    if Verdict.NOT_BEGUN in said:
        return Need.APART if Verdict.IMPLEMENTED in said else Need.NOT_BEGUN
    return Need.DONE if said == {Verdict.IMPLEMENTED} else Need.OPEN


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One understanding in the review of one talk. before: assessments at earlier talks, earliest first.

    last_ours, last_theirs: each side's latest verdict of those before. differ: the two sides judge unlike.
    need: what asks for the place that it has in the review.
    """

    understanding: str
    status: Status
    kind: Kind
    title: Texts
    talk: str | None
    ours: AssessmentView | None
    theirs: AssessmentView | None
    before: tuple[AssessedView, ...]
    last_ours: Verdict | None
    last_theirs: Verdict | None
    differ: bool
    need: Need


@dataclass(frozen=True, slots=True)
class Tally:
    """How many understandings one side judges how; `open`: not judged yet."""

    implemented: int
    extra_effort: int
    not_begun: int
    open: int


@dataclass(frozen=True, slots=True)
class Review:
    """understanding × (ours, theirs) at one talk; in the order of `Need`, rows that differ first in each."""

    talk: str
    rows: tuple[ReviewRow, ...]
    ours: Tally
    theirs: Tally
    both_implemented: int
    differing: int

    @property
    def complete(self) -> bool:
        """Whether both sides have assessed every understanding."""
        return self.ours.open == 0 and self.theirs.open == 0

    @property
    def groups(self) -> tuple[tuple[Need, tuple[ReviewRow, ...]], ...]:
        """The rows by what asks for their place; only needs of which there are rows."""
        return tuple((need, tuple(rows)) for need, rows in groupby(self.rows, lambda row: row.need))


# --- reading --------------------------------------------------------------------------------------


@remembered
def known_understandings(joint: Joint) -> tuple[str, ...]:
    """Ids of all understandings of which a text was tabled, earliest first."""
    return tuple(dict.fromkeys(t.subject.slot[1] for t in chair.tabled(joint, "text")))


@remembered
def text_views(joint: Joint, us: int, understanding: str) -> tuple[TextView, ...]:
    """All texts tabled of one understanding, earliest first."""
    texts = tuple(_text_view(joint, us, t) for t in chair.tabled(joint, "text", understanding))
    corrected = {text.base for text in texts if text.correction and text.seal.agreed}
    return tuple(replace(text, corrected=True) if text.hash in corrected else text for text in texts)


def _text_view(joint: Joint, us: int, tabled: chair.Tabled) -> TextView:
    body = tabled.subject.body
    ours = joint.sides[us].id
    undertakings = tuple(
        UndertakingView(u["id"], u["by"] == ours, texts_of(u["texts"])) for u in body["undertakings"]
    )
    text = texts_of(body["body"])
    return TextView(
        tabled.hash,
        tabled.subject.base,
        Kind(tabled.subject.kind),
        body["talk"],
        body["correction"],
        texts_of(body["title"]),
        text,
        tuple(sorted(languages(text))),
        tuple(u for u in undertakings if u.ours),
        tuple(u for u in undertakings if not u.ours),
        tabled.marks,
        chair.double_seal(joint, us, tabled.subject.slot, tabled.hash),
        _initials(joint, us, tabled),
        Receipts(*(_received(joint, s, tabled.hash) for s in (us, 1 - us))),
        _divergences(joint, us, tabled),
    )


def _initials(joint: Joint, us: int, tabled: chair.Tabled) -> Initials:
    key = ("initial", tabled.subject.slot[1], tabled.hash)
    ours, theirs = (chair.word(joint, s, key) for s in (us, 1 - us))
    return Initials(None if ours is None else ours.mark, None if theirs is None else theirs.mark)


def _received(joint: Joint, s: int, hash_: str) -> Mark | None:
    index = joint.received[s].get(hash_)
    return None if index is None else chair.mark(joint, s, index)


def _divergences(joint: Joint, us: int, tabled: chair.Tabled) -> tuple[DivergenceView, ...]:
    key = ("divergence", tabled.subject.slot[1], tabled.hash)
    ours, theirs = ({word.key[3]: word for word in chair.words(joint, s, key)} for s in (us, 1 - us))
    return tuple(
        DivergenceView(
            each,
            texts_of((ours.get(each) or theirs[each]).value["place"]),
            _reading(ours.get(each)),
            _reading(theirs.get(each)),
        )
        for each in sorted(ours.keys() | theirs.keys())
    )


def _reading(word: chair.Word | None) -> ReadingView | None:
    return None if word is None else ReadingView(texts_of(word.value["reading"]), word.mark)


@remembered
def versions(joint: Joint, us: int, understanding: str) -> tuple[Version, ...]:
    """The thread: all texts tabled of one understanding, proposals and counter-proposals, earliest first."""
    thread: list[Version] = []
    for number, text in enumerate(text_views(joint, us, understanding), 1):
        sides = {mark.side for mark in text.by}
        countered = next((v for v in reversed(thread) if {m.side for m in v.text.by} - sides), None)
        replaced = next((v for v in thread if v.text.hash == text.base), None)
        last = countered or (thread[-1] if thread else None)
        against = {v.number: v for v in (last, replaced) if v is not None}
        thread.append(Version(number, text, tuple(against.values())))
    return tuple(thread)


@remembered
def understanding_view(joint: Joint, us: int, understanding: str) -> UnderstandingView | None:
    """Everything of one understanding for the chair `us`; None if no text of it was tabled."""
    texts = text_views(joint, us, understanding)
    if not texts:
        return None
    agreed = _agreed(texts)
    live = _live(texts)
    shown = agreed or (live[-1] if live else texts[-1])
    return UnderstandingView(
        id=understanding,
        status=_status(joint, understanding, texts),
        kind=shown.kind,
        talk=shown.talk,
        title=shown.title,
        text=agreed,
        open=tuple(live),
        past=tuple(t for t in texts if t is not agreed and t not in live),
        assessed=assessments(joint, us, understanding),
        ended_ours=_end(joint, us, understanding),
        ended_theirs=_end(joint, 1 - us, understanding),
        steps=_sign_steps(joint, understanding, live),
    )


def _agreed(texts: Iterable[TextView]) -> TextView | None:
    return next((t for t in texts if t.seal.agreed and not t.seal.replaced), None)


def _live(texts: tuple[TextView, ...]) -> list[TextView]:
    """Texts that can still come into force: open, and resting on what both agreed last."""
    agreed = _agreed(texts)
    base = None if agreed is None else agreed.hash
    return [t for t in texts if t.seal.open and t.base == base]


def _status(joint: Joint, understanding: str, texts: tuple[TextView, ...]) -> Status:
    live = _live(texts)
    return status_of(
        TextFacts(
            ended=joint.ended(text_slot(understanding)),
            agreed=_agreed(texts) is not None,
            signed_by_one=any(t.seal.ours.stands or t.seal.theirs.stands for t in live),
            initialled=any(t.initials.both for t in live),
            open=bool(live),
        )
    )


def _end(joint: Joint, s: int, understanding: str) -> EndView | None:
    index = joint.ends.at[s].get(text_slot(understanding))
    if index is None:
        return None
    entry = joint.sides[s].entry(index)
    reason = texts_of(entry.signed.act.get("reason")) if entry is not None else ()
    return EndView(chair.mark(joint, s, index), reason)


@remembered
def _assessed_at(joint: Joint) -> Mapping[str, tuple[str, ...]]:
    """Understanding → talks at which either side assessed it, earliest first."""
    found: dict[str, set[str]] = {}
    for s in (0, 1):
        for key in joint.registers(s, ("assessment",)):
            found.setdefault(key[2], set()).add(key[1])
    return {
        understanding: tuple(sorted(talks, key=lambda talk: (chair.start_of(joint, talk), talk)))
        for understanding, talks in found.items()
    }


@remembered
def assessments(joint: Joint, us: int, understanding: str) -> tuple[AssessedView, ...]:
    """Both sides' assessments at every talk at which either spoke, earliest talk first."""
    ordered = _assessed_at(joint).get(understanding, ())
    return tuple(
        AssessedView(
            talk, _assessment(joint, us, talk, understanding), _assessment(joint, 1 - us, talk, understanding)
        )
        for talk in ordered
    )


def _assessment(joint: Joint, s: int, talk: str, understanding: str) -> AssessmentView | None:
    said = chair.word(joint, s, ("assessment", talk, understanding))
    if said is None:
        return None
    evidence, refers = parted(texts_of(said.value["evidence"]))
    return AssessmentView(talk, Verdict(said.value["verdict"]), evidence, refers, said.mark)


@remembered
def register(joint: Joint, us: int) -> tuple[UnderstandingLine, ...]:
    """The register of understandings: all that was ever tabled, by talk, then as tabled."""
    lines = []
    for understanding in known_understandings(joint):
        texts = text_views(joint, us, understanding)
        live = _live(texts)
        shown = _agreed(texts) or (live[-1] if live else texts[-1])
        assessed = assessments(joint, us, understanding)
        lines.append(
            UnderstandingLine(
                understanding,
                _status(joint, understanding, texts),
                shown.kind,
                shown.title,
                shown.talk,
                shown,
                assessed[-1] if assessed else None,
            )
        )
    return tuple(sorted(lines, key=lambda line: chair.start_of(joint, line.talk)))


@remembered
def review(joint: Joint, us: int, talk: str) -> Review:
    """The review at a talk: every understanding in force that an earlier talk reached (or none), and every one
    that either side assessed at this talk, though it has ended since."""
    start = chair.start_of(joint, talk)
    rows = []
    for line in register(joint, us):
        ours = _assessment(joint, us, talk, line.id)
        theirs = _assessment(joint, 1 - us, talk, line.id)
        earlier = line.talk != talk and (line.talk is None or chair.start_of(joint, line.talk) < start)
        if not ((line.status is Status.IN_FORCE and earlier) or ours is not None or theirs is not None):
            continue
        before = tuple(
            a
            for a in assessments(joint, us, line.id)
            if a.talk != talk and chair.start_of(joint, a.talk) < start
        )
        said = [None if a is None else a.verdict for a in (ours, theirs)]
        rows.append(
            ReviewRow(
                line.id,
                line.status,
                line.kind,
                line.title,
                line.talk,
                ours,
                theirs,
                before,
                last_ours=_last(a.ours for a in before),
                last_theirs=_last(a.theirs for a in before),
                differ=None not in said and said[0] != said[1],
                need=need_of(*said),
            )
        )
    rows.sort(key=_urgency)
    return Review(
        talk,
        tuple(rows),
        _tally(row.ours for row in rows),
        _tally(row.theirs for row in rows),
        sum(_judged(row) == {Verdict.IMPLEMENTED} for row in rows),
        sum(row.differ for row in rows),
    )


def _judged(row: ReviewRow) -> set[Verdict]:
    """Empty unless both have spoken."""
    return (
        {row.ours.verdict, row.theirs.verdict} if row.ours is not None and row.theirs is not None else set()
    )


def _last(said: Iterable[AssessmentView | None]) -> Verdict | None:
    return next((a.verdict for a in reversed([*said]) if a is not None), None)


def _urgency(row: ReviewRow) -> tuple[int, bool, int]:
    """By what is asked now, where the sides differ first; then by what was asked before."""
    needs = list(Need)
    return needs.index(row.need), not row.differ, needs.index(need_of(row.last_ours, row.last_theirs))


def _tally(side: Iterable[AssessmentView | None]) -> Tally:
    said = [None if a is None else a.verdict for a in side]
    return Tally(
        said.count(Verdict.IMPLEMENTED),
        said.count(Verdict.EXTRA_EFFORT),
        said.count(Verdict.NOT_BEGUN),
        said.count(None),
    )


# --- what now -------------------------------------------------------------------------------------


def _sign_steps(joint: Joint, understanding: str, live: Sequence[TextView]) -> Steps:
    if joint.ended(text_slot(understanding)) or joint.ended(("dialogue",)):
        return Steps()
    told = {"understanding": understanding}
    return together(
        chair.seal_steps(
            text.seal,
            seal_key="sign-guarantee" if text.kind is Kind.GUARANTEE else "sign-text",
            command="understandings.sign",
            power=Power.SIGN,
            params=told if text.talk is None else {**told, "talk": text.talk},
        )
        for text in live
    )


@remembered
def _open_by_talk(joint: Joint, us: int) -> Mapping[str | None, Steps]:
    """What texts ask for, by the talk in which they were tabled."""
    parts: dict[str | None, list[Steps]] = {}
    for understanding in known_understandings(joint):
        for text in _live(text_views(joint, us, understanding)):
            parts.setdefault(text.talk, []).append(_sign_steps(joint, understanding, (text,)))
    return {talk: together(steps) for talk, steps in parts.items()}


@remembered
def steps(joint: Joint, us: int, talk: str | None) -> Steps:
    """What the texts of a talk and its review ask of either side now. talk: None for texts of no talk."""
    texts = _open_by_talk(joint, us).get(talk, Steps())
    if talk is None or not _reviews(joint, talk):
        return texts
    now, waiting = [], []
    for row in review(joint, us, talk).rows:
        if row.status is not Status.IN_FORCE:
            continue
        params = {"talk": talk, "understanding": row.understanding}
        if row.ours is None:
            urgent = row.theirs is not None
            now.append(Step("assess", params, "understandings.assess", Power.SPEAK, urgent=urgent))
        if row.theirs is None:
            waiting.append(Step("assess", params, "understandings.assess", Power.SPEAK))
    return together((Steps(tuple(now), tuple(waiting)), texts))


def _reviews(joint: Joint, talk: str) -> bool:
    """Whether the talk still asks for a review: agreed, not called off, and not left behind by a later one."""
    if joint.ended(("dialogue",)) or not joint.accords(("time", talk)) or chair.called_off(joint, talk):
        return False
    return not (joint.ended(("talk", talk)) and chair.moved_on(joint, talk))
