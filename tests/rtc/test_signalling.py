"""LiveKit's signalling over a real WebSocket, with protobufs by hand, against the fake engine."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from visavis.rtc import signalling
from visavis.rtc.effects import Joined, Left, Muted, Published, Unpublished
from visavis.rtc.engines.embedded import EmbeddedEngine
from visavis.rtc.engines.fake import FakeEngine
from visavis.rtc.errors import CallStopped
from visavis.rtc.places import Place
from visavis.rtc.policy import RoomPolicy
from visavis.rtc.service import CallService
from visavis.rtc.tokens import TokenKey

pytestmark = pytest.mark.anyio

LIMIT_S = 20.0


class Watcher:
    """Keeps every event; a test waits for one."""

    def __init__(self):
        self.events = []
        self.news = anyio.Event()

    async def call_event(self, event):
        self.events.append(event)
        self.news.set()
        self.news = anyio.Event()

    async def wait(self, kind, **fields):
        def found():
            return [
                e
                for e in self.events
                if isinstance(e, kind) and all(getattr(e, k) == v for k, v in fields.items())
            ]

        with anyio.fail_after(LIMIT_S):
            while not found():
                await self.news.wait()
        return found()[0]


# --- the handshake -------------------------------------------------------------


async def test_v1_falls_back(serve_calls):
    """The single-connection path answers 404 to the upgrade and to the JavaScript client's question."""
    async with serve_calls() as node, httpx2.AsyncClient() as http:
        with pytest.raises(InvalidStatus) as e:
            await connect(f"{node.url}/rtc/v1?access_token=x", proxy=None)
        assert e.value.response.status_code == 404
        got = await http.get(f"http://127.0.0.1:{node.port}/rtc/v1/validate")
        assert (got.status_code, got.headers["access-control-allow-origin"]) == (404, "*")
        assert "requested room does not exist" not in got.text


async def test_validate(serve_calls):
    """`/rtc/validate` says whether a token is good, to any origin."""
    async with serve_calls() as node, httpx2.AsyncClient() as http:
        base = f"http://127.0.0.1:{node.port}/rtc/validate"
        good = await http.get(base, params={"access_token": node.calls.mint("talk", "a1")})
        assert (good.status_code, good.text) == (200, "success")
        bearer = {"Authorization": "Bearer " + node.calls.mint("talk", "a1")}
        assert (await http.get(base, headers=bearer)).status_code == 200
        bad = await http.get(base, params={"access_token": "x"})
        assert (bad.status_code, bad.headers["access-control-allow-origin"]) == (401, "*")


@pytest.mark.parametrize("query", ["", "access_token=", "access_token=a.b.c"])
async def test_bad_token(serve_calls, query):
    """Without a good token there is no socket, but a 401 that says why."""
    async with serve_calls() as node:
        with pytest.raises(InvalidStatus) as e:
            await node.socket(query)
        assert e.value.response.status_code == 401
        assert b"call-token-invalid" in e.value.response.body


async def test_join(serve_calls):
    """The first message is a JoinResponse; an offer with the data channels follows at once."""
    async with serve_calls() as node:
        a = await node.client("a1")
        assert a.got[0].WhichOneof("message") == "join"
        assert a.join.subscriber_primary
        assert a.join.ping_interval > 0
        assert a.join.server_info.version
        assert a.join.participant.identity == "a1"
        assert (a.join.participant.name, a.join.participant.metadata) == ("", "")
        offer = await a.answer()
        assert "webrtc-datachannel" in offer.sdp
        update = (await a.get("update")).update
        assert update.participants[0].state == m.ParticipantInfo.ACTIVE


async def test_others_are_told(serve_calls):
    """Who comes learns who is there, and they learn of it."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a = await node.client("a1")
        b = await node.client("b1")
        assert [p.identity for p in b.join.other_participants] == ["a1"]
        assert [p.identity for p in (await a.get("update")).update.participants] == ["b1"]
        assert [p.identity for p in node.calls.present("talk")] == ["a1", "b1"]
        await watcher.wait(Joined, identity="b1", room="talk")


async def test_rooms_are_apart(serve_calls):
    """Nobody hears of another room."""
    async with serve_calls() as node:
        a = await node.client("a1")
        c = await node.client("c1", room="caucus")
        await node.settle()
        assert list(c.join.other_participants) == []
        assert a.all("update") == []


async def test_full_room(serve_calls):
    """A full room lets nobody more in, and says so before the socket opens."""
    async with serve_calls(policy=lambda _: RoomPolicy(max_participants=1)) as node:
        await node.client("a1")
        with pytest.raises(InvalidStatus) as e:
            await node.client("b1")
        assert e.value.response.status_code == 403
        assert len(node.engine.transports) == 2


# --- publishing and receiving ----------------------------------------------------


async def test_track_is_announced_at_its_first_packet(serve_calls):
    """A track is told and offered to the others when its first packet comes, not before."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish("cid-1", video=True)
        await node.settle()
        assert not [t for u in b.all("update") for p in u.participants for t in p.tracks]
        node.engine.hear(a.up, "0")
        while not (told := [t for u in b.all("update") for p in u.participants for t in p.tracks]):
            await b.receive()
        assert (told[0].sid, told[0].encryption, told[0].mime_type) == (
            track.sid,
            m.Encryption.GCM,
            "video/VP8",
        )
        offer = await b.answer()
        assert f"a=msid:{a.sid}|{track.sid} {track.sid}" in offer.sdp
        assert (await a.get("track_subscribed")).track_subscribed.track_sid == track.sid
        route = next(x for k, x in node.engine.routes.items() if k[0] == b.down)
        assert (route.source, route.source_mid, route.max_layer) == (a.up, "0", 2)
        await watcher.wait(Published, identity="a1", track=track.sid, source="CAMERA", video=True)


