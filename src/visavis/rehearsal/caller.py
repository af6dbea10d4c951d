"""A seat in the call: one LiveKit client, encrypted end to end by its own keys, that shows, speaks and listens.

Lives here: `Caller`: joining with a device certificate, exchanging keys (`e2ee.Party`), publishing the synthetic
voice and picture, measuring what is seen and heard.
Not here: the process around it (`seat`), what is played (`play`), the voice and picture themselves (`voice`).
Spec: docs/spec/keys.md. The Python SDK has no guard as the browser's worker has: it rehearses, it is no
delegate's client.
"""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import numpy as np
import structlog
from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from visavis.e2ee.device import Certificate, DeviceKeys, certify
from visavis.e2ee.logs import logs_of
from visavis.e2ee.party import InRoom, Notice, Outcome, Party, Send, SetKey
from visavis.errors import Malformed, Unavailable, Untrusted
from visavis.rehearsal.delegate import Delegate
from visavis.rehearsal.logs import LogReader
from visavis.rehearsal.voice import (
    HEIGHT,
    RATE_HZ,
    WIDTH,
    Picture,
    dominant_hz,
    latency_ms,
    read_stamp,
    tone,
)
from visavis.rulebook import EDITION_1

log = structlog.get_logger(__name__)

TOPIC = "visavis"
FPS = 12
FRAME_SAMPLES = 480
"""10 ms at 48 kHz: WebRTC's own unit."""
LISTEN_SAMPLES = RATE_HZ // 10
TICK_S = 0.1
DEVICE_LIFE_MS = 3 * 3_600_000
CONNECT_LIMIT_S = 30.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Watched:
    """What this seat has seen and heard of one other device.

    frames: decoded. latencies_ms: of stamped frames, capture to decoded picture. audio_s: sound received;
    voiced_s: of it, with a tone; heard_hz: the tones heard, one a tenth of a second.
    per_second: frames decoded in each second since joining.
    """

    side: str
    delegate: str
    frames: int = 0
    first_frame_ms: int | None = None
    latencies_ms: list[int] = field(default_factory=list)
    audio_s: float = 0.0
    voiced_s: float = 0.0
    heard_hz: list[float] = field(default_factory=list)
    per_second: dict[int, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Caller:
    """One seat. hz: its voice. `speaking` may be changed at any time."""

    def __init__(self, delegate: Delegate, picture: Picture, hz: float) -> None:
        self.delegate = delegate
        self.speaking = False
        self.spoken_s = 0.0
        self.watched: dict[str, Watched] = {}
        self.notices: list[dict[str, str]] = []
        self.refused_plain: list[str] = []
        self.ready = anyio.Event()
        self.joined_ms = 0
        self.join_took_ms = 0
        self._picture, self._hz = picture, hz
        self._logs = LogReader(delegate, EDITION_1)
        self._room = rtc.Room()
        self._party: Party | None = None
        self._keys_in_use = anyio.Event()
        self._sending = 0
        self._inside: frozenset[str] = frozenset()
        self._out: list[bytes] = []
        self._wake = anyio.Event()
        self._tracks: dict[str, rtc.Track] = {}

    @property
    def device(self) -> str:
        return "" if self._party is None else self._party.id

    async def run(self, talk: str, sitting: int) -> None:
        """Sit in the call until cancelled. `ready` is set once the own picture and voice are published."""
        begun = now_ms()
        await self._logs.refresh()
        d = self.delegate
        keys = DeviceKeys.generate()
        body = keys.body(
            dialogue=d.dialogue,
            talk=talk,
            sitting=sitting,
            side=d.side,
            delegate=d.id,
            credential=d.credential,
            made=begun,
            until=begun + DEVICE_LIFE_MS,
        )
        certificate = certify(body, d.signer)
        path = f"/api/dialogues/{d.dialogue}/talks/{talk}/sittings/{sitting}"
        seat = await d.post(f"{path}/join", {"certificate": certificate.to_json()})
        if seat["identity"] != body.id:
            raise Untrusted("the node seats another device than the one certified")
        self._party = Party(certificate, keys, logs_of(self._logs.joint, talk, sitting), os.urandom)
        async with anyio.create_task_group() as tasks:
            await self._connect(seat, tasks)
            self.joined_ms = now_ms()
            try:
                found = (await d.get(f"{path}/certificates"))["certificates"]
                self._do(self._party.certificates(_readable(found), now_ms()))
                self._do(self._party.start(now_ms()))
                tasks.start_soon(self._tick)
                tasks.start_soon(self._send)
                tasks.start_soon(self._follow, talk, sitting)
                await self._keys_in_use.wait()
                await self._publish(tasks)
                self.join_took_ms = now_ms() - begun
                self.ready.set()
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                    await self._say_bye()
                    await self._room.disconnect()
                tasks.cancel_scope.cancel()

    async def _connect(self, seat: dict[str, Any], tasks: anyio.abc.TaskGroup) -> None:
        options = rtc.RoomOptions(auto_subscribe=False)
        options.e2ee = rtc.E2EEOptions(
            key_provider_options=rtc.KeyProviderOptions(
                key_derivation_function=rtc.KeyDerivationFunction.HKDF,
                ratchet_window_size=0,
                failure_tolerance=-1,
            )
        )
        room = self._room
        room.on("data_received", self._received)
        room.on("track_published", lambda publication, who: self._admit(publication, who.identity))
        room.on("track_subscribed", lambda track, _, who: self._watch(tasks, track, who.identity))
        room.on("participant_connected", lambda who: self._found(who.identity))
        room.on("participant_disconnected", lambda who: self._gone(who.identity))
        url = seat["url"].replace("http", "ws", 1)
        try:
            with warnings.catch_warnings(), anyio.fail_after(CONNECT_LIMIT_S):
                # Data is sealed by our own messages; the SDK's data encryption stays off (docs/spec/keys.md).
                warnings.simplefilter("ignore", DeprecationWarning)
                await room.connect(url, seat["token"], options)
        except (rtc.ConnectError, TimeoutError) as error:
            raise Unavailable(f"the call cannot be reached: {str(error) or 'no answer in time'}") from error

    # --- keys ------------------------------------------------------------------------------------------

    def _do(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Send(data):
                    self._out.append(data)
                    self._wake.set()
                case SetKey():
                    self._set_key(outcome)
                case InRoom(devices):
                    self._inside = frozenset(body.id for body in devices)
                    for body in devices:
                        self.watched.setdefault(body.id, Watched(body.side, body.delegate))
                    for who in self._room.remote_participants.values():
                        for publication in who.track_publications.values():
                            self._admit(publication, who.identity)
                case Notice(code, device, words):
                    self.notices.append({"code": code, "device": device, "words": words})

    def _set_key(self, key: SetKey) -> None:
        manager = self._room.e2ee_manager
        if manager.key_provider is None:
            raise Untrusted("the SDK does not encrypt: nothing is sent")
        manager.key_provider.set_key(key.device, key.key, key.index)
        if key.sending:
            self._sending = key.index
            self._use_index()
            self._keys_in_use.set()

    def _use_index(self) -> None:
        for cryptor in self._room.e2ee_manager.frame_cryptors():
            if cryptor.participant_identity == self.device:
                cryptor.set_key_index(self._sending)

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(TICK_S)
            assert self._party is not None
            self._do(self._party.tick(now_ms()))

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            while self._out:
                await self._room.local_participant.publish_data(self._out.pop(0), reliable=True, topic=TOPIC)

    async def _say_bye(self) -> None:
        if self._party is not None:
            data = self._party.bye(now_ms())
            await self._room.local_participant.publish_data(data, reliable=True, topic=TOPIC)

    async def _follow(self, talk: str, sitting: int) -> None:
        """Fold the logs anew whenever the node says that they grew."""
        async for _ in self.delegate.events():
            await self._logs.refresh()
            assert self._party is not None
            logs = logs_of(self._logs.joint, talk, sitting)
            self._do(self._party.logs_changed(logs, now_ms(), self._logs.seen))

    def _received(self, packet: rtc.DataPacket) -> None:
        if packet.topic == TOPIC and self._party is not None:
            self._do(self._party.receive(bytes(packet.data), now_ms()))

    def _gone(self, identity: str) -> None:
        if self._party is not None:
            self._do(self._party.left(identity, now_ms()))

    def _found(self, identity: str) -> None:
        if self._party is not None:
            self._do(self._party.found(identity, now_ms()))

    # --- what is sent ----------------------------------------------------------------------------------

    async def _publish(self, tasks: anyio.abc.TaskGroup) -> None:
        picture, voice = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(RATE_HZ, 1)
        camera = rtc.LocalVideoTrack.create_video_track("camera", picture)
        microphone = rtc.LocalAudioTrack.create_audio_track("microphone", voice)
        me = self._room.local_participant
        try:
            with anyio.fail_after(CONNECT_LIMIT_S):
                await me.publish_track(
                    camera,
                    rtc.TrackPublishOptions(
                        source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False, video_codec=rtc.VideoCodec.VP8
                    ),
                )
                await me.publish_track(
                    microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
                )
        except (PublishTrackError, TimeoutError) as error:
            raise Unavailable(
                f"the call takes no picture and no voice: {str(error) or 'no answer in time'}"
            ) from error
        self._use_index()
        tasks.start_soon(self._show, picture)
        tasks.start_soon(self._speak, voice)

    async def _show(self, source: rtc.VideoSource) -> None:
        index, due = 0, anyio.current_time()
        while True:
            data = self._picture.frame(index, now_ms())
            source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, data))
            index, due = index + 1, due + 1 / FPS
            await anyio.sleep(max(0.0, due - anyio.current_time()))

    async def _speak(self, source: rtc.AudioSource) -> None:
        at = 0
        while True:
            speaking = self.speaking
            samples = tone(self._hz, at, FRAME_SAMPLES, speaking=speaking)
            await source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, FRAME_SAMPLES))
            at += FRAME_SAMPLES
            if speaking:
                self.spoken_s += FRAME_SAMPLES / RATE_HZ

    # --- what is seen and heard ------------------------------------------------------------------------

    def _admit(self, publication: rtc.RemoteTrackPublication, identity: str) -> None:
        """Subscribe to whoever is in by our own logs, and never to what says it is not encrypted."""
        if identity not in self._inside:
            publication.set_subscribed(False)
        elif publication.encryption_type == rtc.EncryptionType.NONE:
            self.refused_plain.append(identity)
            publication.set_subscribed(False)
        else:
            publication.set_subscribed(True)

    def _watch(self, tasks: anyio.abc.TaskGroup, track: rtc.Track, identity: str) -> None:
        self._tracks[track.sid] = track
        if identity in self.watched:
            see = track.kind == rtc.TrackKind.KIND_VIDEO
            tasks.start_soon(self._see if see else self._hear, track, self.watched[identity])

    async def _see(self, track: rtc.Track, of: Watched) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        async for event in stream:
            frame, at = event.frame, now_ms()
            of.frames += 1
            if of.first_frame_ms is None:
                of.first_frame_ms = at - self.joined_ms
            second = (at - self.joined_ms) // 1000
            of.per_second[second] = of.per_second.get(second, 0) + 1
            size = frame.width * frame.height
            luma = np.frombuffer(frame.data, np.uint8, size).reshape(frame.height, frame.width)
            stamp = read_stamp(luma)
            if stamp is not None and len(of.latencies_ms) < 10_000:
                of.latencies_ms.append(latency_ms(stamp, at))

    async def _hear(self, track: rtc.Track, of: Watched) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1)
        part: list[np.ndarray[Any, np.dtype[np.int16]]] = []
        held = 0
        async for event in stream:
            samples = np.frombuffer(event.frame.data, np.int16)
            part.append(samples)
            held += samples.size
            if held >= LISTEN_SAMPLES:
                heard = dominant_hz(np.concatenate(part))
                of.audio_s += held / RATE_HZ
                if heard:
                    of.voiced_s += held / RATE_HZ
                    of.heard_hz.append(round(heard, 1))
                part, held = [], 0

    async def measure(self) -> dict[str, Any]:
        """What this seat has seen and heard until now, and its transport's own counters of packets and loss."""
        inbound = {"packets": 0, "lost": 0}
        for track in list(self._tracks.values()):
            for stat in await track.get_stats():
                if stat.HasField("inbound_rtp"):
                    inbound["packets"] += stat.inbound_rtp.received.packets_received
                    inbound["lost"] += max(0, stat.inbound_rtp.received.packets_lost)
        return {
            "device": self.device,
            "join_took_ms": self.join_took_ms,
            "spoken_s": round(self.spoken_s, 2),
            "inbound": inbound,
            "notices": self.notices,
            "refused_plain": self.refused_plain,
            "watched": {device: of.to_json() for device, of in self.watched.items()},
        }


def _readable(found: list[Any]) -> list[Certificate]:
    """Certificates of the node's untrusted store; what is none is passed over."""
    out = []
    for value in found:
        try:
            out.append(Certificate.from_json(value))
        except Malformed:
            log.info("certificate.malformed")
    return out
