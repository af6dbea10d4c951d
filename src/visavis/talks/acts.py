"""The acts of talks: their fields, their moves, their forms and rules. Pure.

Lives here: `ACTS` (exported by `model`), the words an act may use, the slots and register keys of talks.
Not here: what a page shows of them (`model`), how a person asks for one (`service`).
Spec: docs/spec/record.md §6.

    slot ("time", talk)            the talk's time and place        talk.propose, then both consent
    slot ("agenda", talk)          its agenda                       agenda.table, then both consent
    ("talk", talk)                 ends by talk.call-off or talk.conclude, from one log
    register ("item", talk, item)              a point that a side proposes
    register ("rank", talk)                    its order of importance
    register ("position", talk, item)          its view under an item, held back or tabled
    register ("initiative", talk, item, id)    its proposal under an item
    register ("paper", talk, item or "", id)   a paper that it lays before the other side
    register ("relation", talk)                how it finds the relation
    register ("put", talk)                     the item it has on the table
    register ("delegation", talk)              its delegates who may be in the room
    register ("floor", talk, n)                floor time of sitting n, as it measured it
    session  "sitting"                         runs while both want it
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta

from visavis.dialogue.acts import (
    ActSpec,
    Begin,
    Consent,
    Cut,
    Decline,
    End,
    Move,
    Power,
    ProofLevel,
    Register,
    Slot,
    Stop,
    Subject,
    Table,
    Withdraw,
    offers,
)
from visavis.dialogue.texts import ActFields, Hash, Id, Texts, at_most_once, commitments, each_once, listed
from visavis.dialogue.times import is_spelt

MAX_ITEMS = 64
"""Of an agenda or a ranking. Two delegations that have more to say need more than one talk."""
MAX_MINUTES = 14 * 24 * 60
"""A talk in person may last days; the longest summits of the last century took a fortnight."""
ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]{0,30}(/[A-Za-z0-9_+\-]{1,30}){0,2}\Z")
SITTING = "sitting"
CALL_OFF = "talk.call-off"
REVIEW_PREFIX = "review."
RELATION_ITEM = "relation"
"""Ids of the items that stand on every agenda by themselves; nobody proposes one of these."""


class ItemKind(StrEnum):
    REVIEW = "review"
    RELATION = "relation"
    ISSUE = "issue"


class Expectation(StrEnum):
    """Whether a press call or a statement follows the talk, said in advance."""

    EXPECTED = "expected"
    IF_NECESSARY = "if-necessary"
    NOT_EXPECTED = "not-expected"


class Grade(StrEnum):
    """How a side finds the relation."""

    GOOD = "good"
    FAIR = "fair"
    STRAINED = "strained"
    POOR = "poor"
    BROKEN = "broken"


def time_slot(talk: str) -> Slot:
    return ("time", talk)


def agenda_slot(talk: str) -> Slot:
    return ("agenda", talk)


def paper_key(talk: str, item: str | None, paper: str) -> Slot:
    """item: None, or "": the paper is of the talk as a whole."""
    return ("paper", talk, item or "", paper)


def talk_end(talk: str) -> Slot:
    return ("talk", talk)


# --- the talk's time ------------------------------------------------------------------------------


class Propose(ActFields, frozen=True):
    """zones: each side's IANA zone, as both profiles have it: the time is shown in both, for ever."""

    talk: Id
    base: Hash | None
    title: Texts
    start: str
    minutes: Annotated[int, Meta(ge=1, le=MAX_MINUTES)]
    mode: Literal["video", "in-person"]
    place: Texts
    zones: Annotated[dict[str, str], Meta(max_length=2)]


def time_subject(fields: Propose) -> Subject:
    body = {
        "title": listed(fields.title),
        "start": fields.start,
        "minutes": fields.minutes,
        "mode": fields.mode,
        "place": listed(fields.place),
        "zones": dict(fields.zones),
    }
    return Subject(time_slot(fields.talk), fields.base, "time", body, commitments(fields.title, fields.place))


def _form_of_time(fields: Propose, sides: frozenset[str]) -> str | None:
    if not each_once(fields.title) or not at_most_once(fields.place):
        return "text form"
    if not is_spelt(fields.start) or not fields.start.endswith(":00Z"):
        return "time form"  # whole minutes
    if fields.zones.keys() != sides or not all(ZONE.match(zone) for zone in fields.zones.values()):
        return "zones form"
    return None


class OnTalk(ActFields, frozen=True):
    talk: Id


def _rule_of_calling_off(fields: OnTalk, cut: Cut) -> str | None:
    """A talk that has sat is concluded, not called off (rule book §8). Decided from the own log alone."""
    return "sat already" if cut.own_begun(SITTING, fields.talk, 1) else None


