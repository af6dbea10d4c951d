"""Settings of a node, from the environment and the command line; and of the engine alone.

Lives here: `Settings`, `EngineSettings`, read once at start. Not here: what is built from them (`bootstrap`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from visavis.errors import Malformed

PREFIX = "VISAVIS_"
MOST_THREADS = 64
"""For media; each holds a batch of datagrams and its own tables."""
MOST_PAPER_MIB, MOST_PAPERS_MIB = 64, 16_384
"""A paper is in memory once while it comes and while it goes; all of them are in the node's database."""
LEAST_SECRET = 32
"""Bytes of a secret that signs tokens by HS256 (RFC 7518 §3.2)."""


@dataclass(frozen=True)
class Settings:
    """How one node runs.

    data:       folder of the database and the node's keys; made if missing, readable by its owner alone.
    host, port: where the web is served; port 0: any free one.
    udp_port:   of the call, for datagrams and for connections; 0: any free one.
    call_host:  IP addresses at which the call's port is opened; empty: `host`. "0.0.0.0" and "::" stand for all.
    udp, tcp:   whether the call takes datagrams, and connections.
    media_threads: that forward the calls' media; a call is on one of them.
    public_url: how browsers reach the node ("https://talks.example"); None: from host and port.
    next_url:   the address that browsers will reach it at after a move; until then it answers there, too.
    advertise:  IP addresses at which clients reach the call's port; empty: those of `call_host`.
    turn:       name or address of a relay (TURN), as clients reach it; None: there is none.
    turn_port, turn_tls_port: its ports, by UDP and TCP, and by TLS; 0: not by that.
    turn_secret: shared with the relay; None: the node's own, kept in its data.
    turn_certificate, turn_key: PEM files for the relay's TLS, for its configuration.
    public_logs: whether anybody may read the logs as tiles; else the two sides' delegates.
    timestamp_authority: address of an RFC 3161 authority, told hashes of checkpoints; None: nobody is asked.
    timestamp_ca: PEM file of CA certificates that its tokens must lead to; None: they are kept unchecked.
    timestamp_policy: OID of the policy that its tokens must state; None: any.
    livekit_url: address of a LiveKit deployment that serves the calls; None: the node's own engine does.
    livekit_key: the deployment's API key and secret, this node's alone.
    smtp_url: the mail server for notices, "smtp://user:password@mail.example"; None: they go to a folder.
    mail_from: the address that notices come from; None: visavis@ the node's host.
    paper_mib: MiB that one paper has at most. papers_mib: that all papers of a side in a dialogue have.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8480
    udp_port: int = 8481
    call_host: tuple[str, ...] = ()
    udp: bool = True
    tcp: bool = True
    media_threads: int = 1
    public_url: str | None = None
    next_url: str | None = None
    advertise: tuple[str, ...] = ()
    turn: str | None = None
    turn_port: int = 3478
    turn_tls_port: int = 0
    turn_secret: str | None = None
    turn_certificate: Path | None = None
    turn_key: Path | None = None
    public_logs: bool = False
    timestamp_authority: str | None = None
    timestamp_ca: Path | None = None
    timestamp_policy: str | None = None
    livekit_url: str | None = None
    livekit_key: tuple[str, str] | None = field(default=None, repr=False)
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    paper_mib: int = 8
    papers_mib: int = 256

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **given: object) -> Settings:
        """Settings from `VISAVIS_DATA`, `_HOST`, `_PORT`, `_UDP_PORT`, `_CALL_HOST` (commas), `_UDP`, `_TCP` (1 or 0),
        `_MEDIA_THREADS`, `_PUBLIC_URL`, `_NEXT_URL`, `_ADVERTISE` (commas), `_TURN`, `_TURN_PORT`, `_TURN_TLS_PORT`,
        `_TURN_SECRET`, `_TURN_CERTIFICATE`, `_TURN_KEY`, `_PUBLIC_LOGS` (1 or 0), `_TIMESTAMP_AUTHORITY`,
        `_TIMESTAMP_CA`, `_TIMESTAMP_POLICY`, `_LIVEKIT_URL`, `_LIVEKIT_KEY` ("key: secret", or a file with that line),
        `_SMTP_URL`, `_MAIL_FROM`, `_PAPER_MIB`, `_PAPERS_MIB`.

        given: what the command line says; None means not said. It wins over the environment.
        """

        def pick(name: str, default: object) -> object:
            if given.get(name) is not None:
                return given[name]
            return environ.get(PREFIX + name.upper(), default)

        urls = {name: pick(name, None) for name in ("public_url", "next_url")}
        authority = pick("timestamp_authority", None)
        ca, policy = pick("timestamp_ca", None), pick("timestamp_policy", None)
        turn = {name: pick(name, None) or None for name in ("turn", "turn_secret")}
        pem = {name: pick(name, None) for name in ("turn_certificate", "turn_key")}
        livekit, key = pick("livekit_url", None), pick("livekit_key", None)
        smtp, sender = pick("smtp_url", None), pick("mail_from", None)
        if bool(livekit) != bool(key):
            raise Malformed("livekit_url and livekit_key: both are due, or neither", field="livekit_key")
        return cls(
            data=Path(str(pick("data", "visavis-data"))),
            host=str(pick("host", cls.host)),
            port=_port(pick("port", cls.port), "port"),
            udp_port=_port(pick("udp_port", cls.udp_port), "udp_port"),
            call_host=listed(pick("call_host", ())),
            udp=_switch(pick("udp", cls.udp), "udp"),
            tcp=_switch(pick("tcp", cls.tcp), "tcp"),
            media_threads=threads(pick("media_threads", cls.media_threads)),
            public_url=_url(urls["public_url"]),
            next_url=_url(urls["next_url"]),
            advertise=listed(pick("advertise", ())),
            turn=None if turn["turn"] is None else str(turn["turn"]),
            turn_port=_port(pick("turn_port", cls.turn_port), "turn_port"),
            turn_tls_port=_port(pick("turn_tls_port", cls.turn_tls_port), "turn_tls_port"),
            turn_secret=None if turn["turn_secret"] is None else str(turn["turn_secret"]),
            turn_certificate=None if not pem["turn_certificate"] else Path(str(pem["turn_certificate"])),
            turn_key=None if not pem["turn_key"] else Path(str(pem["turn_key"])),
            public_logs=_switch(pick("public_logs", cls.public_logs), "public_logs"),
            timestamp_authority=None if not authority else _address(str(authority), "timestamp_authority"),
            timestamp_ca=None if not ca else Path(str(ca)),
            timestamp_policy=None if not policy else _oid(str(policy)),
            livekit_url=None if not livekit else _origin(str(livekit)),
            livekit_key=None if not key else _one_key(str(key)),
            smtp_url=None if not smtp else _smtp(str(smtp)),
            mail_from=None if not sender else _mailbox(str(sender)),
            paper_mib=_mib(pick("paper_mib", cls.paper_mib), "paper_mib", MOST_PAPER_MIB),
            papers_mib=_mib(pick("papers_mib", cls.papers_mib), "papers_mib", MOST_PAPERS_MIB),
        )


def threads(value: object) -> int:
    """A number of media threads. Raises `Malformed`."""
    text = str(value)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_THREADS:
        raise Malformed(f"media_threads: a number from 1 to {MOST_THREADS}", field="media_threads")
    return int(text)


def _mib(value: object, name: str, most: int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise Malformed(f"{name}: a number from 1 to {most} is due, not {value!r}", field=name)
    return int(text)


def listed(value: object) -> tuple[str, ...]:
    """What is listed, in a text with commas or already apart."""
    parts: Iterable[object] = value.split(",") if isinstance(value, str) else value  # type: ignore[assignment]
    return tuple(filter(None, (str(part).strip() for part in parts)))


def _url(value: object) -> str | None:
    return None if value is None else str(value).rstrip("/")


@dataclass(frozen=True)
class EngineSettings:
    """How `visavis engine` runs.

    bind, port: where signalling is served; port 0: any free one.
    udp_port:   of the media, for datagrams and for connections; 0: any free one.
    keys:       API key → secret; the first one signs the tokens that clients are refreshed with.
    call_host, advertise, udp, tcp, media_threads: as in `Settings`; with no `call_host`: `bind`.
    turn, turn_port, turn_tls_port, turn_secret: likewise; without a secret there is no relay.
    """

    bind: str
    port: int
    udp_port: int
    keys: Mapping[str, str]
    call_host: tuple[str, ...] = ()
    advertise: tuple[str, ...] = ()
    udp: bool = True
    tcp: bool = True
    turn: str | None = None
    turn_port: int = 3478
    turn_tls_port: int = 0
    turn_secret: str | None = None
    media_threads: int = 1


def read_keys(given: Iterable[str]) -> dict[str, str]:
    """API keys and their secrets, each given as "key: secret" or as a file of such lines.

    A line that is empty or begins with "#" says nothing. Raises `Malformed` for a line that is no pair and for a
    file that cannot be read.
    """
    keys: dict[str, str] = {}
    for text in given:
        if ":" not in text:
            try:
                text = Path(text).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise Malformed(
                    "keys: neither a pair, as key: secret, nor a file that can be read"
                ) from error
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("#"):
                continue
            key, _, secret = (part.strip().strip("\"'") for part in line.partition(":"))
            if not key or not secret:
                raise Malformed("keys: a line is no pair, as key: secret")
            keys[key] = secret
    return keys


def _switch(value: object, name: str) -> bool:
    """On for True and "1", off for False, "0" and ""."""
    if str(value) not in ("1", "0", "", "True", "False"):
        raise Malformed(f"{name}: 1 or 0 is due, not {value!r}", field=name)
    return str(value) in ("1", "True")


def _address(value: str, name: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise Malformed(f"{name}: an address as https://… is due, not {value!r}", field=name)
    return value


def _origin(value: str) -> str:
    """A scheme, a host and a port: what pages are then allowed to connect to."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+/?", value):
        raise Malformed(f"livekit_url: an address as https://… is due, not {value!r}", field="livekit_url")
    return value.rstrip("/")


def _one_key(value: str) -> tuple[str, str]:
    pairs = tuple(read_keys([value]).items())
    if len(pairs) != 1 or len(pairs[0][1].encode()) < LEAST_SECRET:
        raise Malformed(
            f"livekit_key: one key is due, with a secret of at least {LEAST_SECRET} bytes",
            field="livekit_key",
        )
    return pairs[0]


def _oid(value: str) -> str:
    if not re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", value):
        raise Malformed(f"timestamp_policy: an OID as 1.2.3 is due, not {value!r}", field="timestamp_policy")
    return value


def _smtp(value: str) -> str:
    """Its words are not repeated: it may have a password."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.path in ("", "/")
        sound = sound and parts.port != 0 and (parts.username is None) == (parts.password is None)
    except ValueError:
        sound = False
    if not sound:
        raise Malformed("smtp_url: an address as smtp://user:password@host:port is due", field="smtp_url")
    return value


def _mailbox(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,180}", value):
        raise Malformed(f"mail_from: a mail address is due, not {value!r}", field="mail_from")
    return value


def _port(value: object, name: str) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise Malformed(f"{name}: a port 0…65535 is due, not {value!r}", field=name)
    return port
