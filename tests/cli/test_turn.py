"""`visavis turn config`: coturn's configuration from a node's settings."""

from __future__ import annotations

import pytest

from visavis.bootstrap import TURN_SECRET, relay_config
from visavis.config import Settings
from visavis.errors import Malformed


def settings(data, **more):
    return Settings.from_environment({}, data=data, **more)


def test_config(tmp_path):
    """It holds the node's own secret, made once, kept from others, and the call's addresses as the only peers."""
    given = settings(tmp_path / "data", turn="turn.example", call_host="192.0.2.7,2001:db8::7")
    lines = relay_config(given, []).splitlines()
    kept = tmp_path / "data" / TURN_SECRET
    assert kept.stat().st_mode & 0o777 == 0o600
    assert f"static-auth-secret={kept.read_text().strip()}" in lines
    assert [line for line in lines if line.startswith("allowed-peer-ip")] == [
        "allowed-peer-ip=192.0.2.7",
        "allowed-peer-ip=2001:db8::7",
    ]
    assert [line for line in lines if line.startswith("listening-ip")] == [
        "listening-ip=192.0.2.7",
        "listening-ip=2001:db8::7",
    ]
    assert {"no-tls", "no-dtls", "no-cli", "no-tcp-relay", "use-auth-secret"} <= set(lines)
    assert "allow-loopback-peers" not in lines
    assert relay_config(given, []).splitlines() == lines


def test_another_machine_and_tls(tmp_path):
    """A relay elsewhere listens there, with its certificate, and leads to the call's address as clients know it."""
    given = settings(
        tmp_path,
        turn="turn.example",
        turn_tls_port=443,
        turn_port=0,
        turn_secret="shared",
        turn_certificate="/tls/turn.pem",
        turn_key="/tls/turn.key",
        call_host="10.0.0.5",
        advertise="203.0.113.7",
    )
    lines = relay_config(given, ["198.51.100.9"]).splitlines()
    assert {
        "listening-ip=198.51.100.9",
        "allowed-peer-ip=203.0.113.7",
        "static-auth-secret=shared",
        "tls-listening-port=443",
        "cert=/tls/turn.pem",
        "pkey=/tls/turn.key",
        "no-udp",
        "no-tcp",
    } <= set(lines)
    assert not (tmp_path / TURN_SECRET).exists()


@pytest.mark.parametrize("more", [{}, {"turn": "turn.example", "turn_tls_port": 443}])
def test_incomplete(tmp_path, more):
    """No relay, and TLS without a certificate, are refused."""
    with pytest.raises(Malformed):
        relay_config(settings(tmp_path, **more), [])
