"""What LiveKit's unmodified Python client does in a call holds on our engine as on LiveKit's own server.

Lives here: issue 5's first part, as far as a client sees it. Not here: the server API (`test_room_service`).
"""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from livekit import rtc
from livekit.rtc.participant import PublishTrackError
from livekit.rtc.room import ConnectError
from tests.conformance.peers import RATE, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

AUDIO, VIDEO = rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO
Reason = rtc.DisconnectReason


async def until_numbers(peer, *, participants):
    """Servers tell how many there are a few seconds later."""
    await until(
        lambda: peer.room.num_participants == participants,
        lambda: f"{peer.identity} counts {participants}: {peer.room.num_participants}",
    )


async def until_tone(peer, sid, hz):
    await until(lambda: abs(peer.heard_hz.get(sid, 0) - hz) < 12, lambda: f"hears {hz} Hz: {peer.heard_hz}")


# --- coming and going ------------------------------------------------------------------------------------------------


async def test_join(meet, room):
    """Who joins finds the others with name, metadata and attributes, and is found by them."""
    async with meet() as join:
        a = await join("a1", name="Principal of side A", metadata="m-a", attributes={"side": "a"})
        assert a.room.name == room
        assert (await a.room.sid).startswith("RM_")
        assert a.me.sid.startswith("PA_")
        assert (a.me.identity, a.me.name, a.me.metadata, a.me.attributes) == (
            "a1",
            "Principal of side A",
            "m-a",
            {"side": "a"},
        )
        b = await join("b1", name="Principal of side B")
        seen = await b.sees("a1")
        assert (seen.sid, seen.name, seen.metadata) == (a.me.sid, "Principal of side A", "m-a")
        assert seen.attributes == {"side": "a"}
        assert seen.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
        (newcomer,) = await a.event("participant_connected")
        assert (newcomer.identity, newcomer.name) == ("b1", "Principal of side B")
        for peer in (a, b):
            await until_numbers(peer, participants=2)


async def test_leave(meet):
    """Who leaves is gone for the others, and why is told."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.sees("b1")
        await b.leave()
        (gone,) = await a.event("participant_disconnected")
        assert (gone.identity, gone.disconnect_reason) == ("b1", Reason.CLIENT_INITIATED)
        assert a.room.remote_participants == {}


async def test_duplicate_identity(meet):
    """Who comes a second time under one identity stays; the first is out, and told why."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await b.sees("a1")
        again = await join("a1")
        (reason,) = await a.event("disconnected")
        assert reason == Reason.DUPLICATE_IDENTITY
        await b.event("participant_connected", lambda p: p.sid == again.me.sid)
        assert b.room.remote_participants["a1"].sid == again.me.sid


async def test_hidden(meet):
    """A hidden participant sees the others, and is not seen."""
    async with meet() as join:
        a = await join("a1")
        h = await join("h1", hidden=True)
        await h.sees("a1")
        b = await join("b1")
        await a.sees("b1")
        await h.sees("b1")
        assert "h1" not in a.room.remote_participants
        assert "h1" not in b.room.remote_participants
        await h.leave()
        await b.leave()
        await a.event("participant_disconnected", lambda p: p.identity == "b1")
        assert [p.identity for (p,) in a.events("participant_disconnected")] == ["b1"]


@pytest.mark.parametrize(
    "token",
    [{"secret": "another secret of at least thirty-two bytes"}, {"lifetime_s": -600}, {"room_join": False}],
    ids=["secret", "expired", "no-join"],
)
async def test_token_refused(meet, token):
    """A token of another secret, an old one and one that lets nobody in let nobody in."""
    async with meet() as join:
        with pytest.raises(ConnectError):
            await join("a1", **token)


async def test_token_is_refreshed(meet):
    """Who joins gets a fresh token at once."""
    async with meet() as join:
        a = await join("a1")
        await a.event("token_refreshed")


# --- tracks ----------------------------------------------------------------------------------------------------------


