"""Talks as one chair sees them: state, phases, agenda, positions, what to do now. Pure.

Lives here: `ACTS` of the slice, the frozen views that pages and JSON show, the tables of states and phases.
Not here: the acts' own forms and rules (`acts`), the merging of rankings (`ranking`), commands (`service`), words.
Spec: docs/spec/record.md §8.

Texts are (language, commitment); the caller opens them for its reader. `us` is the reader's chair, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from visavis.dialogue import chair
from visavis.dialogue.acts import Power, Slot
from visavis.dialogue.chair import DoubleSeal, Mark, SealState
from visavis.dialogue.join import Joint
from visavis.dialogue.memo import remembered
from visavis.dialogue.steps import Step, Steps, together
from visavis.dialogue.texts import Texts, texts_of
from visavis.talks.acts import (
    ACTS,
    CALL_OFF,
    RELATION_ITEM,
    REVIEW_PREFIX,
    SITTING,
    Expectation,
    ItemKind,
    agenda_slot,
    talk_end,
    time_slot,
)
from visavis.talks.crossing import crossing
from visavis.talks.ranking import Weight, merge, weighed

__all__ = ["ACTS", "TalkView", "steps", "talk_view", "talks_of", "weights"]


class Status(StrEnum):
    PROPOSED = "proposed"
    SCHEDULED = "scheduled"
    SITTING = "sitting"
    BETWEEN = "between-sittings"
    CONCLUDED = "concluded"
    CALLED_OFF = "called-off"


@dataclass(frozen=True, slots=True)
class TalkFacts:
    """What both logs say of a talk, in five questions."""

    concluded: bool
    called_off: bool
    running: bool
    sat: bool
    scheduled: bool


STATUSES: tuple[tuple[Status, str | None], ...] = (
    (Status.CONCLUDED, "concluded"),
    (Status.CALLED_OFF, "called_off"),
    (Status.SITTING, "running"),
    (Status.BETWEEN, "sat"),
    (Status.SCHEDULED, "scheduled"),
    (Status.PROPOSED, None),
)
"""A talk's state is the first row whose fact holds. So of two ends that cross, concluding counts: the side that
concluded says that the talk was held."""


def status_of(facts: TalkFacts) -> Status:
    return next(status for status, fact in STATUSES if fact is None or getattr(facts, fact))


class Event(StrEnum):
    """What can happen to a talk."""

    PROPOSED = "a time is proposed"
    AGREED = "both accept the same time"
    SAT = "both open the next sitting"
    LEFT = "either side leaves"
    CALLED_OFF = "either side that never sat calls it off"
    CONCLUDED = "either side concludes it"


LIFE: tuple[tuple[Status | None, Event, Status], ...] = (
    (None, Event.PROPOSED, Status.PROPOSED),
    (Status.PROPOSED, Event.AGREED, Status.SCHEDULED),
    (Status.PROPOSED, Event.CALLED_OFF, Status.CALLED_OFF),
    (Status.SCHEDULED, Event.SAT, Status.SITTING),
    (Status.SCHEDULED, Event.CALLED_OFF, Status.CALLED_OFF),
    (Status.SCHEDULED, Event.CONCLUDED, Status.CONCLUDED),
    (Status.SITTING, Event.LEFT, Status.BETWEEN),
    (Status.SITTING, Event.CONCLUDED, Status.CONCLUDED),
    (Status.BETWEEN, Event.SAT, Status.SITTING),
    (Status.BETWEEN, Event.CONCLUDED, Status.CONCLUDED),
    (Status.CALLED_OFF, Event.CONCLUDED, Status.CONCLUDED),
)
"""The life of a talk, as the tests drive it: from, event, to. `STATUSES` says what a state is."""


class Phase(StrEnum):
    """The line of phases that every page of a talk shows."""

    PREPARE = "prepare"
    TALK = "talk"
    SIGN = "sign"
    PRESS = "press"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class After:
    """What is left to do when a talk is over. texts_open: tabled in it, wanting a signature.
    released: both sides' readouts are out. moved_on: a later talk is scheduled or held."""

    texts_open: bool
    released: bool
    moved_on: bool


