"""All slices at once: the edition of the rule book, every command, the dialogue as a whole for one chair. Pure.

Lives here: `EDITION_1`, `COMMANDS`, `dialogue_view`, `steps`, `waiting`.
Not here: any act or command of its own; slices do not know one another, and meet here.
Spec: docs/spec/record.md §13; docs/spec/http.md §§3–4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from visavis.dialogue import erasing, people, verdicts
from visavis.dialogue import model as dialogue_model
from visavis.dialogue.acts import Rulebook
from visavis.dialogue.commands import Command
from visavis.dialogue.join import Joint
from visavis.dialogue.memo import remembered
from visavis.dialogue.people import SidesView, sides_view
from visavis.dialogue.steps import Step, Steps, together
from visavis.press import errors as press_errors
from visavis.press import model as press_model
from visavis.press import service as press_service
from visavis.press.model import PressView, press_view
from visavis.talks import errors as talks_errors
from visavis.talks import model as talks_model
from visavis.talks import service as talks_service
from visavis.talks.model import RelationView, TalkView, known_talks, relations_of, talk_view
from visavis.understandings import model as understandings_model
from visavis.understandings import service as understandings_service
from visavis.understandings.model import (
    Review,
    UnderstandingView,
    known_understandings,
    review,
    understanding_view,
)

EDITION_1 = Rulebook(
    (*dialogue_model.ACTS, *talks_model.ACTS, *understandings_model.ACTS, *press_model.ACTS),
    {
        **verdicts.EXPLAINED,
        **talks_errors.EXPLAINED,
        **press_errors.EXPLAINED,
    },
)

COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        *people.COMMANDS,
        *erasing.COMMANDS,
        *talks_service.COMMANDS,
        *understandings_service.COMMANDS,
        *press_service.COMMANDS,
    )
}


@remembered
def steps(joint: Joint, us: int, talk: str) -> Steps:
    """What a talk asks of either side now: the talk itself, its texts and review, its press."""
    return together(
        (
            talks_model.steps(joint, us, talk),
            understandings_model.steps(joint, us, talk),
            press_model.steps(joint, us, talk),
        )
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for whom in the whole dialogue; only what somebody else waits for."""

    for_us: tuple[Step, ...]
    for_them: tuple[Step, ...]


def waiting(joint: Joint, us: int) -> Waiting:
    """What waits for us, and for them, in all talks; and texts that belong to no talk."""
    loose = understandings_model.steps(joint, us, None)
    all_steps = together((*(steps(joint, us, talk) for talk in known_talks(joint)), loose))
    return Waiting(tuple(step for step in all_steps.now if step.urgent), all_steps.waiting)


@dataclass(frozen=True, slots=True)
class TalkPart:
    """A talk with what the other slices say of it."""

    talk: TalkView
    review: Review
    press: PressView
    steps: Steps


@dataclass(frozen=True, slots=True)
class DialogueView:
    """A whole dialogue for one chair. Texts are commitments, which the reader opens one by one."""

    ours: str
    theirs: str
    sides: SidesView
    talks: tuple[TalkPart, ...]
    understandings: tuple[UnderstandingView, ...]
    relations: tuple[RelationView, ...]
    waiting: Waiting


def talk_part(joint: Joint, us: int, talk: str) -> TalkPart | None:
    """One talk with its review, its press and all its steps; None if no such talk was proposed."""
    view = talk_view(joint, us, talk)
    if view is None:
        return None
    return TalkPart(view, review(joint, us, talk), press_view(joint, us, talk), steps(joint, us, talk))


def dialogue_view(joint: Joint, us: int) -> DialogueView:
    """Everything of a dialogue that the chair `us` may see."""
    return DialogueView(
        joint.sides[us].id,
        joint.sides[1 - us].id,
        sides_view(joint, us),
        tuple(part for talk in known_talks(joint) if (part := talk_part(joint, us, talk)) is not None),
        tuple(
            view
            for u in known_understandings(joint)
            if (view := understanding_view(joint, us, u)) is not None
        ),
        relations_of(joint, us),
        waiting(joint, us),
    )


def dialogue_json(joint: Joint, us: int) -> dict[str, Any]:
    """`dialogue_view` in JSON's own types."""
    built: dict[str, Any] = msgspec.to_builtins(dialogue_view(joint, us))
    return built