async def test_sound_and_picture(meet):
    """Sound and picture that one publishes are received by the others, also by who comes later."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        camera, voice = await a.show(), await a.speak(440)
        for sid in (camera.sid, voice.sid):
            await b.receives(sid)
        await until_tone(b, voice.sid, 440)
        picture = await b.publication("a1", VIDEO)
        assert (picture.sid, picture.source, picture.muted) == (
            camera.sid,
            rtc.TrackSource.SOURCE_CAMERA,
            False,
        )
        assert (picture.width, picture.height) == (320, 180)
        assert (await b.publication("a1", AUDIO)).source == rtc.TrackSource.SOURCE_MICROPHONE
        c = await join("c1")
        for sid in (camera.sid, voice.sid):
            await c.receives(sid)
        await a.event("local_track_subscribed")


async def test_unpublish(meet):
    """A track that is unpublished is gone for the others; another may follow."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak(440)
        await b.receives(voice.sid)
        await a.me.unpublish_track(voice.sid)
        publication, who = await b.event("track_unpublished")
        assert (publication.sid, who.identity) == (voice.sid, "a1")
        await b.event("track_unsubscribed")
        again = await a.speak(700)
        await b.receives(again.sid)
        await until_tone(b, again.sid, 700)
        assert list(b.room.remote_participants["a1"].track_publications) == [again.sid]


async def test_mute(meet):
    """Muting and unmuting is told to the others; who comes meanwhile finds the track muted."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak()
        await b.receives(voice.sid)
        voice.track.mute()
        _, publication = await b.event("track_muted", lambda who, _: who.identity == "a1")
        assert (publication.sid, publication.muted) == (voice.sid, True)
        c = await join("c1")
        assert (await c.publication("a1")).muted
        voice.track.unmute()
        await b.event("track_unmuted")
        await b.receives(voice.sid)
        assert not b.room.remote_participants["a1"].track_publications[voice.sid].muted


async def test_a_track_that_is_muted_before_it_sends(meet):
    """A track that is muted and has sent nothing is known to the others; unmuted, it is heard."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await b.sees("a1")
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        track.mute()
        voice = await a.me.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        found = await b.publication("a1")
        assert (found.sid, found.muted) == (voice.sid, True)
        track.unmute()
        a._tasks.start_soon(a._tone, source, 440)
        await b.receives(voice.sid)


