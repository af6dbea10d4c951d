"""Budgets: so much from one address, or from one person, within an hour or a minute.

Lives here: `Budget`. Not here: what is asked for, sizes of bodies (`security`).
"""

from __future__ import annotations

import ipaddress

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from visavis.web.errors import TooMany


class Budget:
    """So many requests within a while. item: how many, and the while. phrase: what it says when they are spent."""

    def __init__(self, phrase: str, item: RateLimitItem) -> None:
        self._phrase = phrase
        self._item = item
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def spend(self, request: Request, person: str = "") -> None:
        """Count one. person: who is signed in, for whom it counts instead of for the address. Raises `TooMany`."""
        if not await self._limiter.hit(self._item, person or sender_of(request)):
            raise TooMany(self._phrase)


def sender_of(request: Request) -> str:
    """Whom a request counts for: the address, or the /64 of an IPv6 one, since one person has all of that."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
