"""One participant with LiveKit's Python SDK, in a process and a namespace of its own, and the handle of that process.

    python -m bench.networks.seat

Lives here: the loop over JSON lines, the synthetic camera and microphone, what is seen and heard; `Seat`, the handle.
Not here: what it means (`figures`), the picture's stamp and the voice (`visavis.rehearsal.voice`).

    {"do": "join", "url", "token"}   →  {}             in the room
    {"do": "publish"}                →  {}             camera (simulcast VP8) and microphone (Opus) are sent
    {"do": "count", "from", "to"}    →  {}             reliable messages with these numbers are sent, fifty a second
    {"do": "data"}                   →  {identity: [number…]}   what came of the others' numbers, in order
    {"do": "look"}                   →  {"now", "pictures", "sound", "lines", "state"}   how many so far
    {"do": "statistics"}             →  {"bytes", "concealed_samples", …}                of all that is received
    {"do": "saw", "since"}           →  {"pictures": [[at, age, lines]…], "sound": [at…], "told": [[at, event]…]}

Times are seconds of the machine's monotonic clock, which all processes share. The program ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.abc
import anyio.to_thread
import numpy as np
from bench.networks.figures import FPS, Saw
from livekit import rtc

from visavis.rehearsal.voice import BLOCK, RATE_HZ, Picture, latency_ms, read_stamp, tone

SCALE: Final = 3
WIDTH, HEIGHT = 320 * SCALE, 180 * SCALE
"""With 960 pixels the SDK sends three layers: 180, 360 and 540 lines."""
GROUNDS: Final = 8
PIECE: Final = RATE_HZ // 100
AUDIBLE: Final = 500
JOIN_S: Final = 30.0
STOP_S: Final = 10.0


def camera() -> Callable[[int, int], bytes]:
    """A picture that never rests, as I420, by its number and its stamp in milliseconds."""
    chance = np.random.default_rng(1)
    stamped = Picture("", (110, 110, 110))
    coarse = chance.integers(-22, 22, (GROUNDS, HEIGHT // 20, WIDTH // 20), np.int16)
    grounds = coarse.repeat(20, axis=1).repeat(20, axis=2)
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)

    def picture(number: int, stamp_ms: int) -> bytes:
        frame = np.frombuffer(stamped.frame(number, stamp_ms), np.uint8).reshape(
            HEIGHT // SCALE, WIDTH // SCALE, 4
        )
        luma = frame[:, :, 0].repeat(SCALE, axis=0).repeat(SCALE, axis=1)
        above = HEIGHT - BLOCK * SCALE
        shaken = np.roll(grounds[number % GROUNDS], number * 7, axis=1)[:above]
        luma[:above] = np.clip(luma[:above].astype(np.int16) + shaken, 16, 235)
        return luma.tobytes() + colour

    return picture


class Participant:
    """What the process does, one request at a time, beside a call that runs."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self._tasks, self._room = tasks, rtc.Room()
        self._pictures: list[tuple[float, float, int]] = []
        self._sound: list[float] = []
        self._told: list[tuple[float, str]] = []
        self._data: dict[str, list[int]] = {}
        self._last_stamp: int | None = None

    async def join(self, request: dict[str, Any]) -> dict[str, Any]:
        for event in (
            "reconnecting",
            "reconnected",
            "disconnected",
            "track_subscribed",
            "track_unsubscribed",
        ):
            self._room.on(event, lambda *_, event=event: self._told.append((time.monotonic(), event)))
        self._room.on("track_subscribed", self._subscribed)
        self._room.on("data_received", self._read)
        with warnings.catch_warnings(), anyio.fail_after(JOIN_S):
            warnings.simplefilter("ignore", DeprecationWarning)
            await self._room.connect(request["url"], request["token"])
        return {}

    async def publish(self, _: dict[str, Any]) -> dict[str, Any]:
        sound, picture = rtc.AudioSource(RATE_HZ, 1), rtc.VideoSource(WIDTH, HEIGHT)
        microphone = rtc.LocalAudioTrack.create_audio_track("microphone", sound)
        track = rtc.LocalVideoTrack.create_video_track("camera", picture)
        me = self._room.local_participant
        with anyio.fail_after(JOIN_S):
            await me.publish_track(
                microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
            )
            await me.publish_track(
                track,
                rtc.TrackPublishOptions(
                    source=rtc.TrackSource.SOURCE_CAMERA,
                    simulcast=True,
                    video_codec=rtc.VideoCodec.VP8,
                    video_encoding=rtc.VideoEncoding(max_bitrate=800_000, max_framerate=FPS),
                ),
            )
        self._tasks.start_soon(self._speak, sound)
        self._tasks.start_soon(self._show, picture)
        return {}

    async def count(self, request: dict[str, Any]) -> dict[str, Any]:
        self._tasks.start_soon(self._count, range(request["from"], request["to"]))
        return {}

    async def data(self, _: dict[str, Any]) -> dict[str, Any]:
        return self._data

    async def look(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "now": time.monotonic(),
            "pictures": len(self._pictures),
            "sound": len(self._sound),
            "lines": self._pictures[-1][2] if self._pictures else 0,
            "state": rtc.ConnectionState.Name(self._room.connection_state),
        }

    async def statistics(self, _: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, float] = {}

        def add(name: str, value: float) -> None:
            found[name] = found.get(name, 0) + value

        stats = await self._room.get_rtc_stats()
        for one in [*stats.publisher_stats, *stats.subscriber_stats]:
            if one.WhichOneof("stats") == "inbound_rtp":
                inbound, received = one.inbound_rtp.inbound, one.inbound_rtp.received
                add("bytes", inbound.bytes_received)
                add("packets", received.packets_received)
                add("concealed_samples", inbound.concealed_samples)
                add("resent", inbound.retransmitted_packets_received)
                add("nacks", inbound.nack_count)
                add("plis", inbound.pli_count)
                add("keyframes", inbound.key_frames_decoded)
                add("decoded", inbound.frames_decoded)
        return found

    async def saw(self, request: dict[str, Any]) -> dict[str, Any]:
        since = request["since"]
        return {
            "pictures": [p for p in self._pictures if p[0] >= since],
            "sound": [at for at in self._sound if at >= since],
            "told": [t for t in self._told if t[0] >= since],
        }

    async def leave(self) -> None:
        with anyio.move_on_after(5, shield=True):
            await self._room.disconnect()

    async def _count(self, numbers: range) -> None:
        for number in numbers:
            await self._room.local_participant.publish_data(str(number), reliable=True)
            await anyio.sleep(0.02)

    def _read(self, packet: rtc.DataPacket) -> None:
        who = packet.participant.identity if packet.participant is not None else ""
        self._data.setdefault(who, []).append(int(packet.data))

    async def _speak(self, source: rtc.AudioSource) -> None:
        number = 0
        while True:
            samples = tone(440.0, number * PIECE, PIECE)
            number += 1
            await source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, PIECE))

    async def _show(self, source: rtc.VideoSource) -> None:
        picture, begun = camera(), time.monotonic()
        for number in range(sys.maxsize):
            data = picture(number, int(time.monotonic() * 1000))
            source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, data))
            await anyio.sleep(max(0.0, begun + (number + 1) / FPS - time.monotonic()))

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        watch = self._see if track.kind == rtc.TrackKind.KIND_VIDEO else self._hear
        self._tasks.start_soon(watch, track)

    async def _see(self, track: rtc.Track) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            now, frame = time.monotonic(), event.frame
            luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height).reshape(
                frame.height, frame.width
            )
            stamp = read_stamp(luma)
            if stamp is not None and stamp != self._last_stamp:
                self._last_stamp = stamp
                self._pictures.append((now, latency_ms(stamp, int(now * 1000)) / 1000, frame.height))

    async def _hear(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1):
            if np.abs(np.frombuffer(event.frame.data, np.int16)).max(initial=0) > AUDIBLE:
                self._sound.append(time.monotonic())


