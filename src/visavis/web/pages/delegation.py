"""The delegations to a talk: ours in full, theirs as notified.

Lives here: `/d/{d}/talks/{t}/delegation`, the form of alternates. Not here: what is seen of them
(`talks.delegations`), full powers and admission to the side (`dialogue`, `invitations`), the room's door (`seating`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, load, must_admit
from visavis.dialogue.commands import View
from visavis.dialogue.people import NoSuchDelegate
from visavis.errors import Malformed, Refused
from visavis.talks.delegations import delegations_view
from visavis.web.context import page
from visavis.web.pages.talk import OVER, found, people

if TYPE_CHECKING:
    from visavis.node import Node


async def _show(
    request: Request, asker: Asker, view: View, wrong: str = "", chosen: tuple[str, str] = ("", "")
) -> Response:
    """wrong: why alternates that were asked for cannot stand, a word of the template's. chosen: what was asked for."""
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    alternates = await node.alternates.of(view, talk.id)
    return page(
        request,
        "delegation.html",
        status=400 if wrong else 200,
        view=view,
        talk=talk,
        people=people(view, view.us),
        delegations=delegations_view(view.joint, view.us, talk.id, alternates),
        enrolments=list(view.enrolments.values()) if asker.may("admit") else [],
        may_name=asker.may("admit") and talk.status not in OVER,
        wrong=wrong,
        chosen=chosen,
    )


async def delegation(request: Request) -> Response:
    asker, view = await load(request, request.path_params["d"])
    return await _show(request, asker, view)


async def stand_in(request: Request) -> Response:
    """Name an alternate, or, with `drop`, name them no more."""
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    must_admit(asker)
    talk = found(view, request.path_params["t"])
    form = await request.form(max_files=0, max_fields=8, max_part_size=1024)
    delegate, stands_for = str(form.get("delegate", "")), str(form.get("stands_for", ""))
    if form.get("drop"):
        await node.alternates.drop(view, talk.id, delegate)
    else:
        try:
            await node.alternates.name(view, talk.id, delegate, stands_for)
        except NoSuchDelegate:
            raise
        except (Malformed, Refused) as error:
            return await _show(request, asker, view, error.code, (delegate, stands_for))
    return RedirectResponse(f"/d/{asker.dialogue}/talks/{talk.id}/delegation#alternates", 303)


routes = [
    Route("/d/{d}/talks/{t}/delegation", delegation),
    Route("/d/{d}/talks/{t}/alternates", delegation),
    Route("/d/{d}/talks/{t}/alternates", stand_in, methods=["POST"]),
]