def phase_of(status: Status, after: After) -> Phase:
    """Where on the line a talk stands."""
    match status:
        case Status.PROPOSED | Status.SCHEDULED:
            return Phase.PREPARE
        case Status.SITTING | Status.BETWEEN:
            return Phase.TALK
        case Status.CALLED_OFF:
            return Phase.CLOSED
        case Status.CONCLUDED:
            if after.released or after.moved_on:
                return Phase.CLOSED
            return Phase.SIGN if after.texts_open else Phase.PRESS


class PhaseState(StrEnum):
    DONE = "done"
    NOW = "now"
    LATER = "later"
    SKIPPED = "skipped"


# --- views ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PhaseView:
    phase: Phase
    state: PhaseState


@dataclass(frozen=True, slots=True)
class TimeView:
    """A talk's time and place. start: RFC 3339, UTC. zone_ours, zone_theirs: IANA, as agreed.

    base: hash of the time that it would replace, or None.
    """

    hash: str
    base: str | None
    title: Texts
    start: str
    minutes: int
    mode: str
    place: Texts
    zone_ours: str
    zone_theirs: str
    by: tuple[Mark, ...]
    seal: DoubleSeal


@dataclass(frozen=True, slots=True)
class PositionView:
    """held: kept back from the other side; the other side sees that it is there, and no word of it."""

    held: bool
    texts: Texts
    mark: Mark
    versions: int


@dataclass(frozen=True, slots=True)
class InitiativeView:
    id: str
    item: str
    ours: bool
    title: Texts
    texts: Texts
    mark: Mark


