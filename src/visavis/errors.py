"""The errors of Visavis, grouped by who must act.

Lives here: the root and its four families. Slices define their own errors under one of the four.
Not here: HTTP status, translation and problem details (`web/errors.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

_PLACE = re.compile(r"%\((\w+)\)s")


def filled(phrase: str, details: Mapping[str, object]) -> str:
    """`phrase` with `%(name)s` replaced by what `details` has of that name; a name it has not stays as it is."""
    return _PLACE.sub(lambda at: str(details.get(at[1], at[0])), phrase)


class VisavisError(Exception):
    """Root of all errors that Visavis raises on purpose.

    code:    stable, kebab-case, never translated; what programs compare.
    phrase:  the message before `%(name)s` in it are filled from the details: the key of its translations.
    message: safe to show to the person who caused it; holds no secret and no content of the other side.
    details: JSON-able facts for the page or the program (ids, sizes, names of fields).
    """

    code: ClassVar[str] = "visavis-error"

    def __init__(self, phrase: str, **details: object) -> None:
        self.phrase = phrase
        self.message = filled(phrase, details)
        self.details = details
        super().__init__(self.message)


class Refused(VisavisError):
    """The rules of the talks say no. Nothing was written; another act may be allowed."""

    code = "refused"


class Malformed(VisavisError):
    """Bytes or fields break the specification. `message` says what and where."""

    code = "malformed"


class Untrusted(VisavisError):
    """A signature, a proof or an identity fails."""

    code = "untrusted"


class Unavailable(VisavisError):
    """The engine, the counterpart or the store does not answer; a retry may help."""

    code = "unavailable"