async def test_late_comer_gets_tracks(serve_calls):
    """Who comes later is offered what is published already."""
    async with serve_calls() as node:
        a = await node.client("a1")
        track = await a.publish_and_send("cid-1")
        await a.get("update")
        b = await node.client("b1")
        assert [t.sid for t in b.join.other_participants[0].tracks] == [track.sid]
        assert track.sid in (await b.answer()).sdp
        await a.get("track_subscribed")
        assert len(node.engine.routes) == 1


async def test_add_track_twice(serve_calls):
    """Declaring the same cid again gives the same track."""
    async with serve_calls() as node:
        a = await node.client("a1")
        await a.add_track("cid-1")
        await a.add_track("cid-1")
        one, two = await a.get("track_published"), await a.get("track_published")
        assert one.track_published.track.sid == two.track_published.track.sid


async def test_unpublish(serve_calls):
    """A section that stops takes its track away from everybody."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        await a.offer([None], 2)
        assert (await a.get("track_unpublished")).track_unpublished.track_sid == track.sid
        offer = await b.answer()
        assert "a=inactive" in offer.sdp
        assert node.engine.routes == {}
        await watcher.wait(Unpublished, track=track.sid)


async def test_explicit_subscription(serve_calls):
    """Who does not subscribe to all gets what it names, and no more once it declines."""
    async with serve_calls() as node:
        a = await node.client("a1")
        track = await a.publish_and_send("cid-1")
        await a.get("update")
        b = await node.client("b1", query="&auto_subscribe=0")
        assert track.sid not in (await b.answer()).sdp
        await b.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=True))
        assert track.sid in (await b.answer()).sdp
        await a.get("track_subscribed")
        await b.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=False))
        await b.answer()
        assert node.engine.routes == {}


async def test_tracks_asked_one_after_the_other_are_offered_together(serve_calls):
    """Who asks for two tracks in two messages at once gets one offer for both."""
    async with serve_calls() as node:
        a = await node.client("a1")
        first = await a.publish_and_send("cid-1")
        await a.add_track("cid-2", video=True)
        second = (await a.get("track_published")).track_published.track
        await a.offer([("cid-1", False), ("cid-2", True)], 2)
        await a.get("answer")
        node.engine.hear(a.up, "1")
        await node.settle()
        b = await node.client("b1", query="&auto_subscribe=0")
        await b.answer()
        for track in (first, second):
            await b.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=True))
        offer = await b.answer()
        assert first.sid in offer.sdp
        assert second.sid in offer.sdp


async def test_no_subscription_without_right(serve_calls):
    """A token without the right to receive gets nothing, asked for or not."""
    async with serve_calls() as node:
        a = await node.client("a1")
        track = await a.publish_and_send("cid-1")
        await a.get("update")
        b = await node.client("b1", can_subscribe=False)
        await b.answer()
        await b.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=True))
        refused = (await b.get("request_response")).request_response
        assert refused.reason == r.RequestResponse.NOT_ALLOWED
        assert node.engine.routes == {}


async def test_publisher_permits(serve_calls):
    """A publisher who names who may receive is obeyed."""
    async with serve_calls() as node:
        a, b, c = [await node.client(x) for x in ("a1", "b1", "c1")]
        await b.answer()
        await c.answer()
        permission = r.TrackPermission(participant_identity="b1", all_tracks=True)
        await a.send(subscription_permission=r.SubscriptionPermission(track_permissions=[permission]))
        track = await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        await c.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=True))
        await node.settle()
        assert {t for t, _ in node.engine.routes} == {b.down}
        await a.send(subscription_permission=r.SubscriptionPermission())
        await b.answer()
        assert node.engine.routes == {}


async def test_track_settings(serve_calls):
    """A subscriber's wish for a smaller picture, or none, reaches the engine."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        layers = [m.VideoLayer(width=w, height=w // 2) for w in (320, 640, 1280)]
        track = await a.publish_and_send("cid-1", video=True, layers=layers)
        await b.answer()
        await a.get("track_subscribed")
        for settings, expected in (
            ({"width": 300}, (0, False)),
            ({"width": 500}, (1, False)),
            ({"width": 5000}, (2, False)),
            ({"quality": m.VideoQuality.LOW}, (0, False)),
            ({"quality": m.VideoQuality.HIGH, "disabled": True}, (2, True)),
        ):
            await b.send(track_setting=r.UpdateTrackSettings(track_sids=[track.sid], **settings))
            await b.ping()
            route = next(iter(node.engine.routes.values()))
            assert (route.max_layer, route.paused) == expected


