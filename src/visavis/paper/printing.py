"""A paper as PDF: A4, in the house's type, from nothing but what this package holds.

Lives here: `print_paper`.
Not here: what stands on it (`model`), its seal (`sealing`).

WeasyPrint is given HTML that Jinja escaped and one way to fetch: the house's own fonts, by name. It reads no file and
no address that a text could name. It takes seconds to import, so it is imported when something is printed.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2

from visavis.dialogue.model import Role
from visavis.dialogue.texts import direction, harmless
from visavis.errors import Unavailable
from visavis.paper import words
from visavis.paper.figure import half
from visavis.paper.model import Paper

if TYPE_CHECKING:
    from visavis.paper.sealing import Seal

SCHEME = "visavis-font:"
_SUBSETS = ("latin", "latin-ext", "cyrillic", "cyrillic-ext")
_FACES = (
    ("ibm-plex-serif", _SUBSETS, (("400", "normal"), ("400", "italic"), ("500", "normal"))),
    ("ibm-plex-sans", _SUBSETS, (("400", "normal"), ("500", "normal"))),
    ("ibm-plex-sans-arabic", ("arabic",), (("400", "normal"), ("500", "normal"))),
    ("ibm-plex-mono", ("latin",), (("400", "normal"),)),
)


class PrinterMissing(Unavailable):
    """Printing needs `visavis[paper]` and the system's Pango; or the fonts are not built."""

    code = "printer-missing"


def print_paper(paper: Paper, seal: Seal | None = None) -> bytes:
    """The copy's PDF (PDF/A-3, tagged), sealed if there is a seal. Seconds of work, in this thread.

    Raises `PrinterMissing`.
    """
    try:
        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration
    except (ImportError, OSError) as error:  # OSError: cffi finds no Pango
        raise PrinterMissing("printing needs the extra visavis[paper] and the system's Pango") from error

    fonts = FontConfiguration()
    only = _only_fonts()
    html = HTML(string=_html(paper, seal), url_fetcher=only, base_url=None)
    css = CSS(string=_faces() + _resource("paper.css"), font_config=fonts, url_fetcher=only)
    pdf: bytes = html.write_pdf(stylesheets=[css], font_config=fonts, pdf_variant="pdf/a-3a", pdf_tags=True)
    if seal is None:
        return pdf
    from visavis.paper.sealing import seal_file

    return seal_file(pdf, seal)


def _only_fonts() -> Any:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OnlyFonts(URLFetcher):  # type: ignore[misc]  # untyped
        """Hands out the house's fonts; anything else ends the printing."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            scheme, _, name = url.partition(SCHEME)
            if scheme or name not in _font_files():
                raise FatalURLFetchingError(f"a paper fetches nothing: {url[:80]}")
            return URLFetcherResponse(url, _font(name), {"Content-Type": "font/woff2"})

    return OnlyFonts(allowed_protocols=())


@cache
def _font_files() -> frozenset[str]:
    return frozenset(
        f"{family}-{subset}-{weight}-{style}.woff2"
        for family, subsets, styles in _FACES
        for subset in subsets
        for weight, style in styles
    )


@cache
def _font(name: str) -> bytes:
    try:
        return (files("visavis") / "web" / "static" / "fonts" / name).read_bytes()
    except FileNotFoundError as error:
        raise PrinterMissing("the house's fonts are not built: run `make bundle`") from error


@cache
def _faces() -> str:
    """One family for each script's file, in one stack: no reliance on how ranges of one family are joined."""
    for name in _font_files():
        _font(name)
    rules = [
        f"@font-face {{ font-family: '{family}-{subset}'; font-weight: {weight}; font-style: {style};"
        f" src: url('{SCHEME}{family}-{subset}-{weight}-{style}.woff2') format('woff2') }}"
        for family, subsets, styles in _FACES
        for subset in subsets
        for weight, style in styles
    ]
    return "\n".join(rules) + "\n"


def _resource(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("visavis.paper", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["harmless"] = harmless
    environment.globals.update(
        say=words.say,
        moment=words.moment,
        direction=direction,
        language_name=words.language_name,
        half=half,
        roles=frozenset(Role),
        code=_code,
        receipt_time=_receipt_time,
    )
    return environment.get_template("paper.html")


def _html(paper: Paper, seal: Seal | None) -> str:
    return _template().render(paper=paper, fingerprint=None if seal is None else seal.fingerprint)


def _code(payload: str) -> Any:
    """A QR code's dark modules as one path, its size in modules."""
    import segno

    matrix = segno.make(payload, error="m", micro=False, boost_error=False).matrix
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark)
    return {"size": len(matrix), "path": path}


def _receipt_time(timestamp: int, language: str) -> str:
    from datetime import UTC, datetime

    try:
        return words.moment(datetime.fromtimestamp(timestamp, UTC), language)
    except (OverflowError, ValueError, OSError):
        return f"{timestamp} s"
