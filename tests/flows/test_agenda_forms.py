"""What the forms of a talk refuse, over HTTP: nothing refused is written; hostile words are words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.flows.test_meanwhile import a_talk, drafted, position

from visavis.access import COOKIE
from visavis.dialogue.texts import TEXT_LIMIT, TITLE_LIMIT
from visavis.record.digest import from_text
from visavis.record.entry import parse_entry
from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio

NAUGHTY = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) "
    "{{ 7*7 }} &amp; **b** \u202eobratno\u2066"
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def size(who: Delegate) -> int:
    """Entries of the own log; receipts, which the node writes when it comes to it, left out."""
    leaves = (await who.get(f"/api/dialogues/{who.dialogue}/logs/{who.side}"))["leaves"]
    acts = [parse_entry(from_text(leaf)).signed.act["type"] for leaf in leaves]
    return sum(act not in ("record.receive", "content.receive") for act in acts)


async def test_what_breaks_a_form_is_refused_and_nothing_is_written(stage: Stage) -> None:
    """Missing, too long, of a wrong type, of another talk or of the other side: one clear answer each."""
    a, b = await found_dialogue(stage)
    ours = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    theirs = (await seat_delegation(stage, b, "B", "principal"))["principal"]
    talk, item = await a_talk(a, b)
    await theirs.act("talks.state-position", talk=talk, item=item, text={"en": "Held"}, hold=True)
    words = {"en": "Words"}
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("talks.propose-item", {"talk": talk, "title": {}}, "malformed"),
        ("talks.propose-item", {"talk": talk, "title": {"en": " "}}, "malformed"),
        ("talks.propose-item", {"talk": talk, "title": {"en": "x" * (TITLE_LIMIT + 1)}}, "malformed"),
        ("talks.propose-item", {"talk": talk, "title": "Words"}, "malformed"),
        ("talks.propose-item", {"talk": talk, "title": {"en": "a\x00b"}}, "malformed"),
        ("talks.propose-item", {"talk": talk, "title": words, "kind": "party"}, "malformed"),
        ("talks.propose-item", {"talk": "nosuchtalk", "title": words}, "no-such-talk"),
        (
            "talks.state-position",
            {"talk": talk, "item": item, "text": {"en": "x" * (TEXT_LIMIT + 1)}},
            "malformed",
        ),
        ("talks.state-position", {"talk": talk, "item": item, "text": words, "hold": "yes"}, "malformed"),
        ("talks.state-position", {"talk": talk, "item": "nosuchitem", "text": words}, "no-such-item"),
        ("talks.state-position", {"talk": talk, "text": words}, "malformed"),
        ("talks.table-position", {"talk": talk, "item": item}, "no-position-held"),
        ("talks.rank", {"talk": talk, "items": [item, item]}, "malformed"),
        ("talks.rank", {"talk": talk, "items": ["nosuchitem"]}, "no-such-item"),
        ("talks.rank", {"talk": talk, "items": item}, "malformed"),
        ("talks.rank", {"talk": talk, "items": [f"item{n}" for n in range(65)]}, "malformed"),
        ("talks.rank", {"talk": talk, "items": [item], "side": b.side}, "malformed"),
        ("talks.table-agenda", {"talk": talk, "press_call": "maybe", "statement": "expected"}, "malformed"),
        ("talks.relation", {"talk": talk, "grade": "splendid", "text": words}, "malformed"),
        ("talks.delegation", {"talk": talk, "delegates": [theirs.id]}, "malformed"),
    ]
    before = [await size(each) for each in (ours, theirs)]
    for command, fields, code in cases:
        body = {"command": command, "fields": fields}
        with pytest.raises(Answered) as refused:
            await ours.post(f"/api/dialogues/{ours.dialogue}/drafts", body)
        assert (refused.value.code, refused.value.status) == (
            code,
            400 if code == "malformed" else 409,
        ), (command, fields)
    for seen in (-1, 7, 2**63):
        with pytest.raises(Answered) as stale:
            await drafted(ours, talk, item, "Words", seen)
        assert stale.value.code == "changed-meanwhile"
    # Who has not the power is told so, whatever they fill in.
    with pytest.raises(Answered) as powerless:
        await drafted(a, talk, item, "Words", 0)
    assert powerless.value.status == 409
    assert [await size(each) for each in (ours, theirs)] == before


async def test_one_draft_is_entered_once(stage: Stage) -> None:
    """However often and at once it is sent: one entry, and the same bytes later enter nothing."""
    a, b = await found_dialogue(stage)
    ours = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    talk, item = await a_talk(a, b)
    _, body = await drafted(ours, talk, item, "Once", 0)
    path, codes = f"/api/dialogues/{ours.dialogue}/entries", list[str]()

    async def send() -> None:
        try:
            await ours.post(path, body)
            codes.append("entered")
        except Answered as answer:
            codes.append(answer.code)

    # Who asks by the draft's word is told what its ids are called, beside what the act commits to.
    fresh, _ = await drafted(ours, talk, item, "Not sent", 0)
    checked = await ours.post("/api/checks", {"check": fresh["check"]})
    assert [content["text"] for content in checked["contents"]] == ["Not sent"]
    assert set(checked["names"]) == {talk, item}
    assert all(words for name in checked["names"].values() for _, words in name)
    before = await size(ours)
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(send)
    await send()
    assert sorted(codes) == ["draft-gone"] * 4 + ["entered"]
    assert await position(ours) == ["Once"]
    assert await size(ours) == before + 1
    # Another draft does not take the proof of the first.
    fresh, _ = await drafted(ours, talk, item, "Twice", 1)
    with pytest.raises(Answered) as replayed:
        await ours.post(path, {**body, "draft": fresh["draft"]})
    assert replayed.value.status == 403
    assert await position(ours) == ["Once"]


async def test_another_site_fills_no_form(stage: Stage) -> None:
    """Drafts, entries and the desk's plain form are refused to whoever comes with the cookie from elsewhere."""
    a, b = await found_dialogue(stage)
    desk = (await seat_delegation(stage, a, "A", "press-officer"))["press-officer"]
    talk, _ = await a_talk(a, b)
    at = f"{stage.url}/d/{a.dialogue}/talks/{talk}/press"
    before = await size(desk)
    async with httpx2.AsyncClient(timeout=30, cookies={COOKIE: desk.token}) as http:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            for path, fields in (
                (f"{at}/drafts", {"kind": "readout", "texts.en.title": "Theirs"}),
                (f"{stage.url}/leave", {}),
            ):
                assert (await http.post(path, data=fields, headers=headers)).status_code == 403
            for name in ("drafts", "entries"):
                path = f"{stage.url}/api/dialogues/{a.dialogue}/{name}"
                assert (await http.post(path, json={}, headers=headers)).status_code == 403
        page = html.document_fromstring((await http.get(at)).text)
        assert not page.xpath("//form[@data-keep]//input[@value='Theirs']")
    assert await size(desk) == before


