"""A LiveKit deployment that serves the calls, for those who outgrow one machine: behind `rtc.calls.Calls`.

Lives here: `LiveKitCalls`: tokens by the deployment's key, and a look at its rooms by its server API.
Not here: signalling and media: clients speak to the deployment itself.
Source: LiveKit's livekit_room.proto (`RoomService`), Twirp's wire protocol v7.

livekit-server keeps whatever its tokens allow, and lets a removed participant in again while its token lasts. So
the node looks at its rooms every two seconds, and at once when it takes a seat back:

    in the room                                            done
    who is not expected there                              removed, as often as it comes
    who has a track that says it is not encrypted          removed
    anybody else                                           nothing

A room is looked at from its first token until nobody is expected there and no token can be good any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import anyio
import httpx2
import structlog
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models as m
from livekit.protocol import room as api

from visavis.errors import Unavailable
from visavis.rtc import tokens
from visavis.rtc.tokens import Grants, TokenKey

LOOK_S: Final = 2.0
TIMEOUT_S: Final = 10.0
PASS_S: Final = 60
"""Life of the tokens that the node itself shows to the server API."""

VOID_AFTER_S: Final = tokens.LIFETIME_S + 2 * tokens.LEEWAY_S
"""After that no token that the node or the deployment gave is good any more; the latter's live as long as ours."""

NODE: Final = "node"
"""Whose token the node's own is; it joins no room."""

NONE: Final = m.Encryption.Type.Value("NONE")

T = TypeVar("T", bound=Message)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watched:
    """A room that is looked at.

    expected: the identities that hold a seat. dismissed: those whose seat was taken back. present: who was there at the
    last look. changed_s: when a seat was last given or taken.
    """

    changed_s: float
    expected: set[str] = field(default_factory=set)
    dismissed: set[str] = field(default_factory=set)
    present: frozenset[str] = frozenset()


class LiveKitCalls:
    """Calls on the deployment at `server` (http or https), with an API key of its own. Run `run` beside it.

    encrypted: whether a track that says it is not encrypted costs its participant the seat.
    now_ms:    milliseconds since the epoch. clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        server: str,
        key: TokenKey,
        *,
        encrypted: bool = True,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._key, self._encrypted = server.rstrip("/"), key, encrypted
        self._now_ms, self._clock = now_ms, clock
        self._rooms: dict[str, Watched] = {}
        self._wake = anyio.Event()
        self._counts = {"removed": 0, "unreachable": 0}
        self._reached = True

    def url(self, own: str) -> str:
        return self._server

    def mint(self, room: str, identity: str) -> str:
        token = tokens.mint(self._key, Grants(room, identity), now_ms=self._now_ms())
        self.expect(room, identity)
        return token

    def expect(self, room: str, identity: str) -> None:
        here = self._rooms.setdefault(room, Watched(self._clock()))
        here.changed_s = self._clock()
        here.expected.add(identity)
        here.dismissed.discard(identity)

    def remove(self, room: str, identity: str) -> bool:
        here = self._rooms.setdefault(room, Watched(self._clock()))
        here.changed_s = self._clock()
        here.expected.discard(identity)
        here.dismissed.add(identity)
        self._wake.set()
        return identity in here.present

    def stats(self) -> Mapping[str, int]:
        present = [here.present for here in self._rooms.values()]
        return {"rooms": sum(map(bool, present)), "participants": sum(map(len, present)), **self._counts}

    async def run(self) -> None:
        """Look at the rooms, until cancelled. A deployment that does not answer is asked again."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_S) as http:
            while True:
                await self._look(http)
                with anyio.move_on_after(LOOK_S):
                    await self._wake.wait()
                self._wake = anyio.Event()

    async def _look(self, http: httpx2.AsyncClient) -> None:
        try:
            if self._rooms:
                named = api.ListRoomsRequest(names=list(self._rooms))
                grants = Grants(NODE, NODE, room_list=True)
                found = await self._ask(http, "ListRooms", grants, named, api.ListRoomsResponse)
                there = {room.name for room in found.rooms} if found is not None else set()
                for room in list(self._rooms):
                    await self._look_at(http, room, exists=room in there)
        except Unavailable as error:
            self._counts["unreachable"] += 1
            if self._reached:
                log.warning("call-server-unreachable", error=error.message)
            self._reached = False
        else:
            if not self._reached:
                log.info("call-server-reached")
            self._reached = True

    async def _look_at(self, http: httpx2.AsyncClient, room: str, *, exists: bool) -> None:
        here, grants, listed = self._rooms[room], Grants(room, NODE, room_admin=True), None
        if exists:
            asked = api.ListParticipantsRequest(room=room)
            listed = await self._ask(http, "ListParticipants", grants, asked, api.ListParticipantsResponse)
        people = tuple(listed.participants) if listed is not None else ()
        here.present = frozenset(p.identity for p in people)
        if not here.present and not here.expected and self._clock() - here.changed_s > VOID_AFTER_S:
            del self._rooms[room]
            return
        for p in people:
            if p.identity in here.dismissed:
                why = "seat-taken-back"
            elif p.identity not in here.expected:
                why = "not-expected"
            elif self._encrypted and any(track.encryption == NONE for track in p.tracks):
                why = "plain-track"
            else:
                continue
            who = api.RoomParticipantIdentity(room=room, identity=p.identity)
            await self._ask(http, "RemoveParticipant", grants, who, api.RemoveParticipantResponse)
            self._counts["removed"] += 1
            # Who is dismissed may be about to leave, as at the end of a sitting; the others have no business there.
            say = log.info if p.identity in here.dismissed else log.warning
            say("call-removed", room=room, identity=p.identity, sid=p.sid, why=why)

    async def _ask(
        self, http: httpx2.AsyncClient, method: str, grants: Grants, request: Message, answer: type[T]
    ) -> T | None:
        """One call of the server API; None if what it is about does not exist. Raises `Unavailable`."""
        token = tokens.mint(self._key, grants, now_ms=self._now_ms(), lifetime_s=PASS_S)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/protobuf"}
        try:
            response = await http.post(
                f"{self._server}/twirp/livekit.RoomService/{method}",
                content=request.SerializeToString(),
                headers=headers,
            )
            if response.status_code == 404:
                return None
            if response.status_code != 200:
                raise Unavailable(f"the call's server answers {response.status_code} to {method}")
            return answer.FromString(response.content)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable("the call's server does not answer", error=type(error).__name__) from error
        except DecodeError as error:
            raise Unavailable(f"the call's server answers what is no answer to {method}") from error
