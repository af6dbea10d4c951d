"""What a subscriber on a bad line saw and heard, as figures. Pure.

Lives here: `Saw`, `Window`, `figures`, `table`.
Not here: seeing (`seat`), lines and what happens to them (`scenarios`).

A freeze is WebRTC's own, at the rate that was sent: no new picture for longer than three pictures take, and than one
takes and 150 ms more. Repeated pictures are none: each carries the sender's clock.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.engines.figures import spread

FPS: Final = 15
FREEZE_S: Final = max(3 / FPS, 1 / FPS + 0.15)
"""W3C, "Identifiers for WebRTC's Statistics API", freezeCount."""
GAP_S: Final = 0.06
"""Sound comes in pieces of ten milliseconds; so long without an audible one is a gap."""
HOLD_S: Final = 1.0
"""Picture or sound is back if it then stays for so long."""


@dataclass(frozen=True, slots=True)
class Saw:
    """What came out of a subscriber's decoders.

    pictures: each new one: seconds of the machine's clock, age in seconds, lines.
    sound:    when each audible piece of ten milliseconds came.
    told:     events of the SDK: when, and its name for it.
    """

    pictures: Sequence[tuple[float, float, int]]
    sound: Sequence[float]
    told: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when, in seconds of the machine's clock; `after`: when the line was whole again."""

    begin: float
    end: float
    after: float | None = None


def gaps(times: Iterable[float], begin: float, end: float, limit: float) -> list[tuple[float, float]]:
    """The stretches between begin and end, longer than `limit`, in which nothing came."""
    found, last = [], begin
    for at in [*(t for t in times if begin <= t <= end), end]:
        if at - last > limit:
            found.append((last, at))
        last = at
    return found


def back_after(times: Iterable[float], since: float, end: float, limit: float) -> float | None:
    """How long after `since` something came that then came on, without a longer gap than `limit`, for a second.

    0 if it never stopped; None if it did not come back before `end`.
    """
    began = last = None
    for at in (t for t in times if since <= t <= end):
        if began is None or last is None or at - last > limit:
            began = at
        last = at
        if at - began >= HOLD_S:
            return 0.0 if began - since <= limit else began - since
    return None


def figures(
    saw: Saw, window: Window, before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, Any]:
    """A run's figures. before, after: the subscriber's own statistics at the window's ends, as `seat` gives them.

    pictures:   new ones that the SDK handed on, by second; it drops some where many come at once. decoded: by second,
                as its statistics say. lines: their height, on average. age_ms, age_p95_ms: since they were taken.
    freezes, frozen_s, longest_s: how often, how long together, the longest.
    gaps, silent_s: of sound. concealed_s: sound that the decoder had to invent, silence included.
    kbps:       received, media alone. resent, nacks, plis: packets that came as repair, and what was asked for.
    resumes:    how often the SDK made its connections anew.
    picture_back_s, sound_back_s: after the line was whole again.
    """
    begin, end = window.begin, window.end
    inside = [p for p in saw.pictures if begin <= p[0] <= end]
    frozen = [b - a for a, b in gaps((p[0] for p in inside), begin, end, FREEZE_S)]
    silent = [b - a for a, b in gaps(saw.sound, begin, end, GAP_S)]
    ages = sorted(p[1] * 1000 for p in inside)

    def more(name: str) -> float:
        # A connection that was made anew counts from nothing.
        now, then = after.get(name, 0.0), before.get(name, 0.0)
        return now - then if now >= then else now

    out: dict[str, Any] = {
        "pictures": len(inside) / (end - begin),
        "decoded": more("decoded") / (end - begin),
        "lines": statistics.fmean(p[2] for p in inside) if inside else 0.0,
        "age_ms": statistics.median(ages) if ages else None,
        "age_p95_ms": ages[int(0.95 * (len(ages) - 1))] if ages else None,
        "freezes": len(frozen),
        "frozen_s": sum(frozen),
        "longest_s": max(frozen, default=0.0),
        "gaps": len(silent),
        "silent_s": sum(silent),
        "concealed_s": more("concealed_samples") / 48_000,
        "kbps": more("bytes") * 8 / 1000 / (end - begin),
        "resent": more("resent"),
        "nacks": more("nacks"),
        "plis": more("plis"),
        "resumes": sum(event == "reconnecting" and begin <= at <= end for at, event in saw.told),
    }
    if (whole := window.after) is not None:
        # A picture that was taken before does not show that pictures come again.
        fresh = (at for at, age, _ in saw.pictures if at - age >= whole)
        out["picture_back_s"] = back_after(fresh, whole, end, FREEZE_S)
        out["sound_back_s"] = back_after(saw.sound, whole, end, GAP_S)
    return out


SHOWN: Final = (
    ("pictures", "pictures/s", 1),
    ("decoded", "decoded/s", 1),
    ("lines", "lines", 0),
    ("age_ms", "age ms", 0),
    ("freezes", "freezes", 0),
    ("frozen_s", "frozen s", 1),
    ("longest_s", "longest s", 1),
    ("concealed_s", "concealed s", 2),
    ("silent_s", "silent s", 2),
    ("resumes", "resumes", 0),
    ("picture_back_s", "picture back s", 1),
    ("sound_back_s", "sound back s", 1),
)


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Median and quartiles of each figure. `missing`: in how many runs it was not there (nothing came back)."""
    out: dict[str, Any] = {"runs": len(runs)}
    for name in dict.fromkeys(n for run in runs for n in run):
        values = [run[name] for run in runs if run.get(name) is not None]
        out[name] = {**(spread(values) or {}), "missing": len(runs) - len(values)}
    return out


def table(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The medians, with their quartiles, as text: by scenario, then by engine, as `summary` gives them."""
    rows = [["scenario", "engine", *(says for _, says, _ in SHOWN)]]
    for scenario, engines in found.items():
        for engine, figure in engines.items():
            cells = [_cell(figure.get(name), digits) for name, _, digits in SHOWN]
            rows.append([scenario, engine, *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _cell(of: Mapping[str, float] | None, digits: int) -> str:
    if of is None:
        return ""
    never = f" ({of['missing']} never)" if of["missing"] else ""
    if "median" not in of:
        return never.strip()
    return f"{of['median']:.{digits}f} ({of['q1']:.{digits}f}–{of['q3']:.{digits}f}){never}"
