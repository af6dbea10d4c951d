"""Clients whose network lets no path to the engine through: they get in by a relay, a real coturn, and only there.

Lives here: the relay with the configuration that we print for it, calls through it, and what `visavis doctor` finds.
Not here: the paths to the engine itself (`test_networks`).
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import time

import pytest
from livekit import rtc
from tests.cli.test_doctor import make_certificate
from tests.conformance.peers import meet_and_resume
from tests.conformance.servers import coturn_running, engine_running, free_port
from tests.conformance.test_browser import address, browse, chromium

from visavis.cli import checks
from visavis.cli.checks import Verdict, turn
from visavis.rtc.relays import Relay, coturn_config, credential, ice_servers

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.media,
    pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed"),
]

__all__ = ["address", "browse", "chromium"]

HERE = "127.0.0.1"
SECRET = "what the relay and the node share"
RELAYED = rtc.RoomOptions(
    rtc_config=rtc.RtcConfiguration(ice_transport_type=rtc.IceTransportType.TRANSPORT_RELAY)
)


@contextlib.contextmanager
def relay_running(folder, *, peers=(HERE,), certificate=None, change=lambda config: config):
    """coturn at loopback, and how clients are told of it."""
    host = "localhost" if certificate else HERE
    relay = Relay(
        host, SECRET, free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM) if certificate else 0
    )
    config = coturn_config(relay, listen=[HERE], peers=peers, certificate=certificate, key=certificate)
    with coturn_running(folder, change(config), relay.port) as log:
        yield relay, log


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    with relay_running(tmp_path_factory.mktemp("coturn")) as (running, _):
        yield running


@pytest.fixture(scope="module")
def server(relay, tmp_path_factory):
    """The engine, that tells of the relay."""
    folder = tmp_path_factory.mktemp("engine")
    options = ["--turn", relay.host, "--turn-port", str(relay.port)]
    with engine_running(folder, *options, VISAVIS_TURN_SECRET=SECRET) as running:
        yield running


async def test_sdk(meet):
    """Two clients that use relays only see and hear each other, and still do after one has resumed."""
    async with meet() as join:
        a, b = await join("a1", options=RELAYED), await join("b1", options=RELAYED)
        await meet_and_resume(a, b)


@pytest.mark.browser
async def test_browser(browse):
    """So do two participants in a browser."""
    async with browse() as page:
        relayed = {"rtcConfig": {"iceTransportPolicy": "relay"}}
        for name in ("a1", "b1"):
            await page.join(name, connect=relayed)
        for name in ("a1", "b1"):
            await page.do("publish", name)
        for name in ("a1", "b1"):
            await page.sees(name)
            await page.hears(name)


def test_what_clients_are_told():
    """Each way to the relay, and a credential that ends."""
    relay = Relay("turn.example", SECRET, 3478, 443)
    (told,) = ice_servers(relay, "7", 1_000_000)
    assert list(told.urls) == [
        "turn:turn.example:3478?transport=udp",
        "turn:turn.example:3478?transport=tcp",
        "turns:turn.example:443?transport=tcp",
    ]
    assert (told.username, told.credential) == credential(SECRET, "7", 1000 + 6 * 3600)
    assert ice_servers(None, "7", 0) == ()
    assert Relay("2001:db8::1", SECRET, 0, 443).urls == ("turns:[2001:db8::1]:443?transport=tcp",)
    assert SECRET not in repr(relay)


async def test_doctor(tmp_path, relay):
    """A relay that works is found to, and to relay to the engine alone."""
    assert [f.verdict for f in await turn(relay, [HERE])] == [Verdict.OK, Verdict.OK]


async def test_other_secret(relay):
    """A relay with another secret refuses what clients are told."""
    found = await turn(Relay(relay.host, "another secret", relay.port), [HERE])
    assert [f.verdict for f in found] == [Verdict.WRONG] * 2
    assert all("refuses: 401" in f.found for f in found)


async def test_credential_that_has_ended(relay, monkeypatch):
    """A credential whose time is over is refused."""
    monkeypatch.setattr(
        checks, "credential", lambda secret, name, _: credential(secret, name, int(time.time()) - 1)
    )
    assert all("refuses: 401" in f.found for f in await turn(relay, [HERE]))


async def test_no_relay():
    """Where no relay answers, that is found."""
    found = await turn(Relay(HERE, SECRET, free_port(socket.SOCK_STREAM)), [HERE])
    assert [f.verdict for f in found] == [Verdict.WRONG] * 2


async def test_relay_elsewhere(tmp_path):
    """A relay that does not lead to the engine is found, and so is one that leads anywhere."""
    with relay_running(tmp_path, peers=["192.0.2.55"]) as (relay, _):
        assert all(f"does not relay to {HERE}" in f.found for f in await turn(relay, [HERE]))

    def opened(config):
        return "\n".join(line for line in config.splitlines() if not line.startswith("denied-peer-ip"))

    with relay_running(tmp_path, change=opened) as (relay, _):
        assert all("relays to anywhere" in f.found for f in await turn(relay, [HERE]))


async def test_tls(tmp_path, monkeypatch):
    """By TLS as well, if its certificate is one that clients take."""
    file = make_certificate(tmp_path)
    with relay_running(tmp_path, certificate=file) as (relay, _):
        found = await turn(relay, [HERE])
        assert [f.verdict for f in found] == [Verdict.OK, Verdict.OK, Verdict.WRONG]
        assert "self-signed" in found[2].found
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert [f.verdict for f in await turn(relay, [HERE])] == [Verdict.OK] * 3
