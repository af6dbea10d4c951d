"""`visavis serve`: one node, one process: web, call, record.

Lives here: the server's life, the log, what is printed.
Not here: the application (`web.app`), how a node is built (`bootstrap`), where it listens (`serving`).
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvicorn
import uvloop
from rich.console import Console

from visavis.bootstrap import open_node
from visavis.cli.options import Options
from visavis.config import Settings
from visavis.edge import open_many_files, server_config
from visavis.node import Node
from visavis.rtc.service import CallService
from visavis.serving import Serving, address, bind, leave
from visavis.web.app import create_app

log = structlog.get_logger(__name__)


def serve(*, options: Options | None = None) -> None:
    """Run a node: the pages, the record and the call, in one process.

    On an empty node two founding links are printed, one for each side: neither is first.

    By the environment alone: the relay (TURN) for delegates behind firewalls, VISAVIS_TURN, VISAVIS_TURN_PORT,
    VISAVIS_TURN_TLS_PORT, VISAVIS_TURN_SECRET, VISAVIS_TURN_CERTIFICATE and VISAVIS_TURN_KEY, see docs/networks.md;
    VISAVIS_PUBLIC_LOGS; VISAVIS_TIMESTAMP_AUTHORITY, the address of an RFC 3161 authority
    that stamps cosigned checkpoints (default: nobody is asked), VISAVIS_TIMESTAMP_CA, a PEM file of the CA that its
    tokens must lead to, and VISAVIS_TIMESTAMP_POLICY, the OID that they must state; VISAVIS_LIVEKIT_URL, the address of
    a LiveKit deployment that serves the calls in place of the node's own engine, and VISAVIS_LIVEKIT_KEY, its API key
    and secret as "key: secret" or a file with that line, for this node alone; VISAVIS_SMTP_URL, the mail server for
    notices to delegates, see docs/notices.md (default: files in the folder outbox of the data), and VISAVIS_MAIL_FROM,
    the address that they come from; VISAVIS_PAPER_MIB, how large a paper may be (default 8), and VISAVIS_PAPERS_MIB,
    how large all papers of a side in a dialogue (default 256).
    """
    settings = Settings.from_environment(**vars(options or Options()))
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Serve until stopped. Raises `Unavailable` if the port is taken or the data cannot be read."""
    configure_log()
    open_many_files()
    with bind(settings.host, settings.port) as sock:
        url = settings.public_url or f"http://{address(sock)}"
        async with open_node(settings) as node:
            links = await founding_links(node, url)
            server = Server(node.signalling, server_config(create_app(node), proxy_headers=True))
            announce(settings.data, Serving(url, os.getpid(), node.udp_port, tuple(links)))
            await server.serve(sockets=[sock])


class Server(uvicorn.Server):
    """A server that tells its call's clients before it ends: they come back to whatever stands in its place."""

    def __init__(self, calls: CallService | None, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._calls = calls

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._calls is not None:
            await self._calls.farewell()
        await super().shutdown(sockets)


async def founding_links(node: Node, url: str) -> Sequence[str]:
    """Two one-time links on a node where nobody has founded a side yet; else none."""
    if node.dialogues.has_foundings:
        return ()
    return [f"{url}/enter/{token}" for token in await node.admission.invite_founders()]


def announce(data: Path, serving: Serving) -> None:
    """Print where the node is, and leave it where this machine's other programs find it."""
    leave(data, serving)
    console = Console(stderr=True, highlight=False)
    call = f"port {serving.udp_port}" if serving.udp_port else "a LiveKit deployment"
    console.print(f"Visavis listens at [bold]{serving.url}[/] (call: {call}).")
    for side, link in zip(("one side", "the other side"), serving.founding_links, strict=False):
        console.print(f"Founding link of {side}, good once, for seven days:\n  {link}")


def configure_log() -> None:
    """Structured lines on standard error: ids, never contents, and no values of a failed call's variables."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(sort_keys=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    # uvicorn names each socket's address at INFO, and a browser's signal socket carries its token there.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_of_a_refused_socket)


def _of_a_refused_socket(record: logging.LogRecord) -> bool:
    """Drop what uvicorn says of each WebSocket that was answered by a status: that it was not answered.

    Clients ask for `/rtc/v1` at each join, and are told 404 (uvicorn 0.54, `websockets_sansio_impl.run_asgi`).
    """
    return record.msg != "ASGI callable returned without completing handshake."
