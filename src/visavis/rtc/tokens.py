"""LiveKit access tokens: minted and verified. Given the clock, pure.

Lives here: the JWT (HS256) exactly as LiveKit's clients and servers know it, and what it grants (`Grants`).
Not here: who may have one (the caller's), revocation (`service`).

On the wire (claims):

    {"iss": API key, "sub": identity, "iat", "nbf", "exp", "jti", "name", "metadata",
     "video": {"roomJoin": true, "room", "canPublish", "canSubscribe", "canPublishData",
               "canPublishSources", "canUpdateOwnMetadata"}}

Stricter than LiveKit in two things: a token is good for at most ten minutes (design 3a §2.1; who stays
gets a fresh one on the signal socket), and one that would hide its holder is refused: nobody listens unseen.
"""

from __future__ import annotations

import secrets
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
MAX_IDENTITY: Final = 128
MAX_ROOM: Final = 256
_SOURCES: Final = {
    "camera": "CAMERA",
    "microphone": "MICROPHONE",
    "screen_share": "SCREEN_SHARE",
    "screen_share_audio": "SCREEN_SHARE_AUDIO",
}


@dataclass(frozen=True, slots=True)
class Grants:
    """What a token says: who, in which room, with which rights.

    sources:   kinds of track that may be published (LiveKit's names, upper case); empty: all.
    issued_ms: when the token was made, milliseconds since the epoch.
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
    issued_ms: int = 0


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A LiveKit API key and its secret. The secret is at least 32 bytes, as HS256 asks (RFC 7518 §3.2)."""

    key: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.key or len(self.secret.encode()) < 32:
            raise ValueError("a token key has a name and a secret of at least 32 bytes")


_Identity = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_IDENTITY)]
_Room = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ROOM)]
_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class _Video(msgspec.Struct, frozen=True, rename="camel"):
    room: _Room
    room_join: bool = False
    can_publish: bool | None = None
    can_subscribe: bool | None = None
    can_publish_data: bool | None = None
    can_publish_sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=16)] | None = None
    can_update_own_metadata: bool | None = None
    hidden: bool | None = None
    recorder: bool | None = None


class _Claims(msgspec.Struct, frozen=True):
    sub: _Identity
    exp: int | float
    video: _Video
    nbf: int | float = 0
    iat: int | float | None = None
    name: _Text = ""
    metadata: _Text = ""


def mint(key: TokenKey, grants: Grants, *, now_ms: int, lifetime_s: int = LIFETIME_S) -> str:
    """A token for one participant in one room.

    now_ms:     milliseconds since the epoch; becomes `iat`, so that a later removal can tell older tokens.
    lifetime_s: 1 … 600.
    Raises ValueError for a lifetime, a room or an identity out of bounds.
    """
    if not 1 <= lifetime_s <= LIFETIME_S:
        raise ValueError(f"a token lives 1 to {LIFETIME_S} seconds")
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
    claims = {
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
    return jwt.encode(claims, key.secret, algorithm="HS256")


def verify(key: TokenKey, token: str, *, now_ms: int) -> Grants:
    """What a token grants.

    Raises `TokenInvalid`, saying what is wrong: size, signature, issuer, time, lifetime, grants.
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
                "require": ["exp", "iss", "sub"],
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
    if not claims.exp > now_s - LEEWAY_S:
        raise TokenInvalid("The access token has expired.")
    if not claims.nbf <= now_s + LEEWAY_S:
        raise TokenInvalid("The access token is not valid yet.")
    if not claims.exp <= now_s + LIFETIME_S + LEEWAY_S:
        raise TokenInvalid("The access token lives longer than ten minutes.")
    issued_s = claims.nbf if claims.iat is None else claims.iat
    if not 0 <= issued_s <= now_s + LEEWAY_S:
        raise TokenInvalid("The access token was made in the future.")
    v = claims.video
    if not v.room_join:
        raise TokenInvalid("The access token lets nobody into a room.")
    if v.hidden or v.recorder:
        raise TokenInvalid("The access token would hide its holder: nobody listens unseen.")
    return Grants(
        room=v.room,
        identity=claims.sub,
        can_publish=v.can_publish is not False,
        can_subscribe=v.can_subscribe is not False,
        can_publish_data=v.can_publish is not False if v.can_publish_data is None else v.can_publish_data,
        sources=frozenset(_SOURCES.get(s, s) for s in v.can_publish_sources or ()),
        can_update_own_metadata=v.can_update_own_metadata is True,
        name=claims.name,
        metadata=claims.metadata,
        issued_ms=int(issued_s * 1000),
    )
