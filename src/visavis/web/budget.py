"""Budgets of the public endpoints: so much from one address within the hour.

Lives here: `Budget`. Not here: what is asked for, sizes of bodies (`security`).
"""

from __future__ import annotations

import ipaddress

from limits import RateLimitItemPerHour
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from visavis.web.errors import TooMany


class Budget:
    """So many requests an hour from one address. phrase: what it says when they are spent."""

    def __init__(self, phrase: str, an_hour: int) -> None:
        self._phrase = phrase
        self._item = RateLimitItemPerHour(an_hour)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def spend(self, request: Request) -> None:
        """Count one. Raises `TooMany`."""
        if not await self._limiter.hit(self._item, sender_of(request)):
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
