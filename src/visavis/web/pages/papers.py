"""The papers of a talk: laid, looked at, given, taken back.

Lives here: `/d/{d}/talks/{t}/papers` and below; a form with a file, a file as a browser may open it.
Not here: what a paper may be and who sees it (`dossier`), giving one by an act (`talks.service`).
Spec: docs/spec/http.md §8.

A file is only ever served as what its bytes are, from an address whose policy gives it nothing: no script, no style of
its own origin, no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, NotYours, load
from visavis.dialogue.commands import View
from visavis.dossier.errors import EmptyPaper
from visavis.dossier.files import ENDINGS, Kind
from visavis.dossier.model import PaperView, Sharing
from visavis.errors import Malformed, VisavisError
from visavis.talks.errors import NoSuchPaper
from visavis.talks.model import ItemView, TalkView
from visavis.web.context import page
from visavis.web.errors import status_of, wants_json
from visavis.web.pages.talk import found, people
from visavis.web.security import FORM_BYTES

if TYPE_CHECKING:
    from visavis.node import Node

SHOWN = 100_000
"""Characters of a text that its page shows; the file has the rest."""
SANDBOX = "; ".join(
    ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "sandbox")
)
"""Of a file: it runs nothing, loads nothing, and has no origin. Chromium shows a PDF in its viewer all the same; whose
browser does not saves it."""
ACCEPTED = (*(kind.value for kind in Kind), *(ending for endings in ENDINGS.values() for ending in endings))


def items_of(talk: TalkView) -> tuple[ItemView, ...]:
    return talk.agenda.items if talk.agenda is not None else talk.draft


def paper_of(request: Request, view: View) -> PaperView:
    """The paper that the path names. Raises 404."""
    node: Node = request.app.state.node
    try:
        return node.dossier.find(view, request.path_params["t"], request.path_params["p"])
    except NoSuchPaper as error:
        raise HTTPException(404) from error


def may_withdraw(asker: Asker, paper: PaperView) -> bool:
    """Whose paper it is, or who speaks for the side; of a non-paper, that is our copy."""
    if paper.sharing is Sharing.SHARED:
        return False
    return asker.may("speak") or paper.by == asker.delegate


async def papers(request: Request) -> Response:
    asker, view = await load(request, request.path_params["d"])
    return shown(request, asker, view)


def shown(request: Request, asker: Asker, view: View, refused: VisavisError | None = None) -> Response:
    """The dossier of a talk. refused: why the file that was just sent is not kept."""
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    items = items_of(talk)
    under: dict[str, list[PaperView]] = {}
    for each in node.dossier.of(view, talk.id):
        under.setdefault(each.item, []).append(each)
    known = {item.id for item in items}
    chosen = request.query_params.get("item", "")
    return page(
        request,
        "papers.html",
        status=200 if refused is None else status_of(refused),
        view=view,
        talk=talk,
        items=items,
        under=under,
        elsewhere=[each for item, some in under.items() if item and item not in known for each in some],
        allowance=node.dossier.allowance(view),
        limit=node.dossier.limits.paper,
        accepted=",".join(ACCEPTED),
        chosen=chosen if chosen in known else "",
        refused=refused.code if refused is not None else "",
    )


async def form_of(request: Request, limit: int) -> FormData:
    """A form with at most one file, all in memory: nothing of it comes to a disk before it is accepted.

    Raises `Malformed`. The guard counts the bytes while they come.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Malformed("multipart/form-data is due")
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=4, max_part_size=1024)
    parser.spool_max_size = limit + FORM_BYTES
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise Malformed(error.message) from error


async def lay(request: Request) -> Response:
    """Keep a file for our own side; then its page. What is refused is said on the page that it came from."""
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    form = await form_of(request, node.dossier.limits.paper)
    try:
        file, item = form.get("file"), form.get("item", "")
        if not isinstance(file, UploadFile) or not isinstance(item, str):
            raise EmptyPaper("file: a file is due", field="file")
        # A browser sends names in UTF-8; what is none comes as Latin-1, and is a name all the same.
        paper = await node.dossier.lay(view, talk.id, item, file.filename or "", await file.read())
    except VisavisError as error:
        if wants_json(request):
            raise
        return shown(request, asker, view, error)
    finally:
        await form.close()
    return RedirectResponse(f"/d/{asker.dialogue}/talks/{talk.id}/papers/{paper.id}", 303)


async def paper(request: Request) -> Response:
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    seen = paper_of(request, view)
    words, cut, damaged = "", False, False
    if seen.at_hand and seen.kind in (Kind.TEXT, Kind.MARKDOWN):
        try:
            words = (await node.dossier.data(view, seen)).decode("utf-8-sig", "replace")
        except NoSuchPaper:
            damaged = True
        words, cut = words[:SHOWN], len(words) > SHOWN
    return page(
        request,
        "paper.html",
        view=view,
        talk=talk,
        paper=seen,
        item=next((item for item in items_of(talk) if item.id == seen.item), None),
        words=words,
        cut=cut,
        at_hand=seen.at_hand and not damaged,
        person=people(view, view.us).get(seen.by or ""),
        may_withdraw=may_withdraw(asker, seen),
    )


async def file(request: Request) -> Response:
    """The bytes. `?save`: to be kept, not opened."""
    _, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    found(view, request.path_params["t"])
    seen = paper_of(request, view)
    try:
        data = await node.dossier.data(view, seen)
    except NoSuchPaper as error:
        raise HTTPException(404) from error
    return Response(data, headers=headers_of(seen, save="save" in request.query_params))


def headers_of(paper: PaperView, *, save: bool) -> Mapping[str, str]:
    """A text is served as plain text whatever it is: only our own page makes markup of Markdown."""
    kind = Kind(paper.kind)
    name = quote(paper.name, safe="")
    plain = f"paper{ENDINGS[kind][0]}"
    return {
        "Content-Type": "text/plain; charset=utf-8" if kind.is_text else kind.value,
        "Content-Disposition": f"{'attachment' if save else 'inline'}; filename=\"{plain}\"; filename*=UTF-8''{name}",
        "Content-Security-Policy": SANDBOX,
    }


async def give(request: Request) -> Response:
    """Give our paper to the other side as a non-paper."""
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    seen = paper_of(request, view)
    if not asker.may("speak"):
        raise NotYours("only who may speak for the side gives a paper to the other")
    await node.dossier.give(view, talk.id, seen.id)
    return RedirectResponse(f"/d/{asker.dialogue}/talks/{talk.id}/papers/{seen.id}", 303)


async def withdraw(request: Request) -> Response:
    """Take back a paper that nobody else has seen; of a non-paper, throw our copy away."""
    asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    talk = found(view, request.path_params["t"])
    seen = paper_of(request, view)
    if seen.sharing is not Sharing.SHARED and not may_withdraw(asker, seen):
        raise NotYours("whoever laid it withdraws it, or who may speak for the side")
    await node.dossier.withdraw(view, talk.id, seen.id)
    return RedirectResponse(f"/d/{asker.dialogue}/talks/{talk.id}/papers#papers", 303)


_AT = "/d/{d}/talks/{t}/papers"
routes = [
    Route(_AT, papers),
    Route(_AT, lay, methods=["POST"]),
    Route(_AT + "/{p}", paper),
    Route(_AT + "/{p}/file", file),
    Route(_AT + "/{p}/give", give, methods=["POST"]),
    Route(_AT + "/{p}/withdraw", withdraw, methods=["POST"]),
]
