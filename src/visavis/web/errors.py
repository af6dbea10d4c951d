"""Errors as HTTP: status, RFC 9457 problem details for programs, a page for people.

Lives here: the table of statuses, `problem`, the handlers. Not here: the errors themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from visavis.access import NotAdmitted, NotYours, place_of
from visavis.dialogue.admission import NotSignedIn
from visavis.dialogue.erasing import ContentErased
from visavis.dialogue.errors import LogBehind, LogKeyMissing, SideMoved
from visavis.dialogue.ledger import NoSuchDialogue
from visavis.dossier.errors import PaperTooLarge
from visavis.errors import Malformed, Refused, Unavailable, Untrusted, VisavisError
from visavis.web.words import DEFAULT, translations
from visavis.web.words.refusals import refusal_words
from visavis.web.words.sentences import N_

log = structlog.get_logger(__name__)

STATUS: Mapping[type[VisavisError], int] = {
    NotSignedIn: 401,
    NotYours: 403,
    NotAdmitted: 403,
    NoSuchDialogue: 404,
    ContentErased: 410,
    Malformed: 400,
    PaperTooLarge: 413,
    Untrusted: 403,
    Refused: 409,
    LogBehind: 409,  # no retry helps, until the entries are fetched back
    LogKeyMissing: 409,
    SideMoved: 409,
    Unavailable: 503,
    VisavisError: 500,
}


NOTHING = N_("Nothing of that name is known, or it is not for you to see. Nothing was changed.")


class TooLarge(Malformed):
    """A body beyond its budget."""

    code = "too-large"


class TooMany(Unavailable):
    """A budget per hour is spent."""

    code = "too-many"


def status_of(error: VisavisError) -> int:
    """The status of the most particular class in the table."""
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, TooMany):
        return 429
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(error: VisavisError, language: str = DEFAULT) -> Response:
    """`application/problem+json`: type, title, status, detail, code and the details that are safe.

    language: the reader's, in which `detail` is.
    """
    status = status_of(error)
    body = {
        "type": f"about:blank#{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": refusal_words(error, language),
        "code": error.code,
    }
    safe = {k: v for k, v in error.details.items() if isinstance(v, str | int | float | bool | list)}
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie"}
    return JSONResponse(safe | body, status, headers, media_type="application/problem+json")


def wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", "")


async def on_visavis_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, VisavisError)
    log.info("request.refused", path=place_of(request), code=error.code, why=error.message)
    if wants_json(request):
        return problem(error, _language(request))
    return _page(request, status_of(error), error.code, refusal_words(error, _language(request)))


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if wants_json(request):
        body = {
            "type": "about:blank",
            "title": HTTPStatus(error.status_code).phrase,
            "status": error.status_code,
        }
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        language = _language(request)
        detail = translations(language).ugettext(NOTHING) if error.status_code == 404 else str(error.detail)
        return JSONResponse(
            body | {"detail": detail, "code": code},
            error.status_code,
            headers={
                **(error.headers or {}),
                "Content-Language": language,
                "Vary": "Accept-Language, Cookie",
            },
            media_type="application/problem+json",
        )
    return _page(request, error.status_code, "", "")


async def on_any_error(request: Request, error: Exception) -> Response:
    """What we did not foresee: the cause goes to the log, nothing of it to the person."""
    log.error("request.failed", path=place_of(request), exc_info=error)
    unforeseen = VisavisError("something went wrong at the node; what you had entered before stands")
    if wants_json(request):
        return problem(unforeseen, _language(request))
    return _page(request, 500, unforeseen.code, "")


def _language(request: Request) -> str:
    from visavis.web.context import language_of

    return language_of(request)


def _page(request: Request, status: int, code: str, message: str) -> Response:
    from visavis.web.context import page  # the templates import access, which the handlers serve

    try:
        return page(request, "error.html", status=status, code=code, message=message)
    except VisavisError as error:  # the bundle is not built
        return problem(error)
