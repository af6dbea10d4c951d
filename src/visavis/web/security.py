"""What guards every request: headers, same-origin, sizes, sessions. Pure ASGI, no buffering.

Lives here: `Guard`, the middleware. Not here: who may see what (`access`).
Source: OWASP Secure Headers; Fetch Metadata (W3C), `Sec-Fetch-Site`; MDN on `Origin`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavis.access import COOKIE, NotYours, bearer_of, find_asker
from visavis.errors import Malformed, VisavisError
from visavis.web.errors import TooLarge, on_any_error, on_visavis_error, problem

if TYPE_CHECKING:
    from visavis.node import Node

MAX_BODY_BYTES = 1024 * 1024
FORM_BYTES = 64 * 1024
"""What a form with a file has beside the file: boundaries, headers, fields."""
LAYS_A_PAPER = re.compile(r"/d/[^/]+/talks/[^/]+/papers")
"""The one path to which more is sent: a file, as large as whoever runs the node allows."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), usb=()",
    "X-Frame-Options": "DENY",
}


def policy(calls: str | None) -> str:
    """What a page may load and reach: this node, and the origin of a deployment that serves its calls."""
    connect = "'self'" if calls is None else f"'self' {calls} {calls.replace('http', 'ws', 1)}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src {connect}",
            "media-src 'self' blob:",
            "worker-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class Guard:
    """Sets the headers, refuses cross-origin changes and great bodies, says who asks, and answers what failed."""

    def __init__(self, app: ASGIApp, node: Node) -> None:
        self._app = app
        self._node = node
        self._headers = {**HEADERS, "Content-Security-Policy": policy(node.settings.livekit_url)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        known = _is_host(request.headers.get("host"))
        secure = known and self._node.url_of(request).startswith("https:")
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                out = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    out.setdefault(name, value)
                if secure:
                    out.setdefault("Strict-Transport-Security", "max-age=31536000")
                out.setdefault("Cache-Control", "no-store")  # what may be kept says so itself
            await send(message)

        if not known:  # no page either: it would name the address that was asked for
            await problem(Malformed("Host: a host's name or address is due"))(scope, receive, guarded_send)
            return
        most = self._most(scope)
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _too_large(most)
            return message

        try:
            if scope["method"] not in SAFE and not self._own_site(request):
                raise NotYours("a request from another site is not taken")
            _check_length(request.headers, most)
            scope.setdefault("state", {})["asker"] = await find_asker(self._node, request)
            await self._app(scope, counted, guarded_send)
        except ClientDisconnect:  # gone before its request was whole: nobody is there to be answered
            return
        except Exception as error:
            if started:
                raise
            answer = on_visavis_error if isinstance(error, VisavisError) else on_any_error
            await (await answer(request, error))(scope, receive, guarded_send)

    def _most(self, scope: Scope) -> int:
        """Bytes that this request's body may have."""
        if scope["method"] == "POST" and LAYS_A_PAPER.fullmatch(scope["path"]):
            return self._node.dossier.limits.paper + FORM_BYTES
        return MAX_BODY_BYTES

    def _own_site(self, request: HTTPConnection) -> bool:
        """Whether a request that changes something is not another site's doing.

        By `Sec-Fetch-Site` where the browser says it, else by `Origin`. Also without a session: else another site
        could sign its reader in as somebody of its own. A bearer token is never sent by a browser on its own; a
        browser that says nothing is taken only where there is no cookie to go along.
        """
        if bearer_of(request) is not None:
            return True
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            return site in ("same-origin", "none")
        if origin is not None:
            own = {request.headers.get("host"), urlsplit(self._node.url_of(request)).netloc}
            try:
                return urlsplit(origin).netloc in own
            except ValueError:  # no address at all
                return False
        return COOKIE not in request.cookies


def _is_host(host: str | None) -> bool:
    """Whether a `Host` is one (RFC 9110 §7.2), or is not said, as in HTTP/1.0."""
    if host is None:
        return True
    try:
        return _HOST.fullmatch(host) is not None and bool(urlsplit(f"//{host}").hostname)
    except ValueError:  # brackets about what is no IPv6 address
        return False


def _too_large(most: int) -> TooLarge:
    if most == MAX_BODY_BYTES:
        return TooLarge("the request is larger than 1 MiB")
    return TooLarge("the paper is larger than this node allows")


def _check_length(headers: Headers, most: int) -> None:
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Malformed("Content-Length: a number is due")
    if len(length) > 12 or int(length) > most:
        raise _too_large(most)
