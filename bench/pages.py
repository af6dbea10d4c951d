"""What a page costs: the server's time under many delegates at once, and what travels to a browser with nothing yet.

    .venv/bin/python bench/pages.py [requests] [delegates] [--runs n]

Workload: a node in a process of its own, the day of `examples/december` played on it up to the press (no call).
`delegates` (default 50) clients with sessions of both sides, each on a connection of its own, ask for one page without
pause until `requests` (default 100) answers of it are in, then for the next. One process draws all pages, so they
always wait in a row: nobody reads, and the figures are the worst that so many can do.
`p50_ms` and `p99_ms` are from the request to the last byte at the client; `alone_ms` is the median of one delegate who
asks alone. Each run has its own order of pages; a figure is the median over `--runs` (default 3), with the least and
the greatest.

Beside it, in the same run with the same client: 20 bytes from a bare Starlette in a process of its own, `machine`. What
client, sockets and server cost without a page is there, so `p50_over_machine` is what may be compared between machines.

Transfer size: the page as served and every script, style sheet, picture of it and of those style sheets, as served to
who takes gzip; fonts apart, all of them, of which a browser takes those that it needs. `scripts`: each of the bundle by
itself; the room's is loaded as one goes in, the workers' when they are asked.

Result, 2026-11-30, Debian 12, 2 cores, idle (load 1.7 of its own), median of 3 runs: milliseconds alone, p50 and
p99 under 50, p50 over the machine's, bytes without fonts (the virtual machine gave less that morning than the night
before: 28 ms for 20):
home 3.8, 144, 237, 5.1, 49,339; dialogue 6.5, 329, 388, 11.7, 62,607; talk 7.2, 331, 359, 11.8, 63,131; review 5.9,
218, 271, 7.8, 64,932; room 4.1, 185, 195, 6.6, 59,275; press 8.2, 317, 433, 11.3, 67,113; understanding 6.6, 284,
388, 10.1, 58,611; draft a text 6.2, 266, 285, 9.5, 69,202; record 8.6, 427, 467, 15.2, 80,259; newsroom 3.4, 136,
161, 4.9, 18,169; release 4.5, 182, 288, 6.5, 18,641; quotes 2.5, 114, 134, 4.1, 18,835; machine 0.6, 28, 51.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import anyio
import httpx2

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.flows.test_day import day_of  # noqa: E402

from visavis.dialogue.model import Role  # noqa: E402
from visavis.rehearsal.delegate import Delegate  # noqa: E402
from visavis.rehearsal.play import Day  # noqa: E402
from visavis.rehearsal.stage import ServerProcess  # noqa: E402
from visavis.serving import address, bind  # noqa: E402

TRIVIAL = """
import sys, socket, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def answer(request): return PlainTextResponse("x" * 20)
sock = socket.socket(fileno=int(sys.argv[1]))
config = uvicorn.Config(Starlette(routes=[Route("/", answer)]), access_log=False, log_config=None)
uvicorn.Server(config).run(sockets=[sock])
"""
ASSET = re.compile(r"""(?:src|href)="(/static/[^"#]+)|url\(["']?([^"')#]+)""")
FONT = re.compile(r"\.woff2?($|\?)")


async def played(server: ServerProcess) -> tuple[Day, list[Delegate]]:
    """The day of the report, everybody in this process; side A's principal is the first of the people."""
    people: list[Delegate] = []

    def delegate(name: str) -> Delegate:
        people.append(Delegate(server.url, name))
        return people[-1]

    day = day_of(server.url, delegate)
    assert server.serving is not None
    await day.found(server.serving.founding_links)
    await day.admit()
    await day.enter_earlier()
    await day.prepare()
    await day.sit()
    await day.tell_the_press()
    principal = day.people["a"][Role.PRINCIPAL]
    return day, sorted(people, key=lambda person: person is not principal)


def pages(day: Day) -> dict[str, str]:
    at, talk = f"/d/{day.dialogue}", f"/d/{day.dialogue}/talks/{day.talk}"
    return {
        "home": "/",
        "dialogue": at,
        "talk": talk,
        "review": f"{talk}/review",
        "room": f"{talk}/room",
        "press": f"{talk}/press",
        "understanding": f"{at}/understandings/{day.guarantee}",
        "draft a text": f"{at}/understandings/new",
        "record": f"{at}/record",
        "newsroom": f"/newsroom/{day.sides['a']}",
        "release": f"/newsroom/{day.sides['a']}/{day.releases['a']}",
        "quotes": "/quotes",
    }


async def asked(url: str, clients: Sequence[httpx2.AsyncClient], requests: int) -> list[float]:
    """Seconds of each of `requests` answers, all clients asking at once, each again as soon as it is answered."""
    took: list[float] = []
    left = requests

    async def ask(client: httpx2.AsyncClient) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            at = time.perf_counter()
            answer = await client.get(url)
            took.append(time.perf_counter() - at)
            assert answer.status_code == 200, (url, answer.status_code)

    async with anyio.create_task_group() as tasks:
        for client in clients:
            tasks.start_soon(ask, client)
    return took


