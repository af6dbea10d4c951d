"""Requests that no page makes: hostile words, paths, forms, bodies and headers for every route. For tests.

Lives here: `Ask`, `ask` (one request, as a server hands it to the application), `routes_of`, `Hostile`, who draws.
Not here: what must hold of the answers (`test_routes`), the call's socket (`tests/rtc/test_signalling`).

schemathesis was looked at: it draws from an OpenAPI schema, which a node does not have, and knows neither two sides nor
forms that sign. What is drawn here comes from the application's own table of routes and the commands' own fields.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from visavis.access import COOKIE
from visavis.rulebook import COMMANDS

TAG = "<zq9"
MARKUP = f"\"'>{TAG} onload=alert(1)><svg onload=alert(1)><script>{TAG}</script>"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")

WORDS = (
    "",
    " ",
    "a\x00b",
    "a\x1b[2Jb",
    "\u202eback\u2066 \u2069\u2069 \u202d",
    "\ufeff\u200b\u200d",
    "x" * 6000,
    "\U0001f600" * 500,
    MARKUP,
    "javascript:alert('zq9')",
    f"[a](javascript:zq9) ![a](http://zq9.example/) **{TAG}>**",
    "{{ 7*7 }}{% zq9 %}",
    "../../../../etc/passwd",
    "' OR 1=1; --",
    "a\r\nSet-Cookie: zq9=1",
    "9" * 400,
    "-1",
    "1e999",
    "٣",
    "%",
    "None",
    "//zq9.example",
    "2021-12-07T25:61:61Z",
)
BROKEN = ("%ff%fe", "%c0%af", "%ed%a0%80", "%00", "%", "%zz", "%e2%80%ae", "%0d%0a")
"""Pieces of an address that are no UTF-8, no escape, or a character that commands."""
VALUES: tuple[object, ...] = (
    None, True, -1, 0, 2**63, 2**64, 10**40, 1e308, [], {}, [[]], {"": ""}, [None] * 50, {"en": None},
    {"zz-ZZ-" * 30: "x"}, {"en": "x" * 200_000}, ["x"] * 2000,
)  # fmt: skip
BODIES: tuple[bytes, ...] = (
    b"",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b'"zq9"',
    b"9" * 5000,
    b'{"fields":' + b"9" * 5000 + b',"command":"dialogue.end"}',
    b'{"command":"talks.propose","fields":' + b"[" * 20_000,
    b'{"command":"talks.propose","fields":' + b'{"a":' * 900 + b"1" + b"}" * 901,
    b'{"text":"\\ud800"}',
    b'{"text":"\xed\xa0\x80"}',
    b'{"text":NaN}',
    b'{"text":"a","text":"b"}',
    b'{"check":"a"} trailing',
    b"{" * 200_000,
    b"x" * (1024 * 1024 + 1),
)
FIELDS: Mapping[str, Sequence[str]] = {
    "enrolments": ("token", "registration"),
    "sessions": ("id", "challenge", "proof"),
    "foundings": ("name", "recovery"),
    "recoveries": ("recovery",),
    "entries": ("draft", "proof"),
    "checks": ("check",),
    "checkpoints": ("note",),
    "invitations": ("name", "role", "delegate", "at"),
    "withdraw": ("link",),
    "leave": ("link",),
    "alternates": ("delegate", "stands_for", "drop"),
    "mail": ("address", "on", "language", "zone", "quiet_from", "quiet_to", "kinds", "named"),
    "calendar": ("titled",),
    "join": ("certificate",),
    "caucus": ("certificate",),
    "lobby": ("presence",),
    "quotes": ("text",),
    "comments": ("name", "text"),
    "papers": ("item", "file"),
    "founding": ("name.en", "name.ru", "recovery"),
    "check": ("name.en", "name.ru", "recovery"),
    "change": ("name.en", "name.ru", "recovery"),
    "recover": ("recovery", "draft", "sig"),
    "remarks": ("text", "clause", "words", "seen"),
    "drafts": ("kind", "initials", "seen", "texts.en.title", "texts.en.text", "texts.ru.dateline"),
}
"""Of a body, by the last part of the route's path; of any other: `OTHERS`."""
OTHERS = ("publish", "talk")
QUERY = (
    "lang",
    "from",
    "receipts",
    "of",
    "talk",
    "kind",
    "side",
    "text",
    "comment",
    "access_token",
    "counter",
    "take",
    "save",
    "saved",
)


@dataclass(slots=True)
class Ask:
    """One request. raw: the path as it came. chunks: of the body. cut: the client goes before the body's end."""

    method: str
    raw: bytes
    query: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: tuple[bytes, ...] = ()
    cut: bool = False

    def __str__(self) -> str:
        told = {key: value[:80] for key, value in self.headers if key != b"cookie"}
        body = b"".join(self.chunks)
        more = f" {len(body)} bytes {body[:300]!r}{' cut' if self.cut else ''}" if body or self.cut else ""
        return f"{self.method} {self.raw[:200].decode()}?{self.query[:200].decode()} {told}{more}"


