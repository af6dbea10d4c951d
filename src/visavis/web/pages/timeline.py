"""A relation over time: the talks with what was done at them, what was done between them, and its condition. Pure.

Lives here: `stations` (the time line of the dialogue's page), `curve` (the condition as a figure).
Not here: what any of it means (the slices), words and markup (`templates/dialogue-line.html`).

A time is what the acting side's node states, a talk's what both agreed: they order a page and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from visavis.dialogue import chair
from visavis.dialogue.chair import DoubleSeal, Mark, moment
from visavis.dialogue.commands import View
from visavis.dialogue.texts import Texts
from visavis.press.model import CallState, Kind, ReleaseView, press_view
from visavis.talks.model import RelationView, SittingView, Status, TalkSummary, TalkView, talk_view, talks_of
from visavis.understandings.model import known_understandings, review, understanding_view
from visavis.web.pages.talk import floor_of

SHOWN = 8
"""Stations that stand open; those before them are folded."""
GRADES = ("good", "fair", "strained", "poor", "broken")
"""Of a relation's condition, from the top of the figure down."""
EARLIEST = datetime.min.replace(tzinfo=UTC)


class What(StrEnum):
    FOUNDED = "founded"
    AGENDA = "agenda"
    SAT = "sat"
    REVIEWED = "reviewed"
    REACHED = "reached"
    CHANGED = "changed"
    CORRECTED = "corrected"
    ENDED = "ended"
    READOUT = "readout"
    STATEMENT = "statement"
    JOINT = "joint-readout"
    CALLED = "press-call"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Happened:
    """One act, or two that made one thing. who: "ours", "theirs", "both". at: when; None: the time stated is none.

    id: of the understanding or the release; title: its. talk: at which. seconds: that it lasted. floor: (ours, theirs),
    seconds. counts: (assessed by both, on which the sides differ).
    """

    what: What
    who: str
    at: datetime | None
    talk: str | None = None
    id: str = ""
    title: Texts = ()
    guarantee: bool = False
    seconds: int | None = None
    floor: tuple[int, int] | None = None
    counts: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Station:
    """A talk with what was done at it; or, without one, what was done between two talks."""

    talk: TalkSummary | None
    happened: tuple[Happened, ...]


def _later(*marks: Mark | None) -> datetime | None:
    times = [at for mark in marks if mark is not None and (at := moment(mark.time)) is not None]
    return max(times, default=None)


def _sealed(seal: DoubleSeal) -> datetime | None:
    return _later(seal.ours.mark, seal.theirs.mark)


def _at_talk(view: View, talk: TalkView) -> Iterator[Happened]:
    if talk.agenda is not None:
        yield Happened(What.AGENDA, "both", _sealed(talk.agenda.seal), talk.id)
    sat = [each for each in talk.sittings if each.opened_ours and each.opened_theirs]
    if sat:
        seconds = [span for each in sat if (span := _lasted(each)) is not None]
        floor = floor_of(talk)
        begun = _later(sat[0].opened_ours, sat[0].opened_theirs)
        total = sum(seconds) if len(seconds) == len(sat) else None
        yield Happened(What.SAT, "both", begun, talk.id, seconds=total, floor=floor)
    seen = review(view.joint, view.us, talk.id)
    both = [row for row in seen.rows if row.ours is not None and row.theirs is not None]
    if both:
        last = _later(*(said.mark for row in both for said in (row.ours, row.theirs) if said is not None))
        yield Happened(What.REVIEWED, "both", last, talk.id, counts=(len(both), seen.differing))
    press = press_view(view.joint, view.us, talk.id)
    for who, releases in (("ours", press.ours), ("theirs", press.theirs)):
        for release in releases:
            yield from _released(who, release)
    if press.joint is not None and press.joint.released:
        first = min(press.joint.released, key=lambda mark: moment(mark.time) or EARLIEST)
        yield Happened(What.JOINT, "both", moment(first.time), talk.id, f"joint.{talk.id}")
    for who, call in (("ours", press.call_ours), ("theirs", press.call_theirs)):
        if call.state is CallState.CALLED and call.called is not None:
            yield Happened(What.CALLED, who, moment(call.called.time), talk.id)


def _lasted(sitting: SittingView) -> int | None:
    """Seconds from the later opening to the earlier leaving; None while it runs."""
    begun = _later(sitting.opened_ours, sitting.opened_theirs)
    left = [at for mark in (sitting.left_ours, sitting.left_theirs) if mark and (at := moment(mark.time))]
    return None if begun is None or not left else max(0, int((min(left) - begun).total_seconds()))


def _released(who: str, release: ReleaseView) -> Iterator[Happened]:
    out = [version for version in release.versions if version.released is not None]
    if out:
        what = What.READOUT if release.kind is Kind.READOUT else What.STATEMENT
        title = tuple((text.language, text.title) for text in out[-1].texts)
        yield Happened(what, who, _later(out[0].released), release.talk, release.id, title)


