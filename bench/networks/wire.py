"""The line between two TUN devices: `python -m bench.networks.wire NEAR FAR SEED`, and the handle of that program.

Lives here: the loop over devices, clock and commands; `Wire`, which starts it; `Line`, a far namespace behind it.
Not here: what a line does to packets (`link`), namespaces (`namespaces`).

A command is a line of JSON on standard input, answered by one on standard output:

    {"far": {"loss": 0.05}, "near": {}}   →   {"far": {"entered": 120, …}, "near": {…}, "late_ms": 0.4}

Named is the end that packets go to, with the conditions from now on (`Conditions`); an end that is not named keeps
its own. Each answer counts from the beginning; `late_ms` is by how much the program itself was late at worst since
the last answer. The program ends with its standard input.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bench.networks.link import CLEAN, Conditions, Path
from bench.networks.namespaces import Namespace

MTU: Final = 1500
AT_ONCE: Final = 64
"""Packets read from a device before the other one has its turn."""
STOP_S: Final = 10.0


@dataclass(slots=True)
class _End:
    """A device, and the path to it."""

    name: str
    file: int
    path: Path
    refused: int = 0


def carry(near: int, far: int, seed: str) -> None:
    """Carry packets between two devices until standard input ends."""
    ends = [_End(n, f, Path(f"{seed}/{n}")) for n, f in (("near", near), ("far", far))]
    to = {near: ends[1], far: ends[0]}
    commands, late_s = sys.stdin.fileno(), 0.0
    while True:
        now = time.monotonic()
        for end in ends:
            for at, packet in end.path.due(now):
                late_s = max(late_s, now - at)
                try:
                    os.write(end.file, packet)
                except OSError:  # the device is down, or full
                    end.refused += 1
        coming = [soon for end in ends if (soon := end.path.next_at) is not None]
        wait = max(0.0, min(coming) - time.monotonic()) if coming else None
        # select, since it alone waits for less than a millisecond in Python.
        ready, _, _ = select.select([near, far, commands], [], [], wait)
        for file in ready:
            if file == commands:
                line = sys.stdin.readline()
                if not line:
                    return
                _obey(json.loads(line), ends, late_s)
                late_s = 0.0
            else:
                _take(file, to[file].path)


def _take(file: int, path: Path) -> None:
    for _ in range(AT_ONCE):
        try:
            packet = os.read(file, MTU)
        except BlockingIOError:
            return
        path.enter(packet, time.monotonic())


def _obey(command: dict[str, Any], ends: list[_End], late_s: float) -> None:
    for end in ends:
        if end.name in command:
            end.path.conditions = Conditions(**command[end.name])
    answer: dict[str, Any] = {e.name: {**asdict(e.path.counts), "refused": e.refused} for e in ends}
    print(json.dumps({**answer, "late_ms": late_s * 1000}), flush=True)


class Wire:
    """The running program between two devices."""

    def __init__(self, near: int, far: int, seed: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.networks.wire", str(near), str(far), seed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=(near, far),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def set(self, *, near: Conditions | None = None, far: Conditions | None = None) -> dict[str, Any]:
        """Change what happens to packets toward an end; what was counted so far. Both left out: only look."""
        assert self._process.stdin is not None and self._process.stdout is not None
        named = {"near": near, "far": far}
        print(
            json.dumps({n: asdict(c) for n, c in named.items() if c is not None}),
            file=self._process.stdin,
            flush=True,
        )
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the line's program has ended")
        counted: dict[str, Any] = json.loads(line)
        return counted

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass(slots=True)
class Line:
    """A far namespace, and the wire to it.

    number: 1 to 254, another one for each line at the same near namespace: its addresses are 10.77.number.*.
    """

    number: int
    far: Namespace
    wire: Wire
    _moved: int = field(default=0)

    @property
    def address(self) -> str:
        """The far end's address."""
        return f"10.77.{self.number}.{2 + self._moved}"

    def both(self, conditions: Conditions) -> dict[str, Any]:
        """The same conditions both ways."""
        return self.wire.set(near=conditions, far=conditions)

    def move(self) -> None:
        """The far end gets another address and loses the one that it had."""
        old, self._moved = self.address, self._moved + 1
        self.far.ip("address", "add", f"{self.address}/24", "dev", "eth0")
        self.far.ip("address", "del", f"{old}/24", "dev", "eth0")


@contextmanager
def line(near: Namespace, number: int, seed: str) -> Iterator[Line]:
    """A clean line from a namespace to a new one that has nothing but it."""
    with ExitStack() as all_:
        far = all_.enter_context(Namespace())
        files = (
            near.device(f"link{number}", f"10.77.{number}.1/24"),
            far.device("eth0", f"10.77.{number}.2/24"),
        )
        for file in files:
            all_.callback(os.close, file)
        far.ip("route", "add", "default", "dev", "eth0")
        wire = Wire(*files, seed)
        all_.callback(wire.close)
        found = Line(number, far, wire)
        found.both(CLEAN)
        yield found


def main() -> None:
    """The program's entry. It goes before ordinary work where it may: a line does not wait for the machine."""
    near, far, seed = sys.argv[1:4]
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    carry(int(near), int(far), seed)


if __name__ == "__main__":
    main()
