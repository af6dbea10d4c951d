"""What is told by mail, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.notices.model import (
    GATHER,
    KINDS,
    LAST_RETRY,
    MOST_TRIES,
    Kind,
    Wishes,
    after_quiet,
    back_off,
    checked,
    due,
    is_address,
)
from visavis.rulebook import EDITION_1


def wishes(zone: str = "Europe/Paris", begins: str = "22:00", ends: str = "07:00") -> Wishes:
    return Wishes("a@example.org", True, "en", zone, begins, ends)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_every_kind_has_acts_that_there_are() -> None:
    """No act is told that the rules do not know, and no kind is empty."""
    assert set(KINDS) - set(EDITION_1.by_type) == set()
    assert set(KINDS.values()) == set(Kind)


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-12-07T21:59+01:00", "2026-12-07T21:59+01:00"),
        ("2026-12-07T22:00+01:00", "2026-12-08T07:00+01:00"),
        ("2026-12-08T06:59+01:00", "2026-12-08T07:00+01:00"),
        ("2026-12-08T07:00+01:00", "2026-12-08T07:00+01:00"),
        ("2026-03-28T23:00+01:00", "2026-03-29T07:00+02:00"),
        ("2026-10-24T23:00+02:00", "2026-10-25T07:00+01:00"),
    ],
)
def test_quiet_hours_end_by_the_delegates_own_clocks(when: str, until: str) -> None:
    """Over midnight, and in a night in which the clocks change."""
    assert after_quiet(at(when), wishes()) == at(until)


def test_quiet_hours_may_be_by_day_or_none() -> None:
    """From an earlier to a later clock they lie within one day; from a clock to itself there are none."""
    noon = at("2026-12-07T12:30+01:00")
    assert after_quiet(noon, wishes(begins="12:00", ends="14:00")) == at("2026-12-07T14:00+01:00")
    assert after_quiet(noon, wishes(begins="12:00", ends="12:00")) == noon
    assert after_quiet(noon, wishes(begins="", ends="")) == noon


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - so it asks
    st.sampled_from(
        ["Europe/Paris", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca"]
    ),
    st.times(),
    st.times(),
)
def test_what_waits_for_the_end_of_the_quiet_waits_less_than_a_day_and_an_hour(when, zone, begins, ends):
    """Whatever hours are quiet, the end is near, not in the past, and not in them; asked again, it stays."""
    hours = wishes(zone, begins.strftime("%H:%M"), ends.strftime("%H:%M"))
    end = after_quiet(when, hours)
    assert when <= end <= when + timedelta(hours=25)
    local = end.astimezone(ZoneInfo(zone))
    if local.astimezone(UTC).astimezone(ZoneInfo(zone)) == local and local.fold == 0:
        assert after_quiet(end, hours) <= end + timedelta(hours=1)


def test_who_waits_in_the_room_is_told_at_once() -> None:
    """Other things are gathered a while."""
    now = at("2026-12-07T12:00+01:00")
    assert due(now, Kind.ROOM, wishes()) == now
    assert due(now, Kind.TIME, wishes()) == now + GATHER


def test_tries_grow_rarer_and_end() -> None:
    """Twelve tries, at most an hour apart."""
    waits = [back_off(n) for n in range(1, MOST_TRIES)]
    assert waits[0] == timedelta(minutes=1) and waits == sorted(waits) and waits[-1] == LAST_RETRY
    assert timedelta(hours=4) < sum(waits, timedelta()) < timedelta(hours=12)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a@b\r\nBcc: x@y", '"a"@b', "a@-b", "a.@b", "é@b", "a@" + "b" * 64,
     "a" * 65 + "@b", "a@b\n", "<a@b>", "a@b,c@d"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """Neither a header nor a command of SMTP can be hidden in an address."""
    assert not is_address(text)
    with pytest.raises(Malformed):
        checked(Wishes(text, True, "en", "UTC"))


@pytest.mark.parametrize("text", ["a@b", "first.last+tag@mail.example.org", "o'neil@x-y.example"])
def test_an_address_is_taken(text: str) -> None:
    """What people have."""
    assert is_address(text)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"quiet_from": "22:00", "quiet_to": ""}, "quiet"),
        ({"quiet_from": "25:00", "quiet_to": "07:00"}, "quiet"),
        ({"kinds": ("gossip",)}, "kinds"),
    ],
)
def test_wishes_that_cannot_be_kept_to_are_refused(changed: dict[str, object], field: str) -> None:
    """The error names the field."""
    given: dict[str, object] = {"address": "a@b", "on": True, "language": "en", "zone": "UTC"}
    with pytest.raises(Malformed) as caught:
        checked(Wishes(**(given | changed)))  # type: ignore[arg-type]
    assert caught.value.details["field"] == field
