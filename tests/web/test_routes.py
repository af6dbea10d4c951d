"""Every route of a node under hostile input, asked by everybody: none fails, none tells, none writes what it refuses.

`ROUTE_RUNS=n` draws n requests instead of some; the same number draws the same ones.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog
from starlette.applications import Starlette
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.web.hostile import FOREIGN, METHODS, TAG, Ask, Got, Hostile, ask, routes_of

from visavis.access import COOKIE
from visavis.bootstrap import DATABASE
from visavis.dialogue import service
from visavis.rehearsal.delegate import Delegate
from visavis.web import newsroom, quoting
from visavis.web.app import create_app
from visavis.web.security import HEADERS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RUNS = int(os.environ.get("ROUTE_RUNS", "2000"))
OURS = {"a": "PRIVATE-OF-A", "b": "PRIVATE-OF-B"}
"""In everything that a side writes and the other, and everybody else, may not read."""
SIGNS_OUT = (("DELETE", "/api/session"), ("POST", "/leave"))
PLAIN = ("/rtc/", "/static/")
"""Where errors are plain words: LiveKit's, as its clients know them, and of a range that a file has not."""


@dataclass(slots=True)
class House:
    """A node where both sides have matters of their own. people: name → (delegate, its side: "a", "b" or "")."""

    stage: Stage
    app: Starlette
    database: sqlite3.Connection
    people: dict[str, tuple[Delegate, str]]
    known: dict[str, list[str]]
    seen: tuple[int, tuple[Any, ...]] = (-1, ())
    answered: dict[int, int] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.stage.url.removeprefix("http://")

    def written(self) -> tuple[Any, ...]:
        """Everything in the database but the node's own word on its logs; read again only where somebody wrote."""
        version = self.database.execute("PRAGMA data_version").fetchone()[0]
        if version != self.seen[0]:
            tables = [
                row[0]
                for row in self.database.execute(
                    "SELECT name FROM sqlite_master WHERE type='table' AND name NOT IN ('cosignatures', 'marks')"
                )
            ]
            rows = tuple((table, tuple(self.database.execute(f"SELECT * FROM {table}"))) for table in tables)  # noqa: S608
            self.seen = (version, rows)
        return self.seen[1]

    def token(self, who: str) -> str:
        return self.people[who][0].token if who in self.people else ""


