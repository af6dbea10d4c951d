"""Founding, step by step: who we are, the other side, the first entry, our clocks and languages, our people.

Lives here: `/founding`, `STEPS`, `fingerprint`. Not here: what founding is (`dialogue.service`), signing (the bundle),
one-time links (`invitations`).
Spec: docs/spec/http.md §2.

Nothing of a step is kept before it is done: what is typed goes from page to page with its form. What is done is in the
statement or in the log, so the page always begins where the side stands, in any browser and after any reload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from visavis.access import Asker, require
from visavis.dialogue.acts import Power
from visavis.dialogue.model import PROFILE, Role
from visavis.dialogue.people import SidesView, sides_view
from visavis.errors import Malformed, Refused
from visavis.record.digest import from_text
from visavis.record.entry import Founding
from visavis.record.signature import read_key
from visavis.web.context import page
from visavis.web.words import LANGUAGES

if TYPE_CHECKING:
    from visavis.node import Node

STEPS = ("name", "other", "sign", "profile", "people")
"""In this order; the page shows the first that is not done."""
NAME_LANGUAGES = tuple(LANGUAGES)
"""In which the form asks for the side's name."""
MOST_LETTERS, MOST_KEYS = 200, 8
"""Of a name; of recovery keys (record.md §2.1)."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form of the first step says. wrong: field → what is wrong with it, by a word of the template's."""

    names: Mapping[str, str]
    recovery: tuple[str, ...]
    wrong: Mapping[str, str]


NOTHING = Typed({}, (), {})


def typed_of(form: FormData) -> Typed:
    """The first step's fields: `name.<language>` …, `recovery`, keys one a line."""
    names = {code: str(form.get(f"name.{code}", "")).strip() for code in NAME_LANGUAGES}
    names = {code: words for code, words in names.items() if words}
    recovery = tuple(str(form.get("recovery", "")).split())
    wrong = {f"name.{code}": "long" for code, words in names.items() if len(words) > MOST_LETTERS}
    if not names:
        wrong[f"name.{NAME_LANGUAGES[0]}"] = "none"
    if len(recovery) > MOST_KEYS:
        wrong["recovery"] = "many"
    elif not all(_is_key(key) for key in recovery):
        wrong["recovery"] = "form"
    return Typed(names, recovery, wrong)


def _is_key(text: str) -> bool:
    try:
        read_key(text, "recovery")
    except Malformed:
        return False
    return True


def fingerprint(side: str) -> str:
    """A side's id as people read it to each other: six groups of five digits, each of five bytes (http.md §2)."""
    hashed = from_text(side, 32, what="side")
    return " ".join(f"{int.from_bytes(hashed[at : at + 5]) % 100_000:05}" for at in range(0, 30, 5))


@dataclass(frozen=True, slots=True)
class Standing:
    """How far our side is. ours, theirs: statements, or None. step: of `STEPS` the one to do; "": all are done.

    people: of both sides, once our log has begun.
    """

    step: str
    ours: Founding | None
    theirs: Founding | None
    dialogue: str
    people: SidesView | None

    @property
    def number(self) -> int:
        """Of the step, from 1; one more than there are when all are done."""
        return STEPS.index(self.step) + 1 if self.step else len(STEPS) + 1


def standing(node: Node, asker: Asker) -> Standing:
    """Where the asker's side stands. asker: a founding officer, or who may admit."""
    if not asker.dialogue:
        try:
            ours, _ = node.dialogues.founding_of(asker.session)
        except Refused:
            return Standing("name", None, None, "", None)
        return Standing("other", ours, None, "", None)
    ledger = node.dialogues.ledger(asker.dialogue)
    us = ledger.index(asker.side)
    ours, theirs = ledger.foundings[us], ledger.foundings[1 - us]
    if not asker.admitted:
        return Standing("sign", ours, theirs, ledger.id, None)
    people = sides_view(ledger.joint, us)
    signs = any(person.live and Power.SIGN in person.powers for person in people.ours.delegates)
    stated = ledger.joint.register(us, PROFILE) is not None
    step = "profile" if not stated else "" if signs else "people"
    return Standing(step, ours, theirs, ledger.id, people)


async def _show(
    request: Request, asker: Asker, stands: Standing, typed: Typed, *, check: bool = False
) -> Response:
    """check: the first step is typed and right: it is read once more before it is stated."""
    node: Node = request.app.state.node
    view = (
        node.dialogues.view(asker.dialogue, asker.side, asker.delegate) if stands.people is not None else None
    )
    return page(
        request,
        "founding.html",
        status=400 if typed.wrong else 200,
        view=view,
        stands=stands,
        steps=STEPS,
        typed=typed,
        check=check,
        name_languages=NAME_LANGUAGES,
        fingerprint=fingerprint,
        roles=[role.value for role in Role],
        enrolments=[] if view is None else list(view.enrolments.values()),
        invitations=await node.admission.invitations(asker.dialogue, asker.side) if asker.dialogue else [],
    )


async def founding(request: Request) -> Response:
    """Where the founding stands, and the one thing to do next."""
    node: Node = request.app.state.node
    asker = require(request)
    if not (asker.session.pair and not asker.admitted) and not asker.may(Power.ADMIT):
        return RedirectResponse("/", 303)
    return await _show(request, asker, standing(node, asker), NOTHING)


async def _first_step(request: Request) -> tuple[Asker, Standing, Typed]:
    node: Node = request.app.state.node
    asker = require(request)
    form = await request.form(max_files=0, max_fields=20, max_part_size=8192)
    if not asker.session.pair:
        raise Refused("only a founding officer states a side")
    return asker, standing(node, asker), typed_of(form)


async def change(request: Request) -> Response:
    """Back from reading it once more: the form again, with all that was typed."""
    asker, stands, typed = await _first_step(request)
    if stands.step != "name":
        return RedirectResponse("/founding", 303)
    return await _show(request, asker, stands, Typed(typed.names, typed.recovery, {}))


async def check(request: Request) -> Response:
    """The form's words, to be read once more: they cannot be changed once they are stated."""
    asker, stands, typed = await _first_step(request)
    if stands.step != "name":
        return RedirectResponse("/founding", 303)
    return await _show(request, asker, stands, typed, check=not typed.wrong)


async def state(request: Request) -> Response:
    """Take the side's statement. Stated already (pressed twice, or in another tab): the page says where it stands."""
    node: Node = request.app.state.node
    asker, stands, typed = await _first_step(request)
    if stands.step != "name":
        return RedirectResponse("/founding", 303)
    if typed.wrong:
        return await _show(request, asker, stands, typed)
    await node.dialogues.state_founding(asker.session, typed.names, typed.recovery)
    return RedirectResponse("/founding", 303)


async def again(request: Request) -> Response:
    """A step's address, opened by itself or in another language: the page begins where the side stands."""
    language = request.query_params.get("lang", "")
    return RedirectResponse(f"/founding?lang={language}" if language in LANGUAGES else "/founding", 303)


routes = [
    Route("/founding", founding),
    Route("/founding", state, methods=["POST"]),
    Route("/founding/check", again),
    Route("/founding/check", check, methods=["POST"]),
    Route("/founding/change", again),
    Route("/founding/change", change, methods=["POST"]),
]
