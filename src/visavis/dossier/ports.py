"""What papers need of a store. Protocols and the row that crosses them. Pure.

Lives here: `Paper`, `PaperStore`. Not here: SQL (`store.papers`), use cases (`service`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from visavis.dossier.files import Kind


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that a side has laid under an item, without its bytes.

    side: whose it is. item: "" for the talk as a whole. name: as `files.clean_name` gives it. size: bytes.
    digest: SHA-256 of the bytes, 64 hexadecimal characters. by: the delegate who laid it. at: aware, UTC.
    non_paper: whether it is given as one. dropped: the one side that has thrown its copy of a non-paper away, or "".
    """

    dialogue: str
    side: str
    id: str
    talk: str
    item: str
    name: str
    kind: Kind
    size: int
    digest: str
    by: str
    at: datetime
    non_paper: bool = False
    dropped: str = ""


class PaperStore(Protocol):
    async def add(self, paper: Paper, data: bytes) -> None: ...

    async def all(self) -> Sequence[Paper]: ...

    async def data(self, dialogue: str, paper: str) -> bytes | None: ...

    async def mark(self, paper: Paper) -> None:
        """Keep what may change of it: `non_paper` and `dropped`."""
        ...

    async def drop(self, dialogue: str, paper: str) -> bool:
        """Delete it, so that no byte of it is in the store's files; False, and nothing done, if an entry binds it."""
        ...
