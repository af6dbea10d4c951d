"""A delegate's own page: what reaches them outside these pages. Nobody else sees it, of either side.

Lives here: `/me`, the secret address of a calendar's feed (made, made anew, revoked).
Not here: the feed (`calendars`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, load, require
from visavis.dialogue.commands import View
from visavis.web.context import language_of, page

if TYPE_CHECKING:
    from visavis.node import Node


async def _load(request: Request) -> tuple[Asker, View]:
    return await load(request, require(request).dialogue)


async def _show(request: Request, asker: Asker, view: View, *, address: str = "") -> Response:
    """address: of the feed, just made: it is shown once, since the node keeps only its hash."""
    node: Node = request.app.state.node
    feed = await node.feeds.of(asker.dialogue, asker.side, asker.delegate)
    return page(request, "me.html", view=view, feed=feed, address=address)


async def me(request: Request) -> Response:
    asker, view = await _load(request)
    return await _show(request, asker, view)


async def make_feed(request: Request) -> Response:
    """A new secret address; the one before opens nothing any more. `titled`: it says titles and names."""
    asker, view = await _load(request)
    node: Node = request.app.state.node
    form = await request.form(max_files=0, max_fields=4, max_part_size=1024)
    token = await node.feeds.make(
        asker.dialogue,
        asker.side,
        asker.delegate,
        language=language_of(request),
        titled=bool(form.get("titled")),
    )
    return await _show(request, asker, view, address=f"{node.url_of(request)}/calendar/{token}.ics")


async def revoke_feed(request: Request) -> Response:
    asker, _ = await _load(request)
    node: Node = request.app.state.node
    await node.feeds.revoke(asker.dialogue, asker.side, asker.delegate)
    return RedirectResponse("/me#calendar", 303)


routes = [
    Route("/me", me),
    Route("/me/calendar", make_feed, methods=["POST"]),
    Route("/me/calendar/revoke", revoke_feed, methods=["POST"]),
]
