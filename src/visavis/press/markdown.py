"""A release's Markdown as safe HTML, and as plain paragraphs. Pure.

Lives here: `to_html`, `to_paragraphs`.
Not here: pages (`web`), feeds (`feed`).

CommonMark without raw HTML, images and link decoration; what comes out is cleaned again by nh3, so that no
release can carry a script, a form or a third party's picture into a reader's page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape

import nh3
from markdown_it import MarkdownIt

_TAGS = {
    *("p", "br", "em", "strong", "blockquote", "ul", "ol", "li", "h2", "h3", "h4", "hr", "a", "code", "pre"),
}
_LOWER = {"h1": "h2", "h5": "h4", "h6": "h4"}
"""A release's own title is the page's h1; headings inside it start below."""
MAX_MARKS = 2000
"""The parser's time grows with the square of these: 60 000 of them take it five seconds, 2000 a tenth of one."""
_MARKS = re.compile(r"[*_\[`]")
_BREAKS = re.compile(r"</(?:p|li|h[1-6]|blockquote|pre)>|<br ?/?>|<hr ?/?>")
_MARKUP = re.compile(r"<[^>]*>")


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "maxNesting": 16}).disable("image")


@lru_cache(maxsize=512)
def to_html(markdown: str) -> str:
    """Safe HTML of a release's text: paragraphs, lists, quotations, links (http, https, mailto) and headings.

    A text with more than `MAX_MARKS` marks of layout is no press text: it is given as it stands.
    """
    if len(_MARKS.findall(markdown)) > MAX_MARKS:
        return "".join(f"<p>{escape(part)}</p>\n" for part in markdown.split("\n\n") if part.strip())
    html = _markdown().render(markdown)
    for high, low in _LOWER.items():
        html = html.replace(f"<{high}>", f"<{low}>").replace(f"</{high}>", f"</{low}>")
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


def to_paragraphs(markdown: str) -> tuple[str, ...]:
    """The words of a release, paragraph by paragraph, without any mark of layout."""
    pieces = (
        " ".join(unescape(_MARKUP.sub("", piece)).split()) for piece in _BREAKS.split(to_html(markdown))
    )
    return tuple(piece for piece in pieces if piece)
