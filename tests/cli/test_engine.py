"""`visavis engine` as a command: its keys, what it serves, its end."""

from __future__ import annotations

import os
import signal

import httpx2
import pytest
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from tests.conformance.servers import engine_running
from websockets.sync.client import connect

from visavis.config import read_keys
from visavis.errors import Malformed


def test_keys_as_livekit_spells_them(tmp_path):
    """Keys come as pairs and from files; the first one named is the first."""
    file = tmp_path / "keys.yaml"
    file.write_text("# ours\n\nsecond: 'of the file'\nthird: \"also\"\n")
    assert list(read_keys(["first: one", str(file)]).items()) == [
        ("first", "one"),
        ("second", "of the file"),
        ("third", "also"),
    ]


@pytest.mark.parametrize("given", ["no-such-file", "key:", ": secret", "one: a\ntwo"])
def test_keys_that_are_none(given):
    """What is neither a pair nor a file of pairs is refused, and not repeated."""
    with pytest.raises(Malformed) as error:
        read_keys([given])
    assert "secret" not in error.value.message.replace("key: secret", "")


@pytest.mark.slow
def test_engine_alone(tmp_path):
    """The engine serves LiveKit's paths, lets nobody in without a token, and tells its clients before it ends."""
    with engine_running(tmp_path) as engine:
        with httpx2.Client(base_url=engine.http) as http:
            assert http.get("/").text == "OK"
            assert http.get("/rtc/validate", params={"access_token": "none"}).status_code == 401
            assert http.get("/rtc/v1/validate").status_code == 404
        token = engine.token("a1", "talk", lifetime_s=7 * 86_400)
        with connect(f"{engine.url}/rtc?access_token={token}", proxy=None) as ws:
            assert r.SignalResponse.FromString(ws.recv(20)).join.participant.identity == "a1"
            os.kill(engine.pid, signal.SIGTERM)
            while (response := r.SignalResponse.FromString(ws.recv(20))).WhichOneof("message") != "leave":
                pass
            leave = response.leave
            assert (leave.reason, leave.action) == (m.SERVER_SHUTDOWN, r.LeaveRequest.RECONNECT)
    assert "Traceback" not in (tmp_path / "engine.log").read_text()
