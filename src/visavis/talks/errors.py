"""Errors of talks: what the rules of the talks refuse, before anybody signs.

Lives here: refusals by name. Not here: void reasons of the record (`dialogue.verdicts`), HTTP (`web/errors.py`).
"""

from __future__ import annotations

from visavis.errors import Refused


class NoSuchTalk(Refused):
    """No talk of that id was proposed in this dialogue."""

    code = "no-such-talk"


class NoSuchItem(Refused):
    """No item of that id lies on the table of this talk."""

    code = "no-such-item"


class NotTabled(Refused):
    """Nothing with that hash was tabled there."""

    code = "not-tabled"


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
