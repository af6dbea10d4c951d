"""Times as acts and nodes spell them. Pure: no clock.

Lives here: `instant` (read), `spelt` (write), the years that there are.
Not here: zones and calendars for people (`web`), clocks (`bootstrap`).
Spec: docs/spec/record.md §6; RFC 3339.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Outside them a time is none: whatever reads it can then reckon with zones and spans without an overflow."""
_UTC = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ\Z", re.ASCII)
"""Hours to 23, said here: newer Pythons read 24:00:00 as the next day, and two readers must not differ."""


def instant(text: str) -> datetime | None:
    """An RFC 3339 time with its offset; aware, UTC. None if it is not one, or in none of our years."""
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is None:
            return None
        parsed = parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if FIRST_YEAR <= parsed.year <= LAST_YEAR else None


def spelt(at: datetime) -> str:
    """The one spelling of a time in an act: UTC, whole seconds, "2021-12-07T15:00:00Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_spelt(text: str) -> bool:
    """Whether `text` is a time in that one spelling, so that equal times have equal hashes."""
    return _UTC.match(text) is not None and instant(text) is not None
