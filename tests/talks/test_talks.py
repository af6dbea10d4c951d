"""Talks through real logs: times, agendas, positions, sittings, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.talks.table import ADVISER, OFFICER, PRESS, PRINCIPAL, Table, agreed_talk, signed_text, tabled_last

from visavis.dialogue.chair import SealState
from visavis.dialogue.errors import NotTabled
from visavis.errors import Malformed
from visavis.rulebook import steps, waiting
from visavis.talks.errors import (
    AgendaNotApproved,
    NoPositionHeld,
    NoSuchItem,
    NoSuchTalk,
    PositionHeld,
    TalkNotScheduled,
)
from visavis.talks.model import ItemKind, Phase, Status, talk_view, talks_of

PROPOSAL: dict[str, Any] = {
    "title": {"en": "A talk"},
    "start": "2021-12-07T15:00:00Z",
    "minutes": 60,
    "mode": "video",
}


def propose(table: Table, s: int = 0, **fields: Any) -> tuple[str, str]:
    """A talk's id, and the hash of the time."""
    act = table.do(OFFICER[s], "talks.propose", **(PROPOSAL | fields))
    return act["talk"], tabled_last(table)


def item_of(table: Table, talk: str, s: int = 0, title: str = "Tension") -> str:
    item: str = table.do(OFFICER[s], "talks.propose-item", talk=talk, title={"en": title}, kind="issue")[
        "item"
    ]
    return item


def approved(table: Table, talk: str) -> str:
    """An agenda that both approve; its hash."""
    table.do(OFFICER[0], "talks.table-agenda", talk=talk, press_call="if-necessary", statement="not-expected")
    hash_ = tabled_last(table)
    for s in (0, 1):
        table.do(OFFICER[s], "talks.approve-agenda", talk=talk, hash=hash_)
    return hash_


# --- time -----------------------------------------------------------------------------------------


def test_one_gesture_proposes_and_accepts() -> None:
    """An offered time waits for the other side alone; two who offer the same time have agreed on it; another time
    is offered on its ground."""
    table = Table()
    act = table.do(OFFICER[0], "talks.offer", **PROPOSAL)
    talk, hash_ = act["talk"], tabled_last(table)
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    assert (view.times[0].seal.ours.state, view.times[0].seal.theirs.state) == (
        SealState.PENDING,
        SealState.SEALED,
    )
    table.do(OFFICER[1], "talks.accept", talk=talk, hash=hash_)
    again = PROPOSAL | {"start": "2021-12-08T15:00:00Z", "talk": talk}
    later = table.draft(OFFICER[1], "talks.offer", **again)
    assert later.summary.title == "Propose another time for a talk and accept it"
    told = table.do(OFFICER[1], "talks.offer", **again)
    assert told["base"] == hash_
    table.do(OFFICER[0], "talks.accept", talk=talk, hash=tabled_last(table))
    view = talk_view(table.joint, 0, talk)
    assert view is not None and view.time is not None
    assert (view.status, view.time.start) == (Status.SCHEDULED, again["start"])
    table.mirrored()


def test_a_time_takes_both() -> None:
    """One side's yes schedules nothing; the second does."""
    table = Table()
    talk, hash_ = propose(table)
    table.do(OFFICER[0], "talks.accept", talk=talk, hash=hash_)
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    assert (view.status, view.time) == (Status.PROPOSED, None)
    assert (view.times[0].seal.ours.state, view.times[0].seal.theirs.state) == (
        SealState.PENDING,
        SealState.SEALED,
    )
    table.do(OFFICER[1], "talks.accept", talk=talk, hash=hash_)
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    assert view.status is Status.SCHEDULED
    assert view.time is not None
    assert view.time.seal.in_force
    table.mirrored()


def test_a_counter_offer_declines() -> None:
    """A side that accepts its own time instead, having heard the other's, has declined it."""
    table = Table()
    talk, first = propose(table)
    table.do(OFFICER[0], "talks.accept", talk=talk, hash=first)
    _, second = propose(table, 1, talk=talk, start="2021-12-08T15:00:00Z")
    table.do(OFFICER[1], "talks.accept", talk=talk, hash=second)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert [time.hash for time in view.times] == [second]
    table.do(OFFICER[0], "talks.accept", talk=talk, hash=second)
    assert table.joint.in_force(("time", talk)) is not None


