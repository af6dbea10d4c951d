"""What stands on each side's copy (record.md §15), read back from the model and from the PDF itself."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.paper.lab import BODY, DUTIES, TITLE, account, agreed, speaks, told
from tests.verification.desk import CREDENTIAL, SIDES, Desk

from visavis.dialogue.texts import harmless
from visavis.paper import printing
from visavis.paper.model import Lack, NothingToPrint, Paper, Sheet, ordered, paper_of
from visavis.paper.printing import print_paper
from visavis.paper.words import _WORDS, language_name, say
from visavis.verification.account import Erasure, Standing


@pytest.fixture(scope="module")
def desk() -> Desk:
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    agreed(desk)
    return desk


@pytest.fixture(scope="module")
def copies(desk: Desk) -> tuple[Paper, Paper]:
    shown = account(desk)
    assert shown.holds
    return paper_of(shown, SIDES[0]), paper_of(shown, SIDES[1])


@pytest.fixture(scope="module")
def printed(copies: tuple[Paper, Paper]) -> tuple[bytes, bytes]:
    one, other = map(print_paper, copies)
    return one, other


def sheet(paper: Paper) -> Sheet:
    (only,) = paper.sheets
    return only


# --- the alternat -----------------------------------------------------------------------------------


def test_both_copies_hold_the_same_clauses_in_swapped_order(copies: tuple[Paper, Paper]) -> None:
    """Titles, clauses and undertakings are the same on both copies; sides and languages change places (§15.1)."""
    ours, theirs = (sheet(copy).columns[0] for copy in copies)
    assert (ours.languages, theirs.languages) == (("en", "ru"), ("ru", "en"))
    assert ours.title == theirs.title[::-1]
    assert ours.clauses == tuple(row[::-1] for row in theirs.clauses)
    assert ours.duties == tuple(tuple(row[::-1] for row in rows) for rows in theirs.duties)[::-1]
    assert [[passage.text for passage in row] for row in ours.clauses] == [
        list(pair) for pair in zip(BODY["en"].split("\n\n"), BODY["ru"].split("\n\n"), strict=True)
    ]
    assert [party.log.side for party in copies[0].parties] == list(SIDES)
    assert [party.log.side for party in copies[1].parties] == list(SIDES)[::-1]
    assert sheet(copies[0]).signed == sheet(copies[1]).signed[::-1]
    assert sheet(copies[0]).payload == sheet(copies[1]).payload


def test_the_pdf_says_it_in_each_copys_order(printed: tuple[bytes, bytes]) -> None:
    """Poppler reads every clause on both copies, the own side's name, language and undertakings first."""
    for s, (first, second) in enumerate((("en", "ru"), ("ru", "en"))):
        flat = " ".join(told(printed[s], "-raw").split())
        names = ["Side A", "Side B"][:: 1 if s == 0 else -1]
        assert flat.index(names[0]) < flat.index(names[1])
        places = []
        for code in (first, second):
            for words in (TITLE[code], *BODY[code].split("\n\n"), *(duty[code] for duty in DUTIES)):
                assert flat.count(words) == 1, words
            places.append([flat.index(clause) for clause in BODY[code].split("\n\n")])
            duties = [flat.index(duty[code]) for duty in DUTIES]
            assert duties == sorted(duties, reverse=s == 1)
        one, other = places
        assert one[0] < other[0]


def test_a_languages_place_follows_from_both_sides_languages() -> None:
    """Own language first, then the other's; no language of a text is left out, whoever speaks it."""
    assert ordered(["ar", "en", "fr"], ["en"], ["ar"]) == ("en", "ar", "fr")
    assert ordered(["ar", "en", "fr"], ["ar"], ["en"]) == ("ar", "en", "fr")
    assert ordered(["en", "fr"], ["ru"], ["en"]) == ("fr", "en")
    assert ordered(["en"], ["ru"], ["en"]) == ("en",)
    assert ordered(["en", "ru"], ["en", "ru"], ["en"]) == ("en", "ru")


def test_a_third_language_is_printed_too() -> None:
    """A text in three languages stands whole on the paper."""
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    body = BODY | {"ar": "يخطر كل جانب."}
    agreed(desk, TITLE | {"ar": "إخطار"}, body, [duty | {"ar": "تعهد"} for duty in DUTIES])
    columns = sheet(paper_of(account(desk), SIDES[0])).columns
    assert [each.languages for each in columns] == [("en", "ru"), ("ar",)]
    assert columns[1].clauses[0][0].text == body["ar"]


