"""The call's paths, for the web to mount at its root: LiveKit's clients know them by heart.

Lives here: `/rtc` (the signal socket), `/rtc/validate`, and the refusal of `/rtc/v1`.
Not here: what happens on the socket (`signalling`).

    GET /rtc            upgrade to a WebSocket; 401, 403 or 503 instead, with the reason
    GET /rtc/validate   200 "success" or 401 with the reason; any origin may ask, as LiveKit allows
    GET /rtc/v1         404 to the upgrade: clients then fall back to `/rtc`, the dual-connection path
    GET /rtc/v1/validate  404, readable by any origin, or the JavaScript client does not fall back
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from visavis.errors import VisavisError
from visavis.rtc.service import CallService
from visavis.rtc.signalling import read_token, serve

_ANY_ORIGIN: Final = {"Access-Control-Allow-Origin": "*"}


def rtc_routes(service: CallService) -> list[BaseRoute]:
    """The routes of one call service."""

    async def signal(ws: WebSocket) -> None:
        await serve(service, ws)

    async def not_v1(ws: WebSocket) -> None:
        # Starlette would answer 403, at which clients give up instead of falling back.
        await ws.send_denial_response(PlainTextResponse("not found", 404))

    async def validate(request: Request) -> Response:
        try:
            service.authorise(read_token(request))
        except VisavisError as e:
            return PlainTextResponse(f"{e.code}: {e.message}", 401, headers=_ANY_ORIGIN)
        return PlainTextResponse("success", headers=_ANY_ORIGIN)

    async def validate_not_v1(request: Request) -> Response:
        return PlainTextResponse("not found", 404, headers=_ANY_ORIGIN)

    return [
        WebSocketRoute("/rtc", signal),
        WebSocketRoute("/rtc/v1", not_v1),
        Route("/rtc/validate", validate),
        Route("/rtc/v1/validate", validate_not_v1),
    ]
