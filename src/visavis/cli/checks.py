"""The checks of `visavis doctor`: each looks at one thing and says what it found.

Lives here: `Finding`, `examine` and the checks. Not here: how findings are printed (`doctor`).
Nothing is changed by a check: sockets are opened and closed again, the database is read.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import socket
import sqlite3
import ssl
import struct
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import msgspec
from aioice import stun
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol
from cryptography import x509

from visavis.bootstrap import (
    DATABASE,
    TURN_SECRET,
    call_places,
    embedded_engine,
    mail_sender,
    mail_server,
    pages_url,
    relay_of,
    schema_fault,
    turn_secret,
)
from visavis.config import Settings
from visavis.errors import Unavailable, VisavisError
from visavis.rtc.errors import EngineFailed
from visavis.rtc.places import Place
from visavis.rtc.ports import TransportId
from visavis.rtc.relays import Relay, credential
from visavis.serving import SERVING, Serving

LEAST_FREE_BYTES = 1 << 30
"""A node that cannot write its log stops; a day of talks takes some megabytes, a log file out of hand more."""

RENEWAL = timedelta(days=14)
"""A certificate that ends sooner should have been renewed by now."""

ANSWER_S = 10.0
"""How long what is on this machine, or at the node's own address, may take to answer; a busy one is not a dead one."""

LEEWAY = timedelta(minutes=1)
"""How far a clock may be behind what it has written."""


