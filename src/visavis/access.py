"""Who asks, and whether they may: the one way from a request to a dialogue.

Lives here: `Asker`, `asker_of`, `load`; the session's cookie and header. Every route that shows or changes a
dialogue goes through `load`, so that none can forget the check.
Not here: opening sessions (`dialogue.admission`), what an act needs (the log: `dialogue.fold`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog

from visavis.dialogue.acts import Power
from visavis.dialogue.admission import NotSignedIn
from visavis.dialogue.commands import View
from visavis.dialogue.model import Role
from visavis.dialogue.ports import Session
from visavis.errors import Untrusted

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from visavis.node import Node

log = structlog.get_logger(__name__)

COOKIE = "visavis_session"
SECRETS = ("/enter/", "/calendar/", "/mail/")
"""What follows in such a path opens something, and stands in no log."""


class NotYours(Untrusted):
    """A private matter of another side, or of another dialogue. Answered 403, with a log line."""

    code = "not-yours"


class NotAdmitted(Untrusted):
    """The credential is proposed but no officer of the side has admitted it yet, or it was revoked."""

    code = "not-admitted"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who holds the session that came with a request.

    admitted: whether the credential counts in the side's log now. role, powers: as that log says; before it
    does, the role of the invitation and no power. name: as the side's officer wrote it, or "".
    """

    session: Session
    token: str
    admitted: bool
    role: str
    powers: frozenset[Power]
    name: str
    zone: str

    @property
    def dialogue(self) -> str:
        return self.session.dialogue

    @property
    def side(self) -> str:
        return self.session.side

    @property
    def delegate(self) -> str:
        return self.session.delegate

    @property
    def credential(self) -> str:
        return self.session.credential

    def may(self, power: str) -> bool:
        return Power(power) in self.powers

    @property
    def is_desk(self) -> bool:
        """Whether they work at the side's press desk: draft, and read readers' comments."""
        return self.role == Role.PRESS_OFFICER or self.may(Power.RELEASE)


def bearer_of(request: HTTPConnection) -> str | None:
    """The token of `Authorization: Bearer …`. None: none, or another kind, which a browser may send by itself."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" and value.strip() else None


def token_of(request: HTTPConnection) -> str | None:
    """The session token: `Authorization: Bearer …` first, then the cookie."""
    return bearer_of(request) or request.cookies.get(COOKIE)


async def find_asker(node: Node, request: HTTPConnection) -> Asker | None:
    """Look the session up. None: nobody is signed in."""
    token = token_of(request)
    if token is None:
        return None
    try:
        session = await node.admission.session(token)
    except NotSignedIn:
        return None
    return describe(node, session, token)


def describe(node: Node, session: Session, token: str) -> Asker:
    """What the side's log says of a session's holder, as of now."""
    if not session.dialogue:
        return Asker(session, token, False, "protocol-officer", frozenset(), "", "UTC")
    person = node.dialogues.person(session.dialogue, session.side, session.delegate, session.credential)
    return Asker(session, token, person.admitted, person.role, person.powers, person.name, person.zone)


def asker_of(request: HTTPConnection) -> Asker | None:
    """Who asks; the middleware has looked. None: nobody is signed in."""
    found = getattr(request.state, "asker", None)
    return found if isinstance(found, Asker) else None


def require(request: HTTPConnection) -> Asker:
    """Who asks. Raises `NotSignedIn`."""
    asker = asker_of(request)
    if asker is None:
        raise NotSignedIn("sign in first: there is no session, or it ended")
    return asker


def place_of(request: HTTPConnection) -> str:
    """A request's path for the log: no token in it, and no character that could pass for another line."""
    path = request.url.path
    secret = next((at for at in SECRETS if path.startswith(at)), None)
    return f"{secret}…" if secret is not None else quote(path)[:200]


async def load(request: HTTPConnection, dialogue: str) -> tuple[Asker, View]:
    """The asker and what they may look at in `dialogue`.

    Raises `NotSignedIn` (401), `NotYours` (403, logged), `NotAdmitted` (403).
    """
    asker = require(request)
    if asker.dialogue != dialogue:
        log.warning("access.refused", path=place_of(request), dialogue=asker.dialogue, side=asker.side)
        raise NotYours("this is not your dialogue")
    if not asker.admitted:
        raise NotAdmitted("your protocol officer has not admitted you yet, or has revoked this credential")
    node: Node = request.app.state.node
    return asker, node.dialogues.view(dialogue, asker.side, asker.delegate)


def must_admit(asker: Asker) -> None:
    """Inviting is an officer's: the power that admits. Raises `NotYours`."""
    if not asker.may(Power.ADMIT):
        raise NotYours("only who may admit delegates invites them")


def must_be_desk(asker: Asker) -> None:
    """Raises `NotYours`."""
    if not asker.is_desk:
        raise NotYours("the press desk is your side's press officer's, and of who may release")


def own_side(request: HTTPConnection, asker: Asker, side: str) -> None:
    """Hold a private matter of `side` to its own delegates. Raises `NotYours` (403, logged)."""
    if side != asker.side:
        log.warning("access.refused", path=place_of(request), dialogue=asker.dialogue, side=asker.side)
        raise NotYours("this is a private matter of the other side")