async def test_a_screen_goes_before_faces(serve_calls):
    """What is shown on a screen is served first where a path does not bear everything."""
    async with serve_calls() as node:
        b = await node.client("b1")
        await b.answer()
        for identity, source in (("a1", m.TrackSource.CAMERA), ("a2", m.TrackSource.SCREEN_SHARE)):
            a = await node.client(identity)
            await a.publish_and_send("cid-1", video=True, source=source)
            await b.answer()
            await a.get("track_subscribed")
        assert sorted(route.rank for route in node.engine.routes.values()) == [0, 1]


async def test_mute(serve_calls):
    """A participant mutes its own track, and the others are told; another's it cannot."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        track = await a.publish_and_send("cid-1")
        await watcher.wait(Published)
        await b.send(mute=r.MuteTrackRequest(sid=track.sid, muted=True))
        await node.settle()
        assert not [t for u in b.all("update") for p in u.participants for t in p.tracks if t.muted]
        await a.send(mute=r.MuteTrackRequest(sid=track.sid, muted=True))
        await node.settle()
        assert [t for u in b.all("update") for p in u.participants for t in p.tracks if t.muted]
        assert (await watcher.wait(Muted)).identity == "a1"


async def test_pings(serve_calls):
    """Both kinds of ping are answered."""
    async with serve_calls() as node:
        a = await node.client("a1")
        await a.send(ping_req=r.Ping(timestamp=7))
        assert (await a.get("pong_resp")).pong_resp.last_ping_timestamp == 7
        await a.send(ping=1)
        assert (await a.get("pong")).pong > 0


# --- refusals ----------------------------------------------------------------------


async def test_plain_track_is_refused(serve_calls):
    """A track that says it is not encrypted is refused with the reason, and its client is out."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        await a.add_track("cid-1", encryption=m.Encryption.NONE)
        refused = (await a.get("request_response")).request_response
        assert refused.reason == r.RequestResponse.NOT_ALLOWED
        assert refused.message.startswith("call-plain-track")
        leave = (await a.get("leave")).leave
        assert (leave.reason, leave.action) == (m.PARTICIPANT_REMOVED, r.LeaveRequest.DISCONNECT)
        assert await a.end() == 1008
        assert a.all("track_published") == []
        await watcher.wait(Left, identity="a1", reason="PARTICIPANT_REMOVED")
        await b.ping()


async def test_encrypted_track_is_refused_in_public(serve_calls):
    """A room for everybody to hear takes plain tracks and refuses encrypted ones."""
    async with serve_calls(policy=lambda room: RoomPolicy(encrypted=room != "press")) as node:
        a, b = await node.client("a1", room="press"), await node.client("b1", room="press")
        await a.add_track("cid-1", encryption=m.Encryption.NONE)
        await a.get("track_published")
        await b.add_track("cid-2")
        refused = (await b.get("request_response")).request_response
        assert refused.message.startswith("call-encrypted-track")
        assert await b.end() == 1008


@pytest.mark.parametrize(
    ("rights", "more"),
    [
        ({"can_publish": False}, {}),
        ({"sources": ["MICROPHONE"]}, {"video": True}),
    ],
)
async def test_publishing_without_right(serve_calls, rights, more):
    """What the token does not allow is refused by name; the client stays."""
    async with serve_calls() as node:
        a = await node.client("a1", **rights)
        await a.add_track("cid-1", **more)
        refused = (await a.get("request_response")).request_response
        assert refused.message.startswith("call-publish-refused")
        assert refused.add_track.cid == "cid-1"
        await a.ping()


async def test_metadata_is_refused(serve_calls):
    """Name and metadata cannot be changed: they would be words in somebody's mouth."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await a.send(update_metadata=r.UpdateParticipantMetadata(name="Principal of side B", request_id=9))
        refused = (await a.get("request_response")).request_response
        assert (refused.reason, refused.request_id) == (r.RequestResponse.NOT_ALLOWED, 9)
        await node.settle()
        assert not [p for u in b.all("update") for p in u.participants if p.name]


async def test_data_tracks_are_not_offered(serve_calls):
    """Data tracks pass by the call's keys: they are refused."""
    async with serve_calls() as node:
        a = await node.client("a1")
        await a.send(publish_data_track_request=r.PublishDataTrackRequest(name="x"))
        refused = (await a.get("request_response")).request_response
        assert refused.reason == r.RequestResponse.UNSUPPORTED_TYPE
        await a.ping()


