"""Two rankings merged fairly: what holds whoever's ranking is whose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from visavis.talks.ranking import merge, places, weighed

ITEMS = [f"item-{n}" for n in range(7)]
BALLOT = st.lists(st.sampled_from(ITEMS), unique=True)
WHOLE = st.permutations(ITEMS)


@given(BALLOT, BALLOT)
def test_exchanging_the_sides_changes_nothing(one: list[str], other: list[str]) -> None:
    """The merged order is the same from both chairs."""
    assert merge("t", ITEMS, one, other) == merge("t", ITEMS, other, one)


@given(BALLOT, BALLOT, st.permutations(ITEMS))
def test_the_order_in_which_items_came_does_not_matter(
    one: list[str], other: list[str], items: list[str]
) -> None:
    """Who proposed an item first gives it no place; the same ballots always give the same order."""
    assert merge("t", items, one, other) == merge("t", ITEMS, one, other)


@given(BALLOT, BALLOT)
def test_every_item_comes_once(one: list[str], other: list[str]) -> None:
    """Nothing is lost and nothing comes twice, ranked or not."""
    assert sorted(merge("t", ITEMS, one, other)) == ITEMS


@given(WHOLE)
def test_a_unanimous_order_is_kept(order: list[str]) -> None:
    """If both rank alike, that is the agenda."""
    assert merge("t", ITEMS, order, order) == tuple(order)


@given(WHOLE, WHOLE)
def test_what_both_put_before_stays_before(one: list[str], other: list[str]) -> None:
    """Where both put x before y, the merged order does too."""
    merged = merge("t", ITEMS, one, other)
    for x in ITEMS:
        for y in ITEMS:
            if one.index(x) < one.index(y) and other.index(x) < other.index(y):
                assert merged.index(x) < merged.index(y)


@given(BALLOT)
def test_no_ballot_weighs_more_than_another(ballot: list[str]) -> None:
    """Every ballot, whole, partial or empty, hands out the same sum of places."""
    n = len(ITEMS)
    assert sum(places(frozenset(ITEMS), ballot).values()) == n * (n + 1)


@given(WHOLE)
def test_a_side_that_ranks_nothing_leaves_the_other_its_order(order: list[str]) -> None:
    """An empty ballot prefers nothing, so the other side's order stands."""
    assert merge("t", ITEMS, order, ()) == tuple(order)


@given(BALLOT, BALLOT)
def test_repeats_and_strangers_count_nothing(one: list[str], other: list[str]) -> None:
    """An item named twice counts at its first place; one that is not on the table is passed over."""
    assert merge("t", ITEMS, [*one, *one, "stranger"], ["stranger", *other]) == merge("t", ITEMS, one, other)


def test_of_equal_sums_the_one_that_neither_puts_off_comes_first() -> None:
    """First for one and last for the other gives way to what is second for both."""
    assert merge("t", ["x", "y", "z"], ["x", "y", "z"], ["z", "y", "x"])[0] == "y"


def test_ties_do_not_favour_a_side() -> None:
    """Over many talks, a tie between each side's favourite goes to either about as often."""
    won = sum(merge(f"talk-{n}", ["x", "y"], ["x", "y"], ["y", "x"])[0] == "x" for n in range(400))
    assert 140 < won < 260


@given(BALLOT, BALLOT)
def test_what_an_item_weighs_is_why_it_stands_there(one: list[str], other: list[str]) -> None:
    """The order is that of the weights, and exchanging the sides exchanges the two places and nothing else."""
    weights = weighed("t", ITEMS, one, other)
    assert tuple(weight.item for weight in weights) == merge("t", ITEMS, one, other)
    assert list(weights) == sorted(weights, key=lambda w: (w.total, w.worse, w.lot))
    mirrored = weighed("t", ITEMS, other, one)
    assert [(w.item, w.one, w.other, w.lot) for w in weights] == [
        (w.item, w.other, w.one, w.lot) for w in mirrored
    ]