async def private_matters(one: Delegate, press: Delegate, talk: str, item: str, words: str) -> str:
    """A held position, a paper, a cleared readout, a draft of the desk, an invitation that nobody has answered; the
    release."""
    await one.act("talks.state-position", talk=talk, item=item, text={"en": words}, hold=True)
    papers = f"/d/{one.dialogue}/talks/{talk}/papers"
    laid = await one._http.post(papers, data={"item": item}, files={"file": (words, f"{words}.".encode())})
    assert laid.status_code == 303
    texts = {"en": {"title": words, "text": words, "dateline": words}}
    cleared = await one.act("press.clear", talk=talk, kind="statement", initials="PS", texts=texts)
    form = {"kind": "readout", "texts.en.title": words, "texts.en.text": words}
    at = f"/d/{one.dialogue}/talks/{talk}/press/drafts"
    kept = await press._http.post(at, data=form)
    assert kept.status_code == 303
    return str(cleared["release"])


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(service, "RECEIPT_DELAY_S", 3600.0)  # the node itself writes nothing meanwhile
    monkeypatch.setattr(newsroom, "COMMENTS_AN_HOUR", 10**6)
    monkeypatch.setattr(quoting, "CHECKS_AN_HOUR", 10**6)
    async with running_node(tmp_path) as stage:
        officers = await found_dialogue(stage)
        people: dict[str, tuple[Delegate, str]] = {}
        for officer, chair in zip(officers, ("a", "b"), strict=True):
            seated = await seat_delegation(stage, officer, chair.upper(), "principal", "press-officer")
            people |= {f"{role} of {chair}": (person, chair) for role, person in seated.items()}
            people[f"officer of {chair}"] = (officer, chair)
        one, other = (people[f"principal of {chair}"][0] for chair in "ab")
        title = {"en": "Talks", "ru": "Переговоры"}
        made = await one.act(
            "talks.offer", title=title, start="2021-12-07T15:00:00Z", minutes=60, mode="in-person"
        )
        talk = str(made["talk"])
        time = (await one.state())["talks"][0]["talk"]["times"][0]["hash"]
        await other.act("talks.accept", talk=talk, hash=time)
        for chair, person in (("a", one), ("b", other)):
            await people[f"officer of {chair}"][0].act("talks.delegation", talk=talk, delegates=[person.id])
            await people[f"officer of {chair}"][0].act("talks.open-sitting", talk=talk, n=1)
        item = str((await one.act("talks.propose-item", talk=talk, title=title, kind="issue"))["item"])
        offer = await one.act(
            "understandings.offer", kind="understanding", title=title, body=title, talk=talk
        )
        text = (await other.state())["understandings"][0]
        await other.act("understandings.sign", understanding=text["id"], hash=text["open"][0]["hash"])
        remarks = []
        for chair, person in (("a", one), ("b", other)):
            on = (one.dialogue, person.side, person.id)
            tabled = text["open"][0]["hash"]
            kept = await stage.node.remarks.leave(*on, text=tabled, clause=1, words=OURS[chair])
            remarks.append(kept.id)
        releases = []
        for chair, person in (("a", one), ("b", other)):
            press = people[f"press-officer of {chair}"][0]
            releases.append(await private_matters(person, press, talk, item, OURS[chair]))
            texts = {"en": {"title": "Readout", "text": "Said *plainly*.", "dateline": "Capital"}}
            cleared = await person.act("press.clear", talk=talk, kind="readout", initials="PS", texts=texts)
            await person.act("press.release", release=cleared["release"], version=1)
            releases.append(str(cleared["release"]))
        invited = await officers[0].post(
            f"/api/dialogues/{one.dialogue}/invitations", {"name": OURS["a"], "role": "adviser"}
        )
        waits = stage.delegate("Adviser of side A, who waits")
        await waits.enrol(invited["link"])
        people["one who waits"] = (waits, "")
        links = [f"{stage.url}/enter/{token}" for token in await stage.node.admission.invite_founders()]
        elsewhere = await found_dialogue(replace(stage, links=links))
        people["officer of another dialogue"] = (elsewhere[0], "")
        ledger = stage.node.dialogues.ledger(one.dialogue)
        commitments = list(ledger.contents)
        at = f"/d/{one.dialogue}/talks/{talk}/papers"  # one that the requests may give away
        laid = await one._http.post(at, files={"file": ("a.md", b"Said plainly.")})
        papers = [laid.headers["location"].rpartition("/")[2], "x"]
        known = {
            "d": [one.dialogue, one.dialogue, one.dialogue, elsewhere[0].dialogue],
            "t": [talk], "talk": [talk], "item": [item], "items": [item],
            "u": [text["id"]], "of": [text["id"]], "understanding": [str(offer["understanding"])],
            "side": [one.side, other.side, elsewhere[0].side, "ours", "theirs"],
            "release": releases, "remark": remarks, "clause": ["1"], "counter": [tabled], "take": ["theirs"],
            "commitment": commitments,
            "hash": [time, text["open"][0]["hash"], *commitments[:2]],
            "n": ["1", "1", "1", "2"],
            "comment": ["x"],
            "p": papers, "paper": papers, "file": ["x"],
            "token": ["x" * 43],
            "path": ["checkpoint", "tile/0/000", "css/visavis.css", "fonts/..", ""],
            "lang": ["en", "ru", "ar"], "language": ["en"],
            "kind": ["readout", "statement", "understanding", "guarantee", "issue"],
            "name": ["Somebody"], "role": ["adviser"], "delegate": [one.id, other.id],
            "credential": [one.credential, other.credential],
            "start": ["2031-12-07T15:00:00Z"], "mode": ["video"], "zone": ["Europe/Zurich"],
            "expected": ["expected"], "grade": ["good"], "verdict": ["implemented"],
            "type": ["ed25519", "webauthn"], "from": ["0", "1"], "publish": ["yes"],
            "presence": ["door", "ready", "in"], "text": ["Said plainly.", tabled],
        }  # fmt: skip
        database = sqlite3.connect(f"file:{tmp_path / DATABASE}?mode=ro", uri=True)
        try:
            yield House(stage, create_app(stage.node), database, people, known)
        finally:
            database.close()


