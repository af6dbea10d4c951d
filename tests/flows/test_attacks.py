"""Attacks on a node from inside and outside, over HTTP: each is refused, and harms nobody else."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from html import escape
from pathlib import Path
from time import time

import anyio
import httpx2
import pytest
import structlog
from starlette.requests import Request
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation

from visavis.authenticator import Authenticator
from visavis.dialogue.admission import session_challenge
from visavis.dialogue.ports import Mark
from visavis.e2ee.device import Certificate, DeviceKeys, certify
from visavis.errors import Unavailable
from visavis.press.markdown import MAX_MARKS, to_html
from visavis.record.digest import to_text
from visavis.rehearsal.delegate import Answered, Delegate
from visavis.seating import MAX_DEVICES
from visavis.web import api, budget, quoting
from visavis.web.app import create_app

pytestmark = pytest.mark.anyio

PROFILE = {"zone": "Europe/Zurich", "languages": ["en"]}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def a_sitting(one: Delegate, other: Delegate) -> str:
    """A talk whose first sitting `one`'s side has opened, with `one` on its delegation's list; the talk's id."""
    made = await one.act(
        "talks.propose", title={"en": "Talks"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video"
    )
    talk = str(made["talk"])
    times = (await one.state())["talks"][0]["talk"]["times"]
    for officer in (one, other):
        await officer.act("talks.accept", talk=talk, hash=times[0]["hash"])
    await one.act("talks.delegation", talk=talk, delegates=[one.id])
    await one.act("talks.open-sitting", talk=talk, n=1)
    return talk


def certified(delegate: Delegate, talk: str) -> Certificate:
    """A new device of the delegate's for sitting 1."""
    now = int(time() * 1000)
    body = DeviceKeys.generate().body(
        dialogue=delegate.dialogue,
        talk=talk,
        sitting=1,
        side=delegate.side,
        delegate=delegate.id,
        credential=delegate.credential,
        made=now,
        until=now + 3_600_000,
    )
    return certify(body, delegate.signer)


async def join(delegate: Delegate, talk: str) -> str:
    """A seat for a new device of the delegate's; the token."""
    path = f"/api/dialogues/{delegate.dialogue}/talks/{talk}/sittings/1/join"
    answer = await delegate.post(path, {"certificate": certified(delegate, talk).to_json()})
    return str(answer["token"])


async def validated(stage: Stage, token: str) -> int:
    async with httpx2.AsyncClient() as http:
        return (await http.get(f"{stage.url}/rtc/validate", params={"access_token": token})).status_code


# --- another's budget ---------------------------------------------------------------------------------


async def test_one_delegates_drafts_stand_in_nobodys_way(stage: Stage) -> None:
    """A delegate who drafts without end loses the oldest drafts; the other side acts as before."""
    one, other = await found_dialogue(stage)
    base = f"/api/dialogues/{one.dialogue}"
    for _ in range(18):
        await one.post(f"{base}/drafts", {"command": "dialogue.profile", "fields": PROFILE})
    kept = stage.node.dialogues._drafts.values()
    assert len([draft for draft in kept if draft.signed.side == one.side]) <= 16
    draft = await other.post(f"{base}/drafts", {"command": "dialogue.profile", "fields": PROFILE})
    for _ in range(20):
        await one.post(f"{base}/drafts", {"command": "dialogue.profile", "fields": PROFILE})
    assert draft["draft"] in stage.node.dialogues._drafts


async def test_asking_for_challenges_locks_nobody_out(stage: Stage) -> None:
    """Strangers may ask for any number of challenges: the node keeps none, and delegates still sign in."""
    one, _ = await found_dialogue(stage)
    for _ in range(12_000):
        stage.node.admission.challenge()
    assert (await one.sign_in())["admitted"]


async def test_a_made_up_challenge_opens_nothing(stage: Stage) -> None:
    """A challenge that the node never gave is refused, though the delegate signed it."""
    one, _ = await found_dialogue(stage)
    known = (await one.post("/api/sessions/challenges", {}))["challenge"]
    for challenge in ("A" * len(known), known[:-1] + ("A" if known[-1] != "A" else "E"), "", "ü"):
        proof = one.signer.prove(session_challenge(challenge)).to_json()
        body = {"id": to_text(one.signer.passkey.id), "challenge": challenge, "proof": proof}
        with pytest.raises(Answered) as refused:
            await one.post("/api/sessions", body)
        assert refused.value.status == 403


async def test_a_delegate_listens_in_so_many_windows(stage: Stage) -> None:
    """One credential cannot take all the event streams; the answer says so before any stream begins."""
    one, other = await found_dialogue(stage)
    async with httpx2.AsyncClient(timeout=None) as http:
        url = f"{stage.url}/api/dialogues/{one.dialogue}/events"
        headers = {"Authorization": f"Bearer {one.token}"}
        async with anyio.create_task_group() as tasks:
            opened: list[int] = []

            async def listen() -> None:
                async with http.stream("GET", url, headers=headers) as answer:
                    async for _ in answer.aiter_lines():
                        opened.append(answer.status_code)
                        await anyio.sleep_forever()

            for _ in range(20):
                tasks.start_soon(listen)
            ledger = stage.node.dialogues.ledger(one.dialogue)
            with anyio.fail_after(30):
                while len(ledger.subscribers) < 20 or len(opened) < 20:
                    await anyio.lowlevel.checkpoint()
            assert (await http.get(url, headers=headers)).status_code == 503
            async with http.stream("GET", url, headers={"Authorization": f"Bearer {other.token}"}) as answer:
                assert answer.status_code == 200
            tasks.cancel_scope.cancel()


async def test_devices_of_a_sitting_have_a_budget(stage: Stage) -> None:
    """A delegate brings so many devices to a sitting and no more; none of a refused one is kept."""
    one, other = await found_dialogue(stage)
    talk = await a_sitting(one, other)
    for _ in range(MAX_DEVICES):
        await join(one, talk)
    with pytest.raises(Answered) as refused:
        await join(one, talk)
    assert (refused.value.status, refused.value.code) == (409, "too-many-devices")
    path = f"/api/dialogues/{one.dialogue}/talks/{talk}/sittings/1/certificates"
    assert len((await one.get(path))["certificates"]) == MAX_DEVICES


async def test_checks_of_quotations_have_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask, so many times an hour from one address; page and interface count together."""
    monkeypatch.setattr(quoting, "CHECKS_AN_HOUR", 2)
    async with running_node(tmp_path) as stage, httpx2.AsyncClient() as http:
        text = {"text": "“These are words of nobody at all.”"}
        assert (await http.post(f"{stage.url}/quotes", data=text)).status_code == 200
        assert (await http.post(f"{stage.url}/api/quotes", json=text)).status_code == 200
        assert (await http.post(f"{stage.url}/api/quotes", json=text)).status_code == 429


@pytest.mark.parametrize("marks", ["**a", "[", "a_", "`a``", "![a]("])
def test_a_release_of_nothing_but_marks_is_given_as_it_stands(marks: str) -> None:
    """Markdown whose parsing takes seconds is not parsed: everybody's page shows it, so everybody would wait."""
    text = marks * MAX_MARKS + "<b>&"
    assert to_html(text) == f"<p>{escape(text)}</p>\n"


# --- a session and what hangs on it -------------------------------------------------------------------


async def test_a_revoked_delegates_events_end(stage: Stage) -> None:
    """Whose credential is revoked hears nothing more, not even that the log grew."""
    one, _ = await found_dialogue(stage)
    adviser = (await seat_delegation(stage, one, "A", "adviser"))["adviser"]
    lines: list[str] = []
    opened, ended = anyio.Event(), anyio.Event()

    async def listen() -> None:
        url = f"{stage.url}/api/dialogues/{one.dialogue}/events"
        headers = {"Authorization": f"Bearer {adviser.token}"}
        async with (
            httpx2.AsyncClient(timeout=None) as http,
            http.stream("GET", url, headers=headers) as answer,
        ):
            async for line in answer.aiter_lines():
                lines.append(line)
                opened.set()
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await opened.wait()
        before = len(lines)
        await one.act("dialogue.revoke", credential=adviser.credential)
        with anyio.fail_after(10):
            await ended.wait()
    assert not [line for line in lines[before:] if line.startswith("event")]


async def test_events_end_with_the_session(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that was opened with a session ends once the session has ended."""
    monkeypatch.setattr(api, "KEEP_ALIVE_S", 0.2)
    one, _ = await found_dialogue(stage)
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {one.token}"}, timeout=None) as http:
        url = f"{stage.url}/api/dialogues/{one.dialogue}/events"
        async with http.stream("GET", url) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == ": open"
            assert (await http.delete(f"{stage.url}/api/session")).status_code == 204
            with anyio.fail_after(10):
                async for _ in lines:
                    pass


async def test_a_slow_reader_of_events_is_no_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending an event may take longer than the interval of the sign of life."""
    monkeypatch.setattr(api, "KEEP_ALIVE_S", 0.05)
    one, _ = await found_dialogue(stage)
    await one.sign_in()
    token, sent, enough = one.token, [], anyio.Event()
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/api/dialogues/{one.dialogue}/events",
        "raw_path": b"",
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"authorization", f"Bearer {token}".encode())],
        "scheme": "http",
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive():  # type: ignore[no-untyped-def]
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message):  # type: ignore[no-untyped-def]
        body = message.get("body", b"")
        if body.startswith(b": open"):
            stage.node.dialogues.ledger(one.dialogue).publish("log", side=one.side, size=1)
        if body.startswith(b"event"):
            await anyio.sleep(0.3)  # what is slow here is the reader
        sent.append(body)
        if body.startswith(b": still here"):
            enough.set()

    with anyio.fail_after(10):
        await create_app(stage.node)(scope, receive, send)
    assert any(body.startswith(b"event: log") for body in sent)


