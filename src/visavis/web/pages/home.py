"""The first pages: home, the door by a one-time link, the way out.

Lives here: `/`, `/enter/{token}`, `/leave`. Not here: founding a side (`founding`), the dialogue itself (`dialogue`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import COOKIE, asker_of
from visavis.errors import Refused
from visavis.web.context import page
from visavis.web.pages.dialogue import card

if TYPE_CHECKING:
    from visavis.node import Node


async def home(request: Request) -> Response:
    """My dialogues; or, for who is not signed in, how to get in."""
    node: Node = request.app.state.node
    asker = asker_of(request)
    if asker is None:
        return page(request, "welcome.html", founded=bool(node.dialogues.ids))
    if asker.session.pair and not asker.admitted:
        return RedirectResponse("/founding", 303)
    if not asker.admitted:
        return page(request, "waiting-admission.html")
    view = node.dialogues.view(asker.dialogue, asker.side, asker.delegate)
    return page(request, "home.html", view=view, sides=None, dialogues=[card(view, asker, request)])


async def enter(request: Request) -> Response:
    """The one-time link: who it is for, and the button that makes the key. Looking does not spend it."""
    node: Node = request.app.state.node
    token = request.path_params["token"]
    try:
        link = await node.admission.link(token)
    except Refused:
        return page(request, "link-spent.html", status=404)
    return page(request, "enter.html", token=token, link=link)


async def leave(request: Request) -> Response:
    """Sign out: the session ends; the key stays in the browser."""
    node: Node = request.app.state.node
    asker = asker_of(request)
    if asker is not None:
        await node.admission.leave(asker.token)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE)
    return answer


routes = [Route("/", home), Route("/enter/{token}", enter), Route("/leave", leave, methods=["POST"])]
