"""The JSON interface of a node: sessions, founding, acts, reading, the call's tokens.

Lives here: routes that parse, call one use case and answer. Not here: pages (`pages`), newsroom, rules.
Spec: docs/spec/http.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar

import anyio
import msgspec
from limits import RateLimitItemPerMinute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from visavis.access import (
    COOKIE,
    Asker,
    NotYours,
    describe,
    load,
    must_admit,
    must_be_desk,
    own_side,
    require,
)
from visavis.dialogue.acts import slot_text
from visavis.dialogue.admission import NotSignedIn, Opened, Site
from visavis.dialogue.commands import Audience, NewContent
from visavis.dialogue.erasing import ContentErased
from visavis.dialogue.ledger import lost
from visavis.dialogue.model import Role
from visavis.dialogue.people import NoSuchDelegate
from visavis.dialogue.service import Draft
from visavis.dialogue.texts import misformed
from visavis.errors import Malformed, Unavailable, Untrusted
from visavis.lobby import Presence
from visavis.node import Node
from visavis.record.digest import from_text, to_text
from visavis.record.merkle import leaf_hash
from visavis.record.proof import Proof
from visavis.rulebook import dialogue_view
from visavis.seating import SittingNotOpen, is_open
from visavis.web.budget import Budget
from visavis.web.naming import names_in
from visavis.web.words.sentences import N_

LEAVES_A_PAGE = 500
KEEP_ALIVE_S = 15.0
SESSION_COOKIE_S = 14 * 3600
LOBBY_A_MINUTE = 40
"""Of one delegate: a page says it every ten seconds and at each change, and a change is news for both sides' pages."""


T = TypeVar("T", bound="Body")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class EnrolmentBody(Body, frozen=True):
    """registration: the browser's RegistrationResponseJSON."""

    token: str
    registration: dict[str, Any]


class SessionBody(Body, frozen=True):
    """id: of the passkey, as WebAuthn has it (`rawId`)."""

    id: str
    challenge: str
    proof: dict[str, str]


class FoundingBody(Body, frozen=True):
    name: dict[str, str]
    recovery: list[str] = []


class InvitationBody(Body, frozen=True):
    """delegate: an id known already, to give that person a further credential."""

    name: str
    role: Role
    delegate: str = ""


class DraftBody(Body, frozen=True):
    """device: a device key that the session's passkey admitted, to sign instead of it. seen: how often the side had
    said the word that is said anew, as the asker saw it."""

    command: str
    device: str | None = None
    seen: int | None = None
    fields: dict[str, Any] = {}


class EntryBody(Body, frozen=True):
    draft: str
    proof: dict[str, str]


class CheckBody(Body, frozen=True):
    """check: the word that the draft's answer gave its asker."""

    check: str


class RecoveryBody(Body, frozen=True):
    """recovery: an offline key of the side's founding."""

    recovery: str


class JoinBody(Body, frozen=True):
    certificate: dict[str, Any]


class LobbyBody(Body, frozen=True):
    """presence: None: gone."""

    presence: Presence | None


class QuotesBody(Body, frozen=True):
    text: str


class CommentBody(Body, frozen=True):
    publish: bool


async def body_of(request: Request, kind: type[T]) -> T:
    """The request's JSON body as `kind`. Raises `Malformed`, naming the field."""
    return read_body(await request.body(), kind)


