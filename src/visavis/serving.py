"""Where a node listens, and what it leaves for others on this machine to find it.

Lives here: `Serving` and its file, `write_private`, `bind`, `address`. Not here: the server's life (`cli.serve`).
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from visavis.errors import Unavailable

SERVING = "serving.json"


class Serving(msgspec.Struct, frozen=True):
    """What `serving.json` in the data folder says of the running node.

    url: where it listens. pid: its process. udp_port: of the call's media; 0 if a LiveKit deployment serves the calls.
    founding_links: two, on a node where nobody has founded yet.
    """

    url: str
    pid: int
    udp_port: int
    founding_links: tuple[str, ...] = ()


def leave(data: Path, serving: Serving) -> None:
    """Write `serving.json`, readable by the owner alone: the founding links are in it."""
    write_private(data / SERVING, msgspec.json.encode(serving))


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, on disk when this returns, readable by the owner alone."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `Unavailable` if the port is taken.

    Its connections send at once (TCP_NODELAY is inherited): else an answer's body waits for the client's delayed
    acknowledgement of its head, 40 ms for every request.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise Unavailable(f"port {port} at {host} cannot be had: {error.strerror}") from error
    sock.listen(2048)
    return sock


def address(sock: socket.socket) -> str:
    """ "localhost:8480", "192.0.2.1:8480" or "[2001:db8::1]:8480".

    Passkeys are bound to a host's name, and browsers take none at a bare address; so loopback is given by name.
    """
    host, port = sock.getsockname()[:2]
    if host in ("127.0.0.1", "::1"):
        return f"localhost:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
