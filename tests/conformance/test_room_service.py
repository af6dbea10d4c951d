"""LiveKit's server API, by its own Python library, does the same on our engine as on LiveKit's own server.

Lives here: each method of `RoomService`, what participants see of it, its errors and its JSON.
Not here: the call itself (`test_call`).
"""

from __future__ import annotations

import json

import aiohttp
import anyio
import pytest
from google.protobuf.json_format import MessageToJson
from livekit import api, rtc
from livekit.protocol import models as m
from tests.conformance.peers import until
from tests.conformance.servers import KEY, SECRET

pytestmark = [pytest.mark.anyio, pytest.mark.media]

Reason = rtc.DisconnectReason
RELIABLE, LOSSY = m.DataPacket.RELIABLE, m.DataPacket.LOSSY


@pytest.fixture
async def lk(server):
    """LiveKit's API client, with the server's key."""
    client = api.LiveKitAPI(server.http, KEY, SECRET)
    try:
        yield client.room
    finally:
        await client.aclose()


async def refused(awaitable):
    """The code and the HTTP status of a call's refusal."""
    with pytest.raises(api.TwirpError) as error:
        await awaitable
    return error.value.code, error.value.status


async def eventually(ask, wanted, what):
    """Ask the API until the answer is as wanted: servers tell of a change a moment after it; the answer."""
    with anyio.fail_after(30):
        while not wanted(answer := await ask()):  # noqa: ASYNC110 - the server tells nobody
            await anyio.sleep(0.05)
    assert wanted(answer), what
    return answer


# --- rooms -----------------------------------------------------------------------------------------------------------


async def test_rooms(lk, room):
    """A room is made with its options, found in the list, made again without harm, and ended."""
    made = await lk.create_room(
        api.CreateRoomRequest(
            name=room, empty_timeout=77, departure_timeout=33, max_participants=5, metadata="of it"
        )
    )
    assert (made.name, made.empty_timeout, made.departure_timeout) == (room, 77, 33)
    assert (made.max_participants, made.metadata, made.num_participants) == (5, "of it", 0)
    assert made.sid.startswith("RM_")
    assert made.creation_time > 0
    again = await lk.create_room(api.CreateRoomRequest(name=room))
    assert (again.sid, again.metadata) == (made.sid, "of it")
    assert [r.sid for r in (await lk.list_rooms(api.ListRoomsRequest(names=[room]))).rooms] == [made.sid]
    assert room in [r.name for r in (await lk.list_rooms(api.ListRoomsRequest())).rooms]
    await lk.delete_room(api.DeleteRoomRequest(room=room))
    assert list((await lk.list_rooms(api.ListRoomsRequest(names=[room]))).rooms) == []


async def test_joining_a_made_room(lk, meet, room):
    """Who joins a room that was made finds its metadata; one that is full takes nobody more."""
    await lk.create_room(api.CreateRoomRequest(name=room, max_participants=2, metadata="of it"))
    async with meet() as join:
        a = await join("a1")
        assert a.room.metadata == "of it"
        await join("b1")
        with pytest.raises(rtc.room.ConnectError):
            await join("c1")