async def test_h264_in_layers(meet):
    """A picture in H.264, in several layers, is seen by who comes at once and by who comes later."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        camera = await a.show(960, 540, simulcast=True, video_codec=rtc.VideoCodec.H264)
        await b.receives(camera.sid)
        seen = await b.publication("a1", VIDEO)
        assert (seen.mime_type.lower(), seen.simulcasted) == ("video/h264", True)
        c = await join("c1")
        await c.receives(camera.sid)


async def test_screen_share(meet):
    """A screen and its sound come beside camera and microphone, each as what it is."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        screen = await a.show(source=rtc.TrackSource.SOURCE_SCREENSHARE)
        sound = await a.speak(700, source=rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
        camera, voice = await a.show(), await a.speak(440)
        for sid in (screen.sid, sound.sid, camera.sid, voice.sid):
            await b.receives(sid)
        await until_tone(b, sound.sid, 700)
        await until_tone(b, voice.sid, 440)
        sources = {p.sid: p.source for p in b.room.remote_participants["a1"].track_publications.values()}
        assert sources == {
            screen.sid: rtc.TrackSource.SOURCE_SCREENSHARE,
            sound.sid: rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO,
            camera.sid: rtc.TrackSource.SOURCE_CAMERA,
            voice.sid: rtc.TrackSource.SOURCE_MICROPHONE,
        }


async def test_who_speaks(meet):
    """Everybody is told who speaks, while they do, and not when they are muted."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak(440)
        await b.receives(voice.sid)
        for peer in (a, b):
            await peer.event("active_speakers_changed", lambda who: [p.identity for p in who] == ["a1"])
        voice.track.mute()
        for peer in (a, b):
            told = len(peer.events("active_speakers_changed"))
            await until(
                lambda peer=peer: peer.events("active_speakers_changed")[-1] == ([],),
                lambda peer=peer, told=told: (
                    f"nobody speaks: {peer.events('active_speakers_changed')[told - 1 :]}"
                ),
            )


async def test_connection_quality(meet):
    """Whose path loses nothing is told to have an excellent connection."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice = await a.speak(440)
        await b.receives(voice.sid)
        await b.event(
            "connection_quality_changed",
            lambda who, quality: who.identity == "a1" and quality == rtc.ConnectionQuality.QUALITY_EXCELLENT,
        )


async def test_selective_subscription(meet):
    """Who does not subscribe to all receives what it asks for, until it asks no more, and again."""
    async with meet() as join:
        a = await join("a1")
        b = await join("b1", options=rtc.RoomOptions(auto_subscribe=False))
        camera, voice = await a.show(), await a.speak()
        picture, sound = await b.publication("a1", VIDEO), await b.publication("a1", AUDIO)
        assert not picture.subscribed
        for _ in range(2):
            sound.set_subscribed(True)
            await b.receives(voice.sid)
            heard = len(b.events("track_unsubscribed"))
            sound.set_subscribed(False)
            await until(lambda n=heard: len(b.events("track_unsubscribed")) > n, "B hears A no more")
        assert camera.sid not in b.frames
        assert {publication.sid for _, publication, _ in b.events("track_subscribed")} == {voice.sid}


async def test_subscription_permission(meet):
    """A publisher may keep its tracks from some; they get them once it lets them."""
    async with meet() as join:
        a, b, c = await join("a1"), await join("b1"), await join("c1")
        await a.sees("b1")
        await a.sees("c1")
        voice = await a.speak()
        await b.receives(voice.sid)
        await c.receives(voice.sid)
        only_c = rtc.ParticipantTrackPermission(participant_identity="c1", allow_all=True)
        a.me.set_track_subscription_permissions(
            allow_all_participants=False, participant_permissions=[only_c]
        )
        await b.loses(voice.sid)
        await c.receives(voice.sid)
        a.me.set_track_subscription_permissions(allow_all_participants=True)
        await b.receives(voice.sid)


async def test_may_not_publish(meet):
    """A token that does not allow publishing, or not this source, is held to."""
    async with meet() as join:
        a, b = await join("a1", can_publish=False), await join("b1")
        c = await join("c1", can_publish_sources=["microphone"])
        refused = []

        async def attempt(publish):
            # The SDK waits ten seconds for a server that does not let it.
            try:
                await publish()
            except (PublishTrackError, TimeoutError):
                refused.append(publish)

        async with anyio.create_task_group() as attempts:
            attempts.start_soon(attempt, a.speak)
            attempts.start_soon(attempt, c.show)
        assert len(refused) == 2
        await b.receives((await c.speak()).sid)
        assert b.room.remote_participants["a1"].track_publications == {}
        assert [p.kind for p in b.room.remote_participants["c1"].track_publications.values()] == [AUDIO]


async def test_may_not_subscribe(meet):
    """A token that does not allow receiving is held to; data comes all the same."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1", can_subscribe=False)
        voice = await a.speak()
        await b.publication("a1")
        await a.me.publish_data(b"a mark")
        await b.event("data_received")
        assert voice.sid not in b.frames
        assert b.events("track_subscribed") == []


# --- names, metadata, attributes -------------------------------------------------------------------------------------


async def test_own_metadata(meet):
    """A participant that may changes its name, metadata and attributes; an empty attribute goes."""
    async with meet() as join:
        a = await join("a1", can_update_own_metadata=True, attributes={"side": "a", "old": "1"})
        b = await join("b1")
        await b.sees("a1")
        await a.me.set_metadata("new")
        await a.me.set_name("Principal of side A")
        await a.me.set_attributes({"hand": "up", "old": ""})
        # What was before is not asked: where two changes come as one, the SDK may tell the new name as the old one.
        who, _, new = await b.event("participant_metadata_changed")
        assert (who.identity, new) == ("a1", "new")
        who, _, new = await b.event("participant_name_changed")
        assert (who.identity, new) == ("a1", "Principal of side A")
        await b.event("participant_attributes_changed", lambda names, _: "hand" in names)
        await until(
            lambda: "old" not in b.room.remote_participants["a1"].attributes, "the old attribute is gone"
        )
        assert b.room.remote_participants["a1"].attributes == {"side": "a", "hand": "up"}
        c = await join("c1")
        seen = await c.sees("a1")
        assert (seen.name, seen.metadata, seen.attributes) == (
            "Principal of side A",
            "new",
            {"side": "a", "hand": "up"},
        )


async def test_may_not_change_own_metadata(meet):
    """A participant that may not change its metadata does not."""
    async with meet() as join:
        a, b = await join("a1", metadata="old"), await join("b1")
        await b.sees("a1")
        await a.me.set_metadata("new")
        await a.me.publish_data(b"a mark")
        await b.event("data_received")
        assert b.events("participant_metadata_changed") == []
        assert b.room.remote_participants["a1"].metadata == "old"


# --- data ------------------------------------------------------------------------------------------------------------


async def test_reliable_data(meet):
    """Reliable messages come all and in order, with sender and topic, to everybody else."""
    async with meet() as join:
        a, b, c = await join("a1"), await join("b1"), await join("c1")
        for n in range(200):
            await a.me.publish_data(str(n), reliable=True, topic="count")
        for peer in (b, c):
            await peer.event("data_received", lambda p: p.data == b"199")
            packets = [p for (p,) in peer.events("data_received")]
            assert [int(p.data) for p in packets] == list(range(200))
            assert {(p.participant.identity, p.topic, p.kind) for p in packets} == {
                ("a1", "count", rtc.DataPacketKind.KIND_RELIABLE)
            }
        assert a.events("data_received") == []


async def test_reliable_data_over_a_resume(meet):
    """Reliable messages sent while a connection breaks and is resumed come all, once and in order, both ways."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.sees("b1")
        await a.me.publish_data(b"0")
        await b.me.publish_data(b"0")
        for peer in (a, b):
            await peer.event("data_received")

        async def count(peer):
            for n in range(1, 120):
                await peer.me.publish_data(str(n))
                await anyio.sleep(0.01)

        async with anyio.create_task_group() as counting:
            counting.start_soon(count, a)
            counting.start_soon(count, b)
            await a.event("data_received", lambda p: p.data == b"20")
            await a.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT)
        await a.event("reconnected")
        for peer in (a, b):
            await peer.event("data_received", lambda p: p.data == b"119")
            assert [int(p.data) for (p,) in peer.events("data_received")] == list(range(120))


