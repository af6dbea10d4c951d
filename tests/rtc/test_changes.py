"""What changes in a room while a call runs: rights, layers that somebody receives, rooms that are empty for a while.

Lives here: what clients are told of it, over a real WebSocket against the fake engine.
Not here: the same with real clients (`tests/conformance`), the rest of signalling (`test_signalling`).
"""

from __future__ import annotations

import anyio
import pytest
from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.rtc.policy import RoomPolicy
from visavis.rtc.tokens import AS_LIVEKIT, Grants, mint

pytestmark = pytest.mark.anyio


def change(node, identity, **rights):
    """Give a participant of the room `talk` these rights, as the server API does."""
    room = node.calls.find_room("talk")
    permission = m.ParticipantPermission(**rights)
    told = r.UpdateParticipantMetadata()
    node.calls.perform(
        room, room.update_participant(room.find(identity), told, permission, node.calls.now_ms)
    )


def infos(client, identity):
    """What a client was told of a participant, in order."""
    return [p for u in client.all("update") for p in u.participants if p.identity == identity]


async def test_a_fresh_token_at_once(serve_calls):
    """Who joins gets a token of what it is granted, and another when that changes."""
    async with serve_calls() as node:
        a = await node.client("a1")
        first = node.calls.authorise((await a.get("refresh_token")).refresh_token)
        assert (first.identity, first.can_publish) == ("a1", True)
        change(node, "a1", can_subscribe=True, can_publish_data=True)
        second = node.calls.authorise((await a.get("refresh_token")).refresh_token)
        assert (second.can_publish, second.can_subscribe, second.can_publish_data) == (False, True, True)


async def test_the_right_to_publish_is_taken(serve_calls):
    """Whose right is taken has its tracks unpublished, and its next one refused."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        change(node, "a1", can_subscribe=True)
        assert (await a.get("track_unpublished")).track_unpublished.track_sid == track.sid
        await b.answer()
        assert node.engine.routes == {}
        await a.add_track("cid-2")
        refused = (await a.get("request_response")).request_response
        assert refused.reason == r.RequestResponse.NOT_ALLOWED
        assert not infos(b, "a1")[-1].permission.can_publish
        assert not node.engine.members[a.up].can_publish_data


async def test_the_right_to_receive_comes_back(serve_calls):
    """Whose right to receive is taken gets nothing; given again, it gets what it would have."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        change(node, "b1", can_publish=True, can_publish_data=True)
        await b.answer()
        assert node.engine.routes == {}
        change(node, "b1", can_publish=True, can_publish_data=True, can_subscribe=True)
        await b.answer()
        await node.settle()
        assert [target for target, _ in node.engine.routes] == [b.down]


async def test_a_section_may_go_on_after_its_track(serve_calls):
    """A client that goes on sending what the server unpublished publishes anew in another section."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        await a.publish_and_send("cid-1")
        await b.answer()
        await a.get("track_subscribed")
        change(node, "a1", can_subscribe=True)
        await b.answer()
        change(node, "a1", can_subscribe=True, can_publish=True, can_publish_data=True)
        await a.add_track("cid-2")
        track = (await a.get("track_published")).track_published.track
        await a.offer([("cid-1", False), ("cid-2", False)], 2)
        await a.get("answer")
        node.engine.hear(a.up, "1")
        assert track.sid in (await b.answer()).sdp
        await a.get("track_subscribed")
        assert [route.source_mid for route in node.engine.routes.values()] == ["1"]


async def test_permission_is_told(serve_calls):
    """Who wants a track that its publisher keeps from it is told so, once, and told when that ends."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish_and_send("cid-1")
        await b.answer()
        await a.send(subscription_permission=r.SubscriptionPermission())
        told = (await b.get("subscription_permission_update")).subscription_permission_update
        assert (told.participant_sid, told.track_sid, told.allowed) == (a.sid, track.sid, False)
        await b.answer()
        await a.send(subscription_permission=r.SubscriptionPermission(all_participants=True))
        assert (await b.get("subscription_permission_update")).subscription_permission_update.allowed
        assert track.sid in (await b.answer()).sdp
        await node.settle()
        assert len(b.all("subscription_permission_update")) == 2


async def test_layers_that_nobody_receives(serve_calls):
    """A publisher is told which layers somebody receives, whenever that changes, and not before anybody does."""
    async with serve_calls() as node:
        a, b, c = [await node.client(x) for x in ("a1", "b1", "c1")]
        for peer in (b, c):
            await peer.answer()
        layers = [m.VideoLayer(width=w, height=w // 2) for w in (320, 640, 1280)]
        track = await a.publish_and_send("cid-1", video=True, layers=layers)
        for peer in (b, c):
            await peer.answer()
        await node.settle()
        assert a.all("subscribed_quality_update") == []

        async def wish(peer, **settings):
            await peer.send(track_setting=r.UpdateTrackSettings(track_sids=[track.sid], **settings))
            await peer.ping()

        async def told():
            update = (await a.get("subscribed_quality_update")).subscribed_quality_update
            assert (update.track_sid, [c.codec for c in update.subscribed_codecs]) == (track.sid, ["vp8"])
            assert list(update.subscribed_codecs[0].qualities) == list(update.subscribed_qualities)
            return [q.enabled for q in update.subscribed_qualities]

        await wish(b, width=300)
        await wish(c, width=500)
        assert await told() == [True, True, False]
        await wish(c, disabled=True)
        assert await told() == [True, False, False]
        await b.ws.close()
        b.closed = True
        await c.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=False))
        await c.answer()
        await wish(c, quality=m.VideoQuality.HIGH)
        await c.send(subscription=r.UpdateSubscription(track_sids=[track.sid], subscribe=True))
        await c.answer()
        assert await told() == [True, True, True]