async def hold(house: House, asked: Ask, who: str) -> Got:
    """Ask, and hold the answer to what holds of all answers."""
    before = house.written()
    with structlog.testing.capture_logs() as said:
        got = await ask(house.app, asked)
    house.answered[got.status] = house.answered.get(got.status, 0) + 1
    why = (
        f"{who}: {asked}\n→ {got.status} {got.body[:500]!r}\n{[e for e in said if e['log_level'] == 'error']}"
    )
    assert got.status or asked.cut, why
    if not got.status:
        assert house.written() == before, why
        return got
    assert got.status < 500 or (got.status == 503 and json.loads(got.body)["code"] == "unavailable"), why
    for name, value in HEADERS.items():
        assert got.header(name.lower()) == value or name == "Cross-Origin-Resource-Policy", f"{name}: {why}"
    assert got.header("content-security-policy").startswith("default-src 'none'"), why
    assert got.header("cache-control"), why
    for key, value in got.headers:
        assert not set(value) & set("\r\n\0"), f"{key}: {why}"
        assert "zq9" not in value or key == "location", f"{key}: {why}"
    place = got.header("location")
    asked_at = (
        f"http://{dict(asked.headers)[b'host'].decode('latin-1')}/"  # Starlette's, where a slash is too many
    )
    assert (
        not place or (place.startswith("/") and not place.startswith("//")) or place.startswith(asked_at)
    ), why
    kind = got.header("content-type")
    if not kind.startswith(("application/json", "application/problem+json", "text/plain")):
        assert TAG.encode() not in got.body, why
    side = house.people[who][1] if who in house.people else ""
    for chair, words in OURS.items():
        assert chair == side or words.encode() not in got.body, f"{words}: {why}"
    if got.status >= 400:
        assert house.written() == before, why
        refused_in_words(asked, got, why)
    elif asked.method in ("GET", "HEAD", "OPTIONS"):
        assert house.written() == before, why
    foreign = any(header in FOREIGN for header in asked.headers)
    if foreign and asked.method not in ("GET", "HEAD", "OPTIONS"):
        assert got.status in (400, 403), why  # 400: the Host is none, either
    return got


def refused_in_words(asked: Ask, got: Got, why: str) -> None:
    """A refusal is a problem with its words for programs, a page with a heading for people."""
    kind = got.header("content-type")
    if kind.startswith("application/problem+json"):
        problem = json.loads(got.body)
        assert problem["status"] == got.status, why
        assert all(problem[name] for name in ("type", "title", "detail", "code")), why
    elif kind.startswith("text/html"):
        assert b"<h1" in got.body, why
    else:
        assert asked.raw.decode().startswith(PLAIN), why


async def signed_in(house: House, asked: Ask, who: str, got: Got) -> None:
    """Whoever was signed out comes in again."""
    if (
        who in house.people
        and got.status < 400
        and any(asked.method == method and asked.raw.decode() == path for method, path in SIGNS_OUT)
    ):
        await house.people[who][0].sign_in()


