"""One run: a fresh engine, the load client, and what /proc says between the client's phases.

Lives here: `run_trial`, `client_program`.
Not here: what the numbers mean (`figures`), the phases themselves (`load/main.go`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from bench.engines.figures import Run, Scenario
from bench.engines.processes import machine_busy_s, memory_mb, processor_s
from bench.engines.servers import BUILD, KEY, ROOT, SECRET, Server, scheduled, started

CLIENT_LIMIT_S: Final = 180.0
LOAD: Final = ROOT / "bench" / "engines" / "load"


@dataclass(frozen=True, slots=True)
class Clock:
    """How long a run's phases are, in seconds, how fast people join, and when in their periods publishers send.

    together: all at the same moments; else evenly spread, as people who do not know of each other nearly are.
    """

    window_s: float = 10.0
    settle_s: float = 3.0
    joins_per_s: float = 10.0
    together: bool = False


class ClientFailed(Exception):
    """The client ended early, or said why it cannot go on."""


def client_program() -> Path:
    """The load client, built as its go.mod and go.sum pin it. Go keeps what is built already."""
    path = os.pathsep.join([str(ROOT / ".tools/go/bin"), os.environ["PATH"]])
    program = BUILD / "load"
    subprocess.run(
        ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", str(program), "."],
        cwd=LOAD,
        env={**os.environ, "PATH": path, "CGO_ENABLED": "0"},
        check=True,
    )
    return program


def run_trial(
    name: str,
    scenario: Scenario,
    client: Path,
    clock: Clock,
    *,
    realtime: bool = False,
    profile: Path | None = None,
    media_threads: int = 1,
) -> Run:
    """Run a scenario against an engine ("ours" or "theirs") that is started for it alone.

    profile: where perf leaves what it sampled in the window. media_threads: of ours.
    """
    try:
        with (
            started(name, realtime=realtime, media_threads=media_threads) as server,
            _client(client, server, scenario, clock, realtime) as talk,
        ):
            return _follow(server, scenario, clock, talk, profile)
    except (ClientFailed, RuntimeError) as e:
        return Run(name, failure=str(e), load_average=os.getloadavg()[0])


class Talk:
    """The client's lines."""

    def __init__(self, lines: IO[str], answers: IO[str]) -> None:
        self._lines, self._answers = lines, answers

    def await_(self, event: str) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ClientFailed(f"the client ended before {event}")
        told: dict[str, Any] = json.loads(line)
        if told["event"] != event:
            raise ClientFailed(told.get("reason", f"the client said {told['event']} for {event}"))
        return told

    def go_on(self) -> None:
        self._answers.write("\n")
        self._answers.flush()


def _follow(server: Server, scenario: Scenario, clock: Clock, talk: Talk, profile: Path | None = None) -> Run:
    talk.await_("met")
    talk.await_("warm")
    before_mb, before_s = memory_mb(server.pid), processor_s(server.pid)
    talk.go_on()
    talk.await_("live")
    joined_s = processor_s(server.pid)
    talk.go_on()
    talk.await_("steady")
    begun_s, begun_busy_s = processor_s(server.pid), machine_busy_s()
    with _sampled(server.pid, profile):
        talk.await_("over")
    used_s, busy_s = processor_s(server.pid) - begun_s, machine_busy_s() - begun_busy_s
    after_mb, load = memory_mb(server.pid), os.getloadavg()[0]
    r = talk.await_("result")
    talk.go_on()
    return Run(
        engine=server.name,
        wanted=r["wanted"],
        live=r["live"],
        due=r["due"],
        delivered=r["delivered"],
        kpkts_per_cpu_s=r["delivered"] / used_s / 1000 if used_s else 0.0,
        memory_mb=(after_mb - before_mb) / scenario.receivers,
        join_cpu_ms=(joined_s - before_s) * 1000 / scenario.participants,
        p50_ms=r["p50_ms"],
        p99_ms=r["p99_ms"],
        late_p99_ms=r["late_p99_ms"],
        join_ms=r["join_ms"],
        server_cpu=used_s / clock.window_s,
        client_cpu=r["client_cpu"],
        others_cpu=max(0.0, (busy_s - used_s) / clock.window_s - r["client_cpu"]),
        delivered_per_s=r["delivered"] / clock.window_s,
        load_average=load,
        cuts=r["cuts"],
    )


@contextmanager
def _sampled(pid: int, into: Path | None) -> Iterator[None]:
    """Sample a process 4000 times a second of its own CPU time while the block runs."""
    if into is None:
        yield
        return
    command = ["perf", "record", "-q", "-F", "4000", "-e", "cpu-clock", "-p", str(pid), "-o", str(into)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as perf:
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)


@contextmanager
def _client(
    program: Path, server: Server, scenario: Scenario, clock: Clock, realtime: bool
) -> Iterator[Talk]:
    command = [
        *scheduled(realtime),
        str(program),
        f"-url={server.url}",
        f"-key={KEY}",
        f"-secret={SECRET}",
        f"-publishers={scenario.publishers}",
        f"-subscribers={scenario.subscribers}",
        f"-audio={str(scenario.audio).lower()}",
        f"-video={str(scenario.video).lower()}",
        f"-frame-packets={scenario.frame_packets}",
        f"-packet-bytes={scenario.packet_bytes}",
        f"-together={str(clock.together).lower()}",
        f"-joins-per-s={clock.joins_per_s}",
        f"-settle={clock.settle_s}s",
        f"-window={clock.window_s}s",
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # The garbage of a client that is all packets: collected less often it stands less in the way.
        env={**os.environ, "GOGC": "400"},
    ) as process:
        watch = threading.Timer(CLIENT_LIMIT_S, process.kill)
        watch.start()
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Talk(process.stdout, process.stdin)
            process.stdin.close()
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
            watch.cancel()