@dataclass(slots=True)
class Got:
    """The answer to one request. status: 0 if there was none."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


async def ask(app: Starlette, asked: Ask) -> Got:
    """Hand a request to the application as uvicorn does, and take its answer; a stream is left after a word."""
    got, over = Got(), anyio.Event()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": unquote(asked.raw.decode()),
        "raw_path": asked.raw,
        "query_string": asked.query,
        "root_path": "",
        "headers": asked.headers,
        "client": ("192.0.2.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    parts = list(asked.chunks) or [b""]

    async def receive() -> dict[str, object]:
        if parts:
            body = parts.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(parts) or asked.cut}
        if not asked.cut:
            await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert not got.status, "two answers"
            got.status = message["status"]
            got.headers = [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in message["headers"]]
        else:
            got.body += message.get("body", b"")
            if not message.get("more_body") or got.header("content-type").startswith("text/event-stream"):
                over.set()

    with anyio.fail_after(60):
        await app(scope, receive, send)
    return got


def routes_of(routes: Sequence[BaseRoute]) -> dict[str, frozenset[str]]:
    """Path → its methods, of everything that speaks HTTP."""
    found: dict[str, frozenset[str]] = {}
    for route in routes:
        if isinstance(route, Route):
            found[route.path] = found.get(route.path, frozenset()) | frozenset(route.methods or ())
        elif isinstance(route, Mount):
            found[route.path + "/{path:path}"] = frozenset({"GET", "HEAD"})
    return found


@dataclass(slots=True)
class Hostile:
    """Draws requests. known: name of a path's parameter or a field → values that mean something here."""

    draw: random.Random
    known: Mapping[str, Sequence[str]]
    host: str

    def path(self, route: str, *, tame: bool = False) -> bytes:
        """The route's path with its parameters filled in."""
        out = []
        for part in route.split("/"):
            if not part.startswith("{"):
                out.append(part)
                continue
            name = part.strip("{}").partition(":")[0]
            if tame or self.draw.random() < 0.7:
                out.append(self.draw.choice(self.known.get(name, ("x",))))
            elif self.draw.random() < 0.3:
                out.append(self.draw.choice(BROKEN))
            else:
                out.append(quote(self.draw.choice(WORDS), safe=""))
        return "/".join(out).encode()

    def query(self) -> bytes:
        pairs = []
        for _ in range(self.draw.choice((0, 0, 0, 1, 1, 2, 3))):
            name = self.draw.choice((*QUERY, quote_plus(self.draw.choice(WORDS))))
            pairs.append(
                f"{name}={self.draw.choice((quote_plus(self._word(name)), self.draw.choice(BROKEN)))}"
            )
        return "&".join(pairs).encode()

    def _word(self, name: str) -> str:
        many = [*self.known.get(name.rpartition(".")[0] or name, ()), *self.known.get(name, ())]
        return self.draw.choice(many) if many and self.draw.random() < 0.5 else self.draw.choice(WORDS)

    def value(self, name: str) -> object:
        """A field's value: what it may be here, or anything else."""
        roll = self.draw.random()
        if roll < 0.6:
            return self._word(name)
        if roll < 0.7:
            return {language: self.draw.choice(WORDS) for language in ("en", "ru", self.draw.choice(WORDS))}
        if roll < 0.8:
            return [self._word(name) for _ in range(self.draw.randrange(4))]
        return self.draw.choice(VALUES)

    def json(self, route: str) -> bytes:
        last = route.rpartition("/")[2]
        if self.draw.random() < 0.15:
            return self.draw.choice(BODIES)
        body: dict[str, object] = {}
        if route.endswith("{d}/drafts"):
            command = self.draw.choice(list(COMMANDS.values()))
            names = [each.name for each in msgspec.structs.fields(command.fields)]
            body = {"command": command.name, "fields": self._some(names)}
            if self.draw.random() < 0.1:
                body["device"] = self.value("device")
        else:
            names = list(FIELDS.get(last, OTHERS[:1]))
            body = self._some(names)
            if "proof" in names and self.draw.random() < 0.8:
                body["proof"] = self._some(["type", "sig", "authenticator_data", "client_data"])
        text = json.dumps(body, ensure_ascii=self.draw.random() < 0.5)
        if self.draw.random() < 0.05:
            text = text[: len(text) // 2]
        return text.encode()

    def _some(self, names: Sequence[str]) -> dict[str, object]:
        """Most of the names, each with a value; now and then one that nobody asked for."""
        kept = [name for name in names if self.draw.random() < 0.9]
        if self.draw.random() < 0.1:
            kept.append(self.draw.choice(WORDS))
        return {name: self.value(name) for name in kept}

    def form(self, route: str) -> tuple[bytes, bytes]:
        """(body, content type): urlencoded or multipart, of the right fields or of others, whole or broken."""
        names = [*FIELDS.get(route.rpartition("/")[2], OTHERS)]
        pairs = [(name, self._word(name)) for name in names if self.draw.random() < 0.9]
        if pairs and self.draw.random() < 0.2:
            pairs.append(pairs[0])
        if self.draw.random() < 0.1:
            pairs += [(str(n), "x") for n in range(1200)]
        if self.draw.random() < 0.5:
            body = "&".join(f"{quote_plus(name)}={quote_plus(words)}" for name, words in pairs)
            if self.draw.random() < 0.2:
                body += "&text=" + self.draw.choice(BROKEN) + "&=&&%=%"
            return body.encode(), b"application/x-www-form-urlencoded"
        lines = []
        for name, words in pairs:
            kind = '; filename="a.svg"' if self.draw.random() < 0.1 else ""
            lines.append(f'--zq\r\nContent-Disposition: form-data; name="{name}"{kind}\r\n\r\n{words}\r\n')
        body = "".join(lines) + ("--zq--\r\n" if self.draw.random() < 0.7 else "")
        of = self.draw.choice(
            (b"; boundary=zq", b"; boundary=zq", b"; boundary=zq; charset=zq9", b"", b"; boundary=")
        )
        data = body.encode()
        if self.draw.random() < 0.2:
            data = data.replace(b"form-data", b"\xff\xfe")
        return data, b"multipart/form-data" + of

    def request(self, method: str, route: str, token: str, *, tame: bool = False) -> Ask:
        """One request for `route`. tame: with a path that leads somewhere, from our own page."""
        made = Ask(method, self.path(route, tame=tame), b"" if tame else self.query())
        headers = made.headers
        accepts = (b"text/html", b"text/html", b"application/json", b"*/*", b"")
        headers.append((b"accept", self.draw.choice(accepts)))
        host = self.host.encode()
        if not tame and self.draw.random() < 0.03:
            host = self.draw.choice(
                (b"[", b"", b"evil.example", b"a b", b"x:99999999", b"\xff", TAG.encode())
            )
        headers.append((b"host", host))
        if method not in ("GET", "HEAD", "OPTIONS"):
            if self.draw.random() < 0.6:
                data, kind = self.json(route), b"application/json"
            else:
                data, kind = self.form(route)
            if not tame and self.draw.random() < 0.1:
                kind = self.draw.choice(
                    (b"", b"text/plain", b"image/svg+xml", b"multipart/form-data", b"\xff/;;=", b"zq9")
                )
            at = self.draw.randrange(len(data) + 1)
            made.chunks = (data[:at], data[at:])
            headers.append((b"content-type", kind))
            if not tame and self.draw.random() < 0.05:
                made.cut, made.chunks = True, (data[:at],)
            length = str(len(data)).encode()
            if not tame and self.draw.random() < 0.05:
                length = self.draw.choice((b"-1", b"zq9", b"9" * 30, b"\xb2", b"+5", b"1048577"))
            if self.draw.random() < 0.9:
                headers.append((b"content-length", length))
        origin = "own" if tame else self.draw.choice(("own", "own", "own", "own", "none", "foreign"))
        if origin == "own":
            headers.append((b"sec-fetch-site", b"same-origin"))
        elif origin == "foreign":
            headers.append(self.draw.choice(FOREIGN))
        if token and (origin != "own" or self.draw.random() < 0.7):
            headers.append((b"cookie", f"{COOKIE}={token}".encode()))
        elif token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        if not tame and self.draw.random() < 0.1:
            headers.append(self.draw.choice(ODD))
        return made


FOREIGN = (
    (b"sec-fetch-site", b"cross-site"),
    (b"sec-fetch-site", b"zq9"),
    (b"origin", b"https://evil.example"),
    (b"origin", b"null"),
    (b"origin", b"http://["),
    (b"origin", b"\xff"),
)
ODD = (
    (b"accept-language", b"\xff;q=zq9,,,;;q=,ru;q=nan"),
    (b"if-none-match", b'"zq9", *, \xff'),
    (b"range", b"bytes=9-1"),
    (b"range", b"bytes=-,zq9"),
    (b"cookie", b"visavis_language=\xff; =; ;;" + TAG.encode()),
    (b"x-forwarded-for", b"zq9"),
    (b"expect", b"zq9"),
    (b"if-modified-since", b"zq9"),
    (b"accept-encoding", b"zq9, gzip;q=nan, *;q=0"),
)