def test_two_acceptances_that_cross_agree_nothing() -> None:
    """Each side accepts its own time unheard of the other: nothing is agreed, and each waits for the other."""
    table = Table()
    talk, first = propose(table)
    _, second = propose(table, 1, talk=talk, start="2021-12-08T15:00:00Z")
    heard = [state.size for state in table.states]
    table.deaf = [heard[1], heard[0]]
    table.do(OFFICER[0], "talks.accept", talk=talk, hash=first)
    table.do(OFFICER[1], "talks.accept", talk=talk, hash=second)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert view.time is None
    assert {time.seal.ours.state for time in view.times} == {SealState.SEALED, SealState.PENDING}
    table.mirrored()


def test_a_new_time_follows_the_old_one() -> None:
    """A talk is moved by both: the old time stands until the new one is agreed."""
    table = Table()
    talk = agreed_talk(table)
    old = table.joint.in_force(("time", talk))
    _, new = propose(table, 1, talk=talk, start="2021-12-09T15:00:00Z")
    assert table.joint.in_force(("time", talk)) is old
    for s in (1, 0):
        table.do(OFFICER[s], "talks.accept", talk=talk, hash=new)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert view.time is not None
    assert view.time.start == "2021-12-09T15:00:00Z"


def test_the_zones_stand_in_the_time_that_was_agreed() -> None:
    """A side that moves to another zone later changes no time that was agreed."""
    table = Table()
    table.do(OFFICER[0], "dialogue.profile", zone="Asia/Kathmandu", languages=["en"])
    talk = agreed_talk(table)
    table.do(OFFICER[0], "dialogue.profile", zone="America/New_York", languages=["en"])
    views = [talk_view(table.joint, s, talk) for s in (0, 1)]
    assert [(v.time.zone_ours, v.time.zone_theirs) for v in views if v and v.time] == [
        ("Asia/Kathmandu", "Etc/UTC"),
        ("Etc/UTC", "Asia/Kathmandu"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "tomorrow"),
        ("start", "2021-12-07T15:00:00"),
        ("start", "2021-12-07T15:00:30Z"),
        ("start", "0001-01-01T00:00:00+14:00"),
        ("title", {}),
        ("title", {"en": "  "}),
        ("title", {"en": "x" * 301}),
        ("title", {"en": "bell \x07"}),
        ("place", {"en": "\ud800"}),
    ],
)
def test_a_malformed_time_writes_nothing(field: str, value: object) -> None:
    """Each bad field is named, and nothing is written."""
    table = Table()
    size = table.states[0].size
    with pytest.raises(Malformed) as refused:
        propose(table, **{field: value})
    assert refused.value.details["field"] == field
    assert table.states[0].size == size


@pytest.mark.parametrize(
    "start",
    [
        "2021-13-07T15:00:00Z",
        "2021-12-07T15:00:30Z",
        "2021-12-07T15:00:00+00:00",
        "1899-12-07T15:00:00Z",
        "9999-12-31T23:59:00Z",
        "٢٠٢١-12-07T15:00:00Z",
    ],
)
def test_a_time_that_is_none_is_void(start: str) -> None:
    """Written past the commands, a time that no calendar has, or in another spelling, is void by its form."""
    table = Table()
    act = {
        "type": "talk.propose",
        "talk": "t",
        "base": None,
        "title": [["en", "A" * 43]],
        "start": start,
        "minutes": 60,
        "mode": "video",
        "place": [],
        "zones": dict.fromkeys(table.sides, "Etc/UTC"),
    }
    assert table.enter(OFFICER[0], act) == "time form"
    assert table.enter(OFFICER[0], act | {"start": "2021-12-07T15:00:00Z", "zones": {}}) == "zones form"


def test_the_others_odd_profile_stops_no_proposal() -> None:
    """A zone that is none, entered past the commands, leaves the other side free to propose."""
    table = Table()
    assert table.enter(OFFICER[1], {"type": "side.profile", "zone": "no zone!", "languages": ["en"]}) is None
    act = table.do(OFFICER[0], "talks.propose", **PROPOSAL)
    assert act["zones"] == dict.fromkeys(table.sides, "Etc/UTC")


def test_unknown_talks_and_hashes_are_refused() -> None:
    """What was never proposed cannot be answered."""
    table = Table()
    talk, hash_ = propose(table)
    with pytest.raises(NoSuchTalk):
        table.do(OFFICER[0], "talks.accept", talk="elsewhere", hash=hash_)
    with pytest.raises(NotTabled):
        table.do(OFFICER[0], "talks.accept", talk=talk, hash="A" * 43)
    with pytest.raises(NotTabled):
        table.do(OFFICER[0], "talks.approve-agenda", talk=talk, hash=hash_)


# --- agenda ---------------------------------------------------------------------------------------