async def test_too_many_tracks(serve_calls):
    """A participant declares so many tracks and no more."""
    async with serve_calls() as node:
        a = await node.client("a1")
        for n in range(17):
            await a.add_track(f"cid-{n}")
        refused = (await a.get("request_response")).request_response
        assert refused.reason == r.RequestResponse.LIMIT_EXCEEDED
        assert len(a.all("track_published")) == 16


# --- coming and going ------------------------------------------------------------------


async def test_leave(serve_calls):
    """Who leaves is gone at once; the others are told, and its tracks with it."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        await a.send(leave=r.LeaveRequest())
        await watcher.wait(Left, identity="a1", reason="CLIENT_INITIATED")
        assert await a.end() == 1000
        gone = [
            p for u in b.all("update") for p in u.participants if p.state == m.ParticipantInfo.DISCONNECTED
        ]
        while not gone:
            gone = [
                p
                for p in (await b.get("update")).update.participants
                if p.state == m.ParticipantInfo.DISCONNECTED
            ]
        assert (gone[0].identity, gone[0].disconnect_reason) == ("a1", m.CLIENT_INITIATED)
        assert node.engine.routes == {}
        assert len(node.engine.transports) == 2


async def test_duplicate_identity(serve_calls):
    """Who comes again under the same identity takes the place of the former, who is told why."""
    async with serve_calls() as node:
        old, new = await node.client("a1"), await node.client("a1")
        leave = (await old.get("leave")).leave
        assert (leave.reason, leave.action) == (m.DUPLICATE_IDENTITY, r.LeaveRequest.DISCONNECT)
        await old.end()
        assert [p.sid for p in node.calls.present("talk")] == [new.sid]
        await new.ping()


async def test_resume(serve_calls):
    """After its socket is cut, a participant resumes: same session, full update, offer with an ICE restart."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await a.answer()
        await b.answer()
        track = await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        b.ws.transport.abort()
        again = type(b)(node, "b1", await node.socket(f"access_token={b.token}&reconnect=1&sid={b.sid}"))
        node.clients.append(again)
        await again.get("reconnect")
        assert again.got[0].WhichOneof("message") == "reconnect"
        update = (await again.get("update")).update
        assert {p.identity for p in update.participants} == {"a1", "b1"}
        assert (await again.get("room_update")).room_update.room.name == "talk"
        await again.answer()
        await again.ping()
        assert [x.source for x in node.engine.routes.values()] == [a.up]
        assert {p.sid for p in node.calls.present("talk")} == {a.sid, b.sid}
        await a.send(mute=r.MuteTrackRequest(sid=track.sid, muted=True))
        assert (await again.get("update")).update.participants[0].tracks[0].muted


async def test_resume_and_data(serve_calls):
    """Who resumes is told which of its reliable data came, so that it sends the rest again."""
    async with serve_calls() as node:
        b = await node.client("b1")
        node.engine.number(b.up, 41)
        node.cut("b1")
        again = type(b)(node, "b1", await node.socket(f"access_token={b.token}&reconnect=1&sid={b.sid}"))
        assert (await again.get("reconnect")).reconnect.last_message_seq == 41


async def test_resume_with_another_state(serve_calls):
    """Who resumes and holds a track for published that is not known here is told to join anew."""
    async with serve_calls() as node:
        a = await node.client("a1")
        track = await a.publish("mic")
        known = r.TrackPublishedResponse(cid="mic", track=track)
        await a.send(sync_state=r.SyncState(publish_tracks=[known, r.TrackPublishedResponse(cid="camera")]))
        await a.ping()
        unknown = r.TrackPublishedResponse(cid="mic", track=m.TrackInfo(sid="TR_other"))
        await a.send(sync_state=r.SyncState(publish_tracks=[known, unknown]))
        leave = (await a.get("leave")).leave
        assert (leave.action, leave.reason) == (r.LeaveRequest.RECONNECT, m.STATE_MISMATCH)


async def test_resume_with_wishes(serve_calls):
    """What a client that resumes does not want to receive, or does not show, is as it says."""
    async with serve_calls() as node:
        a = await node.client("a1")
        voice = await a.publish_and_send("mic")
        b = await node.client("b1")
        await b.answer()
        await node.settle()
        assert [route.paused for route in node.engine.routes.values()] == [False]
        await b.send(sync_state=r.SyncState(track_sids_disabled=[voice.sid, "TR_other"]))
        await node.settle()
        assert [route.paused for route in node.engine.routes.values()] == [True]
        declined = r.UpdateSubscription(track_sids=[voice.sid], subscribe=False)
        await b.send(sync_state=r.SyncState(subscription=declined))
        await node.settle()
        assert node.engine.routes == {}


