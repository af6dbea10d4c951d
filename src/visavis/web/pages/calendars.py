"""Talks as files and feeds for calendars.

Lives here: `/d/{d}/talks/{t}/talk.ics`, `/calendar/{token}.ics`, the words of an entry.
Not here: iCalendar (`calendars.model`), addresses (`calendars.service`), where a delegate asks for one (`me`).
Spec: docs/spec/http.md §7.

A feed is polled by a program that has no session: its address is the secret. It carries a strong ETag; `Last-Modified`
is the time of the latest entry in either log, so that an erased title is news to who asks by the time alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.calendars.model import Planned, Wording, planned, planned_talk, to_ical
from visavis.dialogue import chair
from visavis.dialogue.commands import View
from visavis.web import words
from visavis.web.context import Times, language_of, offset
from visavis.web.pages.frame import sides_of, texts_of
from visavis.web.tags import is_held, tag_of
from visavis.web.words.sentences import N_

if TYPE_CHECKING:
    from visavis.node import Node

TYPE = "text/calendar; charset=utf-8"


def said(view: View, at: Planned, base: str, language: str, *, titled: bool) -> Wording:
    """An entry's words. base: the node's address, without a slash at its end. titled: as in `calendars.ports.Feed`."""
    say = words.translations(language).ugettext
    times = Times(language)

    def there(zone: str) -> str:
        city = times.city(zone)
        where = f"{city}{times.comma}{offset(at.start, zone)}" if city else offset(at.start, zone)
        return f"{times.day(at.start, zone)}{times.comma}{times.clock(at.start, zone)} ({where})"

    lines = [say(N_("Called off."))] if at.called_off else []
    if titled:
        sides = sides_of(view)
        lines.append(" | ".join(words.one_of(each.name, language)[1] for each in (sides.ours, sides.theirs)))
    lines += [
        say(N_("Our time: %(when)s")) % {"when": there(at.time.zone_ours)},
        say(N_("Their time: %(when)s")) % {"when": there(at.time.zone_theirs)},
        f"{times.clock(at.start)} UTC",
    ]
    title = words.one_of(texts_of(view, at.time.title), language)[1] if titled else ""
    place = words.one_of(texts_of(view, at.time.place), language)[1] if titled else ""
    if at.time.mode == "video":
        place = say(N_("by video conference"))
    return Wording(
        title or say(N_("A talk")), "\n".join(lines), f"{base}/d/{at.dialogue}/talks/{at.talk}", place
    )


async def one(request: Request) -> Response:
    """The talk as a file, for a calendar that is fed by hand."""
    _asker, view = await load(request, request.path_params["d"])
    node: Node = request.app.state.node
    at = planned_talk(view.joint, view.us, request.path_params["t"])
    if at is None:
        raise HTTPException(404)
    entry = said(view, at, node.url_of(request), language_of(request), titled=True)
    headers = {"Content-Disposition": 'attachment; filename="talk.ics"'}
    return Response(to_ical([(at, entry)]), 200, headers, TYPE)


async def feed(request: Request) -> Response:
    """All talks of a dialogue with an agreed time, at a delegate's secret address."""
    node: Node = request.app.state.node
    found = await node.feeds.find(request.path_params["token"])
    if found is None:
        raise HTTPException(404)
    view = node.dialogues.view(found.dialogue, found.side, found.delegate)
    base, language = node.url_of(request), found.language
    body = to_ical(
        ((at, said(view, at, base, language, titled=found.titled)) for at in planned(view.joint, view.us)),
        words.translations(language).ugettext(N_("Talks")),
    )
    changed = max(found.made, _latest(view)).replace(microsecond=0)
    etag = tag_of(body)
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(changed, usegmt=True),
        "Cache-Control": "private, no-cache",
        "Content-Language": language,
        "X-Robots-Tag": "noindex",
    }
    if _has(request, etag, changed):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, TYPE)


def _latest(view: View) -> datetime:
    """When either log last grew, as its node states it."""
    entries = (side.entry(side.size - 1) for side in view.joint.sides if side.size)
    times = [chair.moment(entry.time) for entry in entries if entry is not None]
    return max((at for at in times if at is not None), default=datetime(1970, 1, 1, tzinfo=UTC))


def _has(request: Request, etag: str, changed: datetime) -> bool:
    """Whether the asker has these bytes already. The tag, where one is given, is the only word (RFC 9110 §13.1.3)."""
    if "if-none-match" in request.headers:
        return is_held(request, etag)
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (TypeError, ValueError):
        return False
    return since.tzinfo is not None and since >= changed


routes = [
    Route("/d/{d}/talks/{t}/talk.ics", one),
    Route("/calendar/{token}.ics", feed),
]
