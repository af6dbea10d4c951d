"""How long a delegate waits in Chromium: from the press of "Go in" to the first decoded frame of the other side.

    .venv/bin/python bench/join_time.py [joins] [--steps]

Workload: a node in a process of its own, a sitting opened by both sides, one delegate of side A in the room with
Chromium's fake camera; one of side B goes in and leaves again, `joins` times (default 10). In the time are: both
logs read and verified, the device certified, the token, the connection, the keys sealed and exchanged, the
picture's first frame decrypted and decoded. Not in it: loading the page, choosing the camera, and what the page makes
ready meanwhile, which from the second join on is the way to the engine (`first_ms` has it all).

Beside each join, in the same page and with the same camera: a bare pair of peer connections, from the making of the
two to the first decoded frame (`bare`). Nothing is signed, nobody is asked, and no server stands between.

--steps: also say when each step of a join was reached, in milliseconds since the press; the median over the joins.

Result, 2026-11-30, Debian 12, 2 cores, idle, 10 joins: 177 ms (quartiles 151 to 199), 11 ms more than a bare pair's 168
(-8 to 31; at worst 276); the first join, with nothing made ready before, 409 ms.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.flows.browser import LIMIT_MS, Visitor, laid_table, meet  # noqa: E402

CLOCK = """() => new Promise(done => {
  const join = document.querySelector('[data-control=join]');
  window.joinSteps = [];
  window.joinBegin();
  const at = window.joinBegan = performance.now();
  join.click();
  const look = () => {
    const video = document.querySelector('#theirs figure.delegate video');
    if (!video) return requestAnimationFrame(look);
    window.joinStep('video element');
    video.requestVideoFrameCallback(() => done(performance.now() - at));
  };
  look();
})"""

BARE = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 }, audio: true });
  const at = performance.now();
  const one = new RTCPeerConnection(), other = new RTCPeerConnection();
  one.onicecandidate = ({ candidate }) => other.addIceCandidate(candidate);
  other.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
  const video = document.createElement('video');
  video.muted = true;
  document.body.append(video);
  const shown = new Promise(done => {
    video.requestVideoFrameCallback(() => done(performance.now() - at));
    other.ontrack = ({ track }) => {
      if (track.kind === 'video') { video.srcObject = new MediaStream([track]); void video.play(); }
    };
  });
  for (const track of stream.getTracks()) one.addTrack(track, stream);
  await one.setLocalDescription();
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  await one.setRemoteDescription(other.localDescription);
  const took = await shown;
  one.close();
  other.close();
  for (const track of stream.getTracks()) track.stop();
  video.remove();
  return took;
}"""

STEPS = """
window.joinStep = name => window.joinSteps?.push([name, performance.now() - window.joinBegan]);
const socket = window.WebSocket;
window.WebSocket = class extends socket {
  constructor(...args) {
    super(...args);
    window.joinStep('socket asked');
    this.addEventListener('open', () => window.joinStep('socket open'));
    this.addEventListener('message', () => window.joinStep('signal message'), { once: true });
  }
};
const fetched = window.fetch;
window.fetch = async (...args) => {
  const path = new URL(args[0].url ?? args[0], location).pathname.split('/').slice(-2).join('/');
  const short = path.length > 40 ? path.slice(-24) : path;
  window.joinStep('fetch ' + short);
  const answer = await fetched(...args);
  window.joinStep('fetched ' + short);
  return answer;
};
const posted = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  if (message?.kind === 'setKey') window.joinStep('key set');
  return posted.call(this, message, ...rest);
};
const sent = RTCDataChannel.prototype.send;
let messages = 0, received = 0;
window.joinBegin = () => { messages = received = 0; };
RTCDataChannel.prototype.send = function (data) {
  window.joinStep(`message ${++messages} sent`);
  return sent.call(this, data);
};
let connections = 0;
const connection = window.RTCPeerConnection;
window.RTCPeerConnection = class extends connection {
  constructor(...args) {
    super(...args);
    const n = ++connections % 2 ? 'first' : 'second';
    window.joinStep(`${n} connection made`);
    this.addEventListener('connectionstatechange', () => window.joinStep(`${n} connection ${this.connectionState}`));
    this.addEventListener('iceconnectionstatechange', () => window.joinStep(`${n} ice ${this.iceConnectionState}`));
    this.addEventListener('datachannel', ({ channel }) =>
      channel.addEventListener('message', () => window.joinStep(`message ${++received} received`)));
    this.addEventListener('track', ({ track }) => window.joinStep(`${track.kind} track`));
  }
};
"""


async def join_ms(person: Visitor, room: str) -> tuple[float, list[list[Any]], float]:
    """One join, measured in the page itself, and its steps; then the person leaves; then a bare pair's time."""
    await person.open(room)
    await person.wait("#devicecheck[data-ready=true]")
    await person.wait("#room[data-door]")
    took: float = await person.page.evaluate(CLOCK)
    steps: list[list[Any]] = await person.page.evaluate("() => window.joinSteps")
    await person.page.locator("[data-control=leave]").click()
    await person.wait("#room[data-state=left]")
    bare: float = await person.page.evaluate(BARE)
    return took, steps, bare


def spread(values: Sequence[float]) -> dict[str, int]:
    """Median, quartiles and worst, in whole milliseconds."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return {
        "median_ms": round(middle),
        "quartiles_ms": [round(low), round(high)],  # type: ignore[dict-item]
        "worst_ms": round(max(values)),
    }


def medians(joins: Sequence[list[list[Any]]]) -> dict[str, int]:
    """When each step was first reached, the median over the joins that had it, in order."""
    found: dict[str, list[float]] = {}
    for steps in joins:
        first: dict[str, float] = {}
        for name, at in steps:
            first.setdefault(name, at)
        for name, at in first.items():
            found.setdefault(name, []).append(at)
    reached = {name: round(statistics.median(times)) for name, times in found.items()}
    return dict(sorted(reached.items(), key=lambda each: each[1]))


async def main(joins: int, *, steps: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with laid_table(Path(folder)) as table:
            talk, _, (host, guest) = await meet(table)
            room = f"/d/{table.dialogue}/talks/{talk}/room"
            await host.sit_down(room)
            await host.page.wait_for_function(
                "() => Number(document.querySelector('#room').dataset.epoch ?? -1) >= 0", timeout=LIMIT_MS
            )
            await guest.page.add_init_script(STEPS)
            seen = [await join_ms(guest, room) for _ in range(joins)]
    took, told, bare = zip(*seen, strict=True)
    result: dict[str, Any] = {
        "joins": joins,
        "first_ms": round(took[0]),
        **spread(took),
        "bare": spread(bare),
        "more_than_bare": spread([a - b for a, b in zip(took, bare, strict=True)]),
        "load_average": round(os.getloadavg()[0], 1),
        "processors": os.cpu_count(),
    }
    if steps:
        result["steps_ms"] = medians(told)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--steps"]
    anyio.run(lambda: main(int(words[0]) if words else 10, steps="--steps" in sys.argv))
