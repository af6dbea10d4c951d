"""The frame of a dialogue's pages: the two sides, the way about, the seals and steps that all pages draw. Pure.

Lives here: `Sides`, `Half`, `DoubleSeal`, `Step`, `Phase`, `NavEntry`; `sides_of`, `texts_of`.
Not here: a page's own matter (its module), markup (`templates/`), the model's views (the slices).

"Ours" is the asker's side and stands at the reader's start side; the colour and the rule belong to the side itself
(index 0 or 1 in the dialogue), so that the blue text is the same text on both screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from visavis.dialogue.commands import View
from visavis.dialogue.model import PROFILE
from visavis.web.pages.seal import State


@dataclass(frozen=True, slots=True)
class Side:
    """A side as a page shows it. name: language → name. languages: its own first; empty if it has not said."""

    id: str
    name: Mapping[str, str]
    zone: str
    languages: tuple[str, ...]
    stated: bool


@dataclass(frozen=True, slots=True)
class Sides:
    """us: 0 or 1, the index of our side in the dialogue; it decides colours, not places."""

    dialogue: str
    us: int
    ours: Side
    theirs: Side

    @property
    def zones(self) -> tuple[str, str]:
        return self.ours.zone, self.theirs.zone

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages in which texts of both are written: ours first, then theirs, each once."""
        return tuple(dict.fromkeys((*self.ours.languages, *self.theirs.languages))) or ("en",)

    def named(self, side: str) -> Side:
        return self.ours if side == self.ours.id else self.theirs

    def who(self, side: str) -> str:
        """The class that says where it stands: "ours" or "theirs"."""
        return "ours" if side == self.ours.id else "theirs"


@dataclass(frozen=True, slots=True)
class Half:
    """One half of a double seal. by: who, in which capacity, in words; at: when."""

    state: State
    hash: str | None = None
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DoubleSeal:
    """What both sides have to say to one thing. in_force: both have, to the same."""

    ours: Half
    theirs: Half
    in_force: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do or to wait for, in words; href: where."""

    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    words: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class NavEntry:
    href: str
    words: str


def side_of(view: View, index: int) -> Side:
    """The side at `index` of the dialogue, from its founding entry and its latest profile."""
    state = view.joint.sides[index]
    profile = view.joint.register(index, PROFILE) or {}
    names = dict(state.founding.names) if state.founding is not None else {}
    return Side(
        id=state.id,
        name=names,
        zone=str(profile.get("zone", "UTC")),
        languages=tuple(str(language) for language in profile.get("languages", ())),
        stated=bool(profile),
    )


def sides_of(view: View) -> Sides:
    return Sides(view.joint.dialogue, view.us, side_of(view, view.us), side_of(view, 1 - view.us))


def texts_of(view: View, pairs: Iterable[Iterable[str]]) -> dict[str, str]:
    """[[language, commitment], …] as {language: text}, of what the asker may read; the rest is left out."""
    found: dict[str, str] = {}
    for language, commitment in pairs:
        text = view.text(commitment)
        if text is not None:
            found[language] = text
    return found
