"""Two seals on two different texts: each side has sealed another time, or another agenda. Pure.

Lives here: `crossing` (which two), `times_differ`, `agendas_differ` (in what).
Not here: the rules that let it come about (record.md §5.2: concurrent offers do not decline one another), seals
(`dialogue.chair`), words and figures (`web`).

It comes about when both sides sign before either has heard of the other. Nothing is in force, both pens are in use, and
nothing ends it but a withdrawal that is heard, or a decline: of either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from visavis.dialogue.chair import DoubleSeal
from visavis.dialogue.texts import Texts

if TYPE_CHECKING:
    from visavis.talks.model import AgendaView, TimeView


class Sealed(Protocol):
    """What two sides may seal: a time, an agenda."""

    @property
    def hash(self) -> str: ...

    @property
    def seal(self) -> DoubleSeal: ...


V = TypeVar("V", bound=Sealed)


@dataclass(frozen=True, slots=True)
class Crossing(Generic[V]):
    """ours: what we have sealed; theirs: what they have."""

    ours: V
    theirs: V


def crossing(views: Iterable[V]) -> Crossing[V] | None:
    """The two of one slot that cross; None while no two do."""
    live = [view for view in views if view.seal.open]
    ours = next((v for v in live if v.seal.ours.stands), None)
    theirs = next((v for v in live if v.seal.theirs.stands), None)
    if ours is None or theirs is None or ours.hash == theirs.hash:
        return None
    return Crossing(ours, theirs)


Say = Callable[[Texts], object]
"""A text as its reader reads it: two commitments to the same words differ, and the words do not."""


def times_differ(ours: TimeView, theirs: TimeView, say: Say) -> tuple[str, ...]:
    """In what two times differ, of "start", "minutes", "mode", "place", "title", in that order."""
    found = {
        "start": ours.start != theirs.start,
        "minutes": ours.minutes != theirs.minutes,
        "mode": ours.mode != theirs.mode,
        "place": say(ours.place) != say(theirs.place),
        "title": say(ours.title) != say(theirs.title),
    }
    return tuple(name for name, differs in found.items() if differs)


def agendas_differ(ours: AgendaView, theirs: AgendaView) -> tuple[str, ...]:
    """In what two agendas differ, of "items", "order", "press-call", "statement", in that order.

    "order": of the items that stand on both.
    """
    one, other = ([item.id for item in agenda.items] for agenda in (ours, theirs))
    found = {
        "items": set(one) != set(other),
        "order": [item for item in one if item in other] != [item for item in other if item in one],
        "press-call": ours.press_call != theirs.press_call,
        "statement": ours.statement != theirs.statement,
    }
    return tuple(name for name, differs in found.items() if differs)
