"""A real timestamp authority for tests: OpenSSL's, with certificates made here, behind a small HTTP server.

Lives here: `Authority` (a CA and its authority), `Server`, `answering`.
Not here: what is asked of it (the tests).
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

POLICY = "1.2.3.4.1"
CONFIG = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[reply]
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA and the timestamp authority that it certifies, in a folder of their own."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, name: str = "Authority of the test", *dates: str) -> Authority:
        """dates: options of `openssl x509` for the validity of the authority's certificate."""
        folder.mkdir(parents=True)
        (folder / "tsa.cnf").write_text(CONFIG)
        (folder / "serial").write_text("01\n")
        made = cls(folder)
        for key in ("ca.key", "tsa.key"):
            made._openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key)
        config = ("-config", "tsa.cnf")
        made._openssl(
            "req", "-new", "-x509", "-key", "ca.key", "-subj", f"/CN=CA of {name}", *config,
            "-extensions", "ca", "-days", "3650", "-out", "ca.pem",
        )  # fmt: skip
        made._openssl("req", "-new", "-key", "tsa.key", "-subj", f"/CN={name}", *config, "-out", "tsa.csr")
        made._openssl(
            "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "tsa.cnf", "-extensions", "tsa", *(dates or ("-days", "3650")), "-out", "tsa.pem",
        )  # fmt: skip
        return made

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def reply(self, query: bytes) -> bytes:
        """The token over a request, as OpenSSL signs it."""
        (self.folder / "query").write_bytes(query)
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-section", "reply", "-queryfile", "query", "-out", "reply"
        )
        return (self.folder / "reply").read_bytes()

    def token(self, text: bytes, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
        return self.reply(TimestampRequestBuilder().data(text).hash_algorithm(algorithm).build().as_bytes())

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@dataclass(slots=True)
class Server:
    """An authority's address. asked: every request, as it came. came: set with the first."""

    url: str
    asked: list[bytes] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)


@contextmanager
def answering(
    answer: Callable[[bytes], tuple[int, bytes]], *, then: threading.Event | None = None
) -> Iterator[Server]:
    """A server that gives `answer` (status, body) to each request; then: what it waits for before it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append(query)
            server.came.set()
            if then is not None:
                then.wait()
            status, body = answer(query)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # who asked has gone: it had read enough

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}/tsr")
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        if then is not None:
            then.set()
        http.shutdown()
        thread.join()
        http.server_close()
