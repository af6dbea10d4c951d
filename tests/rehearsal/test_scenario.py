"""Reading a scenario: everything that is wrong is named by its place, and nothing else is ever raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.rehearsal.scenario import MAX_BYTES, parse_scenario, read_scenario

PATH = Path(__file__).parents[2] / "examples" / "december" / "scenario.toml"
TEXT = PATH.read_text(encoding="utf-8")


def test_the_example_is_read() -> None:
    """The commented example says what the report says."""
    scenario = read_scenario(PATH)
    assert set(scenario.sides) == {"a", "b"}
    assert [i.id for i in scenario.talk.items if i.kind == "issue"] == ["tension", "expansion", "guarantees"]
    assert scenario.talk.press_call == "if-necessary"
    assert scenario.talk.statement == "not-expected"
    assert {u.by for u in scenario.guarantee.one_sided} == {"b"}


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("title = {", "titel = {", "titel"),
        ('zone = "Europe/Moscow"', "zone = 3", "sides"),
        ("[sides.b]", "[sides.c]", "sides"),
        ('role = "principal", seat = true', 'role = "chair", seat = true', "delegates[0].role"),
        ('{ role = "adviser", seat = true }', '{ role = "principal", seat = true }', "sides.a.delegates"),
        ("minutes = 240", "minutes = -1", "earlier.minutes"),
        ("start = 2021-06-16T11:00:00Z", "start = 2021-06-16T11:00:00", "earlier.start"),
        ('verdict = "implemented"', 'verdict = "done"', "verdict"),
        ('press_call = "if-necessary"', 'press_call = "perhaps"', "talk.press_call"),
        ('grade = "poor"', 'grade = "sad"', "talk.relation"),
        ('id = "expansion"', 'id = "tension"', "talk.items"),
        ('a = ["tension", "expansion", "guarantees"]', 'a = ["tension", "guarantees"]', "talk.rankings.a"),
        ('item = "guarantees"\nby', 'item = "guarantee"\nby', "guarantee.item"),
        ('role = "adviser", item', 'role = "press-officer", item', "room.turns[6]"),
        ('item = "relation", seconds', 'item = "weather", seconds', "room.turns[2]"),
        ("seconds = 3 }", "seconds = 0 }", "room.turns[0].seconds"),
        ('initials = "PS"', 'initials = ""', "press.a.initials"),
        ('finding = "verbatim"', 'finding = "true"', "press.quotations[0].finding"),
        ("[talk]", "[talk", "line"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(old: str, new: str, place: str) -> None:
    """One change of the example, one error, one place."""
    assert old in TEXT
    with pytest.raises(Malformed) as raised:
        parse_scenario(TEXT.replace(old, new, 1).encode(), "day.toml")
    assert raised.value.message.startswith("day.toml: ")
    assert place in raised.value.message
    assert "\n" not in raised.value.message


def test_both_sides_judge_every_understanding() -> None:
    """An assessment that is missing is named with its understanding."""
    line = next(each for each in TEXT.splitlines() if each.startswith("assessments.b"))
    with pytest.raises(Malformed, match="'ambassadors': assessments"):
        parse_scenario(TEXT.replace(line, "", 1).encode())


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """Other bytes than UTF-8, a file that is not there, and one above the budget."""
    with pytest.raises(Malformed, match="byte 1"):
        parse_scenario(b"a\xff")
    with pytest.raises(Malformed, match="nothing"):
        read_scenario(tmp_path / "nothing.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(Malformed, match="1 MiB"):
        read_scenario(tmp_path / "large.toml")


@given(st.binary(max_size=300))
def test_any_bytes_are_malformed_or_a_scenario(data: bytes) -> None:
    """No bytes raise anything but `Malformed`."""
    with pytest.raises(Malformed):
        parse_scenario(data)


def test_depth_is_no_way_in() -> None:
    """Brackets in brackets end as `Malformed`, not as the interpreter's own limit."""
    with pytest.raises(Malformed):
        parse_scenario(b"a = " + b"[" * 100_000)