def read_body(data: bytes, kind: type[T]) -> T:
    """A JSON body's bytes as `kind`. Raises `Malformed`, naming the field."""
    try:
        return msgspec.json.decode(data, type=kind, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise misformed(error) from error


def number(text: str) -> int | None:
    """A number below 10^12 in ASCII digits, else None."""
    return int(text) if re.fullmatch("[0-9]{1,12}", text) else None


def sitting_of(request: Request) -> int:
    n = number(request.path_params["n"])
    if n is None:
        raise HTTPException(404)
    return n


def node_of(request: Request) -> Node:
    node: Node = request.app.state.node
    return node


def opened(request: Request, answer: Opened, *, founding: bool) -> Response:
    """201 with the session's token, and the same as a cookie for browsers."""
    node = node_of(request)
    asker = describe(node, answer.session, answer.token)
    response = JSONResponse(
        {
            "session": answer.token,
            "dialogue": asker.dialogue or None,
            "side": asker.side or None,
            "delegate": asker.delegate,
            "credential": asker.credential,
            "admitted": asker.admitted,
            "founding": founding,
        },
        201,
    )
    response.set_cookie(
        COOKIE,
        answer.token,
        max_age=SESSION_COOKIE_S,
        httponly=True,
        samesite="lax",
        secure=node.url_of(request).startswith("https:"),
    )
    return response


# --- sessions -------------------------------------------------------------------------------------


async def enrol(request: Request) -> Response:
    given = await body_of(request, EnrolmentBody)
    node = node_of(request)
    site = Site.of(node.url_of(request))
    answer, enrolment = await node.admission.enrol(given.token, given.registration, site)
    if enrolment is not None:
        await node.dialogues.note_enrolment(answer.session.dialogue, answer.session.side, enrolment)
    return opened(request, answer, founding=enrolment is None)


async def challenge(request: Request) -> Response:
    return JSONResponse({"challenge": node_of(request).admission.challenge()}, 201)


async def sign_in(request: Request) -> Response:
    given = await body_of(request, SessionBody)
    node = node_of(request)
    id_, proof = from_text(given.id, what="id"), Proof.from_json(given.proof)
    passkey = node.dialogues.passkey_of(id_) or await node.admission.passkey(id_)
    whose = None
    if passkey is not None and node.dialogues.has_ended(passkey.credential):
        raise Untrusted("this passkey was revoked by your side; ask your protocol officer for another link")
    if passkey is not None:
        whose = node.dialogues.side_of_credential(passkey.credential)
        whose = whose or await node.admission.founder(passkey.credential)
    if passkey is None or whose is None:
        raise Untrusted("this passkey is not known here")
    answer = await node.admission.sign_in(passkey, given.challenge, proof, whose)
    return opened(request, answer, founding=False)


async def session(request: Request) -> Response:
    asker = require(request)
    return JSONResponse(
        {
            "dialogue": asker.dialogue or None,
            "side": asker.side or None,
            "delegate": asker.delegate,
            "credential": asker.credential,
            "role": asker.role,
            "powers": sorted(asker.powers),
            "admitted": asker.admitted,
            "zone": asker.zone,
        }
    )


async def sign_out(request: Request) -> Response:
    asker = require(request)
    await node_of(request).admission.leave(asker.token)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE)
    return response


# --- founding ----------------------------------------------------------------------------------------


async def state_founding(request: Request) -> Response:
    asker = require(request)
    given = await body_of(request, FoundingBody)
    dialogues = node_of(request).dialogues
    founding, dialogue = await dialogues.state_founding(asker.session, given.name, given.recovery)
    answer = {"founding": founding.to_json(), "side": founding.side(), "dialogue": dialogue}
    return JSONResponse(answer, 201)


async def founding(request: Request) -> Response:
    asker = require(request)
    statement, dialogue = node_of(request).dialogues.founding_of(asker.session)
    return JSONResponse({"founding": statement.to_json(), "side": statement.side(), "dialogue": dialogue})


# --- acts ---------------------------------------------------------------------------------------------


async def draft(request: Request) -> Response:
    asker = await drafter(request)
    given = await body_of(request, DraftBody)
    node = node_of(request)
    made = await node.dialogues.draft(
        asker.session, asker.dialogue, given.command, given.fields, device=given.device, seen=given.seen
    )
    answer = {**draft_json(made), "check": made.check, "contents": contents_json(made.drafted.contents)}
    return JSONResponse(answer, 201)


