"""How a node is put together: the one place that knows the slices, the store and the engine at once.

Lives here: `open_node`, `open_calls`, `open_engine`, `open_record`, `open_door`, `open_stopped`, `move_out`, `alone`,
the keys that a node keeps.
Not here: use cases (`node` and the slices), the application (`web.app`).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import msgspec
from cryptography.x509 import Certificate

from visavis.authority import HttpAuthority
from visavis.calendars.service import Feeds
from visavis.config import EngineSettings, Settings
from visavis.dialogue.admission import Admission
from visavis.dialogue.service import Dialogues
from visavis.dialogue.stamping import Stamping
from visavis.dossier.service import Dossier, Limits
from visavis.errors import Malformed, Refused, Unavailable
from visavis.node import Node
from visavis.notices.model import is_address
from visavis.notices.service import Notices
from visavis.paper.sealing import Seal, make_seal, read_seal
from visavis.post import Outbox, SmtpPost
from visavis.press.desk import Desk
from visavis.record.digest import to_text
from visavis.record.timestamp import read_authorities
from visavis.rtc.calls import Calls
from visavis.rtc.engines.embedded import EmbeddedEngine, found_interfaces
from visavis.rtc.engines.livekit import LiveKitCalls
from visavis.rtc.places import Place, places
from visavis.rtc.policy import RoomPolicy
from visavis.rtc.relays import Relay, coturn_config
from visavis.rtc.service import CallService
from visavis.rtc.tokens import AS_LIVEKIT, TokenKey
from visavis.rulebook import COMMANDS, EDITION_1
from visavis.seating import Seating
from visavis.serving import write_private
from visavis.store import schema
from visavis.store.alternates import SqliteAlternates
from visavis.store.calendars import SqliteFeeds
from visavis.store.notices import SqliteNotices
from visavis.store.papers import SqlitePapers
from visavis.store.press import SqliteComments, SqliteDrafts
from visavis.store.remarks import SqliteRemarks
from visavis.store.sqlite import LOGS, open_store
from visavis.talks.alternates import Alternates
from visavis.understandings.remarks import Remarks

DATABASE = "visavis.sqlite"
LOCK = "lock"
CALL_KEY = "call-key.json"
TURN_SECRET = "turn-secret"  # noqa: S105 - the name of its file
SEAL = "seal-{side}.pem"
OUTBOX = "outbox"


class SystemFresh:
    """Randomness of the operating system."""

    def id(self) -> str:
        return to_text(secrets.token_bytes(12))

    def salt(self) -> bytes:
        return secrets.token_bytes(32)


@asynccontextmanager
async def open_node(settings: Settings) -> AsyncIterator[Node]:
    """A node, its logs read and its engine running, until the block ends.

    Raises `Unavailable` if the data cannot be read or is another node's, or the call's port is taken.
    """
    with alone(settings.data):
        async with _open_node(settings) as node:
            yield node


@asynccontextmanager
async def _open_node(settings: Settings) -> AsyncIterator[Node]:
    authority = timestamp_authority(settings)
    store = await open_store(settings.data / DATABASE)
    try:
        fresh = SystemFresh()
        dialogues = Dialogues(store, EDITION_1, COMMANDS, now, fresh)
        await dialogues.load()
        async with (
            open_calls(settings) as (call, signalling, udp_port),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(dialogues.run)
            if authority is not None:
                tasks.start_soon(Stamping(dialogues, authority).run)
            seating = Seating(dialogues, call, now)
            await seating.load()
            notices = notices_of(settings, SqliteNotices(store), dialogues, fresh)
            await notices.load()
            tasks.start_soon(notices.run)
            dossier = Dossier(SqlitePapers(store), dialogues, limits_of(settings), now, fresh)
            await dossier.load()
            desk = Desk(SqliteComments(store), now, fresh)
            yield Node(
                settings,
                Admission(store, now, fresh),
                dialogues,
                call,
                signalling,
                seating,
                desk,
                SqliteDrafts(store),
                Remarks(SqliteRemarks(store), now, fresh),
                Feeds(SqliteFeeds(store), dialogues, now),
                notices,
                dossier,
                Alternates(SqliteAlternates(store)),
                udp_port,
                partial(side_seal, settings.data),
            )
            tasks.cancel_scope.cancel()
    finally:
        await store.close()


@asynccontextmanager
async def open_calls(settings: Settings) -> AsyncIterator[tuple[Calls, CallService | None, int]]:
    """What serves the calls, until the block ends: the node's own engine, or a LiveKit deployment if one is set.

    With the service that is to be mounted, and its UDP port; None and 0 with a deployment: clients go to it. Raises
    `Unavailable` if the port is taken.
    """
    if settings.livekit_url is not None and settings.livekit_key is not None:
        calls = LiveKitCalls(settings.livekit_url, TokenKey(*settings.livekit_key))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(calls.run)
            yield calls, None, 0
            tasks.cancel_scope.cancel()
        return
    engine = embedded_engine(settings, settings.host)
    relay = relay_of(settings, partial(turn_secret, settings.data))
    rooms = CallService(engine, call_key(settings.data), policy=lambda _: NODE_ROOMS, relay=relay)
    async with rooms as service:
        yield service, service, engine.port


def timestamp_authority(settings: Settings) -> HttpAuthority | None:
    """Whom the node asks for timestamps; None: nobody. Raises `Unavailable`, `Malformed` for its CA's file."""
    if settings.timestamp_authority is None:
        return None
    roots: tuple[Certificate, ...] = ()
    if settings.timestamp_ca is not None:
        try:
            roots = read_authorities(settings.timestamp_ca.read_bytes())
        except OSError as error:
            raise Unavailable(
                "the timestamp authority's CA file cannot be read", path=settings.timestamp_ca.name
            ) from error
    return HttpAuthority(settings.timestamp_authority, roots, settings.timestamp_policy)


