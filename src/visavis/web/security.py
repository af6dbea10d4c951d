"""What guards every request: headers, same-origin, sizes, sessions. Pure ASGI, no buffering.

Lives here: `Guard`, the middleware. Not here: who may see what (`access`).
Source: OWASP Secure Headers; Fetch Metadata (W3C), `Sec-Fetch-Site`; MDN on `Origin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavis.access import COOKIE, NotYours, find_asker
from visavis.web.errors import TooLarge, problem

if TYPE_CHECKING:
    from visavis.node import Node

MAX_BODY_BYTES = 1024 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), usb=()",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Sets the headers, refuses cross-origin changes and great bodies, and says who asks."""

    def __init__(self, app: ASGIApp, node: Node) -> None:
        self._app = app
        self._node = node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        connection = HTTPConnection(scope)
        secure = connection.url.scheme == "https"

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                if secure:
                    out.setdefault("Strict-Transport-Security", "max-age=31536000")
                if not scope["path"].startswith(("/static/", "/newsroom/")):
                    out.setdefault("Cache-Control", "no-store")
            await send(message)

        # A bearer token is never sent by a browser on its own, so another site cannot make it go along.
        by_cookie = COOKIE in connection.cookies and "authorization" not in headers
        if scope["method"] not in SAFE and by_cookie and not _same_origin(headers):
            refusal = problem(NotYours("a request from another site is not taken"))
            await refusal(scope, receive, guarded_send)
            return
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            await problem(TooLarge("the request is larger than 1 MiB"))(scope, receive, guarded_send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                raise TooLarge("the request is larger than 1 MiB")
            return message

        scope.setdefault("state", {})["asker"] = await find_asker(self._node, connection)
        await self._app(scope, counted, guarded_send)


def _same_origin(headers: Headers) -> bool:
    """By `Sec-Fetch-Site` where the browser says it, else by `Origin` against `Host`."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
