"""What a connection may cost before it has said anything: uvicorn with the limits that it lacks.

Lives here: the protocols for HTTP and for WebSockets, their settings, how many files a process may hold open.
Not here: what a message may cost (`rtc.signalling`), who may ask how often (`web`), UDP (`crates/sfu-io`).

Without this a connection that sends half a request is held for ever; so is one that is closed while its client reads
nothing, with all that was to be sent to it; and pings and pieces of messages are taken as fast as they come.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

HEAD_S: Final = 10.0
"""How long a request's head may take, from the connection's opening or the request's first byte."""

BODY_S: Final = 60.0
"""How long its body may take after that; and each further piece of one that is still wanted."""

PIECE_BYTES: Final = 1 << 20
"""Of a body. A paper comes at 140 kbit/s at least, so that a poor line can send one."""

LINGER_S: Final = 10.0
"""How long what was said last may wait for a client that does not read, once its socket is closed."""

BURST_FRAMES: Final = 500
FRAMES_PER_S: Final = 50
"""Frames that are no whole message: pings, pongs, pieces. A client's own sending is cut into a few."""

GRACE_S: Final = 3
"""How long open requests may take to end at a stop: server-sent events never end by themselves."""


class PromptHttp(HttpToolsProtocol):
    """HTTP, whose requests have to arrive in a limited time."""

    _late: asyncio.TimerHandle | None = None
    _of_piece = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._within(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._late is None and self.timeout_keep_alive_task is not None:  # idle until now
            self._within(HEAD_S)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._of_piece = 0
        self._within(BODY_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._of_piece += len(body)
        if self._of_piece >= PIECE_BYTES and self._late is not None and not self.cycle.response_complete:
            self._of_piece = 0
            self._within(BODY_S)

    def on_message_complete(self) -> None:
        self._in_time()
        super().on_message_complete()

    def _within(self, seconds: float) -> None:
        self._in_time()
        self._late = self.loop.call_later(seconds, self.transport.abort)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class BoundedSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is gone once it is closed, and whose frames are counted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._frames, self._counted_s = float(BURST_FRAMES), self.loop.time()
        self._lingers: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingers is not None:
            self._lingers.cancel()
        super().connection_lost(exc)

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            # Closing waits for what is still to be sent, and a client may never read it.
            if not self.disconnected:
                self._lingers = self.loop.call_later(LINGER_S, self.transport.abort)

    def handle_ping(self) -> None:
        # What answers a ping is written past all flow control.
        if self.writable.is_set() and self._affords():
            super().handle_ping()
        else:
            self.transport.abort()

    def handle_pong(self, event: Frame) -> None:
        if self._affords():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        if self._affords():
            super().handle_cont(event)

    def _affords(self) -> bool:
        """Whether there may be one more frame now; if not, the socket ends."""
        now_s = self.loop.time()
        gained = (now_s - self._counted_s) * FRAMES_PER_S
        self._frames, self._counted_s = min(BURST_FRAMES, self._frames + gained) - 1, now_s
        if self._frames < 0:
            self.transport.abort()
        return self._frames >= 0


def server_config(app: Any, **more: Any) -> uvicorn.Config:
    """How an application is served. more: further settings of uvicorn's."""
    return uvicorn.Config(
        app,
        http=PromptHttp,
        ws=BoundedSocket,
        ws_max_size=1 << 20,
        # Signals are small, and a compressor costs each of them more than it saves.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        **more,
    )


def open_many_files() -> None:
    """Let this process hold as many files and sockets open as the system allows it: often 1024 is only the default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
