"""What a file is, and what it may be called."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dossier.files import JPEG, PDF, png

from visavis.dialogue.texts import harmless, is_odd
from visavis.dossier.errors import ActivePaper, EmptyPaper, HugePicture, UnfitPaper
from visavis.dossier.files import MAX_NAME, Kind, clean_name, sniffed
from visavis.errors import VisavisError


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PDF, "page.html", Kind.PDF),
        (png(), "a.svg", Kind.PNG),
        (JPEG, "a.pdf", Kind.JPEG),
        (b"# Points\n\n1 < 2", "A.MD", Kind.MARKDOWN),
        ("\ufeffТезисы".encode(), "a.docx", Kind.TEXT),
        (b"Said of <svg> and <script> in a sentence.", "a.txt", Kind.TEXT),
    ],
)
def test_its_bytes_say_what_it_is(data: bytes, name: str, kind: Kind) -> None:
    """Whatever its name claims."""
    assert sniffed(data, name) is kind


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"", "a.pdf", EmptyPaper),
        (b" \n\t\x00", "a.txt", EmptyPaper),
        (b"<!DOCTYPE html><p>x", "a.txt", ActivePaper),
        (b"\xef\xbb\xbf \n<?xml version='1.0'?><a/>", "a.md", ActivePaper),
        (b"<SVG/onload=alert(1)>", "a.png", ActivePaper),
        (b"words, and then <svg onload=alert(1)>", "a.svg", ActivePaper),
        ("<html>".encode("utf-16"), "a.txt", UnfitPaper),
        (b"PK\x03\x04" + bytes(30), "a.docx", UnfitPaper),
        (b"MZ\x90\x00\x03", "a.pdf", UnfitPaper),
        (b"GIF89a" + bytes(10), "a.png", UnfitPaper),
        (b"a\x1b[2Jb", "a.txt", UnfitPaper),
        (png(40_000, 40_000), "a.png", HugePicture),
        (png(0, 5), "a.png", HugePicture),
        (png()[:20], "a.png", HugePicture),
        (JPEG[:9], "a.jpg", HugePicture),
        (JPEG.replace(b"\x00\x10\x00\x20", b"\xff\xff\xff\xff"), "a.jpg", HugePicture),
    ],
)
def test_what_is_none_is_refused(data: bytes, name: str, why: type[VisavisError]) -> None:
    """What runs, what is nothing, what no browser should be made to open, and the rest; each with its own reason."""
    with pytest.raises(why) as error:
        sniffed(data, name)
    assert type(error.value) is why


@given(st.binary(max_size=400), st.text(max_size=30))
def test_no_bytes_break_it(data: bytes, name: str) -> None:
    """Any bytes are of a kind, or are refused."""
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"<"):
        with suppress(UnfitPaper):
            assert sniffed(head + data, name) in Kind


@given(st.text(max_size=400), st.sampled_from(Kind))
def test_a_name_is_one_harmless_line(name: str, kind: Kind) -> None:
    """Without a path or an odd character, not too long, with the ending of what the file is; cleaned again it stays."""
    clean = clean_name(name, kind)
    assert clean == harmless(clean) == clean_name(clean, kind)
    assert 0 < len(clean) <= MAX_NAME
    assert not any(is_odd(c) or c in "/\\\n\t" for c in clean)


def test_names() -> None:
    """The names that people send, and those that are meant to mislead."""
    cases = {
        "C:\\Users\\x\\План.pdf": "План.pdf",
        "../../etc/passwd": "passwd.pdf",
        "invoice\u202efdp.exe": "invoice\ufffdfdp.exe.pdf",
        "a\r\nSet-Cookie: x.pdf": "a\ufffd\ufffdSet-Cookie: x.pdf",
        ".pdf": "pdf.pdf",
        "": "paper.pdf",
    }
    assert {name: clean_name(name, Kind.PDF) for name in cases} == cases