async def test_a_revoked_seat_stays_taken_back_over_a_restart(tmp_path: Path) -> None:
    """A token from before a restart is void once its delegate is revoked after it, and stays so after another."""
    async with running_node(tmp_path) as stage:
        one, other = await found_dialogue(stage)
        talk = await a_sitting(one, other)
        principal = (await seat_delegation(stage, one, "A", "principal"))["principal"]
        await one.act("talks.delegation", talk=talk, delegates=[one.id, principal.id])
        token, kept = await join(principal, talk), await join(one, talk)
        assert await validated(stage, token) == 200
    async with running_node(tmp_path) as stage:
        assert await validated(stage, token) == 200
        officer = stage.delegate("Protocol officer of side A")
        officer.signer, officer.credential = one.signer, one.credential
        await officer.sign_in()
        await officer.act("dialogue.revoke", credential=principal.credential)
        assert await validated(stage, token) == 401
    async with running_node(tmp_path) as stage:
        assert await validated(stage, token) == 401
        assert await validated(stage, kept) == 200


async def test_a_founding_officer_whose_session_ended_comes_back(stage: Stage) -> None:
    """Who enrolled by a founding link signs in by the key before and after stating the side, and founds it."""
    one, other = stage.delegate("one"), stage.delegate("other")
    for officer, link in zip((one, other), stage.links, strict=True):
        await officer.enrol(link)
        await officer.sign_in()
        await officer.post("/api/foundings", {"name": {"en": officer.name}})
    for officer in (one, other):
        answer = await officer.sign_in()
        assert (answer["founding"], answer["admitted"]) == (False, False)
        assert officer.dialogue
        await officer.act("dialogue.found")
        assert (await officer.get("/api/session"))["admitted"]


