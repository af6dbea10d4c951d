"""The quotation check for anybody: within a budget, and one at a time.

Lives here: `Quoting`, which the page and its JSON twin share.
Not here: the check itself (`press.quotes`), what is public (`web.newsroom`).
"""

from __future__ import annotations

import anyio
import anyio.to_thread
from limits import RateLimitItemPerHour
from starlette.requests import Request

from visavis.errors import Unavailable
from visavis.node import Node
from visavis.press.quotes import Report, check
from visavis.web.budget import Budget
from visavis.web.newsroom import published
from visavis.web.words.sentences import N_

CHECKS_AN_HOUR = 240
MAX_WAITING = 32


class Quoting:
    """Checks run in one thread, one after another: a hostile article takes a second, and the talks go before."""

    def __init__(self) -> None:
        self._budget = Budget(
            N_("too many checks from your address within the hour; nothing was kept"),
            RateLimitItemPerHour(CHECKS_AN_HOUR),
        )
        self._thread = anyio.CapacityLimiter(1)

    async def check(self, request: Request, text: str) -> Report:
        """What was found of each quotation, with absolute permalinks.

        Raises `Malformed`, `TooMany`, or `Unavailable` when many wait already.
        """
        await self._budget.spend(request)
        if self._thread.statistics().tasks_waiting >= MAX_WAITING:
            raise Unavailable("many texts are being checked; try again in a moment")
        node: Node = request.app.state.node
        released = published(node, node.url_of(request))
        return await anyio.to_thread.run_sync(check, text, released, limiter=self._thread)
