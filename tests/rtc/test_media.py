"""Real sound, picture and data: the unmodified PyPI `livekit` client through the embedded engine, encrypted.

Keys as in design 3a §3.1: one key a sender, HKDF, no ratchet; data itself is left as it is (`e2ee`, not `encryption`).
"""

from __future__ import annotations

import contextlib
import time
import warnings

import anyio
import numpy as np
import pytest
from livekit import rtc
from livekit.rtc.participant import PublishTrackError
from tests.conformance.peers import LIMIT_S, closing, until

from visavis.rtc.effects import Left
from visavis.rtc.engines.embedded import EmbeddedEngine
from visavis.rtc.places import Place

pytestmark = [pytest.mark.anyio, pytest.mark.media]

WIDTH, HEIGHT, FPS = 320, 180, 15
RATE = 48_000


def key_of(identity):
    """32 bytes of one sender; any will do here."""
    return (identity.encode() * 32)[:32]


class Seat:
    """One client: what it sends, and what it sees and hears of each other participant."""

    def __init__(self, identity, tone_hz, luma):
        self.identity, self.tone_hz, self.luma = identity, tone_hz, luma
        self.room = rtc.Room()
        self.frames, self.pixel, self.heard_hz, self.data, self.states = {}, {}, {}, [], []
        self.tracks = []
        self.joined_ms = 0.0
        self._tasks = None

    async def connect(self, node, tasks, *, room="talk", encrypted=True, single=None):
        self._tasks = tasks
        options = rtc.RoomOptions(single_peer_connection=single)
        if encrypted:
            options.e2ee = rtc.E2EEOptions(
                key_provider_options=rtc.KeyProviderOptions(
                    key_derivation_function=rtc.KeyDerivationFunction.HKDF,
                    ratchet_window_size=0,
                    failure_tolerance=-1,
                )
            )
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("data_received", self._received)
        for state in ("reconnecting", "reconnected", "disconnected"):
            self.room.on(state, lambda *_, state=state: self.states.append(state))
        begun = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with anyio.fail_after(LIMIT_S):
                await self.room.connect(node.url, node.calls.mint(room, self.identity), options)
        self.joined_ms = (time.monotonic() - begun) * 1000

    def take_keys(self, *identities):
        for identity in identities:
            self.room.e2ee_manager.key_provider.set_key(identity, key_of(identity), 0)

    def _received(self, packet):
        self.data.append((packet.participant.identity, packet.topic, packet.data, packet.kind))

    def _subscribed(self, track, publication, participant):
        watch = self._see if track.kind == rtc.TrackKind.KIND_VIDEO else self._hear
        self._tasks.start_soon(watch, track, participant.identity)

    async def _see(self, track, who):
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        async with closing(stream):
            async for event in stream:
                frame = event.frame
                self.frames[who] = self.frames.get(who, 0) + 1
                self.pixel[who] = frame.data[frame.width * (frame.height // 2) + frame.width // 2]

    async def _hear(self, track, who):
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        recent = np.zeros(0)
        async with closing(stream):
            async for event in stream:
                recent = np.concatenate([recent, np.frombuffer(event.frame.data, dtype=np.int16)])[
                    -RATE // 5 :
                ]
                if len(recent) == RATE // 5 and np.abs(recent).max() > 1000:
                    spectrum = np.abs(np.fft.rfft(recent * np.hanning(len(recent))))
                    self.heard_hz[who] = float(np.argmax(spectrum) * RATE / len(recent))

    async def publish(self, *, simulcast=False):
        video, audio = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(RATE, 1)
        camera = rtc.LocalVideoTrack.create_video_track("camera", video)
        voice = rtc.LocalAudioTrack.create_audio_track("microphone", audio)
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA, simulcast=simulcast, video_codec=rtc.VideoCodec.VP8
        )
        with anyio.fail_after(LIMIT_S):
            await self.room.local_participant.publish_track(camera, options)
            await self.room.local_participant.publish_track(
                voice, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            )
        self._tasks.start_soon(self._show, video)
        self._tasks.start_soon(self._speak, audio)

    async def _show(self, source):
        grey = bytes([self.luma]) * (WIDTH * HEIGHT) + bytes([128]) * (WIDTH * HEIGHT // 2)
        frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, grey)
        while True:
            source.capture_frame(frame)
            await anyio.sleep(1 / FPS)

    async def _speak(self, source):
        n = 0
        while True:
            t = (np.arange(480) + n) / RATE
            n += 480
            wave = (np.sin(2 * np.pi * self.tone_hz * t) * 12_000).astype(np.int16)
            await source.capture_frame(rtc.AudioFrame(wave.tobytes(), RATE, 1, 480))


def sees_and_hears(one, other):
    """`one` decodes the other's picture with the right grey and hears the right tone."""
    who = other.identity
    return (
        one.frames.get(who, 0) >= 10
        and abs(one.pixel.get(who, -100) - other.luma) < 12
        and abs(one.heard_hz.get(who, 0) - other.tone_hz) < 12
    )


class Table:
    """A call service with the embedded engine, and the seats at it."""

    def __init__(self, node, tasks):
        self.node, self.tasks, self.seats = node, tasks, []

    async def seat(self, identity, tone_hz, luma, **options):
        """A client, connected."""
        seat = Seat(identity, tone_hz, luma)
        self.seats.append(seat)
        await seat.connect(self.node, self.tasks, **options)
        return seat

    async def meet(self, *, single=None, simulcast=False):
        """Two participants, connected, with each other's keys, publishing."""
        a = await self.seat("a1", 440, 60, single=single)
        b = await self.seat("b1", 1000, 180, single=single)
        for seat in (a, b):
            seat.take_keys("a1", "b1")
        for seat in (a, b):
            await seat.publish(simulcast=simulcast)
        return a, b


@pytest.fixture
def lay_table(serve_calls):
    """`async with lay_table() as table`: whoever sits there has left at the end, whatever happened."""

    @contextlib.asynccontextmanager
    async def lay(**options):
        engine = EmbeddedEngine([Place("127.0.0.1")])
        async with serve_calls(engine, **options) as node, anyio.create_task_group() as tasks:
            table = Table(node, tasks)
            try:
                yield table
            finally:
                for seat in table.seats:
                    with anyio.move_on_after(10, shield=True):
                        await seat.room.disconnect()
                tasks.cancel_scope.cancel()

    return lay


@pytest.mark.parametrize("single", [None, False], ids=["fallback", "dual"])
async def test_call(lay_table, single):
    """Two participants see, hear and read each other, encrypted, whether they first try the other path or not."""
    async with lay_table() as table:
        a, b = await table.meet(single=single)
        await until(lambda: sees_and_hears(a, b), f"A sees and hears B: {a.frames} {a.pixel} {a.heard_hz}")
        await until(lambda: sees_and_hears(b, a), f"B sees and hears A: {b.frames} {b.pixel} {b.heard_hz}")
        await a.room.local_participant.publish_data(b"reliable", reliable=True, topic="visavis")
        await b.room.local_participant.publish_data(b"x" * 10_000, reliable=True, topic="visavis")
        await until(lambda: a.data and b.data, "data both ways")
        assert b.data == [("a1", "visavis", b"reliable", rtc.DataPacketKind.KIND_RELIABLE)]
        assert a.data == [("b1", "visavis", b"x" * 10_000, rtc.DataPacketKind.KIND_RELIABLE)]
        before = dict(a.frames), dict(b.frames)
        await until(
            lambda: a.frames["b1"] > before[0]["b1"] + 10 and b.frames["a1"] > before[1]["a1"] + 10,
            "frames grow",
        )
        print(f"\njoin ms: {a.joined_ms:.0f} {b.joined_ms:.0f}; {dict(table.node.calls.stats())}")  # noqa: T201


async def test_simulcast(lay_table):
    """A picture sent in layers arrives."""
    async with lay_table() as table:
        a, b = await table.meet(simulcast=True)
        await until(lambda: sees_and_hears(a, b) and sees_and_hears(b, a), f"{a.frames} {b.frames}")


async def test_without_the_key(lay_table):
    """Who lacks the sender's key decodes nothing, while another who has it does."""
    async with lay_table() as table:
        a = await table.seat("a1", 440, 60, single=False)
        b = await table.seat("b1", 1000, 180, single=False)
        c = await table.seat("c1", 700, 120, single=False)
        a.take_keys("a1")
        b.take_keys("a1")
        await a.publish()
        await until(lambda: sees_and_hears(b, a), f"B sees and hears A: {b.frames} {b.pixel} {b.heard_hz}")
        await until(lambda: b.frames["a1"] > 30, "B goes on seeing A")
        assert c.frames.get("a1", 0) == 0
        # What comes out of the concealment of lost sound is no tone of A's.
        assert abs(c.heard_hz.get("a1", 0.0) - a.tone_hz) > 50


async def test_plain_client_is_out(lay_table):
    """A client without encryption that publishes is put out; the others never learn of its track."""
    async with lay_table() as table:
        b = await table.seat("b1", 1000, 180)
        plain = await table.seat("x1", 440, 60, encrypted=False, single=False)
        camera = rtc.LocalVideoTrack.create_video_track("camera", rtc.VideoSource(WIDTH, HEIGHT))

        async def publish():
            with contextlib.suppress(PublishTrackError):
                await plain.room.local_participant.publish_track(camera, rtc.TrackPublishOptions())

        table.tasks.start_soon(publish)
        await until(lambda: "disconnected" in plain.states, "the plain client is out")
        assert [p.identity for p in table.node.calls.present("talk")] == ["b1"]
        assert b.frames == {}
        assert not [t for p in b.room.remote_participants.values() for t in p.track_publications]


async def test_resume(lay_table):
    """After its signal socket is cut, a client resumes its session: picture and sound go on, data too."""
    async with lay_table() as table:
        a, b = await table.meet()
        await until(lambda: sees_and_hears(a, b) and sees_and_hears(b, a), "both see and hear")
        sid = {p.identity: p.sid for p in table.node.calls.present("talk")}
        assert table.node.cut("b1") == 1
        await until(lambda: "reconnected" in b.states, f"B is back: {b.states}")
        assert table.node.calls.stats()["resumes"] == 1
        assert {p.identity: p.sid for p in table.node.calls.present("talk")} == sid
        before = dict(a.frames), dict(b.frames)
        await until(
            lambda: a.frames["b1"] > before[0]["b1"] + 15 and b.frames["a1"] > before[1]["a1"] + 15,
            f"frames go on both ways: {before} {a.frames} {b.frames}",
        )
        b.data.clear()
        await a.room.local_participant.publish_data(b"after", reliable=True, topic="visavis")
        await until(lambda: b.data, "data after the resume")
        late = await table.seat("c1", 700, 120)
        late.take_keys("a1", "b1", "c1")
        for seat in (a, b):
            seat.take_keys("c1")
        await late.publish()
        await until(lambda: sees_and_hears(b, late), f"B sees who comes after: {b.frames} {b.heard_hz}")
        await until(
            lambda: sees_and_hears(late, a) and sees_and_hears(late, b), f"{late.frames} {late.heard_hz}"
        )


async def test_leave_is_seen(lay_table):
    """Who leaves is gone for the others, and its transports with it."""
    left = []

    class Watcher:
        async def call_event(self, event):
            if isinstance(event, Left):
                left.append(event)

    async with lay_table(observers=[Watcher()]) as table:
        a, b = await table.meet(single=False)
        gone = []
        b.room.on("participant_disconnected", lambda p: gone.append(p.identity))
        await until(lambda: sees_and_hears(b, a), "B sees A")
        await a.room.disconnect()
        await until(lambda: gone == ["a1"], "B sees A leave")
        await until(lambda: [e.identity for e in left] == ["a1"], "the observer is told")
        await until(lambda: table.node.calls.stats()["engine.transports"] == 2, "transports are closed")


async def test_a_track_may_be_left_and_taken_again(lay_table):
    """Unsubscribed and subscribed again, several times: the picture comes back each time, the client stays in."""
    async with lay_table() as table:
        a, b = await table.meet()
        await until(lambda: sees_and_hears(a, b), f"A sees and hears B: {a.frames} {a.pixel} {a.heard_hz}")
        others = a.room.remote_participants["b1"].track_publications.values()
        left = []
        a.room.on("track_unsubscribed", lambda track, publication, who: left.append(publication.sid))
        for _ in range(3):
            for publication in others:
                publication.set_subscribed(False)
            await until(lambda: len(left) == len(others), f"A has left B's tracks: {left}")
            left.clear()
            for publication in others:
                publication.set_subscribed(True)
            before = a.frames["b1"]
            await until(lambda n=before: a.frames["b1"] >= n + 10, f"A sees B again: {a.frames} {a.states}")
        assert "disconnected" not in a.states
        assert "reconnecting" not in a.states
