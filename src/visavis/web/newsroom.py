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
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from limits import RateLimitItemPerHour
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.dialogue import chair
from visavis.dialogue.commands import Audience
from visavis.dialogue.ledger import Ledger
from visavis.press.errors import CommentRefused
from visavis.press.feed import FeedEntry, atom
from visavis.press.markdown import to_paragraphs
from visavis.press.model import LanguageView, PublicRelease, Related, newsroom, related
from visavis.press.ports import Comment
from visavis.press.quotes import Released
from visavis.web import words
from visavis.web.context import environment, language_of
from visavis.web.errors import TooMany
from visavis.web.pages.frame import Side

if TYPE_CHECKING:
    from visavis.node import Node

COMMENTS_AN_HOUR = RateLimitItemPerHour(20)
"""From one address: a desk of persons reads every one of them."""
FRESH_S = 10
"""How long a cache may answer by itself: at the moment of a release thousands come at once."""


@dataclass(frozen=True, slots=True)
class Words:
    """One release in one language, opened. text: Markdown."""

    language: str
    title: str
    text: str
    dateline: str


@dataclass(frozen=True, slots=True)
class Article:
    """A public release for one reader. words: in the reader's language, or in the one there is.

    href: its address on this node. first, latest: when its first and its newest version went out.
    zone: of the dateline. names: of the sides whose voice it is, language → name. languages: it exists in.
    """

    side: str
    id: str
    kind: str
    href: str
    words: Words
    languages: tuple[str, ...]
    initials: str
    first: datetime | None
    latest: datetime | None
    corrected: bool
    version: int
    index: int
    zone: str
    names: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Room:
    """One side's newsroom, found by the side's id. s: the side's index in its dialogue."""

    ledger: Ledger
    s: int
    side: Side

    @property
    def joint(self) -> Any:
        return self.ledger.joint

    def public(self, commitment: str | None) -> str:
        """A content's words, if they are public; else nothing."""
        row = None if commitment is None else self.ledger.contents.get(commitment)
        if row is None or row.audience is not Audience.PUBLIC:
            return ""
        return row.data.decode("utf-8", "replace")

    def names(self, sides: Sequence[str]) -> tuple[dict[str, str], ...]:
        found = []
        for each in sides:
            founding = self.joint.sides[self.ledger.index(each)].founding
            found.append({} if founding is None else dict(founding.names))
        return tuple(found)

    def opened(self, texts: Sequence[LanguageView]) -> tuple[Words, ...]:
        return tuple(
            Words(t.language, self.public(t.title), self.public(t.text), self.public(t.dateline)) for t in texts
        )

    def article(self, release: PublicRelease, language: str) -> Article:
        each = {one.language: one for one in self.opened(release.texts)}
        chosen, _ = words.one_of({code: one.title or "–" for code, one in each.items()}, language)
        return Article(
            side=release.side,
            id=release.id,
            kind=release.kind.value,
            href=f"/newsroom/{release.side}/{quote(release.id)}",
            words=each.get(chosen, Words(language, "", "", "")),
            languages=tuple(each),
            initials=self.public(release.initials),
            first=chair.moment(release.first.time),
            latest=chair.moment(release.latest.time),
            corrected=release.corrected,
            version=release.version,
            index=release.latest.index,
            zone=release.zone,
            names=self.names(release.by),
        )

    def link(self, other: Related, language: str) -> tuple[str, str, str, str]:
        """(address, language, headline, why) of a related release."""
        titles = {t.language: self.public(t.title) for t in other.texts}
        code, title = words.one_of(titles, language)
        return f"/newsroom/{other.side}/{quote(other.release)}", code, title, other.why


def room_of(node: Node, side: str) -> Room:
    """The newsroom of that side. Raises 404 if this node serves no such side."""
    for dialogue in node.dialogues.ids:
        ledger = node.dialogues.ledger(dialogue)
        if side in ledger.sides and ledger.states[ledger.index(side)].founding is not None:
            s = ledger.index(side)
            founding = ledger.states[s].founding
            zone, languages = chair.profile(ledger.joint, s)
            names = {} if founding is None else dict(founding.names)
            return Room(ledger, s, Side(side, names, zone, languages, stated=True))
    raise HTTPException(404)


def published(node: Node, base: str) -> tuple[Released, ...]:
    """Everything that either side of any dialogue here has released, for the quotation check.

    base: of absolute permalinks, without a slash at its end; "" for addresses on this node.
    """
    found: dict[tuple[str, str], Released] = {}
    for dialogue in node.dialogues.ids:
        for side in node.dialogues.ledger(dialogue).sides:
            room = room_of(node, side)
            for release in newsroom(room.joint, room.s):
                for each in room.opened(release.texts):
                    # A joint readout stands in both newsrooms, and is one text.
                    key = (release.id, each.language)
                    at = f"{base}/newsroom/{side}/{quote(release.id)}?lang={each.language}"
                    paragraphs = (each.title, *to_paragraphs(each.text))
                    found.setdefault(key, Released(at, each.language, paragraphs))
    return tuple(found.values())


