"""The report: one page that needs nothing beside itself, and the same as JSON."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.rehearsal.test_facts import RECORDED, SCENARIO, fresh, judged, observation, too_few_frames

from visavis.errors import Unavailable
from visavis.rehearsal.play import Observed, StepTaken
from visavis.rehearsal.report import page, plots, summary, write_report

LOAD = {"cpu_s": 4.0, "wall_s": 40.0, "packets": 40_000}


class _Addresses(HTMLParser):
    """Every address that a page would fetch or follow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [v or "" for name, v in attrs if name in ("src", "href", "srcset", "action", "data")]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    case = fresh()
    observed = observation(case)
    write_report(out, SCENARIO, observed, judged(case), case["account"], LOAD, 42.0, None)
    return out


def test_the_page_needs_nothing_beside_itself(written: Path) -> None:
    """No script, no style sheet, no picture and no font of elsewhere."""
    text = (written / "report.html").read_text(encoding="utf-8")
    addresses = _Addresses(text)
    assert addresses.found
    assert all(address.startswith("data:") for address in addresses.found)
    assert not addresses.tags & {"script", "link", "iframe", "object"}
    assert "url(" not in text
    assert "@import" not in text
    assert text.count("● held") == 12


def test_the_json_says_where_each_fact_happened(written: Path) -> None:
    """`facts.S1.held` and `facts.S1.where`, every seat, what was signed and refused, the verifier's account."""
    report = json.loads((written / "report.json").read_text(encoding="utf-8"))
    assert report["held"] is True
    assert report["failure"] is None
    assert set(report["facts"]) == {f"S{n}" for n in range(1, 13)}
    assert all(fact["held"] is True and fact["where"] for fact in report["facts"].values())
    assert len(report["seats"]) == 4
    for seat in report["seats"].values():
        assert len(seat["saw"]) == 3
        assert all(s["frames_decoded"] > 0 and s["audio_s"] > 0 for s in seat["saw"].values())
    assert report["node"]["packets_per_cpu_s"] == 10_000
    assert report["signed"] == RECORDED["observed"]["signed"]
    assert {each["code"] for each in report["refused"]} >= {"one-sided-guarantee"}
    assert report["record"]["holds"] is True


def test_equal_measures_make_equal_plots() -> None:
    """The plots are the same bytes for the same observation, and well-formed."""
    first = plots(SCENARIO, observation(fresh()))
    assert set(first) == {"frames", "latency", "floor"}
    assert first == plots(SCENARIO, observation(fresh()))
    for svg in first.values():
        assert "<svg" in svg
        assert not re.search(r"<dc:date>", svg)


def test_one_fact_that_fell_is_shown_as_fallen() -> None:
    """Whatever else held, the report does not hold, and marks the fact."""
    case = fresh()
    too_few_frames(case)
    observed = observation(case)
    report = summary(SCENARIO, observed, judged(case), case["account"], LOAD, 42.0, None)
    assert report["held"] is False
    text = page(SCENARIO, observed, report)
    assert "Not everything held" in text
    assert text.count("did not hold") == 1


def test_a_record_that_does_not_verify_is_no_success() -> None:
    """Twelve facts and a record that fails: the whole does not hold."""
    case = fresh()
    found = judged(case)
    account = {**case["account"], "holds": False}
    report = summary(SCENARIO, observation(case), found, account, LOAD, 42.0, None)
    assert report["held"] is False


def test_a_day_that_ended_early_says_how_far_it_came(tmp_path: Path) -> None:
    """A failure before the dialogue existed still leaves a report, with its reason and the steps until then."""
    observed = Observed(steps=[StepTaken("Both sides found the dialogue", 0.1, 0.2)])
    load = {"cpu_s": 0.0, "wall_s": 1.0, "packets": 0}
    account = {"holds": False, "agreements": [], "faults": []}
    failure = Unavailable("the node ended & <left>")
    report = write_report(tmp_path, SCENARIO, observed, {}, account, load, 1.0, failure)
    assert report["held"] is False
    assert report["failure"] == {
        "error": "Unavailable",
        "message": "the node ended & <left>",
        "step": "Both sides found the dialogue",
    }
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "at “Both sides found the dialogue”: the node ended &amp; &lt;left&gt;" in text
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == report
