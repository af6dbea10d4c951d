"""Founding, step by step: a side says its name, waits for the other, and signs entry 0.

Lives here: `/founding`. Not here: what founding is (`dialogue.service`), signing (the bundle).
Spec: docs/spec/http.md §2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import require
from visavis.errors import Refused
from visavis.web.context import page
from visavis.web.words import LANGUAGES

if TYPE_CHECKING:
    from visavis.node import Node

NAME_LANGUAGES = tuple(LANGUAGES)
"""In which the form asks for the side's name."""


async def founding(request: Request) -> Response:
    """Where the founding stands, and the one thing to do next."""
    node: Node = request.app.state.node
    asker = require(request)
    if not asker.session.pair:
        return RedirectResponse("/", 303)
    if asker.admitted:
        return RedirectResponse(f"/d/{asker.dialogue}", 303)
    try:
        statement, dialogue = node.dialogues.founding_of(asker.session)
    except Refused:
        statement, dialogue = None, None
    return page(
        request,
        "founding.html",
        statement=statement,
        dialogue=dialogue,
        name_languages=NAME_LANGUAGES,
        wrong="",
    )


async def state(request: Request) -> Response:
    """Take the side's statement from the form: `name.<language>` …, `recovery` keys one a line."""
    node: Node = request.app.state.node
    asker = require(request)
    form = await request.form(max_files=0, max_fields=20, max_part_size=8192)
    names = {
        language: words
        for language in NAME_LANGUAGES
        if (words := str(form.get(f"name.{language}", "")).strip())
    }
    recovery = str(form.get("recovery", "")).split()
    if not names:
        return page(
            request,
            "founding.html",
            status=400,
            statement=None,
            dialogue=None,
            name_languages=NAME_LANGUAGES,
            wrong="name",
        )
    await node.dialogues.state_founding(asker.session, names, recovery)
    return RedirectResponse("/founding", 303)


routes = [Route("/founding", founding), Route("/founding", state, methods=["POST"])]
