"""Signalling by hand, message by message, is answered by our engine as by LiveKit's own server.

Lives here: what no SDK shows its user: refusals, resumes, reasons of a farewell.
Not here: the call as a client sees it (`test_call`, `test_browser`).
"""

from __future__ import annotations

import contextlib
import time

import anyio
import jwt
import pytest
from livekit import api
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from tests.conformance.peers import LIMIT_S
from tests.conformance.servers import KEY, SECRET
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = [pytest.mark.anyio, pytest.mark.media]

Reason = r.RequestResponse.Reason


class Line:
    """One signal socket; every message that came on it."""

    def __init__(self, socket):
        self.socket, self.got = socket, []

    async def send(self, **request):
        await self.socket.send(r.SignalRequest(**request).SerializeToString())

    async def get(self, kind):
        """The next message of a kind."""
        with anyio.fail_after(LIMIT_S):
            while True:
                self.got.append(r.SignalResponse.FromString(await self.socket.recv()))
                if self.got[-1].WhichOneof("message") == kind:
                    return getattr(self.got[-1], kind)

    async def end(self):
        """Wait until the server hangs up."""
        with anyio.fail_after(LIMIT_S), contextlib.suppress(ConnectionClosed):
            while True:
                await self.socket.recv()


@pytest.fixture
async def call(server, room):
    """`await call("a1", …)`: a socket with a token as `Server.token` makes it, and the JoinResponse in `joined`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(identity, *, token=None, query="", join=True, **grants):
            token = token or server.token(identity, room, **grants)
            address = f"{server.url}/rtc?access_token={token}&protocol=16&auto_subscribe=1{query}"
            line = Line(await stack.enter_async_context(connect(address, max_size=None, proxy=None)))
            line.joined = await line.get("join") if join else None
            line.token = token
            return line

        yield start


async def test_change_of_metadata(call):
    """Whoever may not change its metadata is told so, likewise for what is too long; it stays in the room."""
    a = await call("a1")
    await a.send(update_metadata=r.UpdateParticipantMetadata(metadata="new", request_id=7))
    answer = await a.get("request_response")
    assert (answer.request_id, answer.reason) == (7, Reason.NOT_ALLOWED)
    assert answer.update_metadata.metadata == "new"
    b = await call("b1", can_update_own_metadata=True)
    for n, change in enumerate(
        [{"metadata": "m" * 600_000}, {"name": "n" * 300}, {"attributes": {"a": "x" * 66_000}}], 1
    ):
        await b.send(update_metadata=r.UpdateParticipantMetadata(request_id=n, **change))
        answer = await b.get("request_response")
        assert (answer.request_id, answer.reason) == (n, Reason.LIMIT_EXCEEDED), change.keys()
    await b.send(update_metadata=r.UpdateParticipantMetadata(metadata="new", request_id=9))
    answer = await b.get("request_response")
    assert (answer.request_id, answer.reason) == (9, Reason.OK)


async def test_refused_tracks(call):
    """A track of a forbidden source, of another kind, or for another track's second codec is refused as such."""
    a = await call("a1", can_publish_sources=["microphone"])
    camera, microphone = m.TrackSource.CAMERA, m.TrackSource.MICROPHONE
    cases = [
        ({"type": m.TrackType.VIDEO, "source": camera}, Reason.NOT_ALLOWED),
        ({"type": m.TrackType.DATA, "source": microphone}, Reason.UNSUPPORTED_TYPE),
        ({"type": m.TrackType.AUDIO, "source": microphone, "sid": "TR_none"}, Reason.NOT_FOUND),
    ]
    for n, (track, reason) in enumerate(cases):
        await a.send(add_track=r.AddTrackRequest(cid=f"cid{n}", name="x", **track))
        answer = await a.get("request_response")
        assert (answer.add_track.cid, answer.reason) == (f"cid{n}", reason)


async def test_tracks_that_are_not_there(call):
    """Who mutes or describes a track that it does not publish is told that there is none."""
    a = await call("a1")
    await a.send(mute=r.MuteTrackRequest(sid="TR_none", muted=True))
    answer = await a.get("request_response")
    assert (answer.mute.sid, answer.reason) == ("TR_none", Reason.NOT_FOUND)
    await a.send(update_audio_track=r.UpdateLocalAudioTrack(track_sid="TR_none"))
    answer = await a.get("request_response")
    assert (answer.update_audio_track.track_sid, answer.reason) == ("TR_none", Reason.NOT_FOUND)
    await a.send(update_video_track=r.UpdateLocalVideoTrack(track_sid="TR_none", width=1, height=1))
    answer = await a.get("request_response")
    assert (answer.update_video_track.track_sid, answer.reason) == ("TR_none", Reason.NOT_FOUND)


async def test_duplicate_identity(call):
    """Whoever's identity comes again is told why it has to go, and not to come back."""
    a = await call("a1")
    await call("a1")
    leave = await a.get("leave")
    assert (leave.reason, leave.action) == (m.DUPLICATE_IDENTITY, r.LeaveRequest.DISCONNECT)
    await a.end()


async def test_resume_with_another_state(call):
    """Who resumes and holds a track for published that the server does not know has to join anew."""
    a = await call("a1")
    unknown = r.TrackPublishedResponse(cid="mic", track=m.TrackInfo(sid="TR_none"))
    await a.send(sync_state=r.SyncState(publish_tracks=[unknown]))
    leave = await a.get("leave")
    assert (leave.reason, leave.action) == (m.STATE_MISMATCH, r.LeaveRequest.RECONNECT)


async def test_resume_of_nothing(call):
    """Who resumes what is not there has to join anew."""
    a = await call("a1", query="&reconnect=1&sid=PA_none", join=False)
    leave = await a.get("leave")
    assert (leave.reason, leave.action) == (m.STATE_MISMATCH, r.LeaveRequest.RECONNECT)


async def test_identity_by_the_tokens_id(call, room):
    """A token without a subject is its holder's by its own id."""
    claims = {"iss": KEY, "jti": "by-id", "exp": int(time.time()) + 600}
    token = jwt.encode(claims | {"video": {"room": room, "roomJoin": True}}, SECRET, algorithm="HS256")
    assert (await call("", token=token)).joined.participant.identity == "by-id"


async def test_full_room(server, room, call):
    """Nobody more comes into a room that is full."""
    client = api.LiveKitAPI(server.http, KEY, SECRET)
    try:
        await client.room.create_room(api.CreateRoomRequest(name=room, max_participants=1))
        await call("a1")
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            await call("b1")
    finally:
        await client.aclose()


async def test_rooms_end(server, room, call):
    """A room that everybody has left ends after its time, and so does one that nobody came to."""
    client = api.LiveKitAPI(server.http, KEY, SECRET)
    other = f"{room}-empty"
    try:
        await client.room.create_room(
            api.CreateRoomRequest(name=room, departure_timeout=1, empty_timeout=600)
        )
        await client.room.create_room(api.CreateRoomRequest(name=other, empty_timeout=1))
        a = await call("a1")
        await a.send(leave=r.LeaveRequest())
        await a.end()
        left = [room, other]

        async def remaining():
            found = await client.room.list_rooms(api.ListRoomsRequest(names=[room, other]))
            left[:] = [x.name for x in found.rooms]
            return left

        with anyio.fail_after(2 * LIMIT_S):
            while await remaining():  # noqa: ASYNC110 - the server tells nobody
                await anyio.sleep(0.2)
    finally:
        await client.aclose()
