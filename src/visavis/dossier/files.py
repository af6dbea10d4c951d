"""What a file is, by its bytes; and what it may be called. Pure.

Lives here: `sniffed`, `clean_name`, `Kind`.
Not here: showing a file (`web`), its size (`service`).
Sources: WHATWG MIME Sniffing §7.1 (what a browser takes for HTML); PNG (ISO 15948) §11.2.2; JPEG (ITU-T T.81) §B.2.2.

A file's name and the type that its sender states are claims; only its bytes are looked at. Refused is what a browser
runs (HTML, SVG, XML), whatever it is called.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from visavis.dialogue.texts import harmless
from visavis.dossier.errors import ActivePaper, EmptyPaper, HugePicture, UnfitPaper

MAX_PIXELS = 64_000_000
"""An A3 sheet at 600 points an inch has 70 million; a browser takes four bytes for each."""
MAX_NAME = 120
"""Characters. Longer names are cut in their middle."""


class Kind(StrEnum):
    """What a paper may be; the value is its media type."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    MARKDOWN = "text/markdown"
    TEXT = "text/plain"

    @property
    def is_text(self) -> bool:
        return self in (Kind.MARKDOWN, Kind.TEXT)


ENDINGS = {
    Kind.PDF: (".pdf",),
    Kind.PNG: (".png",),
    Kind.JPEG: (".jpg", ".jpeg"),
    Kind.MARKDOWN: (".md", ".markdown"),
    Kind.TEXT: (".txt",),
}
"""How names of a kind end; the first is given to a name that ends otherwise."""

_PNG = b"\x89PNG\r\n\x1a\n"
_MARKUP = re.compile(
    rb"\s*<(?:!doctype|!--|\?xml|(?:html|head|body|script|iframe|style|title|svg|math|object|embed|form|link|meta|base|"
    rb"h1|div|font|table|a|b|br|p|img)[\s/>])",
    re.IGNORECASE,
)
_ROOT = re.compile(r"<(?:[a-z]+:)?(?:svg|html|script)[\s/>]", re.IGNORECASE)
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")


def sniffed(data: bytes, name: str) -> Kind:
    """What the file is. name: only tells Markdown from plain text.

    Raises `EmptyPaper`, `ActivePaper`, `HugePicture`, or `UnfitPaper` for anything else.
    """
    if not data.strip(b"\x00\t\n\f\r "):
        raise EmptyPaper("there is nothing in the file")
    if data.startswith(b"%PDF-"):
        return Kind.PDF
    if data.startswith(_PNG):
        _must_be_seen(_png_size(data))
        return Kind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        _must_be_seen(_jpeg_size(data))
        return Kind.JPEG
    text = _text(data)
    if text is None:
        raise UnfitPaper("a paper is a PDF, a PNG or JPEG picture, or text in UTF-8; this is none of these")
    if _MARKUP.match(text.encode()[:1024]) or (_ends(name, ".svg", ".html", ".htm") and _ROOT.search(text)):
        raise ActivePaper("SVG, HTML and XML are not taken: a browser would run what is in them")
    return Kind.MARKDOWN if _ends(name, *ENDINGS[Kind.MARKDOWN]) else Kind.TEXT


def _ends(name: str, *endings: str) -> bool:
    return name.lower().endswith(endings)


def _text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _NO_TEXT.search(text) else text


def _must_be_seen(size: tuple[int, int] | None) -> None:
    if size is None or 0 in size:
        raise HugePicture("the picture says no size that can be read")
    if size[0] * size[1] > MAX_PIXELS:
        raise HugePicture("the picture has more points than a browser should be made to open")


def _png_size(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height by the first frame header; markers without a length, and filling FFs, are passed over."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = data[at + 5 : at + 9]
            return (int.from_bytes(frame[2:]), int.from_bytes(frame[:2])) if len(frame) == 4 else None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def clean_name(name: str, kind: Kind) -> str:
    """The name under which a paper is kept: one line, without a path, no character that turns or commands, an
    ending that says what the file is."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    name = "".join("\ufffd" if c in "\t\n\r" else c for c in harmless(name))
    name = " ".join(name.split()).strip(". ")
    if not _ends(name, *ENDINGS[kind]):
        name = f"{name or 'paper'}{ENDINGS[kind][0]}"
    stem, _, ending = name.rpartition(".")
    stem = stem.strip() or "paper"
    room = MAX_NAME - len(ending) - 1
    if len(stem) > room:
        stem = f"{stem[: room // 2]}…{stem[-(room - room // 2 - 1) :]}"
    return f"{stem}.{ending}"