async def test_resume_learns_of_farewells(serve_calls):
    """Who resumes is told who left meanwhile."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        b.closed = True
        b.ws.transport.abort()
        with anyio.fail_after(LIMIT_S):
            while node.calls.stats()["sockets"] > 1:
                await a.ping()
        await a.send(leave=r.LeaveRequest())
        await watcher.wait(Left, identity="a1")
        again = type(b)(node, "b1", await node.socket(f"access_token={b.token}&reconnect=1&sid={b.sid}"))
        node.clients.append(again)
        told = {p.identity: p.state for p in (await again.get("update")).update.participants}
        assert told["a1"] == m.ParticipantInfo.DISCONNECTED


async def test_resume_of_unanswered_offer(serve_calls):
    """An offer that was lost with its socket is made anew on the next."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish_and_send("cid-1")
        lost = (await b.get("offer")).offer
        assert track.sid in lost.sdp
        b.closed = True
        b.ws.transport.abort()
        again = type(b)(node, "b1", await node.socket(f"access_token={b.token}&reconnect=1&sid={b.sid}"))
        node.clients.append(again)
        offer = await again.answer()
        assert (track.sid in offer.sdp, offer.id > lost.id) == (True, True)
        await a.get("track_subscribed")
        assert len(node.engine.routes) == 1


async def test_resume_of_unknown_session(serve_calls):
    """Who resumes a session that is over is told to join anew."""
    async with serve_calls() as node:
        a = await node.client("a1")
        for query in (f"reconnect=1&sid={a.sid}x", "reconnect=1&sid=PA_other"):
            ws = await node.socket(f"access_token={a.token}&{query}")
            c = type(a)(node, "a1", ws)
            leave = (await c.get("leave")).leave
            assert (leave.action, leave.can_reconnect) == (r.LeaveRequest.RECONNECT, True)
            await c.end()
        await a.ping()


async def test_cut_without_return(serve_calls):
    """A participant that does not come back in time is out."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher], resume_grace_s=0.05) as node:
        a = await node.client("a1")
        a.closed = True
        a.ws.transport.abort()
        await watcher.wait(Left, identity="a1", reason="SIGNAL_CLOSE")
        assert node.engine.transports == {}
        assert node.calls.stats()["rooms"] == 0


async def test_transport_dies(serve_calls):
    """Whose transport dies is told to join anew."""
    async with serve_calls(farewell_s=0.01) as node:
        a, b = await node.client("a1"), await node.client("b1")
        node.engine.lose(a.down)
        leave = (await a.get("leave")).leave
        assert leave.action == r.LeaveRequest.RECONNECT
        await a.end()
        await b.ping()
        assert len(node.engine.transports) == 2


async def test_leave_after_transport(serve_calls):
    """A client that closes its transports before it says that it leaves, has left; nothing failed."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher]) as node:
        a = await node.client("a1")
        for transport in (a.up, a.down)[::-1]:
            node.engine.lose(transport)
        await a.send(leave=r.LeaveRequest())
        assert (await watcher.wait(Left, identity="a1")).reason == "CLIENT_INITIATED"


async def test_vanished(serve_calls):
    """Who vanishes with transports and socket is out at once, not when the time to come back is over."""
    watcher = Watcher()
    async with serve_calls(observers=[watcher], farewell_s=0.05, resume_grace_s=3600) as node:
        a = await node.client("a1")
        node.engine.lose(a.down)
        a.closed = True
        a.ws.transport.abort()
        assert (await watcher.wait(Left, identity="a1")).reason == "SIGNAL_CLOSE"


async def test_remove(serve_calls):
    """Who is removed is out, is told why, and its token is void; a fresh one works."""
    async with serve_calls() as node:
        a = await node.client("a1")
        assert node.calls.remove("talk", "a1")
        assert (await a.get("leave")).leave.reason == m.PARTICIPANT_REMOVED
        await a.end()
        with pytest.raises(InvalidStatus):
            await node.socket(f"access_token={a.token}")
        assert not node.calls.remove("talk", "a1")
        await anyio.sleep(0.002)  # tokens tell their time in milliseconds
        await node.client("a1")


async def test_close_room(serve_calls):
    """Closing a room puts everybody out, and no other room."""
    async with serve_calls() as node:
        a, b, c = await node.client("a1"), await node.client("b1"), await node.client("c1", room="other")
        node.calls.close_room("talk")
        for x in (a, b):
            assert (await x.get("leave")).leave.reason == m.ROOM_CLOSED
            await x.end()
        await c.ping()
        assert node.calls.present("talk") == ()


async def test_refresh(serve_calls):
    """Who stays gets a fresh token, with the same rights."""
    async with serve_calls(refresh_s=0.05) as node:
        a = await node.client("a1", can_publish_data=False)
        token = (await a.get("refresh_token")).refresh_token
        grants = node.calls.authorise(token)
        assert (grants.identity, grants.room, grants.can_publish_data) == ("a1", "talk", False)


async def test_shutdown(serve_calls):
    """When the node stops, clients are told to join anew."""
    async with serve_calls() as node:
        a = await node.client("a1")
        node.clients.clear()
    leave = (await a.get("leave")).leave
    assert (leave.reason, leave.action) == (m.SERVER_SHUTDOWN, r.LeaveRequest.RECONNECT)


