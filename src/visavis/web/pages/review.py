"""The review at a talk: every understanding, as each side judges it.

Lives here: `/d/{d}/talks/{t}/review`.
Not here: which understandings are reviewed, in which order (`understandings.model`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.understandings.model import review as review_of
from visavis.web.context import page
from visavis.web.pages.talk import found


async def review(request: Request) -> Response:
    """The table of both sides' assessments; where they differ the row opens itself."""
    _asker, view = await load(request, request.path_params["d"])
    talk = found(view, request.path_params["t"])
    return page(
        request,
        "review.html",
        view=view,
        talk=talk,
        review=review_of(view.joint, view.us, talk.id),
    )


routes = [Route("/d/{d}/talks/{t}/review", review)]
