"""The newsroom's feed: complete by RFC 4287, and safe whatever a release says."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from visavis.press.feed import ATOM, FeedEntry, atom, entry_id
from visavis.press.markdown import to_html, to_paragraphs

NS = {"a": ATOM}


def entry(**fields: object) -> FeedEntry:
    given_ = {
        "side": "A",
        "release": "r1",
        "language": "en",
        "permalink": "https://node.example/newsroom/A/r1?lang=en",
        "title": "Principals talk",
        "text": "They *talked*.\n\n> Nothing was signed.",
        "dateline": "Northern capital, 7 December",
        "published": datetime(2021, 12, 7, 17, 30, tzinfo=UTC),
        "updated": datetime(2021, 12, 7, 17, 38, tzinfo=UTC),
        "author": "Press service of side A",
        "initials": "PS/3",
        "category": "readout",
        "others": [("ru", "https://node.example/newsroom/A/r1?lang=ru")],
    } | fields
    return FeedEntry(**given_)  # type: ignore[arg-type]


def feed(*entries: FeedEntry) -> etree._Element:
    return etree.fromstring(
        atom(
            side="A",
            title="Newsroom of side A",
            language="en",
            home="https://node.example/newsroom/A",
            self_link="https://node.example/newsroom/A/feed.atom",
            author="Press service of side A",
            entries=entries,
        )
    )


def test_a_feed_has_all_that_rfc_4287_asks() -> None:
    """id, title, updated, author, self link; and each entry id, title, updated, published, link, content."""
    root = feed(entry())
    for path in ("a:id", "a:title", "a:updated", "a:author/a:name", "a:link[@rel='self']"):
        assert len(root.findall(path, NS)) == 1, path
    one = root.find("a:entry", NS)
    assert one is not None
    for path in ("a:id", "a:title", "a:updated", "a:published", "a:content", "a:author/a:name", "a:summary"):
        assert len(one.findall(path, NS)) == 1, path
    assert one.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert [link.get("hreflang") for link in one.findall("a:link[@rel='alternate']", NS)] == ["en", "ru"]
    assert one.findtext("a:updated", namespaces=NS) == "2021-12-07T17:38:00Z"
    assert one.findtext("a:author/a:name", namespaces=NS) == "Press service of side A (PS/3)"
    content = one.find("a:content", NS)
    assert content is not None
    assert content.get("type") == "html"
    assert content.text is not None
    assert "<em>talked</em>" in content.text


def test_an_empty_newsroom_has_a_feed() -> None:
    """A feed without entries is valid, with an updated of its own."""
    root = feed()
    assert root.findall("a:entry", NS) == []
    assert root.findtext("a:updated", namespaces=NS) == "1970-01-01T00:00:00Z"


def test_ids_are_lasting_and_one_for_each_language() -> None:
    """An id depends on side, release and language alone: not on host, version or words."""
    assert entry_id("A", "r1", "en") == entry_id("A", "r1", "en")
    ids = {entry_id(s, r, lang) for s in "AB" for r in ("r1", "r2") for lang in ("en", "ru")}
    assert len(ids) == 8
    assert all(id_.startswith("urn:uuid:") for id_ in ids)


def test_no_script_comes_through() -> None:
    """Raw HTML, scripts, pictures and odd links of a release do not reach a reader."""
    html = to_html(
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![p](https://elsewhere.example/p.png)\n\n"
        "<img src=x onerror=alert(1)>\n\n# Heading\n\n[ok](https://node.example/)"
    )
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "<h2>Heading</h2>" in html
    assert 'href="https://node.example/"' in html


def test_paragraphs_are_the_words_alone() -> None:
    """Marks of layout are gone, words and their order are kept."""
    assert to_paragraphs("# A\n\nThey *talked* &amp; left.\n\n- one\n- two") == (
        "A",
        "They talked & left.",
        "one",
        "two",
    )


@given(st.text(max_size=200), st.text(max_size=60))
def test_any_words_make_a_feed_that_parses(text: str, title: str) -> None:
    """Whatever a release says, the feed is well-formed XML."""
    root = feed(entry(text=text, title=title, dateline=title, initials=title))
    assert root.find("a:entry/a:content", NS) is not None
