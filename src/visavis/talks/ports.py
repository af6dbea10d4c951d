"""What talks need of a store beside the record. Protocols. Pure.

Lives here: `AlternateStore`. Not here: SQL (`store.alternates`), use cases (`alternates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class AlternateStore(Protocol):
    async def keep(self, dialogue: str, side: str, talk: str, delegate: str, stands_for: str) -> None:
        """`delegate` stands in for `stands_for` at that talk, and for nobody else any more."""
        ...

    async def drop(self, dialogue: str, side: str, talk: str, delegate: str) -> None: ...

    async def of(self, dialogue: str, side: str, talk: str) -> Mapping[str, str]:
        """Alternate → whom they stand in for, ids of delegates of that side."""
        ...
