"""What an assessment refers to: addresses and files by their hash, one a line (record.md §11.3)."""

from __future__ import annotations

import pytest
from tests.talks.table import Table, agreed_talk, signed_text
from tests.understandings.test_understandings import assess

from visavis.errors import Malformed
from visavis.understandings.acts import Verdict
from visavis.understandings.model import Need, need_of, review
from visavis.understandings.references import MAX_LINES, Kind, references

FILE = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("line", "kind", "at", "name"),
    [
        ("https://example.org/minutes?n=3", Kind.LINK, "https://example.org/minutes?n=3", ""),
        (
            "  http://example.org/  Minutes of the third round ",
            Kind.LINK,
            "http://example.org/",
            "Minutes of the third round",
        ),
        (FILE, Kind.FILE, "0a" * 32, ""),
        (f"{FILE}  list of applications.pdf", Kind.FILE, "0a" * 32, "list of applications.pdf"),
        (FILE.upper(), Kind.WORDS, "", FILE.upper()),
        (FILE[:-1], Kind.WORDS, "", FILE[:-1]),
        ("javascript:alert(1)", Kind.WORDS, "", "javascript:alert(1)"),
        ("https://ministry.example@evil.example/", Kind.WORDS, "", "https://ministry.example@evil.example/"),
        ("https://", Kind.WORDS, "", "https://"),
        ("https://[::1", Kind.WORDS, "", "https://[::1"),
        ("https://exаmple.org", Kind.WORDS, "", "https://exаmple.org"),  # its third letter is Cyrillic
        ("minutes of the third round", Kind.WORDS, "", "minutes of the third round"),
    ],
)
def test_a_line_is_an_address_or_a_files_hash_or_shown_as_it_stands(
    line: str, kind: Kind, at: str, name: str
) -> None:
    """Only what a reader can follow or compare counts as either; an address that passes for another's is none."""
    (found,) = references(f"\n{line}\r\n\n")
    assert (found.kind, found.at, found.name) == (kind, at, name)


def test_references_stand_beside_the_words_of_the_evidence() -> None:
    """They are no text in a language, each side reads the same ones, and what is neither is refused at its field."""
    table = Table()
    understanding = signed_text(table, agreed_talk(table, start="2021-06-16T11:00:00Z"), "Visas")
    talk = agreed_talk(table)
    lines = f"https://example.org/list List\n{FILE} list.pdf"
    assess(table, 0, talk, understanding, Verdict.NOT_BEGUN, evidence={"en": "24 wait.", "zxx": lines})
    assess(table, 1, talk, understanding, Verdict.NOT_BEGUN)
    for us in (0, 1):
        (row,) = review(table.joint, us, talk).rows
        said = row.ours if us == 0 else row.theirs
        assert said is not None and said.references is not None
        assert [language for language, _ in said.evidence] == ["en"]
        found = references(table.text(us, said.references) or "")
        assert [(each.kind, each.name) for each in found] == [(Kind.LINK, "List"), (Kind.FILE, "list.pdf")]
    for wrong in ("see the annex", "javascript:alert(1)", "\n".join([FILE] * (MAX_LINES + 1))):
        with pytest.raises(Malformed) as refused:
            assess(table, 0, talk, understanding, Verdict.NOT_BEGUN, evidence={"zxx": wrong})
        assert refused.value.details["field"] == "evidence.zxx"


@pytest.mark.parametrize("ours", [*Verdict, None])
@pytest.mark.parametrize("theirs", [*Verdict, None])
def test_what_a_review_takes_up_first_names_no_side(ours: Verdict | None, theirs: Verdict | None) -> None:
    """Both chairs see one order; whoever asks for extra effort is heard, and only both together close a matter."""
    need = need_of(ours, theirs)
    assert need == need_of(theirs, ours)
    assert (need is Need.EFFORT) == (Verdict.EXTRA_EFFORT in (ours, theirs))
    assert (need is Need.DONE) == (ours == theirs == Verdict.IMPLEMENTED)


def test_within_one_need_what_asked_for_more_at_the_talk_before_comes_first() -> None:
    """Before anybody has assessed anything, the order is that of the talk before."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    done, effort = signed_text(table, first, "Done"), signed_text(table, first, "Effort")
    second = agreed_talk(table, start="2021-10-07T15:00:00Z")
    assess(table, 0, second, done, Verdict.IMPLEMENTED)
    assess(table, 1, second, effort, Verdict.EXTRA_EFFORT)
    seen = review(table.joint, 0, agreed_talk(table))
    assert [(row.understanding, row.need) for row in seen.rows] == [(effort, Need.OPEN), (done, Need.OPEN)]
    assert [(row.last_ours, row.last_theirs) for row in seen.rows] == [
        (None, Verdict.EXTRA_EFFORT),
        (Verdict.IMPLEMENTED, None),
    ]