def test_clauses_that_do_not_match_stand_against_nothing() -> None:
    """Where one text has more clauses, each is printed, none against another's words."""
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    agreed(desk, body={"en": "One.\n\nTwo.\n\nThree.", "ru": "Один."})
    rows = sheet(paper_of(account(desk), SIDES[0])).columns[0].clauses
    assert [[each.text for each in row] for row in rows] == [["One.", "Один."], ["Two.", ""], ["Three.", ""]]


# --- who signed, and how it stands ------------------------------------------------------------------------


def test_the_paper_says_who_signed_and_never_one_instant(desk: Desk, printed: tuple[bytes, bytes]) -> None:
    """Names, capacity, each side's own time and the places of entries are on the page of signatures."""
    flat = " ".join(told(printed[0]).split())
    (agreement,) = account(desk).in_force()
    for signed in agreement.signed:
        assert signed.name is not None
        assert signed.name in flat
        assert f"Entry {signed.index} of its log" in flat
    known = agreement.known_since
    assert known is not None
    assert (
        f"Signed by both; known to both since entry {known[SIDES[0]]} of Side A and entry {known[SIDES[1]]} of Side B."
        in flat
    )
    assert flat.count("by its node’s clock") == 2
    assert "in force since" not in flat.lower()
    assert "The file bears no seal." in flat


def test_a_changed_and_an_ended_text_say_so() -> None:
    """A correction names what it corrects; an ended text names who ended it, and is printed only when asked for."""
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    first = agreed(desk)
    second = agreed(desk, {"en": "Notice", "ru": "Уведомление"}, base=first, correction=True)
    flat = " ".join(told(print_paper(paper_of(account(desk), SIDES[1], "u1"))).split())
    assert f"Corrects, from the beginning, the text {first}" in flat
    assert second in flat
    end = desk.write(1, {"type": "understanding.end", "understanding": "u1", "reason": []})
    shown = account(desk)
    with pytest.raises(NothingToPrint):
        paper_of(shown, SIDES[0])
    ended = paper_of(shown, SIDES[0], "u1")
    assert sheet(ended).standing is Standing.ENDED
    assert f"No longer in force: ended by Side B, entry {end} of its log." in " ".join(
        told(print_paper(ended)).split()
    )


def test_what_is_missing_or_erased_is_named() -> None:
    """A content that the bundle does not open is named by its commitment, an erased one as erased (§15.1)."""
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    agreed(desk)
    gone = {words.content.decode(): commitment for commitment, words in desk.contents.items()}
    absent, erased = gone[BODY["ru"]], gone[DUTIES[1]["en"]]
    for commitment in (absent, erased):
        del desk.contents[commitment]
    shown = account(desk)
    assert shown.holds
    # The rules let nobody erase what both signed; a node may have lost it.
    erasure = Erasure(erased, SIDES[1], 7, "2021-12-07T12:30:00Z", "d", "protocol-officer", None, here=False)
    shown = replace(shown, erased=(erasure,))
    columns = sheet(paper_of(shown, SIDES[0])).columns[0]
    assert (columns.clauses[0][1].text, columns.clauses[0][1].lack) == (absent, Lack.ABSENT)
    assert columns.clauses[0][0].text == BODY["en"].split("\n\n")[0]
    assert (columns.duties[1][0][0].text, columns.duties[1][0][0].lack) == (erased, Lack.ERASED)
    said = "".join(told(print_paper(paper_of(shown, SIDES[0]))).split())
    assert "[Erased:SideB,entry7ofitslog,7December2021,12:30:00UTCbyitsnode’sclock." in said
    assert f"Committedtoas{erased}" in said
    assert f"Отсутствуетвэтойзаписи.Обязательство:{absent}" in said


def test_a_record_that_does_not_hold_is_not_printed_in_silence() -> None:
    """A void entry leaves what stands standing, and a notice on the paper."""
    desk = Desk().founded()
    agreed(desk)
    desk.write(1, {"type": "understanding.sign", "understanding": "u1", "hash": "A" * 43})
    paper = paper_of(account(desk), SIDES[0])
    assert paper.faults == 1
    assert "does not hold in every part; checks that fail: 1." in " ".join(told(print_paper(paper)).split())


