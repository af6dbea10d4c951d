"""Talks as iCalendar, read back by the library that calendars are read with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar, Event
from tests.talks.table import OFFICER, Table, tabled_last
from tests.talks.test_talks import propose

from visavis.calendars.model import Wording, planned, planned_talk, to_ical

NEW_YORK, MOSCOW = "America/New_York", "Europe/Moscow"


def table(*zones: str) -> Table:
    made = Table()
    for s, zone in enumerate(zones or (NEW_YORK, MOSCOW)):
        made.do(OFFICER[s], "dialogue.profile", zone=zone, languages=["en"])
    return made


def agree(at: Table, start: str, talk: str | None = None, minutes: int = 60) -> str:
    """Both accept a time, a new one for `talk` if that is given; the talk's id."""
    again = {} if talk is None else {"talk": talk}
    talk, hash_ = propose(at, start=start, minutes=minutes, **again)
    for s in (0, 1):
        at.do(OFFICER[s], "talks.accept", talk=talk, hash=hash_)
    return talk


def read(at: Table, us: int = 0, said: Wording | None = None) -> list[Event]:
    """The feed of chair `us`, written and read back."""
    words = said or Wording("A talk", "Their time: 18:00", "https://talks.example/d/x/talks/y")
    calendar = Calendar.from_ical(to_ical([(each, words) for each in planned(at.joint, us)], "Talks"))
    assert not calendar.errors
    return list(calendar.walk("VEVENT"))


def test_a_proposed_time_is_in_nobodys_calendar() -> None:
    """Only what both sides have agreed stands there."""
    at = table()
    talk, _ = propose(at)
    assert planned(at.joint, 0) == ()
    assert planned_talk(at.joint, 0, talk) is None
    assert planned_talk(at.joint, 0, "no-such-talk") is None


@pytest.mark.parametrize(
    ("start", "here", "there"),
    [
        ("2021-12-07T15:00:00Z", "10:00", "18:00"),
        ("2022-03-12T15:00:00Z", "10:00", "18:00"),
        ("2022-03-14T15:00:00Z", "11:00", "18:00"),
    ],
)
def test_a_talk_is_at_one_moment_on_both_sides_clocks(start: str, here: str, there: str) -> None:
    """Before and after one side's clocks change, each calendar shows its own side's time of the same moment."""
    at = table()
    agree(at, start)
    for us, clock, zone in ((0, here, NEW_YORK), (1, there, MOSCOW)):
        (event,) = read(at, us)
        assert event.start.strftime("%H:%M") == clock
        assert event["dtstart"].params["TZID"] == zone
        assert event.start.astimezone(UTC) == datetime.fromisoformat(start)
        assert event.end - event.start == timedelta(hours=1)


def test_a_talk_may_last_over_a_change_of_clocks() -> None:
    """A talk that begins before the clocks go forward ends a true two hours later."""
    at = table()
    agree(at, "2022-03-13T06:00:00Z", minutes=120)
    (event,) = read(at)
    assert (event.start.strftime("%H:%M"), event.end.strftime("%H:%M")) == ("01:00", "04:00")
    assert event.end.astimezone(UTC) - event.start.astimezone(UTC) == timedelta(hours=2)


def test_the_zones_rules_lie_beside_the_times() -> None:
    """A reader that knows no zone of its own finds the offset that holds at the talk among the calendar's rules."""
    at = table()
    for start in ("2021-12-07T15:00:00Z", "2022-07-07T15:00:00Z"):
        agree(at, start)
    words = Wording("A talk", "", "https://talks.example/")
    calendar = Calendar.from_ical(to_ical([(each, words) for each in planned(at.joint, 0)]))
    (zone,) = calendar.timezones
    assert zone.tz_name == NEW_YORK
    rules = zone.to_tz(lookup_tzid=False)
    for event, hours in zip(calendar.walk("VEVENT"), (-5, -4), strict=True):
        assert rules.utcoffset(event.start.replace(tzinfo=None)) == timedelta(hours=hours)
    assert not calendar.get_missing_tzids()


def test_a_new_time_is_the_same_entry_with_a_higher_sequence() -> None:
    """Name and place in both calendars stay; the sequence rises with each new time and when the talk is called off."""
    at = table()
    talk = agree(at, "2021-12-07T15:00:00Z")
    (first,) = read(at)
    agree(at, "2021-12-09T15:00:00Z", talk)
    (second,) = read(at)
    at.do(OFFICER[1], "talks.call-off", talk=talk)
    (third,) = read(at)
    assert len({str(event["uid"]) for event in (first, second, third, *read(at, 1))}) == 1
    assert [event["sequence"] for event in (first, second, third)] == [0, 1, 2]
    assert [str(event["status"]) for event in (first, second, third)] == [
        "CONFIRMED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert second.start.day == third.start.day == 9
    assert first.DTSTAMP < second.DTSTAMP < third.DTSTAMP


def test_another_time_on_offer_changes_nothing() -> None:
    """Until both have accepted it, the agreed time stands."""
    at = table()
    talk = agree(at, "2021-12-07T15:00:00Z")
    before = read(at)
    propose(at, talk=talk, start="2021-12-09T15:00:00Z")
    assert [event.to_ical() for event in read(at)] == [event.to_ical() for event in before]
    assert tabled_last(at)


@pytest.mark.parametrize("start", ["1905-01-01T00:30:00Z", "2999-12-31T23:30:00Z"])
def test_a_time_beyond_the_rules_is_in_utc(start: str) -> None:
    """Of a year for which nobody knows a zone's rules, the moment is said in UTC."""
    at = table()
    agree(at, start, minutes=15)
    (event,) = read(at)
    assert event["dtstart"].to_ical() == start.translate({ord(c): None for c in "-:"}).encode()


def test_hostile_words_stay_words() -> None:
    """Ends of lines, separators and control characters in a title begin no property of their own."""
    at = table()
    agree(at, "2021-12-07T15:00:00Z")
    title = "A; b, c\\\r\nATTENDEE:mailto:x@example.org\nEND:VEVENT\x00\x1b[31m" + "й" * 200
    (event,) = read(at, said=Wording(title, title, "https://talks.example/", "x\r\nBEGIN:VALARM"))
    expected = "A; b, c\\\nATTENDEE:mailto:x@example.org\nEND:VEVENT  [31m" + "й" * 200
    assert str(event["summary"]) == str(event["description"]) == expected
    assert "attendee" not in event and not event.walk("VALARM")


def test_a_talk_that_was_held_after_all_comes_back() -> None:
    """One side calls it off, the other, which has not heard of it, concludes it: the entry is not cancelled, and a
    calendar that has it as cancelled takes it for newer."""
    at = table()
    talk = agree(at, "2021-12-07T15:00:00Z")
    heard = [state.size for state in at.states]
    at.do(OFFICER[0], "talks.call-off", talk=talk)
    (off,) = read(at)
    at.deaf = [heard[1], heard[0]]
    at.do(OFFICER[1], "talks.conclude", talk=talk)
    (held,) = read(at)
    assert (off["sequence"], str(off["status"])) == (1, "CANCELLED")
    assert (held["sequence"], str(held["status"])) == (2, "CONFIRMED")
    assert off.DTSTAMP < held.DTSTAMP
