"""A relation over time: talks and what was done at them and between them; the condition of the relation as a figure."""

from __future__ import annotations

from dataclasses import replace

from tests.talks.table import ADVISER, OFFICER, PRINCIPAL, Table, agreed_talk, signed_text
from tests.understandings.test_understandings import assess

from visavis.talks.model import relations_of
from visavis.understandings.acts import Verdict
from visavis.web.pages.timeline import SHOWN, Happened, Station, What, curve, folded, stations

OTHER = {"ours": "theirs", "theirs": "ours", "both": "both"}


def told(line: tuple[Station, ...]) -> list[tuple[str, list[tuple[What, str]]]]:
    return [
        (
            station.talk.time.start[:10] if station.talk else "",
            [(each.what, each.who) for each in station.happened],
        )
        for station in line
    ]


def mirrored(each: Happened) -> Happened:
    return replace(each, who=OTHER[each.who], floor=each.floor[::-1] if each.floor else None)


def a_relation() -> Table:
    """A meeting that reached two texts, a talk that sat and reviewed them, and an end between it and the next."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    kept, ended = signed_text(table, first, "Kept"), signed_text(table, first, "Ended", kind="guarantee")
    second = agreed_talk(table, start="2021-10-07T15:00:00Z")
    for s in (0, 1):
        table.do(OFFICER[s], "talks.open-sitting", talk=second, n=1)
    for s in (0, 1):
        table.do(ADVISER[s], "talks.relation", talk=second, grade=("poor", "strained")[s], text={"en": "So."})
        seconds = {table.sides[0]: 100, table.sides[1]: 300}
        table.do(OFFICER[s], "talks.note-floor", talk=second, n=1, seconds=seconds)
    assess(table, 0, second, kept, Verdict.IMPLEMENTED)
    assess(table, 1, second, kept, Verdict.EXTRA_EFFORT)
    assess(table, 1, second, ended, Verdict.NOT_BEGUN)
    table.do(OFFICER[0], "talks.leave-sitting", talk=second, n=1)
    table.do(OFFICER[1], "talks.conclude", talk=second)
    table.do(PRINCIPAL[1], "understandings.end", understanding=ended)
    third = agreed_talk(table, start="2031-12-07T15:00:00Z")
    table.do(ADVISER[0], "talks.relation", talk=third, grade="good", text={"en": "Better."})
    return table


def test_the_time_line_holds_talks_and_what_was_done_at_and_between_them() -> None:
    """In order of time, each side's acts on its own side, the same line from both chairs."""
    table = a_relation()
    line = stations(table.view(PRINCIPAL[0]))
    assert told(line) == [
        ("", [(What.FOUNDED, "both")]),
        ("2021-06-16", [(What.REACHED, "both"), (What.REACHED, "both")]),
        ("2021-10-07", [(What.SAT, "both"), (What.REVIEWED, "both")]),
        ("", [(What.ENDED, "theirs")]),
        ("2031-12-07", []),
    ]
    assert [each.guarantee for each in line[1].happened] == [False, True]
    sat, reviewed = line[2].happened
    assert (sat.floor, reviewed.counts) == ((100, 300), (1, 1))
    assert sat.seconds is not None and sat.seconds > 0
    other = stations(table.view(PRINCIPAL[1]))
    assert [[mirrored(each) for each in station.happened] for station in other] == [
        list(station.happened) for station in line
    ]


def test_a_dialogue_that_has_only_begun_has_its_founding() -> None:
    """Nothing else has happened, and nothing is folded away."""
    line = stations(Table().view(PRINCIPAL[0]))
    assert told(line) == [("", [(What.FOUNDED, "both")])]
    assert folded(line) == ((), line)


def test_a_long_line_is_folded_at_its_beginning() -> None:
    """The latest stand open; one station alone is not worth a fold."""
    line = stations(a_relation().view(PRINCIPAL[0])) * 3
    earlier, latest = folded(line)
    assert (*earlier, *latest) == line
    assert len(latest) == SHOWN
    assert folded(line[: SHOWN + 1])[0] == ()


def test_the_condition_over_the_talks_is_drawn_where_each_side_spoke() -> None:
    """Two talks at the least; better is higher; a side that did not speak has no point."""
    table = a_relation()
    seen = relations_of(table.joint, 0)
    figure = curve(seen)
    assert figure is not None
    (first, second), (alone,) = figure.ours, figure.theirs
    assert first[0] == alone[0] < second[0]
    assert second[1] < alone[1] < first[1] < figure.height
    assert curve(seen[:1]) is None
    assert curve(()) is None
