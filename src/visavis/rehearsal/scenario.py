"""A scenario: one day of talks, as a file that a protocol officer writes. Read strictly.

Lives here: `Scenario` and its parts, `read_scenario`. Not here: playing it (`play`).
The commented example is `examples/december/scenario.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from visavis.dialogue.acts import Power
from visavis.dialogue.model import Role
from visavis.errors import Malformed

MAX_BYTES = 1024 * 1024

Chair = Literal["a", "b"]
Words = Annotated[dict[str, str], Meta(min_length=1)]
Verdict = Literal["implemented", "extra-effort", "not-begun"]
Expected = Literal["expected", "if-necessary", "not-expected"]
Seconds = Annotated[float, Meta(gt=0, le=600)]
Minutes = Annotated[int, Meta(gt=0, le=24 * 60)]
Aware = Annotated[datetime, Meta(tz=True)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Person(_Part, frozen=True):
    """seat: sits in the call with voice and picture. powers: granted beside the role's own."""

    role: Role
    seat: bool = False
    powers: frozenset[Power] = frozenset()


class SidePart(_Part, frozen=True):
    name: Words
    zone: str
    languages: Annotated[list[str], Meta(min_length=1)]
    delegates: Annotated[list[Person], Meta(min_length=1)]


class Undertaking(_Part, frozen=True):
    by: Chair
    text: Words


class Assessment(_Part, frozen=True):
    verdict: Verdict
    evidence: str


class Understanding(_Part, frozen=True):
    id: str
    title: Words
    body: Words
    undertakings: list[Undertaking]
    assessments: dict[Chair, Assessment]


class Earlier(_Part, frozen=True):
    """A meeting held in person, entered afterwards."""

    title: Words
    place: Words
    start: Aware
    minutes: Minutes
    understandings: Annotated[list[Understanding], Meta(min_length=1)]


class Relation(_Part, frozen=True):
    grade: Literal["good", "fair", "strained", "poor", "broken"]
    text: Words


class Position(_Part, frozen=True):
    """hold: kept from the other side until it is tabled in the talk."""

    text: Words
    hold: bool = False


class Initiative(_Part, frozen=True):
    by: Chair
    title: Words
    text: Words


class Item(_Part, frozen=True):
    id: str
    by: Chair
    title: Words
    kind: Literal["issue", "relation"] = "issue"
    positions: dict[Chair, Position] = {}
    initiative: Initiative | None = None


class Talk(_Part, frozen=True):
    start: Aware
    minutes: Minutes
    press_call: Expected
    statement: Expected
    relation: dict[Chair, Relation]
    items: Annotated[list[Item], Meta(min_length=1)]
    rankings: dict[Chair, list[str]]


class Guarantee(_Part, frozen=True):
    """one_sided: the undertakings that `by` drafts first, to be refused. mutual: what both sign."""

    item: str
    by: Chair
    title: Words
    body: Words
    one_sided: Annotated[list[Undertaking], Meta(min_length=1)]
    mutual: Annotated[list[Undertaking], Meta(min_length=2)]


class Turn(_Part, frozen=True):
    """One turn of the floor. item: an item's id, or "review". seconds: of the rehearsal."""

    by: Chair
    role: Role
    item: str
    seconds: Seconds


class RoomPart(_Part, frozen=True):
    turns: Annotated[list[Turn], Meta(min_length=2)]


class ReadoutText(_Part, frozen=True):
    title: str
    dateline: str
    text: str


class Desk(_Part, frozen=True):
    initials: Annotated[str, Meta(min_length=1, max_length=8)]
    readout: Annotated[dict[str, ReadoutText], Meta(min_length=1)]


class Quotation(_Part, frozen=True):
    text: str
    finding: Literal["verbatim", "altered", "not-found"]


class Comment(_Part, frozen=True):
    side: Chair
    name: str
    text: str


class PressPart(_Part, frozen=True):
    a: Desk
    b: Desk
    quotations: list[Quotation]
    comment: Comment

    def desk(self, chair: Chair) -> Desk:
        return self.a if chair == "a" else self.b


class Scenario(_Part, frozen=True):
    """One day. Chairs are "a" and "b"; neither is first."""

    title: Words
    sides: dict[Chair, SidePart]
    earlier: Earlier
    talk: Talk
    guarantee: Guarantee
    room: RoomPart
    press: PressPart


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises `Malformed`, naming the place that is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise Malformed(f"{path.name}: more than 1 MiB")
    return parse_scenario(data, path.name)


def parse_scenario(data: bytes, name: str = "scenario") -> Scenario:
    """Read a scenario's bytes (TOML, UTF-8). Raises `Malformed`, naming the place that is wrong."""
    try:
        value = tomllib.loads(data.decode("utf-8"))
        scenario = msgspec.convert(value, Scenario, strict=True)
    except UnicodeDecodeError as error:
        raise Malformed(f"{name}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"{name}: {error}") from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise Malformed(f"{name}: {_place(str(error))}") from error
    _check(scenario, name)
    return scenario


def _place(message: str) -> str:
    what, _, path = message.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.')}: {what}" if path else what


def _check(scenario: Scenario, name: str) -> None:
    """What types cannot say: both chairs where both are due, ids that exist, seats that speak."""

    def both(place: str, given: Mapping[Chair, object]) -> None:
        if set(given) != {"a", "b"}:
            raise Malformed(f"{name}: {place}: both a and b are due")

    both("sides", scenario.sides)
    both("talk.relation", scenario.talk.relation)
    both("talk.rankings", scenario.talk.rankings)
    ids = [item.id for item in scenario.talk.items]
    if len(set(ids)) != len(ids):
        raise Malformed(f"{name}: talk.items: an id is given twice")
    issues = {item.id for item in scenario.talk.items if item.kind == "issue"}
    for chair, ranking in scenario.talk.rankings.items():
        if set(ranking) != issues or len(ranking) != len(issues):
            raise Malformed(f"{name}: talk.rankings.{chair}: each issue once is due")
    for earlier in scenario.earlier.understandings:
        both(f"earlier.understandings {earlier.id!r}: assessments", earlier.assessments)
    if scenario.guarantee.item not in issues:
        raise Malformed(f"{name}: guarantee.item: there is no issue {scenario.guarantee.item!r}")
    for chair, side in scenario.sides.items():
        roles = [person.role for person in side.delegates]
        if Role.PRINCIPAL not in roles or len(set(roles)) != len(roles):
            raise Malformed(f"{name}: sides.{chair}.delegates: one principal, and each role once")
    for number, turn in enumerate(scenario.room.turns):
        seated = {p.role for p in scenario.sides[turn.by].delegates if p.seat}
        if turn.role not in seated:
            raise Malformed(f"{name}: room.turns[{number}]: no {turn.role} of side {turn.by} has a seat")
        if turn.item != "review" and turn.item not in ids:
            raise Malformed(f"{name}: room.turns[{number}]: there is no item {turn.item!r}")