async def test_observer_cannot_harm(serve_calls):
    """An observer that fails, and one that stands still, harm nobody."""

    class Failing:
        async def call_event(self, event):
            raise RuntimeError("the observer's own fault")

    class Standing:
        async def call_event(self, event):
            await anyio.sleep_forever()

    watcher = Watcher()
    async with serve_calls(observers=[Failing(), Standing(), watcher]) as node:
        a, b = await node.client("a1"), await node.client("b1")
        await watcher.wait(Joined, identity="a1")
        await watcher.wait(Joined, identity="b1")
        await a.ping()
        await b.ping()


# --- hostile ------------------------------------------------------------------------------


BAD_OFFER_IDS = ["empty", "nonsense", "short", "long"]
BAD_OFFERS = ["", "nonsense", "v=0\nm=audio 9 x\n", "v=0\r\n" + "a=x\r\n" * 40_000]


@pytest.mark.parametrize("sdp", BAD_OFFERS, ids=BAD_OFFER_IDS)
@pytest.mark.parametrize("kind", ["offer", "answer"])
async def test_bad_description(serve_calls, kind, sdp):
    """A session description that cannot be read ends its client alone, with a reason."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await a.get("offer")
        await a.send(**{kind: r.SessionDescription(type=kind, sdp=sdp, id=1)})
        assert (await a.get("leave")).leave.action == r.LeaveRequest.DISCONNECT
        assert await a.end() == 1007
        await b.ping()


HOSTILE = {
    "no protobuf": (b"\xff\xff\xff", 1007),
    "broken protobuf": (r.SignalRequest(ping=1).SerializeToString() + b"\x0a\xff", 1007),
    "bad text in a string": (b"\x0a\x04\x0a\x02\xff\xfe", 1007),
    "text frame": ('{"ping": 1}', 1003),
    "large": (b"\x00" * (signalling.MAX_MESSAGE_BYTES + 1), 1009),
    "long name": (
        r.SignalRequest(
            add_track=r.AddTrackRequest(cid="c", name="x" * 300, encryption=m.Encryption.GCM)
        ).SerializeToString(),
        1007,
    ),
    "no cid": (
        r.SignalRequest(add_track=r.AddTrackRequest(encryption=m.Encryption.GCM)).SerializeToString(),
        1007,
    ),
    "many subscriptions": (
        r.SignalRequest(
            subscription=r.UpdateSubscription(track_sids=["TR_x"] * 2000, subscribe=True)
        ).SerializeToString(),
        1007,
    ),
}


@pytest.mark.parametrize(("frame", "code"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_frame(serve_calls, frame, code):
    """A hostile message ends its own socket with one code, and its participant; nobody else notices."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await a.ws.send(frame)
        assert (await a.get("leave")).leave.reason == m.STATE_MISMATCH
        assert await a.end() == code
        await b.ping()
        assert [p.identity for p in node.calls.present("talk")] == ["b1"]
        assert len(node.engine.transports) == 2


async def test_unknown_messages_are_borne(serve_calls):
    """A newer client's messages and fields do no harm."""
    async with serve_calls() as node:
        a = await node.client("a1")
        await a.ws.send(b"\xfa\x7f\x01x")  # field 2047
        await a.ws.send(b"")
        await a.send(simulate=r.SimulateScenario(server_leave=True))
        await a.send(sync_state=r.SyncState())
        await a.send(trickle=r.TrickleRequest(candidateInit="{}"))
        await a.ping()


