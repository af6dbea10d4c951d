"""What one chair sees: the double seal in all its states, marks, and what waits."""

from __future__ import annotations

from typing import Any

import pytest
from tests.talks.table import OFFICER, PRINCIPAL, Table, agreed_talk, tabled_last

from visavis.dialogue import chair
from visavis.dialogue.acts import Power, Slot
from visavis.dialogue.chair import DoubleSeal, SealState
from visavis.dialogue.steps import Step, Steps, together


def offered(table: Table) -> tuple[Slot, str, dict[str, Any]]:
    """A text on the table: its slot, its hash, and what an answer to it names."""
    act = table.do(
        PRINCIPAL[0],
        "understandings.table",
        kind="understanding",
        title={"en": "Visas"},
        body={"en": "On visas."},
    )
    hash_ = tabled_last(table)
    return ("text", act["understanding"]), hash_, {"understanding": act["understanding"], "hash": hash_}


def states(seal: DoubleSeal) -> tuple[SealState, SealState]:
    return seal.ours.state, seal.theirs.state


def test_a_seal_from_empty_to_in_force() -> None:
    """Empty; ours sealed and theirs pending; both sealed, with who, in which capacity, and in which order."""
    table = Table()
    slot, hash_, told = offered(table)

    def seen(us: int) -> DoubleSeal:
        return chair.double_seal(table.joint, us, slot, hash_)

    assert states(seen(0)) == (SealState.EMPTY, SealState.EMPTY)
    table.do(PRINCIPAL[0], "understandings.sign", **told)
    assert states(seen(0)) == states(seen(1))[::-1] == (SealState.SEALED, SealState.PENDING)
    assert seen(0).open
    table.do(PRINCIPAL[1], "understandings.sign", **told)
    both = seen(1)
    assert states(both) == (SealState.SEALED, SealState.SEALED)
    assert (both.agreed, both.in_force, both.open, both.acknowledged) == (True, True, False, False)
    assert (both.ours_first, seen(0).ours_first) == (False, True)
    assert both.ours.mark is not None
    assert (both.ours.mark.role, both.ours.mark.side) == ("principal", table.sides[1])
    table.do(OFFICER[0], "dialogue.profile", zone="Etc/UTC", languages=["en"])
    assert seen(0).acknowledged


def test_two_seals_that_cross_are_neither_first() -> None:
    """Signed unheard of each other, the text is in force, and no seal precedes the other."""
    table = Table()
    slot, hash_, told = offered(table)
    table.do(OFFICER[1], "dialogue.profile", zone="Etc/UTC", languages=["en"])
    table.deaf = [table.states[1].size, table.states[0].size]
    for s in (0, 1):
        table.do(PRINCIPAL[s], "understandings.sign", **told)
    seal = chair.double_seal(table.joint, 0, slot, hash_)
    assert (seal.in_force, seal.ours_first) == (True, None)


def test_a_withdrawn_seal_may_still_be_answered_until_it_is_heard() -> None:
    """Withdrawing until the other has heard it, then withdrawn; a seal that came in between counts."""
    table = Table()
    for crossing in (False, True):
        slot, hash_, told = offered(table)
        table.do(PRINCIPAL[0], "understandings.sign", **told)
        table.deaf[1] = table.states[0].size
        table.do(PRINCIPAL[0], "understandings.withdraw", **told)
        seal = chair.double_seal(table.joint, 0, slot, hash_)
        assert states(seal) == (SealState.WITHDRAWING, SealState.PENDING)
        if crossing:
            table.do(PRINCIPAL[1], "understandings.sign", **told)
        table.deaf[1] = None
        table.do(OFFICER[1], "dialogue.profile", zone="Etc/UTC", languages=["en"])
        seal = chair.double_seal(table.joint, 1, slot, hash_)
        assert seal.in_force is crossing
        assert seal.theirs.state is (SealState.SEALED if crossing else SealState.WITHDRAWN)


def test_a_declined_seal_falls() -> None:
    """The side that declined is shown so, and the other's seal has fallen; nobody waits for either."""
    table = Table()
    slot, hash_, told = offered(table)
    table.do(PRINCIPAL[0], "understandings.sign", **told)
    table.do(PRINCIPAL[1], "understandings.decline", **told)
    seal = chair.double_seal(table.joint, 1, slot, hash_)
    assert states(seal) == (SealState.DECLINED, SealState.FALLEN)
    assert not seal.open


def test_what_rests_on_an_ended_talk_is_open_to_nobody() -> None:
    """A time that nobody accepted before the talk was called off can no longer be sealed."""
    table = Table()
    talk = agreed_talk(table)
    table.do(OFFICER[0], "talks.propose-item", talk=talk, title={"en": "Tension"}, kind="issue")
    table.do(OFFICER[0], "talks.table-agenda", talk=talk, press_call="expected", statement="expected")
    slot, hash_ = ("agenda", talk), tabled_last(table)
    assert chair.double_seal(table.joint, 0, slot, hash_).open
    table.do(OFFICER[1], "talks.call-off", talk=talk)
    seal = chair.double_seal(table.joint, 0, slot, hash_)
    assert (seal.ended, seal.open, seal.agreed) == (True, False, False)


def test_the_dialogues_end_closes_what_was_not_agreed_and_leaves_what_was() -> None:
    """What is in force stays so; what only one had sealed is over."""
    table = Table()
    kept, kept_hash, kept_told = offered(table)
    for s in (0, 1):
        table.do(PRINCIPAL[s], "understandings.sign", **kept_told)
    lost, lost_hash, lost_told = offered(table)
    table.do(PRINCIPAL[0], "understandings.sign", **lost_told)
    table.do(PRINCIPAL[1], "dialogue.end")
    assert chair.double_seal(table.joint, 0, kept, kept_hash).in_force
    assert chair.double_seal(table.joint, 0, lost, lost_hash).ended


@pytest.mark.parametrize("time", ["", "yesterday", "0001-01-01T00:00:00Z", "2021-12-07T15:00:00"])
def test_a_nodes_odd_clock_is_no_moment(time: str) -> None:
    """What a node states as its time is shown only if it is one."""
    assert chair.moment(time) is None


def test_steps_of_several_slices_put_the_urgent_first() -> None:
    """Their order stays otherwise, and the first word on what comes next counts."""
    slow, urgent = Step("a", urgent=False), Step("b", power=Power.SIGN)
    after, later = Step("c"), Step("d")
    joined = together((Steps((slow,), (urgent,), None), Steps((urgent,), (slow,), after), Steps(next=later)))
    assert joined == Steps((urgent, slow), (urgent, slow), after)