async def check(request: Request) -> Response:
    """A draft, to whoever has its asker's word: a second device, which recomputes it. No session is asked for."""
    given = await body_of(request, CheckBody)
    if not (given.check.isascii() and 0 < len(given.check) <= 64):
        raise Malformed("check: 1 to 64 characters of ASCII are due", field="check")
    dialogues = node_of(request).dialogues
    shown = dialogues.shown(given.check)
    subject, signed = shown.subject, shown.draft.signed
    view = dialogues.view(signed.dialogue, signed.side, signed.delegate)
    return json_response(
        {
            "signed": signed.to_json(),
            "foundings": [founding.to_json() for founding in shown.foundings],
            "subject": None
            if subject is None
            else {
                "slot": slot_text(subject.slot),
                "base": subject.base,
                "kind": subject.kind,
                "body": subject.body,
            },
            "contents": contents_json(shown.contents),
            "names": names_in(view, signed.act),
        }
    )


def contents_json(contents: Iterable[NewContent]) -> list[dict[str, str]]:
    """Contents with their salts, so that their reader can open the commitments."""
    return [
        {
            "commitment": c.commitment,
            "salt": to_text(c.salt),
            "language": c.language,
            "text": c.data.decode("utf-8", "replace"),
        }
        for c in contents
    ]


async def enter(request: Request) -> Response:
    return await entered(request, await drafter(request))


async def entered(request: Request, asker: Asker) -> Response:
    """Enter the asker's draft by the proof in the body."""
    given = await body_of(request, EntryBody)
    proof = Proof.from_json(given.proof)
    entry = await node_of(request).dialogues.enter(asker.session, asker.dialogue, given.draft, proof)
    leaf = to_text(leaf_hash(entry.leaf))
    return JSONResponse({"side": asker.side, "seq": entry.seq, "leaf": leaf}, 201)


def draft_json(made: Draft) -> dict[str, Any]:
    """What is to be signed, and what it says in words."""
    return {
        "draft": made.id,
        "signed": made.signed.to_json(),
        "hash": to_text(made.signed.challenge()),
        "summary": {"title": made.drafted.summary.title, "lines": list(made.drafted.summary.lines)},
    }


async def drafter(request: Request) -> Asker:
    """Who may draft: a delegate whose credential counts, or the officer who is about to found the side."""
    asker = require(request)
    dialogue = request.path_params["d"]
    if asker.dialogue == dialogue:
        ledger = node_of(request).dialogues.ledger(dialogue)
        us = ledger.index(asker.side)
        if ledger.states[us].size == 0 and ledger.foundings[us].credential == asker.credential:
            return asker
    return (await load(request, dialogue))[0]


async def draft_recovery(request: Request) -> Response:
    asker = require(request)
    given = await body_of(request, RecoveryBody)
    made = await node_of(request).dialogues.draft_recovery(asker.session, given.recovery)
    return JSONResponse(draft_json(made), 201)


async def enter_recovery(request: Request) -> Response:
    return await entered(request, require(request))


# --- reading --------------------------------------------------------------------------------------------


async def dialogue(request: Request) -> Response:
    _, view = await load(request, request.path_params["d"])
    return json_response(dialogue_view(view.joint, view.us))


async def enrolments(request: Request) -> Response:
    _, view = await load(request, request.path_params["d"])
    waiting = [
        {"id": e.id, "delegate": e.delegate, "credential": e.credential, "name": e.name, "role": e.role}
        for e in view.enrolments.values()
    ]
    return json_response({"enrolments": waiting})


async def invite(request: Request) -> Response:
    asker, view = await load(request, request.path_params["d"])
    must_admit(asker)
    given = await body_of(request, InvitationBody)
    if given.delegate and given.delegate not in view.joint.sides[view.us].delegates:
        raise NoSuchDelegate("your side has no such delegate")
    node = node_of(request)
    made = await node.admission.invite(
        asker.dialogue, asker.side, name=given.name, role=given.role.value, delegate=given.delegate
    )
    link = f"{node.url_of(request)}/enter/{made.token}"
    return JSONResponse({"delegate": made.session.delegate, "link": link}, 201)


