"""Which acts of the other side are told by mail, to whom and when. Pure.

Lives here: `Kind`, `KINDS`, `Wishes`, `due`, `after_quiet`, `back_off`.
Not here: sending (`service`), words (`web.letters`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from visavis.errors import Malformed


class Kind(StrEnum):
    """What a delegate can ask to be told of."""

    TIME = "time"
    AGENDA = "agenda"
    ROOM = "room"
    TEXT = "text"
    REVIEW = "review"
    PRESS = "press"
    PEOPLE = "people"


KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("talk.propose", "talk.offer", "talk.accept", "talk.withdraw", "talk.decline", "talk.call-off"),
        Kind.TIME,
    ),
    **dict.fromkeys(
        (
            "item.propose",
            "item.position",
            "item.initiative",
            "item.paper",
            "agenda.table",
            "agenda.offer",
            "agenda.approve",
            "agenda.withdraw",
            "agenda.decline",
        ),
        Kind.AGENDA,
    ),
    **dict.fromkeys(("sitting.open", "talk.conclude"), Kind.ROOM),
    **dict.fromkeys(
        (
            "understanding.table",
            "understanding.offer",
            "understanding.initial",
            "understanding.divergence",
            "understanding.sign",
            "understanding.withdraw",
            "understanding.decline",
            "understanding.end",
            "rules.adopt",
            "dialogue.end",
        ),
        Kind.TEXT,
    ),
    **dict.fromkeys(("understanding.assess", "relation.condition"), Kind.REVIEW),
    **dict.fromkeys(
        (
            "readout.release",
            "readout.table-joint",
            "readout.offer-joint",
            "readout.approve-joint",
            "readout.withdraw-joint",
            "readout.decline-joint",
            "readout.release-joint",
            "statement.release",
            "statement.announce",
            "press-call.arm",
            "press-call.call",
        ),
        Kind.PRESS,
    ),
    **dict.fromkeys(("talk.delegation", "side.powers"), Kind.PEOPLE),
}
"""Act → its kind. What is not here (ranks, floor time, receipts, keys of a side and who is admitted to it) waits for
nobody."""

GATHER = timedelta(minutes=5)
"""What comes within it goes in one mail."""
FIRST_RETRY, LAST_RETRY = timedelta(minutes=1), timedelta(hours=1)
MOST_TRIES = 12
"""About eight hours; then a mail is given up, since the page has said the same all along."""
OLDEST = timedelta(days=1)
"""An act before that is no news: a node that was off so long tells nobody of it."""
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one delegate wants to be told.

    on: whether at all. address: RFC 5321, ASCII. language: of the mails. zone: the delegate's own, IANA.
    quiet_from, quiet_to: "22:00", "07:00" on their own clocks; "" and "": never quiet.
    kinds: of `Kind`. named: whether a mail says the two sides' names.
    confirmed: whether whoever reads that address has said that it is theirs. asked: hash of the token in the mail that
    asks them; "": none was sent.
    """

    address: str
    on: bool
    language: str
    zone: str
    quiet_from: str = ""
    quiet_to: str = ""
    kinds: tuple[str, ...] = tuple(Kind)
    named: bool = False
    confirmed: bool = False
    asked: str = ""

    @property
    def wanted(self) -> bool:
        """Whether mails are to go out: asked for, and to an address that is confirmed."""
        return self.on and self.confirmed


def checked(wishes: Wishes) -> Wishes:
    """The same, if all of it can be kept to. Raises `Malformed`, naming the field."""
    if (wishes.address or wishes.on) and not is_address(wishes.address):
        raise Malformed("address: a mail address is due", field="address")
    try:
        ZoneInfo(wishes.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Malformed("zone: a time zone is due, as Europe/Paris", field="zone") from error
    clocks = [clock for clock in (wishes.quiet_from, wishes.quiet_to) if clock]
    if len(clocks) == 1 or not all(_CLOCK.fullmatch(clock) for clock in clocks):
        raise Malformed("quiet: two times are due, as 22:00, or none", field="quiet")
    if not set(wishes.kinds) <= set(Kind):
        raise Malformed("kinds: this is none", field="kinds")
    return wishes


def is_address(text: str) -> bool:
    """A mail address in ASCII of at most 254 characters, without quotes, comments or a name (RFC 5321 §4.1.2)."""
    local = text.partition("@")[0]
    return len(text) <= 254 and len(local) <= 64 and _ADDRESS.fullmatch(text) is not None


def due(at: datetime, kind: Kind, wishes: Wishes) -> datetime:
    """When what happened at `at` is to be sent: who waits in the room waits now."""
    return after_quiet(at if kind is Kind.ROOM else at + GATHER, wishes)


def after_quiet(at: datetime, wishes: Wishes) -> datetime:
    """`at`, or the end of the quiet hours that it falls into; aware, UTC.

    The hours are those of the delegate's clocks, so a night in which clocks change is an hour longer or shorter.
    """
    if not wishes.quiet_from or wishes.quiet_from == wishes.quiet_to:
        return at
    local = at.astimezone(ZoneInfo(wishes.zone))
    begins, ends = time.fromisoformat(wishes.quiet_from), time.fromisoformat(wishes.quiet_to)
    clock = local.time().replace(tzinfo=None)
    if not (begins <= clock < ends if begins < ends else clock >= begins or clock < ends):
        return at
    day = local.date() if clock < ends else local.date() + timedelta(days=1)
    return max(at, datetime.combine(day, ends, local.tzinfo).astimezone(UTC))


def back_off(tries: int) -> timedelta:
    """How long to wait after so many failures, one at least."""
    return min(FIRST_RETRY * (1 << min(tries - 1, 16)), LAST_RETRY)
