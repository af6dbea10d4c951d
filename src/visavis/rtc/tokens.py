"""LiveKit access tokens: minted and verified. Given the clock, pure.

Lives here: the JWT (HS256) exactly as LiveKit's clients and servers know it, and what it grants (`Grants`).
Not here: who may have one (the caller's), revocation (`service`).

On the wire (claims):

    {"iss": API key, "sub": identity, "iat", "nbf", "exp", "jti", "name", "metadata", "attributes", "kind",
     "video": {"roomJoin": true, "room", "canPublish", "canSubscribe", "canPublishData",
               "canPublishSources", "canUpdateOwnMetadata", "hidden", "roomAdmin", "roomCreate", "roomList"},
     "roomConfig": {"emptyTimeout", "departureTimeout", "maxParticipants", "metadata"}}

What a server takes is its `TokenRules`. A node's are stricter than LiveKit's in two things: a token is good for
at most ten minutes (design 3a §2.1; who stays gets a fresh one on the signal socket), and one that would hide
its holder is refused: nobody listens unseen. The engine alone (`visavis engine`) takes whatever LiveKit takes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import jwt
import msgspec

from visavis.rtc.errors import TokenInvalid

LIFETIME_S: Final = 600
"""The longest life of a token (design 3a §2.1)."""

LEEWAY_S: Final = 10
"""How far two clocks may differ."""

MAX_TOKEN_BYTES: Final = 8192
MAX_ATTRIBUTES: Final = 64
MAX_IDENTITY: Final = 128
MAX_ROOM: Final = 256
_SOURCES: Final = {
    "camera": "CAMERA",
    "microphone": "MICROPHONE",
    "screen_share": "SCREEN_SHARE",
    "screen_share_audio": "SCREEN_SHARE_AUDIO",
}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a server demands of a token beyond LiveKit's own rules.

    longest_s: the longest life; None: any.
    leeway_s:  how far the clocks may differ.
    unseen:    whether its holder may be hidden from the others.
    by_jti:    whether a token without `sub` is its holder's by its own id.
    """

    longest_s: int | None = LIFETIME_S
    leeway_s: int = LEEWAY_S
    unseen: bool = False
    by_jti: bool = False


STRICT: Final = TokenRules()
"""A node's rules."""

AS_LIVEKIT: Final = TokenRules(longest_s=None, leeway_s=60, unseen=True, by_jti=True)
"""livekit-server's rules."""


class RoomConfig(msgspec.Struct, frozen=True, rename="camel"):
    """What a token wants of the room, if it has to be made for its holder. 0 and "": nothing said. In seconds."""

    empty_timeout: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 0
    departure_timeout: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 0
    max_participants: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 0
    metadata: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    sync_streams: bool = False