async def test_reliable_data_at_once(meet):
    """What is sent to somebody as soon as they are known reaches them, however far their own connection is."""
    async with meet() as join:
        a, c = await join("a1"), await join("c1")
        await a.me.publish_data(b"my channel is open")
        await c.event("data_received")

        async def greet():
            await a.event("participant_connected", lambda p: p.identity == "b1")
            await a.me.publish_data(b"welcome")

        async with anyio.create_task_group() as greeting:
            greeting.start_soon(greet)
            b = await join("b1")
        await b.event("data_received", lambda p: p.data == b"welcome")


async def test_lossy_data(meet):
    """Lossy messages come, as such, in the order that they were sent."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.me.publish_data(b"ready")
        await b.event("data_received")
        for n in range(50):
            await a.me.publish_data(str(n), reliable=False)
            await anyio.lowlevel.checkpoint()
        await b.event("data_received", lambda p: p.kind == rtc.DataPacketKind.KIND_LOSSY)
        await a.me.publish_data(b"over")
        await b.event("data_received", lambda p: p.data == b"over")
        lossy = [p for (p,) in b.events("data_received") if p.kind == rtc.DataPacketKind.KIND_LOSSY]
        assert {p.participant.identity for p in lossy} == {"a1"}


async def test_data_for_some(meet):
    """Data with destinations comes to them alone."""
    async with meet() as join:
        a, b, c = await join("a1"), await join("b1"), await join("c1")
        await a.me.publish_data(b"for c", destination_identities=["c1"])
        await a.me.publish_data(b"for all")
        await b.event("data_received", lambda p: p.data == b"for all")
        await c.event("data_received", lambda p: p.data == b"for all")
        assert [p.data for (p,) in b.events("data_received")] == [b"for all"]
        assert [p.data for (p,) in c.events("data_received")] == [b"for c", b"for all"]


async def test_data_of_a_hidden_participant(meet):
    """Data that a hidden participant sends comes without its name, in order."""
    async with meet() as join:
        a, h = await join("a1"), await join("h1", hidden=True)
        await h.sees("a1")
        for n in range(5):
            await h.me.publish_data(str(n))
        await a.event("data_received", lambda p: p.data == b"4")
        packets = [p for (p,) in a.events("data_received")]
        assert [int(p.data) for p in packets] == list(range(5))
        assert {p.participant for p in packets} == {None}


async def test_may_not_send_data(meet):
    """A token that does not allow data is held to."""
    async with meet() as join:
        a, b = await join("a1", can_publish_data=False), await join("b1")
        c = await join("c1")
        await a.sees("b1")
        await a.me.publish_data(b"no")
        await c.me.publish_data(b"a mark")
        await b.event("data_received", lambda p: p.data == b"a mark")
        await a.event("data_received", lambda p: p.data == b"a mark")
        assert [p.data for (p,) in b.events("data_received")] == [b"a mark"]


async def test_rpc(meet):
    """A call to another's method is answered; one that it does not have, and one to nobody, fail as such."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.sees("b1")
        await b.sees("a1")

        async def greet(call):
            return f"{call.payload}, {call.caller_identity}"

        b.me.register_rpc_method("greet", greet)
        answer = await a.me.perform_rpc(
            destination_identity="b1", method="greet", payload="hello", response_timeout=20
        )
        assert answer == "hello, a1"
        with pytest.raises(rtc.RpcError) as error:
            await a.me.perform_rpc(destination_identity="b1", method="sing", payload="", response_timeout=20)
        assert error.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


