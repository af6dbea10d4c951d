"""Who is at the door: one-time links, enrolments, sessions, foundings before there is a dialogue.

Lives here: the use cases of sign-in. The node learns public keys and checks signatures; it signs nothing for
a delegate and keeps no token, only hashes of them.
Not here: which credentials count (the log, `fold`), HTTP (`web`), cookies (`access`).
Spec: docs/spec/http.md §§1–2.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from visavis.dialogue.commands import Enrolment, Fresh
from visavis.dialogue.ports import UNSPENT, USED, EnrolmentRow, Link, Session, Store
from visavis.dialogue.tokens import hash_of, new_token
from visavis.errors import Malformed, Refused, Untrusted
from visavis.record.digest import from_text, to_text
from visavis.record.proof import Passkey, Proof, verify

log = structlog.get_logger(__name__)

LINK_LIFE = timedelta(days=7)
SESSION_LIFE = timedelta(hours=14)
CHALLENGE_LIFE = timedelta(minutes=2)
ENROLMENT_DOMAIN = b"visavis/enrolment/v1\0"
SESSION_DOMAIN = b"visavis/session/v1\0"


class LinkSpent(Refused):
    """The one-time link was used, has expired, was withdrawn, or never was: `details["how"]`, one of `ENDS`."""

    code = "link-spent"


ENDS: Mapping[str, str] = {
    "used": "this link was used already; it works once",
    "expired": "this link has expired; ask your protocol officer for another",
    "withdrawn": "this link was withdrawn by the side that made it; ask its protocol officer for another",
    "unknown": "no such link was made here; ask your protocol officer for another",
}
"""How a link came to lead nowhere, and in words."""


class NotSignedIn(Untrusted):
    """No session, or it ended."""

    code = "not-signed-in"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened. token: to be given to its holder once, kept nowhere."""

    token: str
    session: Session


@dataclass(frozen=True, slots=True)
class Site:
    """Where a browser met this node: rp, the host that its passkeys are bound to; origin, "https://host:port"."""

    rp: str
    origin: str

    @classmethod
    def of(cls, url: str) -> Site:
        """The site of a node's address."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}".lower())


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link of a side as its officers see it. stands: it can be used; else it has expired."""

    link: Link
    stands: bool


def enrolment_challenge(token: str) -> bytes:
    """What a passkey that is being enrolled is made over: SHA-256("visavis/enrolment/v1" 00 ‖ token), 32 bytes."""
    return hashlib.sha256(ENROLMENT_DOMAIN + token.encode()).digest()


def session_challenge(challenge: str) -> bytes:
    """What a passkey signs to open a session: SHA-256("visavis/session/v1" 00 ‖ challenge), 32 bytes."""
    return hashlib.sha256(SESSION_DOMAIN + challenge.encode()).digest()


