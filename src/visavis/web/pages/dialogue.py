"""A dialogue at a glance: its talks on a time line, understandings by state, the course of the relation, people.

Lives here: `/d/{d}`, `card` (a dialogue on the home page).
Not here: what any of it means (the slices), the talk itself (`talk`), who is invited (`invitations`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import Asker, load
from visavis.dialogue.acts import Power
from visavis.dialogue.commands import View
from visavis.dialogue.erasing import names_of
from visavis.dialogue.model import DEFAULT_POWERS, Role
from visavis.dialogue.people import SidesView, sides_view
from visavis.press.model import press_view
from visavis.talks.model import RelationView, Status, TalkSummary, relations_of, talk_view, talks_of
from visavis.understandings import model as understandings
from visavis.web.context import language_of, page
from visavis.web.pages.frame import Sides, WhatNow, sides_of, what_now
from visavis.web.pages.talk import steps_of
from visavis.web.pages.timeline import GRADES, curve, folded, stations

ALIVE = (Status.SITTING, Status.BETWEEN, Status.SCHEDULED, Status.PROPOSED)


@dataclass(frozen=True, slots=True)
class Card:
    """A dialogue in short. talk: the one that matters now, or None. held: talks concluded."""

    sides: Sides
    talk: TalkSummary | None
    what: WhatNow | None
    held: int
    in_force: int
    relation: RelationView | None


def at_hand(talks: tuple[TalkSummary, ...]) -> TalkSummary | None:
    """The talk that matters now: one that sits, else the next to come, else the latest."""
    for status in ALIVE:
        for talk in talks:
            if talk.status is status:
                return talk
    return talks[-1] if talks else None


def _what(view: View, asker: Asker, request: Request, talk: TalkSummary | None) -> WhatNow | None:
    seen = None if talk is None else talk_view(view.joint, view.us, talk.id)
    if seen is None:
        return None
    press = press_view(view.joint, view.us, seen.id)
    return what_now(steps_of(view, seen, press), asker.dialogue, language_of(request), asker.may)


def card(view: View, asker: Asker, request: Request) -> Card:
    """The dialogue for the home page."""
    talks = talks_of(view.joint, view.us)
    now = at_hand(talks)
    relations = relations_of(view.joint, view.us)
    states = Counter(line.status for line in understandings.register(view.joint, view.us))
    return Card(
        sides=sides_of(view),
        talk=now,
        what=_what(view, asker, request, now),
        held=sum(talk.status is Status.CONCLUDED for talk in talks),
        in_force=states[understandings.Status.IN_FORCE],
        relation=relations[-1] if relations else None,
    )


async def dialogue(request: Request) -> Response:
    asker, view = await load(request, request.path_params["d"])
    talks = talks_of(view.joint, view.us)
    now = at_hand(talks)
    register = understandings.register(view.joint, view.us)
    groups = [
        (status, [line for line in register if line.status is status]) for status in understandings.Status
    ]
    people: SidesView = sides_view(view.joint, view.us)
    relations = relations_of(view.joint, view.us)
    earlier, latest = folded(stations(view))
    return page(
        request,
        "dialogue.html",
        view=view,
        talks=talks,
        at_hand=now,
        what=_what(view, asker, request, now),
        groups=[(status, lines) for status, lines in groups if lines],
        earlier=list(earlier),
        latest=list(latest),
        relations=relations,
        curve=curve(relations),
        grades=GRADES,
        people=people,
        enrolments=list(view.enrolments.values()) if asker.may("admit") else [],
        roles=[role.value for role in Role],
        powers={role.value: sorted(power.value for power in DEFAULT_POWERS[role]) for role in Role},
        all_powers=[power.value for power in Power],
        names=names(view, people) if asker.may("admit") else [],
        next_url=request.app.state.node.settings.next_url or "",
    )


def names(view: View, people: SidesView) -> list[tuple[str, str, str]]:
    """("ours" or "theirs", name, commitment) of every name that our side still holds, earlier ones of a person too."""
    joint, us = view.joint, view.us
    return [
        (who, words, commitment)
        for who, s, side in (("ours", us, people.ours), ("theirs", 1 - us, people.theirs))
        for person in side.delegates
        for commitment in names_of(joint, s).get(person.id, ())
        if (words := view.text(commitment)) is not None and not joint.binds(us, commitment)
    ]


routes = [Route("/d/{d}", dialogue)]
