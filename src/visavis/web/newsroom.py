"""The newsroom: a side's releases in public. No cookie, no script, no session.

Lives here: front page, one release, the Atom feed, readers' comments, `published` for the quotation check.
Not here: which releases are public (`press.model`), the feed's form (`press.feed`), the press desk (`pages.press`).
Spec: docs/spec/http.md §6.

Only contents whose audience is the public are ever opened here, whoever asks. A page is the same bytes until
something new is released or published, so it carries a strong ETag and can be kept by caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from limits import RateLimitItemPerHour
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.dialogue import chair
from visavis.dialogue.chair import Mark
from visavis.dialogue.erasing import own_erasure
from visavis.dialogue.join import Joint
from visavis.dialogue.ledger import Ledger, public
from visavis.press.errors import CommentRefused
from visavis.press.feed import atom
from visavis.press.model import PublicRelease, Related, newsroom, public_release, related
from visavis.press.ports import Comment
from visavis.press.public import OpenRelease, OpenText, open_newsroom, open_text, to_feed, to_quote_from
from visavis.press.quotes import Released
from visavis.web import words
from visavis.web.budget import Budget
from visavis.web.compression import gzipped
from visavis.web.context import environment, language_of
from visavis.web.pages.frame import Side
from visavis.web.tags import is_held, tag_of
from visavis.web.words.refusals import refusal_words
from visavis.web.words.sentences import N_

if TYPE_CHECKING:
    from visavis.node import Node

COMMENTS_AN_HOUR = 20
"""From one address: a desk of persons reads every one of them."""
FRESH_S = 10
"""How long a cache may answer by itself: at the moment of a release thousands come at once."""


@dataclass(frozen=True, slots=True)
class Article:
    """A public release for one reader. words: in the reader's language, or in the one there is.

    href: its address on this node. names: of the sides whose voice it is, each language → name.
    """

    opened: OpenRelease
    words: OpenText
    href: str
    names: tuple[dict[str, str], ...]

    @property
    def release(self) -> PublicRelease:
        return self.opened.release

    @property
    def kind(self) -> str:
        return self.release.kind.value

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(text.language for text in self.opened.texts)


@dataclass(frozen=True, slots=True)
class Newsroom:
    """One side's newsroom, found by the side's id. s: the side's index in its dialogue."""

    ledger: Ledger
    s: int
    side: Side

    @property
    def joint(self) -> Joint:
        return self.ledger.joint

    def text(self, commitment: str) -> str | None:
        """A content's words, if everybody may read them."""
        return public_text(self.ledger, commitment)

    def names(self, sides: Sequence[str]) -> tuple[dict[str, str], ...]:
        found = []
        for each in sides:
            founding = self.joint.sides[self.ledger.index(each)].founding
            found.append({} if founding is None else dict(founding.names))
        return tuple(found)

    def article(self, opened: OpenRelease, language: str) -> Article:
        code, _ = words.one_of({text.language: text.title for text in opened.texts}, language)
        release = opened.release
        return Article(
            opened, opened.in_language(code), address(release.side, release.id), self.names(release.by)
        )

    def articles(self, language: str) -> tuple[Article, ...]:
        """Everything public, newest first."""
        opened = open_newsroom(self.joint, self.s, self.text)
        return tuple(self.article(release, language) for release in opened)

    def link(self, other: Related, language: str) -> tuple[str, str, str, str]:
        """(address, language, headline, why) of a related release."""
        titles = {text.language: self.text(text.title) or "" for text in other.texts}
        code, title = words.one_of(titles, language)
        return address(other.side, other.release), code, title, other.why


def address(side: str, release: str, language: str = "") -> str:
    """A release's address on this node."""
    at = f"/newsroom/{quote(side)}/{quote(release)}"
    return f"{at}?lang={quote(language)}" if language else at


def public_text(ledger: Ledger, commitment: str) -> str | None:
    """A content's words, if its audience is the public and its side has not erased them. Nothing else is ever opened
    here, whoever asks."""
    row = public(ledger, commitment)
    return None if row is None else row.data.decode("utf-8", "replace")


def newsroom_of(node: Node, side: str) -> Newsroom:
    """The newsroom of that side. Raises 404 if this node serves no such side."""
    for dialogue in node.dialogues.ids:
        ledger = node.dialogues.ledger(dialogue)
        if side in ledger.sides and ledger.states[ledger.index(side)].founding is not None:
            s = ledger.index(side)
            founding = ledger.states[s].founding
            zone, languages = chair.profile(ledger.joint, s)
            names = {} if founding is None else dict(founding.names)
            return Newsroom(ledger, s, Side(side, names, zone, languages, stated=True))
    raise HTTPException(404)


def published(node: Node, base: str) -> tuple[Released, ...]:
    """Everything that either side of any dialogue here has released, for the quotation check.

    base: of absolute permalinks, without a slash at its end; "" for addresses on this node.
    """
    found: list[Released] = []
    for dialogue in node.dialogues.ids:
        ledger = node.dialogues.ledger(dialogue)
        found += to_quote_from(
            ledger.joint, partial(public_text, ledger), lambda *release: base + address(*release)
        )
    return tuple(found)


# --- routes -----------------------------------------------------------------------------------------


