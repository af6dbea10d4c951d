"""The frame of a dialogue's pages: the two sides, the way about, the steps that all pages show. Pure.

Lives here: `Sides`, `WhatNow`, `Spoken`; `sides_of`, `texts_of`, `what_now`.
Not here: a page's own matter (its module), markup (`templates/`), the model's views (the slices).

"Ours" is the asker's side and stands at the reader's start side; the colour and the rule belong to the side itself
(index 0 or 1 in the dialogue), so that the blue text is the same text on both screens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from visavis.dialogue import chair
from visavis.dialogue.chair import Mark
from visavis.dialogue.commands import View
from visavis.dialogue.erasing import erasures
from visavis.dialogue.model import PROFILE
from visavis.dialogue.steps import Step, Steps
from visavis.web.words import sentences

T = TypeVar("T")


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
class Todo:
    """Something to do or to wait for, in words; href: where, or "". urgent: somebody waits for it."""

    words: str
    href: str = ""
    urgent: bool = True


@dataclass(frozen=True, slots=True)
class WhatNow:
    """What a page of a talk answers first. next: a sentence, or ""."""

    now: tuple[Todo, ...]
    waiting: tuple[Todo, ...]
    next: str


def what_now(steps: Steps, dialogue: str, language: str, may: Callable[[str], bool]) -> WhatNow:
    """Steps as words with their places. may: whether the asker has a power; what they may not do is said so."""

    def ours(step: Step) -> Todo:
        words = sentences.step_ours(step.key, language)
        if step.power is not None and not may(step.power.value):
            return Todo(sentences.not_by_you(words, language), "", step.urgent)
        return Todo(words, step_href(step, dialogue), step.urgent)

    now = _each_once(ours(step) for step in steps.now)
    waiting = _each_once(Todo(sentences.step_theirs(step.key, language)) for step in steps.waiting)
    if steps.next is not None:
        after = sentences.step_next(steps.next.key, language)
    else:
        after = "" if now or waiting else sentences.nothing_waits(language)
    return WhatNow(now, waiting, after)


def _each_once(todos: Iterable[Todo]) -> tuple[Todo, ...]:
    """The same words once, with how often they stood there; the first place counts."""
    kept: dict[str, list[Todo]] = {}
    for todo in todos:
        kept.setdefault(todo.words, []).append(todo)
    return tuple(
        same[0] if len(same) == 1 else replace(same[0], words=f"{words} ({len(same)})")
        for words, same in kept.items()
    )


def step_href(step: Step, dialogue: str) -> str:
    """Where a step is done: a page, and the place on it."""
    at, talk = f"/d/{dialogue}", step.params.get("talk", "")
    here = f"{at}/talks/{talk}" if talk else at
    understanding = step.params.get("understanding", "")
    match step.key:
        case "accept-time" | "crossed-time":
            return f"{here}#time"
        case "propose-item" | "rank-agenda" | "table-agenda":
            return f"{here}#prepare"
        case "approve-agenda" | "crossed-agenda":
            return f"{here}#seals"
        case "state-position" | "table-position":
            return f"{here}#item-{step.params.get('item', '')}"
        case "state-relation":
            return f"{here}#relation"
        case "name-delegation":
            return f"{here}/delegation#name"
        case "enter-room" | "open-sitting":
            return f"{here}/room"
        case "conclude":
            return f"{here}#end"
        case "assess":
            return f"{here}/review"
        case "resolve-brackets":
            return f"{at}/understandings/new?of={understanding}&counter={step.params.get('hash', '')}"
        case "table-text":
            return f"{at}/understandings/new?talk={talk}"
        case _ if understanding:
            return f"{at}/understandings/{understanding}"
        case _:
            return f"{here}/press" if talk else at


def side_of(view: View, index: int) -> Side:
    """The side at `index` of the dialogue, from its founding entry and its latest profile."""
    state = view.joint.sides[index]
    names = dict(state.founding.names) if state.founding is not None else {}
    zone, languages = chair.profile(view.joint, index)
    stated = view.joint.register(index, PROFILE) is not None
    return Side(state.id, names, zone, languages, stated)


def sides_of(view: View) -> Sides:
    return Sides(view.joint.sides[0].dialogue, view.us, side_of(view, view.us), side_of(view, 1 - view.us))


class Spoken(dict[str, T]):
    """language → words, as far as the asker may read them.

    erased: who erased the first that is missing, ours first. damaged: languages in which there are words that this
    node's disk no longer gives.
    """

    erased: tuple[Mark, ...] = ()
    damaged: tuple[str, ...] = ()


def texts_of(view: View, pairs: Iterable[Iterable[str]]) -> Spoken[str]:
    """[[language, commitment], …] as {language: text}, of what the asker may read; the rest is left out."""
    found = Spoken[str]()
    for language, commitment in pairs:
        text = view.text(commitment)
        if text is not None:
            found[language] = text
        elif commitment in view.damaged:
            found.damaged += (language,)
        elif not found.erased:
            found.erased = erasures(view.joint, view.us, commitment)
    return found