async def serve() -> None:
    """Do what is asked until standard input ends."""
    async with anyio.create_task_group() as tasks:
        participant = Participant(tasks)
        actions: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "join": participant.join,
            "publish": participant.publish,
            "count": participant.count,
            "data": participant.data,
            "look": participant.look,
            "statistics": participant.statistics,
            "saw": participant.saw,
        }
        # Abandoned, so that a camera that fails ends the process, and is told.
        while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            request = json.loads(line)
            print(json.dumps(await actions[request["do"]](request)), flush=True)
        await participant.leave()
        tasks.cancel_scope.cancel()


class Seat:
    """A running participant."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """Ask for something of the list above. Raises RuntimeError, with its log's end, if it has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"do": do, **given}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a participant has ended at {do}:\n{self._log.read_text()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def saw(self, since: float = 0.0) -> Saw:
        """What it saw and heard since a time."""
        found = self.ask("saw", since=since)
        pictures = [(at, age, lines) for at, age, lines in found["pictures"]]
        return Saw(pictures, found["sound"], [(at, event) for at, event in found["told"]])


@contextlib.contextmanager
def seated(words: Sequence[str], log: Path) -> Iterator[Seat]:
    """A participant's process. words: what comes before a command so that it runs where it should."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with (
        log.open("w") as out,
        subprocess.Popen(
            [*words, sys.executable, "-m", "bench.networks.seat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            env=environment,
        ) as process,
    ):
        try:
            yield Seat(process, log)
        finally:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> None:
    """The program's entry."""
    try:
        anyio.run(serve)
    except BaseException:  # noqa: BLE001 - told, and the end
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    # The SDK's threads call into Python while an interpreter is taken down, and the process would abort.
    os._exit(0)


if __name__ == "__main__":
    main()