def test_the_relation_stands_on_every_agenda() -> None:
    """Before anybody proposes anything, the relation is there; an item of that kind takes its place."""
    table = Table()
    talk = agreed_talk(table)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert [item.kind for item in view.draft] == [ItemKind.RELATION]
    own = table.do(
        OFFICER[1], "talks.propose-item", talk=talk, title={"en": "Our relation"}, kind="relation"
    )["item"]
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert [item.id for item in view.draft] == [own]


def test_reviews_stand_on_the_next_agenda_by_themselves() -> None:
    """What an earlier talk understood is reviewed at the next one; what this talk reaches is not, nor what ended."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    kept = signed_text(table, first, "Heads of mission")
    ended = signed_text(table, first, "Visas")
    loose = signed_text(table, None, "A line at all hours")
    second = agreed_talk(table)
    signed_text(table, second, "Reached today")
    table.do(PRINCIPAL[1], "understandings.end", understanding=ended)
    view = talk_view(table.joint, 0, second)
    assert view is not None
    reviews = [(item.of, item.understandings) for item in view.draft if item.kind is ItemKind.REVIEW]
    assert reviews == [(None, (loose,)), (first, (kept,))]
    assert view.draft[1].of_title
    earlier = talk_view(table.joint, 0, first)
    assert earlier is not None
    assert [item.of for item in earlier.draft if item.kind is ItemKind.REVIEW] == [None]


def test_either_order_of_ranking_gives_both_chairs_one_draft() -> None:
    """The merged order is the same from both chairs, whoever ranked first."""
    table = Table()
    talk = agreed_talk(table)
    items = [item_of(table, talk, s, f"Issue {s}{n}") for s in (0, 1) for n in (1, 2)]
    table.do(OFFICER[1], "talks.rank", talk=talk, items=items[::-1])
    table.do(OFFICER[0], "talks.rank", talk=talk, items=items)
    views = [talk_view(table.joint, s, talk) for s in (0, 1)]
    assert views[0] is not None
    assert views[1] is not None
    assert [i.id for i in views[0].draft] == [i.id for i in views[1].draft]
    last = next(i for i in views[0].draft if i.id == items[3])
    assert (last.place_ours, last.place_theirs, last.by_ours, last.by_theirs) == (4, 1, False, True)


def test_an_agenda_names_only_what_lies_on_the_table() -> None:
    """Unknown items and items named twice are refused, in rankings and agendas."""
    table = Table()
    talk = agreed_talk(table)
    item = item_of(table, talk)
    tail = {"press_call": "expected", "statement": "expected"}
    with pytest.raises(NoSuchItem):
        table.do(OFFICER[0], "talks.rank", talk=talk, items=["elsewhere"])
    with pytest.raises(NoSuchItem):
        table.do(OFFICER[0], "talks.table-agenda", talk=talk, items=["elsewhere"], **tail)
    with pytest.raises(Malformed):
        table.do(OFFICER[0], "talks.rank", talk=talk, items=[item, item])
    with pytest.raises(Malformed):
        table.do(OFFICER[0], "talks.table-agenda", talk=talk, items=[item, item], **tail)
    act = {"type": "agenda.rank", "talk": talk, "items": [item, item]}
    assert table.enter(OFFICER[0], act) == "item twice"


def test_a_side_does_not_write_over_the_others_item() -> None:
    """An item's id is its proposer's: the other side's act on it is void."""
    table = Table()
    talk = agreed_talk(table)
    item = item_of(table, talk, 0)
    act = {
        "type": "item.propose",
        "talk": talk,
        "item": item,
        "kind": "issue",
        "title": [["en", "A" * 43]],
    }
    assert table.enter(OFFICER[1], act) == "item of the other side"


