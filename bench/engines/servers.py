"""Either engine as a process of its own, freshly started on loopback, or at another place.

Lives here: `started`, `Place`, and how each is told where to listen.
Not here: building livekit-server (scripts/livekit_server.sh), the load (`trial`).
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "engines"
START_LIMIT_S: Final = 60.0
KEY: Final = "benchkey"
SECRET: Final = "only for the bench, on loopback alone"  # noqa: S105

# Everything else is livekit-server's own default, congestion control included.
LIVEKIT: Final = """\
port: {port}
bind_addresses: ["{address}"]
keys: {{"{key}": "{secret}"}}
logging: {{level: warn, pion_level: error}}
rtc:
  udp_port: {udp_port}
  tcp_port: 0
  use_external_ip: false
  enable_loopback_candidate: true
  node_ip: {address}
  interfaces: {{includes: [{interface}]}}
  stun_servers: ["127.0.0.1:{udp_port}"]
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engine runs: this machine's loopback, or an address in a network namespace.

    words:   what comes before a command that is to run there.
    connect: a TCP connection from there to an address, or OSError.
    """

    address: str = "127.0.0.1"
    interface: str = "lo"
    words: tuple[str, ...] = ()
    connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection


LOOPBACK: Final = Place()


@dataclass(frozen=True, slots=True)
class Server:
    """A running engine. pid: of the root of its process tree. udp_port: of its media."""

    name: str
    pid: int
    url: str
    udp_port: int


def livekit_program() -> Path:
    """livekit-server, built if it is not there."""
    script = ROOT / "scripts" / "livekit_server.sh"
    done = subprocess.run([str(script)], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


def _command(name: str, place: Place, port: int, udp_port: int, log: Path, media_threads: int) -> list[str]:
    if name == "ours":
        keys, threads = f"{KEY}: {SECRET}", ["--media-threads", str(media_threads)]
        where = ["--bind", place.address, "--port", str(port), "--udp-port", str(udp_port)]
        return [sys.executable, "-m", "visavis", "engine", *where, *threads, "--keys", keys]
    config = log.with_suffix(".yaml")
    config.write_text(
        LIVEKIT.format(
            address=place.address,
            interface=place.interface,
            port=port,
            udp_port=udp_port,
            key=KEY,
            secret=SECRET,
        )
    )
    return [str(livekit_program()), "--config", str(config)]


@contextmanager
def started(
    name: str,
    *,
    realtime: bool = False,
    place: Place = LOOPBACK,
    folder: Path = BUILD,
    media_threads: int = 1,
) -> Iterator[Server]:
    """An engine ("ours" or "theirs") that answers, until the block ends.

    folder: of its log. media_threads: of ours. Raises RuntimeError, with the end of its log, if it does not answer
    within a minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    port, udp_port = _free(socket.SOCK_STREAM), _free(socket.SOCK_DGRAM, socket.SOCK_STREAM)
    command = [*scheduled(realtime), *place.words, *_command(name, place, port, udp_port, log, media_threads)]
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            _await(process, place, port, log)
            yield Server(name, process.pid, f"ws://{place.address}:{port}", udp_port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def scheduled(realtime: bool) -> list[str]:
    """The words before a command that put it before all ordinary work of the machine: SCHED_RR, as root alone may.

    `nice` does not do that: where the kernel groups tasks by session it weighs within a session only.
    """
    return ["chrt", "--rr", "1"] if realtime else []


def _await(process: subprocess.Popen[bytes], place: Place, port: int, log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with place.connect((place.address, port), 5) as asked:
                # A port that is open may belong to a server that does not serve yet.
                asked.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
                if b" 200 " in asked.recv(64):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer:\n{log.read_text()[-2000:]}")


def _free(first: socket.SocketKind, *more: socket.SocketKind) -> int:
    """A port of loopback that is free for all of these kinds."""
    while True:
        with ExitStack() as held:
            s = held.enter_context(socket.socket(type=first))
            s.bind(("127.0.0.1", 0))
            port: int = s.getsockname()[1]
            try:
                for kind in more:
                    held.enter_context(socket.socket(type=kind)).bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
