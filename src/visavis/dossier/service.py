"""Laying papers, giving them as non-papers, taking them back.

Lives here: `Dossier`, `Limits`.
Not here: giving a paper by an act (`talks.service`: `talks.give-paper`), what a file may be (`files`), who sees what
(`model`), HTTP (`web.pages.papers`).
Spec: docs/spec/record.md §11.2; docs/spec/http.md §8.

What is known of the files is in memory, without their bytes; the bytes are read where somebody opens one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import anyio

from visavis.dialogue import chair
from visavis.dialogue.commands import Fresh, View
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.service import Dialogues
from visavis.dossier.errors import EmptyPaper, PapersFull, PaperTooLarge
from visavis.dossier.files import clean_name, sniffed
from visavis.dossier.model import PaperView, described, is_given, papers_of
from visavis.dossier.ports import Paper, PaperStore
from visavis.talks.acts import agenda_slot, paper_key
from visavis.talks.errors import NoSuchItem, NoSuchPaper, PaperGiven
from visavis.talks.model import draft_items

MAX_PAPERS = 500
"""Of one side in one dialogue: a page of them is still read by a person."""


@dataclass(frozen=True, slots=True)
class Limits:
    """paper: bytes of one file. side: bytes of all files of a side in one dialogue."""

    paper: int
    side: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a side has laid: how many, how many bytes; and how many bytes it may."""

    papers: int
    used: int
    limit: int