def test_nobody_proposes_what_stands_by_itself() -> None:
    """The ids of the standing items are nobody's: an item under one of them is void."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    signed_text(table, first, "Heads of mission")
    talk = agreed_talk(table)
    for item in ("relation", f"review.{first}"):
        act = {
            "type": "item.propose",
            "talk": talk,
            "item": item,
            "kind": "issue",
            "title": [["en", "A" * 43]],
        }
        assert table.enter(OFFICER[1], act) == "item stands by itself"


def test_a_flood_of_items_leaves_the_other_side_its_agenda() -> None:
    """However many items one side enters, the other still proposes its own and tables an agenda."""
    table = Table()
    talk = agreed_talk(table)
    for n in range(80):
        act = {
            "type": "item.propose",
            "talk": talk,
            "item": f"flood-{n}",
            "kind": "issue",
            "title": [["en", "A" * 43]],
        }
        assert table.enter(OFFICER[1], act) is None
    own = item_of(table, talk, 0)
    table.do(OFFICER[0], "talks.rank", talk=talk, items=[own])
    act = table.do(
        OFFICER[0], "talks.table-agenda", talk=talk, press_call="expected", statement="not-expected"
    )
    assert act["items"][0]["kind"] == "relation"
    assert act["items"][1]["id"] == own
    with pytest.raises(Malformed, match="at most 32"):
        item_of(table, talk, 1)


def test_an_agenda_outlives_the_talk_as_what_was_agreed() -> None:
    """After the talk nothing can be approved any more, and the agenda is still shown as agreed."""
    table = Table()
    talk = agreed_talk(table)
    item_of(table, talk)
    hash_ = approved(table, talk)
    table.do(OFFICER[1], "talks.conclude", talk=talk)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert view.agenda is not None
    assert (view.agenda.hash, view.agenda.seal.agreed, view.agenda.seal.ended) == (hash_, True, True)
    assert view.agendas == ()
    table.mirrored()


def test_an_amended_agenda_replaces_the_old_one() -> None:
    """A second agenda rests on the first; when both approve it, it is the one in force."""
    table = Table()
    talk = agreed_talk(table)
    item_of(table, talk)
    first = approved(table, talk)
    item_of(table, talk, 1, "Expansion")
    second = approved(table, talk)
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    assert view.agenda is not None
    assert (view.agenda.hash, view.agenda.base) == (second, first)


# --- positions ------------------------------------------------------------------------------------


def test_a_position_is_held_back_until_it_is_tabled() -> None:
    """The other side sees that a position is held, and no word of it; what is tabled is what was held."""
    table = Table()
    talk = agreed_talk(table)
    item = item_of(table, talk)
    held = table.do(ADVISER[0], "talks.state-position", talk=talk, item=item, text={"en": "Ours"}, hold=True)
    theirs = talk_view(table.joint, 1, talk)
    assert theirs is not None
    position = next(i for i in theirs.draft if i.id == item).theirs
    assert position is not None
    assert (position.held, table.text(1, position.texts[0][1])) == (True, None)
    with pytest.raises(PositionHeld):
        table.do(ADVISER[0], "talks.state-position", talk=talk, item=item, text={"en": "Other"})
    another = {
        "type": "item.position",
        "talk": talk,
        "item": item,
        "stage": "table",
        "texts": [["en", "B" * 43]],
    }
    assert table.enter(ADVISER[0], another) == "not as deposited"
    tabled = table.do(ADVISER[0], "talks.table-position", talk=talk, item=item)
    assert tabled["texts"] == held["texts"]
    assert table.text(1, held["texts"][0][1]) == "Ours"
    with pytest.raises(NoPositionHeld):
        table.do(ADVISER[0], "talks.table-position", talk=talk, item=item)


def test_positions_stand_under_standing_items_too() -> None:
    """A side can take a position under the review of an earlier talk."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    signed_text(table, first, "Heads of mission")
    talk = agreed_talk(table)
    table.do(ADVISER[1], "talks.state-position", talk=talk, item=f"review.{first}", text={"en": "Done"})
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    assert view.draft[0].ours is not None


def test_only_who_has_the_power_speaks_or_schedules() -> None:
    """An adviser schedules nothing, a protocol officer takes no position, a press officer neither."""
    table = Table()
    talk = agreed_talk(table)
    item = item_of(table, talk)
    relation = {"type": "relation.condition", "talk": talk, "grade": "good", "texts": [["en", "A" * 43]]}
    rank = {"type": "agenda.rank", "talk": talk, "items": [item]}
    assert table.enter(OFFICER[0], relation) == "no power"
    assert table.enter(ADVISER[0], rank) == "no power"
    for act in (relation, rank):
        assert table.enter(PRESS[0], act) == "no power"
    assert table.enter(PRINCIPAL[0], rank) is None


# --- sittings and ends ----------------------------------------------------------------------------


