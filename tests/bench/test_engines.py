"""What the engines' bench makes of its numbers: gates, medians, paired ratios, goals, and /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from bench.engines.figures import SCENARIOS, Run, Scenario, compare, spread, why_not
from bench.engines.processes import (
    Stat,
    memory_mb,
    parse_busy_ticks,
    parse_pss_kb,
    parse_stat,
    processor_s,
    tree,
)

AUDIO, VIDEO, MESH = SCENARIOS
GOOD = Run(
    "ours",
    wanted=250,
    live=250,
    due=125_000,
    delivered=125_000,
    kpkts_per_cpu_s=100.0,
    memory_mb=0.4,
    join_cpu_ms=10.0,
    p50_ms=1.0,
    p99_ms=5.0,
)


def test_the_rates_are_those_of_the_issue() -> None:
    """12.5, 12 and 12.6 thousand packets a second."""
    assert [s.delivered_per_s for s in SCENARIOS] == [12_500, 12_000, 12_600]
    assert [s.participants for s in SCENARIOS] == [55, 51, 10]
    assert [s.receivers for s in SCENARIOS] == [50, 50, 10]


def test_a_scale_takes_packets_away() -> None:
    """Half a scenario delivers half the packets, or as near as whole people allow."""
    assert AUDIO.scaled(0.5).delivered_per_s == 6_250
    assert VIDEO.scaled(0.5).delivered_per_s == 6_000
    assert MESH.scaled(0.5).delivered_per_s == 7 * 6 * 140
    assert AUDIO.scaled(1) == AUDIO and MESH.scaled(1) == MESH


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"live": 249}, "249 of 250 subscriptions live"),
        ({"wanted": 0, "live": 0}, "0 of 0 subscriptions live"),
        ({"delivered": 124_875}, ""),
        ({"delivered": 124_874}, "99.90 % delivered"),
        ({"due": 0}, "0.00 % delivered"),
        ({"p99_ms": 19.9}, ""),
        ({"p99_ms": 20.0}, "p99 20.0 ms"),
        ({"failure": "the client ended before live"}, "the client ended before live"),
    ],
)
def test_a_run_counts_only_if_it_serves(changed: dict[str, object], told: str) -> None:
    """Every subscription live, 99.9 % delivered, p99 below 20 ms."""
    assert why_not(replace(GOOD, **changed)) == told


def test_spread_is_median_and_quartiles() -> None:
    """By the inclusive method; one value is its own quartiles, and nothing has none."""
    assert spread([]) is None
    assert spread([3.0]) == {"q1": 3.0, "median": 3.0, "q3": 3.0}
    assert spread([5.0, 1.0, 4.0, 2.0, 3.0]) == {"q1": 2.0, "median": 3.0, "q3": 4.0}


def pair(ours: float, theirs: float, **theirs_changed: object) -> tuple[Run, Run]:
    """Two runs that differ in what a packet costs."""
    o = replace(GOOD, kpkts_per_cpu_s=ours)
    t = replace(GOOD, engine="theirs", kpkts_per_cpu_s=theirs, memory_mb=2.4, **theirs_changed)
    return o, t


def test_ratios_are_of_runs_side_by_side() -> None:
    """The median of the pairs' ratios, not the ratio of medians; a pair counts if both runs do."""
    line = compare(AUDIO, [pair(100, 50), pair(90, 30), pair(80, 80), pair(200, 10, p99_ms=30.0)])
    assert line["runs"] == 4 and line["pairs_counted"] == 3
    assert line["ratio"]["kpkts_per_cpu_s"] == {"q1": 1.5, "median": 2.0, "q3": 2.5}
    assert line["theirs"]["counted"] == 3 and line["theirs"]["not_counted"] == ["p99 30.0 ms"]
    assert line["ours"]["counted"] == 4, "a run of ours counts even where its neighbour does not"
    assert line["ours"]["kpkts_per_cpu_s"]["median"] == 95.0
    json.dumps(line)


def test_goals_are_met_at_their_bound_or_beyond() -> None:
    """More is better for packets, less for memory and processor time."""
    goals = {g["metric"]: g for g in compare(AUDIO, [pair(75, 50)])["goals"]}
    assert goals["kpkts_per_cpu_s"]["met"] and not goals["kpkts_per_cpu_s"]["met_later"]
    assert goals["memory_mb"]["value"] == pytest.approx(1 / 6) and not goals["memory_mb"]["met_later"]
    assert goals["join_cpu_ms"] == {
        "metric": "join_cpu_ms",
        "of": "ours",
        "value": 10.0,
        "now": 12.0,
        "met": True,
        "later": 5.0,
        "met_later": False,
    }


def test_nothing_counted_meets_no_goal() -> None:
    """Where no run counts there is no figure, and no goal is met."""
    line = compare(VIDEO, [pair(500, 10, live=0)])
    assert line["ratio"]["kpkts_per_cpu_s"] is None
    assert [g["met"] for g in line["goals"]] == [False, False]
    line = compare(Scenario("other", "", 1, 1, audio=True, video=False), [])
    assert line["ours"]["kpkts_per_cpu_s"] is None and line["goals"] == []


def test_a_stat_line_with_a_name_that_misleads() -> None:
    """A process may be called anything, brackets and spaces included."""
    line = "42 (a) R 9 (x) S 7 42 42 0 -1 4194304 150 0 0 0 11 5 3 2 20 0 1 0 100 0 0"
    assert parse_stat(line) == Stat(42, 7, 21)


def test_a_tree_is_a_process_and_its_descendants() -> None:
    """Whatever the order in which they are listed; nothing if the root is gone."""
    stats = [Stat(5, 4, 1), Stat(4, 2, 1), Stat(3, 1, 1), Stat(2, 1, 1), Stat(6, 2, 1)]
    assert sorted(tree(stats, 2)) == [2, 4, 5, 6]
    assert sorted(tree(stats, 5)) == [5]
    assert tree(stats, 77) == {}


def test_proc_files_are_read_by_name() -> None:
    """Pss and no other line that begins like it; a machine's ticks without idle, waiting and stolen ones."""
    assert (
        parse_pss_kb("5581-7fff ---p 00000000 00:00 0  [rollup]\nRss: 900 kB\nPss: 801 kB\nPss_Anon: 7 kB\n")
        == 801
    )
    with pytest.raises(ValueError, match="no Pss"):
        parse_pss_kb("Rss: 900 kB\nPss_Anon: 7 kB\n")
    assert parse_busy_ticks("cpu  10 20 30 4000 500 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n") == 73


def test_a_real_tree_has_time_and_memory() -> None:
    """A child's processor time is the tree's, while it runs and after it was waited for."""
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    before = processor_s(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", burn + "input()"], stdin=subprocess.PIPE, text=True
    ) as child:
        own = memory_mb(child.pid)
        assert memory_mb(os.getpid()) > own > 0
        child.communicate("\n")
    assert processor_s(os.getpid()) - before >= 0.19
    assert processor_s(child.pid) == 0