async def test_an_invitation_names_only_the_sides_own_delegates(stage: Stage) -> None:
    """A further credential is for a delegate whom the side has; not for the other side's, the node or anybody."""
    one, other = await found_dialogue(stage)
    path = f"/api/dialogues/{one.dialogue}/invitations"
    for delegate in (other.id, "node", "x" * 1000):
        with pytest.raises(Answered) as refused:
            await one.post(path, {"name": "Somebody", "role": "adviser", "delegate": delegate})
        assert refused.value.code == "no-such-delegate"
    again = await one.post(path, {"name": "The officer", "role": "protocol-officer", "delegate": one.id})
    assert again["delegate"] == one.id


async def test_readers_comments_are_the_desks(stage: Stage) -> None:
    """Comments that wait are read and decided by the press desk alone, whichever door is tried."""
    one, _ = await found_dialogue(stage)
    people = await seat_delegation(stage, one, "A", "interpreter", "press-officer")
    path = f"/api/dialogues/{one.dialogue}/comments"
    for method, where, body in (("GET", path, None), ("POST", f"{path}/none", {"publish": True})):
        with pytest.raises(Answered) as refused:
            await people["interpreter"]._once(method, where, body)
        assert refused.value.status == 403
    assert (await people["press-officer"].get(path))["comments"] == []