class Verdict(Enum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    """Nothing that can be told from here to be wrong."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and how to mend it if it is wrong."""

    check: str
    verdict: Verdict
    found: str
    mend: str = ""


async def examine(given: Mapping[str, object]) -> AsyncIterator[Finding]:
    """Every check's findings. given: settings from the command line, as `Settings.from_environment` takes them."""
    try:
        settings = Settings.from_environment(os.environ, **given)
        at = call_places(settings, settings.host)
        relay = _relay(settings)
    except VisavisError as error:
        yield Finding(
            "configuration", Verdict.WRONG, error.message, "Correct this setting; the rest waits for it."
        )
        return
    for finding in configuration(settings, at):
        yield finding
    serving = running(settings.data)
    if serving is not None:
        yield Finding("node", Verdict.OK, f"runs, as process {serving.pid}, at {serving.url}")
    else:
        yield Finding("node", Verdict.NOTE, "does not run: its ports are tried")
        yield await anyio.to_thread.run_sync(
            partial(port_free, "pages", settings.host, settings.port, "port")
        )
    if settings.livekit_url is not None:
        yield await anyio.to_thread.run_sync(partial(deployment, settings.livekit_url))
    elif serving is not None:
        for finding in await anyio.to_thread.run_sync(partial(ports_in_use, settings, at, serving)):
            yield finding
    else:
        for finding in await engine(settings, at):
            yield finding
    if relay is not None and settings.livekit_url is None:
        for finding in await turn(relay, [ip for p in at for ip in p.told or (p.address,)]):
            yield finding
    for finding in await anyio.to_thread.run_sync(partial(database, settings.data)):
        yield finding
    yield await anyio.to_thread.run_sync(partial(clock, settings.data))
    for finding in await mails(settings):
        yield finding
    if settings.public_url is not None:
        for finding in await anyio.to_thread.run_sync(partial(certificate, settings.public_url)):
            yield finding


async def mails(settings: Settings) -> Sequence[Finding]:
    """Whether the mail server takes a connection, and the password if there is one; nothing is sent."""
    server = mail_server(settings)
    if server is None:
        return ()
    try:
        await server.ready()
    except Unavailable as error:
        mend = "Correct VISAVIS_SMTP_URL (docs/notices.md), or see to the server; delegates are told nothing meanwhile."
        return (Finding("mail", Verdict.WRONG, error.message, mend),)
    found = f"the mail server answers; notices come from {mail_sender(settings)}"
    if settings.public_url is None:
        mend = "Set VISAVIS_PUBLIC_URL: mails lead there."
        return (Finding("mail", Verdict.NOTE, f"{found}, and lead to {pages_url(settings)}", mend),)
    return (Finding("mail", Verdict.OK, found),)


# --- settings -----------------------------------------------------------------------------------------------


def configuration(settings: Settings, at: Sequence[Place]) -> Iterable[Finding]:
    """Whether the settings fit each other."""
    check, url = "configuration", settings.public_url
    if settings.livekit_url is not None:
        yield Finding(check, Verdict.OK, "the calls are left to LiveKit")
        return
    if settings.turn is not None and not settings.udp:
        mend = "Set VISAVIS_UDP=1."
        yield Finding(check, Verdict.WRONG, "the relay reaches the engine by UDP, and that is off", mend)
    if not (settings.udp or settings.tcp):
        mend = "Set VISAVIS_UDP=1 or VISAVIS_TCP=1."
        yield Finding(check, Verdict.WRONG, "the call takes neither datagrams nor connections", mend)
        return
    if not at:
        mend = "Give this machine an address, or name one: VISAVIS_CALL_HOST."
        yield Finding(check, Verdict.WRONG, "there is no address at which the call could be opened", mend)
        return
    told = [ip_address(text) for place in at for text in place.told or (place.address,)]
    if url is not None:
        parts = urlsplit(url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not local:
            mend = "Put the pages behind TLS, and set VISAVIS_PUBLIC_URL=https://…"
            yield Finding(check, Verdict.WRONG, f"{url}: browsers give passkeys to https only", mend)
        if not local and all(ip.is_loopback for ip in told):
            mend = "Set VISAVIS_CALL_HOST=:: (every address of this machine), or VISAVIS_ADVERTISE."
            yield Finding(
                check, Verdict.WRONG, "the call is offered at loopback alone: nobody else gets in", mend
            )
        elif not local and all(ip.is_private for ip in told):
            mend = "If clients come from elsewhere, set VISAVIS_ADVERTISE to the address that leads here."
            yield Finding(check, Verdict.NOTE, "the call is offered at private addresses alone", mend)
    kinds = " and ".join(["UDP"] * settings.udp + ["TCP"] * settings.tcp)
    yield Finding(check, Verdict.OK, f"the call is offered at {', '.join(map(str, told))} by {kinds}")


def _relay(settings: Settings) -> Relay | None:
    """The relay of the settings; a secret that is not there yet is not made."""
    kept = (settings.data / TURN_SECRET).is_file()
    return relay_of(settings, (lambda: turn_secret(settings.data)) if kept else None)


def running(data: Path) -> Serving | None:
    """What the node that runs on this data says of itself; None: none runs."""
    try:
        serving = msgspec.json.decode((data / SERVING).read_bytes(), type=Serving)
        os.kill(serving.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    try:
        with socket.create_connection(_place_of(serving.url), ANSWER_S):
            return serving
    except OSError:
        return None


def _place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


# --- ports and the engine -----------------------------------------------------------------------------------


def ports_in_use(settings: Settings, at: Sequence[Place], serving: Serving) -> Iterable[Finding]:
    """Whether the running node's call can be reached at its places."""
    found = []
    for place in at:
        if settings.tcp:
            where = f"{place.address}, TCP {serving.udp_port}"
            try:
                with socket.create_connection((place.address, serving.udp_port), ANSWER_S):
                    found.append(Finding("call", Verdict.OK, f"{where} is open"))
            except OSError as error:
                mend = "The node was started with other settings: give the same, or restart it."
                found.append(Finding("call", Verdict.WRONG, f"{where}: {_why(error)}", mend))
        if settings.udp:
            free = port_free("call", place.address, serving.udp_port, "udp_port", socket.SOCK_DGRAM)
            where = f"{place.address}, UDP {serving.udp_port}"
            if free.verdict is Verdict.OK:
                mend = "The node was started with other settings: give the same, or restart it."
                found.append(Finding("call", Verdict.WRONG, f"{where} is not open", mend))
            else:
                found.append(Finding("call", Verdict.OK, f"{where} is open"))
    return found


def deployment(url: str) -> Finding:
    """Whether the LiveKit deployment that serves the calls can be reached."""
    try:
        with socket.create_connection(_place_of(url), ANSWER_S):
            return Finding("call", Verdict.OK, f"LiveKit serves it, at {url}")
    except OSError as error:
        mend = "Start it, or correct VISAVIS_LIVEKIT_URL."
        return Finding("call", Verdict.WRONG, f"LiveKit at {url}: {_why(error)}", mend)


def port_free(check: str, host: str, port: int, setting: str, kind: int = socket.SOCK_STREAM) -> Finding:
    """Whether a port can be had."""
    name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    where = f"{host}, {name} {port}"
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as sock:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            if kind == socket.SOCK_STREAM:
                sock.listen()
    except OSError as error:
        return Finding(check, Verdict.WRONG, f"{where}: {_why(error)}", _mend_port(error, setting))
    return Finding(check, Verdict.OK, f"{where} can be opened" if port else f"{host}: any free {name} port")


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _mend_port(error: OSError, setting: str) -> str:
    variable = f"VISAVIS_{setting.upper()}"
    if isinstance(error, PermissionError):
        return f"Ports below 1024 are for root: choose another one, {variable}."
    if error.errno == 99:  # EADDRNOTAVAIL
        variable = "VISAVIS_HOST" if setting == "port" else "VISAVIS_CALL_HOST"
        return f"This machine does not have that address: correct {variable}."
    return f"Another program has it (see `ss -lnptu`): stop that, or choose another port, {variable}."


async def engine(settings: Settings, at: Sequence[Place]) -> list[Finding]:
    """Whether the engine starts, and answers a client's check at each of its places by each protocol."""
    try:
        media = embedded_engine(settings, settings.host)
    except EngineFailed as failed:
        return await anyio.to_thread.run_sync(partial(_why_not, failed, settings, at))
    found = [Finding("engine", Verdict.OK, f"starts, at port {media.port}")]
    try:
        for number, place in enumerate(at, 1):
            transport = TransportId(number)
            await media.create(transport, "doctor")
            offer = (await media.make_offer(transport, (), (), channels=True)).sdp
            await media.accept_answer(transport, _answer(offer))
            for kind in ["UDP"] * settings.udp + ["TCP"] * settings.tcp:
                reach = _by_udp if kind == "UDP" else _by_tcp
                where = f"{place.address}, {kind} {media.port}"
                answered = await anyio.to_thread.run_sync(
                    partial(reach, _check(offer), place.address, media.port)
                )
                if answered:
                    found.append(Finding("call", Verdict.OK, f"{where} answers"))
                else:
                    mend = "A packet filter on this machine keeps it out: open the port there."
                    found.append(Finding("call", Verdict.WRONG, f"{where} does not answer", mend))
    finally:
        await media.shutdown()
    return found


def _why_not(failed: EngineFailed, settings: Settings, at: Sequence[Place]) -> list[Finding]:
    """The ports that the engine cannot have; or that it cannot start."""
    if failed.details.get("engine") == "missing":
        return [
            Finding("engine", Verdict.WRONG, failed.message, "Install Visavis anew: `pip install visavis`.")
        ]
    kinds = [socket.SOCK_DGRAM] * settings.udp + [socket.SOCK_STREAM] * settings.tcp
    tried = [
        port_free("call", place.address, settings.udp_port, "udp_port", kind)
        for place in at
        for kind in kinds
    ]
    taken = [finding for finding in tried if finding.verdict is Verdict.WRONG]
    mend = "Report this, with what `visavis serve` prints."
    return taken or [Finding("engine", Verdict.WRONG, f"{failed.message} {failed.details}", mend)]


def _attribute(sdp: str, name: str) -> str:
    return next(line.partition(":")[2] for line in sdp.splitlines() if line.startswith(f"a={name}:"))


CREDENTIALS = ("visavis.doctor", "a password of the doctor's own")
"""By which the engine is to know the check; nothing is connected by it."""


def _answer(offer: str) -> str:
    """An answer that takes an offer of data channels alone."""
    changed = []
    for line in offer.splitlines():
        match line.partition(":")[0]:
            case "a=candidate" | "a=ice-lite":
                continue
            case "a=ice-ufrag":
                line = f"a=ice-ufrag:{CREDENTIALS[0]}"
            case "a=ice-pwd":
                line = f"a=ice-pwd:{CREDENTIALS[1].replace(' ', '+')}"
            case "a=setup":
                line = "a=setup:active"
        changed.append(line)
    return "\r\n".join(changed) + "\r\n"


def _check(offer: str) -> bytes:
    """A binding request as a client's (RFC 8445 §7.2.2)."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{_attribute(offer, 'ice-ufrag')}:{CREDENTIALS[0]}"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.add_message_integrity(_attribute(offer, "ice-pwd").encode())
    return bytes(request)


def _by_udp(request: bytes, address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_S)
        try:
            sock.sendto(request, (_near(address), port))
            return _answers(request, sock.recv(2048))
        except OSError:
            return False


def _by_tcp(request: bytes, address: str, port: int) -> bool:
    try:
        with (
            socket.create_connection((_near(address), port), ANSWER_S) as sock,
            sock.makefile("rb") as stream,
        ):
            sock.sendall(struct.pack("!H", len(request)) + request)
            (length,) = struct.unpack("!H", stream.read(2))
            return _answers(request, stream.read(length))
    except (OSError, struct.error):
        return False


def _near(address: str) -> str:
    """Where to reach from here what is bound to every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - a spelling


def _answers(request: bytes, response: bytes) -> bool:
    try:
        message = stun.parse_message(response)
    except ValueError:
        return False
    return message.message_class == stun.Class.RESPONSE and message.transaction_id == request[8:20]


# --- relay --------------------------------------------------------------------------------------------------


async def turn(relay: Relay, peers: Sequence[str]) -> list[Finding]:
    """Whether the relay gives an allocation, by each way that clients are told of, to the engine and nowhere else."""
    kinds = [("UDP", relay.port), ("TCP", relay.port), ("TLS", relay.tls_port)]
    return [await _allocate(relay, kind, port, peers) for kind, port in kinds if port]


async def _allocate(relay: Relay, kind: str, port: int, peers: Sequence[str]) -> Finding:
    where = f"{relay.host}, {kind} {port}"
    config = "Give coturn the configuration that `visavis turn config` prints"
    try:
        with anyio.fail_after(ANSWER_S):
            async with _allocation(relay, kind, port) as (client, family):
                for peer in peers:
                    if ip_address(peer).version == family and not await _may_reach(client, peer):
                        return Finding(
                            "relay", Verdict.WRONG, f"{where} does not relay to {peer}", f"{config}."
                        )
                if family == 4 and await _may_reach(client, ELSEWHERE):
                    mend = f"{config}: as it is, others can misuse it."
                    return Finding("relay", Verdict.WRONG, f"{where} relays to anywhere", mend)
    except stun.TransactionFailed as failed:
        code, reason = _refusal(failed)
        mend = f"It has another secret. {config}." if code == UNAUTHORISED else "See coturn's log."
        return Finding("relay", Verdict.WRONG, f"{where} refuses: {code} {reason}", mend)
    except ssl.SSLCertVerificationError as error:
        mend = "Give coturn a certificate for its name that browsers take: VISAVIS_TURN_CERTIFICATE."
        return Finding("relay", Verdict.WRONG, f"{where}: {error.verify_message}", mend)
    except (OSError, TimeoutError, stun.TransactionTimeout) as error:
        why = _why(error) if isinstance(error, OSError) and error.strerror else "no answer"
        mend = "Start coturn there, with the configuration that `visavis turn config` prints; open the port."
        return Finding("relay", Verdict.WRONG, f"{where}: {why}", mend)
    return Finding("relay", Verdict.OK, f"{where} relays to the engine, and not elsewhere")


ELSEWHERE = "203.0.113.254"
"""An address of documentation (RFC 5737): nobody's."""

UNAUTHORISED = 401


def _refusal(failed: stun.TransactionFailed) -> tuple[int, str]:
    attributes = failed.response.attributes if failed.response is not None else {}
    code, reason = attributes.get("ERROR-CODE", (0, "no reason given"))
    return code, reason


@asynccontextmanager
async def _allocation(
    relay: Relay, kind: str, port: int
) -> AsyncIterator[tuple[TurnClientTcpProtocol | TurnClientUdpProtocol, int]]:
    """An allocation at the relay, until the block ends, and its kind of IP. Raises what aioice and sockets do."""
    user, password = credential(relay.secret, "doctor", int(datetime.now(UTC).timestamp()) + 60)
    loop, place = asyncio.get_running_loop(), (relay.host, port)
    client: TurnClientTcpProtocol | TurnClientUdpProtocol
    transport: asyncio.BaseTransport
    if kind == "UDP":
        make = partial(TurnClientUdpProtocol, place, user, password, LIFETIME_S, CHANNEL_S)
        transport, client = await loop.create_datagram_endpoint(make, remote_addr=place)
    else:
        over = partial(TurnClientTcpProtocol, place, user, password, LIFETIME_S, CHANNEL_S)
        context = ssl.create_default_context() if kind == "TLS" else None
        transport, client = await loop.create_connection(over, *place, ssl=context)
    try:
        address, _ = await client.connect()
        yield client, ip_address(address).version
        await client.delete()
    finally:
        transport.close()


LIFETIME_S, CHANNEL_S = 60, 500
"""Of the allocation, and of its channels."""


async def _may_reach(client: TurnClientTcpProtocol | TurnClientUdpProtocol, peer: str) -> bool:
    """Whether the relay would let packets through to a peer and back."""
    number, client.channel_number = client.channel_number, client.channel_number + 1
    try:
        await client.channel_bind(number, (peer, 9))
    except stun.TransactionFailed:
        return False
    return True


# --- data ---------------------------------------------------------------------------------------------------


def database(data: Path) -> list[Finding]:
    """Whether the data is there, whole, of this program's version and can be written, and the disk has room."""
    path, found = data / DATABASE, []
    folder = next(parent for parent in (data, *data.absolute().parents) if parent.is_dir())
    if not os.access(folder, os.W_OK):
        mend = "Give the node's user this folder, or choose another: VISAVIS_DATA."
        found.append(Finding("database", Verdict.WRONG, f"{folder} cannot be written", mend))
    if not path.is_file():
        found.append(
            Finding("database", Verdict.NOTE, f"there is none at {data} yet: a node makes it at its start")
        )
    else:
        found.append(_read_database(path))
    free = shutil.disk_usage(folder).free
    room = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < LEAST_FREE_BYTES:
        found.append(
            Finding("disk", Verdict.WRONG, room, "Make room: a node that cannot write its log stops.")
        )
    else:
        found.append(Finding("disk", Verdict.OK, room))
    return found


def _read_database(path: Path) -> Finding:
    whole = "Restore the data from a copy; `visavis move` and docs/moving.md say what belongs to it."
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return Finding("database", Verdict.WRONG, f"{path} cannot be read: {error}", whole)
    if said != "ok":
        return Finding("database", Verdict.WRONG, f"{path} is damaged: {said}", whole)
    if (why := schema_fault(version)) is not None:
        mend = "Run the version of Visavis that wrote it."
        return Finding("database", Verdict.WRONG, f"{path} has schema {version}: {why}", mend)
    if not os.access(path, os.W_OK):
        mend = "Give the node's user this file."
        return Finding("database", Verdict.WRONG, f"{path} cannot be written", mend)
    return Finding("database", Verdict.OK, f"{path} is whole, schema {version}")


# --- clock and certificate ----------------------------------------------------------------------------------


def clock(data: Path) -> Finding:
    """Whether the clock is behind what the node has written, and whether the system keeps it right."""
    now = datetime.now(UTC)
    written = [datetime.fromtimestamp(p.stat().st_mtime, UTC) for p in data.glob(f"{DATABASE}*")]
    return judge_clock(now, max(written, default=None), synchronised())


def judge_clock(now: datetime, written: datetime | None, kept: bool | None) -> Finding:
    """The finding for a clock. written: when the database was last written. kept: whether the system keeps it right."""
    mend = "Let the system keep it right: systemd-timesyncd or chrony."
    if written is not None and written > now + LEEWAY:
        found = (
            f"it is {now:%Y-%m-%d %H:%M} UTC here, and the database was written at {written:%Y-%m-%d %H:%M}"
        )
        return Finding("clock", Verdict.WRONG, found, mend)
    if kept is False:
        return Finding(
            "clock", Verdict.NOTE, f"{now:%Y-%m-%d %H:%M:%S} UTC; nothing says that it is kept right", mend
        )
    return Finding("clock", Verdict.OK, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def synchronised() -> bool | None:
    """Whether the kernel says that something keeps its clock right (adjtimex(2)); None: it does not say."""
    time_error, room = (
        5,
        ctypes.create_string_buffer(512),
    )  # struct timex has 208 bytes; zeroed, it only reads
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(room)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != time_error


def certificate(url: str) -> list[Finding]:
    """Whether what answers at an https address shows a certificate for it that browsers take, for long enough."""
    parts = urlsplit(url)
    host, port = _place_of(url)
    if parts.scheme != "https":
        return []
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), ANSWER_S) as sock,
            context.wrap_socket(sock, server_hostname=host) as tls,
        ):
            shown = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError) as error:
        why = _why(error) if isinstance(error, OSError) else str(error)
        mend = "Start what serves the pages to browsers there, and let the port through."
        return [Finding("certificate", Verdict.WRONG, f"{url} does not answer by TLS: {why}", mend)]
    until, now = shown.not_valid_after_utc, datetime.now(UTC)
    if until <= now:
        found = f"{url}: the certificate ended on {until:%Y-%m-%d}"
        return [
            Finding("certificate", Verdict.WRONG, found, "Renew it, and see that it is renewed by itself.")
        ]
    try:
        with (
            socket.create_connection((host, port), ANSWER_S) as sock,
            ssl.create_default_context().wrap_socket(sock, server_hostname=host),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        mend = f"Get one for {host} from an authority that browsers know, and serve it with its chain."
        return [Finding("certificate", Verdict.WRONG, f"{url}: {error.verify_message}", mend)]
    except OSError as error:
        return [Finding("certificate", Verdict.WRONG, f"{url}: {_why(error)}")]
    if until < now + RENEWAL:
        found = f"{url}: the certificate ends on {until:%Y-%m-%d}"
        return [
            Finding("certificate", Verdict.WRONG, found, "Renew it, and see that it is renewed by itself.")
        ]
    return [Finding("certificate", Verdict.OK, f"{url}: good until {until:%Y-%m-%d}")]
