"""What a run's numbers mean: gates, medians, paired ratios, goals. Pure.

Lives here: `Scenario` and the three of them, `Run`, `why_not`, `compare`.
Not here: where the numbers come from (`trial`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

MIN_DELIVERED: Final = 0.999
MAX_P99_MS: Final = 20.0
"""A run counts only if it serves: a machine that is too busy makes packets cheaper (issue 5, "What decides")."""

AUDIO_PPS: Final = 50
VIDEO_FPS: Final = 30


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who is in the room and what they send.

    subscribers:   0: every publisher receives all others.
    frame_packets: packets of a video frame, sent as one burst, 30 times a second.
    packet_bytes:  payload of a video packet, descriptor included.
    """

    name: str
    says: str
    publishers: int
    subscribers: int
    audio: bool
    video: bool
    frame_packets: int = 8
    packet_bytes: int = 1042

    @property
    def receivers(self) -> int:
        return self.subscribers or self.publishers

    @property
    def participants(self) -> int:
        return self.publishers + self.subscribers

    @property
    def delivered_per_s(self) -> int:
        """Packets a second that all subscribers together should get."""
        sent = self.publishers * (AUDIO_PPS * self.audio + VIDEO_FPS * self.frame_packets * self.video)
        return sent * (self.subscribers or self.publishers - 1)

    def scaled(self, scale: float) -> Scenario:
        """The same with fewer or more packets: by its subscribers, or by the root of it where all receive all."""
        if self.subscribers:
            subscribers, publishers = max(1, round(self.subscribers * scale)), self.publishers
        else:
            subscribers, publishers = 0, max(2, round(self.publishers * sqrt(scale)))
        return Scenario(
            self.name,
            self.says,
            publishers,
            subscribers,
            self.audio,
            self.video,
            self.frame_packets,
            self.packet_bytes,
        )


SCENARIOS: Final = (
    Scenario("audio", "5 audio to 50", 5, 50, audio=True, video=False),
    Scenario("video", "1 video of 2 Mbit/s to 50", 1, 50, audio=False, video=True),
    Scenario("mesh", "10 by 10, audio and video", 10, 0, audio=True, video=True, frame_packets=3),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One engine, freshly started, under one scenario.

    kpkts_per_cpu_s:   thousand packets delivered a CPU-second of the server's process tree, in the window.
    memory_mb:         growth of the tree's PSS from before the first join to the window's end, by receiver.
    join_cpu_ms:       the tree's CPU time from the first join until every subscription is live, by participant.
    p50_ms, p99_ms:    from the publisher's write to the subscriber's read, client included.
    server_cpu, client_cpu, others_cpu: CPU-seconds a second in the window.
    """

    engine: str
    wanted: int = 0
    live: int = 0
    due: int = 0
    delivered: int = 0
    kpkts_per_cpu_s: float = 0.0
    memory_mb: float = 0.0
    join_cpu_ms: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    late_p99_ms: float = 0.0
    join_ms: float = 0.0
    server_cpu: float = 0.0
    client_cpu: float = 0.0
    others_cpu: float = 0.0
    delivered_per_s: float = 0.0
    load_average: float = 0.0
    cuts: int = 0
    failure: str = ""

    @property
    def loss(self) -> float:
        return 1 - self.delivered / self.due if self.due else 1.0


def why_not(run: Run) -> str:
    """Why a run does not count; "" if it does."""
    if run.failure:
        return run.failure
    if run.live < run.wanted or not run.wanted:
        return f"{run.live} of {run.wanted} subscriptions live"
    if run.loss > 1 - MIN_DELIVERED:
        return f"{100 * (1 - run.loss):.2f} % delivered"
    if run.p99_ms >= MAX_P99_MS:
        return f"p99 {run.p99_ms:.1f} ms"
    return ""


METRICS: Final = (
    "kpkts_per_cpu_s",
    "memory_mb",
    "join_cpu_ms",
    "p50_ms",
    "p99_ms",
    "loss",
    "join_ms",
    "delivered_per_s",
    "server_cpu",
    "client_cpu",
    "others_cpu",
    "late_p99_ms",
    "load_average",
)
RATIOS: Final = ("kpkts_per_cpu_s", "memory_mb", "join_cpu_ms", "p50_ms", "p99_ms")


@dataclass(frozen=True, slots=True)
class Goal:
    """A line of issue 5's table.

    of:  "ratio": ours by theirs, or "ours": our figure itself.
    now: what the issue asks; later: where we are going. Both are met at or beyond.
    """

    metric: str
    of: str
    more_is_better: bool
    now: float
    later: float

    def met(self, value: float, bound: float) -> bool:
        return value >= bound if self.more_is_better else value <= bound


_MEMORY: Final = Goal("memory_mb", "ratio", False, 1 / 6, 1 / 16)
_JOIN: Final = Goal("join_cpu_ms", "ours", False, 12.0, 5.0)
GOALS: Final[dict[str, tuple[Goal, ...]]] = {
    "audio": (Goal("kpkts_per_cpu_s", "ratio", True, 1.5, 2.5), _MEMORY, _JOIN),
    "video": (
        Goal("kpkts_per_cpu_s", "ratio", True, 2.0, 3.5),
        Goal("p99_ms", "ratio", False, 1.0, 0.5),
    ),
    "mesh": (Goal("kpkts_per_cpu_s", "ratio", True, 1.5, 2.5),),
}


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Median and quartiles (inclusive method) of values; None of nothing."""
    if not values:
        return None
    if len(values) == 1:
        q1 = median = q3 = values[0]
    else:
        q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return {"q1": q1, "median": median, "q3": q3}


def compare(scenario: Scenario, pairs: Sequence[tuple[Run, Run]]) -> dict[str, Any]:
    """What the pairs (ours, theirs), run one after the other, say together. The shape of a line of `--json`.

    Each engine's figures are of all its runs that count; a ratio needs both of a pair.
    """
    sides = {"ours": [o for o, _ in pairs], "theirs": [t for _, t in pairs]}
    both = [(o, t) for o, t in pairs if not why_not(o) and not why_not(t)]
    line: dict[str, Any] = {
        "scenario": scenario.name,
        "says": scenario.says,
        "publishers": scenario.publishers,
        "subscribers": scenario.subscribers,
        "due_per_s": scenario.delivered_per_s,
        "runs": len(pairs),
        "pairs_counted": len(both),
    }
    for side, runs in sides.items():
        counted = [r for r in runs if not why_not(r)]
        line[side] = {
            "counted": len(counted),
            "not_counted": [reason for r in runs if (reason := why_not(r))],
            **{m: spread([getattr(r, m) for r in counted]) for m in METRICS},
        }
    line["ratio"] = {
        m: spread([getattr(o, m) / getattr(t, m) for o, t in both if getattr(t, m) > 0]) for m in RATIOS
    }
    line["goals"] = [_judge(goal, line) for goal in GOALS.get(scenario.name, ())]
    return line


def _judge(goal: Goal, line: dict[str, Any]) -> dict[str, Any]:
    found = line[goal.of][goal.metric]
    value = found and found["median"]
    return {
        "metric": goal.metric,
        "of": goal.of,
        "value": value,
        "now": goal.now,
        "met": value is not None and goal.met(value, goal.now),
        "later": goal.later,
        "met_later": value is not None and goal.met(value, goal.later),
    }
