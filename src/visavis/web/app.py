"""The application: every route, its guards, its errors.

Lives here: `create_app`. Not here: what the routes do.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Scope

from visavis.errors import VisavisError
from visavis.node import Node
from visavis.rtc.routes import rtc_routes
from visavis.web.api import api_routes
from visavis.web.compression import Compressed
from visavis.web.errors import on_http_exception, on_visavis_error
from visavis.web.newsroom import newsroom_routes
from visavis.web.pages import page_routes
from visavis.web.quoting import Quoting
from visavis.web.security import Guard
from visavis.web.tlog import tlog_routes


class _Static(Compressed):
    """Files that carry a mark of their content in their address: kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def create_app(node: Node) -> Starlette:
    """The ASGI application of a node that is open (`bootstrap.open_node`)."""
    static = Path(str(files("visavis.web") / "static"))
    app = Starlette(
        routes=[
            *api_routes(),
            *tlog_routes(),
            *(rtc_routes(node.signalling) if node.signalling is not None else ()),
            *newsroom_routes(),
            *page_routes(),
            Mount("/static", _Static(directory=static)),
        ],
        middleware=[Middleware(Guard, node=node)],
        exception_handlers={
            VisavisError: on_visavis_error,
            HTTPException: on_http_exception,
        },
    )
    app.state.node = node
    app.state.quoting = Quoting()
    return app
