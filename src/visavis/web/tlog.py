"""A side's log as others' tools read it, and the checkpoints that readers bring back.

Lives here: `/tlog/{d}/{side}/…` (C2SP tlog-tiles), `POST /api/dialogues/{d}/checkpoints`, `GET …/forks`.
Not here: tiles and checkpoints themselves (`record`), what a checkpoint means (`dialogue.receiving`).
Spec: docs/spec/http.md §§4, 6; docs/spec/record.md §10.4.

A full tile is read from its file and held against the log before it is given: a disk that changed one is found, and
nothing wrong is served. A partial one is made from the log.
"""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.access import load
from visavis.dialogue.ledger import Ledger
from visavis.errors import Malformed, Unavailable
from visavis.record import tiles
from visavis.web.api import Body, body_of, node_of
from visavis.web.tags import is_held, tag_of

FOREVER = "max-age=31536000, immutable"
SHORT = "max-age=60"
"""A partial tile never changes either, but a larger one is soon in its place."""

_PATH = re.compile(r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class CheckpointBody(Body, frozen=True):
    note: str


async def reach(request: Request) -> tuple[Ledger, str, str]:
    """The dialogue, the side whose log is asked for, and who may keep the answer: "public" or "private"."""
    node = node_of(request)
    dialogue, side = request.path_params["d"], request.path_params["side"]
    if not node.settings.public_logs:
        await load(request, dialogue)
    ledger = node.dialogues.ledger(dialogue)
    ledger.index(side)
    return ledger, side, "public" if node.settings.public_logs else "private"


def answer(request: Request, data: bytes, media_type: str, cache: str) -> Response:
    """`data` with its tag; 304 without it for who has it already."""
    tag = tag_of(data)
    headers = {"ETag": tag, "Cache-Control": cache}
    if cache.startswith("public"):
        headers |= {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    if is_held(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


async def checkpoint(request: Request) -> Response:
    """The latest checkpoint; never kept without asking whether it still is."""
    ledger, side, whose = await reach(request)
    if not ledger.states[ledger.index(side)].size:
        raise HTTPException(404)
    note = await node_of(request).dialogues.checkpoint(ledger.id, side)
    return answer(request, note, "text/plain; charset=utf-8", f"{whose}, no-cache")


async def tile(request: Request) -> Response:
    ledger, side, whose = await reach(request)
    found = _PATH.fullmatch(request.path_params["path"])
    if found is None:
        raise HTTPException(404)
    level, number, width = found[1], found[2], int(found[3] or tiles.WIDTH)
    index = int(re.sub("[x/]", "", number))
    path = tiles.tile_path(level, index, width)
    if path != f"tile/{request.path_params['path']}":  # one spelling: no level 256 wide, no group to spare
        raise HTTPException(404)
    data = made(ledger, side, level, index, width)
    if data is None:
        raise HTTPException(404)
    if width < tiles.WIDTH:
        return answer(request, data, "application/octet-stream", f"{whose}, {SHORT}")
    held = await node_of(request).dialogues.tile(ledger.id, side, path)
    if held != data:
        why = "is not on this node's disk yet" if held is None else "on this node's disk is damaged"
        raise Unavailable(f"{path} {why}", tile=path)
    return answer(request, held, "application/octet-stream", f"{whose}, {FOREVER}")


def made(ledger: Ledger, side: str, level: str, index: int, width: int) -> bytes | None:
    """The tile's bytes, as the log in memory has them; None if the log is not that long."""
    us = ledger.index(side)
    first = index * tiles.WIDTH
    if level == "entries":
        leaves = ledger.leaves[us][first : first + width]
        return tiles.encode_entries(leaves) if len(leaves) == width else None
    hashes = ledger.states[us].tree.full_subtrees(8 * int(level))[first : first + width]
    return b"".join(hashes) if len(hashes) == width else None


async def present(request: Request) -> Response:
    """A checkpoint that the asker has seen of one of the two logs."""
    asker, _ = await load(request, request.path_params["d"])
    given = await body_of(request, CheckpointBody)
    try:
        note = given.note.encode()
    except UnicodeEncodeError as error:
        raise Malformed("note: not UTF-8", field="note") from error
    finding = await node_of(request).dialogues.present(asker.dialogue, note)
    return JSONResponse({"finding": finding.value})


async def forks(request: Request) -> Response:
    """Proofs that a side signed two histories of its log, for both sides."""
    asker, _ = await load(request, request.path_params["d"])
    kept = node_of(request).dialogues.ledger(asker.dialogue).forks
    return JSONResponse(
        {
            "forks": [
                {"side": fork.side, "held": fork.held.decode(), "shown": fork.shown.decode()} for fork in kept
            ]
        }
    )


def tlog_routes() -> list[BaseRoute]:
    log, d = "/tlog/{d}/{side}", "/api/dialogues/{d}"
    return [
        Route(log + "/checkpoint", checkpoint, methods=["GET"]),
        Route(log + "/tile/{path:path}", tile, methods=["GET"]),
        Route(d + "/checkpoints", present, methods=["POST"]),
        Route(d + "/forks", forks, methods=["GET"]),
    ]
