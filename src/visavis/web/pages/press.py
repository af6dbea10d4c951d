"""The press desk of a talk: drafts, clearance, release, the joint readout, what is expected, readers' comments.

Lives here: `/d/{d}/talks/{t}/press`, keeping a draft, moderation.
Not here: the newsroom (`web.newsroom`), rules (`press`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, load, must_be_desk
from visavis.dialogue.commands import View
from visavis.errors import Malformed
from visavis.press.model import LanguageView, clearances, press_view
from visavis.press.ports import Draft, DraftText
from visavis.web.context import page
from visavis.web.pages.frame import Spoken, sides_of, texts_of
from visavis.web.pages.talk import found

if TYPE_CHECKING:
    from visavis.node import Node

MAX_TEXT = 64 * 1024
KINDS: tuple[Literal["readout"], Literal["statement"]] = ("readout", "statement")


def opened(view: View, texts: tuple[LanguageView, ...]) -> Spoken[DraftText]:
    """language → title, text and dateline in words, of what the asker may read."""
    found = Spoken[DraftText]()
    for each in texts:
        parts = [(each.language, part) for part in (each.title, each.text, each.dateline)]
        words = [view.text(part) for _, part in parts]
        if any(words):
            found[each.language] = DraftText(*(said or "" for said in words))
        found.erased = found.erased or texts_of(view, parts).erased
    return found


def damaged(view: View, texts: tuple[LanguageView, ...]) -> bool:
    """Whether a part of a text is damaged on this node's disk."""
    return any(part in view.damaged for each in texts for part in (each.title, each.text, each.dateline))


async def press(request: Request) -> Response:
    asker, view = await load(request, request.path_params["d"])
    return await shown(request, asker, view)


async def shown(request: Request, asker: Asker, view: View, mine: Draft | None = None) -> Response:
    """The desk's page. mine: a draft that is not kept, since another was meanwhile: both are shown, with 409."""
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    desk = asker.is_desk
    drafts = {draft.kind: draft for draft in await node.drafts.of(asker.dialogue, asker.side, talk.id)}
    return page(
        request,
        "press.html",
        status=200 if mine is None else 409,
        view=view,
        talk=talk,
        press=press_view(view.joint, view.us, talk.id),
        opened=lambda texts: opened(view, texts),
        damaged=lambda texts: damaged(view, texts),
        desk=desk,
        drafts=drafts if desk else {},
        version_of=version_of,
        mine=mine,
        kinds=KINDS,
        cleared={kind: len(clearances(view.joint, view.us, talk=talk.id, kind=kind)) for kind in KINDS},
        held=await node.desk.held(asker.dialogue, asker.side) if desk else (),
    )


def version_of(draft: Draft | None) -> str:
    """What a form says of the draft that it was opened on."""
    return "" if draft is None else draft.at.isoformat()


async def keep_draft(request: Request) -> Response:
    """Keep a readout or a statement in the making; the other side sees nothing of it.

    If somebody of the desk has kept another since the form was opened, nothing is kept and both are shown.
    """
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    must_be_desk(asker)
    talk = found(view, request.path_params["t"])
    form = await request.form(max_files=0, max_fields=100, max_part_size=MAX_TEXT)
    kind = str(form.get("kind", ""))
    if kind not in KINDS:
        raise Malformed("kind: readout or statement is due", field="kind")
    texts = {
        language: DraftText(*(str(form.get(f"texts.{language}.{part}", "")).strip() for part in PARTS))
        for language in sides_of(view).languages
    }
    draft = Draft(
        id=f"{kind}.{talk.id}",
        dialogue=asker.dialogue,
        side=asker.side,
        talk=talk.id,
        kind=kind,
        at=datetime.now(UTC),
        texts={
            language: text for language, text in texts.items() if text.title or text.text or text.dateline
        },
        initials=str(form.get("initials", "")).strip()[:20],
    )
    kept = {each.kind: each for each in await node.drafts.of(asker.dialogue, asker.side, talk.id)}.get(kind)
    if "seen" in form and form["seen"] != version_of(kept) and not alike(draft, kept):
        return await shown(request, asker, view, draft)
    await node.drafts.keep(draft)
    return RedirectResponse(f"/d/{asker.dialogue}/talks/{talk.id}/press#draft-{kind}", 303)


def alike(one: Draft, other: Draft | None) -> bool:
    """Whether the two say the same."""
    return other is not None and (one.texts, one.initials) == (other.texts, other.initials)


PARTS = ("title", "text", "dateline")


async def moderate(request: Request) -> Response:
    """Publish a reader's comment, or refuse it."""
    asker, _view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    must_be_desk(asker)
    form = await request.form(max_files=0, max_fields=4, max_part_size=1024)
    await node.desk.decide(
        asker.dialogue, asker.side, request.path_params["comment"], publish=form.get("publish") == "yes"
    )
    back = str(form.get("talk", ""))
    where = f"/talks/{back}/press#comments" if back.replace("-", "").replace("_", "").isalnum() else ""
    return RedirectResponse(f"/d/{asker.dialogue}{where}", 303)


routes = [
    Route("/d/{d}/talks/{t}/press", press),
    Route("/d/{d}/talks/{t}/press/drafts", keep_draft, methods=["POST"]),
    Route("/d/{d}/comments/{comment}", moderate, methods=["POST"]),
]
