"""The rehearsal's report: one self-contained page, and the same as JSON.

Lives here: `write_report`, the plots. Not here: what decides (`facts`), what was seen (`play`).

A page that a protocol officer reads on the eve: what held, what did not, where to look. Plots are SVG in
`<img data:>`, so that the page needs nothing beside itself.
"""

from __future__ import annotations

import base64
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from visavis.errors import VisavisError
from visavis.rehearsal.facts import Fact
from visavis.rehearsal.play import CHAIRS, Observed
from visavis.rehearsal.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, HAIR, PAPER = "#1B1F23", "#D8D3C7", "#FBFAF7"
SIDE = {"a": "#1C4B82", "b": "#8A4A07"}


def write_report(
    out: Path,
    scenario: Scenario,
    observed: Observed,
    found: Mapping[str, Fact],
    account: Mapping[str, Any],
    load: Mapping[str, float],
    took_s: float,
    failure: BaseException | None,
) -> dict[str, Any]:
    """Write `report.json` and `report.html` into `out`; returns what the JSON says.

    load: the node's `cpu_s`, `wall_s`, `packets` while the day was played. failure: what ended it early, if anything.
    """
    report = summary(scenario, observed, found, account, load, took_s, failure)
    (out / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    (out / "report.html").write_text(page(scenario, observed, report))
    return report


def summary(
    scenario: Scenario,
    observed: Observed,
    found: Mapping[str, Fact],
    account: Mapping[str, Any],
    load: Mapping[str, float],
    took_s: float,
    failure: BaseException | None,
) -> dict[str, Any]:
    """The report as JSON values. Times in seconds, latencies in milliseconds."""
    failed = None
    if failure is not None:
        step = observed.steps[-1].name if observed.steps else None
        failed = {"error": type(failure).__name__, "message": str(failure), "step": step}
    seats = {name: _seat(measure, observed) for name, measure in observed.seats.items()}
    held = failure is None and len(found) == 12 and all(f.held for f in found.values())
    return {
        "title": scenario.title,
        "held": held and bool(account.get("holds")),
        "failure": failed,
        "took_s": round(took_s, 1),
        "facts": {name: asdict(fact) for name, fact in found.items()},
        "seats": seats,
        "floor_s": observed.floor,
        "signed": observed.signed,
        "refused": observed.refusals,
        "steps": [asdict(step) for step in observed.steps],
        "node": {
            "cpu_s": round(load["cpu_s"], 2),
            "wall_s": round(load["wall_s"], 1),
            "packets": int(load.get("packets", 0)),
            "packets_per_cpu_s": round(load.get("packets", 0) / load["cpu_s"]) if load["cpu_s"] else 0,
        },
        "record": account,
        "ids": observed.ids,
    }


def _seat(measure: Mapping[str, Any], observed: Observed) -> dict[str, Any]:
    by_device = {m["device"]: name for name, m in observed.seats.items()}
    saw = {}
    for device, watched in measure["watched"].items():
        delays = sorted(watched["latencies_ms"])
        saw[by_device.get(device, device)] = {
            "frames_decoded": watched["frames"],
            "first_frame_ms": watched["first_frame_ms"],
            "audio_s": round(watched["audio_s"], 1),
            "voiced_s": round(watched["voiced_s"], 1),
            "latency_ms": {
                "median": statistics.median(delays) if delays else None,
                "p95": delays[int(0.95 * (len(delays) - 1))] if delays else None,
                "stamped_frames": len(delays),
            },
        }
    packets, lost = measure["inbound"]["packets"], measure["inbound"]["lost"]
    return {
        "join_took_ms": measure["join_took_ms"],
        "spoken_s": measure["spoken_s"],
        "packets_received": packets,
        "packets_lost": lost,
        "loss": round(lost / (packets + lost), 5) if packets + lost else 0.0,
        "notices": measure["notices"],
        "plain_tracks_refused": measure["refused_plain"],
        "saw": saw,
    }


# --- plots --------------------------------------------------------------------------------------------


def plots(scenario: Scenario, observed: Observed) -> dict[str, str]:
    """name → SVG. Deterministic for equal measures."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {
        "svg.hashsalt": "visavis",
        "font.family": ["DejaVu Sans"],  # what matplotlib carries itself
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
    }
    made = {}
    if observed.seats:
        made["frames"] = _svg(lambda ax: _frames(ax, observed), 7.2, 2.8)
        made["latency"] = _svg(lambda ax: _latency(ax, observed), 7.2, 0.5 + 0.42 * len(observed.seats))
    if observed.floor:
        made["floor"] = _svg(lambda ax: _floor(ax, scenario, observed), 7.2, 1.6)
    return made


def _svg(draw: Any, width: float, height: float) -> str:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    draw(axes)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return text.getvalue()


def _frames(axes: Axes, observed: Observed) -> None:
    """Frames decoded a second, at each seat, of all others together."""
    for name, measure in sorted(observed.seats.items()):
        sums: dict[int, int] = {}
        for watched in measure["watched"].values():
            for second, count in watched["per_second"].items():
                sums[int(second)] = sums.get(int(second), 0) + count
        seconds = sorted(sums)[:-1]
        style = "-" if name.startswith("Principal") else "--"
        colour = SIDE["a" if name.endswith("A") else "b"]
        axes.plot(seconds, [sums[s] for s in seconds], style, color=colour, label=name, linewidth=1.4)
    axes.set_xlabel("seconds since joining")
    axes.set_ylabel("frames decoded / s")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=HAIR, linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, ncols=2)


def _latency(axes: Axes, observed: Observed) -> None:
    """Capture to decoded picture, at each seat: median, quartiles, 5th to 95th percentile."""
    names = sorted(observed.seats, reverse=True)
    values = [
        [x for w in observed.seats[name]["watched"].values() for x in w["latencies_ms"]] or [0]
        for name in names
    ]
    boxes = axes.boxplot(
        values,
        orientation="horizontal",
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        widths=0.55,
        medianprops={"color": INK},
    )
    for box, name in zip(boxes["boxes"], names, strict=True):
        box.set_facecolor(SIDE["a" if name.endswith("A") else "b"] + "40")
    axes.set_yticks(range(1, len(names) + 1), names)
    axes.set_xlabel("milliseconds from capture to decoded picture")
    axes.set_xlim(left=0)
    axes.grid(axis="x", color=HAIR, linewidth=0.6)


def _floor(axes: Axes, scenario: Scenario, observed: Observed) -> None:
    """Floor time of the two sides, growing from the spine, as both sides measured it (mean)."""
    seconds = {c: sum(observed.floor[x][c] for x in CHAIRS) / 2 for c in CHAIRS}
    axes.barh([0], [-seconds["a"]], color=SIDE["a"], height=0.5)
    axes.barh([0], [seconds["b"]], color=SIDE["b"], height=0.5)
    axes.axvline(0, color=INK, linewidth=1.5)
    edge = max(*seconds.values(), 1) * 1.25
    axes.set_xlim(-edge, edge)
    axes.set_yticks([])
    for chair, sign in (("a", -1), ("b", 1)):
        words = f"{scenario.sides[chair].name.get('en', chair)}: {seconds[chair]:.1f} s"  # type: ignore[index]
        axes.text(sign * edge, 0.36, words, ha="left" if sign < 0 else "right", va="bottom")
    axes.set_ylim(-0.4, 0.7)
    axes.spines["left"].set_visible(False)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


# --- the page -----------------------------------------------------------------------------------------


def page(scenario: Scenario, observed: Observed, report: Mapping[str, Any]) -> str:
    """The report as one HTML page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("visavis.rehearsal", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    style = (files("visavis.rehearsal") / "templates" / "report.css").read_text()
    try:
        drawn = plots(scenario, observed)
    except ImportError as error:  # the extra `visavis[rehearsal]` brings matplotlib
        raise VisavisError("the report's plots need matplotlib: install visavis[rehearsal]") from error
    return environment.get_template("report.html").render(
        report=report, plots=drawn, style=style, acts=_counted(observed.signed)
    )


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _counted(signed: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """(act, by side a, by side b), in order of first use."""
    counts: dict[str, list[int]] = {}
    for each in signed:
        counts.setdefault(each["act"], [0, 0])[CHAIRS.index(each["side"])] += 1
    return [(act, a, b) for act, (a, b) in counts.items()]
