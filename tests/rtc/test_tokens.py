"""Access tokens: what LiveKit's clients bring, and everything that is refused."""

from __future__ import annotations

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.rtc import tokens
from visavis.rtc.errors import TokenInvalid
from visavis.rtc.tokens import AS_LIVEKIT, Grants, TokenKey, mint, verify

NOW_MS = 1_638_878_400_000
KEY = TokenKey("visavis", "a secret of at least thirty-two bytes")


def claims(**changes):
    video = {"roomJoin": True, "room": "talk"} | changes.pop("video", {})
    now = NOW_MS // 1000
    return {"iss": "visavis", "sub": "a1", "nbf": now, "exp": now + 600, "video": video} | changes


def signed(payload, secret=KEY.secret, algorithm="HS256"):
    return jwt.encode(payload, secret, algorithm=algorithm)


def test_mint_verify():
    """What is minted is granted."""
    grants = Grants("talk", "a1", can_publish=False, can_publish_data=True, sources=frozenset({"CAMERA"}))
    got = verify(KEY, mint(KEY, grants, now_ms=NOW_MS), now_ms=NOW_MS + 599_000)
    assert got == Grants(
        "talk",
        "a1",
        can_publish=False,
        can_publish_data=True,
        sources=frozenset({"CAMERA"}),
        issued_ms=NOW_MS,
    )


def test_claims_are_livekits():
    """A minted token reads as LiveKit's own: issuer, subject and camel-case video grants."""
    raw = jwt.decode(
        mint(KEY, Grants("talk", "a1"), now_ms=NOW_MS),
        KEY.secret,
        algorithms=["HS256"],
        options={"verify_exp": False},
    )
    assert (raw["iss"], raw["sub"], raw["name"], raw["metadata"]) == ("visavis", "a1", "", "")
    assert raw["video"] == {
        "roomJoin": True,
        "room": "talk",
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
        "canUpdateOwnMetadata": False,
    }


def test_defaults_are_livekits():
    """A token that names no rights may publish and receive, and may not change its metadata."""
    got = verify(KEY, signed(claims()), now_ms=NOW_MS)
    assert (got.can_publish, got.can_subscribe, got.can_publish_data) == (True, True, True)
    assert not got.can_update_own_metadata


REFUSED = {
    "none": "",
    "garbage": "a.b.c",
    "long": "x" * 9000,
    "other secret": signed(claims(), secret="another secret of thirty-two bytes!!"),
    "other algorithm": signed(claims(), secret="k" * 64, algorithm="HS512"),
    "unsigned": jwt.encode(claims(), None, algorithm="none"),
    "other issuer": signed(claims(iss="other")),
    "expired": signed(claims(exp=NOW_MS // 1000 - 60)),
    "not yet": signed(claims(nbf=NOW_MS // 1000 + 60)),
    "no expiry": signed({k: v for k, v in claims().items() if k != "exp"}),
    "too long a life": signed(claims(exp=NOW_MS // 1000 + 3600)),
    "endless": signed(claims(exp=1e308)),
    "from the future": signed(claims(iat=NOW_MS // 1000 + 60)),
    "no identity": signed(claims(sub="")),
    "long identity": signed(claims(sub="x" * 129)),
    "no room": signed(claims(video={"room": ""})),
    "no join": signed(claims(video={"roomJoin": False})),
    "join by text": signed(claims(video={"roomJoin": "true"})),
    "hidden": signed(claims(video={"hidden": True})),
    "recorder": signed(claims(video={"recorder": True})),
    "no grants": signed({k: v for k, v in claims().items() if k != "video"}),
    "name no text": signed(claims(name=7)),
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_refused(token):
    """Anything wrong with a token is refused, and the message does not repeat it."""
    with pytest.raises(TokenInvalid) as e:
        verify(KEY, token, now_ms=NOW_MS)
    assert token == "" or token not in str(e.value)


@given(st.integers(0, 400), st.integers(1, 127))
def test_tampered(at, change):
    """A token with one character changed is refused (but for the last, which carries unused bits)."""
    token = bytearray(mint(KEY, Grants("talk", "a1"), now_ms=NOW_MS).encode())
    token[at % (len(token) - 1)] ^= change
    with pytest.raises(TokenInvalid):
        verify(KEY, token.decode("latin-1"), now_ms=NOW_MS)


@pytest.mark.parametrize("lifetime_s", [0, -1, tokens.LIFETIME_S + 1])
def test_lifetime_bounds(lifetime_s):
    """A token lives a second at least and ten minutes at most."""
    with pytest.raises(ValueError):
        mint(KEY, Grants("talk", "a1"), now_ms=NOW_MS, lifetime_s=lifetime_s)


def test_key_bounds():
    """A secret too short for HS256 is refused, and a key does not show its secret."""
    with pytest.raises(ValueError):
        TokenKey("visavis", "secret")
    assert KEY.secret not in repr(KEY)


def test_the_engine_alone_takes_what_livekit_takes():
    """Any lifetime, a hidden holder, a minute's difference of clocks: refused by a node, taken by LiveKit's rules."""
    now = NOW_MS // 1000
    for odd in (
        {"exp": now + 86_400},
        {"exp": now - 30, "nbf": now - 60},
        {"nbf": now + 30},
        {"video": {"hidden": True}},
    ):
        token = signed(claims(**odd))
        with pytest.raises(TokenInvalid):
            verify(KEY, token, now_ms=NOW_MS)
        grants = verify(KEY, token, now_ms=NOW_MS, rules=AS_LIVEKIT)
        assert grants.hidden == ("video" in odd)
    with pytest.raises(TokenInvalid):
        verify(KEY, signed(claims(exp=now - 90, nbf=now - 100)), now_ms=NOW_MS, rules=AS_LIVEKIT)


def test_attributes_and_kind():
    """Attributes and kind are read, and minted again as they were."""
    token = signed(claims(attributes={"side": "a"}, kind="agent"))
    grants = verify(KEY, token, now_ms=NOW_MS)
    assert (grants.attributes, grants.kind) == ({"side": "a"}, "agent")
    again = verify(KEY, mint(KEY, grants, now_ms=NOW_MS), now_ms=NOW_MS)
    assert (again.attributes, again.kind) == ({"side": "a"}, "agent")


def test_a_token_of_the_server_api():
    """A token for the server API names no room and nobody; it lets nobody into a room."""
    raw = claims(
        video={"roomJoin": False, "room": "", "roomCreate": True, "roomList": True, "roomAdmin": True}
    )
    del raw["sub"]
    grants = tokens.read(KEY, signed(raw), now_ms=NOW_MS)
    assert (grants.room_create, grants.room_list, grants.room_admin, grants.room_join) == (
        True,
        True,
        True,
        False,
    )
    with pytest.raises(TokenInvalid):
        verify(KEY, signed(raw), now_ms=NOW_MS)


@given(st.text(max_size=200))
def test_issuer_of_anything(text):
    """Whose a token says it is can be asked of any text."""
    assert tokens.issuer(text) == ""


def test_short_secrets():
    """A short secret is taken only where that is said."""
    with pytest.raises(ValueError):
        TokenKey("devkey", "secret")
    assert TokenKey("devkey", "secret", short=True).key == "devkey"
    assert tokens.issuer(signed(claims())) == "visavis"