async def test_streams(meet):
    """A text and a file of bytes, sent in pieces, come whole."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.sees("b1")
        got = {}

        def read(kind):
            def handle(reader, identity):
                async def take():
                    parts = await reader.read_all() if kind == "text" else b"".join([x async for x in reader])
                    got[kind] = (identity, parts)

                b._tasks.start_soon(take)

            return handle

        b.room.register_text_stream_handler("words", read("text"))
        b.room.register_byte_stream_handler("files", read("bytes"))
        words = "Слова ‎كلمات words " * 3000
        await a.me.send_text(words, topic="words")
        writer = await a.me.stream_bytes("a file", topic="files")
        await writer.write(bytes(range(256)) * 200)
        await writer.aclose()
        await until(lambda: len(got) == 2, lambda: f"text and bytes: {list(got)}")
        assert got == {"text": ("a1", words), "bytes": ("a1", bytes(range(256)) * 200)}


# --- broken connections ----------------------------------------------------------------------------------------------


async def test_a_camera_after_data(meet):
    """Whose way up was opened for data alone publishes a camera in layers on it all the same."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await a.me.publish_data(b"first", reliable=True)
        await b.event("data_received")
        shown = await a.show(640, 360, simulcast=True)
        await b.receives(shown.sid)


async def test_resume(meet):
    """After its signal connection broke, a client is back as it was; what happened meanwhile, it learns."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice_a, voice_b = await a.speak(440), await b.speak(700)
        await a.receives(voice_b.sid)
        await b.receives(voice_a.sid)
        sid = a.me.sid
        await a.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT)
        c = await join("c1")
        await a.event("reconnected")
        assert a.me.sid == sid
        await a.sees("c1")
        await a.receives(voice_b.sid)
        await b.receives(voice_a.sid)
        assert b.events("participant_disconnected") == []
        await a.me.publish_data(b"back")
        await b.event("data_received")
        await c.me.publish_data(b"welcome")
        await a.event("data_received")


async def test_full_reconnect(meet):
    """After a full reconnect a client is a new participant, its tracks published anew, once each."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        voice_a, voice_b = await a.speak(440), await b.speak(700)
        await a.receives(voice_b.sid)
        await b.receives(voice_a.sid)
        first = voice_a.sid
        await a.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        await a.event("reconnected")

        def anew():
            who = b.room.remote_participants.get("a1")
            return [sid for sid in (who.track_publications if who else ()) if sid != first]

        (sid,) = await until(anew, "B knows of A's new track")
        await b.receives(sid)
        await a.receives(voice_b.sid)
        assert list(b.room.remote_participants["a1"].track_publications) == [sid]
