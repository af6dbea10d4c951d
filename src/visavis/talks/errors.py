"""Errors of talks: what the rules of the talks refuse, before anybody signs.

Lives here: refusals by name. Not here: void reasons of the record (`dialogue.verdicts`), HTTP (`web/errors.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from visavis.errors import Refused


class NoSuchTalk(Refused):
    """No talk of that id was proposed in this dialogue."""

    code = "no-such-talk"


class NoSuchItem(Refused):
    """No item of that id lies on the table of this talk."""

    code = "no-such-item"


class NoSuchPaper(Refused):
    """This side has no paper of that id there, or it is not the asker's to see."""

    code = "no-such-paper"


class PaperGiven(Refused):
    """The paper is given to the other side by an act: it is not taken back, and not given again."""

    code = "paper-given"


class TalkNotScheduled(Refused):
    """Both sides have not agreed a time for this talk."""

    code = "talk-not-scheduled"


class AgendaNotApproved(Refused):
    """No agenda of this talk is approved by both sides."""

    code = "agenda-not-approved"


class PositionHeld(Refused):
    """A position is held back under this item; it is tabled as it was deposited, or replaced by another."""

    code = "position-held"


class NoPositionHeld(Refused):
    """There is no position of this side held back under this item."""

    code = "no-position-held"


class AlternateOfAlternate(Refused):
    """Who stands in for somebody has nobody who stands in for them: else nobody knows who comes."""

    code = "alternate-of-alternate"


EXPLAINED: Mapping[str, str] = {
    "time form": "A time is an instant; a talk’s is in whole minutes, with an end after it.",
    "zones form": "A time names the zone of each of the two sides.",
    "sat already": "Your side has opened a sitting of this talk: conclude it, it can no longer be called off.",
    "item stands by itself": "This item stands on the agenda by itself; nobody puts it there or takes it off.",
    "item of the other side": "The other side put this item on the table.",
    "item twice": "An item stands on an agenda once.",
    "not as deposited": "A position is tabled as it was deposited, word for word; state a new one instead.",
    "sides form": "Floor time is noted for each of the two sides.",
    "no such sitting of yours": "Your side has not opened this sitting.",
}
"""Void reasons of this slice's acts, and what each says to the person refused."""
