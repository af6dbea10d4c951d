"""The lobby of a sitting: who of each side stands at the door, is ready, is in. In memory, and by their own word.

Lives here: `Lobby`, `Presence`. It only says who is here; it lets nobody in.
Not here: who may go in (`seating`), who is in by proof (the room's padlock: docs/spec/keys.md §4.1).
Spec: docs/spec/http.md §5.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

LASTS_S = 30.0
"""A word counts for so long; a page says it again every ten seconds."""


class Presence(StrEnum):
    """door: the room's page is open. ready: camera, microphone and network were looked at. in: in the call."""

    DOOR = "door"
    READY = "ready"
    IN = "in"


Sitting = tuple[str, str, int]
"""Dialogue, talk, n."""
Person = tuple[str, str]
"""Side, delegate."""


@dataclass(slots=True)
class Lobby:
    """Who is where, for every sitting that somebody waits for. clock: seconds, monotonic."""

    clock: Callable[[], float] = time.monotonic
    _said: dict[Sitting, dict[Person, tuple[Presence, float]]] = field(default_factory=dict)

    def say(self, sitting: Sitting, person: Person, presence: Presence | None) -> bool:
        """Take somebody's word on themselves; None: they are gone. Whether anything is new by it."""
        before = self.of(sitting)
        people = self._said.setdefault(sitting, {})
        if presence is None:
            people.pop(person, None)
        else:
            people[person] = (presence, self.clock() + LASTS_S)
        if not people:
            del self._said[sitting]
        return self.of(sitting) != before

    def of(self, sitting: Sitting) -> Mapping[Person, Presence]:
        """Who is here now; whoever has not said so for a while is not."""
        now = self.clock()
        people = self._said.get(sitting, {})
        for person in [each for each, (_, until) in people.items() if until <= now]:
            del people[person]
        return {person: presence for person, (presence, _) in people.items()}

    def mark(self, sitting: Sitting) -> str:
        """The same as long as everybody is where they were; eight characters."""
        lines = sorted(
            f"{side}/{delegate}/{presence}" for (side, delegate), presence in self.of(sitting).items()
        )
        return sha256("\n".join(lines).encode()).hexdigest()[:8]