async def leaves(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    dialogues = node_of(request).dialogues
    ledger = dialogues.ledger(asker.dialogue)
    side = request.path_params["side"]
    state = ledger.states[ledger.index(side)]
    first = number(request.query_params.get("from", "0"))
    if first is None or first > state.size:
        raise Malformed("from: an index of this log is due", field="from")
    # The checkpoint is of the size that is said: what is waited for is waited for before.
    checkpoint = await dialogues.checkpoint(asker.dialogue, side) if state.size else None
    some = ledger.leaves[ledger.index(side)][first : first + LEAVES_A_PAGE]
    answer: dict[str, object] = {"side": side, "from": first, "size": state.size}
    answer["leaves"] = [to_text(leaf) for leaf in some]
    answer["checkpoint"] = checkpoint.decode() if checkpoint else None
    return JSONResponse(answer)


async def foundings(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    ledger = node_of(request).dialogues.ledger(asker.dialogue)
    return JSONResponse({"foundings": [f.to_json() for f in ledger.foundings]})


async def content(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    ledger = node_of(request).dialogues.ledger(asker.dialogue)
    commitment = request.path_params["commitment"]
    if commitment in ledger.joint.erased[ledger.index(asker.side)]:
        raise ContentErased("your side has erased its copy of this")
    if commitment in lost(ledger, asker.side):
        raise Unavailable("this content is damaged on the node's disk: fetch it back from a bundle")
    row = ledger.contents.get(commitment)
    if row is None:
        raise HTTPException(404)
    if row.audience is Audience.OWN:
        own_side(request, asker, row.side)
    return JSONResponse(
        {
            "commitment": row.commitment,
            "salt": to_text(row.salt),
            "language": row.language,
            "text": row.data.decode("utf-8", "replace"),
        }
    )


async def bundle(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    data = await node_of(request).dialogues.export(asker.dialogue, asker.side)
    name = f"{asker.dialogue[:8]}.visavis"
    return Response(
        data,
        media_type="application/vnd.visavis.bundle",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def events(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    node = node_of(request)
    node.dialogues.may_listen(asker.dialogue, asker.credential)

    async def stream() -> AsyncIterator[bytes]:
        async with node.dialogues.subscribe(asker.dialogue, asker.credential) as received:
            yield b": open\n\n"
            while True:
                event = None
                with anyio.move_on_after(
                    KEEP_ALIVE_S
                ):  # nothing is sent in it: a slow reader is not an error
                    try:
                        event = await received.receive()
                    except anyio.EndOfStream:
                        return
                if not describe(node, asker.session, asker.token).admitted:
                    return
                if event is None:
                    try:
                        await node.admission.session(asker.token)
                    except NotSignedIn:
                        return
                    yield b": still here\n\n"
                elif event.kind == "log" or event.data.get("side") == asker.side:
                    data = msgspec.json.encode(event.data)
                    yield b"event: " + event.kind.encode() + b"\ndata: " + data + b"\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


# --- the call ---------------------------------------------------------------------------------------------


async def join(request: Request) -> Response:
    return await seated(request, caucus=False)


async def caucus(request: Request) -> Response:
    return await seated(request, caucus=True)


async def seated(request: Request, *, caucus: bool) -> Response:
    """A seat for the device in the body: on the floor, or in the asker's own side's caucus."""
    asker, view = await load(request, request.path_params["d"])
    given = await body_of(request, JoinBody)
    path = request.path_params
    node = node_of(request)
    answer = await node.seating.seat(
        view,
        asker.credential,
        path["t"],
        sitting_of(request),
        given.certificate,
        node.url_of(request),
        caucus=caucus,
    )
    return JSONResponse(answer)


async def certificates(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    talk, n = request.path_params["t"], sitting_of(request)
    rows = await node_of(request).dialogues.certificates(asker.dialogue, talk, n)
    return JSONResponse({"certificates": [msgspec.json.decode(row.body) for row in rows]})


class Door:
    """Where delegates say that they are at the door of a sitting, with their budget."""

    def __init__(self) -> None:
        self._budget = Budget(
            N_("you have said where you are too often within the minute; nothing was changed"),
            RateLimitItemPerMinute(LOBBY_A_MINUTE),
        )

    async def say(self, request: Request) -> Response:
        """What the asker says of themselves at a sitting's door; the mark of who is where now."""
        asker, view = await load(request, request.path_params["d"])
        given = await body_of(request, LobbyBody)
        node, sitting = node_of(request), (asker.dialogue, request.path_params["t"], sitting_of(request))
        ledger = node.dialogues.ledger(asker.dialogue)
        if not is_open(ledger, asker.side, *sitting[1:]):
            raise SittingNotOpen("your side has not opened this sitting, or it is over")
        delegation = view.joint.register(view.us, ("delegation", sitting[1])) or {}
        if asker.delegate not in delegation.get("delegates", ()):
            raise NotYours("your side has not named you in its delegation to this talk")
        await self._budget.spend(request, f"{asker.dialogue}/{asker.side}/{asker.delegate}")
        if node.lobby.say(sitting, (asker.side, asker.delegate), given.presence):
            for side in ledger.sides:
                ledger.publish("lobby", side=side)
        return JSONResponse({"mark": node.lobby.mark(sitting)})


async def moderate(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    given = await body_of(request, CommentBody)
    must_be_desk(asker)
    await node_of(request).desk.decide(
        asker.dialogue, asker.side, request.path_params["comment"], publish=given.publish
    )
    return Response(status_code=204)


async def held_comments(request: Request) -> Response:
    asker, _ = await load(request, request.path_params["d"])
    must_be_desk(asker)
    held = await node_of(request).desk.held(asker.dialogue, asker.side)
    return json_response({"comments": held})


async def quotes(request: Request) -> Response:
    given = await body_of(request, QuotesBody)
    return json_response(await request.app.state.quoting.check(request, given.text))


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def metrics(request: Request) -> Response:
    """The call's counters in Prometheus' text form; to this machine's own processes only."""
    try:
        local = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # what a proxy says may be anything
        local = False
    if not local:
        raise HTTPException(404)
    counted = node_of(request).call.stats().items()
    lines = [f"visavis_call_{name.replace('.', '_')} {value}" for name, value in sorted(counted)]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def json_response(value: Any) -> Response:
    """`value`, of dataclasses and builtins, as JSON."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def api_routes() -> list[BaseRoute]:
    d = "/api/dialogues/{d}"
    sitting = d + "/talks/{t}/sittings/{n}"
    return [
        Route("/api/enrolments", enrol, methods=["POST"]),
        Route("/api/sessions/challenges", challenge, methods=["POST"]),
        Route("/api/sessions", sign_in, methods=["POST"]),
        Route("/api/session", session, methods=["GET"]),
        Route("/api/session", sign_out, methods=["DELETE"]),
        Route("/api/foundings", state_founding, methods=["POST"]),
        Route("/api/foundings", founding, methods=["GET"]),
        Route("/api/recoveries", draft_recovery, methods=["POST"]),
        Route("/api/recoveries/entries", enter_recovery, methods=["POST"]),
        Route(d, dialogue, methods=["GET"]),
        Route(d + "/drafts", draft, methods=["POST"]),
        Route(d + "/entries", enter, methods=["POST"]),
        Route(d + "/enrolments", enrolments, methods=["GET"]),
        Route(d + "/invitations", invite, methods=["POST"]),
        Route(d + "/logs/{side}", leaves, methods=["GET"]),
        Route(d + "/foundings", foundings, methods=["GET"]),
        Route(d + "/contents/{commitment}", content, methods=["GET"]),
        Route(d + "/bundle", bundle, methods=["GET"]),
        Route(d + "/events", events, methods=["GET"]),
        Route(d + "/comments", held_comments, methods=["GET"]),
        Route(d + "/comments/{comment}", moderate, methods=["POST"]),
        Route(sitting + "/join", join, methods=["POST"]),
        Route(sitting + "/certificates", certificates, methods=["GET"]),
        Route(sitting + "/caucus", caucus, methods=["POST"]),
        Route(sitting + "/lobby", Door().say, methods=["POST"]),
        Route("/api/checks", check, methods=["POST"]),
        Route("/api/quotes", quotes, methods=["POST"]),
        Route("/metrics", metrics, methods=["GET"]),
        Route("/health", health, methods=["GET"]),
    ]
