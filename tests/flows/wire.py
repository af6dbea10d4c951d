"""A browser's signalling to the engine, in a test's hand: it can be cut, and told that the way is poor. For tests.

Lives here: `Wire`. Not here: bad networks for sound and picture (`bench/networks`).

The call, its keys and the node are the real ones; only the socket between them goes through here.
"""

from __future__ import annotations

import re

from livekit.protocol import models as m
from livekit.protocol import rtc as r
from playwright.async_api import Page, WebSocketRoute

SIGNALLING = re.compile(r"^wss?://[^/]+/rtc\b")


class Wire:
    """One page's signal sockets: of the floor, and of a caucus. down: whether a new one is refused."""

    def __init__(self) -> None:
        self.down = False
        self._sid = ""
        self._quality = True
        self._ways: list[tuple[WebSocketRoute, WebSocketRoute]] = []
        """The page's end and the node's, in the order of their opening."""

    @classmethod
    async def of(cls, page: Page) -> Wire:
        """To be called before the page opens the room."""
        wire = cls()
        await page.route_web_socket(SIGNALLING, wire._serve)
        return wire

    def poor(self) -> None:
        """From now on the engine's word on this browser's connection is: poor."""
        page, _ = self._ways[0]
        self._quality = False
        info = r.ConnectionQualityInfo(participant_sid=self._sid, quality=m.POOR, score=1.0)
        said = r.SignalResponse(connection_quality=r.ConnectionQualityUpdate(updates=[info]))
        page.send(said.SerializeToString())

    def cut(self) -> None:
        """The engine has lost this browser and it the engine, without a word of its person; nothing gets through."""
        self.down = True
        while self._ways:
            self.cut_last()

    def cut_last(self) -> None:
        """The same for the way that was opened last, alone; a new one gets through."""
        page, node = self._ways.pop()
        gone = r.LeaveRequest(reason=m.CLIENT_INITIATED, action=r.LeaveRequest.DISCONNECT)
        node.send(r.SignalRequest(leave=gone).SerializeToString())
        lost = r.LeaveRequest(reason=m.SERVER_SHUTDOWN, action=r.LeaveRequest.DISCONNECT)
        page.send(r.SignalResponse(leave=lost).SerializeToString())

    def mend(self) -> None:
        self.down = False

    async def _serve(self, page: WebSocketRoute) -> None:
        if self.down:
            await page.close()
            return
        node = page.connect_to_server()
        self._ways.append((page, node))
        node.on_message(lambda message: self._from_node(page, message))

        async def closed(code: int | None, reason: str | None) -> None:
            self._ways = [way for way in self._ways if way[0] is not page]
            await node.close(code=code, reason=reason)

        page.on_close(closed)

    def _from_node(self, page: WebSocketRoute, message: str | bytes) -> None:
        if isinstance(message, bytes):
            said = r.SignalResponse.FromString(message)
            if said.HasField("join"):
                self._sid = said.join.participant.sid
            if said.HasField("connection_quality") and not self._quality:
                return
        page.send(message)
