"""A node's dialogue goes to another machine, and to another address: what answers where, and what the old node says."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation

from visavis.access import COOKIE
from visavis.authenticator import Authenticator
from visavis.cli import move, recovery
from visavis.dialogue.admission import Site
from visavis.errors import Refused, Unavailable
from visavis.record.checkpoint import parse_text
from visavis.record.digest import to_text
from visavis.record.note import parse_note
from visavis.rehearsal.delegate import Answered, Delegate
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

pytestmark = pytest.mark.anyio

THERE = "https://new.example"
TALK = {"title": {"en": "T"}, "start": "2031-12-07T15:00:00Z", "minutes": 5, "mode": "video"}
PROFILE = {"zone": "UTC", "languages": ["en"]}
NEXT = "http://next.localhost"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path / "old") as running:
        yield running


async def printed(command: object, *args: object, **given: object) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        done = command(*args, **given)  # type: ignore[operator]
        if done is not None:
            await done
    return out.getvalue().strip()


async def page(stage: Stage, path: str, token: str = "", **headers: str) -> html.HtmlElement:
    cookies = {"Cookie": f"{COOKIE}={token}"} if token else {}
    async with httpx2.AsyncClient(base_url=stage.url) as http:
        answer = await http.get(
            path, headers={"Accept": "text/html", "Accept-Language": "en", **cookies, **headers}
        )
    return html.document_fromstring(answer.text)


def words(tree: html.HtmlElement, path: str = "//main") -> str:
    return " ".join(" ".join(each.text_content() for each in tree.xpath(path)).split())


async def signed_in(stage: Stage, person: Delegate) -> Delegate:
    """The same person, with the same passkey, at another node of that address."""
    here = stage.delegate(person.name)
    here.signer, here.credential = person.signer, person.credential
    # The node's port is another; the passkey's origin may have any (record.md §2.3).
    await here.sign_in()
    return here


# --- another machine ------------------------------------------------------------------------------------


async def test_a_dialogue_is_written_on_at_its_new_node(tmp_path: Path) -> None:
    """Both sides sign their move; the old node shows, says where, and can sign nothing more; the new one goes on."""
    old, new = tmp_path / "old", tmp_path / "new"
    files = [tmp_path / f"side-{n}.pem" for n in "ab"]
    keys = [await printed(move.key, file) for file in files]
    async with running_node(old) as stage:
        one, other = await found_dialogue(stage)
        people = await seat_delegation(stage, one, "A", "principal")
        with pytest.raises(Refused, match="has not signed its move"):
            await printed(move.out, new, data=old)
        await one.act("dialogue.move", log_key=keys[0], address=THERE)
        for person in (one, people["principal"]):
            with pytest.raises(Answered) as refused:
                await person.act("talks.propose", **TALK)
            assert (refused.value.status, refused.value.code) == (409, "side-moved")
        with pytest.raises(Refused, match="has not signed its move"):
            await printed(move.out, new, data=old)
        await other.act("dialogue.move", log_key=keys[1], address=f"{THERE}/")
        await printed(move.out, new, data=old)  # beside the running node
        for person in (one, other):
            shown = await page(stage, f"/d/{one.dialogue}", person.token)
            said = words(shown, "//*[@role='alert']")
            assert "It has moved: its logs are written at another node." in said
            assert shown.xpath("//*[@role='alert']//a/@href") == [THERE]
        left = verify(await one.bytes_of(f"/api/dialogues/{one.dialogue}/bundle"), EDITION_1)
        assert left.holds
        logs = {
            side: await one.get(f"/api/dialogues/{one.dialogue}/logs/{side}")
            for side in (one.side, other.side)
        }
        sizes = {log.side: log.size for log in left.logs}
        for (
            side,
            log,
        ) in logs.items():  # the move itself is there to be seen, under no checkpoint of this node
            assert (log["size"], len(log["leaves"])) == (sizes[side] + 1, sizes[side] + 1)
            assert parse_text(parse_note(log["checkpoint"].encode()).text)[2] == sizes[side]
    with pytest.raises(Refused, match="none of these"):
        await printed(move.in_, files[0], data=new)
    spare = tmp_path / "spare.pem"
    await printed(move.key, spare)
    with pytest.raises(Refused, match="no log here"):
        await printed(move.in_, *files, spare, data=new)
    for _ in range(2):
        assert one.dialogue in await printed(move.in_, *files, data=new)
    for file in files:
        file.unlink()
    async with running_node(new) as stage:
        ledger = stage.node.dialogues.ledger(one.dialogue)
        assert ledger.stopped is None
        assert [to_text(ledger.key_in_force(ledger.index(p.side))) for p in (one, other)] == keys
        here = [await signed_in(stage, person) for person in (one, other)]
        for person in here:
            await person.act("dialogue.profile", **PROFILE)
        account = verify(await here[0].bytes_of(f"/api/dialogues/{one.dialogue}/bundle"), EDITION_1)
        assert account.holds
        assert all(log.cosigned is not None and log.size > sizes[log.side] for log in account.logs)
    # The old machine, started again by mistake, writes nothing.
    async with running_node(old) as stage:
        again = await signed_in(stage, one)
        with pytest.raises(Answered) as refused:
            await again.act("dialogue.profile", **PROFILE)
        assert refused.value.code == "side-moved"


async def test_the_way_back(tmp_path: Path) -> None:
    """As long as nothing is written elsewhere, the same keys make the old node write on."""
    old = tmp_path / "old"
    files = [tmp_path / f"side-{n}.pem" for n in "ab"]
    keys = [await printed(move.key, file) for file in files]
    async with running_node(old) as stage:
        officers = await found_dialogue(stage)
        for officer, key in zip(officers, keys, strict=True):
            await officer.act("dialogue.move", log_key=key, address=THERE)
        with pytest.raises(Unavailable, match="stop it first"):
            await printed(move.in_, *files, data=old)
    await printed(move.in_, *files, data=old)
    async with running_node(old) as stage:
        here = await signed_in(stage, officers[0])
        await here.act("dialogue.profile", **PROFILE)


async def test_nothing_is_written_over(stage: Stage, tmp_path: Path) -> None:
    """A key's file, and a folder, that are there already are left alone."""
    for officer in await found_dialogue(stage):
        file = tmp_path / f"{officer.side}.pem"
        key = await printed(move.key, file)
        with pytest.raises(Refused, match="there already"):
            await printed(move.key, file)
        await officer.act("dialogue.move", log_key=key, address=THERE)
    (tmp_path / "there").mkdir()
    with pytest.raises(Refused, match="there already"):
        await printed(move.out, tmp_path / "there", data=tmp_path / "old")
    assert list((tmp_path / "there").iterdir()) == []


