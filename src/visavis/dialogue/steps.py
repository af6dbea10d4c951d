"""What can be done now, what is waited for, what comes next: as data. Pure.

Lives here: `Step`, `Steps`.
Not here: which steps there are (each slice's model says), their words (`web` translates the keys).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from visavis.dialogue.acts import Power


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a side can do, or is waited for to do.

    key:     stable, kebab-case: "accept-time"; the page words it in the reader's language.
    params:  ids and hashes that its words and its link need: talk, item, understanding, release, hash, n.
    command: of docs/spec/http.md §3, where one act does it; None where a page must be filled in first.
    power:   what a delegate needs for it; None: any delegate.
    urgent:  whether the other side, or the clock, waits for it. What is not urgent may stay undone.
    """

    key: str
    params: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    power: Power | None = None
    urgent: bool = True


@dataclass(frozen=True, slots=True)
class Steps:
    """now: what our side can do. waiting: what we wait for from the other side. next: what follows then."""

    now: tuple[Step, ...] = ()
    waiting: tuple[Step, ...] = ()
    next: Step | None = None


def together(parts: Iterable[Steps]) -> Steps:
    """The steps of several slices as one: in their order, the first `next` counts; urgent ones first."""
    parts = tuple(parts)
    now = tuple(step for part in parts for step in part.now)
    return Steps(
        tuple(sorted(now, key=lambda step: not step.urgent)),
        tuple(step for part in parts for step in part.waiting),
        next((part.next for part in parts if part.next is not None), None),
    )
