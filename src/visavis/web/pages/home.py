"""The first pages: home, the door by a one-time link, the way out.

Lives here: `/`, `/enter/{token}`, `/recover`, `/leave`.
Not here: founding a side (`founding`), the dialogue itself (`dialogue`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import COOKIE, asker_of, require
from visavis.dialogue.acts import Power
from visavis.dialogue.admission import LinkSpent, Site
from visavis.dialogue.tokens import TOKEN
from visavis.errors import Malformed, Refused, Untrusted
from visavis.record.digest import from_text, to_text
from visavis.record.proof import ED25519, Proof
from visavis.web.context import language_of, page
from visavis.web.pages.dialogue import card
from visavis.web.pages.founding import standing
from visavis.web.words.refusals import refusal_words

if TYPE_CHECKING:
    from visavis.node import Node


async def home(request: Request) -> Response:
    """My dialogues; or, for who is not signed in, how to get in."""
    node: Node = request.app.state.node
    asker = asker_of(request)
    if asker is None:
        hosts = node.dialogues.hosts()  # a page asks for passkeys of its own host, and of no other
        elsewhere = [] if Site.of(node.url_of(request)).rp in hosts else sorted(hosts)
        return page(request, "welcome.html", founded=bool(node.dialogues.ids), elsewhere=elsewhere)
    if node.dialogues.has_ended(asker.credential):
        return page(request, "revoked.html")
    if asker.session.pair and not asker.admitted:
        return RedirectResponse("/founding", 303)
    if not asker.admitted:
        return page(request, "waiting-admission.html")
    view = node.dialogues.view(asker.dialogue, asker.side, asker.delegate)
    cards = [card(view, asker, request)]
    theirs = view.joint.sides[1 - view.us].founding is not None
    # Of what we can do, what somebody waits for and this delegate may do: the tab says how much it is.
    waits = sum(todo.urgent and bool(todo.href) for each in cards if each.what for todo in each.what.now)
    founding = standing(node, asker).step if asker.may(Power.ADMIT) else ""
    return page(
        request,
        "home.html",
        view=view,
        sides=None,
        dialogues=cards,
        waits=waits,
        founding=founding,
        theirs=theirs,
    )


async def recover(request: Request) -> Response:
    """A side that has lost all its passkeys: name a recovery key, sign offline, enter. Three steps, plain forms."""
    node: Node = request.app.state.node
    asker = require(request)
    if asker.admitted or not asker.side:
        return RedirectResponse("/", 303)
    if request.method == "GET":
        return page(request, "recover.html", draft=None, wrong="")
    form = await request.form(max_files=0, max_fields=10, max_part_size=8192)
    recovery, draft, sig = (str(form.get(name, "")).strip() for name in ("recovery", "draft", "sig"))
    try:
        if not draft:
            made = await node.dialogues.draft_recovery(asker.session, recovery)
            return page(
                request, "recover.html", draft=made, challenge=to_text(made.signed.challenge()), wrong=""
            )
        proof = Proof(ED25519, from_text(sig, 64, what="signature"))
        await node.dialogues.enter(asker.session, asker.dialogue, draft, proof)
    except (Refused, Malformed, Untrusted) as error:
        return page(
            request, "recover.html", status=400, draft=None, wrong=refusal_words(error, language_of(request))
        )
    return RedirectResponse("/", 303)


async def enter(request: Request) -> Response:
    """The one-time link: who it is for, and the button that makes the key. Looking does not spend it.

    Whoever is signed in here as somebody else does not make another's passkey by mistake: they sign out first.
    """
    node: Node = request.app.state.node
    token, asker = request.path_params["token"], asker_of(request)
    try:
        link = await node.admission.link(token)
    except LinkSpent as error:
        how = str(error.details["how"])
        return page(request, "link-spent.html", status=404 if how == "unknown" else 410, how=how)
    if asker is not None and asker.delegate != link.delegate:
        ours = link.side == asker.side and bool(asker.side)
        return page(request, "link-other.html", status=409, token=token, link=link, ours=ours)
    return page(request, "enter.html", token=token, link=link)


async def leave(request: Request) -> Response:
    """Sign out: the session ends; the key stays in the browser. `link`: a one-time link's token, to be opened next."""
    node: Node = request.app.state.node
    asker = asker_of(request)
    form = await request.form(max_files=0, max_fields=4, max_part_size=1024)
    if asker is not None:
        await node.admission.leave(asker.token)
    token = str(form.get("link", ""))
    answer = RedirectResponse(f"/enter/{token}" if TOKEN.fullmatch(token) else "/", 303)
    answer.delete_cookie(COOKIE)
    return answer


routes = [
    Route("/", home),
    Route("/recover", recover, methods=["GET", "POST"]),
    Route("/enter/{token}", enter),
    Route("/leave", leave, methods=["POST"]),
]
