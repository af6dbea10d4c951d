"""A delegate's own page: what reaches them outside these pages. Nobody else sees it, of either side.

Lives here: `/me`; the secret address of a calendar's feed: made, made anew, revoked; wishes for mails; `/mail/{token}`,
which confirms an address.
Not here: the feed (`calendars`), mails (`visavis.notices`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, load, require
from visavis.dialogue.commands import View
from visavis.errors import Malformed
from visavis.notices.model import Kind, Wishes
from visavis.web import words
from visavis.web.context import language_of, page
from visavis.web.pages.frame import sides_of

if TYPE_CHECKING:
    from visavis.node import Node


async def _load(request: Request) -> tuple[Asker, View]:
    return await load(request, require(request).dialogue)


async def _show(
    request: Request,
    asker: Asker,
    view: View,
    *,
    address: str = "",
    typed: Wishes | None = None,
    wrong: str = "",
) -> Response:
    """address: of the feed, just made: it is shown once, since the node keeps only its hash.

    typed, wrong: wishes that cannot be kept to, and the field that is at fault.
    """
    node: Node = request.app.state.node
    feed = await node.feeds.of(asker.dialogue, asker.side, asker.delegate)
    wishes = typed or await node.notices.wishes(asker.dialogue, asker.side, asker.delegate)
    return page(
        request,
        "me.html",
        status=400 if wrong else 200,
        view=view,
        feed=feed,
        address=address,
        wishes=wishes or Wishes("", False, language_of(request), sides_of(view).ours.zone),
        kinds=[kind.value for kind in Kind],
        wrong=wrong,
        saved=request.query_params.get("saved") == "1",
        carried=node.settings.smtp_url is not None,
    )


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


async def wish(request: Request) -> Response:
    """Take the form of how the delegate wants to be told by mail."""
    asker, view = await _load(request)
    node: Node = request.app.state.node
    form = await request.form(max_files=0, max_fields=32, max_part_size=1024)

    def said(name: str) -> str:
        return str(form.get(name, "")).strip()

    wishes = Wishes(
        address=said("address"),
        on=bool(said("on")),
        language=said("language") if said("language") in words.LANGUAGES else language_of(request),
        zone=said("zone"),
        quiet_from=said("quiet_from"),
        quiet_to=said("quiet_to"),
        kinds=tuple(kind.value for kind in Kind if kind.value in form.getlist("kinds")),
        named=bool(said("named")),
    )
    try:
        await node.notices.wish(asker.dialogue, asker.side, asker.delegate, wishes)
    except Malformed as error:
        return await _show(request, asker, view, typed=wishes, wrong=str(error.details.get("field")))
    return RedirectResponse("/me?saved=1#mail", 303)


async def confirm(request: Request) -> Response:
    """The page behind the link in the mail that asks. Looking confirms nothing: programs look at links in mails."""
    node: Node = request.app.state.node
    asked = node.notices.is_asked(request.path_params["token"])
    return page(request, "mail-confirm.html", status=200 if asked else 404, asked=asked, done=False)


async def confirmed(request: Request) -> Response:
    node: Node = request.app.state.node
    done = await node.notices.confirm(request.path_params["token"])
    return page(request, "mail-confirm.html", status=200 if done else 404, asked=False, done=done)


routes = [
    Route("/me", me),
    Route("/me/calendar", me),
    Route("/me/mail", me),
    Route("/me/mail", wish, methods=["POST"]),
    Route("/me/calendar", make_feed, methods=["POST"]),
    Route("/me/calendar/revoke", revoke_feed, methods=["POST"]),
    Route("/mail/{token}", confirm),
    Route("/mail/{token}", confirmed, methods=["POST"]),
]