# --- another site ------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_another_kind_of_authorization_opens_no_way_round(stage: Stage, origin: dict[str, str]) -> None:
    """A browser sends `Authorization: Basic` by itself, so it does not excuse a request from another site."""
    officer = stage.delegate("Protocol officer of side A")
    await officer.enrol(stage.links[0])
    async with httpx2.AsyncClient(cookies={"visavis_session": officer.token}) as http:
        headers = {"Authorization": "Basic eDp5", **origin}
        answer = await http.post(
            f"{stage.url}/api/foundings", json={"name": {"en": "Side A"}}, headers=headers
        )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "origin", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}]
)
async def test_another_site_signs_nobody_in(stage: Stage, origin: dict[str, str]) -> None:
    """A form on another site cannot sign its reader in as somebody else: also without a cookie it is refused."""
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            f"{stage.url}/api/sessions/challenges",
            content=b"{}",
            headers={"Content-Type": "text/plain"} | origin,
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "not-yours")


async def test_behind_a_proxy_the_public_address_counts(stage: Stage) -> None:
    """A proxy may call the node by another name: the public address says whose pages and cookies these are."""
    stage.node.settings = replace(stage.node.settings, public_url="https://talks.example")
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            f"{stage.url}/api/sessions/challenges", json={}, headers={"Origin": "https://talks.example"}
        )
        assert answer.status_code == 201
        assert "strict-transport-security" in answer.headers
    officer = stage.delegate("Protocol officer of side A")
    officer.signer = Authenticator.generate("talks.example", "https://talks.example")
    seen: list[httpx2.Response] = []

    async def look(response: httpx2.Response) -> None:
        seen.append(response)

    officer._http.event_hooks["response"].append(look)
    await officer.enrol(stage.links[0])
    assert "secure" in seen[0].headers["set-cookie"].lower()


# --- what fails ---------------------------------------------------------------------------------------


@asynccontextmanager
async def broken(node: object, name: str, error: Exception) -> AsyncIterator[None]:
    async def fail(*_: object, **__: object) -> None:
        raise error

    was = getattr(node, name)
    setattr(node, name, fail)
    try:
        yield
    finally:
        setattr(node, name, was)


async def test_what_was_not_foreseen_is_guarded_too(stage: Stage) -> None:
    """An answer 500 carries the guarding headers, is kept by no cache, and says nothing of the cause."""
    one, _ = await found_dialogue(stage)
    async with broken(stage.node.desk, "held", ZeroDivisionError("a secret")), httpx2.AsyncClient() as http:
        people = await seat_delegation(stage, one, "A", "press-officer")
        answer = await http.get(
            f"{stage.url}/api/dialogues/{one.dialogue}/comments",
            headers={"Authorization": f"Bearer {people['press-officer'].token}"},
        )
    assert answer.status_code == 500
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "secret" not in answer.text


