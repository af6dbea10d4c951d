"""Agreed times as iCalendar objects. Pure.

Lives here: `Planned`, `planned`, `Wording`, `to_ical`.
Not here: an entry's words, which are in the reader's language (`web.pages.calendars`), addresses (`service`).
Spec: docs/spec/http.md §7; RFC 5545, RFC 7986 §5.

An entry is published, not sent as an invitation: iTIP invites in the name of an organiser (RFC 5546 §3.2.2), and a
talk has none, so there is no ORGANIZER either. The time is written in our zone with that zone's rules beside it
(VTIMEZONE), as both sides agreed it; it is the same moment whatever clocks do meanwhile.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Calendar, Event, Timezone

from visavis.dialogue import chair
from visavis.dialogue.join import Joint
from visavis.talks.acts import CALL_OFF, time_slot
from visavis.talks.model import Status, TimeView, known_talks, talk_view

PRODUCT = "-//Visavis//Talks//EN"
LOOK_AGAIN = timedelta(hours=1)
"""How often a calendar is asked to look (RFC 7986 §5.7); most decide that themselves."""
RULED_YEARS = range(1971, 2037)
"""Years for which rules of a zone are written; the time of a talk outside them is in UTC."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Planned:
    """A talk whose time both sides agreed.

    sequence:  rises with each new time, and once more when it is called off, or comes back (RFC 5545 §3.8.7.4).
    stamp:     when it was agreed or called off, as the nodes state it; aware, UTC.
    """

    dialogue: str
    talk: str
    time: TimeView
    start: datetime
    sequence: int
    stamp: datetime
    called_off: bool

    @property
    def uid(self) -> str:
        """One name for the talk in both sides' calendars, on whatever node it is."""
        return f"{self.talk}.{self.dialogue}@visavis"


@dataclass(frozen=True, slots=True)
class Wording:
    """An entry's words. url: of the talk's page. place: "" where none is shown."""

    title: str
    text: str
    url: str
    place: str = ""


def planned(joint: Joint, us: int) -> tuple[Planned, ...]:
    """Every talk with an agreed time as chair `us` sees it, earliest first."""
    return tuple(each for talk in known_talks(joint) if (each := planned_talk(joint, us, talk)) is not None)


def planned_talk(joint: Joint, us: int, talk: str) -> Planned | None:
    """None: there is no such talk, or no time of it was ever agreed."""
    seen = talk_view(joint, us, talk)
    accords = joint.accords(time_slot(talk))
    start = None if seen is None or seen.time is None else chair.moment(seen.time.start)
    if seen is None or seen.time is None or start is None or not accords:
        return None
    marks = [chair.mark(joint, s, index) for s, index in enumerate(accords[-1].at)]
    ends = chair.end_acts(joint, talk)
    # Called off by one side, and concluded by the other before it had heard: the talk was held, so it comes back.
    turns = 0 if CALL_OFF not in ends else len(ends)
    if turns:
        marks += [mark for mark in (seen.ended_ours, seen.ended_theirs) if mark is not None]
    return Planned(
        joint.sides[0].dialogue,
        talk,
        seen.time,
        start,
        len(accords) - 1 + turns,
        max((chair.moment(mark.time) or NEVER for mark in marks), default=NEVER),
        seen.status is Status.CALLED_OFF,
    )


def to_ical(entries: Iterable[tuple[Planned, Wording]], name: str = "") -> bytes:
    """One VCALENDAR. name: of a feed; "" for a single file."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if name:
        calendar.add("name", _plain(name))
        calendar.add("x-wr-calname", _plain(name))
        calendar.add("refresh-interval", LOOK_AGAIN, parameters={"VALUE": "DURATION"})
    entries = tuple(entries)
    for zone, years in _zones(at for at, _ in entries).items():
        calendar.add_component(_rules(zone, min(years), max(years)))
    for at, said in entries:
        calendar.add_component(_event(at, said))
    return bytes(calendar.to_ical())


def _event(at: Planned, said: Wording) -> Event:
    zone = _zone(at)
    start = at.start if zone is None else at.start.astimezone(zone)
    end = at.start + timedelta(minutes=at.time.minutes)
    event = Event()
    event.add("uid", at.uid)
    event.add("sequence", at.sequence)
    event.add("dtstamp", at.stamp)
    event.add("last-modified", at.stamp)
    event.add("dtstart", start)
    event.add("dtend", end if zone is None else end.astimezone(zone))
    event.add("status", "CANCELLED" if at.called_off else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("summary", _plain(said.title))
    event.add("description", _plain(said.text))
    event.add("url", said.url)
    if said.place:
        event.add("location", _plain(said.place))
    return event


def _zone(at: Planned) -> ZoneInfo | None:
    """Our zone at the talk; None where the time is written in UTC."""
    if at.start.year not in RULED_YEARS or at.time.zone_ours in ("UTC", "Etc/UTC"):
        return None
    try:
        return ZoneInfo(at.time.zone_ours)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _zones(entries: Iterable[Planned]) -> dict[str, list[int]]:
    """Zone → years in which it is needed."""
    found: dict[str, list[int]] = {}
    for at in entries:
        zone = _zone(at)
        if zone is not None:
            found.setdefault(zone.key, []).append(at.start.year)
    return found


@lru_cache(maxsize=256)
def _rules(zone: str, first: int, last: int) -> Timezone:
    """The zone's rules, a year longer at either end: local years are not UTC's, and a talk may last over one."""
    return Timezone.from_tzid(zone, first_date=date(first - 1, 1, 1), last_date=date(last + 2, 1, 1))


def _plain(text: str) -> str:
    """Without control characters, which a calendar's text may not have (RFC 5545 §3.1), but for ends of lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else " " for c in text)