async def test_every_route_answers_everybody(house: House) -> None:
    """Each route by each method, asked by each delegate of both sides, by strangers and by nobody."""
    drawn = Hostile(random.Random(1), house.known, house.host)
    for route, methods in routes_of(house.app.routes).items():
        for who in (*house.people, "nobody", "one with a made-up session"):
            token = house.token(who) or ("x" * 43 if who != "nobody" else "")
            for method in METHODS if who in ("nobody", "principal of a") else sorted(methods - {"HEAD"}):
                if route.endswith("paper.pdf"):
                    continue  # seconds each; `tests/paper` prints
                asked = drawn.request(method, route, token, tame=True)
                got = await hold(house, asked, who)
                await signed_in(house, asked, who, got)
                if method not in methods | {"HEAD"}:
                    assert got.status in (401, 403, 404, 405, 413), f"{method} {route}: {got.status}"


async def test_no_route_takes_another_site_s_request(house: House) -> None:
    """Whoever is signed in, and whatever the route: a form on another site changes nothing in their name."""
    drawn = Hostile(random.Random(2), house.known, house.host)
    for route, methods in routes_of(house.app.routes).items():
        for method in sorted(methods - {"GET", "HEAD"}):
            for who in ("officer of a", "principal of a", "press-officer of a"):
                asked = drawn.request(method, route, "", tame=True)
                asked.headers = [each for each in asked.headers if each[0] != b"sec-fetch-site"]
                asked.headers += [
                    drawn.draw.choice(FOREIGN),
                    (b"cookie", f"{COOKIE}={house.token(who)}".encode()),
                ]
                got = await hold(house, asked, who)
                assert got.status == 403, f"{method} {route}: {got.status}"


async def test_hostile_requests_are_refused_in_words(house: House) -> None:
    """Drawn paths, queries, forms, bodies and headers: no failure, nothing told, nothing written that was refused."""
    random_ = random.Random(RUNS)
    drawn = Hostile(random_, house.known, house.host)
    routes = [(r, m) for r, m in routes_of(house.app.routes).items() if not r.endswith("paper.pdf")]
    askers = [*house.people, "nobody", "one with a made-up session"]
    for _ in range(RUNS):
        route, methods = random_.choice(routes)
        method = random_.choice(sorted(methods)) if random_.random() < 0.9 else random_.choice(METHODS)
        who = random_.choice(askers)
        token = house.token(who) or ("\x7fzq9" * 10 if who != "nobody" else "")
        asked = drawn.request(method, route, token)
        got = await hold(house, asked, who)
        await signed_in(house, asked, who, got)
    assert min(house.answered[status] for status in (200, 201, 303, 400, 401, 403, 404, 405)) > 0


async def test_a_signed_act_is_entered_once(house: House) -> None:
    """Sent twice at once, again afterwards, and by others: one entry, and the rest is refused."""
    one, other = house.people["officer of a"][0], house.people["officer of b"][0]
    at = f"/api/dialogues/{one.dialogue}"
    draft = await one.post(
        f"{at}/drafts", {"command": "dialogue.profile", "fields": {"zone": "UTC", "languages": ["en"]}}
    )
    body = {
        "draft": draft["draft"],
        "proof": one.signer.prove(one.check(draft, "profile").challenge()).to_json(),
    }
    size = house.stage.node.dialogues.ledger(one.dialogue).joint.sides[0].size
    answers: list[int] = []

    async def enter(who: Delegate) -> None:
        answers.append((await who._http.post(f"{at}/entries", json=body)).status_code)

    for thief in (
        other,
        house.people["press-officer of a"][0],
        house.people["officer of another dialogue"][0],
    ):
        await enter(thief)
    assert all(400 <= status < 500 for status in answers)
    answers.clear()
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(enter, one)
    await enter(one)
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]
    ledger = house.stage.node.dialogues.ledger(one.dialogue)
    entered = [
        entry for entry in ledger.leaves[ledger.index(one.side)] if draft["signed"]["nonce"].encode() in entry
    ]
    assert len(entered) == 1
    assert size
