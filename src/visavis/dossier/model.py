"""A talk's papers as one chair sees them. Pure.

Lives here: `PaperView`, `papers_of`; the words by which an act describes a paper (`described`, `read_description`).
Not here: the act (`talks.acts`), bytes (`files`), use cases (`service`).
Spec: docs/spec/record.md §11.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from visavis.dialogue import chair
from visavis.dialogue.chair import Mark
from visavis.dialogue.erasing import erasures
from visavis.dialogue.join import Joint
from visavis.dossier.ports import Paper
from visavis.talks.acts import paper_key

_DESCRIPTION = re.compile(
    r"([^\n]{1,200})\n([a-z]+/[a-z0-9.+-]+), ([0-9]{1,12}) bytes\nSHA-256 ([0-9a-f]{64})\Z"
)


class Sharing(StrEnum):
    PRIVATE = "private"
    SHARED = "shared"
    NON_PAPER = "non-paper"


@dataclass(frozen=True, slots=True)
class Description:
    """What an act says of a file. kind: its media type; one that this program does not know is shown, not opened."""

    name: str
    kind: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class PaperView:
    """One paper. ours: whether our side laid it; of a non-paper the page does not say so to the other side.

    by: delegate's id, and at: when it was laid, both None but of our own. mark: who gave it, if it is shared.
    commitment: to its description, if it is shared. at_hand: whether the file is at this node. erased: who erased their
    copy of the description, where it cannot be read; then name, kind, size and digest are empty.
    """

    id: str
    talk: str
    item: str
    sharing: Sharing
    ours: bool
    name: str
    kind: str
    size: int
    digest: str
    by: str | None = None
    at: datetime | None = None
    mark: Mark | None = None
    commitment: str = ""
    at_hand: bool = True
    erased: tuple[Mark, ...] = ()


def described(paper: Paper) -> str:
    """The content to which the act that gives a paper commits: its name, its type and size, its hash; three lines."""
    return f"{paper.name}\n{paper.kind.value}, {paper.size} bytes\nSHA-256 {paper.digest}"


def read_description(text: str) -> Description | None:
    """None where the other side's act says something else than a description."""
    match = _DESCRIPTION.match(text)
    return None if match is None else Description(match[1], match[2], int(match[3]), match[4])


def is_given(joint: Joint, s: int, paper: Paper) -> bool:
    """Whether side s, whose paper it is, has given it by an act."""
    return joint.register(s, paper_key(paper.talk, paper.item, paper.id)) is not None


def papers_of(
    joint: Joint, us: int, text: Callable[[str], str | None], talk: str, rows: Iterable[Paper]
) -> tuple[PaperView, ...]:
    """The papers of a talk that the chair `us` may see: shared ones in the order of their times, then the rest.

    text: a content's words, where the asker may read them. rows: all files of the dialogue, of both sides.
    """
    mine = {(row.side, row.id): row for row in rows if row.talk == talk}
    sides = [state.id for state in joint.sides]
    shared, rest = [], []
    for s in (us, 1 - us):
        for word in chair.words(joint, s, ("paper", talk)):
            row = mine.pop((sides[s], word.key[3]), None)
            shared.append(_shared(joint, us, s, text, word, row))
    for row in mine.values():
        if row.side == sides[us] and row.dropped != sides[us]:
            sharing = Sharing.NON_PAPER if row.non_paper else Sharing.PRIVATE
            rest.append(_plain(row, sharing, ours=True, by=row.by, at=row.at))
        elif row.side != sides[us] and row.non_paper and row.dropped != sides[us]:
            rest.append(_plain(row, Sharing.NON_PAPER, ours=False))
    return (
        *sorted(shared, key=lambda p: ("" if p.mark is None else p.mark.time, p.id)),
        *sorted(rest, key=lambda p: (p.sharing, p.name, p.id)),
    )


def _plain(
    row: Paper, sharing: Sharing, *, ours: bool, by: str | None = None, at: datetime | None = None
) -> PaperView:
    return PaperView(
        row.id, row.talk, row.item, sharing, ours, row.name, row.kind, row.size, row.digest, by, at
    )


def _shared(
    joint: Joint, us: int, s: int, text: Callable[[str], str | None], word: chair.Word, row: Paper | None
) -> PaperView:
    """The file counts only if it is what the act describes: the node could have another one."""
    _, talk, item, id_ = word.key
    commitment = str(word.value["text"])
    words = text(commitment)
    described_as = None if words is None else read_description(words)
    said = described_as or Description("", "", 0, "")
    return PaperView(
        id_,
        talk,
        item,
        Sharing.SHARED,
        s == us,
        said.name,
        said.kind,
        said.size,
        said.digest,
        mark=word.mark,
        commitment=commitment,
        at_hand=row is not None and described_as is not None and described(row) == words,
        erased=erasures(joint, us, commitment) if words is None else (),
    )
