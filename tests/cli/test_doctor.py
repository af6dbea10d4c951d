"""`visavis doctor`: each check finds what is wrong with the real thing, and nothing where nothing is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections import namedtuple
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.conformance.servers import ROOT, engine_running
from tests.notices.mailbox import mail_server as mails_server

from visavis.bootstrap import DATABASE
from visavis.cli import checks
from visavis.cli.checks import Verdict, certificate, clock, database, examine, judge_clock
from visavis.store import schema
from visavis.store.sqlite import open_store

pytestmark = pytest.mark.anyio

LOOPBACK = {"host": "127.0.0.1", "port": 0, "udp_port": 0}


async def findings(**given):
    """What is found, by the check's name: (verdict, what was found)."""
    found = {}
    async for f in examine({**LOOPBACK, **given}):
        found.setdefault(f.check, []).append((f.verdict, f.found))
        assert f.mend or f.verdict is not Verdict.WRONG, f"{f} says not how to mend it"
    return found


def wrong(found):
    return {
        check: said for check, each in found.items() for verdict, said in each if verdict is Verdict.WRONG
    }


async def test_nothing_wrong(tmp_path):
    """On a machine where a node can run, nothing is wrong, and the engine answers by both protocols."""
    found = await findings(data=tmp_path / "new")
    assert wrong(found) == {}
    assert [said.split(", ")[1].split()[0] for _, said in found["call"]] == ["UDP", "TCP"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_call_port_taken(tmp_path, kind):
    """A port that another program has is named, with its protocol."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        found = wrong(await findings(data=tmp_path, udp_port=port))
    name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    assert list(found) == ["call"]
    assert found["call"].startswith(f"127.0.0.1, {name} {port}: ")


async def test_pages_port_taken(tmp_path):
    """So is the port of the pages."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = wrong(await findings(data=tmp_path, port=other.getsockname()[1]))
    assert list(found) == ["pages"]


@pytest.mark.parametrize(
    ("given", "check"),
    [
        ({"call_host": "talks.example"}, "configuration"),
        ({"udp": False, "tcp": False}, "configuration"),
        ({"public_url": "http://talks.example:1"}, "configuration"),
        ({"public_url": "https://talks.invalid"}, "certificate"),
        ({"call_host": "192.0.2.99"}, "call"),
        ({"udp_port": 70000}, "configuration"),
        ({"turn": "turn.invalid", "turn_secret": "x", "udp": False}, "configuration"),
    ],
)
async def test_settings(tmp_path, given, check):
    """A setting that cannot be, or does not fit the others, is found."""
    assert check in wrong(await findings(data=tmp_path, **given))


async def test_deployment(tmp_path):
    """Where a LiveKit deployment serves the calls, it is that which has to be there, and no port of ours."""
    given = {"data": tmp_path, "livekit_key": "key: a secret of at least thirty-two bytes"}
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        found = await findings(livekit_url=url, **given)
        assert wrong(found) == {}
        assert "engine" not in found
    assert list(wrong(await findings(livekit_url=url, **given))) == ["call"]


async def test_mail_server(tmp_path, monkeypatch):
    """A mail server that answers is fine, one that does not is found; what is set, with its password, is not said."""
    async with mails_server() as box:
        monkeypatch.setenv("VISAVIS_SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        found = await findings(data=tmp_path)
        assert [verdict for verdict, _ in found["mail"]] == [Verdict.NOTE]
        assert box.mails == []
    monkeypatch.setenv("VISAVIS_SMTP_URL", f"smtp://user:hidden@127.0.0.1:{box.port}")
    found = wrong(await findings(data=tmp_path))
    assert list(found) == ["mail"]
    assert "hidden" not in found["mail"]


async def test_database(tmp_path):
    """A database that is whole is fine; damaged, of another version, or none at all is not."""
    path = tmp_path / DATABASE
    await (await open_store(path)).close()
    assert all(f.verdict is Verdict.OK for f in database(tmp_path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        connection.commit()
    assert f"schema {schema.VERSION + 1}" in next(
        f.found for f in database(tmp_path) if f.verdict is Verdict.WRONG
    )
    path.write_bytes(b"not a database at all" * 1000)
    assert "cannot be read" in next(f.found for f in database(tmp_path) if f.verdict is Verdict.WRONG)


async def test_full_disk(tmp_path, monkeypatch):
    """A disk with little room is found."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, checks.LEAST_FREE_BYTES - 1))
    assert [f.check for f in database(tmp_path) if f.verdict is Verdict.WRONG] == ["disk"]


async def test_clock(tmp_path):
    """A clock that is behind what was written under it is wrong; one that nothing keeps right is worth a word."""
    path = tmp_path / DATABASE
    path.touch()
    assert clock(tmp_path).verdict is not Verdict.WRONG
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    os.utime(path, (tomorrow, tomorrow))
    assert clock(tmp_path).verdict is Verdict.WRONG
    now = datetime.now(UTC)
    assert [judge_clock(now, None, kept).verdict for kept in (True, False, None)] == [
        Verdict.OK,
        Verdict.NOTE,
        Verdict.OK,
    ]


def make_certificate(folder, *, name="localhost", days=90):
    """A certificate that signs itself, good until so many days from now; its file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return file


@contextmanager
def tls_server(file):
    """A TLS server with a certificate; its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)
            except OSError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, None),
        ({"days": -1}, "the certificate ended on"),
        ({"days": 3}, "the certificate ends on"),
        ({"name": "elsewhere.example"}, "localhost"),
    ],
)
async def test_certificate(tmp_path, monkeypatch, made, said):
    """A certificate that has ended, ends soon, or is another's is found."""
    file = make_certificate(tmp_path, **made)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with tls_server(file) as port:
        (finding,) = certificate(f"https://localhost:{port}")
    assert (finding.verdict is Verdict.OK) == (said is None)
    assert said is None or said in finding.found


async def test_certificate_of_nobody(tmp_path):
    """So is one that no authority has signed, and a place where nobody answers."""
    with tls_server(make_certificate(tmp_path)) as port:
        (finding,) = certificate(f"https://localhost:{port}")
        assert "self-signed" in finding.found
    (finding,) = certificate(f"https://localhost:{port}")
    assert finding.verdict is Verdict.WRONG


def command(*options, **env):
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-m", "visavis", "doctor", "--port", "0", "--udp-port", "0", *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **env},
    )


@pytest.mark.slow
def test_command(tmp_path):
    """The status says whether something is wrong, in words and as JSON alike."""
    fine = command("--data", str(tmp_path), "--json")
    said = json.loads(fine.stdout)
    assert (fine.returncode, said["ok"]) == (0, True), fine.stderr
    assert {check["check"] for check in said["checks"]} >= {
        "configuration",
        "engine",
        "call",
        "database",
        "clock",
    }
    ill = command("--data", str(tmp_path), VISAVIS_CALL_HOST="nowhere")
    assert ill.returncode == 1
    assert "✗ configuration: bind: an IP address is due" in ill.stdout


@pytest.mark.slow
async def test_running(tmp_path):
    """What runs on the data is found, and its port is open; with settings that are not its own it is not."""
    with engine_running(tmp_path):
        found = await findings(data=tmp_path)
        assert wrong(found) == {}
        assert [v for v, _ in found["node"]] == [Verdict.OK]
        assert len(found["call"]) == 2
        assert "call" in wrong(await findings(data=tmp_path, call_host="127.0.0.2"))