def test_what_was_never_agreed_is_not_printed(desk: Desk) -> None:
    """No such understanding, no such side: refused."""
    for side, understanding in ((SIDES[0], "u2"), (CREDENTIAL[0, "log"], None)):
        with pytest.raises(NothingToPrint):
            paper_of(account(desk), side, understanding)


# --- the code -----------------------------------------------------------------------------------------


def test_another_programs_reader_reads_the_code(
    desk: Desk, printed: tuple[bytes, bytes], tmp_path: Path
) -> None:
    """ZBar reads from the printed page the lines of §15.2."""
    shown = account(desk)
    (agreement,) = shown.in_force()
    for s, pdf in enumerate(printed):
        subprocess.run(["pdftoppm", "-r", "200", "-png", "-", f"{tmp_path}/{s}"], input=pdf, check=True)
        pages = sorted(map(str, tmp_path.glob(f"{s}-*.png")))
        read = subprocess.run(
            ["zbarimg", "-q", "--raw", pages[-1]], capture_output=True, text=True, check=True
        )
        logs = [f"{log.side} {log.size} {log.root}" for log in shown.logs]
        assert read.stdout.strip().split("\n") == [
            "visavis/paper/v1", shown.dialogue, agreement.slot, agreement.hash, *logs,
        ]  # fmt: skip


# --- hostile words ------------------------------------------------------------------------------------


def test_hostile_words_are_words(tmp_path: Path) -> None:
    """Markup is printed as it was written, turning characters as none, and nothing is fetched or read."""
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    markup = '<img src="http://127.0.0.1:9/x"><link rel="attachment" href="file:///etc/passwd"><style>*{display:none}</style>'
    agreed(desk, {"en": markup, "ru": "\u202eобратно"}, {"en": "x" * 3000, "ru": "{{ 7*7 }} & \u2066 \u202d"})
    pdf = print_paper(paper_of(account(desk), SIDES[0]))
    flat = "".join(told(pdf).split())
    for words in (markup.replace(" ", ""), "x" * 100, "�обратно", "{{7*7}}&��"):
        assert words in flat, words
    assert flat.count("x") >= 3000
    path = tmp_path / "hostile.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdfdetach", "-list", path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("0 embedded files")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "file:///etc/passwd", "data:text/plain,x", "visavis-font:../x"]
)
def test_the_printer_fetches_only_our_fonts(url: str) -> None:
    """Any address but one of the house's fonts ends the printing, whatever asked for it."""
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError

    only = printing._only_fonts()
    with pytest.raises(FatalURLFetchingError):
        HTML(string=f'<img src="{url}">', url_fetcher=only).write_pdf()
    assert only.fetch("visavis-font:ibm-plex-mono-latin-400-normal.woff2") is not None


def test_a_very_long_text_is_printed_whole() -> None:
    """A clause of 100 000 characters goes over pages, and its last word is there."""
    desk = Desk().founded()
    speaks(desk, "en", "ru")
    long = ("word " * 19_990).strip() + " END"
    agreed(desk, body={"en": long, "ru": "Коротко."})
    flat = told(print_paper(paper_of(account(desk), SIDES[0])))
    assert flat.split().count("word") == 19_990
    assert flat.split().count("END") == 1


def test_harmless_keeps_what_is_written() -> None:
    """Joiners, marks and line ends stay; what turns or commands does not."""
    assert harmless("می\u200cخواهم\n\tа\u0301") == "می\u200cخواهم\n\tа\u0301"
    assert harmless("a\x1b\u202eb\u2028") == "a��b�"


def test_every_fixed_phrase_names_the_same_values_in_each_language() -> None:
    """No language's phrase drops a hash, a side or an entry that another's names."""
    import string

    for key, phrases in _WORDS.items():
        named = [{name for _, name, _, _ in string.Formatter().parse(phrase) if name} for phrase in phrases]
        assert all(each == named[0] for each in named), key
    assert say("copy", "xx", side="S") == "Copy of \u2068S\u2069"


def test_a_language_is_called_by_its_own_name() -> None:
    """As its speakers call it; by its code where nobody has a name for it."""
    assert [language_name(code) for code in ("ru", "id", "xx")] == ["русский", "bahasa Indonesia", "xx"]
