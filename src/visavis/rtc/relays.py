"""A relay (TURN) for clients whose network lets no path to the engine through: what they are told, what it allows.

Lives here: `Relay`, credentials that end by themselves, the servers that a client is told, coturn's configuration.
Not here: the relay itself (coturn, ADR 13), reading settings (`config`), whether it works (`cli.checks`).
Pure: the time and the secret are arguments.
Spec: RFC 8656 (TURN), RFC 7065 (its URIs), draft-uberti-behave-turn-rest-00 (credentials).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from livekit.protocol import rtc as r

LIFETIME_S: Final = 6 * 3600
"""How long a credential is good for a new allocation: a talk's longest day; one that stands goes on."""

MAX_ALLOCATIONS: Final = 24
"""Of one credential: two transports, over three ways, at several addresses; more is misuse."""

NOWHERE: Final = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")


@dataclass(frozen=True, slots=True, repr=False)
class Relay:
    """A TURN server that shares a secret with us.

    host: its name or address, as clients reach it. port: by UDP and TCP; tls_port: by TLS; 0: not by that.
    """

    host: str
    secret: str
    port: int = 3478
    tls_port: int = 0

    @property
    def urls(self) -> tuple[str, ...]:
        """Where clients reach it, the best first."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        plain = [f"turn:{host}:{self.port}?transport={kind}" for kind in ("udp", "tcp") if self.port]
        return (*plain, *([f"turns:{host}:{self.tls_port}?transport=tcp"] if self.tls_port else []))


def credential(secret: str, name: str, until_s: int) -> tuple[str, str]:
    """A user name and a password, good until a second since the epoch. name: whose; the relay's log shows it."""
    user = f"{until_s}:{name}"
    mac = hmac.digest(secret.encode(), user.encode(), hashlib.sha1)
    return user, base64.b64encode(mac).decode()


def ice_servers(relay: Relay | None, name: str, now_ms: int) -> tuple[r.ICEServer, ...]:
    """What a client is told, with a credential of its own."""
    if relay is None:
        return ()
    user, password = credential(relay.secret, name, now_ms // 1000 + LIFETIME_S)
    return (r.ICEServer(urls=relay.urls, username=user, credential=password),)


def coturn_config(
    relay: Relay,
    *,
    listen: Iterable[str],
    peers: Sequence[str],
    certificate: Path | None = None,
    key: Path | None = None,
) -> str:
    """coturn's configuration file for this relay: to the engine, and nowhere else.

    listen: addresses of the machine that it runs on; none: all. peers: the engine's addresses, as clients know them.
    certificate, key: PEM files, for TLS.
    """
    at = list(listen)
    lines = [
        "# coturn's configuration, from `visavis turn config`. It holds a secret: keep it readable by coturn alone.",
        *([f"listening-port={relay.port}"] if relay.port else ["no-udp", "no-tcp"]),
        *(f"listening-ip={ip}" for ip in at),
        *(f"relay-ip={ip}" for ip in at),
        f"realm={relay.host}",
        "fingerprint",
        "# Credentials end by themselves; the node makes them with the same secret.",
        "use-auth-secret",
        f"static-auth-secret={relay.secret}",
        "stale-nonce=600",
        f"user-quota={MAX_ALLOCATIONS}",
        "# It relays to the engine and nowhere else.",
        *(f"denied-peer-ip={ips}" for ips in NOWHERE),
        *(f"allowed-peer-ip={ip}" for ip in peers),
        *(["allow-loopback-peers"] if any(ip_address(ip).is_loopback for ip in peers) else []),
        "no-multicast-peers",
        "no-tcp-relay",
        "no-cli",
        "no-dtls",
        "no-software-attribute",
    ]
    if relay.tls_port:
        lines += [f"tls-listening-port={relay.tls_port}", "no-tlsv1", "no-tlsv1_1"]
        lines += [f"cert={certificate}", f"pkey={key}"]
    else:
        lines += ["no-tls"]
    return "\n".join(lines) + "\n"
