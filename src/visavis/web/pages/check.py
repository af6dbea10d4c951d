"""The page of a second device: what the first is about to sign.

Lives here: `/check`.
Not here: the draft (`web.api`, `/api/checks`), recomputing it and showing it (`client/src/check`).

Anybody may load it: what opens a draft stands in the address's fragment, which no server is sent.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.web.context import page


async def check(request: Request) -> Response:
    """The empty page: what it shows, it computes."""
    return page(request, "check.html")


routes = [Route("/check", check)]