@dataclass(frozen=True, slots=True)
class DraftItem:
    """An item on the table. title: () for the standing items. by: ids of the sides that put it there; () if it
    stands by itself. of: for a standing review, the talk whose understandings are gone through, or None."""

    id: str
    kind: ItemKind
    title: Texts
    understandings: tuple[str, ...] = ()
    initiatives: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    of: str | None = None


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item with what both sides say under it. of: a standing review's earlier talk; of_title: its title.

    place_ours, place_theirs: in each side's own ranking, from 1; None: not ranked.
    on_table: whose side has it on the table now.
    """

    id: str
    kind: ItemKind
    title: Texts
    of: str | None
    of_title: Texts
    understandings: tuple[str, ...]
    initiatives: tuple[InitiativeView, ...]
    by_ours: bool
    by_theirs: bool
    place_ours: int | None
    place_theirs: int | None
    ours: PositionView | None
    theirs: PositionView | None
    on_table_ours: bool
    on_table_theirs: bool


@dataclass(frozen=True, slots=True)
class AgendaView:
    """base: hash of the agenda that it would replace, or None."""

    hash: str
    base: str | None
    items: tuple[ItemView, ...]
    press_call: Expectation
    statement: Expectation
    by: tuple[Mark, ...]
    seal: DoubleSeal


@dataclass(frozen=True, slots=True)
class ConditionView:
    """How one side finds the relation."""

    grade: str
    texts: Texts
    mark: Mark


@dataclass(frozen=True, slots=True)
class RelationView:
    """The relation at one talk, as each side put it."""

    talk: str
    start: str
    ours: ConditionView | None
    theirs: ConditionView | None


@dataclass(frozen=True, slots=True)
class FloorView:
    """Floor time of one sitting as one side measured it, seconds."""

    ours_s: int
    theirs_s: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class SittingView:
    """state: "asked" (one side has opened it), "running", "over"."""

    n: int
    state: str
    opened_ours: Mark | None
    opened_theirs: Mark | None
    left_ours: Mark | None
    left_theirs: Mark | None
    floor_ours: FloorView | None
    floor_theirs: FloorView | None


@dataclass(frozen=True, slots=True)
class TalkSummary:
    """A talk in one line. time: what was agreed, else the latest proposal."""

    id: str
    status: Status
    phase: Phase
    time: TimeView


@dataclass(frozen=True, slots=True)
class TalkView:
    """Everything of one talk for one chair.

    time:      agreed, or None. times: proposals still open, earliest first.
    agenda:    agreed, or None. agendas: tabled ones still open. draft: what would be tabled now, merged.
    delegation_ours, delegation_theirs: ids of delegates who may be in the room; None: not named.
    """

    id: str
    status: Status
    phase: Phase
    phases: tuple[PhaseView, ...]
    title: Texts
    time: TimeView | None
    times: tuple[TimeView, ...]
    agenda: AgendaView | None
    agendas: tuple[AgendaView, ...]
    draft: tuple[ItemView, ...]
    ranked_ours: bool
    ranked_theirs: bool
    relation: RelationView
    sittings: tuple[SittingView, ...]
    next_sitting: int | None
    delegation_ours: tuple[str, ...] | None
    delegation_theirs: tuple[str, ...] | None
    ended_ours: Mark | None
    ended_theirs: Mark | None
    steps: Steps


# --- reading --------------------------------------------------------------------------------------


@remembered
def known_talks(joint: Joint) -> tuple[str, ...]:
    """Ids of all talks that were proposed, earliest start first."""
    ids = dict.fromkeys(t.subject.slot[1] for t in chair.tabled(joint, "time"))
    return tuple(sorted(ids, key=lambda talk: (chair.start_of(joint, talk), talk)))


def facts_of(joint: Joint, talk: str) -> TalkFacts:
    types = chair.end_acts(joint, talk)
    return TalkFacts(
        concluded=bool(types - {CALL_OFF}),
        called_off=CALL_OFF in types,
        running=joint.running(SITTING, talk) is not None,
        sat=(SITTING, talk, 1) in joint.sessions.begun[0] and (SITTING, talk, 1) in joint.sessions.begun[1],
        scheduled=bool(joint.accords(time_slot(talk))),
    )


@remembered
def status(joint: Joint, talk: str) -> Status:
    return status_of(facts_of(joint, talk))


@remembered
def phase(joint: Joint, talk: str) -> Phase:
    here = status(joint, talk)
    texts_open = talk in _with_open_texts(joint)
    released = all(_readout_out(joint, s, talk) for s in (0, 1))
    return phase_of(here, After(texts_open, released, chair.moved_on(joint, talk)))


@remembered
def _with_open_texts(joint: Joint) -> frozenset[str]:
    """Talks of which a text still wants a signature."""
    return frozenset(
        t.subject.body["talk"]
        for t in chair.tabled(joint, "text")
        if t.subject.body["talk"] is not None
        and not joint.ended(t.subject.slot)
        and chair.double_seal(joint, 0, t.subject.slot, t.hash).open
    )


def _readout_out(joint: Joint, s: int, talk: str) -> bool:
    """Whether side s has a readout of the talk out: its own, or the joint one that either let out."""
    if any(joint.register(side, ("joint-released", talk)) is not None for side in (0, 1)):
        return True
    for key, value in joint.registers(s, ("released",)).items():
        cleared = joint.register(s, ("cleared", key[1], str(value["version"])))
        if cleared is not None and cleared["talk"] == talk and cleared["kind"] == "readout":
            return True
    return False


@remembered
def reviewable(joint: Joint, talk: str) -> Mapping[str | None, tuple[str, ...]]:
    """Understandings in force that the talk goes through: earlier talk → their ids, earliest talk first.

    Of no talk (None), or of one that begins before this one. They come by themselves; nobody proposes them.
    """
    start = chair.start_of(joint, talk)
    found: dict[str | None, list[str]] = {}
    for slot in joint.slots:
        if slot[0] != "text" or (subject := joint.in_force(slot)) is None:
            continue
        of = subject.body.get("talk")
        if of == talk or (of is not None and chair.start_of(joint, of) >= start):
            continue
        found.setdefault(of, []).append(slot[1])
    ordered = sorted(found, key=lambda of: ("", "") if of is None else (chair.start_of(joint, of), of))
    return {of: tuple(sorted(found[of], key=lambda u: _first_tabled(joint, u))) for of in ordered}


def _first_tabled(joint: Joint, understanding: str) -> tuple[str, str]:
    first = chair.tabled(joint, "text", understanding)[0]
    return (first.marks[0].time if first.marks else "", understanding)


@remembered
def draft_items(joint: Joint, talk: str) -> tuple[DraftItem, ...]:
    """All items on the table, in the order that a merged agenda has: the reviews, the relation, the issues.

    Within each of the three the order is `ranking.merge` of both sides' rankings; standing reviews keep the
    order of their talks.
    """
    initiatives = _initiative_ids(joint, talk)
    standing = [
        DraftItem(
            REVIEW_PREFIX + (of or "register"),
            ItemKind.REVIEW,
            (),
            ids,
            initiatives.get(REVIEW_PREFIX + (of or "register"), ()),
            of=of,
        )
        for of, ids in reviewable(joint, talk).items()
    ]
    proposed: dict[str, list[DraftItem]] = {}
    for s in (0, 1):
        for said in chair.words(joint, s, ("item", talk)):
            item = said.key[2]
            proposed.setdefault(item, []).append(
                DraftItem(
                    item,
                    ItemKind(said.value["kind"]),
                    texts_of(said.value["title"]),
                    initiatives=initiatives.get(item, ()),
                    by=(said.mark.side,),
                )
            )
    items = [*standing, *(_one(same) for same in proposed.values())]
    if not any(item.kind is ItemKind.RELATION for item in items):
        items.append(DraftItem(RELATION_ITEM, ItemKind.RELATION, (), (), initiatives.get(RELATION_ITEM, ())))
    merged = merge(talk, (item.id for item in items), *(_ranking(joint, s, talk) for s in (0, 1)))
    band = {ItemKind.REVIEW: 1, ItemKind.RELATION: 2, ItemKind.ISSUE: 3}
    by_id = {item.id: item for item in items}
    stands = {item.id: n for n, item in enumerate(standing)}
    return tuple(
        sorted(
            (by_id[id_] for id_ in merged),
            key=lambda item: (0, stands[item.id]) if item.id in stands else (band[item.kind], 0),
        )
    )


def weights(joint: Joint, us: int, talk: str) -> tuple[Weight, ...]:
    """The issues on the table in the merged order, and why so. `one` is our side, `other` theirs."""
    items = draft_items(joint, talk)
    issues = {item.id for item in items if item.kind is ItemKind.ISSUE}
    rankings = (_ranking(joint, s, talk) for s in (us, 1 - us))
    found = weighed(talk, (item.id for item in items), *rankings)
    return tuple(weight for weight in found if weight.item in issues)


def _one(same: list[DraftItem]) -> DraftItem:
    """Two sides that used one id, unheard of each other: one item, with whichever title sorts first."""
    first = min(same, key=lambda item: (item.title, item.kind))
    by = tuple(sorted(side for item in same for side in item.by))
    return DraftItem(first.id, first.kind, first.title, (), first.initiatives, by)


def _ranking(joint: Joint, s: int, talk: str) -> tuple[str, ...]:
    said = joint.register(s, ("rank", talk))
    return () if said is None else tuple(said["items"])


def _initiative_ids(joint: Joint, talk: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for s in (0, 1):
        for said in chair.words(joint, s, ("initiative", talk)):
            found.setdefault(said.key[2], []).append((said.mark.time, said.key[3]))
    return {item: tuple(dict.fromkeys(id_ for _, id_ in sorted(ids))) for item, ids in found.items()}


# --- building the views -----------------------------------------------------------------------------


class _Reader:
    """One talk read from one chair; gathers once what several views need."""

    def __init__(self, joint: Joint, us: int, talk: str) -> None:
        self.joint, self.us, self.talk = joint, us, talk
        self.them = 1 - us
        self.sides = (joint.sides[us].id, joint.sides[1 - us].id)
        self.places = tuple(
            {item: n for n, item in enumerate(_ranking(joint, s, talk), 1)} for s in (us, 1 - us)
        )
        self.put = tuple((joint.register(s, ("put", talk)) or {}).get("item") for s in (us, 1 - us))
        self.draft = draft_items(joint, talk)
        self.known = {item.id: item for item in self.draft}

    def time(self, tabled: chair.Tabled) -> TimeView:
        body = tabled.subject.body
        zones = body["zones"]
        return TimeView(
            tabled.hash,
            tabled.subject.base,
            texts_of(body["title"]),
            body["start"],
            body["minutes"],
            body["mode"],
            texts_of(body["place"]),
            zones[self.sides[0]],
            zones[self.sides[1]],
            tabled.marks,
            self.seal(time_slot(self.talk), tabled.hash),
        )

    def seal(self, slot: Slot, hash_: str) -> DoubleSeal:
        return chair.double_seal(self.joint, self.us, slot, hash_)

    def agenda(self, tabled: chair.Tabled) -> AgendaView:
        body = tabled.subject.body
        return AgendaView(
            tabled.hash,
            tabled.subject.base,
            tuple(self.agenda_item(item) for item in body["items"]),
            Expectation(body["press_call"]),
            Expectation(body["statement"]),
            tabled.marks,
            self.seal(agenda_slot(self.talk), tabled.hash),
        )

    def agenda_item(self, item: Mapping[str, Any]) -> ItemView:
        """An item as the agenda has it, with what came under it since."""
        known = self.known.get(item["id"])
        of = known.of if known is not None else self._review_of(item["id"])
        return self.item(
            DraftItem(
                item["id"],
                ItemKind(item["kind"]),
                texts_of(item["title"]),
                tuple(item["understandings"]),
                by=known.by if known is not None else (),
                of=of,
            )
        )

    def _review_of(self, item: str) -> str | None:
        of = item.removeprefix(REVIEW_PREFIX)
        return of if of != item and of in known_talks(self.joint) else None

    def item(self, item: DraftItem) -> ItemView:
        of_title: Texts = ()
        if item.of is not None:
            earlier = chair.agreed(self.joint, time_slot(item.of))
            of_title = texts_of(earlier.body["title"]) if earlier is not None else ()
        return ItemView(
            item.id,
            item.kind,
            item.title,
            item.of,
            of_title,
            item.understandings,
            self.initiatives(item.id),
            self.sides[0] in item.by,
            self.sides[1] in item.by,
            self.places[0].get(item.id),
            self.places[1].get(item.id),
            self.position(self.us, item.id),
            self.position(self.them, item.id),
            self.put[0] == item.id,
            self.put[1] == item.id,
        )

    def position(self, s: int, item: str) -> PositionView | None:
        key = ("position", self.talk, item)
        said = chair.word(self.joint, s, key)
        if said is None:
            return None
        versions = sum(value["stage"] == "table" for _, value in self.joint.register_history(s, key))
        return PositionView(
            said.value["stage"] == "deposit", texts_of(said.value["texts"]), said.mark, versions
        )

    def initiatives(self, item: str) -> tuple[InitiativeView, ...]:
        found = [
            InitiativeView(
                said.key[3],
                item,
                s == self.us,
                texts_of(said.value["title"]),
                texts_of(said.value["texts"]),
                said.mark,
            )
            for s in (0, 1)
            for said in chair.words(self.joint, s, ("initiative", self.talk, item))
        ]
        return tuple(sorted(found, key=lambda i: (i.mark.time, i.id, i.mark.side)))

    def condition(self, s: int) -> ConditionView | None:
        said = chair.word(self.joint, s, ("relation", self.talk))
        if said is None:
            return None
        return ConditionView(said.value["grade"], texts_of(said.value["texts"]), said.mark)

    def relation(self) -> RelationView:
        start = chair.start_of(self.joint, self.talk)
        return RelationView(self.talk, start, self.condition(self.us), self.condition(self.them))

    def floor(self, s: int, n: int) -> FloorView | None:
        said = chair.word(self.joint, s, ("floor", self.talk, str(n)))
        if said is None:
            return None
        seconds = said.value["seconds"]
        return FloorView(seconds[self.sides[0]], seconds[self.sides[1]], said.mark)

    def sittings(self) -> tuple[SittingView, ...]:
        sessions = self.joint.sessions
        running = self.joint.running(SITTING, self.talk)
        over = self.joint.ended(talk_end(self.talk)) or self.joint.ended(("dialogue",))
        out = []
        for n in range(1, sessions.latest.get((SITTING, self.talk), 0) + 1):
            key = (SITTING, self.talk, n)
            left = [self._mark_at(sessions.stopped[s].get(key), s) for s in (self.us, self.them)]
            if n == running:
                state = "running"
            else:
                state = "over" if over or any(left) else "asked"
            out.append(
                SittingView(
                    n,
                    state,
                    self._mark_at(sessions.begun[self.us].get(key), self.us),
                    self._mark_at(sessions.begun[self.them].get(key), self.them),
                    left[0],
                    left[1],
                    self.floor(self.us, n),
                    self.floor(self.them, n),
                )
            )
        return tuple(out)

    def _mark_at(self, index: int | None, s: int) -> Mark | None:
        return None if index is None else chair.mark(self.joint, s, index)

    def ended(self, s: int) -> Mark | None:
        return self._mark_at(self.joint.ends.at[s].get(talk_end(self.talk)), s)

    def delegation(self, s: int) -> tuple[str, ...] | None:
        said = self.joint.register(s, ("delegation", self.talk))
        return None if said is None else tuple(said["delegates"])


def phases(now: Phase, how: Status) -> tuple[PhaseView, ...]:
    """The line of phases with one of them now. A talk that was called off skips what it never reached."""
    line = tuple(Phase)
    at = line.index(now)
    out = []
    for n, each in enumerate(line):
        if n == at:
            state = PhaseState.NOW
        elif n > at:
            state = PhaseState.LATER
        else:
            skipped = how is Status.CALLED_OFF and each is not Phase.PREPARE
            state = PhaseState.SKIPPED if skipped else PhaseState.DONE
        out.append(PhaseView(each, state))
    return tuple(out)


def next_sitting(joint: Joint, talk: str) -> int | None:
    """The number of the sitting that a side may open now: one that is asked, or a new one; None if none may."""
    if joint.ended(talk_end(talk)) or joint.ended(("dialogue",)) or not joint.accords(time_slot(talk)):
        return None
    latest = joint.sessions.latest.get((SITTING, talk), 0)
    if latest == 0:
        return 1
    key = (SITTING, talk, latest)
    if any(key in joint.sessions.stopped[s] for s in (0, 1)):
        return latest + 1
    return None if joint.running(SITTING, talk) is not None else latest


@remembered
def talk_view(joint: Joint, us: int, talk: str) -> TalkView | None:
    """Everything of one talk for the chair `us`; None if no such talk was proposed."""
    proposals = chair.tabled(joint, "time", talk)
    if not proposals:
        return None
    read = _Reader(joint, us, talk)
    times = [read.time(t) for t in proposals]
    time = _agreed(times)
    agendas = [read.agenda(t) for t in chair.tabled(joint, "agenda", talk)]
    here, line = status(joint, talk), phase(joint, talk)
    return TalkView(
        id=talk,
        status=here,
        phase=line,
        phases=phases(line, here),
        title=(time or times[-1]).title,
        time=time,
        times=tuple(_live(times)),
        agenda=_agreed(agendas),
        agendas=tuple(_live(agendas)),
        draft=tuple(read.item(item) for item in read.draft),
        ranked_ours=bool(read.places[0]),
        ranked_theirs=bool(read.places[1]),
        relation=read.relation(),
        sittings=read.sittings(),
        next_sitting=next_sitting(joint, talk),
        delegation_ours=read.delegation(us),
        delegation_theirs=read.delegation(1 - us),
        ended_ours=read.ended(us),
        ended_theirs=read.ended(1 - us),
        steps=_steps(read, here, times, agendas),
    )


def _agreed(views: list[Any]) -> Any:
    """Of several times or agendas, the one that both agreed last, ended or not."""
    return next((v for v in views if v.seal.agreed and not v.seal.replaced), None)


@remembered
def talks_of(joint: Joint, us: int) -> tuple[TalkSummary, ...]:
    """All talks of the dialogue, earliest first."""
    out = []
    for talk in known_talks(joint):
        read = _Reader(joint, us, talk)
        times = [read.time(t) for t in chair.tabled(joint, "time", talk)]
        out.append(TalkSummary(talk, status(joint, talk), phase(joint, talk), _agreed(times) or times[-1]))
    return tuple(out)


@remembered
def relations_of(joint: Joint, us: int) -> tuple[RelationView, ...]:
    """The course of the relation over the talks, as each side put it; talks at which neither spoke left out."""
    found = (_Reader(joint, us, talk).relation() for talk in known_talks(joint))
    return tuple(r for r in found if r.ours is not None or r.theirs is not None)


# --- what now ---------------------------------------------------------------------------------------


def steps(joint: Joint, us: int, talk: str) -> Steps:
    """What the talk itself asks of either side now (texts and press have their own)."""
    view = talk_view(joint, us, talk)
    return Steps() if view is None else view.steps


def _steps(read: _Reader, here: Status, times: list[TimeView], agendas: list[AgendaView]) -> Steps:
    told = {"talk": read.talk}
    parts: list[Steps] = []
    if here in (Status.CONCLUDED, Status.CALLED_OFF) or read.joint.ended(("dialogue",)):
        return Steps()
    parts += _seals(_live(times), "time", "accept-time", "talks.accept", told)
    if here is Status.PROPOSED:
        return together([*parts, Steps(next=Step("table-agenda", told, None, Power.SCHEDULE))])
    live = _live(agendas)
    parts += _seals(live, "agenda", "approve-agenda", "talks.approve-agenda", told)
    agenda = _agreed(agendas)
    if agenda is None:
        parts.append(_before_agenda(read, told, tabled=bool(live)))
    items = agenda.items if agenda is not None else tuple(read.item(item) for item in read.draft)
    parts.append(_what_is_said(read, told, items))
    time = _agreed(times)
    if time is not None and time.mode == "video":
        parts.append(_who_comes(read, told, here))
    parts.append(_room(read, told, here, agenda is not None))
    return together(parts)


def _seals(live: list[Any], what: str, seal_key: str, command: str, told: Mapping[str, str]) -> list[Steps]:
    """What the seals on times or agendas ask. Of two that cross neither can be sealed by both as things stand."""
    power, crossed = Power.SCHEDULE, crossing(live)
    if crossed is None:
        return [
            chair.seal_steps(v.seal, seal_key=seal_key, command=command, power=power, params=told)
            for v in live
        ]
    step = Step(f"crossed-{what}", told, None, power)
    asked = (crossed.ours.seal.ours, crossed.theirs.seal.theirs)
    now, waiting = ((step,) if seal.state is SealState.SEALED else () for seal in asked)
    return [Steps(now, waiting)]


def _live(views: list[Any]) -> list[Any]:
    """Those still open that rest on what is agreed now: others would be void ("base not in force")."""
    agreed = _agreed(views)
    base = None if agreed is None else agreed.hash
    return [v for v in views if v.seal.open and v.base == base]


def _before_agenda(read: _Reader, told: Mapping[str, str], *, tabled: bool) -> Steps:
    now, waiting = [], []
    issues = [item for item in read.draft if item.kind is ItemKind.ISSUE]
    if not issues:
        now.append(Step("propose-item", told, None, Power.SCHEDULE, urgent=False))
    if len(issues) > 1:
        if not read.places[0]:
            now.append(Step("rank-agenda", told, None, Power.SCHEDULE, urgent=False))
        if not read.places[1]:
            waiting.append(Step("rank-agenda", told, None, Power.SCHEDULE))
    if not tabled:
        ripe = len(issues) == 1 or (bool(issues) and all(read.places))
        now.append(Step("table-agenda", told, None, Power.SCHEDULE, urgent=ripe))
    return Steps(tuple(now), tuple(waiting), Step("approve-agenda", told, None, Power.SCHEDULE))


def _what_is_said(read: _Reader, told: Mapping[str, str], items: tuple[ItemView, ...]) -> Steps:
    now, waiting = [], []
    for item in items:
        params = {**told, "item": item.id}
        if item.kind is ItemKind.RELATION:
            if read.condition(read.us) is None:
                now.append(Step("state-relation", params, None, Power.SPEAK, urgent=False))
            if read.condition(read.them) is None:
                waiting.append(Step("state-relation", params, None, Power.SPEAK))
        elif item.kind is ItemKind.ISSUE:
            if item.ours is None:
                now.append(Step("state-position", params, None, Power.SPEAK, urgent=False))
            elif item.ours.held:
                waits = item.theirs is not None and not item.theirs.held
                now.append(Step("table-position", params, "talks.table-position", Power.SPEAK, urgent=waits))
            if item.theirs is None or item.theirs.held:
                waiting.append(Step("state-position", params, None, Power.SPEAK))
    return Steps(tuple(now), tuple(waiting))


def _who_comes(read: _Reader, told: Mapping[str, str], here: Status) -> Steps:
    """The room lets in nobody whom their side has not named: while a sitting is on, that is urgent."""
    named = Step("name-delegation", told, None, Power.ADMIT, urgent=here is Status.SITTING)
    return Steps(
        () if read.delegation(read.us) is not None else (named,),
        () if read.delegation(read.them) is not None else (named,),
    )


def _room(read: _Reader, told: Mapping[str, str], here: Status, has_agenda: bool) -> Steps:
    n = next_sitting(read.joint, read.talk)
    conclude = Step("conclude", told, "talks.conclude", Power.SCHEDULE, urgent=False)
    if here is Status.SITTING:
        enter = Step("enter-room", {**told, "n": str(read.joint.running(SITTING, read.talk))}, None, None)
        return Steps((enter,), (), conclude)
    if n is None:
        return Steps()
    opening = Step("open-sitting", {**told, "n": str(n)}, "talks.open-sitting", Power.SCHEDULE)
    asked = read.joint.sessions.asked(SITTING, read.talk)
    if asked is not None:
        if asked[0] == read.us:
            return Steps((), (opening,), conclude)
        return Steps((opening,), (), conclude)
    later = Step("open-sitting", {**told, "n": str(n)}, "talks.open-sitting", Power.SCHEDULE, urgent=False)
    if here is Status.BETWEEN:
        return Steps((later, conclude), (), Step("release-readouts", told, None, Power.RELEASE))
    in_person = chair.agreed(read.joint, time_slot(read.talk))
    if in_person is not None and in_person.body["mode"] == "in-person":
        return Steps((conclude,), (), Step("table-text", told, None, Power.SIGN))
    return Steps((later,) if has_agenda else (), (), opening)