def notices_of(settings: Settings, store: SqliteNotices, dialogues: Dialogues, fresh: SystemFresh) -> Notices:
    """Mails to delegates: by the SMTP server that is set, else into the outbox in the node's data."""
    from visavis.web.letters import (  # here, since commands that run no node need no words of pages
        asking,
        letter,
    )

    post = mail_server(settings) or Outbox(settings.data / OUTBOX)
    url, sender = pages_url(settings), mail_sender(settings)
    return Notices(store, dialogues, post, letter, asking, url=url, sender=sender, clock=now, fresh=fresh)


def limits_of(settings: Settings) -> Limits:
    """How much of papers a side may lay."""
    return Limits(settings.paper_mib * 1024 * 1024, settings.papers_mib * 1024 * 1024)


def mail_server(settings: Settings) -> SmtpPost | None:
    """The SMTP server that is set; None: there is none."""
    if settings.smtp_url is None:
        return None
    return SmtpPost(settings.smtp_url, helo=mail_sender(settings).partition("@")[2])


def mail_sender(settings: Settings) -> str:
    """The address that notices come from."""
    own = f"visavis@{urlsplit(pages_url(settings)).hostname}"
    return settings.mail_from or (own if is_address(own) else "visavis@localhost")


def pages_url(settings: Settings) -> str:
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def embedded_engine(settings: Settings | EngineSettings, host: str) -> EmbeddedEngine:
    """The engine, its port open. Raises `EngineFailed` if that cannot be had, `Malformed` for what is no address.

    host: where, unless the settings say.
    """
    return EmbeddedEngine(
        call_places(settings, host),
        settings.udp_port,
        udp=settings.udp,
        tcp=settings.tcp,
        threads=settings.media_threads,
    )


def call_places(settings: Settings | EngineSettings, host: str) -> tuple[Place, ...]:
    """Where the call's port is opened, unless the settings say: at `host`. Raises as `embedded_engine`."""
    return places(settings.call_host or (host,), settings.advertise, found_interfaces())


def relay_of(
    settings: Settings | EngineSettings, make_secret: Callable[[], str] | None = None
) -> Relay | None:
    """The relay that clients are told of; None: there is none. make_secret: gives one, unless the settings do."""
    if settings.turn is None:
        return None
    secret = settings.turn_secret or (make_secret() if make_secret is not None else None)
    if secret is None:
        raise Malformed("turn: the secret is due that the relay shares, as VISAVIS_TURN_SECRET", field="turn")
    return Relay(settings.turn, secret, settings.turn_port, settings.turn_tls_port)


def relay_config(settings: Settings, listen: Sequence[str]) -> str:
    """coturn's configuration for a node. listen: where it is to listen; nowhere given: where the call is open.

    Raises `Malformed` if there is no relay, or one by TLS without a certificate.
    """
    relay = relay_of(settings, partial(turn_secret, settings.data))
    if relay is None:
        raise Malformed("turn: name the relay, as clients reach it, as VISAVIS_TURN", field="turn")
    if relay.tls_port and not (settings.turn_certificate and settings.turn_key):
        raise Malformed(
            "turn: TLS needs VISAVIS_TURN_CERTIFICATE and VISAVIS_TURN_KEY, PEM files", field="turn"
        )
    at = call_places(settings, settings.host)
    return coturn_config(
        relay,
        listen=listen or [p.address for p in at if not ip_address(p.address).is_unspecified],
        peers=[ip for p in at for ip in p.told or (p.address,)],
        certificate=settings.turn_certificate,
        key=settings.turn_key,
    )


