"""What goes out compressed: files of the bundle and the public pages, and nothing that a session opens.

Lives here: `takes_gzip`, `Compressed` (files), `gzipped` (public pages).
Not here: what may be kept by caches (`app`, `newsroom`).

Pages of a delegate are never compressed. On one page stand words of both sides, one side's private ones among them, and
the length of a compressed page tells whether two texts are alike: the other side tables a text, somebody beside it on
the wire sees lengths, and a held position is guessed word by word (CRIME, 2012; BREACH, 2013). What everybody may read
gives nothing away. A proxy before the node is to compress nothing either.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

KINDS = frozenset({".css", ".js", ".json", ".svg"})
"""The others are compressed by themselves."""


def takes_gzip(headers: Headers) -> bool:
    """Whether `Accept-Encoding` names gzip, and does not refuse it (RFC 9110 §12.5.3)."""
    for part in headers.get("accept-encoding", "").split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def gzipped(headers: Headers, response: Response) -> Response:
    """A whole public answer, compressed for who takes that; its tag is weak then, since the bytes are others."""
    response.headers.add_vary_header("Accept-Encoding")
    if takes_gzip(headers) and response.status_code != 304:
        return _packed(response, gzip.compress(bytes(response.body), 6, mtime=0))
    return response


class Compressed(StaticFiles):
    """Static files, each compressed once and then kept in memory so."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if not isinstance(response, FileResponse) or Path(response.path).suffix not in KINDS:
            return response
        response.headers.add_vary_header("Accept-Encoding")
        headers = Headers(scope=scope)
        if not takes_gzip(headers) or "range" in headers:
            return response
        data = await anyio.to_thread.run_sync(_file, str(response.path), response.headers["etag"])
        return _packed(Response(headers=response.headers, media_type=response.media_type), data)


@lru_cache(maxsize=64)
def _file(path: str, _etag: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 9, mtime=0)


def _packed(response: Response, data: bytes) -> Response:
    response.body = data
    response.headers["Content-Length"] = str(len(data))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["ETag"] = f"W/{response.headers['etag']}"
    return response
