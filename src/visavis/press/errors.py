"""Errors of the press: what the rules of the talks refuse, before anybody signs.

Lives here: refusals by name. Not here: void reasons of the record (`dialogue.verdicts`), HTTP (`web/errors.py`).
"""

from __future__ import annotations

from visavis.errors import Refused


class NotCleared(Refused):
    """That version of the release was not cleared by a delegate with full powers."""

    code = "not-cleared"


class Embargoed(Refused):
    """It is not to go out before its time. details: until."""

    code = "embargoed"


class NoSuchRelease(Refused):
    """No release of that id, or none that this side may see."""

    code = "no-such-release"


class NotTabled(Refused):
    """Nothing with that hash was tabled there."""

    code = "not-tabled"


class JointNotApproved(Refused):
    """The joint readout is not approved by both sides."""

    code = "joint-not-approved"


class CommentRefused(Refused):
    """A reader's comment is empty, too long, or one too many; nothing was kept."""

    code = "comment-refused"
