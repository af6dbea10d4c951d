"""The door of a node, over HTTP: founding, enrolling, sessions, and who may see what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation

from visavis.rehearsal.delegate import Answered

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def test_two_officers_found_a_dialogue(stage: Stage) -> None:
    """Each officer states its side; the dialogue is there for both when both have; each log begins with it."""
    one, other = await found_dialogue(stage)
    assert one.dialogue == other.dialogue
    assert one.side != other.side
    for officer in (one, other):
        session = await officer.get("/api/session")
        assert session["admitted"]
        assert session["powers"] == ["admit", "schedule"]
        log = await officer.get(f"/api/dialogues/{one.dialogue}/logs/{officer.side}")
        assert log["size"] >= 2


async def test_a_link_opens_once(stage: Stage) -> None:
    """The second who comes by a one-time link is told that it was used."""
    first, second = stage.delegate("first"), stage.delegate("second")
    await first.enrol(stage.links[0])
    with pytest.raises(Answered) as refused:
        await second.enrol(stage.links[0])
    assert (refused.value.status, refused.value.code) == (409, "link-spent")


async def test_nobody_is_seen_before_being_admitted(stage: Stage) -> None:
    """An enrolled credential sees nothing of the dialogue until its officer has entered it in the log."""
    officer, _ = await found_dialogue(stage)
    path = f"/api/dialogues/{officer.dialogue}"
    invited = await officer.post(f"{path}/invitations", {"name": "Adviser of side A", "role": "adviser"})
    adviser = stage.delegate("Adviser of side A")
    answer = await adviser.enrol(invited["link"])
    assert not answer["admitted"]
    with pytest.raises(Answered) as refused:
        await adviser.get(path)
    assert (refused.value.status, refused.value.code) == (403, "not-admitted")
    enrolment = (await officer.get(f"{path}/enrolments"))["enrolments"][0]["id"]
    await officer.act("dialogue.admit", enrolment=enrolment, role="adviser")
    assert (await adviser.get("/api/session"))["powers"] == ["speak"]
    await adviser.get(path)


async def test_a_delegate_signs_in_again_by_a_challenge(stage: Stage) -> None:
    """A known credential opens another session by signing a challenge, once for each challenge."""
    officer, _ = await found_dialogue(stage)
    people = await seat_delegation(stage, officer, "A", "principal")
    before = people["principal"].token
    answer = await people["principal"].sign_in()
    assert answer["admitted"]
    assert people["principal"].token != before
    assert (await people["principal"].get("/api/session"))["role"] == "principal"


async def test_a_stranger_is_not_let_in(stage: Stage) -> None:
    """Without a session nothing of a dialogue is answered, and an unknown credential opens none."""
    officer, _ = await found_dialogue(stage)
    stranger = stage.delegate("stranger")
    with pytest.raises(Answered) as refused:
        await stranger.get(f"/api/dialogues/{officer.dialogue}")
    assert refused.value.status == 401
    with pytest.raises(Answered) as refused:
        await stranger.sign_in()
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/enrolments", b"{", 400),
        ("/api/enrolments", b'{"token":"x"}', 400),
        ("/api/enrolments", b'{"token":"x","credential":"y","proof":"z","more":1}', 400),
        ("/api/enrolments", b"[" * 100_000, 400),
        ("/api/enrolments", b"x" * (1 << 20) + b"x", 413),
        ("/api/sessions", b"\xff\xfe", 400),
        ("/api/nothing", b"{}", 404),
    ],
)
async def test_malformed_requests_have_one_clear_answer(
    stage: Stage, path: str, body: bytes, status: int
) -> None:
    """Bytes that break the interface get problem details with a stable code, and change nothing."""
    async with httpx2.AsyncClient() as http:
        response = await http.post(stage.url + path, content=body)
        french = await http.post(stage.url + path, content=body, headers={"Accept-Language": "fr"})
    assert response.status_code == french.status_code == status
    problem = response.json()
    assert problem["code"] == french.json()["code"]
    assert problem["detail"] != french.json()["detail"]
    assert french.headers["content-language"] == "fr"


async def test_a_cookie_from_another_site_changes_nothing(stage: Stage) -> None:
    """A request that carries the cookie but comes from another site is refused; a page's own goes through."""
    officer = stage.delegate("Protocol officer of side A")
    await officer.enrol(stage.links[0])
    async with httpx2.AsyncClient(cookies={"visavis_session": officer.token}) as http:
        body = {"name": {"en": "Side A"}}
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            refused = await http.post(f"{stage.url}/api/foundings", json=body, headers=headers)
            assert refused.status_code == 403
        own = await http.post(f"{stage.url}/api/foundings", json=body, headers={"Origin": stage.url})
        assert own.status_code == 201


async def test_every_answer_carries_the_guarding_headers(stage: Stage) -> None:
    """Policy, sniffing, framing and referrer are set on whatever is answered."""
    async with httpx2.AsyncClient() as http:
        response = await http.get(f"{stage.url}/health")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
