"""A talk's states and phases, as tables."""

from __future__ import annotations

from itertools import product

import pytest

from visavis.talks.model import (
    STATUSES,
    After,
    Phase,
    PhaseState,
    Status,
    TalkFacts,
    phase_of,
    phases,
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
