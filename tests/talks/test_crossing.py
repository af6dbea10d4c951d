"""Two seals on two different texts, through real logs: seen from both chairs, and undone by either."""

from __future__ import annotations

from tests.talks.table import OFFICER, Table, agreed_talk

from visavis.dialogue.chair import SealState
from visavis.talks.crossing import agendas_differ, crossing, times_differ
from visavis.talks.model import talk_view

TAIL = {"press_call": "if-necessary", "statement": "not-expected"}
SEALS = ("approve-agenda", "crossed-agenda")
ASKED = {"start": "2021-12-07T15:00:00Z", "minutes": 60, "mode": "video"}


def crossed() -> tuple[Table, str]:
    """Each side tables and seals another agenda, not having heard of the other's."""
    table = Table()
    talk = agreed_talk(table)
    for title in ("Tension", "Trade"):
        table.do(OFFICER[0], "talks.propose-item", talk=talk, title={"en": title}, kind="issue")
    items = [item.id for item in talk_view(table.joint, 0, talk).draft]
    heard = table.states[1].size
    table.do(OFFICER[1], "talks.offer-agenda", talk=talk, items=items[:2], **TAIL)
    table.deaf[0] = heard
    tail = TAIL | {"statement": "expected"}
    table.do(OFFICER[0], "talks.offer-agenda", talk=talk, items=items[::-1], **tail)
    table.deaf[0] = None
    return table, talk


def test_both_chairs_see_the_same_crossing() -> None:
    """What is ours for one chair is theirs for the other; it says in what the two differ, and nothing is in force."""
    table, talk = crossed()
    seen = []
    for us in (0, 1):
        view = talk_view(table.joint, us, talk)
        assert view is not None
        assert view.agenda is None
        found = crossing(view.agendas)
        assert found is not None
        seen.append((found.ours.hash, found.theirs.hash))
        assert agendas_differ(found.ours, found.theirs) == ("items", "order", "statement")
        assert [s.key for s in view.steps.now if s.key in SEALS] == ["crossed-agenda"]
        assert [s.key for s in view.steps.waiting if s.key in SEALS] == ["crossed-agenda"]
    assert seen[0] == seen[1][::-1]
    table.mirrored()


def test_a_withdrawal_that_is_heard_frees_the_pen_for_the_other_text() -> None:
    """Withdrawn and not heard it crosses still, and nothing more is asked of us; heard, we seal theirs."""
    table, talk = crossed()
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    found = crossing(view.agendas)
    assert found is not None
    table.do(OFFICER[0], "talks.withdraw-agenda", talk=talk, hash=found.ours.hash)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    still = crossing(view.agendas)
    assert still is not None
    assert still.ours.seal.ours.state is SealState.WITHDRAWING
    assert not [s for s in view.steps.now if s.key == "crossed-agenda"]
    table.enter(OFFICER[1], {"type": "agenda.rank", "talk": talk, "items": []})  # it acknowledges
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert crossing(view.agendas) is None
    table.do(OFFICER[0], "talks.approve-agenda", talk=talk, hash=found.theirs.hash)
    agreed = talk_view(table.joint, 1, talk)
    assert agreed is not None and agreed.agenda is not None
    assert agreed.agenda.hash == found.theirs.hash


def test_a_decline_frees_the_other_sides_pen() -> None:
    """Who declines the other's text keeps its own on the table, and the other seals it."""
    table, talk = crossed()
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    found = crossing(view.agendas)
    assert found is not None
    table.do(OFFICER[0], "talks.decline-agenda", talk=talk, hash=found.theirs.hash)
    table.do(OFFICER[1], "talks.approve-agenda", talk=talk, hash=found.ours.hash)
    agreed = talk_view(table.joint, 0, talk)
    assert agreed is not None and agreed.agenda is not None
    assert agreed.agenda.hash == found.ours.hash


def test_times_are_compared_by_their_words() -> None:
    """The same words under two salts are no difference; another hour is one."""
    table = Table()
    first = {"title": {"en": "Talk"}, "place": {"en": "Geneva"}}
    talk = table.do(OFFICER[0], "talks.propose", **ASKED, **first)["talk"]
    heard = table.states[1].size
    table.do(OFFICER[1], "talks.offer", talk=talk, **ASKED, **first)
    table.deaf[0] = heard
    table.do(OFFICER[0], "talks.offer", talk=talk, **(ASKED | {"start": "2021-12-07T16:00:00Z"}), **first)
    table.deaf[0] = None
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    found = crossing(view.times)
    assert found is not None
    words = lambda texts: [table.text(0, commitment) for _, commitment in texts]  # noqa: E731
    assert times_differ(found.ours, found.theirs, words) == ("start",)
    assert "crossed-time" in [s.key for s in view.steps.now]