async def test_flood(serve_calls):
    """A socket that floods is closed; the others go on."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        ping = r.SignalRequest(ping=1).SerializeToString()
        for _ in range(signalling.BURST_MESSAGES + 100):
            await a.ws.send(ping)
        assert (await a.get("leave")).leave.reason == m.STATE_MISMATCH
        assert await a.end() == 1008
        await b.ping()


async def test_silent_socket(serve_calls, monkeypatch):
    """A socket that says nothing at all, not even pings, is taken for broken."""
    monkeypatch.setattr(signalling, "SILENCE_S", 0.05)
    watcher = Watcher()
    async with serve_calls(observers=[watcher], resume_grace_s=0.01) as node:
        a = await node.client("a1")
        await watcher.wait(Left, identity="a1", reason="SIGNAL_CLOSE")
        assert await a.end() == 1000


async def test_socket_that_does_not_read():
    """What a client does not read is kept within bounds; then its socket is closed."""
    for message, count in (
        (r.SignalResponse(pong=1), signalling.QUEUE_MESSAGES + 10),
        (r.SignalResponse(refresh_token="x" * (1 << 20)), (signalling.QUEUE_BYTES >> 20) + 10),
    ):
        connection = signalling.Connection(1)
        for _ in range(count):
            connection.send(message)
        sent = []

        async def send(data, sent=sent):
            sent.append(len(data))

        await connection.drain(send, lambda: signalling.GATHER_S)
        assert connection.code == 1013
        assert len(sent) < count
        assert sum(sent) <= signalling.QUEUE_BYTES + (2 << 20)
        connection.forget()


async def test_socket_that_takes_nothing(monkeypatch):
    """A message that a socket does not take within a while closes it."""
    monkeypatch.setattr(signalling, "STALL_S", 0.01)
    connection = signalling.Connection(1)
    connection.send(r.SignalResponse(pong=1))
    with anyio.fail_after(LIMIT_S):
        await connection.drain(lambda _: anyio.sleep_forever(), lambda: 0.0)
    assert connection.code == 1013
    connection.forget()


def _update(sid, version, state=m.ParticipantInfo.ACTIVE):
    info = m.ParticipantInfo(sid=sid, version=version, state=state)
    return r.SignalResponse(update=r.ParticipantUpdate(participants=[info]))


def _quality(sid, quality):
    info = r.ConnectionQualityInfo(participant_sid=sid, quality=quality)
    return r.SignalResponse(connection_quality=r.ConnectionQualityUpdate(updates=[info]))


async def _drained(connection):
    """All that goes out until it closes."""
    told = []

    async def send(data):
        told.append(r.SignalResponse.FromString(data))

    with anyio.fail_after(LIMIT_S):
        await connection.drain(send, lambda: signalling.GATHER_S)
    connection.forget()
    return told


async def test_news_is_gathered():
    """Of what is told of somebody while a socket has not taken it, the last counts; nothing overtakes anything."""
    connection = signalling.Connection(1)
    for message in (
        _update("PA_1", 1),
        _quality("PA_1", m.ConnectionQuality.POOR),
        _update("PA_2", 1),
        _update("PA_1", 2, m.ParticipantInfo.DISCONNECTED),
        _quality("PA_1", m.ConnectionQuality.GOOD),
        r.SignalResponse(pong=1),
        _update("PA_2", 2),
    ):
        connection.send(message)
    connection.close()
    told = await _drained(connection)
    assert [x.WhichOneof("message") for x in told] == ["update", "connection_quality", "pong", "update"]
    assert [(p.sid, p.version, p.state) for p in told[0].update.participants] == [
        ("PA_1", 2, m.ParticipantInfo.DISCONNECTED),
        ("PA_2", 1, m.ParticipantInfo.ACTIVE),
    ]
    assert [q.quality for q in told[1].connection_quality.updates] == [m.ConnectionQuality.GOOD]
    assert [p.version for p in told[3].update.participants] == [2]


async def test_news_is_pushed_out():
    """News waits for more, but not when something else is to be said; the first news waits for nothing."""
    connection, told = signalling.Connection(1), []
    more = anyio.Event()

    async def send(data):
        told.append(r.SignalResponse.FromString(data))
        more.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.drain, send, lambda: 1000.0)
        connection.send(_update("PA_1", 1))
        with anyio.fail_after(LIMIT_S):
            await more.wait()
        for version in (2, 3):
            connection.send(_update("PA_1", version))
            await anyio.wait_all_tasks_blocked()
        assert len(told) == 1
        connection.send(r.SignalResponse(pong=1))
        await anyio.wait_all_tasks_blocked()
        assert [x.WhichOneof("message") for x in told] == ["update", "update", "pong"]
        assert told[1].update.participants[0].version == 3
        connection.close()
    connection.forget()


def test_news_waits_longer_in_a_crowd():
    """Never in a talk of two sides, and never longer than livekit-server lets it wait."""
    assert signalling.gather_s(2) == signalling.gather_s(12) == signalling.GATHER_S
    assert signalling.GATHER_S < signalling.gather_s(55) < signalling.gather_s(100) < signalling.GATHER_MOST_S
    assert signalling.gather_s(500) == signalling.GATHER_MOST_S


async def test_news_is_kept_within_bounds():
    """News that nobody takes closes its socket as other messages do."""
    connection = signalling.Connection(1)
    wordy = m.ParticipantInfo(metadata="x" * (1 << 20))
    for n in range((signalling.QUEUE_BYTES >> 20) + 10):
        wordy.sid = f"PA_{n}"
        connection.send(r.SignalResponse(update=r.ParticipantUpdate(participants=[wordy])))
    told = await _drained(connection)
    assert connection.code == 1013
    assert sum(x.ByteSize() for x in told) <= signalling.QUEUE_BYTES + (2 << 20)


def test_budget():
    """A budget lets a burst through, then so much a second, whatever the clock does."""
    budget = signalling.Budget(burst=3, per_s=2)
    assert [budget.spend(1, 10.0) for _ in range(4)] == [True, True, True, False]
    assert [budget.spend(1, 11.0) for _ in range(3)] == [True, True, False]
    assert not budget.spend(1, 5.0)
    assert budget.spend(3, 100.0)
    assert not budget.spend(0.5, 100.0)


async def test_run_in_a_task_group():
    """The service can also be a task of somebody's group; before it starts, and once it ends, nobody gets in."""
    engine = FakeEngine()
    calls = CallService(engine, TokenKey("visavis", "a secret of at least thirty-two bytes"))
    connection = calls.open_connection()
    grants = calls.authorise(calls.mint("talk", "a1"))

    async def join():
        return await calls.join(grants, connection, auto_subscribe=True, client_protocol=0)

    with pytest.raises(CallStopped):
        await join()
    async with anyio.create_task_group() as tasks:
        await tasks.start(calls.run)
        await join()
        tasks.cancel_scope.cancel()
    with pytest.raises(CallStopped):
        await join()
    assert engine.transports == {}
    calls.drop_connection(connection)


