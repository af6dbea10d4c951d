"""What /proc says of a process and all its descendants.

Lives here: parsing (pure), and `processor_s`, `memory_mb`, `machine_busy_s`.
Not here: starting processes (`servers`).
Spec: proc(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


class Stat(NamedTuple):
    """A line of /proc/PID/stat: the process, its parent, and ticks spent, user and system.

    ticks: its own, and those of children that have ended and were waited for.
    """

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """A process's stat line. Its name, the second field, may hold spaces and brackets itself."""
    head, _, rest = text.rpartition(")")
    fields = rest.split()
    # proc(5): field 4 is ppid, 14 to 17 utime, stime, cutime, cstime; `rest` begins at field 3.
    return Stat(int(head.split(" ", 1)[0]), int(fields[1]), sum(map(int, fields[11:15])))


def parse_pss_kb(text: str) -> int:
    """The proportional set size of /proc/PID/smaps_rollup, in kB."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError("no Pss")


def parse_busy_ticks(text: str) -> int:
    """Ticks that the whole machine was not idle, from /proc/stat; what a hypervisor stole is not in it."""
    user, nice, system, _idle, _wait, irq, softirq = map(int, text.split("\n", 1)[0].split()[1:8])
    return user + nice + system + irq + softirq


def tree(stats: Iterable[Stat], root: int) -> Mapping[int, Stat]:
    """A process and its descendants; nothing if it is not there."""
    by_parent: dict[int, list[Stat]] = {}
    found: dict[int, Stat] = {}
    for stat in stats:
        by_parent.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            found[root] = stat
    waiting = list(found)
    while waiting:
        for child in by_parent.get(waiting.pop(), ()):
            if child.pid not in found:
                found[child.pid] = child
                waiting.append(child.pid)
    return found


def _tree(root: int) -> Mapping[int, Stat]:
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            stats.append(parse_stat(path.read_text()))
    return tree(stats, root)


def processor_s(root: int) -> float:
    """CPU-seconds, user and system, that a process tree has used."""
    return sum(s.ticks for s in _tree(root).values()) / TICKS_A_SECOND


def memory_mb(root: int) -> float:
    """Proportional set size of a process tree, in MB (10^6 bytes)."""
    kb = 0
    for pid in _tree(root):
        with suppress(FileNotFoundError, ProcessLookupError):
            kb += parse_pss_kb(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return kb * 1024 / 1e6


def machine_busy_s() -> float:
    """CPU-seconds that the machine has worked since its start."""
    return parse_busy_ticks(Path("/proc/stat").read_text()) / TICKS_A_SECOND
