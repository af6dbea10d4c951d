"""When a page first shows something on a telephone's network, and what travels to a browser that has nothing yet.

    .venv/bin/python bench/first_paint.py [loads] [page …]

Workload: a node in a process of its own with the day that `bench/pages.py` plays; Chromium, 360 × 740, throttled by
the DevTools protocol to 1.6 Mbit/s down, 750 kbit/s up and 150 ms for every request ("fast 3G"). Each page is loaded
`loads` times (default 7), each time in a context of its own: no cache, no connection, the session's cookie. The order
is shuffled, so that whatever else the machine does meets all pages alike.

`fcp_ms`: from the navigation to the first frame with content (W3C Paint Timing), by the browser's own clock.
`done_ms`: to the end of the load event. `bytes`: what came over the wire by the browser's count, heads included;
`fonts` apart. Each is the median, with the least and the greatest. `bare`: an answer of 20 bytes on the same network,
drawn by the same browser: no page is sooner.

Result, 2026-11-30, Debian 12, 2 cores, load 4.5, median of 5 (least, greatest): talk fcp 588 ms (584, 812),
62,474 bytes and 195,900 of fonts; newsroom fcp 564 ms (536, 736), 21,138 bytes and 174,787 of fonts; bare 264 ms
(228, 304).
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.pages import FONT, pages, played, spread  # noqa: E402
from tests.flows.chromium import CHROMIUM, FLAGS  # noqa: E402

from visavis.rehearsal.stage import ServerProcess  # noqa: E402

NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
PAINTED = """() => new Promise(done => {
  const told = () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    const [load] = performance.getEntriesByType('navigation');
    if (paint && load.loadEventEnd > 0) done([paint.startTime, load.loadEventEnd]);
    else requestAnimationFrame(told);
  };
  told();
})"""


async def loaded(browser: Browser, url: str, token: str) -> dict[str, float]:
    """One load of a page by a browser that has nothing of it."""
    context = await browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    try:
        await context.add_cookies([{"name": "visavis_session", "value": token, "url": url}])
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        names: dict[str, str] = {}
        taken: dict[str, float] = {}
        session.on(
            "Network.responseReceived", lambda e: names.__setitem__(e["requestId"], e["response"]["url"])
        )
        session.on(
            "Network.loadingFinished", lambda e: taken.__setitem__(e["requestId"], e["encodedDataLength"])
        )
        await session.send("Network.enable")
        await session.send("Network.emulateNetworkConditions", NETWORK)
        await page.goto(url, wait_until="load", timeout=60_000)
        fcp, done = await page.evaluate(PAINTED)
        fonts = sum(size for id_, size in taken.items() if FONT.search(names.get(id_, "")))
        return {"fcp_ms": fcp, "done_ms": done, "bytes": sum(taken.values()) - fonts, "fonts": fonts}
    finally:
        await context.close()


async def main(loads: int, wanted: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", Path(folder) / "node.log")
        try:
            await server.start()
            day, people = await played(server)
            paths = {
                name: server.url + path for name, path in pages(day).items() if not wanted or name in wanted
            }
            paths["bare"] = f"{server.url}/health"
            turns = [name for name in paths for _ in range(loads)]
            random.Random(1).shuffle(turns)
            got: dict[str, dict[str, list[float]]] = {name: {} for name in paths}
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, headless=True, args=list(FLAGS)
                )
                await loaded(browser, paths["bare"], people[0].token)  # the browser's own beginning
                for name in turns:
                    for key, value in (await loaded(browser, paths[name], people[0].token)).items():
                        got[name].setdefault(key, []).append(value)
                await browser.close()
        finally:
            await server.stop()
    told: dict[str, Any] = {name: {key: spread(v) for key, v in all_.items()} for name, all_ in got.items()}
    print(json.dumps({"loads": loads, "pages": told, "load_average": round(os.getloadavg()[0], 1)}, indent=1))


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 7, sys.argv[2:])
