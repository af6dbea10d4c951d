"""Both logs as a delegate's own program has them: fetched, hashed, folded and checked here.

Lives here: `LogReader`. Not here: what is read off them (`dialogue`, `e2ee.logs`).
Spec: docs/spec/keys.md §2.3: a client takes no node's word for who is who.
"""

from __future__ import annotations

from typing import Any

from visavis.dialogue.acts import Rulebook
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint
from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import open_checkpoint
from visavis.record.digest import from_text, to_text
from visavis.record.entry import Founding, dialogue_id
from visavis.rehearsal.delegate import Delegate


class LogReader:
    """The two logs of a delegate's dialogue, growing. `joint` is the state of both as folded here."""

    def __init__(self, delegate: Delegate, rulebook: Rulebook) -> None:
        self._delegate = delegate
        self._rulebook = rulebook
        self._states: tuple[SideState, SideState] | None = None
        self._joint: Joint | None = None
        self._seen: dict[str, list[Any]] = {}

    @property
    def joint(self) -> Joint:
        if self._joint is None:
            raise Untrusted("the logs have not been read yet")
        return self._joint

    @property
    def seen(self) -> dict[str, list[Any]]:
        """side → [size, root, signature] of each log's latest checkpoint, for beats."""
        return dict(self._seen)

    async def refresh(self) -> None:
        """Fetch what is new of both logs, and check it: foundings, ids, roots, checkpoint signatures.

        Raises `Untrusted` if a log does not extend what was read before, or does not fit its checkpoint.
        """
        d = self._delegate
        base = f"/api/dialogues/{d.dialogue}"
        if self._states is None:
            answer = await d.get(f"{base}/foundings")
            foundings = [Founding.from_json(value) for value in answer["foundings"]]
            sides = (foundings[0].side(), foundings[1].side())
            if dialogue_id(*sides) != d.dialogue or d.side not in sides:
                raise Untrusted("the founding statements are not of this dialogue")
            self._states = (
                SideState(d.dialogue, sides[0], sides, self._rulebook),
                SideState(d.dialogue, sides[1], sides, self._rulebook),
            )
            self._joint = Joint(*self._states, self._rulebook)
        for state in self._states:
            await self._extend(base, state)
        self.joint.advance()

    async def _extend(self, base: str, state: SideState) -> None:
        while True:
            page = await self._delegate.get(f"{base}/logs/{state.id}?from={state.size}")
            for leaf in page["leaves"]:
                state.append(from_text(leaf))
            if state.size >= page["size"]:
                break
            if not page["leaves"]:
                raise Malformed("the node sent no leaves where there are some")
        if page["checkpoint"] is None:
            return
        key = state.key_at(state.size)
        if key is None:
            raise Untrusted("the log begins with no founding")
        checkpoint = open_checkpoint(page["checkpoint"].encode(), key)
        # A checkpoint made a moment after the page may be of a longer log; then the next refresh checks it.
        if checkpoint.size <= state.size and state.root(checkpoint.size) != checkpoint.root:
            raise Untrusted("the log does not fit its checkpoint")
        self._seen[state.id] = [checkpoint.size, to_text(checkpoint.root), to_text(checkpoint.sig)]
