"""The two servers that the conformance suite compares: `visavis engine` and LiveKit's own.

Lives here: `Server`, `engine_running`, `sound_engine`, `livekit_running`.
Not here: what is asked of them (the tests), clients (`peers`).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
from livekit import api

ROOT = Path(__file__).resolve().parents[2]
START_S = 180
STOP_S = 20
KEY, SECRET = "conformance", "a secret of at least thirty-two bytes"
DEV_KEY, DEV_SECRET = "devkey", "secret"
"""Of `--dev`, on both servers."""


@dataclass(frozen=True)
class Server:
    """A running server, and the key of its tokens."""

    name: str
    http: str
    pid: int

    @property
    def url(self):
        return self.http.replace("http", "ws", 1)

    def token(
        self,
        identity,
        room="",
        *,
        secret=SECRET,
        lifetime_s=3600,
        name="",
        metadata="",
        attributes=None,
        room_config=None,
        **grants,
    ):
        """A token made by LiveKit's own library; grants as its `VideoGrants` spells them."""
        token = api.AccessToken(KEY, secret).with_identity(identity).with_ttl(timedelta(seconds=lifetime_s))
        token = token.with_grants(api.VideoGrants(**{"room_join": bool(room), "room": room, **grants}))
        if name:
            token = token.with_name(name)
        if metadata:
            token = token.with_metadata(metadata)
        if attributes:
            token = token.with_attributes(attributes)
        if room_config:
            token = token.with_room_config(room_config)
        return token.to_jwt()


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def _process(command, log, *, gently=True, **options):
    """A process that ends with the block: asked first, then made to; or made to at once."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT, **options)
    try:
        yield process
    finally:
        (process.terminate if gently else process.kill)()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process, log, where):
    """Wait until the server answers at the address that `where()` gives (None: not known yet); the address."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if (http := where()) is not None:
            try:
                if httpx2.get(http, timeout=5).status_code == 200:
                    return http
            except httpx2.TransportError:
                pass
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


SHORT = """
import sys
from visavis.cli import main
from visavis.rtc import signalling
signalling.SILENCE_S = {}
sys.exit(main())
"""


@contextmanager
def engine_running(folder, *more, silence_s=None, **environment):
    """`visavis engine --dev` on free loopback ports. folder: of its log and `serving.json`; more: its options.
    silence_s: how long a client may say nothing, if not as long as ever.
    """
    log, serving = folder / "engine.log", folder / "serving.json"
    serving.unlink(missing_ok=True)
    command = [sys.executable, *(["-m", "visavis"] if silence_s is None else ["-c", SHORT.format(silence_s)])]
    command += ["engine", "--port", "0", "--udp-port", "0"]
    command += ["--dev", "--keys", f"{KEY}: {SECRET}", *more]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    env = {**os.environ, "PYTHONPATH": path, **environment}
    with _process([*command, "--data", str(folder)], log, env=env) as process:

        def where():
            return json.loads(serving.read_text())["url"] if serving.exists() else None

        yield Server("visavis", _wait(process, log, where), process.pid)


@contextmanager
def sound_engine(folder, **options):
    """`engine_running` with two media threads, which breaks nowhere meanwhile."""
    with engine_running(folder, "--media-threads", "2", **options) as running:
        yield running
    told = (folder / "engine.log").read_text(errors="replace")
    assert "Traceback" not in told, told[told.index("Traceback") :][:3000]
    assert "ASGI" not in told, "uvicorn complains of the sockets that fall back from /rtc/v1"


@contextmanager
def coturn_running(folder, config, port):
    """coturn with this configuration, once it listens at a TCP port; its log."""
    file, log = folder / "turnserver.conf", folder / "coturn.log"
    file.write_text(config)
    command = ["turnserver", "-c", str(file), "--log-file", "stdout", "--pidfile", str(folder / "coturn.pid")]
    with _process([*command, "--userdb", str(folder / "turndb")], log) as process:
        deadline = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
            except OSError:
                time.sleep(0.05)
                continue
            yield log
            return
        raise AssertionError(f"coturn did not start:\n{log.read_text(errors='replace')[-3000:]}")


CONFIG = """
port: {port}
bind_addresses: [127.0.0.1]
rtc:
  udp_port: {udp_port}
  tcp_port: 0
  use_external_ip: false
  node_ip: 127.0.0.1
  enable_loopback_candidate: true
  interfaces: {{includes: [lo]}}
  stun_servers: ["127.0.0.1:9"]
keys: {{{key}: "{secret}"}}
"""
"""livekit-server binds more than it is told, and asks the network for its address, unless it is told not to."""


@contextmanager
def livekit_running(folder):
    """livekit-server on free loopback ports, built if it is not there yet (scripts/livekit_server.sh)."""
    built = subprocess.run([ROOT / "scripts/livekit_server.sh"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    log, config = folder / "livekit.log", folder / "livekit.yaml"
    port, udp_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    config.write_text(CONFIG.format(port=port, udp_port=udp_port, key=KEY, secret=SECRET))
    command = [built.stdout.strip(), "--config", str(config), "--dev"]
    with _process(command, log, gently=False) as process:  # asked, it waits for rooms that linger
        yield Server("livekit", _wait(process, log, lambda: f"http://127.0.0.1:{port}"), process.pid)
