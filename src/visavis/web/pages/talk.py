"""A talk on one page, along its line of phases.

Lives here: `/d/{d}/talks/{t}`. Not here: what a talk is (`talks.model`), the room (`room`), the review (`review`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.dialogue.commands import View
from visavis.dialogue.people import PersonView, side_view
from visavis.dialogue.steps import Steps, together
from visavis.dossier.model import PaperView
from visavis.press.model import PressView, press_view
from visavis.talks.acts import ItemKind
from visavis.talks.crossing import Crossing, agendas_differ, crossing, times_differ
from visavis.talks.model import AgendaView, Status, TalkView, TimeView, talk_view, weights
from visavis.web.context import language_of, page
from visavis.web.pages.frame import texts_of, what_now

if TYPE_CHECKING:
    from visavis.node import Node

OVER = (Status.CONCLUDED, Status.CALLED_OFF)


def found(view: View, talk: str) -> TalkView:
    """The talk. Raises 404 if no such talk was proposed."""
    seen = talk_view(view.joint, view.us, talk)
    if seen is None:
        raise HTTPException(404)
    return seen


def people(view: View, index: int) -> dict[str, PersonView]:
    return {person.id: person for person in side_view(view.joint, index).delegates}


def steps_of(view: View, talk: TalkView, press: PressView) -> Steps:
    """What the talk, the texts and the press ask now, in that order. press: of that talk."""
    from visavis.understandings import model as understandings

    return together(
        (
            talk.steps,
            understandings.steps(view.joint, view.us, talk.id),
            press.steps,
        )
    )


def floor_of(talk: TalkView) -> tuple[int, int] | None:
    """Seconds spoken by us and by them over all sittings, as the sides measured them (the mean of both)."""
    ours = theirs = measured = 0
    for sitting in talk.sittings:
        notes = [note for note in (sitting.floor_ours, sitting.floor_theirs) if note is not None]
        if notes:
            measured += 1
            ours += sum(note.ours_s for note in notes) // len(notes)
            theirs += sum(note.theirs_s for note in notes) // len(notes)
    return (ours, theirs) if measured else None


def half_places(twice: int) -> str:
    """A place or a sum of places as people read it; what two share may lie between two. twice: of it, at least 1."""
    return f"{twice // 2 or ''}{'½' if twice % 2 else ''}"


@dataclass(frozen=True, slots=True)
class Crossed:
    """Two seals that cross, for the page. differ: in what the two texts do, as `talks.crossing` names it."""

    ours: TimeView | AgendaView
    theirs: TimeView | AgendaView
    differ: tuple[str, ...]

    @property
    def hashes(self) -> tuple[str, str]:
        return self.ours.hash, self.theirs.hash


def crossed_times(view: View, talk: TalkView) -> Crossed | None:
    found: Crossing[TimeView] | None = crossing(talk.times)
    if found is None:
        return None
    differ = times_differ(found.ours, found.theirs, lambda texts: texts_of(view, texts))
    return Crossed(found.ours, found.theirs, differ)


def crossed_agendas(talk: TalkView) -> Crossed | None:
    found: Crossing[AgendaView] | None = crossing(talk.agendas)
    return (
        None if found is None else Crossed(found.ours, found.theirs, agendas_differ(found.ours, found.theirs))
    )


def pen_of(views: Sequence[TimeView | AgendaView]) -> str:
    """The hash that our side's seal is on, of what is open in one slot; "": on none. A side has one pen (R-P)."""
    return next((v.hash for v in views if v.seal.open and v.seal.ours.stands), "")


async def talk(request: Request) -> Response:
    """Everything of one talk; what can be done now comes first."""
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["t"])
    items = seen.agenda.items if seen.agenda is not None else seen.draft
    on_table = [item.id for item in items if item.on_table_ours]
    issues = [item.id for item in items if item.kind is ItemKind.ISSUE]
    over = seen.status in OVER
    node: Node = request.app.state.node
    under: dict[str, list[PaperView]] = {}
    for each in node.dossier.of(view, seen.id):
        under.setdefault(each.item, []).append(each)
    press = press_view(view.joint, view.us, seen.id)
    return page(
        request,
        "talk.html",
        view=view,
        talk=seen,
        items=items,
        weights=weights(view.joint, view.us, seen.id),
        half_places=half_places,
        open_item=(on_table or issues or [""])[0],
        what=what_now(steps_of(view, seen, press), asker.dialogue, language_of(request), asker.may),
        people_ours=people(view, view.us),
        people_theirs=people(view, 1 - view.us),
        floor=floor_of(seen),
        press=press,
        crossed={"time": crossed_times(view, seen), "agenda": crossed_agendas(seen)},
        pens={"time": pen_of(seen.times), "agenda": pen_of(seen.agendas)},
        papers_under=under,
        papers_count=sum(map(len, under.values())),
        may_sit=seen.next_sitting is not None or seen.status is Status.SITTING,
        may_prepare=not over,
        may_speak=not over,
        may_end=not over,
    )


routes = [Route("/d/{d}/talks/{t}", talk)]