async def test_a_room_as_a_token_wants_it(lk, meet, room):
    """A room that is made for who joins is as its token says; who comes later finds it so."""
    wanted = api.RoomConfiguration(
        max_participants=2, empty_timeout=77, departure_timeout=33, metadata="of it"
    )
    async with meet() as join:
        a = await join("a1", room_config=wanted)
        assert a.room.metadata == "of it"
        b = await join("b1", room_config=api.RoomConfiguration(metadata="other"))
        assert b.room.metadata == "of it"
        (found,) = (await lk.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
        assert (found.max_participants, found.empty_timeout, found.departure_timeout) == (2, 77, 33)
        with pytest.raises(rtc.room.ConnectError):
            await join("c1")


async def test_streams_that_are_played_together(lk, meet, room):
    """Where streams are played together, sound and picture come as what they are, also when they come again."""
    await lk.create_room(api.CreateRoomRequest(name=room, sync_streams=True))
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        camera, voice = await a.show(), await a.speak()
        for sid in (camera.sid, voice.sid):
            await b.receives(sid)
        picture = await b.publication("a1", rtc.TrackKind.KIND_VIDEO)
        picture.set_subscribed(False)
        await b.event("track_unsubscribed")
        picture.set_subscribed(True)
        await b.receives(camera.sid)
        await b.receives(voice.sid)


async def test_room_metadata(lk, meet, room):
    """A room's metadata that changes is told to everybody in it."""
    async with meet() as join:
        a = await join("a1")
        changed = await lk.update_room_metadata(api.UpdateRoomMetadataRequest(room=room, metadata="new"))
        assert (changed.name, changed.metadata) == (room, "new")
        old, new = await a.event("room_metadata_changed")
        assert (old, new) == ("", "new")
        b = await join("b1")
        assert b.room.metadata == "new"


async def test_delete_room(lk, meet, room):
    """Everybody in a room that is ended is out, and told why."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await lk.delete_room(api.DeleteRoomRequest(room=room))
        for peer in (a, b):
            assert await peer.event("disconnected") == (Reason.ROOM_DELETED,)


# --- participants ----------------------------------------------------------------------------------------------------


async def test_participants(lk, meet, room):
    """The list has everybody with name, attributes, permission and tracks; so has the single answer."""
    async with meet() as join:
        a = await join("a1", name="Principal of side A", attributes={"side": "a"}, can_publish_data=False)
        b = await join("b1")
        voice = await a.speak()
        await b.receives(voice.sid)

        def get():
            return lk.get_participant(api.RoomParticipantIdentity(room=room, identity="a1"))

        ann = await eventually(
            get, lambda p: p.tracks and p.state == m.ParticipantInfo.ACTIVE, "side A publishes"
        )
        assert (ann.sid, ann.name, dict(ann.attributes)) == (a.me.sid, "Principal of side A", {"side": "a"})
        assert (ann.permission.can_publish, ann.permission.can_publish_data) == (True, False)
        assert [t.sid for t in ann.tracks] == [voice.sid]
        assert ann.is_publisher
        everybody = (await lk.list_participants(api.ListParticipantsRequest(room=room))).participants
        assert sorted(p.identity for p in everybody) == ["a1", "b1"]


async def test_remove_participant(lk, meet, room):
    """A participant that is removed is out, and told why; the others see it go."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.sees("b1")
        await lk.remove_participant(api.RoomParticipantIdentity(room=room, identity="b1"))
        assert await b.event("disconnected") == (Reason.PARTICIPANT_REMOVED,)
        (gone,) = await a.event("participant_disconnected")
        assert gone.identity == "b1"
        again = await join("b1")
        await again.sees("a1")


async def test_update_participant(lk, meet, room):
    """Name, metadata and attributes that the API changes are seen by the others and by oneself."""
    async with meet() as join:
        a, b = await join("a1", attributes={"old": "1"}), await join("b1")
        await b.sees("a1")
        told = await lk.update_participant(
            api.UpdateParticipantRequest(
                room=room,
                identity="a1",
                name="Principal of side A",
                metadata="new",
                attributes={"hand": "up", "old": ""},
            )
        )
        assert (told.name, told.metadata, dict(told.attributes)) == (
            "Principal of side A",
            "new",
            {"hand": "up"},
        )
        for peer in (a, b):
            who, _, new = await peer.event("participant_metadata_changed")
            assert (who.identity, new) == ("a1", "new")
            await peer.event("participant_name_changed")
            await peer.event("participant_attributes_changed")
        assert b.room.remote_participants["a1"].attributes == {"hand": "up"}
        assert (a.me.name, a.me.attributes) == ("Principal of side A", {"hand": "up"})


async def test_permission_to_publish(lk, meet, room):
    """Whose right to publish is taken has its tracks gone; given again, it may publish anew."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak()
        await b.receives(voice.sid)
        await permit(lk, room, "a1", can_subscribe=True, can_publish_data=True)
        publication, _ = await b.event("track_unpublished")
        assert publication.sid == voice.sid
        who, permission = await a.event("participant_permissions_changed")
        assert (who.identity, permission.can_publish, permission.can_subscribe) == ("a1", False, True)
        await permit(lk, room, "a1", can_subscribe=True, can_publish=True, can_publish_data=True)
        await until(lambda: len(a.events("participant_permissions_changed")) > 1, "A may publish again")
        again = await a.speak(700)
        await b.receives(again.sid)


async def permit(lk, room, identity, **rights):
    await lk.update_participant(
        api.UpdateParticipantRequest(
            room=room, identity=identity, permission=m.ParticipantPermission(**rights)
        )
    )


async def test_permission_for_a_source(lk, meet, room):
    """Who may go on with the microphone alone has its picture gone, and its sound stays."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        camera, voice = await a.show(), await a.speak()
        for sid in (camera.sid, voice.sid):
            await b.receives(sid)
        rights = {"can_subscribe": True, "can_publish": True, "can_publish_data": True}
        await permit(lk, room, "a1", **rights, can_publish_sources=[m.TrackSource.MICROPHONE])
        publication, _ = await b.event("track_unpublished")
        assert publication.sid == camera.sid
        await b.receives(voice.sid)


async def test_permission_to_subscribe(lk, meet, room):
    """Whose right to receive is taken receives no more; given again, it does."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak()
        await b.receives(voice.sid)
        await permit(lk, room, "b1", can_publish=True, can_publish_data=True)
        await b.loses(voice.sid)
        await permit(lk, room, "b1", can_publish=True, can_publish_data=True, can_subscribe=True)
        await b.receives(voice.sid)


async def test_permission_for_data(lk, meet, room):
    """Whose right to send data is taken is not heard; given again, it is."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.me.publish_data(b"before")
        await b.event("data_received", lambda p: p.data == b"before")
        await permit(lk, room, "a1", can_subscribe=True, can_publish=True)
        await a.event("participant_permissions_changed")
        await a.me.publish_data(b"meanwhile")
        await permit(lk, room, "a1", can_subscribe=True, can_publish=True, can_publish_data=True)
        await until(lambda: len(a.events("participant_permissions_changed")) > 1, "A may send data again")
        await a.me.publish_data(b"after")
        await b.event("data_received", lambda p: p.data == b"after")
        assert {p.participant.identity for (p,) in b.events("data_received")} == {"a1"}


async def test_mute_published_track(lk, meet, room):
    """A track that the API mutes is muted for all, its publisher too; unmuting is its publisher's alone."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak()
        await b.receives(voice.sid)
        answer = await lk.mute_published_track(
            api.MuteRoomTrackRequest(room=room, identity="a1", track_sid=voice.sid, muted=True)
        )
        assert (answer.track.sid, answer.track.muted) == (voice.sid, True)
        for peer in (a, b):
            who, publication = await peer.event("track_muted")
            assert (who.identity, publication.sid) == ("a1", voice.sid)
        unmute = api.MuteRoomTrackRequest(room=room, identity="a1", track_sid=voice.sid, muted=False)
        assert await refused(lk.mute_published_track(unmute)) == ("failed_precondition", 412)
        voice.track.unmute()
        await b.event("track_unmuted")
        await b.receives(voice.sid)


async def test_update_subscriptions(lk, meet, room):
    """The API subscribes a participant to a track, and from it again."""
    async with meet() as join:
        a = await join("a1")
        b = await join("b1", options=rtc.RoomOptions(auto_subscribe=False))
        voice = await a.speak()
        await b.publication("a1")
        for subscribe in (True, False):
            await lk.update_subscriptions(
                api.UpdateSubscriptionsRequest(
                    room=room, identity="b1", track_sids=[voice.sid], subscribe=subscribe
                )
            )
            await (b.receives(voice.sid) if subscribe else b.loses(voice.sid))


async def reach(lk, room, *peers):
    """Until data that the API sends comes to each: livekit-server drops what comes before the channel is open."""

    async def told():
        await lk.send_data(api.SendDataRequest(room=room, data=b"open", kind=RELIABLE))
        return peers

    def open_(peers):
        return all(any(p.data == b"open" for (p,) in peer.events("data_received")) for peer in peers)

    await eventually(told, open_, "data comes to each")


async def test_send_data(lk, server, meet, room):
    """Data that the API sends comes to everybody, or to whom it names; without a sender, and once for each nonce."""
    token = server.token("api", room=room, room_admin=True)
    async with meet() as join:
        a, b, c = await join("a1"), await join("b1"), await join("c1")
        for peer in (a, b, c):
            await until(lambda peer=peer: len(peer.room.remote_participants) == 2, "everybody is there")
        await reach(lk, room, a, b, c)

        async def send(data, **more):
            await lk.send_data(api.SendDataRequest(room=room, data=data, **more))

        # The library gives each a nonce of its own.
        once = api.SendDataRequest(
            room=room, data=b"to all", kind=RELIABLE, topic="news", nonce=bytes(range(16))
        )
        for _ in range(2):
            answer = await post(server, "SendData", MessageToJson(once), token)
            assert answer == (200, {})
        await send(b"by identity", kind=RELIABLE, destination_identities=["b1", "nobody"])
        await send(b"by sid", kind=RELIABLE, destination_sids=[c.me.sid])
        await send(b"by both", kind=RELIABLE, destination_sids=[a.me.sid], destination_identities=["c1"])
        await send(b"end", kind=RELIABLE)
        wanted = {
            a: [b"to all", b"by both", b"end"],
            b: [b"to all", b"by identity", b"end"],
            c: [b"to all", b"by sid", b"by both", b"end"],
        }
        for peer, messages in wanted.items():
            await peer.event("data_received", lambda p: p.data == b"end")
            packets = [p for (p,) in peer.events("data_received") if p.data != b"open"]
            assert [p.data for p in packets] == messages
            assert [p.topic for p in packets] == ["news"] + [""] * (len(messages) - 1)
            assert {(p.kind, p.participant) for p in packets} == {(rtc.DataPacketKind.KIND_RELIABLE, None)}


async def test_send_data_lossy(lk, meet, room):
    """Data that may be lost comes as such."""
    async with meet() as join:
        a = await join("a1")
        await reach(lk, room, a)

        async def told():
            await lk.send_data(api.SendDataRequest(room=room, data=b"mark", kind=LOSSY))
            return [p for (p,) in a.events("data_received") if p.data == b"mark"]

        packet, *_ = await eventually(told, bool, "a mark comes")
        assert packet.kind == rtc.DataPacketKind.KIND_LOSSY


async def test_send_data_refused(server, lk, room):
    """A nonce of another length is refused."""
    await lk.create_room(api.CreateRoomRequest(name=room))
    data = api.SendDataRequest(room=room, data=b"x", kind=RELIABLE, nonce=b"short")
    token = server.token("api", room=room, room_admin=True)
    status, answer = await post(server, "SendData", MessageToJson(data), token)
    assert (status, answer["code"]) == (400, "invalid_argument")


async def test_send_data_to_no_room(engine, room):
    """Data for a room that is not there is refused by our engine as by every other method (livekit-server: 503)."""
    client = api.LiveKitAPI(engine.http, KEY, SECRET)
    data = api.SendDataRequest(room=room, data=b"x", kind=RELIABLE)
    assert await refused(client.room.send_data(data)) == ("not_found", 404)
    await client.aclose()


# --- who may, and what is wrong --------------------------------------------------------------------------------------


async def test_not_found(lk, room):
    """What is not there is not found; the list of a room that is not there is empty."""
    nobody = api.RoomParticipantIdentity(room=room, identity="nobody")
    assert await refused(lk.get_participant(nobody)) == ("not_found", 404)
    assert await refused(lk.remove_participant(nobody)) == ("not_found", 404)
    assert await refused(lk.delete_room(api.DeleteRoomRequest(room=room))) == ("not_found", 404)
    assert await refused(lk.update_room_metadata(api.UpdateRoomMetadataRequest(room=room))) == (
        "not_found",
        404,
    )
    assert list((await lk.list_participants(api.ListParticipantsRequest(room=room))).participants) == []


async def post(server, method, body, token, kind="application/json"):
    """One request by hand: status and JSON answer."""
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with aiohttp.ClientSession() as http:
        where = f"{server.http}/twirp/livekit.RoomService/{method}"
        async with http.post(where, data=body, headers=headers) as answer:
            return answer.status, json.loads(await answer.read())


async def test_rights(server, room):
    """Each method asks for its own grant, of its own room."""
    cases = [
        ("ListRooms", {}, {"room_list": True}),
        ("CreateRoom", {"name": room}, {"room_create": True}),
        ("ListParticipants", {"room": room}, {"room_admin": True, "room": room}),
    ]
    for method, body, right in cases:
        wrong = server.token("api")
        status, answer = await post(server, method, json.dumps(body), wrong)
        assert (status, answer["code"]) == (401, "unauthenticated"), method
        granted = server.token("api", **right)
        status, answer = await post(server, method, json.dumps(body), granted)
        assert status == 200, (method, answer)
    elsewhere = server.token("api", "another", room_admin=True)
    status, answer = await post(server, "ListParticipants", json.dumps({"room": room}), elsewhere)
    assert (status, answer["code"]) == (401, "unauthenticated")
    status, _ = await post(server, "ListRooms", "{}", "") if server.name == "visavis" else (401, None)
    assert status == 401


async def test_json(server, room):
    """In JSON the fields have their names of the protocol, and all are there."""
    token = server.token("api", room_create=True)
    body = json.dumps({"name": room, "empty_timeout": 77})
    status, answer = await post(server, "CreateRoom", body, token)
    assert status == 200
    assert (answer["name"], answer["empty_timeout"], answer["num_participants"]) == (room, 77, 0)
    camel = json.dumps({"name": room, "emptyTimeout": 5, "unknown": 1})
    status, answer = await post(server, "CreateRoom", camel, token)
    assert (status, answer["empty_timeout"]) == (200, 77)


@pytest.mark.parametrize(
    ("method", "body", "kind", "wanted"),
    [
        ("CreateRoom", "{", "application/json", (400, "malformed")),
        ("CreateRoom", b"\xff\xff", "application/protobuf", (400, "malformed")),
        ("Nothing", "{}", "application/json", (404, "bad_route")),
        ("CreateRoom", "name", "text/plain", (404, "bad_route")),
    ],
    ids=["json", "protobuf", "method", "type"],
)
async def test_malformed(server, method, body, kind, wanted):
    """What is no request of a method is refused with Twirp's code."""
    token = server.token("api", room_create=True)
    status, answer = await post(server, method, body, token, kind)
    assert (status, answer["code"]) == wanted
