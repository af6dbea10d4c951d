"""What stands on a side's copy of its understandings, from the account of a verified record. Pure.

Lives here: `Paper`, `Sheet`, `paper_of`, `payload`.
Not here: the checks (`verification`), fixed words (`words`), how it looks (`printing`).
Spec: docs/spec/record.md §15.

Two copies of one understanding hold the same texts, and differ in order alone: each names its own side first and
sets its own language first (*alternat*).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from visavis.dialogue.texts import Texts, harmless, texts_of
from visavis.errors import Refused
from visavis.verification.account import Account, Agreement, Erasure, LogAccount, Signed, Standing

PAYLOAD = "visavis/paper/v1"
_SLOT = "text/"


class NothingToPrint(Refused):
    """No such understanding was ever in force, or none is."""

    code = "nothing-to-print"


class Lack(StrEnum):
    """Why words are not printed."""

    ABSENT = "absent"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Passage:
    """Words in one language, or why there are none. text: the commitment then; "" where nothing was said.

    erased: by which sides, ascending, where `lack` says so.
    """

    language: str
    text: str
    lack: Lack | None = None
    erased: tuple[Erasure, ...] = ()


Row = tuple[Passage, ...]
"""One passage for each language of the columns: one, or two side by side."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The text in one language or two, clause against clause.

    duties: of the copy's own side, then of the other's; each a list of rows.
    """

    languages: tuple[str, ...]
    title: Row
    clauses: tuple[Row, ...]
    duties: tuple[tuple[Row, ...], tuple[Row, ...]]


@dataclass(frozen=True, slots=True)
class Party:
    """One side as the paper names it."""

    log: LogAccount

    def name(self, language: str) -> str:
        """Its name in that language; in its first, where it has none."""
        names = self.log.names
        return harmless(names.get(language) or next(iter(names.values())))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One understanding. signed, since: own side first. ended: own side first, an entry's index or None.

    since:       per side, the entry of its log that is proven to know both consents. None: replaced since.
    replaces:    hash of the text that was in force before; replaced_by: of the one that is after.
    """

    understanding: str
    hash: str
    kind: str
    standing: Standing
    correction: bool
    replaces: str | None
    replaced_by: str | None
    columns: tuple[Columns, ...]
    signed: tuple[Signed, Signed]
    since: tuple[int | None, int | None] | None
    ended: tuple[int | None, int | None]
    payload: str

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the fixed words: those of the first columns."""
        return self.columns[0].languages


@dataclass(frozen=True, slots=True)
class Paper:
    """One side's copy. parties: own side first. faults: how many checks of the record fail."""

    dialogue: str
    parties: tuple[Party, Party]
    sheets: tuple[Sheet, ...]
    faults: int

    def named(self, side: str, language: str) -> str:
        """The name of the side of that id."""
        return next(party for party in self.parties if party.log.side == side).name(language)

    @property
    def language(self) -> str:
        """The copy's own language."""
        return self.sheets[0].languages[0]


def paper_of(account: Account, side: str, understanding: str | None = None) -> Paper:
    """The copy of `side`: one understanding however it stands, or all that are in force.

    Raises `NothingToPrint`.
    """
    own, other = sorted(account.logs, key=lambda log: log.side != side)
    sheets = tuple(
        _sheet(account, own, other, agreement)
        for agreement in _chosen(account, understanding)
        if agreement.body
    )
    if own.side != side or not sheets:
        raise NothingToPrint("the record has no such understanding in force to be printed")
    return Paper(account.dialogue, (Party(own), Party(other)), sheets, len(account.faults))


def _chosen(account: Account, understanding: str | None) -> Iterable[Agreement]:
    if understanding is None:
        return [each for each in account.in_force() if each.slot.startswith(_SLOT)]
    return [each for each in account.agreements if each.slot == _SLOT + understanding][-1:]