async def test_what_the_agenda_leaves_to_need_is_called_for_during_the_talk(stage: Stage) -> None:
    """A press call and a statement that are "if need be" can be asked for by either side; the other sees it said."""
    a, b = await found_dialogue(stage)
    desk = (await seat_delegation(stage, a, "A", "principal"))["principal"]
    talk, _ = await a_talk(a, b)
    await a.act("talks.offer-agenda", talk=talk, press_call="if-necessary", statement="if-necessary")
    agenda = (await b.state())["talks"][0]["talk"]["agendas"][0]["hash"]
    await b.act("talks.approve-agenda", talk=talk, hash=agenda)
    at = f"/d/{a.dialogue}/talks/{talk}"

    async def around(who: Delegate) -> html.HtmlElement:
        return html.document_fromstring((await who.page(at)).text).xpath("//*[@id='around-talk']")[0]

    def offered(section: html.HtmlElement) -> list[str]:
        return [str(command) for command in section.xpath(".//form/@data-command")]

    assert offered(await around(desk)) == ["press.announce-statement", "press.arm-call"]
    assert offered(await around(b)) == []
    await desk.act("press.arm-call", talk=talk, expected="expected")
    await desk.act("press.announce-statement", talk=talk, expected="expected")
    assert offered(await around(desk)) == ["press.call"]
    assert (await around(b)).text_content().count("They now say: it is needed.") == 2
    await desk.act("press.call", talk=talk)
    assert offered(await around(desk)) == []
    assert "They have called it." in (await around(b)).text_content()


async def test_hostile_words_are_words(stage: Stage) -> None:
    """Markup of a title, a position, an initiative and a draft is shown as it was typed, does nothing, and turns no
    other words about; direction marks that override are made visible."""
    a, b = await found_dialogue(stage)
    ours = await seat_delegation(stage, a, "A", "principal", "press-officer")
    talk, item = await a_talk(a, b)
    await a.act("talks.propose-item", talk=talk, title={"en": NAUGHTY}, kind="issue")
    words = {"title": {"en": NAUGHTY}, "text": {"en": NAUGHTY}}
    await ours["principal"].act("talks.propose-initiative", talk=talk, item=item, **words)
    await ours["principal"].act(
        "talks.state-position", talk=talk, item=item, text={"en": NAUGHTY}, hold=False
    )
    at = f"{stage.url}/d/{a.dialogue}/talks/{talk}"
    for who, path in ((ours["principal"], at), (b, at), (ours["press-officer"], f"{at}/press")):
        headers = {"Cookie": f"{COOKIE}={who.token}", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        async with httpx2.AsyncClient(timeout=30, headers=headers) as http:
            if path.endswith("/press"):
                fields = {"kind": "readout", "texts.en.title": NAUGHTY, "texts.en.text": NAUGHTY}
                assert (await http.post(f"{path}/drafts", data=fields)).status_code == 303
            page = html.document_fromstring((await http.get(path)).text)
        assert not page.xpath("//script[not(@src)] | //img | //@*[starts-with(name(), 'on')]")
        assert not page.xpath("//a[starts-with(@href, 'javascript')]")
        found = page.xpath("//*[contains(text(), '<script>alert(1)</script>')]")
        assert found or path.endswith("/press")
        for each in found:
            assert "49" not in each.text_content()
            if each.tag not in ("textarea", "option", "title"):
                assert "\u202e" not in each.text_content()
                assert each.xpath("ancestor-or-self::*[@dir][not(self::html)] | self::bdi")