async def test_answer_out_of_turn(serve_calls):
    """An answer to no offer, or to an older one, is passed over."""
    async with serve_calls() as node:
        a = await node.client("a1")
        offer = await a.answer()
        for n in (offer.id, offer.id + 5, 0):
            await a.send(answer=r.SessionDescription(type="answer", sdp=offer.sdp, id=n))
        await a.ping()


async def test_offer_without_declaration(serve_calls):
    """A section that carries no declared track is nobody's: it is routed to none."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        await a.offer([("cid-1", True)], 1)
        await a.get("answer")
        node.engine.hear(a.up, "0")
        await node.settle()
        assert node.engine.routes == {}
        assert not [t for u in b.all("update") for p in u.participants for t in p.tracks]


TWICE_A_PAYLOAD_TYPE = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 96 96
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:96 H264/90000
""".format(fingerprint=":".join(["AB"] * 32))


@pytest.mark.parametrize(
    "sdp", [*BAD_OFFERS, TWICE_A_PAYLOAD_TYPE], ids=[*BAD_OFFER_IDS, "twice a payload type"]
)
async def test_bad_offer_to_the_real_engine(serve_calls, sdp):
    """An offer that the embedded engine cannot bear ends its client alone; the engine goes on."""
    async with serve_calls(EmbeddedEngine([Place("127.0.0.1")])) as node:
        a, b = await node.client("a1"), await node.client("b1")
        await a.send(offer=r.SessionDescription(type="offer", sdp=sdp, id=1))
        answered = False
        try:
            while True:
                kind = (await a.receive()).WhichOneof("message")
                answered = answered or kind == "answer"
                if answered or kind == "leave":
                    break
        finally:
            await b.ping()
        c = await node.client("c1")
        assert "webrtc-datachannel" in (await c.get("offer")).offer.sdp
        if not answered:  # else the engine bears it, and nothing is to be said against it
            await a.end()
            assert {p.identity for p in node.calls.present("talk")} == {"b1", "c1"}


async def test_who_never_receives(serve_calls):
    """Who joins and has no media within a while has to go."""
    async with serve_calls(join_limit_s=0.01) as node:
        a = await node.client("a1")
        leave = (await a.get("leave")).leave
        assert (leave.action, leave.reason) == (r.LeaveRequest.DISCONNECT, m.JOIN_FAILURE)


async def test_a_muted_track_is_announced_without_a_packet(serve_calls):
    """A track that is muted when it is published, or becomes so before it sends, is known to the others."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1", query="&sdk=go")
        await b.answer()
        muted = await a.publish("mic", muted=True)

        def tracks():
            return [t for u in b.all("update") for p in u.participants for t in p.tracks]

        await b.answer()
        await node.settle()
        assert {(t.sid, t.muted) for t in tracks()} == {(muted.sid, True)}
        (woken,) = node.engine.woken
        assert woken in node.engine.routes
        await a.add_track("cam", video=True)
        camera = (await a.get("track_published")).track_published.track
        await a.offer([("mic", False), ("cam", True)], 2)
        await node.settle()
        assert {t.sid for t in tracks()} == {muted.sid}
        await a.send(mute=r.MuteTrackRequest(sid=camera.sid, muted=True))
        await b.answer()
        await node.settle()
        assert (camera.sid, True) in {(t.sid, t.muted) for t in tracks()}
        assert len(node.engine.woken) == 2


async def test_only_who_needs_it_is_woken(serve_calls):
    """A client that learns of a track by its description is sent no packets of nothing."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1", query="&sdk=js")
        await b.answer()
        await a.publish("mic", muted=True)
        await b.answer()
        await node.settle()
        assert len(node.engine.routes) == 1
        assert node.engine.woken == []


async def test_subscribing_what_is_not_there(serve_calls):
    """Who wants to receive a track that nobody publishes is told so; who declines one is told nothing."""
    async with serve_calls() as node:
        a = await node.client("a1")
        await a.send(subscription=r.UpdateSubscription(track_sids=["TR_none"], subscribe=False))
        await a.ping()
        assert a.all("subscription_response") == []
        await a.send(subscription=r.UpdateSubscription(track_sids=["TR_none"], subscribe=True))
        answer = (await a.get("subscription_response")).subscription_response
        assert (answer.track_sid, answer.err) == ("TR_none", m.SE_TRACK_NOTFOUND)
