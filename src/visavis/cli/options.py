"""What `visavis serve` and `visavis doctor` take from the command line alike.

Lives here: `Options`. Not here: what they mean where nothing is given (`config.Settings`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of a node; what is not given is the environment's.

    Parameters
    ----------
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data). A node makes it if it is missing.
    host:
        Address to listen at (VISAVIS_HOST; default 127.0.0.1).
    port:
        TCP port of the pages (VISAVIS_PORT; default 8480; 0: any free one).
    udp_port:
        Port of the call, UDP and TCP (VISAVIS_UDP_PORT; default 8481; 0: any free one).
    call_host:
        IP addresses, with commas, to open it at (VISAVIS_CALL_HOST; default: host). "0.0.0.0" stands for every IPv4
        address of this machine but those of loopback and of containers, "::" for those of IPv4 and IPv6.
    public_url:
        How browsers reach the node, as "https://talks.example" (VISAVIS_PUBLIC_URL).
    next_url:
        How they will reach it after a move, and can already, so that delegates make passkeys for it (VISAVIS_NEXT_URL).
    advertise:
        IP addresses, with commas, at which clients reach the call's port (VISAVIS_ADVERTISE; default: those of
        call-host). Needed where the machine does not have its public address itself.
    udp:
        Take the call's media as datagrams (VISAVIS_UDP, 1 or 0; default 1).
    tcp:
        Take it in connections, too, from networks that let no datagram out (VISAVIS_TCP, 1 or 0; default 1).
    media_threads:
        Threads that forward the calls' media (VISAVIS_MEDIA_THREADS; default 1). Each call is on one of them: more help
        where several calls are held at once on a machine of many cores.
    """

    data: Path | None = None
    host: str | None = None
    port: int | None = None
    udp_port: int | None = None
    call_host: str | None = None
    public_url: str | None = None
    next_url: str | None = None
    advertise: str | None = None
    udp: bool | None = None
    tcp: bool | None = None
    media_threads: int | None = None