def registered(registration: Mapping[str, Any], challenge: bytes, at: Site) -> Passkey:
    """The passkey that a browser's registration brings. Raises `Malformed` or `Untrusted`.

    Attestation is not asked for: which authenticators a side takes is for its officer to say, who admits it.
    Source: WebAuthn Level 2 §7.1.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import decode_credential_public_key, parse_registration_credential_json
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Cose
    from webauthn.helpers.decoded_public_key_to_cryptography import decoded_public_key_to_cryptography
    from webauthn.helpers.exceptions import WebAuthnException

    names = {Cose.ECDSA_SHA_256: "ES256", Cose.EDDSA: "EdDSA", Cose.RSASSA_PKCS1_v1_5_SHA_256: "RS256"}
    try:
        made = verify_registration_response(
            credential=parse_registration_credential_json(dict(registration)),
            expected_challenge=challenge,
            expected_rp_id=at.rp,
            expected_origin=at.origin,
            require_user_verification=True,
            supported_pub_key_algs=list(names),
        )
        cose = decode_credential_public_key(made.credential_public_key)
        key = decoded_public_key_to_cryptography(cose)
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        alg = names[Cose(cose.alg)]
    except (
        WebAuthnException,
        UnsupportedAlgorithm,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ) as error:
        log.info("enrolment.refused", why=type(error).__name__, origin=at.origin)
        raise Untrusted("this passkey's registration does not hold; nothing was kept") from error
    return Passkey.from_json(Passkey(alg, made.credential_id, spki, at.rp).to_json())


class Admission:
    """Links, enrolments and sessions over a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime], fresh: Fresh) -> None:
        self._store = store
        self._clock = clock
        self._fresh = fresh
        self._challenge_key = secrets.token_bytes(32)
        self._used: dict[str, datetime] = {}

    async def invite_founders(self) -> tuple[str, str]:
        """Two one-time tokens, one for each side of a dialogue yet to be founded. Neither is first."""
        pair, tokens = self._fresh.id(), (new_token(), new_token())
        async with self._store.begin() as unit:
            for chair, token in enumerate(tokens):
                expires = self._clock() + LINK_LIFE
                officer = self._fresh.id()
                await unit.add_link(
                    Link(hash_of(token), officer, "", "protocol-officer", expires, pair, chair)
                )
        return tokens

    async def invite(self, dialogue: str, side: str, *, name: str, role: str, delegate: str = "") -> Opened:
        """A one-time link for a delegate of `side`. delegate: an id known already, for a further credential.

        The answer's `token` is the link's; its session holds only the delegate's id.
        """
        if not 1 <= len(name) <= 120:
            raise Malformed("name: 1 to 120 characters are due", field="name")
        token, who = new_token(), delegate or self._fresh.id()
        expires = self._clock() + LINK_LIFE
        async with self._store.begin() as unit:
            await unit.add_link(Link(hash_of(token), who, name, role, expires, dialogue=dialogue, side=side))
        return Opened(token, Session("", who, "", expires, dialogue=dialogue, side=side))

    async def link(self, token: str) -> Link:
        """Look at a link without spending it. Raises `LinkSpent`."""
        async with self._store.begin() as unit:
            found = await unit.link(hash_of(token))
        how = self._end_of_link(found)
        if found is None or how:
            raise LinkSpent(ENDS[how], how=how)
        return found

    def _end_of_link(self, link: Link | None) -> str:
        """Which of `ENDS` a link has met; "": none, it can be used."""
        if link is None:
            return "unknown"
        if link.spent != UNSPENT:
            return "used" if link.spent == USED else "withdrawn"
        return "expired" if link.expires <= self._clock() else ""

    async def invitations(self, dialogue: str, side: str) -> list[Invitation]:
        """A side's links that nobody has used: those that can be, and those that have expired."""
        async with self._store.begin() as unit:
            return [
                Invitation(each, not self._end_of_link(each)) for each in await unit.links(dialogue, side)
            ]

    async def withdraw(self, dialogue: str, side: str, token_hash: str) -> None:
        """Take a link back that nobody has used. Raises `LinkSpent` if the side has none such."""
        async with self._store.begin() as unit:
            if not await unit.withdraw_link(dialogue, side, token_hash):
                raise LinkSpent("your side has no such link, or it was used already", how="unknown")

    async def enrol(
        self, token: str, registration: Mapping[str, Any], at: Site
    ) -> tuple[Opened, Enrolment | None]:
        """Spend a link: propose a new passkey for its delegate and open a session.

        registration: the browser's `RegistrationResponseJSON` over `enrolment_challenge(token)`. The enrolment is None
        for a founding officer, whose passkey enters by the founding statement. Raises `LinkSpent`, `Untrusted`,
        `Malformed`.
        """
        passkey = registered(registration, enrolment_challenge(token), at)
        now, session_token = self._clock(), new_token()
        async with self._store.begin() as unit:
            link = await unit.spend_link(hash_of(token), now)
            if link is None:
                how = self._end_of_link(await unit.link(hash_of(token)))
                raise LinkSpent(ENDS[how], how=how)
            if await unit.passkey_by_id(passkey.id) is not None:
                raise Refused("this passkey was enrolled before; make another")
            await unit.add_passkey(passkey)
            session = Session(
                hash_of(session_token),
                link.delegate,
                passkey.credential,
                now + SESSION_LIFE,
                link.pair,
                link.chair,
                link.dialogue,
                link.side,
            )
            await unit.add_session(session)
            enrolment = None
            if link.side:
                enrolment = Enrolment(self._fresh.id(), link.delegate, passkey, link.name, link.role)
                await unit.add_enrolment(EnrolmentRow(link.dialogue, link.side, enrolment))
        return Opened(session_token, session), enrolment

    async def passkey(self, id: bytes) -> Passkey | None:
        """A passkey that was enrolled here, by its WebAuthn credential id, whether or not a log admits it."""
        async with self._store.begin() as unit:
            return await unit.passkey_by_id(id)

    def challenge(self) -> str:
        """A challenge for `sign_in`, good once and for two minutes.

        Nothing of it is kept: it carries its end and the node's own mark, so that asking for many takes nothing
        from anybody. Only a used one is remembered, until it would have ended.
        """
        end = int((self._clock() + CHALLENGE_LIFE).timestamp() * 1000)
        said = secrets.token_bytes(16) + end.to_bytes(8)
        return to_text(said + self._mark(said))

    def _mark(self, said: bytes) -> bytes:
        return hmac.digest(self._challenge_key, said, "sha256")

    def _end_of(self, challenge: str) -> datetime:
        """When a challenge of this node ends. Raises `Untrusted` if it is none, or has ended."""
        unknown = Untrusted("the challenge is unknown or too old; ask for another")
        try:
            whole = from_text(challenge, 56, what="challenge")
        except Malformed as error:
            raise unknown from error
        said, mark = whole[:24], whole[24:]
        if not hmac.compare_digest(mark, self._mark(said)):
            raise unknown
        end = datetime.fromtimestamp(int.from_bytes(said[16:]) / 1000, UTC)
        if end <= self._clock():
            raise unknown
        return end

    async def sign_in(self, passkey: Passkey, challenge: str, proof: Proof, of: Session) -> Opened:
        """Open a further session by the passkey's proof over `session_challenge(challenge)`.

        of: whose passkey it is (the caller found it in a log or among the enrolments).
        """
        end, now = self._end_of(challenge), self._clock()
        verify(proof, session_challenge(challenge), passkey)
        self._used = {used: until for used, until in self._used.items() if until > now}
        if challenge in self._used:
            raise Untrusted("the challenge was used already; ask for another")
        self._used[challenge] = end
        token = new_token()
        session = Session(
            hash_of(token),
            of.delegate,
            passkey.credential,
            now + SESSION_LIFE,
            of.pair,
            of.chair,
            of.dialogue,
            of.side,
        )
        async with self._store.begin() as unit:
            await unit.drop_ended_sessions(now)
            await unit.add_session(session)
        return Opened(token, session)

    async def founder(self, credential: str) -> Session | None:
        """Whose credential this is, if it came by a founding link: an officer's, from before there was a log."""
        async with self._store.begin() as unit:
            return await unit.founder(credential)

    async def session(self, token: str) -> Session:
        """The session behind a token. Raises `NotSignedIn`."""
        if not 20 <= len(token) <= 100:
            raise NotSignedIn("sign in first")
        async with self._store.begin() as unit:
            found = await unit.session(hash_of(token), self._clock())
        if found is None:
            raise NotSignedIn("sign in first: there is no session, or it ended")
        return found

    async def leave(self, token: str) -> None:
        async with self._store.begin() as unit:
            await unit.end_session(hash_of(token))