def schema_fault(version: int) -> str | None:
    """Why a database of that version of the schema cannot be used; None: it can."""
    if version == schema.VERSION or version in schema.EARLIER:
        return None
    return schema.REFUSED.get(version, f"this program knows {schema.VERSION}")


NODE_ROOMS = RoomPolicy(sync_streams=True)
"""Of a talk: encrypted, and who speaks is seen to speak."""

ENGINE_ROOMS = RoomPolicy(
    encrypted=None,
    max_participants=0,
    max_tracks=256,
    empty_s=300,
    departure_s=20,
    simulations=True,
    configurable=True,
)
"""What livekit-server's rooms are: whatever a token allows, and a while empty before they end."""


@asynccontextmanager
async def open_engine(settings: EngineSettings) -> AsyncIterator[tuple[CallService, int]]:
    """The engine alone, as a LiveKit-compatible SFU, and its UDP port, until the block ends.

    Raises `Unavailable` if the UDP port is taken.
    """
    engine = embedded_engine(settings, settings.bind)
    key, *more = (TokenKey(key, secret, short=True) for key, secret in settings.keys.items())
    async with CallService(
        engine,
        key,
        more_keys=more,
        rules=AS_LIVEKIT,
        policy=lambda _: ENGINE_ROOMS,
        relay=relay_of(settings),
    ) as calls:
        yield calls, engine.port


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
    store = await open_store(database_of(data))
    try:
        dialogues = Dialogues(store, EDITION_1, COMMANDS, now, SystemFresh())
        await dialogues.load(settle=False)
        yield dialogues, Admission(store, now, SystemFresh())
    finally:
        await store.close()


@asynccontextmanager
async def open_stopped(data: Path) -> AsyncIterator[Dialogues]:
    """The dialogues in a node's data, to be written while no node runs.

    Raises `Unavailable` if there is no node's data, it cannot be read, or a node runs on it.
    """
    path = database_of(data)
    with alone(data):
        store = await open_store(path)
        try:
            dialogues = Dialogues(store, EDITION_1, COMMANDS, now, SystemFresh())
            await dialogues.load()
            yield dialogues
        finally:
            await store.close()


async def move_out(data: Path, folder: Path) -> None:
    """Copy a node's data into a new folder, for another node. The node may be running: it writes nothing more.

    The database comes last: a folder without it is no node's data. Raises `Refused` unless all has moved.
    """
    async with open_record(data) as dialogues:
        dialogues.must_have_moved()
    store = await open_store(database_of(data))
    try:
        await anyio.to_thread.run_sync(_copy_files, data, folder)
        await store.copy_to(folder / DATABASE)
    except FileExistsError:
        raise Refused(f"{folder} is there already; nothing was written") from None
    except OSError as error:
        raise Unavailable(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        await store.close()


def _copy_files(data: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    if (data / LOGS).is_dir():
        shutil.copytree(data / LOGS, folder / LOGS)
    for seal in sorted(data.glob(SEAL.format(side="*"))):
        write_private(folder / seal.name, seal.read_bytes())


def database_of(data: Path) -> Path:
    """The database in a node's data folder. Raises `Unavailable` if there is none: nothing is made."""
    path = data / DATABASE
    if not path.is_file():
        raise Unavailable(f"there is no node's data at {data}")
    return path


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the data folder until the block ends: a second writer would have another state in memory.

    Raises `Unavailable` if a process holds it. A process that is killed holds nothing.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(data / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Unavailable(f"the data folder cannot be had: {error.strerror}", path=data.name) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Unavailable(f"a node runs on the data at {data}; stop it first") from error
        yield
    finally:
        os.close(file)


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


def turn_secret(data: Path) -> str:
    """What the node shares with its relay: made once, kept."""
    path = data / TURN_SECRET
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        secret = to_text(secrets.token_bytes(32))
    except (UnicodeDecodeError, OSError) as error:
        raise Unavailable("the relay's secret cannot be read", path=path.name) from error
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, f"{secret}\n".encode())
    except OSError as error:
        raise Unavailable("the relay's secret cannot be kept", path=path.name) from error
    return secret


def side_seal(data: Path, dialogue: str, side: str, name: str) -> Seal:
    """A side's seal on paper: made once, kept, so that all its copies bear the same certificate."""
    path = data / SEAL.format(side=side)
    try:
        return read_seal(path.read_bytes())
    except FileNotFoundError:
        seal = make_seal(dialogue, side, name, now())
    except (Malformed, OSError) as error:
        raise Unavailable("the side's seal cannot be read", path=path.name) from error
    try:
        write_private(path, seal.to_pem())
    except OSError as error:
        raise Unavailable("the side's seal cannot be kept", path=path.name) from error
    return seal