class Answer(ActFields, frozen=True):
    """Consent to, withdrawal or decline of one hash in a slot of a talk."""

    talk: Id
    hash: Hash


def _answers(prefix: str, consent: str, slot: str, power: Power) -> tuple[ActSpec, ...]:
    """The three acts of a slot that name a hash: consent, withdrawal, decline."""

    def consents(fields: Answer) -> Move:
        return Consent((slot, fields.talk), fields.hash)

    def withdraws(fields: Answer) -> Move:
        return Withdraw((slot, fields.talk), fields.hash)

    def declines(fields: Answer) -> Move:
        return Decline((slot, fields.talk), fields.hash)

    return (
        ActSpec(f"{prefix}.{consent}", Answer, consents, power),
        ActSpec(f"{prefix}.withdraw", Answer, withdraws, power),
        ActSpec(f"{prefix}.decline", Answer, declines, power),
    )


class Delegation(ActFields, frozen=True):
    talk: Id
    delegates: Annotated[tuple[Id, ...], Meta(max_length=100)]


# --- the agenda -----------------------------------------------------------------------------------


class ProposeItem(ActFields, frozen=True):
    talk: Id
    item: Id
    kind: Literal["review", "relation", "issue"]
    title: Texts


def _form_of_item(fields: ProposeItem, _sides: frozenset[str]) -> str | None:
    if fields.item == RELATION_ITEM or fields.item.startswith(REVIEW_PREFIX):
        return "item stands by itself"
    return None if each_once(fields.title) else "text form"


def _rule_of_item(fields: ProposeItem, cut: Cut) -> str | None:
    """An item's id is its proposer's: the other side does not write over it."""
    return "item of the other side" if cut.other_register(("item", fields.talk, fields.item)) else None


class Rank(ActFields, frozen=True):
    """items: most important first."""

    talk: Id
    items: Annotated[tuple[Id, ...], Meta(max_length=MAX_ITEMS)]


def _form_of_rank(fields: Rank, _sides: frozenset[str]) -> str | None:
    return None if len(set(fields.items)) == len(fields.items) else "item twice"


class AgendaItem(ActFields, frozen=True):
    """title is empty for the standing items, which every reader's page words in its own language."""

    id: Id
    kind: Literal["review", "relation", "issue"]
    title: Texts
    understandings: Annotated[tuple[Id, ...], Meta(max_length=200)]
    initiatives: Annotated[tuple[Id, ...], Meta(max_length=50)]


class TableAgenda(ActFields, frozen=True):
    talk: Id
    base: Hash | None
    items: Annotated[tuple[AgendaItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    press_call: Literal["expected", "if-necessary", "not-expected"]
    statement: Literal["expected", "if-necessary", "not-expected"]


def agenda_subject(fields: TableAgenda) -> Subject:
    items = [
        {
            "id": item.id,
            "kind": item.kind,
            "title": listed(item.title),
            "understandings": list(item.understandings),
            "initiatives": list(item.initiatives),
        }
        for item in fields.items
    ]
    body = {"items": items, "press_call": fields.press_call, "statement": fields.statement}
    named = commitments(*(item.title for item in fields.items))
    return Subject(agenda_slot(fields.talk), fields.base, "agenda", body, named)


def _form_of_agenda(fields: TableAgenda, _sides: frozenset[str]) -> str | None:
    if len({item.id for item in fields.items}) != len(fields.items):
        return "item twice"
    if not all(at_most_once(item.title) for item in fields.items):
        return "text form"
    return None


# --- what each side says --------------------------------------------------------------------------


class Position(ActFields, frozen=True):
    """stage: "deposit" holds the texts back from the other side; "table" shows the same ones later."""

    talk: Id
    item: Id
    stage: Literal["deposit", "table"]
    texts: Texts


def _form_of_texts(fields: Position | Initiative | Relation, _sides: frozenset[str]) -> str | None:
    return None if each_once(fields.texts) else "text form"


def _rule_of_position(fields: Position, cut: Cut) -> str | None:
    """What was held back is tabled as it was deposited: nobody writes it anew having read the other's."""
    held = cut.own_register(("position", fields.talk, fields.item))
    if fields.stage == "table" and held is not None and held["stage"] == "deposit":
        return None if held["texts"] == listed(fields.texts) else "not as deposited"
    return None


class Initiative(ActFields, frozen=True):
    talk: Id
    item: Id
    initiative: Id
    title: Texts
    texts: Texts


class GivePaper(ActFields, frozen=True):
    """item: None for the talk as a whole. text: commitment to what the paper is (§11.2)."""

    talk: Id
    item: Id | None
    paper: Id
    text: Hash


class PutItem(ActFields, frozen=True):
    talk: Id
    item: Id


class Relation(ActFields, frozen=True):
    talk: Id
    grade: Literal["good", "fair", "strained", "poor", "broken"]
    texts: Texts


# --- sittings -------------------------------------------------------------------------------------


class Sitting(ActFields, frozen=True):
    talk: Id
    n: Annotated[int, Meta(ge=1, le=1000)]


class Floor(ActFields, frozen=True):
    """seconds: side → seconds spoken, as this side measured them."""

    talk: Id
    n: Annotated[int, Meta(ge=1, le=1000)]
    seconds: dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]]


