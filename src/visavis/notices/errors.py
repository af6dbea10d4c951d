"""Why a notice is not sent. Lives here: `Undeliverable`."""

from __future__ import annotations

from visavis.errors import Refused


class Undeliverable(Refused):
    """The mail server will not take this mail, however often it is asked."""

    code = "undeliverable"
