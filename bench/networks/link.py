"""One direction of a line: packets and times in, packets and times out. Pure.

Lives here: `Conditions`, `Path`, and what a path counts (`Counts`).
Not here: devices and clocks (`wire`).

A packet that enters is lost, or goes through a bottleneck with a bounded queue, and then takes the line's delay. Jitter
keeps the order, as queues do; what is reordered is held back on purpose and overtaken. All chance is drawn from a seed,
and the same number of draws for every packet, so that one condition does not change what another does.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from typing import Final, NamedTuple

BITS: Final = 8


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a direction does to packets from now on.

    cut:          nothing that enters comes out.
    loss:         share that is lost by chance, each packet by itself.
    delay_s:      seconds that every packet takes.
    jitter_s:     up to so much more, evenly spread; order is kept, so one late packet makes those behind it late.
    reorder:      share that is held back by `held_s` and overtaken.
    rate:         bits a second of the bottleneck; None: none.
    queue_bytes:  what may wait before the bottleneck; a packet that finds no room is dropped.
    """

    cut: bool = False
    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorder: float = 0.0
    held_s: float = 0.03
    rate: float | None = None
    queue_bytes: int = 30_000


CLEAN: Final = Conditions()


@dataclass(slots=True)
class Counts:
    """Packets of a direction since its beginning. Those that are under way are in no other count than `entered`."""

    entered: int = 0
    cut: int = 0
    lost: int = 0
    dropped: int = 0
    held: int = 0
    delivered: int = 0
    delivered_bytes: int = 0


class _UnderWay(NamedTuple):
    at: float
    number: int
    packet: bytes


class Path:
    """One direction of a line. Times are seconds of any clock that never goes back."""

    def __init__(self, seed: str, conditions: Conditions = CLEAN) -> None:
        self.conditions = conditions
        self.counts = Counts()
        self._chance = random.Random(seed)
        self._under_way: list[_UnderWay] = []
        self._free_at = 0.0
        self._last_at = 0.0

    def enter(self, packet: bytes, now: float) -> None:
        """A packet comes in. What changes later does not concern it any more."""
        c, counts = self.conditions, self.counts
        counts.entered += 1
        loses, waits, overtaken = (self._chance.random() for _ in range(3))
        if c.cut:
            counts.cut += 1
            return
        if loses < c.loss:
            counts.lost += 1
            return
        leaves = now
        if c.rate is not None:
            begins = max(now, self._free_at)
            if (begins - now) * c.rate / BITS + len(packet) > c.queue_bytes:
                counts.dropped += 1
                return
            leaves = self._free_at = begins + len(packet) * BITS / c.rate
        arrives = leaves + c.delay_s + waits * c.jitter_s
        if overtaken < c.reorder:
            counts.held += 1
            arrives += c.held_s
        else:
            arrives = self._last_at = max(arrives, self._last_at)
        heapq.heappush(self._under_way, _UnderWay(arrives, counts.entered, packet))

    def due(self, now: float) -> list[tuple[float, bytes]]:
        """What has arrived by now, in order: when it was to arrive, and the packet."""
        arrived: list[tuple[float, bytes]] = []
        while self._under_way and self._under_way[0].at <= now:
            at, _, packet = heapq.heappop(self._under_way)
            arrived.append((at, packet))
            self.counts.delivered += 1
            self.counts.delivered_bytes += len(packet)
        return arrived

    @property
    def next_at(self) -> float | None:
        """When the next packet arrives; None if none is under way."""
        return self._under_way[0].at if self._under_way else None
