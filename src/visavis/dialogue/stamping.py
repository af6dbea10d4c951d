"""Timestamps over cosigned checkpoints, asked for in the background.

Lives here: `Stamping`.
Not here: the authority (`ports.Authority`), tokens (`record.timestamp`), where they are kept (`service`, `store`).
Spec: docs/spec/record.md §10.7.

Nothing waits for an authority: an entry is written, acknowledged and cosigned whether it answers or not.
"""

from __future__ import annotations

import anyio
import structlog

from visavis.dialogue.ledger import Ledger
from visavis.dialogue.ports import Authority, Timestamp
from visavis.dialogue.service import Dialogues
from visavis.errors import VisavisError
from visavis.record.checkpoint import checkpoint_text

log = structlog.get_logger(__name__)

EVERY_S = 300.0
"""A token is asked for at most this long after an entry; one for all that came meanwhile."""
RETRY_S = 60.0
RETRY_MAX_S = 3600.0
"""After a failure: the first wait, doubled each time up to the second."""


class Stamping:
    """Has the newest cosigned checkpoint of each log stamped, time and again."""

    def __init__(
        self,
        dialogues: Dialogues,
        authority: Authority,
        *,
        every_s: float = EVERY_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._dialogues = dialogues
        self._authority = authority
        self._every_s = every_s
        self._retry_s = retry_s
        self._due = anyio.Event()
        dialogues.on_entry(self._note)

    def _note(self, _: Ledger) -> None:
        self._due.set()

    async def run(self) -> None:
        """Until cancelled. What was not stamped before a restart is due at once."""
        retry = self._retry_s
        while True:
            if await self.stamp():
                retry = self._retry_s
                await self._due.wait()
                await anyio.sleep(self._every_s)
            else:
                await anyio.sleep(retry)
                retry = min(2 * retry, RETRY_MAX_S)

    async def stamp(self) -> bool:
        """Stamp what is due now. Whether all of it was: what failed is logged, and due again."""
        self._due = anyio.Event()
        done = True
        for dialogue in self._dialogues.ids:
            try:
                await self._stamp(dialogue)
            except VisavisError as error:
                log.warning("timestamp.put-off", dialogue=dialogue, why=error.message)
                done = False
            except Exception:  # a foreign server's answer ends nothing of ours
                log.exception("timestamp.failed", dialogue=dialogue)
                done = False
        return done

    async def _stamp(self, dialogue: str) -> None:
        for side in self._dialogues.ledger(dialogue).sides:
            seen = await self._dialogues.cosigned_now(dialogue, side)
            if seen is None or seen.size in self._dialogues.ledger(dialogue).timestamps[side]:
                continue
            text = checkpoint_text(dialogue, side, seen.size, seen.root)
            token = await self._authority.stamp(text)
            await self._dialogues.keep_timestamp(Timestamp(dialogue, side, seen.size, token))
            log.info("timestamp", dialogue=dialogue, side=side, size=seen.size)
