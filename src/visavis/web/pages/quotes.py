"""The quotation check as a public page.

Lives here: `/quotes`.
Not here: the check itself (`web.quoting`), what is public (`web.newsroom`), its JSON twin (`web.api`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.errors import Malformed
from visavis.press.quotes import MAX_ARTICLE
from visavis.web.context import language_of, page
from visavis.web.newsroom import published
from visavis.web.words.refusals import refusal_words

if TYPE_CHECKING:
    from visavis.node import Node


async def quotes(request: Request) -> Response:
    """The empty form; or, posted (or asked by `?text=`), what was found of each quotation."""
    node: Node = request.app.state.node
    text, report, wrong = "", None, ""
    if request.method == "POST":
        form = await request.form(max_files=0, max_fields=4, max_part_size=4 * MAX_ARTICLE + 1024)
        text = str(form.get("text", ""))
        try:
            report = await request.app.state.quoting.check(request, text)
        except Malformed as error:
            wrong = refusal_words(error, language_of(request))
    return page(
        request,
        "quotes.html",
        status=400 if wrong else 200,
        text=text,
        report=report,
        wrong=wrong,
        released=len(published(node, "")),
    )


routes = [Route("/quotes", quotes, methods=["GET", "POST"])]
