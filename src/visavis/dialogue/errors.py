"""Errors of the dialogue.

Lives here: `ActVoid` (an act that the rules do not allow, before it is written), `NotTabled`, `ChangedMeanwhile`,
`ContentMissing`, `Forked`, `CosignedLarger`, `LogBehind`, `LogDiffers`, `LogDamaged`, `LogKeyMissing`, `SideMoved`.
Not here: the reasons themselves (`verdicts`), their translation and HTTP status (`web/errors.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from visavis.dialogue import verdicts
from visavis.errors import Refused, Unavailable, Untrusted
from visavis.record.entry import Seen


class ActVoid(Refused):
    """The rules say no to this act; nothing was written.

    reason: a word of `verdicts`, or of a slice. code: the reason in kebab case ("one-sided-guarantee").
    """

    code = "act-void"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason


def act_void(reason: str, explained: Mapping[str, str] = verdicts.EXPLAINED) -> ActVoid:
    """The error for a void reason, with the reason as its stable code. explained: reason → what it says."""
    kind = type("ActVoid", (ActVoid,), {"code": reason_code(reason)})
    error: ActVoid = kind(reason, explained.get(reason, f"The rules say no: {reason}."))
    return error


def reason_code(reason: str) -> str:
    """A void reason as a code: "one-sided guarantee" → "one-sided-guarantee"."""
    return reason.replace(" ", "-").lower()


class ContentMissing(Refused):
    """Not all that a text says is at hand, or opens its commitment: nobody signs what they cannot read.

    details: missing, how many contents.
    """

    code = "content-missing"


class ChangedMeanwhile(Refused):
    """The asker's side has said this anew since the asker saw it, or either side has tabled another version.

    details: of ("said", "tabled", "cleared"); seen, how often by now; texts, [[language, words], …] as they stand: our
    side's own word, or the last version tabled, whose words are both sides'.
    """

    code = "changed-meanwhile"


class NotTabled(Refused):
    """Nothing with that hash was tabled there."""

    code = "not-tabled"


class Forked(Untrusted):
    """The other side signed two histories of its log. What was accepted stays; both signatures are proof.

    held, shown: two checkpoints of that side that cannot both be true.
    """

    code = "forked"

    def __init__(self, held: Seen, shown: Seen) -> None:
        super().__init__(
            f"the counterpart signed two histories of its log (sizes {held.size} and {shown.size})",
            held=held.size,
            shown=shown.size,
        )
        self.held = held
        self.shown = shown


class CosignedLarger(Refused):
    """A larger checkpoint of this log is cosigned already; a smaller one never is."""

    code = "cosigned-larger"


class LogBehind(Unavailable):
    """The own log is shorter than what is known to have been signed of it: fetch it back before writing."""

    code = "log-behind"


class LogDiffers(Untrusted):
    """The own log is not the one that the other side holds a signature of: nothing may be written."""

    code = "log-differs"


class LogDamaged(Unavailable):
    """A log on this node's disk is not as it was written: it is neither shown nor written until it is mended."""

    code = "log-damaged"


class LogKeyMissing(Unavailable):
    """The log key in force is not at this node: nothing is written until the side has replaced it."""

    code = "log-key-missing"


class SideMoved(Unavailable):
    """The side's log is written at another node now. details: address, where that is."""

    code = "side-moved"
