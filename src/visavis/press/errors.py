"""Errors of the press: what the rules of the talks refuse, before anybody signs.

Lives here: refusals by name. Not here: void reasons of the record (`dialogue.verdicts`), HTTP (`web/errors.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

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


class JointNotApproved(Refused):
    """The joint readout is not approved by both sides."""

    code = "joint-not-approved"


class CommentRefused(Refused):
    """A reader's comment is empty, too long, or one too many; nothing was kept."""

    code = "comment-refused"


EXPLAINED: Mapping[str, str] = {
    "cleared already": "This version was cleared already; clear the next one.",
    "version out of turn": "Versions of a release are numbered from 1, one after the other.",
    "release of another kind": "A release stays what it was, of the talk that it was of.",
    "not cleared": "This version was not cleared by a delegate with full powers.",
    "released already": "This was released already.",
    "not approved by both": "The joint readout is not approved by both sides.",
    "called already": "Your side has called the press already.",
}
"""Void reasons of this slice's acts, and what each says to the person refused."""
