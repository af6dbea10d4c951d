"""A talk on one page, along its line of phases.

Lives here: `/d/{d}/talks/{t}`. Not here: what a talk is (`talks.model`), the room (`room`), the review (`review`).
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.dialogue.commands import View
from visavis.dialogue.people import PersonView, side_view
from visavis.dialogue.steps import Steps, together
from visavis.press.model import PressView, press_view
from visavis.talks.acts import ItemKind
from visavis.talks.model import Status, TalkView, talk_view, weights
from visavis.web.context import language_of, page
from visavis.web.pages.frame import what_now

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


async def talk(request: Request) -> Response:
    """Everything of one talk; what can be done now comes first."""
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["t"])
    items = seen.agenda.items if seen.agenda is not None else seen.draft
    on_table = [item.id for item in items if item.on_table_ours]
    issues = [item.id for item in items if item.kind is ItemKind.ISSUE]
    over = seen.status in OVER
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
        may_sit=seen.next_sitting is not None or seen.status is Status.SITTING,
        may_prepare=not over,
        may_speak=not over,
        may_end=not over,
    )


routes = [Route("/d/{d}/talks/{t}", talk)]