# --- routes -----------------------------------------------------------------------------------------


def _page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """A public page, with its strong ETag; 304 for who has these bytes already."""
    node: Node = request.app.state.node
    language = language_of(request, cookies=False)
    base = node.url_of(request)
    html = (
        environment(language)
        .get_template(name)
        .render(path=request.url.path, base=base, asker=None, sides=None, talk=None, **values)
    )
    body = html.encode()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"public, max-age={FRESH_S}",
        "Vary": "Accept-Language",
        "Content-Language": language,
    }
    if status == 200 and etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, "text/html; charset=utf-8")


async def front(request: Request) -> Response:
    """The side's front page: newest first, what is expected, the quotation check."""
    node: Node = request.app.state.node
    room = room_of(node, request.path_params["side"])
    language = language_of(request, cookies=False)
    articles = [room.article(release, language) for release in newsroom(room.joint, room.s)]
    return _page(
        request,
        "newsroom.html",
        side=room.side,
        articles=articles[:60],
        expected=_expected(room),
    )


def _expected(room: Room) -> tuple[str, str]:
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
    room = room_of(node, request.path_params["side"])
    language = language_of(request, cookies=False)
    found = next((r for r in newsroom(room.joint, room.s) if r.id == request.path_params["release"]), None)
    if found is None:
        raise HTTPException(404)
    other_zone = chair.profile(room.joint, 1 - room.s)[0]
    comments: Sequence[Comment] = await node.desk.published(room.ledger.id, room.side.id, found.id)
    return _page(
        request,
        "release.html",
        status=status,
        side=room.side,
        article=room.article(found, language),
        other_zone=other_zone,
        earlier=[
            (version.version, room.opened(version.texts), chair.moment(version.released.time))
            for version in found.earlier
            if version.released is not None
        ],
        related=[room.link(each, language) for each in related(room.joint, room.s, found)],
        comments=comments,
        held=request.query_params.get("comment") == "held",
        wrong=wrong,
        typed=typed,
    )


async def feed(request: Request) -> Response:
    """Atom, one entry for each release and language."""
    node: Node = request.app.state.node
    room = room_of(node, request.path_params["side"])
    base = node.url_of(request)
    language = room.side.languages[0] if room.side.languages else "en"
    _, author = words.one_of(room.side.name, language)
    entries = []
    for found in newsroom(room.joint, room.s):
        at = f"{base}/newsroom/{room.side.id}/{quote(found.id)}"
        first, latest = chair.moment(found.first.time), chair.moment(found.latest.time)
        if first is None or latest is None:
            continue
        opened = room.opened(found.texts)
        for each in opened:
            entries.append(
                FeedEntry(
                    side=room.side.id,
                    release=found.id,
                    language=each.language,
                    permalink=f"{at}?lang={each.language}",
                    title=each.title,
                    text=each.text,
                    dateline=each.dateline,
                    published=first,
                    updated=latest,
                    author=author,
                    initials=room.public(found.initials),
                    category=found.kind.value,
                    others=[
                        (one.language, f"{at}?lang={one.language}")
                        for one in opened
                        if one.language != each.language
                    ],
                )
            )
    body = atom(
        side=room.side.id,
        title=author,
        language=language,
        home=f"{base}/newsroom/{room.side.id}",
        self_link=f"{base}/newsroom/{room.side.id}/feed.atom",
        author=author,
        entries=entries,
    )
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={FRESH_S}"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "application/atom+xml; charset=utf-8")


class Comments:
    """The door for readers' comments, with its budget."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def leave(self, request: Request) -> Response:
        """Keep a comment for the desk to read; it appears when a person of the desk has published it."""
        node: Node = request.app.state.node
        room = room_of(node, request.path_params["side"])
        name = request.path_params["release"]
        if not any(each.id == name for each in newsroom(room.joint, room.s)):
            raise HTTPException(404)
        address = request.client.host if request.client else "unknown"
        if not await self._limiter.hit(COMMENTS_AN_HOUR, "comments", address):
            raise TooMany("too many comments from your address within the hour; nothing was kept")
        form = await request.form(max_files=0, max_fields=8, max_part_size=16 * 1024)
        text = str(form.get("text", ""))
        try:
            await node.desk.leave(
                room.ledger.id, room.side.id, name, name=str(form.get("name", "")), text=text
            )
        except CommentRefused as error:
            return await _release(request, status=400, wrong=error.message, typed=text)
        room.ledger.publish("comment", side=room.side.id, release=name)
        return RedirectResponse(f"/newsroom/{room.side.id}/{quote(name)}?comment=held#comments", 303)


def newsroom_routes() -> list[BaseRoute]:
    at = "/newsroom/{side}"
    return [
        Route(at, front),
        Route(at + "/feed.atom", feed),
        Route(at + "/{release}", release),
        Route(at + "/{release}/comments", Comments().leave, methods=["POST"]),
    ]
