"""Who of our side is invited and has not come: one-time links, made, shown once, withdrawn.

Lives here: `/d/{d}/invitations`, for who may admit. Not here: what a link opens (`dialogue.admission`), the door behind
it (`home`), who has been admitted (`dialogue`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, load, must_admit
from visavis.dialogue.commands import View
from visavis.dialogue.model import Role
from visavis.dialogue.people import NoSuchDelegate, sides_view
from visavis.errors import Malformed
from visavis.web.context import page

if TYPE_CHECKING:
    from visavis.node import Node

MOST_LETTERS = 120
"""Of a name on an invitation."""


async def _show(
    request: Request, asker: Asker, view: View, *, link: str = "", invited: str = "", wrong: str = ""
) -> Response:
    """link: just made, for `invited`; shown once. wrong: the field at fault; what was typed into it is `invited`."""
    node: Node = request.app.state.node
    return page(
        request,
        "invitations.html",
        status=400 if wrong else 200,
        view=view,
        link=link,
        invited=invited,
        wrong=wrong,
        invitations=await node.admission.invitations(asker.dialogue, asker.side),
        enrolments=list(view.enrolments.values()),
        roles=[role.value for role in Role],
        people=sides_view(view.joint, view.us),
    )


async def invitations(request: Request) -> Response:
    """Who is invited, and who has come and waits. Whoever may not admit finds our people on the dialogue's page."""
    asker, view = await load(request, request.path_params["d"])
    if not asker.may("admit"):
        return RedirectResponse(f"/d/{asker.dialogue}#people", 303)
    return await _show(request, asker, view)


async def invite(request: Request) -> Response:
    """Make a one-time link for a delegate of our side, and show it once: for a new one, or, by `delegate`, for a
    further passkey of a known one; with `at=next`, at the address that the node moves to."""
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    must_admit(asker)
    form = await request.form(max_files=0, max_fields=4, max_part_size=1024)
    name, role = str(form.get("name", "")).strip(), str(form.get("role", ""))
    delegate = str(form.get("delegate", ""))
    if delegate:
        known = view.joint.sides[view.us].delegates.get(delegate)
        if known is None:
            raise NoSuchDelegate("your side has no such delegate")
        name, role = (known.name and view.text(known.name)) or known.role, known.role
    if role not in {each.value for each in Role}:
        raise Malformed("role: one of the five roles is due", field="role")
    if not 1 <= len(name) <= MOST_LETTERS:
        return await _show(request, asker, view, invited=name, wrong="name")
    opened = await node.admission.invite(asker.dialogue, asker.side, name=name, role=role, delegate=delegate)
    following = node.settings.next_url if form.get("at") == "next" else None
    link = f"{following or node.url_of(request)}/enter/{opened.token}"
    return await _show(request, asker, view, link=link, invited=name)


async def withdraw(request: Request) -> Response:
    """Take a link back that nobody has used."""
    asker, _ = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    must_admit(asker)
    form = await request.form(max_files=0, max_fields=4, max_part_size=1024)
    await node.admission.withdraw(asker.dialogue, asker.side, str(form.get("link", "")))
    return RedirectResponse(f"/d/{asker.dialogue}/invitations", 303)


routes = [
    Route("/d/{d}/invitations", invitations),
    Route("/d/{d}/invitations", invite, methods=["POST"]),
    Route("/d/{d}/invitations/withdraw", withdraw, methods=["POST"]),
]