def _form_of_floor(fields: Floor, sides: frozenset[str]) -> str | None:
    return None if fields.seconds.keys() == sides else "sides form"


def _rule_of_floor(fields: Floor, cut: Cut) -> str | None:
    return None if cut.own_begun(SITTING, fields.talk, fields.n) else "no such sitting of yours"


# --- the table ------------------------------------------------------------------------------------


def _register(key: Iterable[str], value: Mapping[str, Any]) -> Register:
    return Register(tuple(key), value)


ACTS: tuple[ActSpec, ...] = (
    ActSpec(
        "talk.propose",
        Propose,
        lambda f: Table(time_subject(f)),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
        form=_form_of_time,
    ),
    ActSpec("talk.offer", Propose, lambda f: offers(time_subject(f)), Power.SCHEDULE, form=_form_of_time),
    *_answers("talk", "accept", "time", Power.SCHEDULE),
    ActSpec(
        CALL_OFF,
        OnTalk,
        lambda f: End(talk_end(f.talk)),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
        rule=_rule_of_calling_off,
    ),
    ActSpec("talk.conclude", OnTalk, lambda f: End(talk_end(f.talk)), Power.SCHEDULE, ProofLevel.DEVICE),
    ActSpec(
        "talk.delegation",
        Delegation,
        lambda f: _register(("delegation", f.talk), {"delegates": list(f.delegates)}),
        Power.ADMIT,
    ),
    ActSpec(
        "item.propose",
        ProposeItem,
        lambda f: _register(("item", f.talk, f.item), {"kind": f.kind, "title": listed(f.title)}),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
        form=_form_of_item,
        rule=_rule_of_item,
    ),
    ActSpec(
        "agenda.rank",
        Rank,
        lambda f: _register(("rank", f.talk), {"items": list(f.items)}),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
        form=_form_of_rank,
    ),
    ActSpec(
        "agenda.table",
        TableAgenda,
        lambda f: Table(agenda_subject(f)),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
        form=_form_of_agenda,
    ),
    ActSpec(
        "agenda.offer",
        TableAgenda,
        lambda f: offers(agenda_subject(f)),
        Power.SCHEDULE,
        form=_form_of_agenda,
    ),
    *_answers("agenda", "approve", "agenda", Power.SCHEDULE),
    ActSpec(
        "item.position",
        Position,
        lambda f: _register(("position", f.talk, f.item), {"stage": f.stage, "texts": listed(f.texts)}),
        Power.SPEAK,
        ProofLevel.DEVICE,
        form=_form_of_texts,
        rule=_rule_of_position,
    ),
    ActSpec(
        "item.initiative",
        Initiative,
        lambda f: _register(
            ("initiative", f.talk, f.item, f.initiative),
            {"title": listed(f.title), "texts": listed(f.texts)},
        ),
        Power.SPEAK,
        ProofLevel.DEVICE,
        form=lambda f, sides: None if each_once(f.title) and each_once(f.texts) else "text form",
    ),
    ActSpec(
        "item.paper",
        GivePaper,
        lambda f: _register(paper_key(f.talk, f.item, f.paper), {"text": f.text}),
        Power.SPEAK,
        ProofLevel.DEVICE,
    ),
    ActSpec(
        "item.put",
        PutItem,
        lambda f: _register(("put", f.talk), {"item": f.item}),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
    ),
    ActSpec(
        "relation.condition",
        Relation,
        lambda f: _register(("relation", f.talk), {"grade": f.grade, "texts": listed(f.texts)}),
        Power.SPEAK,
        ProofLevel.DEVICE,
        form=_form_of_texts,
    ),
    ActSpec(
        "sitting.open",
        Sitting,
        lambda f: Begin(SITTING, f.talk, f.n),
        Power.SCHEDULE,
        ProofLevel.DEVICE,
    ),
    ActSpec(
        "sitting.leave",
        Sitting,
        lambda f: Stop(SITTING, f.talk, f.n),
        None,
        ProofLevel.DEVICE,
        node_may=True,
    ),
    ActSpec(
        "sitting.summary",
        Floor,
        lambda f: _register(("floor", f.talk, str(f.n)), {"seconds": dict(f.seconds)}),
        None,
        ProofLevel.DEVICE,
        form=_form_of_floor,
        rule=_rule_of_floor,
    ),
)
