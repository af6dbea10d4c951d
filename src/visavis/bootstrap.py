"""How a node is put together: the one place that knows the slices, the store and the engine at once.

Lives here: `open_node`, `open_record`. Not here: use cases (`node` and the slices), the application (`web.app`).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import msgspec

from visavis.config import Settings
from visavis.dialogue.admission import Admission
from visavis.dialogue.service import Dialogues
from visavis.errors import Unavailable
from visavis.node import Node
from visavis.press.service import Desk
from visavis.record.digest import to_text
from visavis.rtc.engines.embedded import EmbeddedEngine
from visavis.rtc.service import CallService
from visavis.rtc.tokens import TokenKey
from visavis.rulebook import COMMANDS, EDITION_1
from visavis.seating import Seating
from visavis.serving import write_private
from visavis.store.press import SqliteComments, SqliteDrafts
from visavis.store.sqlite import open_store

DATABASE = "visavis.sqlite"
CALL_KEY = "call-key.json"


class SystemFresh:
    """Randomness of the operating system."""

    def id(self) -> str:
        return to_text(secrets.token_bytes(12))

    def salt(self) -> bytes:
        return secrets.token_bytes(32)


@asynccontextmanager
async def open_node(settings: Settings) -> AsyncIterator[Node]:
    """A node, its logs read and its engine running, until the block ends.

    Raises `Unavailable` if the data cannot be read or the call's port is taken.
    """
    store = await open_store(settings.data / DATABASE)
    try:
        fresh = SystemFresh()
        dialogues = Dialogues(store, EDITION_1, COMMANDS, now, fresh)
        await dialogues.load()
        engine = EmbeddedEngine(settings.host, settings.udp_port, list(settings.advertise) or [settings.host])
        async with (
            CallService(engine, call_key(settings.data)) as call,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(dialogues.run)
            seating = Seating(dialogues, call, now)
            await seating.load()
            desk = Desk(SqliteComments(store), now, fresh)
            yield Node(
                settings,
                Admission(store, now, fresh),
                dialogues,
                call,
                seating,
                desk,
                SqliteDrafts(store),
                engine.port,
            )
            tasks.cancel_scope.cancel()
    finally:
        await store.close()


@asynccontextmanager
async def open_record(data: Path) -> AsyncIterator[Dialogues]:
    """The dialogues in a node's data, to be read beside the node if it runs; nothing runs and nothing is made.

    Raises `Unavailable` if there is no node's data, or it cannot be read.
    """
    async with open_door(data) as (dialogues, _):
        yield dialogues


@asynccontextmanager
async def open_door(data: Path) -> AsyncIterator[tuple[Dialogues, Admission]]:
    """As `open_record`, and the door beside it: links made here are good at the node that runs."""
    path = data / DATABASE
    if not path.is_file():
        raise Unavailable(f"there is no node's data at {data}")
    store = await open_store(path)
    try:
        dialogues = Dialogues(store, EDITION_1, COMMANDS, now, SystemFresh())
        await dialogues.load()
        yield dialogues, Admission(store, now, SystemFresh())
    finally:
        await store.close()


def now() -> datetime:
    return datetime.now(UTC)


def call_key(data: Path) -> TokenKey:
    """The key of the call's tokens: made once, kept over restarts, since clients come back with old tokens."""
    path = data / CALL_KEY
    try:
        return msgspec.json.decode(path.read_bytes(), type=TokenKey)
    except FileNotFoundError:
        key = TokenKey(to_text(secrets.token_bytes(9)), to_text(secrets.token_bytes(32)))
    except (msgspec.DecodeError, OSError) as error:
        raise Unavailable("the call's key cannot be read", path=path.name) from error
    try:
        write_private(path, msgspec.json.encode(key))
    except OSError as error:
        raise Unavailable("the call's key cannot be kept", path=path.name) from error
    return key
