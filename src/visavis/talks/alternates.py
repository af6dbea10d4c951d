"""Alternates: who of a side would stand in for whom at a talk. The side's own matter until it lists them.

Lives here: `Alternates`, the use cases. An alternate is in the room, or signs, only as the logs say: by the admission
list (`talk.delegation`) and by full powers. So nothing of this stands in a log, and nothing reaches the other side.
Not here: the list itself (`service`), the page's view (`delegations`), SQL (`store.alternates`).
"""

from __future__ import annotations

from collections.abc import Mapping

from visavis.dialogue.commands import View
from visavis.dialogue.people import NoSuchDelegate
from visavis.errors import Malformed
from visavis.talks.errors import AlternateOfAlternate, NoSuchTalk
from visavis.talks.model import known_talks
from visavis.talks.ports import AlternateStore

MOST = 100
"""Alternates of one talk: as many as a delegation has delegates."""


class Alternates:
    """Named, dropped and read by a side about itself. The caller has checked that the asker may."""

    def __init__(self, store: AlternateStore) -> None:
        self._store = store

    async def of(self, view: View, talk: str) -> Mapping[str, str]:
        """Alternate → whom they stand in for, of the asker's own side."""
        return await self._store.of(view.joint.sides[view.us].dialogue, view.side, talk)

    async def name(self, view: View, talk: str, delegate: str, stands_for: str) -> None:
        """`delegate` would stand in for `stands_for`.

        Raises `NoSuchTalk`, `NoSuchDelegate`, `Malformed`, `AlternateOfAlternate`.
        """
        known = view.joint.sides[view.us].delegates
        if talk not in known_talks(view.joint):
            raise NoSuchTalk("no such talk was proposed in this dialogue")
        for field, who in (("delegate", delegate), ("stands_for", stands_for)):
            if who not in known:
                raise NoSuchDelegate("your side has no such delegate", field=field)
        if delegate == stands_for:
            raise Malformed("delegate: nobody stands in for themselves", field="delegate")
        now = await self.of(view, talk)
        if stands_for in now or delegate in now.values():
            raise AlternateOfAlternate("an alternate has no alternate", field="stands_for")
        if len(now) >= MOST:
            raise Malformed("%(field)s: at most %(most)s alternates", field="delegate", most=MOST)
        await self._store.keep(view.joint.sides[view.us].dialogue, view.side, talk, delegate, stands_for)

    async def drop(self, view: View, talk: str, delegate: str) -> None:
        await self._store.drop(view.joint.sides[view.us].dialogue, view.side, talk, delegate)
