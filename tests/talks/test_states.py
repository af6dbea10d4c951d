"""A talk's states and phases, as tables."""

from __future__ import annotations

from itertools import product

import pytest
from tests.talks.table import OFFICER, Table

from visavis.talks.model import (
    LIFE,
    STATUSES,
    After,
    Event,
    Phase,
    PhaseState,
    Status,
    TalkFacts,
    phase_of,
    phases,
    status,
    status_of,
)

NAMES = ("concluded", "called_off", "running", "sat", "scheduled")


@pytest.mark.parametrize("bits", list(product((False, True), repeat=len(NAMES))))
def test_every_combination_of_facts_has_one_state(bits: tuple[bool, ...]) -> None:
    """Whatever both logs say, a talk is in exactly one state: that of the first fact that holds."""
    facts = TalkFacts(**dict(zip(NAMES, bits, strict=True)))
    held = [status for status, fact in STATUSES if fact is None or getattr(facts, fact)]
    assert status_of(facts) is held[0]


def test_the_table_names_every_state_and_every_fact_once() -> None:
    """No state is out of reach, and no fact is asked for nothing."""
    assert {status for status, _ in STATUSES} == set(Status)
    assert [fact for _, fact in STATUSES] == [*NAMES, None]


@pytest.mark.parametrize(
    ("status", "after", "phase"),
    [
        (Status.PROPOSED, After(False, False, False), Phase.PREPARE),
        (Status.SCHEDULED, After(True, False, False), Phase.PREPARE),
        (Status.SITTING, After(True, False, False), Phase.TALK),
        (Status.BETWEEN, After(False, False, False), Phase.TALK),
        (Status.CONCLUDED, After(True, False, False), Phase.SIGN),
        (Status.CONCLUDED, After(False, False, False), Phase.PRESS),
        (Status.CONCLUDED, After(False, True, False), Phase.CLOSED),
        (Status.CONCLUDED, After(True, False, True), Phase.CLOSED),
        (Status.CALLED_OFF, After(True, False, False), Phase.CLOSED),
    ],
)
def test_where_a_talk_stands_on_the_line(status: Status, after: After, phase: Phase) -> None:
    """Prepare, talk, sign, press, closed: what is left to do decides."""
    assert phase_of(status, after) is phase


@pytest.mark.parametrize("now", list(Phase))
def test_the_line_has_one_phase_now(now: Phase) -> None:
    """Before it all is done, after it all is later."""
    line = phases(now, Status.CONCLUDED)
    assert [view.phase for view in line] == list(Phase)
    states = [view.state for view in line]
    at = states.index(PhaseState.NOW)
    assert set(states[:at]) <= {PhaseState.DONE}
    assert set(states[at + 1 :]) <= {PhaseState.LATER}


def test_a_talk_called_off_skips_what_it_never_reached() -> None:
    """What never was is not shown as done."""
    states = [view.state for view in phases(Phase.CLOSED, Status.CALLED_OFF)]
    assert states == [PhaseState.DONE, *[PhaseState.SKIPPED] * 3, PhaseState.NOW]


# --- the life as a table ----------------------------------------------------------------------------


def live(table: Table, event: Event, told: dict[str, str], *, first: int) -> dict[str, str]:
    """Let one event happen, by the side that acts first and, where it takes both, by the other."""
    one, other = OFFICER[first], OFFICER[1 - first]
    talk = told.get("talk", "")
    match event:
        case Event.PROPOSED:
            act = table.do(
                one,
                "talks.propose",
                title={"en": "Talk"},
                start="2021-12-07T15:00:00Z",
                minutes=60,
                mode="video",
            )
            return {"talk": act["talk"], "hash": next(reversed(table.joint.tabled))}
        case Event.AGREED:
            for seat in (one, other):
                table.do(seat, "talks.accept", **told)
        case Event.SAT:
            n = 1 + max((key[2] for key in table.joint.sessions.begun[0] if key[1] == talk), default=0)
            for seat in (one, other):
                table.do(seat, "talks.open-sitting", talk=talk, n=n)
        case Event.LEFT:
            n = table.joint.running("sitting", talk)
            table.do(one, "talks.leave-sitting", talk=talk, n=n)
        case Event.CALLED_OFF:
            table.do(one, "talks.call-off", talk=talk)
        case Event.CONCLUDED:
            table.do(other, "talks.conclude", talk=talk)
    return told


def way_to(goal: Status | None) -> list[Event]:
    """Events that lead there, by the table itself."""
    ways: dict[Status | None, list[Event]] = {None: []}
    for _ in Status:
        for before, event, after in LIFE:
            if before in ways:
                ways.setdefault(after, [*ways[before], event])
    return ways[goal]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(("before", "event", "after"), LIFE)
def test_the_life_of_a_talk_is_the_table(
    before: Status | None, event: Event, after: Status, first: int
) -> None:
    """Every row, driven through real logs by either side, leads where it says."""
    table = Table()
    told: dict[str, str] = {}
    for step in way_to(before):
        told = live(table, step, told, first=first)
    if before is not None:
        assert status(table.joint, told["talk"]) is before
    told = live(table, event, told, first=first)
    assert status(table.joint, told["talk"]) is after
    table.mirrored()


def test_the_life_reaches_every_state() -> None:
    """No state is out of reach; concluded is final."""
    assert {after for _, _, after in LIFE} == set(Status)
    assert {event for _, event, _ in LIFE} == set(Event)
    assert Status.CONCLUDED not in {before for before, _, _ in LIFE}