def _sheet(account: Account, own: LogAccount, other: LogAccount, agreement: Agreement) -> Sheet:
    chain = [each.hash for each in account.agreements if each.slot == agreement.slot]
    at = chain.index(agreement.hash)
    signed = {each.side: each for each in agreement.signed}
    ended = {each.side: each.index for each in agreement.ended}
    known = agreement.known_since
    return Sheet(
        understanding=agreement.slot.removeprefix(_SLOT),
        hash=agreement.hash,
        kind=agreement.kind,
        standing=agreement.standing,
        correction=bool(agreement.body["correction"]),
        replaces=chain[at - 1] if at else None,
        replaced_by=chain[at + 1] if at + 1 < len(chain) else None,
        columns=tuple(_columns(account, own, other, agreement)),
        signed=(signed[own.side], signed[other.side]),
        since=None if known is None else (known[own.side], known[other.side]),
        ended=(ended.get(own.side), ended.get(other.side)),
        payload=payload(account, agreement),
    )


def _columns(account: Account, own: LogAccount, other: LogAccount, agreement: Agreement) -> Iterable[Columns]:
    body = agreement.body
    title, text = texts_of(body["title"]), texts_of(body["body"])
    duties = {log.side: [u for u in body["undertakings"] if u["by"] == log.side] for log in (own, other)}
    order = ordered((code for code, _ in text), own.languages, other.languages)

    def row(texts: Texts, languages: tuple[str, ...]) -> Row:
        said = dict(texts)
        return tuple(_passage(account, agreement, code, said.get(code, "")) for code in languages)

    for languages in (order[i : i + 2] for i in range(0, len(order), 2)):
        yield Columns(
            languages,
            row(title, languages),
            _against(row(text, languages)),
            tuple(  # type: ignore[arg-type]
                tuple(row(texts_of(u["texts"]), languages) for u in duties[log.side]) for log in (own, other)
            ),
        )


def ordered(codes: Iterable[str], own: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """A text's languages as one copy sets them: the own side's first, then the other's, then the rest."""
    there = list(codes)
    first = next((code for code in own if code in there), None)
    if first is None:
        theirs = next((code for code in other if code in there), None)
        first = next((code for code in there if code != theirs), theirs)
    second = next((code for code in other if code in there and code != first), None)
    return tuple(dict.fromkeys(code for code in (first, second, *there) if code is not None))


def _passage(account: Account, agreement: Agreement, language: str, commitment: str) -> Passage:
    words = agreement.contents.get(commitment)
    if words is not None:
        return Passage(language, harmless(words))
    erased = account.erasures(commitment)
    return Passage(language, commitment, Lack.ERASED if erased else Lack.ABSENT, erased)


def _against(texts: Row) -> tuple[Row, ...]:
    """Clause against clause; a clause is what blank lines part. What is lacking stands whole, once."""
    parts = [[each] if each.lack else _clauses(each) for each in texts]
    return tuple(
        tuple(found or Passage(text.language, "") for found, text in zip(row, texts, strict=True))
        for row in zip_longest(*parts)
    )


def _clauses(passage: Passage) -> list[Passage]:
    parts = (part.strip() for part in passage.text.replace("\r\n", "\n").split("\n\n"))
    return [Passage(passage.language, part) for part in parts if part]


def payload(account: Account, agreement: Agreement) -> str:
    """What the printed code says (§15.2). The same on both copies: sides stand in ascending order."""
    logs = sorted(account.logs, key=lambda log: log.side)
    lines = (PAYLOAD, account.dialogue, agreement.slot, agreement.hash)
    return "\n".join((*lines, *(f"{log.side} {log.size} {log.root}" for log in logs)))


def missing(sheet: Sheet) -> Mapping[str, Lack]:
    """Commitment → why its words are not on this sheet."""
    rows = (
        row
        for columns in sheet.columns
        for row in (columns.title, *columns.clauses, *columns.duties[0], *columns.duties[1])
    )
    return {passage.text: passage.lack for row in rows for passage in row if passage.lack is not None}