def _of_texts(view: View) -> Iterator[Happened]:
    """What came into force, was changed or corrected, and ended."""
    for each in known_understandings(view.joint):
        seen = understanding_view(view.joint, view.us, each)
        if seen is None:
            continue
        texts = [text for text in (*seen.past, seen.text) if text is not None and text.seal.agreed]
        for text in texts:
            what = What.CORRECTED if text.correction else What.CHANGED if text.base else What.REACHED
            yield Happened(
                what,
                "both",
                _sealed(text.seal),
                text.talk,
                each,
                text.title,
                guarantee=text.kind.value == "guarantee",
            )
        for who, ended in (("ours", seen.ended_ours), ("theirs", seen.ended_theirs)):
            if ended is not None:
                yield Happened(What.ENDED, who, moment(ended.mark.time), id=each, title=seen.title)


def _of_dialogue(view: View) -> Iterator[Happened]:
    joint, us = view.joint, view.us
    if all(state.size for state in joint.sides):
        yield Happened(What.FOUNDED, "both", _later(*(chair.mark(joint, s, 0) for s in (0, 1))))
    for who, s in (("ours", us), ("theirs", 1 - us)):
        index = joint.ends.at[s].get(("dialogue",))
        if index is not None:
            yield Happened(What.OVER, who, moment(chair.mark(joint, s, index).time))


def stations(view: View) -> tuple[Station, ...]:
    """The dialogue from its founding to the talks to come."""
    talks = talks_of(view.joint, view.us)
    known = {talk.id for talk in talks}
    happened: dict[str | None, list[Happened]] = {}
    for each in (*_of_dialogue(view), *_of_texts(view)):
        happened.setdefault(each.talk if each.talk in known else None, []).append(each)
    # (its time, a talk before what is done at that moment, …)
    found: list[tuple[datetime, int, Station]] = []
    for talk in talks:
        seen = None if talk.status is Status.PROPOSED else talk_view(view.joint, view.us, talk.id)
        told = [*(() if seen is None else _at_talk(view, seen)), *happened.get(talk.id, ())]
        start = moment(talk.time.start) or EARLIEST
        found.append((start, 0, Station(talk, _in_order(told))))
    for each in happened.get(None, ()):
        at = EARLIEST if each.what is What.FOUNDED else each.at or EARLIEST
        found.append((at, 1, Station(None, (each,))))
    return _together(station for *_, station in sorted(found, key=lambda one: one[:2]))


def _in_order(told: Iterable[Happened]) -> tuple[Happened, ...]:
    return tuple(sorted(told, key=lambda each: each.at or EARLIEST))


def _together(line: Iterable[Station]) -> tuple[Station, ...]:
    """What was done between two talks stands in one place."""
    out: list[Station] = []
    for station in line:
        if station.talk is None and out and out[-1].talk is None:
            out[-1] = Station(None, (*out[-1].happened, *station.happened))
        else:
            out.append(station)
    return tuple(out)


def folded(line: Sequence[Station]) -> tuple[Sequence[Station], Sequence[Station]]:
    """(what is folded away, what stands open): the latest, unless nearly all would be."""
    return (line[:-SHOWN], line[-SHOWN:]) if len(line) > SHOWN + 1 else ((), line)


@dataclass(frozen=True, slots=True)
class Curve:
    """The condition of the relation as each side put it, over the talks; coordinates for an SVG.

    width, height: of the figure. ours, theirs: points (x, y) at which that side spoke, earliest first.
    """

    width: int
    height: int
    ours: tuple[tuple[int, int], ...]
    theirs: tuple[tuple[int, int], ...]

    @staticmethod
    def path(points: tuple[tuple[int, int], ...]) -> str:
        """An SVG path through the points."""
        return " ".join(f"{'M' if n == 0 else 'L'}{x} {y}" for n, (x, y) in enumerate(points))


STEP, ROW, ASIDE = 60, 24, 3
"""Of the figure: between talks, between grades, and from the middle of a row, so that two lines on one row are seen."""


def curve(relations: Sequence[RelationView]) -> Curve | None:
    """None of fewer than two talks, or of a grade that this software does not know: then there is nothing to draw."""
    said = [each.grade for view in relations for each in (view.ours, view.theirs) if each is not None]
    if len(relations) < 2 or not set(said) <= set(GRADES):
        return None

    def points(of: Iterable[str | None], aside: int) -> tuple[tuple[int, int], ...]:
        return tuple(
            (STEP * n + STEP // 2, ROW * GRADES.index(grade) + ROW // 2 + aside)
            for n, grade in enumerate(of)
            if grade is not None
        )

    return Curve(
        STEP * len(relations),
        ROW * len(GRADES),
        points((view.ours.grade if view.ours else None for view in relations), -ASIDE),
        points((view.theirs.grade if view.theirs else None for view in relations), ASIDE),
    )
