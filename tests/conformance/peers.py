"""A participant: the unmodified PyPI `livekit` client, with a synthetic camera and microphone.

Lives here: `Peer`, and waiting for what it sees (`until`).
Not here: servers (`servers`), what is asked of it (the tests).
"""

from __future__ import annotations

import contextlib
import typing
import warnings

import anyio
import numpy as np
import pytest
from livekit import rtc
from livekit.rtc.room import EventTypes

LIMIT_S = 30.0
WIDTH, HEIGHT, FPS = 320, 180, 15
RATE = 48_000


async def until(condition, what):
    """Wait until something holds; the limit is wide, and says what was missing."""
    try:
        with anyio.fail_after(LIMIT_S):
            while not (found := condition()):  # noqa: ASYNC110 - the SDK tells no event of most things
                await anyio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not within {LIMIT_S:.0f} s: {what() if callable(what) else what}")
    return found


@contextlib.asynccontextmanager
async def closing(stream):
    """Close an SDK's stream at the end, also when cancelled."""
    try:
        yield
    finally:
        with anyio.move_on_after(5, shield=True):
            await stream.aclose()


class Peer:
    """One client.

    told:   the events of its room in order, as (name, arguments).
    frames: decoded pictures, heard_hz: the loudest tone, each by the sid of the track.
    """

    def __init__(self, identity, tasks):
        self.identity, self._tasks = identity, tasks
        self.room = rtc.Room()
        self.told, self.frames, self.heard_hz = [], {}, {}
        self._published = {}

    @property
    def me(self):
        return self.room.local_participant

    async def connect(self, server, room, options=None, **token):
        for name in typing.get_args(EventTypes):
            self.room.on(name, lambda *args, name=name: self.told.append((name, args)))
        self.room.on("track_subscribed", self._subscribed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with anyio.fail_after(LIMIT_S):
                await self.room.connect(
                    server.url, server.token(self.identity, room, **token), options or rtc.RoomOptions()
                )

    async def leave(self):
        with anyio.move_on_after(10, shield=True):
            await self.room.disconnect()

    def events(self, name):
        """The arguments of each event of a name so far."""
        return [args for n, args in self.told if n == name]

    async def event(self, name, matches=lambda *_: True):
        """Wait for an event, which may have been told already; its arguments."""
        found = await until(
            lambda: [args for args in self.events(name) if matches(*args)],
            lambda: f"{self.identity} is told {name}: {[n for n, _ in self.told]}",
        )
        return found[0]

    async def sees(self, identity):
        """Wait until another participant is known; it."""
        return await until(
            lambda: self.room.remote_participants.get(identity), f"{self.identity} sees {identity}"
        )

    async def publication(self, identity, kind=None):
        """Wait until another's track is known; its publication."""

        def find():
            who = self.room.remote_participants.get(identity)
            found = who.track_publications.values() if who else ()
            return next((p for p in found if kind is None or p.kind == kind), None)

        return await until(find, f"{self.identity} knows of {identity}'s track")

    async def receives(self, sid, more=8):
        """Wait until pictures or sound of a track come, anew."""
        before = self.frames.get(sid, 0)
        await until(
            lambda: self.frames.get(sid, 0) >= before + more, f"{self.identity} receives {sid}: {self.frames}"
        )

    async def loses(self, sid):
        """Wait until nothing of a track has come for a second."""

        def count():
            return self.frames.get(sid, 0), anyio.current_time()

        last, since = count()

        def quiet():
            nonlocal last, since
            now = count()
            if now[0] != last:
                last, since = now
            return now[1] - since > 1

        await until(quiet, f"{self.identity} receives {sid} no more")

    async def speak(self, tone_hz=440, **options):
        """Publish a microphone with a tone; its publication."""
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = {"source": rtc.TrackSource.SOURCE_MICROPHONE} | options
        with anyio.fail_after(LIMIT_S):
            publication = await self.me.publish_track(track, rtc.TrackPublishOptions(**options))
        self._tasks.start_soon(self._tone, source, tone_hz)
        return publication

    async def show(self, width=WIDTH, height=HEIGHT, *, simulcast=False, **options):
        """Publish a camera with a picture; its publication."""
        source = rtc.VideoSource(width, height)
        track = rtc.LocalVideoTrack.create_video_track("camera", source)
        options = {"source": rtc.TrackSource.SOURCE_CAMERA, "simulcast": simulcast} | options
        options.setdefault("video_codec", rtc.VideoCodec.VP8)
        with anyio.fail_after(LIMIT_S):
            publication = await self.me.publish_track(track, rtc.TrackPublishOptions(**options))
        self._tasks.start_soon(self._picture, source, width, height)
        return publication

    async def _tone(self, source, tone_hz):
        n = 0
        while True:
            t = (np.arange(480) + n) / RATE
            n += 480
            wave = (np.sin(2 * np.pi * tone_hz * t) * 12_000).astype(np.int16)
            try:
                await source.capture_frame(rtc.AudioFrame(wave.tobytes(), RATE, 1, 480))
            except Exception:  # noqa: BLE001 - the track was unpublished
                return

    async def _picture(self, source, width, height):
        grey = bytes([90]) * (width * height) + bytes([128]) * (width * height // 2)
        frame = rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, grey)
        while True:
            source.capture_frame(frame)
            await anyio.sleep(1 / FPS)

    def _subscribed(self, track, publication, participant):
        watch = self._see if track.kind == rtc.TrackKind.KIND_VIDEO else self._hear
        self._tasks.start_soon(watch, track, publication.sid)

    async def _see(self, track, sid):
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        async with closing(stream):
            async for _ in stream:
                self.frames[sid] = self.frames.get(sid, 0) + 1

    async def _hear(self, track, sid):
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        recent = np.zeros(0)
        async with closing(stream):
            async for event in stream:
                sound = np.frombuffer(event.frame.data, dtype=np.int16)
                if np.abs(sound).max(initial=0) > 1000:
                    self.frames[sid] = self.frames.get(sid, 0) + 1
                recent = np.concatenate([recent, sound])[-RATE // 5 :]
                if len(recent) == RATE // 5 and np.abs(recent).max() > 1000:
                    spectrum = np.abs(np.fft.rfft(recent * np.hanning(len(recent))))
                    self.heard_hz[sid] = float(np.argmax(spectrum) * RATE / len(recent))


async def meet_and_resume(a, b):
    """Two clients see and hear each other, and still do after one has resumed."""
    pictures, sound = await a.show(), await b.speak()
    await b.receives(pictures.sid)
    await a.receives(sound.sid)
    await a.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT)
    await a.event("reconnected")
    await b.receives(pictures.sid)
    await a.receives(sound.sid)
