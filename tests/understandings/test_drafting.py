"""Drafting a text: brackets, clause against clause, the thread of versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.talks.table import PRINCIPAL, Table, tabled_last

from visavis.understandings.brackets import Bracket, clauses_of, open_places, parts, taken
from visavis.understandings.errors import OpenBrackets
from visavis.understandings.model import versions
from visavis.understandings.redline import compared

NAMES = {"Side A": "a", "Сторона А": "a", "Side B": "b"}
TEXT: dict[str, Any] = {"kind": "understanding", "title": {"en": "Visas"}}


# --- brackets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none", ["none"]),
        (
            "within [Side A: ten] [Side B: thirty] days",
            [
                "within ",
                Bracket("a", "ten", "[Side A: ten]"),
                " ",
                Bracket("b", "thirty", "[Side B: thirty]"),
                " days",
            ],
        ),
        ("[сторона  а : десять]", [Bracket("a", "десять", "[сторона  а : десять]")]),
        ("[Note: ten]", [Bracket("", "Note: ten", "[Note: ten]")]),
        ("[Side A: ten [or] nine]", [Bracket("a", "ten [or] nine", "[Side A: ten [or] nine]")]),
        ("ten] or", ["ten", Bracket("", "", "]", closed=False), " or"]),
        ("or [ten", ["or ", Bracket("", "ten", "[ten", closed=False)]),
    ],
)
def test_a_bracket_is_the_sides_that_it_names(text: str, found: list[object]) -> None:
    """By its name in any language; any other bracket is nobody's, and one without its other half is one, too."""
    assert list(parts(text, NAMES)) == found


@given(st.lists(st.sampled_from(["[", "]", "Side A: ", "ten ", "\n"]), max_size=40).map("".join))
def test_nothing_of_a_text_is_lost_in_its_parts(text: str) -> None:
    """What is shown is what was signed, whatever brackets it has; and it has some if there is any."""
    made = parts(text, NAMES)
    assert "".join(part if isinstance(part, str) else part.raw for part in made) == text
    any_bracket = any(not isinstance(part, str) for part in made)
    assert any_bracket is bool(open_places({}, {"en": text}, ())) is any(mark in text for mark in "[]")


def test_a_sides_alternatives_are_taken() -> None:
    """The words of that side stand in their place; a bracket that names neither side stays."""
    text = "within [Side A: ten] [Side B: thirty] days[Side A: , at most][Side B: ] [of signing]"
    assert taken(text, "a", NAMES) == "within ten days, at most [of signing]"
    assert taken(text, "b", NAMES) == "within thirty days [of signing]"
    assert taken("[Side A: First.]", "b", NAMES) == ""


def test_places_are_named_by_clause() -> None:
    """The title, clauses by number in any language, undertakings by number."""
    body = {"en": "One.\n\nTwo [or three].", "ru": "[Один].\n \nДва."}
    assert clauses_of(body["ru"]) == ("[Один].", "Два.")
    places = open_places({"en": "A [B]"}, body, [{"en": "none"}, {"en": "]"}])
    assert places == ("title", "clause-1", "clause-2", "undertaking-2")


def tabled(table: Table, s: int, words: str, **fields: Any) -> dict[str, str]:
    """A text tabled by side s; what names it."""
    act = table.do(PRINCIPAL[s], "understandings.table", **TEXT, body={"en": words}, **fields)
    return {"understanding": act["understanding"], "hash": tabled_last(table)}


@pytest.mark.parametrize("command", ["understandings.sign", "understandings.initial"])
def test_a_text_with_open_brackets_is_not_signed(command: str) -> None:
    """Neither side signs or initials it; it may be tabled and declined. Resolved in another version it is signed."""
    table = Table()
    told = tabled(table, 0, "Issued within [Side A: ten] [Side B: thirty] days.")
    sizes = [state.size for state in table.states]
    for s in (0, 1):
        with pytest.raises(OpenBrackets) as refused:
            table.do(PRINCIPAL[s], command, **told)
        assert refused.value.details["places"] == ["clause-1"]
    with pytest.raises(OpenBrackets):
        table.do(PRINCIPAL[0], "understandings.offer", **TEXT, body={"en": "[Ten]"})
    assert [state.size for state in table.states] == sizes
    again = tabled(table, 1, "Issued within ten days.", understanding=told["understanding"])
    for s in (0, 1):
        table.do(PRINCIPAL[s], command, **again)


# --- clause against clause -----------------------------------------------------------------------------


def en(*clauses: str) -> list[dict[str, str]]:
    return [{"en": clause} for clause in clauses]


def test_clauses_are_matched_before_words() -> None:
    """A clause put between others is new by itself; one that is changed is compared with what it was."""
    before = en("Visas are issued within ten days.", "No fee is taken.", "The list is closed.")
    after = en("Visas are issued within thirty days.", "Journalists are named.", "The list is closed.")
    made = compared(before, after)
    assert [(each.before, each.after) for each in made] == [(1, 1), (2, None), (None, 2), (3, 3)]
    assert [each.changed for each in made] == [True, True, True, False]
    assert made[0].lines["en"] == (
        ("equal", "Visas are issued within"),
        ("delete", "ten"),
        ("insert", "thirty"),
        ("equal", "days."),
    )
    assert made[1].lines["en"] == (("delete", "No fee is taken."),)


def test_languages_of_a_clause_stay_together() -> None:
    """A clause whose words changed in one language alone is one row, in both."""
    before = [{"en": "Ten days.", "ru": "Десять дней."}, {"en": "No fee.", "ru": "Без сбора."}]
    after = [{"en": "Ten days.", "ru": "Тридцать дней."}, {"en": "No fee.", "ru": "Без сбора."}]
    first, second = compared(before, after)
    assert (first.before, first.after, first.changed, second.changed) == (1, 1, True, False)
    assert [op for op, _ in first.lines["en"]] == ["equal"]


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d e"]), min_size=1, max_size=4).map(" ".join)


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_a_comparison_holds_both_texts_and_nothing_else(before: list[str], after: list[str]) -> None:
    """Every clause of either text stands in it once, in order, with all its words."""
    made = compared(en(*before), en(*after))
    assert [each.before for each in made if each.before] == list(range(1, len(before) + 1))
    assert [each.after for each in made if each.after] == list(range(1, len(after) + 1))
    for text, left_out, at in ((before, "insert", "before"), (after, "delete", "after")):
        kept = [
            " ".join(words for op, words in each.lines["en"] if op != left_out)
            for each in made
            if getattr(each, at)
        ]
        assert kept == text


# --- the thread ---------------------------------------------------------------------------------------


def test_a_counter_proposal_is_read_against_the_other_sides_last_version() -> None:
    """For both chairs alike; an amendment also against what it would replace."""
    table = Table()
    first = tabled(table, 0, "Ten days.")
    of = {"understanding": first["understanding"]}
    tabled(table, 1, "Thirty days.", **of)
    tabled(table, 1, "Twenty days.", **of)
    last = tabled(table, 0, "Fifteen days.", **of)
    for s in (0, 1):
        table.do(PRINCIPAL[s], "understandings.sign", **last)
    tabled(table, 0, "Sixteen days.", **of)
    for us in (0, 1):
        thread = versions(table.joint, us, of["understanding"])
        assert [version.number for version in thread] == [1, 2, 3, 4, 5]
        assert [[v.number for v in version.against] for version in thread] == [[], [1], [1], [3], [3, 4]]
        assert thread[3].text.hash == last["hash"]
