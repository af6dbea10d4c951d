"""Two people of one side at one thing: who signs second is told, sees both, and loses neither."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation

from visavis.access import COOKIE
from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def a_talk(a: Delegate, b: Delegate) -> tuple[str, str]:
    """A talk whose time is agreed, with one item; its id and the item's."""
    await a.act("talks.offer", title={"en": "Talks"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video")
    talk = (await a.state())["talks"][0]["talk"]
    await b.act("talks.accept", talk=talk["id"], hash=talk["times"][0]["hash"])
    made = await a.act("talks.propose-item", talk=talk["id"], title={"en": "Tension"}, kind="issue")
    return str(talk["id"]), str(made["item"])


async def drafted(
    who: Delegate, talk: str, item: str, words: str, seen: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A draft of our position, opened on its version `seen`, and the body that enters it."""
    fields = {"talk": talk, "item": item, "text": {"en": words}, "hold": False}
    body = {"command": "talks.state-position", "fields": fields} | ({} if seen is None else {"seen": seen})
    draft = await who.post(f"/api/dialogues/{who.dialogue}/drafts", body)
    signed = who.check(draft, "talks.state-position")
    return draft, {"draft": draft["draft"], "proof": who.signer.prove(signed.challenge()).to_json()}


async def position(who: Delegate) -> list[str]:
    """The words of our side's position as it stands."""
    items = (await who.state())["talks"][0]["talk"]["draft"]
    texts = next(item["ours"]["texts"] for item in items if item["kind"] == "issue")
    path = f"/api/dialogues/{who.dialogue}/contents"
    return [str((await who.get(f"{path}/{commitment}"))["text"]) for _, commitment in texts]


async def test_the_second_of_two_who_state_one_position_is_told(stage: Stage) -> None:
    """Drafting and entering are both refused with what stands by then, until they say that they mean it."""
    a, b = await found_dialogue(stage)
    one = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    second = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    talk, item = await a_talk(a, b)
    _, early = await drafted(one, talk, item, "First words", 0)
    _, late = await drafted(second, talk, item, "Words of the second", 0)
    entries = f"/api/dialogues/{one.dialogue}/entries"
    await one.post(entries, early)
    with pytest.raises(Answered) as refused:
        await second.post(entries, late)
    assert (refused.value.status, refused.value.code) == (409, "changed-meanwhile")
    assert refused.value.details["texts"] == [["en", "First words"]]
    assert await position(second) == ["First words"]
    with pytest.raises(Answered) as again:
        await drafted(second, talk, item, "Words of the second", 0)
    assert (again.value.code, again.value.details["seen"]) == ("changed-meanwhile", 1)
    _, meant = await drafted(second, talk, item, "Words of the second", 1)
    await second.post(entries, meant)
    assert await position(one) == ["Words of the second"]
    # A program that does not say what it saw is not held to it.
    _, unsaid = await drafted(one, talk, item, "Third words", None)
    await one.post(entries, unsaid)
    assert await position(one) == ["Third words"]


async def test_the_other_sides_words_are_no_reason_to_refuse_ours(stage: Stage) -> None:
    """What is compared is our own word alone: the other side's position neither stops us nor is shown to us."""
    a, b = await found_dialogue(stage)
    ours = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    theirs = (await seat_delegation(stage, b, "B", "principal"))["principal"]
    talk, item = await a_talk(a, b)
    fields = {"talk": talk, "item": item, "text": {"en": "Kept back"}, "hold": True}
    await theirs.act("talks.state-position", **fields)
    _, body = await drafted(ours, talk, item, "Ours", 0)
    await ours.post(f"/api/dialogues/{ours.dialogue}/entries", body)
    with pytest.raises(Answered) as refused:
        await drafted(ours, talk, item, "Ours anew", 0)
    assert refused.value.details["texts"] == [["en", "Ours"]]


async def test_two_of_one_side_at_one_release(stage: Stage) -> None:
    """Clearing, correcting, releasing: a version that a colleague cleared meanwhile is said, and neither is lost."""
    a, b = await found_dialogue(stage)
    one = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    second = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    talk, _ = await a_talk(a, b)
    at = f"/api/dialogues/{one.dialogue}"

    async def signed(who: Delegate, command: str, seen: int, **fields: object) -> dict[str, Any]:
        """A draft opened on version `seen`, and the body that enters it."""
        draft = await who.post(f"{at}/drafts", {"command": command, "fields": fields, "seen": seen})
        proof = who.signer.prove(who.check(draft, command).challenge()).to_json()
        return {"act": draft["signed"]["act"], "body": {"draft": draft["draft"], "proof": proof}}

    async def cleared(who: Delegate, seen: int, words: str, **more: object) -> dict[str, Any]:
        texts = {"en": {"title": words, "text": words, "dateline": "Geneva"}}
        return await signed(
            who, "press.clear", seen, talk=talk, kind="readout", texts=texts, initials="p", **more
        )

    def told(refused: pytest.ExceptionInfo[Answered]) -> list[str]:
        assert (refused.value.status, refused.value.code) == (409, "changed-meanwhile")
        return [words for _, words in refused.value.details["texts"]]

    first, late = await cleared(one, 0, "First"), await cleared(second, 0, "Late")
    await one.post(f"{at}/entries", first["body"])
    with pytest.raises(Answered) as refused:
        await second.post(f"{at}/entries", late["body"])
    assert told(refused) == ["First", "First", "Geneva", "p"]
    release = first["act"]["release"]
    correction, other = (
        await cleared(one, 1, "Corrected", release=release),
        await cleared(second, 1, "Also corrected", release=release),
    )
    await one.post(f"{at}/entries", correction["body"])
    with pytest.raises(Answered) as refused:
        await second.post(f"{at}/entries", other["body"])
    assert told(refused)[0] == "Corrected"
    assert refused.value.details["seen"] == 2
    with pytest.raises(Answered) as refused:
        await signed(second, "press.release", 1, release=release, version=1)
    assert told(refused)[0] == "Corrected"
    page = html.document_fromstring((await second.page(f"/d/{one.dialogue}/talks/{talk}/press")).text)
    seen = {
        str(form.get("data-command")): form.get("data-seen")
        for form in page.xpath("//*[@id='releases']//form[@data-command]")
    }
    assert seen == {"press.release": "2", "press.clear": "2"}
    meant = await cleared(second, 2, "Also corrected", release=release)
    await second.post(f"{at}/entries", meant["body"])
    assert meant["act"]["version"] == 3
    versions = (await one.state())["talks"][0]["press"]["ours"][0]["versions"]
    assert [version["version"] for version in versions] == [1, 2, 3]


async def test_two_of_the_desk_at_one_draft(stage: Stage) -> None:
    """Who keeps second gets both on the page and keeps nothing, until they press again; the same words pass."""
    a, b = await found_dialogue(stage)
    press = (await seat_delegation(stage, a, "A", "press-officer"))["press-officer"]
    talk, _ = await a_talk(a, b)
    at = f"{stage.url}/d/{press.dialogue}/talks/{talk}/press"
    headers = {"Cookie": f"{COOKIE}={press.token}", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    async with httpx2.AsyncClient(timeout=30, headers=headers) as desk:

        async def opened() -> html.HtmlElement:
            return html.document_fromstring((await desk.get(at)).text)

        def seen(page: html.HtmlElement) -> str:
            return str(page.xpath("string(//form[@data-keep]/input[@name='seen']/@value)"))

        async def keep(words: str, version: str) -> httpx2.Response:
            fields = {"kind": "readout", "seen": version, "texts.en.title": words, "texts.en.text": words}
            return await desk.post(f"{at}/drafts", data=fields)

        empty = seen(await opened())
        assert (await keep("One", empty)).status_code == 303
        clash = await keep("Two", empty)
        assert clash.status_code == 409
        page = html.document_fromstring(clash.text)
        form = page.xpath("//form[@data-keep]")[0]
        assert "Two" in form.text_content()
        assert "One" in page.xpath("string(//article[contains(@class, 'preview')])")
        assert form.xpath(".//*[@role='alert']")
        assert "One" in (await opened()).xpath("string(//form[@data-keep])")
        assert (await keep("Two", seen(page))).status_code == 303
        assert (await keep("Two", empty)).status_code == 303
        assert "Two" in (await opened()).xpath("string(//form[@data-keep])")
