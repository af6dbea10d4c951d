"""The newsroom as an Atom feed. Pure.

Lives here: `FeedEntry`, `atom`.
Not here: which releases are public (`model.newsroom`), opening their contents (the caller), HTTP (`web`).
Spec: docs/spec/http.md §6; RFC 4287; RFC 9562 (ids).

One entry for each release and language. An entry keeps its id through corrections: `updated` moves, `published`
does not, and programs that took the first version see that it changed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from visavis.press.markdown import to_html
from visavis.record.digest import digest

ATOM = "http://www.w3.org/2005/Atom"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 §2.2 cannot hold."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MAX_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One release in one language, opened.

    permalink: absolute; also of the other languages, by `others` (language → permalink).
    text: Markdown. published, updated: aware; of the first and of the newest version.
    initials: of the desk, or "" for a joint readout.
    """

    side: str
    release: str
    language: str
    permalink: str
    title: str
    text: str
    dateline: str
    published: datetime
    updated: datetime
    author: str
    initials: str
    category: str
    others: Sequence[tuple[str, str]] = ()


def entry_id(side: str, release: str, language: str) -> str:
    """A lasting id that outlives the node's host name: a version 8 UUID of what the entry is."""
    return _urn(digest("feed-entry", side.encode(), release.encode(), language.encode()))


def feed_id(side: str) -> str:
    return _urn(digest("feed", side.encode()))


def _urn(name: bytes) -> str:
    """The first 16 bytes as a version 8 UUID (RFC 9562 §5.8; the standard library makes only 1 to 5)."""
    octets = bytearray(name[:16])
    octets[6] = octets[6] & 0x0F | 0x80
    octets[8] = octets[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(octets)).urn


def atom(
    *,
    side: str,
    title: str,
    language: str,
    home: str,
    self_link: str,
    author: str,
    entries: Sequence[FeedEntry],
) -> bytes:
    """The feed's bytes, UTF-8, newest entry first as given; at most 100 entries.

    home, self_link: absolute. language: of the title. author: the press service's name.
    Source: RFC 4287 §§4.1.1, 4.1.2.
    """
    feed = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})  # type: ignore[dict-item]
    feed.set(_XML_LANG, language)
    _add(feed, "id", feed_id(side))
    _add(feed, "title", title)
    newest = max((entry.updated for entry in entries), default=NEVER)
    _add(feed, "updated", _rfc3339(newest))
    _add(_add(feed, "author"), "name", author)
    _link(feed, "self", self_link, type="application/atom+xml")
    _link(feed, "alternate", home, type="text/html")
    _add(feed, "generator", "Visavis")
    for entry in entries[:MAX_ENTRIES]:
        _entry(feed, entry)
    return etree.tostring(feed, xml_declaration=True, encoding="utf-8")


def _entry(feed: etree._Element, entry: FeedEntry) -> None:
    node = _add(feed, "entry")
    node.set(_XML_LANG, entry.language)
    _add(node, "id", entry_id(entry.side, entry.release, entry.language))
    _add(node, "title", entry.title)
    _add(node, "published", _rfc3339(entry.published))
    _add(node, "updated", _rfc3339(max(entry.updated, entry.published)))
    desk = f"{entry.author} ({entry.initials})" if entry.initials else entry.author
    _add(_add(node, "author"), "name", desk)
    _add(node, "category").set("term", entry.category)
    _link(node, "alternate", entry.permalink, type="text/html", hreflang=entry.language)
    for language, permalink in entry.others:
        _link(node, "alternate", permalink, type="text/html", hreflang=language)
    _add(node, "summary", entry.dateline).set("type", "text")
    _add(node, "content", to_html(entry.text)).set("type", "html")


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    node = etree.SubElement(parent, f"{{{ATOM}}}{name}")
    if text is not None:
        node.text = _NOT_XML.sub("\ufffd", text)
    return node


def _link(parent: etree._Element, rel: str, href: str, **attributes: str) -> None:
    node = _add(parent, "link")
    node.set("rel", rel)
    node.set("href", href)
    for name, value in attributes.items():
        node.set(name, value)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
