"""How long a delegate waits in Chromium: from the press of "Go in" to the first decoded frame of the other side.

    .venv/bin/python bench/join_time.py [joins]

Workload: a node in a process of its own, a sitting opened by both sides, one delegate of side A in the room with
Chromium's fake camera; one of side B goes in and leaves again, `joins` times (default 10). In the time are: both
logs read and verified, the device certified, the token, the connection, the keys sealed and exchanged, the
picture's first frame decrypted and decoded. Not in it: loading the page, and choosing the camera.

Result, 2026-11-23, Debian 12, 2 cores, load average 14 (other work ran beside it), 8 joins:
first 3122 ms, median 1626 ms, worst 3122 ms.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import anyio

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.flows.browser import LIMIT_MS, Visitor, laid_table, meet  # noqa: E402

CLOCK = """() => new Promise(done => {
  const join = document.querySelector('[data-control=join]');
  const at = performance.now();
  join.click();
  const look = () => {
    const video = document.querySelector('#theirs figure.delegate video');
    if (!video) return requestAnimationFrame(look);
    video.requestVideoFrameCallback(() => done(performance.now() - at));
  };
  look();
})"""


async def join_ms(person: Visitor, room: str) -> float:
    """One join, measured in the page itself; then the person leaves."""
    await person.open(room)
    await person.wait("#devicecheck[data-ready=true]")
    took: float = await person.page.evaluate(CLOCK)
    await person.page.locator("[data-control=leave]").click()
    await person.wait("#room[data-state=left]")
    return took


async def main(joins: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with laid_table(Path(folder)) as table:
            talk, _, (host, guest) = await meet(table)
            room = f"/d/{table.dialogue}/talks/{talk}/room"
            await host.sit_down(room)
            await host.page.wait_for_function(
                "() => Number(document.querySelector('#room').dataset.epoch ?? -1) >= 0", timeout=LIMIT_MS
            )
            took = [await join_ms(guest, room) for _ in range(joins)]
    result = {
        "joins": joins,
        "first_ms": round(took[0]),
        "median_ms": round(statistics.median(took)),
        "worst_ms": round(max(took)),
        "load_average": round(os.getloadavg()[0], 1),
        "processors": os.cpu_count(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 10)
