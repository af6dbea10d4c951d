"""`visavis engine`: the call's engine alone, a LiveKit-compatible SFU in one process.

Lives here: the server's life, its application, what is printed.
Not here: rooms and signalling (`rtc`), the server API (`rtc.roomservice`), a node (`serve`).

It serves what livekit-server serves to its clients: `/rtc`, and the `RoomService` over Twirp. Its rooms take tracks
that are not encrypted, and whoever holds a key is their master; a node's rooms know neither.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import jwt.warnings
import uvloop
from rich.console import Console
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from visavis.bootstrap import open_engine
from visavis.cli.serve import Server, configure_log
from visavis.config import PREFIX, EngineSettings, listed, read_keys, threads
from visavis.edge import open_many_files, server_config
from visavis.errors import Malformed
from visavis.rtc.roomservice import room_service_routes
from visavis.rtc.routes import rtc_routes
from visavis.rtc.service import CallService
from visavis.serving import Serving, bind, leave

DEV_KEYS = {"devkey": "secret"}
"""livekit-server's own, with `--dev`."""


def engine(
    *,
    bind: str = "127.0.0.1",
    port: int = 7880,
    udp_port: int = 7882,
    keys: Sequence[str] = (),
    call_host: str = "",
    advertise: str = "",
    udp: bool = True,
    tcp: bool = True,
    media_threads: int = 1,
    turn: str | None = None,
    turn_port: int = 3478,
    turn_tls_port: int = 0,
    dev: bool = False,
    data: Path | None = None,
) -> None:
    """Run the call's engine alone, for every client of the LiveKit protocol.

    Parameters
    ----------
    bind:
        Address to listen at.
    port:
        TCP port of signalling and of the server API (0: any free one).
    udp_port:
        Port of the media, UDP and TCP (0: any free one).
    keys:
        An API key and its secret as "key: secret", or a file of such lines; may be repeated.
    call_host:
        IP addresses, with commas, to open it at (default: bind). "0.0.0.0" stands for every IPv4 address of this
        machine but those of loopback and of containers, "::" for those of IPv4 and IPv6.
    advertise:
        IP addresses, with commas, at which clients reach that port (default: those of call-host).
    udp:
        Take media as datagrams.
    tcp:
        Take media in connections, too, from networks that let no datagram out.
    media_threads:
        Threads that forward the media. Each room is on one of them.
    turn:
        Name or address of a relay (TURN) that clients are told of; it shares the secret VISAVIS_TURN_SECRET.
    turn_port:
        Its port, by UDP and TCP (0: not by these).
    turn_tls_port:
        Its port by TLS (0: not by TLS).
    dev:
        Take the key "devkey" with the secret "secret", as livekit-server does. Not for the open network.
    data:
        Folder in which to leave serving.json, which says where the engine listens.
    """
    named = read_keys(keys) | (DEV_KEYS if dev else {})
    if not named:
        raise Malformed("there is no key: give --keys 'key: secret', or --dev")
    settings = EngineSettings(
        bind,
        port,
        udp_port,
        named,
        listed(call_host),
        listed(advertise),
        udp=udp,
        tcp=tcp,
        turn=turn,
        turn_port=turn_port,
        turn_tls_port=turn_tls_port,
        turn_secret=os.environ.get(f"{PREFIX}TURN_SECRET") or None,
        media_threads=threads(media_threads),
    )
    uvloop.run(run(settings, data))


async def run(settings: EngineSettings, data: Path | None = None) -> None:
    """Serve until stopped. Raises `Unavailable` if a port is taken."""
    configure_log()
    open_many_files()
    # The operator is told once, below, not at each token.
    warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
    with bind(settings.bind, settings.port) as sock:
        async with open_engine(settings) as (calls, udp_port):
            server = Server(calls, server_config(create_engine_app(calls), lifespan="off"))
            host, port = sock.getsockname()[:2]
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            announce(settings, Serving(url, os.getpid(), udp_port), data)
            await server.serve(sockets=[sock])


def create_engine_app(calls: CallService) -> Starlette:
    """What the engine alone serves; any page may ask, as with livekit-server."""

    async def health(_: Request) -> Response:
        return PlainTextResponse("OK")

    return Starlette(
        routes=[*rtc_routes(calls), *room_service_routes(calls), Route("/", health)],
        middleware=[
            Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
        ],
    )


def announce(settings: EngineSettings, serving: Serving, data: Path | None) -> None:
    """Print where the engine is, and leave it where this machine's other programs find it."""
    console = Console(file=sys.stderr, highlight=False)
    for key, secret in settings.keys.items():
        if len(secret.encode()) < 32:
            console.print(f"The secret of the key {key} is shorter than 32 bytes: not for the open network.")
    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        leave(data, serving)
    console.print(f"The engine listens at [bold]{serving.url}[/] (media: port {serving.udp_port}).")
