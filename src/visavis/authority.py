"""A timestamp authority over HTTP (RFC 3161 §3.4), behind `dialogue.ports.Authority`.

Lives here: `HttpAuthority`.
Not here: reading tokens (`record.timestamp`), when one is asked for (`dialogue.stamping`).
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import httpx2
from cryptography.x509 import Certificate
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from visavis.errors import Malformed, Unavailable, Untrusted
from visavis.record.bundle import MAX_TOKEN_BYTES
from visavis.record.timestamp import read_stamp

TIMEOUT_S = 30.0
"""Of the whole exchange: it runs in the background, and nothing waits for it."""


class HttpAuthority:
    """An authority at `url`. roots: CA certificates that its tokens must lead to; none: they are kept unchecked.

    policy: the OID that its tokens must state; None: any. It is told SHA-256 of a checkpoint, and nothing else.
    """

    def __init__(self, url: str, roots: Sequence[Certificate] = (), policy: str | None = None) -> None:
        self._url = url
        self._roots = tuple(roots)
        self._policy = policy

    async def stamp(self, text: bytes) -> bytes:
        request = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
        token = await self._ask(request.as_bytes())
        stamp = read_stamp(token, text, self._roots, nonce=request.nonce)
        if self._policy is not None and stamp.policy != self._policy:
            raise Untrusted(f"timestamp: it is under policy {stamp.policy}, not {self._policy}")
        return token

    async def _ask(self, query: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        try:
            with anyio.fail_after(TIMEOUT_S):
                async with (
                    httpx2.AsyncClient(timeout=TIMEOUT_S) as http,
                    http.stream("POST", self._url, content=query, headers=headers) as response,
                ):
                    if response.status_code != 200:
                        raise Unavailable(f"the timestamp authority answers {response.status_code}")
                    token = bytearray()
                    async for part in response.aiter_bytes():
                        token += part
                        if len(token) > MAX_TOKEN_BYTES:
                            raise Malformed(f"timestamp: more than {MAX_TOKEN_BYTES} bytes")
                    return bytes(token)
        except TimeoutError as error:
            raise Unavailable("the timestamp authority takes too long") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable("the timestamp authority does not answer") from error