@dataclass(frozen=True, slots=True)
class Grants:
    """What a token says: who, in which room, with which rights.

    sources:     kinds of track that may be published (LiveKit's names, upper case); empty: all.
    hidden:      the others do not learn of its holder.
    room_config: what the room is to be, if it is made for its holder; nothing in a node's rooms, whose rooms are set.
    room_admin, room_create, room_list: what LiveKit's server API asks for (`roomservice`); of no effect in a call.
    issued_ms:   when the token was made, milliseconds since the epoch; expires_ms: until when it is good, 0: not said.
    """

    room: str
    identity: str
    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    sources: frozenset[str] = frozenset()
    can_update_own_metadata: bool = False
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    hidden: bool = False
    room_join: bool = True
    room_admin: bool = False
    room_create: bool = False
    room_list: bool = False
    room_config: RoomConfig | None = None
    issued_ms: int = 0
    expires_ms: int = field(default=0, compare=False)

    def may_publish(self, source: str) -> bool:
        """Whether a track of this source may be published."""
        return self.can_publish and (not self.sources or source in self.sources)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A LiveKit API key and its secret. The secret is at least 32 bytes, as HS256 asks (RFC 7518 §3.2).

    short: take a shorter one, as livekit-server does with a warning; `--dev` has the secret "secret".
    """

    key: str
    secret: str = field(repr=False)
    short: bool = False

    def __post_init__(self) -> None:
        if not self.key or not self.secret or (len(self.secret.encode()) < 32 and not self.short):
            raise ValueError("a token key has a name and a secret of at least 32 bytes")


_Identity = Annotated[str, msgspec.Meta(max_length=MAX_IDENTITY)]
_Room = Annotated[str, msgspec.Meta(max_length=MAX_ROOM)]
_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class _Video(msgspec.Struct, frozen=True, rename="camel"):
    room: _Room = ""
    room_join: bool = False
    room_admin: bool = False
    room_create: bool = False
    room_list: bool = False
    can_publish: bool | None = None
    can_subscribe: bool | None = None
    can_publish_data: bool | None = None
    can_publish_sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=16)] | None = None
    can_update_own_metadata: bool | None = None
    hidden: bool | None = None
    recorder: bool | None = None


class _Claims(msgspec.Struct, frozen=True):
    exp: int | float
    sub: _Identity = ""
    jti: _Identity = ""
    video: _Video = _Video()
    nbf: int | float = 0
    iat: int | float | None = None
    name: _Text = ""
    metadata: _Text = ""
    attributes: Annotated[dict[str, _Text], msgspec.Meta(max_length=MAX_ATTRIBUTES)] | None = None
    kind: Annotated[str, msgspec.Meta(max_length=32)] = ""
    room_config: RoomConfig | None = msgspec.field(name="roomConfig", default=None)


def mint(
    key: TokenKey, grants: Grants, *, now_ms: int, lifetime_s: int = LIFETIME_S, rules: TokenRules = STRICT
) -> str:
    """A token for one participant in one room.

    now_ms:     milliseconds since the epoch; becomes `iat`, so that a later removal can tell older tokens.
    lifetime_s: 1 … what the rules allow.
    Raises ValueError for a lifetime, a room or an identity out of bounds.
    """
    if lifetime_s < 1 or (rules.longest_s is not None and lifetime_s > rules.longest_s):
        raise ValueError(f"a token lives 1 to {rules.longest_s} seconds")
    if not 1 <= len(grants.identity) <= MAX_IDENTITY or not 1 <= len(grants.room) <= MAX_ROOM:
        raise ValueError("identity or room is empty or too long")
    now_s = now_ms // 1000
    video: dict[str, Any] = {
        "roomJoin": True,
        "room": grants.room,
        "canPublish": grants.can_publish,
        "canSubscribe": grants.can_subscribe,
        "canPublishData": grants.can_publish_data,
        "canUpdateOwnMetadata": grants.can_update_own_metadata,
    }
    if grants.sources:
        video["canPublishSources"] = sorted(k for k, v in _SOURCES.items() if v in grants.sources)
    rights = ("hidden", "room_admin", "room_create", "room_list")
    video |= {_camel(name): True for name in rights if getattr(grants, name)}
    claims: dict[str, Any] = {
        "iss": key.key,
        "sub": grants.identity,
        "iat": now_ms / 1000,
        "nbf": now_s,
        "exp": now_s + lifetime_s,
        "jti": secrets.token_hex(8),
        "name": grants.name,
        "metadata": grants.metadata,
        "video": video,
    }
    if grants.attributes:
        claims["attributes"] = dict(grants.attributes)
    if grants.kind:
        claims["kind"] = grants.kind
    return jwt.encode(claims, key.secret, algorithm="HS256")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def issuer(token: str) -> str:
    """Whose token this says it is, unverified; "" if it says nothing. For choosing among keys."""
    try:
        said = jwt.decode(token[: MAX_TOKEN_BYTES + 1], options={"verify_signature": False}).get("iss", "")
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""


def verify(key: TokenKey, token: str, *, now_ms: int, rules: TokenRules = STRICT) -> Grants:
    """What a token grants to its holder in a room.

    Raises `TokenInvalid`, saying what is wrong: size, signature, issuer, time, lifetime, grants.
    """
    grants = read(key, token, now_ms=now_ms, rules=rules)
    if not grants.room_join or not grants.room or not grants.identity:
        raise TokenInvalid("The access token lets nobody into a room.")
    return grants


def read(key: TokenKey, token: str, *, now_ms: int, rules: TokenRules = STRICT) -> Grants:
    """What a token grants, be it to a participant or to a user of the server API.

    Raises `TokenInvalid`, saying what is wrong: size, signature, issuer, time, lifetime.
    """
    if not token:
        raise TokenInvalid("No access token was given.")
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenInvalid("The access token is too long.")
    try:
        raw = jwt.decode(
            token,
            key.secret,
            algorithms=["HS256"],
            issuer=key.key,
            # Times are judged below, by the caller's clock.
            options={
                "require": ["exp", "iss"],
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_jti": False,
            },
        )
        claims = msgspec.convert(raw, _Claims)
    except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, RecursionError) as e:
        raise TokenInvalid("The access token is not valid here.", reason=type(e).__name__) from e
    now_s = now_ms / 1000
    if not claims.exp > now_s - rules.leeway_s:
        raise TokenInvalid("The access token has expired.")
    if not claims.nbf <= now_s + rules.leeway_s:
        raise TokenInvalid("The access token is not valid yet.")
    if rules.longest_s is not None and not claims.exp <= now_s + rules.longest_s + rules.leeway_s:
        raise TokenInvalid("The access token lives longer than ten minutes.")
    issued_s = claims.nbf if claims.iat is None else claims.iat
    if not 0 <= issued_s <= now_s + rules.leeway_s or not claims.exp < 1 << 40:
        raise TokenInvalid("The access token was made in the future.")
    v = claims.video
    if (v.hidden or v.recorder) and not rules.unseen:
        raise TokenInvalid("The access token would hide its holder: nobody listens unseen.")
    return Grants(
        room=v.room,
        identity=claims.sub or (claims.jti if rules.by_jti else ""),
        can_publish=v.can_publish is not False,
        can_subscribe=v.can_subscribe is not False,
        can_publish_data=v.can_publish is not False if v.can_publish_data is None else v.can_publish_data,
        sources=frozenset(_SOURCES.get(s, s) for s in v.can_publish_sources or ()),
        can_update_own_metadata=v.can_update_own_metadata is True,
        name=claims.name,
        metadata=claims.metadata,
        attributes=claims.attributes or {},
        kind=claims.kind,
        hidden=v.hidden is True,
        room_join=v.room_join,
        room_admin=v.room_admin,
        room_create=v.room_create,
        room_list=v.room_list,
        room_config=claims.room_config,
        expires_ms=int(claims.exp * 1000),
        issued_ms=int(issued_s * 1000),
    )
