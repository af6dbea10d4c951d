"""Two rankings by importance merged into one order, fairly. Pure.

Lives here: `merge`, and `weighed`, which says why.
Not here: which items there are, what comes before the issues (`model`).

**The rule.** Each side's ballot gives every item a place; the items are ordered by

    1. the sum of their two places, least first           (Borda's count)
    2. the worse of their two places, least first         (of equal sums, what neither side puts off)
    3. H("tie", talk, item)                               (a hash that no side's name enters)

Items that a side left out share, evenly, the places it did not fill.

**Why it is fair to both.** Nothing in the three steps asks whose ballot is whose, so exchanging the two ballots
changes nothing (anonymity); it asks nothing of an item but its two places (neutrality, but for step 3). What both
sides put before something else stays before it (unanimity). Every ballot of n items, whole or partial, hands out
the same n(n+1)/2 places, so no side gains weight by ranking less, or by ranking nothing: then the other's order
simply stands. With two voters, pairwise majority decides nothing that unanimity does not, and taking turns needs
a first. Step 2 is the weak form of Rawls's maximin: of two items of equal sum it takes up first the one on which
the sides are closer, and not the one that is first for one side and last for the other.

**What it cannot do.** A side can rank against its mind (Gibbard and Satterthwaite: so it is with every such rule),
and who makes an item's id can try ids until the hash suits. Neither matters much: the merged order is a
suggestion, and an agenda is in force only when both sides approve its very text.

Sources: J.-C. de Borda, Mémoire sur les élections au scrutin (1781); K. J. Arrow, A. K. Sen, K. Suzumura (eds),
Handbook of Social Choice and Welfare, vol. 1 (2002), ch. 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from visavis.record.digest import digest


@dataclass(frozen=True, slots=True)
class Weight:
    """Why an item stands where it stands. Least first: `total`, then `worse`, then `lot`.

    one, other: twice the item's place with either side (a shared place may lie between two).
    lot: 0, 1, …: its turn by step 3 among all items of the talk.
    """

    item: str
    one: int
    other: int
    lot: int

    @property
    def total(self) -> int:
        return self.one + self.other

    @property
    def worse(self) -> int:
        return max(self.one, self.other)


def merge(talk: str, items: Iterable[str], one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """The items of a talk in the order that is fair to both rankings.

    items: ids of all items, in any order. one, other: the two sides' rankings, most important first; ids that
    are not items are passed over, and of an id that comes twice the first place counts.
    """
    return tuple(weight.item for weight in weighed(talk, items, one, other))


def weighed(talk: str, items: Iterable[str], one: Sequence[str], other: Sequence[str]) -> tuple[Weight, ...]:
    """As `merge`, with what each item weighs."""
    known = frozenset(items)
    first, second = places(known, one), places(known, other)
    drawn = sorted(known, key=lambda item: digest("tie", talk.encode(), item.encode()))
    weights = (Weight(item, first[item], second[item], lot) for lot, item in enumerate(drawn))
    return tuple(sorted(weights, key=lambda weight: (weight.total, weight.worse, weight.lot)))


def places(items: frozenset[str], ranking: Sequence[str]) -> dict[str, int]:
    """Item → twice its place (1 is most important), so that a shared place is a whole number too."""
    ranked = [item for item in dict.fromkeys(ranking) if item in items]
    out = {item: 2 * place for place, item in enumerate(ranked, 1)}
    shared = len(ranked) + 1 + len(items)
    return {item: out.get(item, shared) for item in items}