async def test_speakers(serve_calls):
    """Everybody is told who speaks and how loud, whenever that changes; who is muted does not speak."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish_and_send("cid-1")
        await b.answer()

        async def told(peer):
            (speaker,) = (await peer.get("speakers_changed")).speakers_changed.speakers
            assert speaker.sid == a.sid
            return round(speaker.level, 3), speaker.active

        node.engine.sound(a.up, "0", 20)
        for peer in (a, b):
            assert await told(peer) == (0.1, True)
        node.engine.sound(a.up, "0", 20)
        node.engine.sound(a.up, "0", 40)
        assert await told(b) == (0.01, True)
        await a.send(mute=r.MuteTrackRequest(sid=track.sid, muted=True))
        assert await told(b) == (0, False)
        node.engine.sound(a.up, "0", 10)
        await a.send(mute=r.MuteTrackRequest(sid=track.sid, muted=False))
        assert await told(b) == (0.316, True)
        await a.offer([None], 2)
        assert await told(b) == (0, False)


async def test_quality(serve_calls):
    """Everybody is told how good a participant's connection is: the worse of its two ways."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")

        async def told():
            (info,) = (await b.get("connection_quality")).connection_quality.updates
            assert info.participant_sid == a.sid
            return info.quality

        node.engine.judge(a.up, 2)
        assert await told() == m.ConnectionQuality.EXCELLENT
        node.engine.judge(a.down, 0)
        assert await told() == m.ConnectionQuality.POOR
        node.engine.judge(a.up, 1)
        node.engine.judge(a.down, 2)
        assert await told() == m.ConnectionQuality.GOOD


async def test_throttled(serve_calls):
    """A subscriber is told that a track is paused for want of room, and when it goes on."""
    async with serve_calls() as node:
        a, b = await node.client("a1"), await node.client("b1")
        await b.answer()
        track = await a.publish_and_send("cid-1", video=True)
        await b.answer()
        await a.get("track_subscribed")
        ((target, mid),) = node.engine.routes
        for paused, state in ((True, r.StreamState.PAUSED), (False, r.StreamState.ACTIVE)):
            node.engine.throttle(target, mid, paused=paused)
            (info,) = (await b.get("stream_state_update")).stream_state_update.stream_states
            assert (info.participant_sid, info.track_sid, info.state) == (a.sid, track.sid, state)


async def test_hidden(serve_calls):
    """Who is hidden is told of the others and they not of it; a node's rooms let nobody hide."""
    async with serve_calls(rules=AS_LIVEKIT) as node:
        a = await node.client("a1")
        grants = Grants("talk", "h1", hidden=True)
        token = mint(node.calls._key, grants, now_ms=node.calls.now_ms, rules=AS_LIVEKIT)
        async with await node.socket(f"access_token={token}&protocol=17") as ws:
            join = r.SignalResponse.FromString(await ws.recv()).join
            assert [p.identity for p in join.other_participants] == ["a1"]
            assert join.room.num_participants == 1
            b = await node.client("b1")
            assert [p.identity for p in b.join.other_participants] == ["a1"]
            await node.settle()
            assert infos(a, "h1") == []


async def test_numbers(serve_calls, monkeypatch):
    """How many are in a room is told when that changes, and not again."""
    monkeypatch.setattr("visavis.rtc.service.NUMBERS_S", 0.01)
    async with serve_calls() as node:
        a = await node.client("a1")
        while (await a.get("room_update")).room_update.room.num_participants != 1:
            pass
        await node.client("b1")
        while (await a.get("room_update")).room_update.room.num_participants != 2:
            pass
        room = node.calls.find_room("talk")
        assert room.numbers_changed() == []


async def test_empty_rooms_stay_a_while(serve_calls):
    """A room stays as long as its policy says: one that nobody has come to, and one that everybody has left."""
    policy = RoomPolicy(empty_s=3600, departure_s=1)
    async with serve_calls(policy=lambda _: policy) as node:
        made = node.calls.open_room("talk")
        assert made.empty
        a = await node.client("a1")
        assert a.join.room.sid == made.describe().sid
        await a.send(leave=r.LeaveRequest())
        await a.end()
        again = await node.client("a1")
        assert again.join.room.sid == a.join.room.sid
        await again.send(leave=r.LeaveRequest())
        await again.end()
        with anyio.fail_after(20):
            while node.calls.find_room("talk") is not None:  # noqa: ASYNC110 - nobody is there to be told
                await anyio.sleep(0.02)


async def test_simulations_are_for_the_engine_alone(serve_calls):
    """A node's rooms simulate nothing; where it is allowed, a client may ask to be sent away."""
    scenario = r.SimulateScenario(leave_request_full_reconnect=True)
    async with serve_calls() as node:
        a = await node.client("a1")
        await a.send(simulate=scenario)
        assert (await a.get("request_response")).request_response.reason == r.RequestResponse.UNSUPPORTED_TYPE
    async with serve_calls(policy=lambda _: RoomPolicy(simulations=True)) as node:
        a = await node.client("a1")
        await a.send(simulate=scenario)
        assert (await a.get("leave")).leave.action == r.LeaveRequest.RECONNECT
        await a.end()
        b = await node.client("b1")
        await b.send(simulate=r.SimulateScenario(node_failure=True))
        assert await b.end() == 1011
        assert b.all("leave") == []


async def test_farewell(serve_calls):
    """A server that ends tells everybody to join anew, and waits until they have read it."""
    async with serve_calls() as node:
        a = await node.client("a1")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(node.calls.farewell)
            leave = (await a.get("leave")).leave
            assert (leave.reason, leave.action) == (m.SERVER_SHUTDOWN, r.LeaveRequest.RECONNECT)
            await a.end()
        assert node.calls.stats()["participants"] == 0