async def test_a_store_that_is_away_is_said_to_be(stage: Stage) -> None:
    """When the session cannot be looked up the answer is 503, not that the node failed."""
    one, _ = await found_dialogue(stage)
    bearer = {"Authorization": f"Bearer {one.token}"}
    away = Unavailable("the store is away")
    async with broken(stage.node.admission, "session", away), httpx2.AsyncClient(headers=bearer) as http:
        answer = await http.get(f"{stage.url}/api/session")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_no_token_and_no_second_line_in_the_log(stage: Stage) -> None:
    """The path of a failed request is logged without a one-time token, and cannot pass for another line."""
    token = stage.links[0].rpartition("/")[2]
    async with broken(stage.node.admission, "link", Unavailable("away")), httpx2.AsyncClient() as http:
        with structlog.testing.capture_logs() as lines:
            await http.get(f"{stage.url}/enter/{token}")
    assert lines
    assert token not in str(lines)
    one, _ = await found_dialogue(stage)
    with structlog.testing.capture_logs() as lines, pytest.raises(Answered):
        await one.get("/api/dialogues/x%0D%1B%5B31m")
    assert lines
    assert not any(ord(c) < 32 for line in lines for v in line.values() for c in str(v))


async def test_errors_under_the_newsroom_are_kept_by_no_cache(stage: Stage) -> None:
    """What is not there answers 404 without a cache keeping it: the release may come the next moment."""
    one, _ = await found_dialogue(stage)
    async with httpx2.AsyncClient(headers={"Accept": "text/html"}) as http:
        for path in (f"/newsroom/{one.side}/none", "/newsroom/none", "/static/none.css"):
            answer = await http.get(stage.url + path)
            assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
        kept = await http.get(f"{stage.url}/newsroom/{one.side}")
        assert kept.headers["cache-control"].startswith("public")


async def test_numbers_in_addresses_are_numbers(stage: Stage) -> None:
    """Digits of other scripts, numbers without end and forwarded addresses that are none break nothing."""
    one, _ = await found_dialogue(stage)
    base = f"/api/dialogues/{one.dialogue}"
    for wrong in ("²", "٣", "9" * 5000, "-1", ""):
        with pytest.raises(Answered) as refused:
            await one.get(f"{base}/logs/{one.side}?from={wrong}")
        assert refused.value.status == 400
        assert (await one.page(f"/d/{one.dialogue}/record?from={wrong}")).status_code == 200
    for wrong in ("9" * 5000, "9" * 30, "²", "-1"):
        with pytest.raises(Answered) as refused:
            await one.get(f"{base}/talks/x/sittings/{wrong}/certificates")
        assert refused.value.status == 404
    async with httpx2.AsyncClient() as http:
        for forwarded in ("nonsense", "203.0.113.7", "127.0.0.1, nonsense"):
            answer = await http.get(f"{stage.url}/metrics", headers={"X-Forwarded-For": forwarded})
            assert answer.status_code == 404


def test_one_person_has_all_of_an_ipv6_network() -> None:
    """Budgets count the /64 of an IPv6 address, and what is no address as one sender."""

    def sender(host: str) -> str:
        return budget.sender_of(Request({"type": "http", "client": (host, 1), "headers": []}))

    assert sender("2001:db8::1") == sender("2001:db8::ffff:2") != sender("2001:db8:0:1::1")
    assert sender("203.0.113.7") != sender("203.0.113.8")
    assert sender("nonsense") == sender("") == "unknown"


async def test_the_log_holds_no_parameters_of_the_store(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """A statement that the store refuses is told without its values: they are contents, keys and tokens."""
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    store = stage.node.admission._store
    with pytest.raises(Unavailable) as away:
        async with store.begin() as unit:
            await unit.keep_mark(Mark("the secret words", "a", [], b""))  # type: ignore[arg-type]
            await unit._db.exec_driver_sql("INSERT INTO nowhere VALUES (?)", ("the secret words",))  # type: ignore[attr-defined]
    assert "secret" not in repr(away.value.__cause__) + str(away.value.__cause__)