class Dossier:
    """Use cases of papers."""

    def __init__(
        self,
        store: PaperStore,
        dialogues: Dialogues,
        limits: Limits,
        clock: Callable[[], datetime],
        fresh: Fresh,
    ) -> None:
        self.limits = limits
        self._store = store
        self._dialogues = dialogues
        self._clock = clock
        self._fresh = fresh
        self._papers: dict[str, dict[str, Paper]] = {}
        self._erased: dict[str, int] = {}
        self._laying = anyio.Lock()
        dialogues.papers = self.described
        dialogues.on_entry(self._look)

    async def load(self) -> None:
        """Read what is known of all files. Raises `Unavailable`."""
        for paper in await self._store.all():
            self._papers.setdefault(paper.dialogue, {})[paper.id] = paper

    # --- reading ------------------------------------------------------------------------------------

    def described(self, dialogue: str, side: str, talk: str, item: str, paper: str) -> str | None:
        """What the side's paper of that id under that item is, in an act's words; None if it has no such one."""
        found = self._papers.get(dialogue, {}).get(paper)
        if found is None or (found.side, found.talk, found.item) != (side, talk, item):
            return None
        return described(found)

    def of(self, view: View, talk: str) -> tuple[PaperView, ...]:
        """The papers of a talk that the asker may see."""
        rows = self._papers.get(_dialogue(view), {}).values()
        return papers_of(view.joint, view.us, view.text, talk, rows)

    def find(self, view: View, talk: str, paper: str) -> PaperView:
        """One of them. Raises `NoSuchPaper`."""
        found = next((each for each in self.of(view, talk) if each.id == paper), None)
        if found is None:
            raise NoSuchPaper("there is no such paper here, or it is not yours to see")
        return found

    async def data(self, view: View, paper: PaperView) -> bytes:
        """The file. Raises `NoSuchPaper` if it is not at this node."""
        data = await self._store.data(_dialogue(view), paper.id) if paper.at_hand else None
        if data is None or sha256(data).hexdigest() != paper.digest:
            raise NoSuchPaper("the file is not at this node")
        return data

    def allowance(self, view: View) -> Allowance:
        mine = [p for p in self._papers.get(_dialogue(view), {}).values() if p.side == view.side]
        return Allowance(len(mine), sum(p.size for p in mine), self.limits.side)

    # --- laying, giving, taking back ------------------------------------------------------------------

    async def lay(self, view: View, talk: str, item: str, name: str, data: bytes) -> Paper:
        """Keep a file for our own side alone. item: "" for the talk as a whole.

        The same file under the same item and name is laid once, however often it is sent. Raises `UnfitPaper`,
        `PaperTooLarge`, `PapersFull`, `NoSuchItem`.
        """
        if len(data) > self.limits.paper:
            raise PaperTooLarge("the paper is larger than this node allows")
        if item and item not in _items(view, talk):
            raise NoSuchItem("no such item lies on the table of this talk", field="item")
        if not data:
            raise EmptyPaper("there is nothing in the file")
        kind, digest = await anyio.to_thread.run_sync(lambda: (sniffed(data, name), sha256(data).hexdigest()))
        name = clean_name(name, kind)
        dialogue = _dialogue(view)
        async with self._laying:
            known = self._papers.setdefault(dialogue, {})
            same = (view.side, talk, item, name, digest)
            for paper in known.values():
                if (paper.side, paper.talk, paper.item, paper.name, paper.digest) == same:
                    return paper
            mine = self.allowance(view)
            if mine.papers >= MAX_PAPERS or mine.used + len(data) > mine.limit:
                raise PapersFull("your side has laid as many papers as it may here; withdraw some first")
            paper = Paper(
                dialogue,
                view.side,
                self._fresh.id(),
                talk,
                item,
                name,
                kind,
                len(data),
                digest,
                view.delegate,
                self._clock().replace(microsecond=0),
            )
            with anyio.CancelScope(shield=True):
                await self._store.add(paper, data)
                known[paper.id] = paper
        self._tell(dialogue, [view.side])
        return paper

    async def give(self, view: View, talk: str, id_: str) -> None:
        """Give our paper to the other side as a non-paper. The same again changes nothing.

        Raises `NoSuchPaper`, and `PaperGiven` for a shared one: its author is known.
        """
        ledger = self._dialogues.ledger(_dialogue(view))
        async with ledger.lock:
            paper = self._own(view, talk, id_)
            if is_given(view.joint, view.us, paper):
                raise PaperGiven("this paper is given to the other side, and is not taken back")
            if paper.non_paper:
                return
            await self._change(replace(paper, non_paper=True))
        self._tell(ledger.id, ledger.sides)

    async def withdraw(self, view: View, talk: str, id_: str) -> None:
        """Delete a private paper of ours; of a non-paper, throw our own copy away: the other side keeps its.

        Raises `NoSuchPaper`, and `PaperGiven` for a shared one: its own copy is erased by `record.erase`.
        """
        ledger = self._dialogues.ledger(_dialogue(view))
        async with ledger.lock:
            paper = self._papers.get(ledger.id, {}).get(id_)
            if paper is None or paper.talk != talk or (paper.side != view.side and not paper.non_paper):
                raise NoSuchPaper("there is no such paper here, or it is not yours to see")
            if is_given(view.joint, ledger.index(paper.side), paper):
                raise PaperGiven("this paper is given to the other side, and is not taken back")
            if paper.non_paper and paper.dropped in ("", view.side):
                await self._change(replace(paper, dropped=view.side))
            else:
                with anyio.CancelScope(shield=True):
                    if not await self._store.drop(ledger.id, id_):
                        raise PaperGiven("this paper is given to the other side, and is not taken back")
                    del self._papers[ledger.id][id_]
        self._tell(ledger.id, [view.side])

    def _own(self, view: View, talk: str, id_: str) -> Paper:
        paper = self._papers.get(_dialogue(view), {}).get(id_)
        if paper is None or (paper.side, paper.talk) != (view.side, talk) or paper.dropped == view.side:
            raise NoSuchPaper("there is no such paper here, or it is not yours to see")
        return paper

    async def _change(self, paper: Paper) -> None:
        with anyio.CancelScope(shield=True):
            await self._store.mark(paper)
            self._papers[paper.dialogue][paper.id] = paper

    def _tell(self, dialogue: str, sides: Iterable[str]) -> None:
        """Whose pages show something else now. The other side does not learn that a private paper is there."""
        for side in sides:
            self._dialogues.ledger(dialogue).publish("paper", side=side)

    def _look(self, ledger: Ledger) -> None:
        """After an entry: files that went with an erased description are known no more."""
        erased = sum(len(each) for each in ledger.joint.erased)
        if self._erased.get(ledger.id, 0) == erased or ledger.id not in self._papers:
            return
        self._erased[ledger.id] = erased
        known = self._papers[ledger.id]
        for paper in list(known.values()):
            us = ledger.index(paper.side)
            given = ledger.joint.register(us, paper_key(paper.talk, paper.item, paper.id))
            if given is not None and given["text"] not in ledger.contents:
                del known[paper.id]


def _dialogue(view: View) -> str:
    return view.joint.sides[0].dialogue


def _items(view: View, talk: str) -> frozenset[str]:
    """Ids of the items on the table, and of those on the agenda in force."""
    agenda = chair.agreed(view.joint, agenda_slot(talk))
    agreed = () if agenda is None else (item["id"] for item in agenda.body["items"])
    return frozenset((*(item.id for item in draft_items(view.joint, talk)), *agreed))
