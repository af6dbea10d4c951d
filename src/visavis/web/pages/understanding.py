"""Understandings: one text in both languages, and the draft of a new one.

Lives here: `/d/{d}/understandings/new`, `/d/{d}/understandings/{u}` and its paper.
Not here: their rules (`understandings`), what stands on paper (`visavis.paper`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.dialogue.commands import View
from visavis.dialogue.texts import Texts
from visavis.node import Node
from visavis.talks.model import TalkSummary, talks_of
from visavis.understandings.model import TextView, UnderstandingView, UndertakingView, understanding_view
from visavis.understandings.redline import Redline, redline
from visavis.web.context import language_of, page, paragraphs
from visavis.web.pages.frame import Sides, sides_of, texts_of, what_now

ROWS = 8
"""Undertakings that the form offers each side; a text may have more by a further amendment."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """A text, clause against clause: ours at the start side, theirs at the end side.

    languages: of the two columns; the second is "" where the text stands in one language alone.
    rows: (our clause, their clause); "" where one text has no such clause.
    """

    languages: tuple[str, str]
    rows: tuple[tuple[str, str], ...]


def clauses(sides: Sides, texts: Mapping[str, str]) -> Clauses:
    """Lay two authentic texts side by side. A clause is what blank lines part."""
    order = [code for code in (*sides.ours.languages, *texts) if code in texts]
    ours = order[0] if order else ""
    others = [code for code in (*sides.theirs.languages, *texts) if code in texts and code != ours]
    theirs = others[0] if others else ""
    rows = zip_longest(paragraphs(texts.get(ours, "")), paragraphs(texts.get(theirs, "")), fillvalue="")
    return Clauses((ours, theirs), tuple(rows))


def text_of(view: View, text: TextView) -> Clauses:
    return clauses(sides_of(view), texts_of(view, text.body))


def found(view: View, understanding: str) -> UnderstandingView:
    """The understanding. Raises 404 if no text of it was tabled."""
    seen = understanding_view(view.joint, view.us, understanding)
    if seen is None:
        raise HTTPException(404)
    return seen


def redlines(view: View, seen: UnderstandingView) -> dict[str, dict[str, Redline]]:
    """Text's hash → language → what it changes in the text that it replaces; {} where nothing can be compared."""
    texts = [text for text in (seen.text, *seen.open, *seen.past) if text is not None]
    by_hash = {text.hash: text for text in texts}
    out: dict[str, dict[str, Redline]] = {}
    for text in texts:
        before = by_hash.get(text.base or "")
        earlier = {} if before is None else _whole(view, before)
        out[text.hash] = {
            code: redline(earlier[code], words)
            for code, words in _whole(view, text).items()
            if code in earlier
        }
    return out


def _whole(view: View, text: TextView) -> dict[str, str]:
    """Title, text and undertakings, by language, as far as the asker may read them."""
    duties = [texts_of(view, duty.texts) for duty in sorted((*text.ours, *text.theirs), key=_numbered)]
    titles = texts_of(view, text.title)
    return {
        code: "\n\n".join(
            part for part in (titles.get(code, ""), body, *(duty.get(code, "") for duty in duties)) if part
        )
        for code, body in texts_of(view, text.body).items()
    }


def _numbered(duty: UndertakingView) -> tuple[int, str]:
    """In the order of the text, from whichever chair it is read."""
    return len(duty.id), duty.id


def talk_of(view: View, talk: str | None) -> TalkSummary | None:
    return next((each for each in talks_of(view.joint, view.us) if each.id == talk), None)


async def understanding(request: Request) -> Response:
    """One understanding: its text in force, texts that want a signature, assessments over time, proof."""
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["u"])
    shown = [text for text in (seen.text, *seen.open) if text is not None] or list(seen.past[-1:])
    return page(
        request,
        "understanding.html",
        view=view,
        u=seen,
        shown=[(text, text_of(view, text)) for text in shown],
        past=[text for text in seen.past if text not in shown],
        lines=redlines(view, seen),
        talk_reached=talk_of(view, seen.talk),
        starts={each.id: each.time.start for each in talks_of(view.joint, view.us)},
        what=what_now(seen.steps, asker.dialogue, language_of(request), asker.may),
    )


async def paper(request: Request) -> Response:
    """One understanding on paper: `?side=ours`, sealed, or `?side=theirs`, as the other side's copy has it."""
    asker, view = await load(request, request.path_params["d"])
    seen = found(view, request.path_params["u"])
    which = request.query_params.get("side", "ours")
    if which not in ("ours", "theirs"):
        raise HTTPException(404)
    sides = view.joint.sides
    copy = sides[view.us if which == "ours" else 1 - view.us].id
    node: Node = request.app.state.node
    pdf = await node.paper(asker.dialogue, asker.side, copy, seen.id)
    name = f"{seen.id[:8]}-{which}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)


async def new(request: Request) -> Response:
    """Draft a text; `?talk=` in which it was reached, `?of=` the understanding that it amends, `?kind=`."""
    _asker, view = await load(request, request.path_params["d"])
    of = request.query_params.get("of")
    amended = None if of is None else found(view, of)
    base = None if amended is None else amended.text
    chosen = request.query_params.get("talk", base.talk if base is not None and base.talk else "")
    kind = base.kind.value if base is not None else request.query_params.get("kind", "understanding")

    def words(texts: Texts) -> dict[str, str]:
        return texts_of(view, texts)

    return page(
        request,
        "understanding-new.html",
        view=view,
        amended=amended,
        base_title=words(base.title) if base else {},
        base_body=words(base.body) if base else {},
        base_ours=[words(each.texts) for each in base.ours] if base else [],
        base_theirs=[words(each.texts) for each in base.theirs] if base else [],
        talks=talks_of(view.joint, view.us),
        chosen=chosen,
        kind=kind,
        rows=ROWS,
    )


routes = [
    Route("/d/{d}/understandings/new", new),
    Route("/d/{d}/understandings/{u}", understanding),
    Route("/d/{d}/understandings/{u}/paper.pdf", paper),
]