# --- another address ------------------------------------------------------------------------------------


async def test_passkeys_for_the_next_address_are_admitted_before(stage: Stage) -> None:
    """The node answers at both; an officer's link leads to the next one, where a passkey is made that later counts."""
    one, _ = await found_dialogue(stage)
    port = stage.url.rpartition(":")[2]
    following = f"{NEXT}:{port}"
    stage.node.settings = replace(stage.node.settings, next_url=following)
    async with httpx2.AsyncClient(base_url=stage.url, headers={"Cookie": f"{COOKIE}={one.token}"}) as http:
        made = await http.post(
            f"/d/{one.dialogue}/invitations",
            data={"delegate": one.id, "at": "next"},
            headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        )
    link = html.document_fromstring(made.text).xpath("string(//code[@class='invitation'])")
    assert link.startswith(f"{following}/enter/")
    new = at_the_next(stage, one.name, following)
    await new.enrol(link)
    assert new.signer.passkey.rp == "next.localhost"
    (waiting,) = (await one.get(f"/api/dialogues/{one.dialogue}/enrolments"))["enrolments"]
    assert waiting["delegate"] == one.id
    await one.act("dialogue.admit", enrolment=waiting["id"], role="protocol-officer")
    await new.act("dialogue.profile", **PROFILE)
    # The address is another from now on.
    stage.node.settings = replace(stage.node.settings, public_url=following, next_url=None)
    await new.sign_in()
    await new.act("dialogue.profile", **PROFILE)
    assert not (await page(stage, "/")).xpath("//*[@id='elsewhere']")
    account = verify(await new.bytes_of(f"/api/dialogues/{one.dialogue}/bundle"), EDITION_1)
    assert account.holds


async def test_an_address_without_passkeys_says_so_and_recovery_leads_in(tmp_path: Path) -> None:
    """Nobody prepared: the first page says where passkeys answer; a recovery key seats an officer at the new one."""
    file = tmp_path / "recovery.pem"
    key = await printed(recovery.make, file)
    async with running_node(tmp_path / "old") as stage:
        one, _ = await found_dialogue(stage, recovery=[key])
        port = stage.url.rpartition(":")[2]
        following = f"{NEXT}:{port}"
        assert not (await page(stage, "/")).xpath("//*[@id='elsewhere']")
        stage.node.settings = replace(stage.node.settings, public_url=following)
        said = words(await page(stage, "/"), "//*[@id='elsewhere']")
        assert "No passkey of the delegates here answers at this address." in said
        assert "localhost" in said
        link = await printed(recovery.link, one.dialogue, one.side, name="Officer", data=tmp_path / "old")
        new = at_the_next(stage, "Officer", following)
        await new.enrol(link)
        draft = await new.post("/api/recoveries", {"recovery": key})
        sig = await printed(recovery.sign, file, draft["hash"])
        body = {"draft": draft["draft"], "proof": {"type": "ed25519", "sig": sig}}
        assert (await new.post("/api/recoveries/entries", body))["side"] == one.side
        await new.act("dialogue.profile", **PROFILE)
        assert not (await page(stage, "/")).xpath("//*[@id='elsewhere']")


def at_the_next(stage: Stage, name: str, url: str) -> Delegate:
    """Somebody whose browser is at the node's next address: it says so as its host, and makes passkeys for it."""
    person = stage.delegate(name)
    site = Site.of(url)
    person.signer = Authenticator.generate(site.rp, site.origin)
    person.credential = person.signer.credential
    person._http.headers["Host"] = url.partition("//")[2]
    return person