def test_a_sitting_takes_both_and_one_ends_it() -> None:
    """It runs when both have opened it, and is over when one leaves; the next has the next number."""
    table = Table()
    talk = agreed_talk(table)
    table.do(OFFICER[0], "talks.open-sitting", talk=talk, n=1)
    assert [s.key for s in waiting(table.joint, 1).for_us] == ["open-sitting"]
    assert [s.key for s in steps(table.joint, 0, talk).waiting if s.key == "open-sitting"] == ["open-sitting"]
    table.do(OFFICER[1], "talks.open-sitting", talk=talk, n=1)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert (view.status, view.phase, view.next_sitting) == (Status.SITTING, Phase.TALK, None)
    table.do(ADVISER[1], "talks.leave-sitting", talk=talk, n=1)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert (view.status, view.next_sitting) == (Status.BETWEEN, 2)
    assert view.sittings[0].state == "over"
    assert view.sittings[0].left_theirs is not None
    for s in (0, 1):
        table.do(OFFICER[s], "talks.open-sitting", talk=talk, n=2)
    assert table.joint.running("sitting", talk) == 2
    table.mirrored()


def test_a_talk_that_sat_is_not_called_off() -> None:
    """Calling off is for a talk that never sat; afterwards it is concluded, by either."""
    table = Table()
    talk = agreed_talk(table)
    table.do(OFFICER[0], "talks.open-sitting", talk=talk, n=1)
    assert table.enter(OFFICER[0], {"type": "talk.call-off", "talk": talk}) == "sat already"
    table.do(OFFICER[0], "talks.conclude", talk=talk)
    assert [t.status for t in talks_of(table.joint, 0)] == [Status.CONCLUDED]


def test_either_side_calls_a_talk_off_alone() -> None:
    """It needs nobody's leave, closes the talk, and asks nothing more of anybody."""
    table = Table()
    talk = agreed_talk(table)
    table.do(OFFICER[1], "talks.call-off", talk=talk)
    view = talk_view(table.joint, 0, talk)
    assert view is not None
    assert (view.status, view.phase) == (Status.CALLED_OFF, Phase.CLOSED)
    assert view.ended_theirs is not None
    assert steps(table.joint, 0, talk).now == ()
    assert table.enter(OFFICER[0], {"type": "sitting.open", "talk": talk, "n": 1}) == "ended"


def test_the_room_needs_an_agreed_time_and_the_table_an_agreed_agenda() -> None:
    """No sitting before a time is agreed; no item is put on the table that the agenda has not."""
    table = Table()
    talk, _ = propose(table)
    with pytest.raises(TalkNotScheduled):
        table.do(OFFICER[0], "talks.open-sitting", talk=talk, n=1)
    agreed = agreed_talk(table)
    item = item_of(table, agreed)
    with pytest.raises(AgendaNotApproved):
        table.do(OFFICER[0], "talks.put-item", talk=agreed, item=item)
    approved(table, agreed)
    with pytest.raises(NoSuchItem):
        table.do(OFFICER[0], "talks.put-item", talk=agreed, item="elsewhere")
    table.do(OFFICER[0], "talks.put-item", talk=agreed, item=item)


def test_floor_time_is_each_sides_own_measure() -> None:
    """Both measures stand side by side; a sitting that one never opened has none of its."""
    table = Table()
    talk = agreed_talk(table)
    seconds = dict.fromkeys(table.sides, 30)
    act = {"type": "sitting.summary", "talk": talk, "n": 1, "seconds": seconds}
    assert table.enter(OFFICER[0], act) == "no such sitting of yours"
    with pytest.raises(Malformed):
        table.do(OFFICER[0], "talks.note-floor", talk=talk, n=1, seconds={table.sides[0]: 1})
    for s in (0, 1):
        table.do(OFFICER[s], "talks.open-sitting", talk=talk, n=1)
    table.do(OFFICER[0], "talks.note-floor", talk=talk, n=1, seconds={table.sides[0]: 31, table.sides[1]: 30})
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    floor = view.sittings[0].floor_theirs
    assert floor is not None
    assert (floor.ours_s, floor.theirs_s) == (30, 31)
    assert view.sittings[0].floor_ours is None


def test_a_delegation_names_delegates_of_its_own_side() -> None:
    """Nobody of the other side is named."""
    table = Table()
    talk = agreed_talk(table)
    with pytest.raises(Malformed):
        table.do(OFFICER[0], "talks.delegation", talk=talk, delegates=[PRINCIPAL[1].delegate])
    table.do(OFFICER[0], "talks.delegation", talk=talk, delegates=[PRINCIPAL[0].delegate])
    view = talk_view(table.joint, 1, talk)
    assert view is not None
    assert (view.delegation_ours, view.delegation_theirs) == (None, (PRINCIPAL[0].delegate,))


def test_nothing_proposed_shows_nothing() -> None:
    """An unknown talk has no view, and an empty dialogue no talks."""
    table = Table()
    assert talk_view(table.joint, 0, "elsewhere") is None
    assert talks_of(table.joint, 0) == ()
    table.mirrored()
