"""The page of a second device: what the first is about to sign.

Lives here: `/check`.
Not here: the draft (`web.api`, `/api/checks`), recomputing it and showing it (`client/src/check`).

Anybody may load it: what opens a draft stands in the address's fragment, which no server is sent.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.web.context import language_of, page
from visavis.web.words import sentences


async def check(request: Request) -> Response:
    """The empty page, with the words for every act in the reader's language."""
    language = language_of(request)
    acts = {kind: sentences.act_words(kind, language) for kind in sentences.ACTS}
    return page(request, "check.html", acts=msgspec.json.encode(acts).decode())


routes = [Route("/check", check)]
