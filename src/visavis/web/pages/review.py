"""The review at a talk: every understanding, as each side judges it, with evidence and how it went from talk to talk.

Lives here: `/d/{d}/talks/{t}/review`; it is printed as it stands (`pages.css`).
Not here: which understandings are reviewed, in which order (`understandings.model`), what evidence refers to
(`understandings.references`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.talks.model import talks_of
from visavis.understandings.acts import Verdict
from visavis.understandings.model import review as review_of
from visavis.understandings.references import references
from visavis.web import words
from visavis.web.context import language_of, page
from visavis.web.pages.frame import Sides, sides_of
from visavis.web.pages.talk import found
from visavis.web.words import sentences

Legend = tuple[tuple[str, tuple[tuple[Verdict, str], ...]], ...]


def legend(sides: Sides, language: str) -> Legend:
    """What the marks say in the sides' languages other than the page's, for who reads the paper: (language, words)."""
    return tuple(
        (code, tuple((verdict, sentences.verdict_words(verdict, code)) for verdict in Verdict))
        for code in sides.languages
        if code in words.LANGUAGES and code != language
    )


async def review(request: Request) -> Response:
    """The table of both sides' assessments; where they differ the row opens itself."""
    _asker, view = await load(request, request.path_params["d"])
    talk = found(view, request.path_params["t"])
    sizes = [state.size for state in view.joint.sides]
    return page(
        request,
        "review.html",
        view=view,
        talk=talk,
        review=review_of(view.joint, view.us, talk.id),
        references=references,
        starts={each.id: each.time.start for each in talks_of(view.joint, view.us)},
        legend=legend(sides_of(view), language_of(request)),
        sizes=(sizes[view.us], sizes[1 - view.us]),
    )


routes = [Route("/d/{d}/talks/{t}/review", review)]
