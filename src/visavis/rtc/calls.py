"""What a node asks of whatever serves its calls: in this process, or a LiveKit deployment elsewhere.

Lives here: `Calls`.
Not here: who serves them (`service`; `engines.livekit`), what forwards media in this process (`ports`).

Clients speak the same protocol to either, with the same tokens. Which it is, is a setting
(`bootstrap.open_node`); both pass `tests/conformance/test_calls.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Calls(Protocol):
    """A call's server as the rest of the node knows it. No call of these waits for anything."""

    def url(self, own: str) -> str:
        """Where clients connect to. own: how the asker reaches this node."""
        ...

    def mint(self, room: str, identity: str) -> str:
        """An access token for one participant in one room, good for ten minutes; it is expected there from now on."""
        ...

    def expect(self, room: str, identity: str) -> None:
        """Somebody was given a token by this node before a restart, and may still be there."""
        ...

    def remove(self, room: str, identity: str) -> bool:
        """Put a participant out; tokens it holds are void. Whether it was there, as far as is known by now.

        The caller has the right to: a side removes its own delegates only.
        """
        ...

    def stats(self) -> Mapping[str, int]:
        """Counters, by name."""
        ...
