"""The bad networks, and one call over one of them.

Lives here: `Scenario` and the list of them, `Stage` (a server with a publisher beside it), `behind` (a subscriber at
the far end of a line), `watched` (one run of a scenario).
Not here: what a line does (`link`), what came of it (`figures`), asking for several runs (`bench/network.py`).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import jwt
from bench.engines.servers import KEY, SECRET, Place, Server, scheduled, started
from bench.networks.figures import Window, figures
from bench.networks.link import CLEAN, Conditions
from bench.networks.namespaces import Namespace
from bench.networks.seat import HEIGHT, Seat, seated
from bench.networks.wire import Line, line

ADDRESS: Final = "10.77.0.1"
ROOM: Final = "network"
READY_S: Final = 30.0
CUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a line does from a moment on, both ways alike unless said otherwise.

    back:    toward the server, if that is another.
    event:   "cut": nothing passes for ten seconds, then the line is whole; "move": the client's address changes.
    seconds: how long it is watched.
    """

    name: str
    says: str
    line: Conditions = CLEAN
    back: Conditions | None = None
    event: str = ""
    seconds: float = 20.0


_NEAR: Final = Conditions(delay_s=0.02)
"""A line across a country: forty milliseconds there and back."""

SCENARIOS: Final = (
    Scenario("clean", "20 ms each way", _NEAR),
    Scenario("loss-1", "1 % lost each way", replace(_NEAR, loss=0.01)),
    Scenario("loss-5", "5 % lost each way", replace(_NEAR, loss=0.05)),
    Scenario("loss-10", "10 % lost each way", replace(_NEAR, loss=0.10)),
    Scenario("jitter", "20 to 100 ms each way", replace(_NEAR, jitter_s=0.08)),
    Scenario("reorder", "5 % overtaken, by 30 ms", replace(_NEAR, reorder=0.05)),
    Scenario("delay", "200 ms each way", Conditions(delay_s=0.2)),
    Scenario(
        "narrow", "300 kbit/s to the client, 30 kB queue", replace(_NEAR, rate=300_000), _NEAR, seconds=30.0
    ),
    Scenario("cut", "nothing passes for 10 s", _NEAR, event="cut", seconds=30.0),
    Scenario("move", "the client's address changes", _NEAR, event="move", seconds=30.0),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A server in the near namespace, and a publisher beside it."""

    near: Namespace
    server: Server
    publisher: Seat
    folder: Path
    realtime: bool


@contextmanager
def staged(name: str, folder: Path, *, realtime: bool = False) -> Iterator[Stage]:
    """An engine ("ours" or "theirs"), freshly started, and a publisher who sends.

    folder: of all logs. realtime: server and participants go before all ordinary work of the machine (`scheduled`).
    """
    with ExitStack() as all_:
        near = all_.enter_context(Namespace())
        all_.callback(
            os.close, near.device("eth0", f"{ADDRESS}/24")
        )  # never read: what is near goes by loopback
        place = Place(
            ADDRESS, "eth0", near.words, lambda to, limit: near.within(socket.create_connection, to, limit)
        )
        server = all_.enter_context(started(name, realtime=realtime, place=place, folder=folder))
        publisher = all_.enter_context(seated((*scheduled(realtime), *near.words), folder / "publisher.log"))
        publisher.ask("join", url=server.url, token=token("publisher"))
        publisher.ask("publish")
        yield Stage(near, server, publisher, folder, realtime)


@contextmanager
def behind(stage: Stage, number: int, seed: str) -> Iterator[tuple[Line, Seat]]:
    """A line that is clean as yet, and a subscriber at its far end, who is in the room.

    number: as in `line`; another one for each line of a stage at the same time.
    """
    with line(stage.near, number, seed) as found:
        words = (*scheduled(stage.realtime), *found.far.words)
        with seated(words, stage.folder / f"subscriber-{number}.log") as subscriber:
            subscriber.ask("join", url=stage.server.url, token=token(f"subscriber-{number}"))
            yield found, subscriber


def token(identity: str) -> str:
    """A place in the room, for an hour."""
    now = int(time.time())
    grants = {"roomJoin": True, "room": ROOM}
    claims = {"iss": KEY, "sub": identity, "nbf": now - 60, "exp": now + 3600, "video": grants}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def watched(
    name: str, scenario: Scenario, seed: str, folder: Path, *, realtime: bool = False
) -> dict[str, Any]:
    """One run: an engine, freshly started, under a scenario; its figures. What went wrong instead is in "failed"."""
    try:
        with staged(name, folder, realtime=realtime) as stage, behind(stage, 1, seed) as (found, subscriber):
            _ready(subscriber)
            return _watch(scenario, found, subscriber)
    except (RuntimeError, TimeoutError) as e:
        return {"failed": str(e)}


def _ready(subscriber: Seat) -> None:
    """Wait until the subscriber gets everything at its best."""
    seen: dict[str, Any] = {}
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        seen = subscriber.ask("look")
        if seen["lines"] == HEIGHT and seen["sound"] > 100:
            return
        time.sleep(0.1)
    raise TimeoutError(f"the line is clean, and the subscriber has {seen}")


def _watch(scenario: Scenario, found: Line, subscriber: Seat) -> dict[str, Any]:
    toward, back = scenario.line, scenario.back or scenario.line
    found.wire.set(far=toward, near=back)
    time.sleep(1.0)  # the queues of the change of delay itself
    before, begin = subscriber.ask("statistics"), time.monotonic()
    end, after = begin + scenario.seconds, None
    counted = found.wire.set()
    if scenario.event == "cut":
        found.both(Conditions(cut=True))
        time.sleep(CUT_S)
        found.wire.set(far=toward, near=back)
        after = time.monotonic()
    elif scenario.event == "move":
        found.move()
        after = time.monotonic()
    time.sleep(max(0.0, end - time.monotonic()))
    saw = subscriber.saw(begin - 1)
    out = figures(saw, Window(begin, end, after), before, subscriber.ask("statistics"))
    line_now = found.wire.set()
    for name in ("entered", "lost", "dropped"):
        out[f"line_{name}"] = line_now["far"][name] - counted["far"][name]
    out["line_late_ms"] = max(counted["late_ms"], line_now["late_ms"])
    out["load_average"] = os.getloadavg()[0]
    return out