def _page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """A public page, with its strong ETag; 304 for who has these bytes already. What answers a form is not kept."""
    node: Node = request.app.state.node
    language = language_of(request, cookies=False)
    base = node.url_of(request)
    html = (
        environment(language)
        .get_template(name)
        .render(path=request.url.path, base=base, asker=None, sides=None, talk=None, **values)
    )
    body = html.encode()
    if request.method == "POST":
        return Response(body, status, {"Content-Language": language}, "text/html; charset=utf-8")
    etag = tag_of(body)
    headers = {
        "ETag": etag,
        "Cache-Control": f"public, max-age={FRESH_S}",
        "Vary": "Accept-Language, Accept-Encoding",
        "Content-Language": language,
    }
    if status == 200 and is_held(request, etag):
        return Response(status_code=304, headers=headers)
    return gzipped(request.headers, Response(body, status, headers, "text/html; charset=utf-8"))


async def front(request: Request) -> Response:
    """The side's front page: newest first, what is expected, the quotation check."""
    node: Node = request.app.state.node
    room = newsroom_of(node, request.path_params["side"])
    language = language_of(request, cookies=False)
    return _page(
        request,
        "newsroom.html",
        side=room.side,
        articles=room.articles(language)[:60],
        expected=_expected(room),
    )


def _expected(room: Newsroom) -> tuple[str, str]:
    """(statement, press call) as this side announced them about its latest talk; "" where it has not."""
    said: list[str] = []
    for kind in ("statement", "press-call"):
        latest = chair.words(room.joint, room.s, (kind,))
        said.append(str(latest[-1].value["expected"]) if latest else "")
    called = chair.words(room.joint, room.s, ("press-call-called",))
    return said[0], "called" if called else said[1]


async def release(request: Request) -> Response:
    """One release: dated in both zones, with its versions, related releases and readers' comments."""
    return await _release(request)


async def _release(request: Request, *, status: int = 200, wrong: str = "", typed: str = "") -> Response:
    node: Node = request.app.state.node
    room = newsroom_of(node, request.path_params["side"])
    language = language_of(request, cookies=False)
    article = next(
        (a for a in room.articles(language) if a.release.id == request.path_params["release"]), None
    )
    if article is None:
        return _page(
            request,
            "release-erased.html",
            status=410,
            side=room.side,
            mark=_erasure(room, request.path_params["release"]),
        )
    found = article.release
    other_zone = chair.profile(room.joint, 1 - room.s)[0]
    comments: Sequence[Comment] = await node.desk.published(room.ledger.id, room.side.id, found.id)
    return _page(
        request,
        "release.html",
        status=status,
        side=room.side,
        article=article,
        other_zone=other_zone,
        earlier=[
            (
                version.version,
                [text for view in version.texts if (text := open_text(view, room.text)) is not None],
                chair.moment(version.released.time),
            )
            for version in found.earlier
            if version.released is not None
        ],
        related=[room.link(each, language) for each in related(room.joint, room.s, found)],
        comments=comments,
        held=request.query_params.get("comment") == "held",
        wrong=wrong,
        typed=typed,
    )


def _erasure(room: Newsroom, release: str) -> Mark:
    """Where the side erased words of a release that was public. Raises 404 if it has none of that name."""
    found = public_release(room.joint, room.s, release)
    for text in () if found is None else found.texts:
        for commitment in (text.title, text.text, text.dateline):
            mark = own_erasure(room.joint, room.s, commitment)
            if mark is not None:
                return mark
    raise HTTPException(404)


async def feed(request: Request) -> Response:
    """Atom, one entry for each release and language."""
    node: Node = request.app.state.node
    room = newsroom_of(node, request.path_params["side"])
    base = node.url_of(request)
    language = room.side.languages[0] if room.side.languages else "en"

    def author(code: str) -> str:
        return words.one_of(room.side.name, code)[1]

    body = atom(
        side=room.side.id,
        title=author(language),
        language=language,
        home=f"{base}/newsroom/{room.side.id}",
        self_link=f"{base}/newsroom/{room.side.id}/feed.atom",
        author=author(language),
        entries=to_feed(room.joint, room.s, room.text, lambda *release: base + address(*release), author),
    )
    etag = tag_of(body)
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={FRESH_S}"}
    if is_held(request, etag):
        return Response(status_code=304, headers=headers)
    return gzipped(request.headers, Response(body, 200, headers, "application/atom+xml; charset=utf-8"))


class Comments:
    """The door for readers' comments, with its budget."""

    def __init__(self) -> None:
        self._budget = Budget(
            N_("too many comments from your address within the hour; nothing was kept"),
            RateLimitItemPerHour(COMMENTS_AN_HOUR),
        )

    async def leave(self, request: Request) -> Response:
        """Keep a comment for the desk to read; it appears when a person of the desk has published it."""
        node: Node = request.app.state.node
        room = newsroom_of(node, request.path_params["side"])
        name = request.path_params["release"]
        if not any(each.id == name for each in newsroom(room.joint, room.s)):
            raise HTTPException(404)
        await self._budget.spend(request)
        form = await request.form(max_files=0, max_fields=8, max_part_size=16 * 1024)
        text = str(form.get("text", ""))
        try:
            await node.desk.leave(
                room.ledger.id, room.side.id, name, name=str(form.get("name", "")), text=text
            )
        except CommentRefused as error:
            wrong = refusal_words(error, language_of(request))
            return await _release(request, status=400, wrong=wrong, typed=text)
        room.ledger.publish("comment", side=room.side.id, release=name)
        return RedirectResponse(f"{address(room.side.id, name)}?comment=held#comments", 303)


def newsroom_routes() -> list[BaseRoute]:
    at = "/newsroom/{side}"
    return [
        Route(at, front),
        Route(at + "/feed.atom", feed),
        Route(at + "/{release}", release),
        Route(at + "/{release}/comments", Comments().leave, methods=["POST"]),
    ]
