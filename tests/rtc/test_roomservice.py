"""The server API against anything that may be posted to it. What it does: `tests/conformance/test_room_service.py`."""

from __future__ import annotations

import json

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import room as api
from starlette.applications import Starlette
from starlette.testclient import TestClient

from visavis.rtc.engines.fake import FakeEngine
from visavis.rtc.policy import RoomPolicy
from visavis.rtc.roomservice import JSON, METHODS, PREFIX, PROTOBUF, room_service_routes
from visavis.rtc.service import CallService
from visavis.rtc.signalling import MAX_MESSAGE_BYTES
from visavis.rtc.tokens import AS_LIVEKIT, Grants, TokenKey, mint

NOW_MS = 1_638_878_400_000
KEY = TokenKey("visavis", "a secret of at least thirty-two bytes")
RIGHTS = {"room_admin": True, "room_create": True, "room_list": True}
TOKEN = mint(KEY, Grants("talk", "api", **RIGHTS), now_ms=NOW_MS, rules=AS_LIVEKIT)


@pytest.fixture(scope="module")
def client():
    """The API of a service whose rooms end at once."""
    engine = FakeEngine()
    calls = CallService(
        engine,
        KEY,
        rules=AS_LIVEKIT,
        policy=lambda _: RoomPolicy(encrypted=None, configurable=True),
        now_ms=lambda: NOW_MS,
    )
    with TestClient(Starlette(routes=room_service_routes(calls))) as http:
        yield http
    anyio.run(engine.shutdown)


def post(client, method, body, kind=JSON, token=TOKEN):
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
    return client.post(f"{PREFIX}/{method}", content=body, headers=headers)


@given(
    method=st.sampled_from(sorted(METHODS)),
    body=st.binary(max_size=200),
    kind=st.sampled_from([JSON, PROTOBUF]),
)
def test_any_bytes(client, method, body, kind):
    """Any bytes are answered: done, or refused with a code of Twirp's."""
    answer = post(client, method, body, kind)
    assert answer.status_code in (200, 400, 401, 404, 412, 501)
    if answer.status_code != 200:
        assert set(answer.json()) == {"code", "msg"}


@given(
    method=st.sampled_from(sorted(METHODS)),
    fields=st.dictionaries(
        st.sampled_from(
            ["room", "name", "identity", "metadata", "muted", "permission", "attributes", "names"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("talk"),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=5,
        ),
    ),
)
def test_any_json(client, method, fields):
    """Any JSON is answered likewise."""
    assert post(client, method, json.dumps(fields)).status_code in (200, 400, 401, 404, 412, 501)


def test_too_large(client):
    """A request beyond the budget is refused before it is read to the end."""
    answer = post(client, "CreateRoom", b"x" * (MAX_MESSAGE_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (429, "resource_exhausted")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "n" * 257), ("metadata", "m" * 64_001)],
    ids=["no-name", "name", "metadata"],
)
def test_bounds(client, field, value):
    """A room has a name, and neither name nor metadata beyond LiveKit's bounds."""
    body = api.CreateRoomRequest(**{"name": "talk"} | {field: value}).SerializeToString()
    assert post(client, "CreateRoom", body, PROTOBUF).json()["code"] == "invalid_argument"