def at(took: Sequence[float], share: float) -> float:
    """The quantile in milliseconds: the least value that so many do not exceed."""
    return sorted(took)[min(len(took) - 1, int(share * len(took)))] * 1000


async def sizes(http: httpx2.AsyncClient, url: str) -> dict[str, int]:
    """Bytes that travel for a page, of its bodies, as they are compressed on the way."""
    seen: dict[str, int] = {}
    told = {"page": 0, "assets": 0, "fonts": 0}
    waiting = [url]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        async with http.stream("GET", each) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
            kind = answer.headers.get("content-type", "")
            packed = answer.headers.get("content-encoding") == "gzip"
        seen[each] = len(raw)
        told["page" if each == url else "fonts" if FONT.search(each) else "assets"] += len(raw)
        if kind.startswith(("text/html", "text/css")):
            text = (gzip.decompress(raw) if packed else raw).decode()
            found = [one or other for one, other in ASSET.findall(text)]
            waiting += [urljoin(each, link) for link in found if not link.startswith("data:")]
    return {**told, "without_fonts": told["page"] + told["assets"]}


def spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "least": round(min(values), 1),
        "greatest": round(max(values), 1),
    }


async def main(requests: int, delegates: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder, bind("127.0.0.1", 0) as sock:
        server = ServerProcess(Path(folder) / "data", Path(folder) / "node.log")
        bare = subprocess.Popen(  # noqa: ASYNC220 - ended below; nothing is waited for
            [sys.executable, "-c", TRIVIAL, str(sock.fileno())], pass_fds=[sock.fileno()]
        )
        clients: list[httpx2.AsyncClient] = []
        try:
            await server.start()
            day, people = await played(server)
            tokens = [person.token for person in people]
            for n in range(delegates):
                headers = {
                    "Cookie": f"visavis_session={tokens[n % len(tokens)]}",
                    "Accept": "text/html",
                    "Accept-Encoding": "gzip",
                }
                clients.append(httpx2.AsyncClient(headers=headers, timeout=120))
            paths = {name: server.url + path for name, path in pages(day).items()}
            machine = f"http://{address(sock)}/"
            got: dict[str, dict[str, list[float]]] = {name: {} for name in (*paths, "machine")}

            def note(name: str, **values: float) -> None:
                for key, value in values.items():
                    got[name].setdefault(key, []).append(value)

            for run in range(runs):
                order = [*paths.items(), ("machine", machine)]
                random.Random(run).shuffle(order)
                for name, url in order:
                    await asked(url, clients[:2], 4)  # templates are read, connections made
                    alone = await asked(url, clients[:1], 15)
                    took = await asked(url, clients, requests)
                    note(name, alone_ms=at(alone, 0.5), p50_ms=at(took, 0.5), p99_ms=at(took, 0.99))
            headers = {"Cookie": f"visavis_session={tokens[0]}", "Accept": "text/html"}
            async with httpx2.AsyncClient(headers=headers | {"Accept-Encoding": "gzip"}, timeout=60) as http:
                travel = {name: await sizes(http, url) for name, url in paths.items()}
                made = json.loads((ROOT / "src/visavis/web/static/bundle/manifest.json").read_text())
                scripts = {
                    name: (await sizes(http, f"{server.url}/static/bundle/{file}"))["page"]
                    for name, file in made.items()
                    if file.endswith(".js")
                }
        finally:
            for client in clients:
                await client.aclose()
            bare.terminate()
            bare.wait()
            await server.stop()
    print(json.dumps({**told(got, travel, requests, delegates, runs), "scripts": scripts}, indent=1))


def told(
    got: Mapping[str, Mapping[str, Sequence[float]]],
    travel: Mapping[str, Mapping[str, int]],
    requests: int,
    delegates: int,
    runs: int,
) -> dict[str, Any]:
    floor = statistics.median(got["machine"]["p50_ms"])
    time_of: dict[str, Any] = {}
    for name, measured in got.items():
        time_of[name] = {key: spread(values) for key, values in measured.items()}
        time_of[name]["p50_over_machine"] = round(statistics.median(measured["p50_ms"]) / floor, 1)
    return {
        "requests": requests,
        "delegates": delegates,
        "runs": runs,
        "time": time_of,
        "bytes": travel,
        "load_average": round(os.getloadavg()[0], 1),
        "processors": os.cpu_count(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What a page costs.")
    parser.add_argument("requests", nargs="?", type=int, default=100)
    parser.add_argument("delegates", nargs="?", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    anyio.run(main, given.requests, given.delegates, given.runs)
