"""Public releases opened for readers: their words in place of commitments. Pure.

Lives here: `OpenRelease`, `open_release`, what the quotation check and the feed take from a dialogue.
Not here: which releases are public (`model.newsroom`), pages and addresses (`web`: it gives `link`).
Spec: docs/spec/http.md §6.

text: a content's words by commitment where everybody may read it, else None. A language whose words were erased
is left out; a release without any is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from visavis.dialogue import chair
from visavis.dialogue.join import Joint
from visavis.press.feed import NEVER, FeedEntry
from visavis.press.markdown import to_paragraphs
from visavis.press.model import LanguageView, PublicRelease, newsroom
from visavis.press.quotes import Released

Text = Callable[[str], str | None]
Link = Callable[[str, str, str], str]
"""(side, release, language) → the permalink, absolute or of this host."""


@dataclass(frozen=True, slots=True)
class OpenText:
    """One language of a release. text: Markdown."""

    language: str
    title: str
    text: str
    dateline: str


@dataclass(frozen=True, slots=True)
class OpenRelease:
    """A public release as a page shows it. published, updated: aware, UTC. initials: "" if none."""

    release: PublicRelease
    texts: tuple[OpenText, ...]
    initials: str
    published: datetime
    updated: datetime

    def in_language(self, language: str | None) -> OpenText:
        """The text in that language, or else the first."""
        return next((t for t in self.texts if t.language == language), self.texts[0])


def open_text(view: LanguageView, text: Text) -> OpenText | None:
    title, words, dateline = text(view.title), text(view.text), text(view.dateline)
    if title is None or words is None or dateline is None:
        return None
    return OpenText(view.language, title, words, dateline)


def open_release(release: PublicRelease, text: Text) -> OpenRelease | None:
    """The release with its words; None if none of them can be read any more."""
    texts = tuple(t for view in release.texts if (t := open_text(view, text)) is not None)
    if not texts:
        return None
    initials = None if release.initials is None else text(release.initials)
    published = chair.moment(release.first.time) or NEVER
    return OpenRelease(
        release,
        texts,
        initials or "",
        published,
        max(published, chair.moment(release.latest.time) or NEVER),
    )


def open_newsroom(joint: Joint, s: int, text: Text) -> tuple[OpenRelease, ...]:
    """All public releases of side s, opened, newest first."""
    return tuple(r for release in newsroom(joint, s) if (r := open_release(release, text)) is not None)


def to_quote_from(joint: Joint, text: Text, link: Link) -> tuple[Released, ...]:
    """Everything that either side released, in every language and every public version: what a quotation is
    compared with. Newest first; a joint readout once."""
    found: dict[tuple[str, str, int], Released] = {}
    for s in (0, 1):
        for release in newsroom(joint, s):
            versions = [
                (release.version, release.texts),
                *((v.version, v.texts) for v in release.earlier[::-1]),
            ]
            for version, views in versions:
                for view in views:
                    opened = open_text(view, text)
                    if opened is None:
                        continue
                    found.setdefault(
                        (release.id, view.language, version),
                        Released(
                            link(release.side, release.id, view.language),
                            view.language,
                            (opened.title, *to_paragraphs(opened.text)),
                        ),
                    )
    return tuple(found.values())


def to_feed(
    joint: Joint, s: int, text: Text, link: Link, author: Callable[[str], str], language: str | None = None
) -> tuple[FeedEntry, ...]:
    """Side s's feed: one entry for each release and language, newest first. author: the press service's name in a
    language. language: that one alone."""
    entries = []
    for opened in open_newsroom(joint, s, text):
        release = opened.release
        for words in opened.texts:
            if language is not None and words.language != language:
                continue
            others: Sequence[tuple[str, str]] = [
                (t.language, link(release.side, release.id, t.language))
                for t in opened.texts
                if t.language != words.language
            ]
            entries.append(
                FeedEntry(
                    release.side,
                    release.id,
                    words.language,
                    link(release.side, release.id, words.language),
                    words.title,
                    words.text,
                    words.dateline,
                    opened.published,
                    opened.updated,
                    author(words.language),
                    opened.initials,
                    release.kind.value,
                    others,
                )
            )
    return tuple(entries)
