"""The pages, rendered by the real application on a real day."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from lxml import html
from tests.flows.stage import Stage, running_node
from tests.flows.test_day import day_on
from tests.paper.lab import told
from tests.paper.test_sealing import pdfsig
from tests.web.hostile import FIELDS, OTHERS

from visavis.access import COOKIE
from visavis.dialogue.model import Role
from visavis.rehearsal.play import Day
from visavis.web.words import LANGUAGES

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PROTOCOL, PRINCIPAL = Role.PROTOCOL_OFFICER, Role.PRINCIPAL


class Browser:
    """A delegate's browser without scripts: the session's cookie, and pages as trees."""

    def __init__(self, url: str, token: str = "", language: str = "en") -> None:
        self._url = url
        self._headers = {"Accept": "text/html", "Accept-Language": language}
        if token:
            self._headers["Cookie"] = f"{COOKIE}={token}"

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=30) as http:
            return await http.get(self._url + path, headers=self._headers)

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        headers = self._headers | {"Sec-Fetch-Site": "same-origin"}
        async with httpx2.AsyncClient(timeout=30) as http:
            return await http.post(self._url + path, data=fields, headers=headers)

    async def page(self, path: str, status: int = 200) -> html.HtmlElement:
        answer = await self.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        return html.document_fromstring(answer.text)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but as long as the module: the day is played once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="module")
async def day(stage: Stage) -> Day:
    """The day of the report, from the founding to the press."""
    made = day_on(stage)
    await made.found(stage.links)
    await made.admit()
    await made.enter_earlier()
    await made.prepare()
    await made.sit()
    await made.tell_the_press()
    return made


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Stage]:
    """A node on which nobody has founded yet."""
    async with running_node(tmp_path) as running:
        yield running


def browser(stage: Stage, day: Day, chair: str, role: Role, language: str = "en") -> Browser:
    person = day.people[chair][role]
    return Browser(stage.url, person.token, language)


def every_path(day: Day) -> list[str]:
    at = f"/d/{day.dialogue}"
    talk = f"{at}/talks/{day.talk}"
    texts = [*day.understandings.values(), day.guarantee]
    return [
        "/",
        at,
        talk,
        f"{talk}/review",
        f"{talk}/room",
        f"{talk}/press",
        f"{talk}/delegation",
        f"{talk}/papers",
        f"{at}/record",
        f"{at}/record?receipts=1",
        f"{at}/record/{day.sides['a']}/0",
        f"{at}/record/{day.sides['b']}/7",
        f"{at}/understandings/new",
        f"{at}/understandings/new?of={texts[0]}",
        *(f"{at}/understandings/{text}" for text in texts),
        "/quotes",
        "/me",
        *(f"/newsroom/{day.sides[chair]}" for chair in ("a", "b")),
        *(f"/newsroom/{day.sides[chair]}/{day.releases[chair]}" for chair in ("a", "b")),
    ]


def lint(page: html.HtmlElement, path: str) -> list[str]:
    """What is wrong with a page's structure, by the rules of the house (design 8)."""
    wrong = []

    def rule(holds: object, what: str) -> None:
        if not holds:
            wrong.append(f"{path}: {what}")

    rule(len(page.xpath("//h1")) == 1, "one h1")
    rule(len(page.xpath("//main")) == 1 and page.xpath("//header"), "landmarks: one main, a header")
    rule(page.get("lang") and page.get("dir") in ("ltr", "rtl"), "language and direction")
    rule(not page.xpath("//@style"), "no inline style")
    rule(
        not page.xpath("//style") and not page.xpath("//script[not(@src)]"), "no inline style sheet or script"
    )
    rule(not [a for a in page.xpath("//@*") if a.attrname.startswith("on")], "no inline handler")
    for address in page.xpath("//@src | //link/@href | //form/@action | //*[local-name()='use']/@href"):
        own = address.startswith("/") and not address.startswith("//")
        rule(own or page.xpath("//meta[@property='og:url']"), f"no third party: {address}")
    ids = page.xpath("//@id")
    rule(len(ids) == len(set(ids)), f"ids once: {sorted({i for i in ids if ids.count(i) > 1})}")
    labelled = set(page.xpath("//label/@for"))
    for control in page.xpath("//input[not(@type='hidden')] | //select | //textarea[not(@hidden)]"):
        has = control.get("id") in labelled or control.xpath("ancestor::label") or control.get("aria-label")
        rule(has, f"a label: {control.get('name')}")
    for named in page.xpath("//@aria-labelledby | //@aria-describedby"):
        rule(all(each in ids for each in named.split()), f"names something: {named}")
    for form in page.xpath("//form[not(@data-command) and not(@data-enrol) and not(@data-sign-in)]"):
        rule(form.get("action") and form.get("method") == "post", "a plain form has an address")
        drawn = {each.split(".")[0] for each in FIELDS.get(form.get("action", "").rpartition("/")[2], OTHERS)}
        odd = {name.split(".")[0] for name in form.xpath(".//@name[not(parent::button)]")} - drawn
        rule(not odd, f"the hostile walk (`hostile.FIELDS`) draws what its fields are: {sorted(odd)}")
    for form in page.xpath("//form[@data-command or @data-enrol or @data-sign-in]"):
        rule(form.get("method") == "dialog" and not form.get("action"), "sends nothing without its script")
        rule(
            form.xpath(".//*[@data-form-status]") and form.xpath(".//button[@type='submit']"),
            "a form that signs",
        )
        rule(form.xpath(".//noscript"), "says what it needs without JavaScript")
        rule(not form.xpath(".//@formmethod | .//@formaction"), "no button of it sends anything either")
    levels = [int(h.tag[1]) for h in page.xpath("//h1|//h2|//h3|//h4")]
    main = page.xpath("//main")[0] if page.xpath("//main") else page
    rule(main.text_content().strip(), "never an empty page")
    rule(levels and 1 in levels, "headings")
    rule(
        not re.search(r"\bNone\b(?! is)|\{\{|\{%|Undefined", main.text_content()), "no trace of the template"
    )
    return wrong


async def test_every_page_keeps_the_rules_of_the_house(stage: Stage, day: Day) -> None:
    """Landmarks, one heading of the first order, labels, no inline script or style, for every role of both sides."""
    wrong = []
    for chair in ("a", "b"):
        for role in day.people[chair]:
            visitor = browser(stage, day, chair, role)
            for path in every_path(day):
                wrong += lint(await visitor.page(path), f"{chair} {role} {path}")
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_in_every_language(stage: Stage, day: Day, language: str) -> None:
    """A page is in the reader's language and direction, whatever the texts in it are written in."""
    visitor = browser(stage, day, "a", PRINCIPAL, language)
    for path in every_path(day):
        page = await visitor.page(path)
        assert page.get("lang") == language
        assert page.get("dir") == ("rtl" if language == "ar" else "ltr")
        assert lint(page, path) == []


async def test_the_record_page_is_light(stage: Stage, day: Day) -> None:
    """Fifty entries of a whole day in less than 40,000 bytes: what they commit to is not on it."""
    answer = await browser(stage, day, "a", PRINCIPAL).get(f"/d/{day.dialogue}/record")
    assert answer.text.count("<details") == 50
    assert len(answer.content) < 40_000


async def test_the_two_sides_see_mirror_images(stage: Stage, day: Day) -> None:
    """What is ours on one screen is theirs on the other, position by position; the colour stays with the side."""
    path = f"/d/{day.dialogue}/talks/{day.talk}"
    seen = {}
    for chair in ("a", "b"):
        page = await browser(stage, day, chair, PRINCIPAL).page(path)
        words = {
            who: [
                " ".join(p.text_content().split())
                for p in page.xpath(f"//article[contains(@class, '{who} position')]/p")
            ]
            for who in ("ours", "theirs")
        }
        seen[chair] = (words, page.xpath("//body/@class")[0].split()[-1])
    assert seen["a"][0]["ours"] == seen["b"][0]["theirs"] != []
    assert seen["a"][0]["theirs"] == seen["b"][0]["ours"] != []
    assert {seen["a"][1], seen["b"][1]} == {"us-a", "us-b"}


async def test_the_talk_shows_agenda_seals_and_both_clocks(stage: Stage, day: Day) -> None:
    """The talk's page has the agenda in order, two sealed halves, and the start on both sides' clocks."""
    page = await browser(stage, day, "a", PRINCIPAL).page(f"/d/{day.dialogue}/talks/{day.talk}")
    items = [" ".join(h.text_content().split()) for h in page.xpath("//ol[@class='agenda']//summary/h3")]
    assert len(items) == 5
    assert "Geneva" in items[0]
    halves = page.xpath("//section[@id='seals']//div[contains(@class, 'seal-half')]")
    assert [half.get("data-seal") for half in halves] == ["sealed", "sealed"]
    one, other = ([p.get("d") for p in half.xpath(".//*[local-name()='path']")] for half in halves)
    assert one == other
    starts = page.xpath("//dl[@class='zones-pair']//time/@datetime")
    assert len(starts) == 2
    assert len({start[-6:] for start in starts}) == 2


async def test_the_review_opens_where_the_sides_differ(stage: Stage, day: Day) -> None:
    """Where effort is asked for, rows on which the two judgements differ come first, and are open; marks have shape
    and word."""
    page = await browser(stage, day, "a", PRINCIPAL).page(f"/d/{day.dialogue}/talks/{day.talk}/review")
    rows = page.xpath("//table[@class='review']/tbody/tr[not(@class='opened' or @class='need')]")
    apart = [row.get("class") == "is-apart" for row in rows]
    assert any(apart)
    assert apart == sorted(apart, reverse=True)
    for row, differs in zip(rows, apart, strict=True):
        assert row.getnext().xpath(".//details")[0].get("open", None) == ("" if differs else None)
        words = [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
        assert all(word in ("implemented", "extra effort", "not begun") for word in words)


async def test_an_understanding_is_had_on_paper(stage: Stage, day: Day, tmp_path: Path) -> None:
    """Each side has its own copy, sealed by its own certificate; of the other's copy it has an unsealed print."""
    at = f"/d/{day.dialogue}/understandings/{day.guarantee}"
    certificates = []
    for chair, name, head in (
        ("a", "Сторона А", "Экземпляр стороны: Сторона А"),
        ("b", "Side B", "Copy of Side B"),
    ):
        asker = browser(stage, day, chair, PRINCIPAL)
        links = (await asker.page(at)).xpath("//a[contains(@href, '/paper.pdf')]/@href")
        assert links == [f"{at}/paper.pdf?side=ours", f"{at}/paper.pdf?side=theirs"]
        ours, theirs = [(await asker.get(link)) for link in links]
        assert {ours.headers["content-type"], theirs.headers["content-type"]} == {"application/pdf"}
        said = pdfsig(ours.content, tmp_path / "ours.pdf")
        assert "Signature is Valid." in said
        assert f"CN={name}" in said
        certificates.append((stage.node.settings.data / f"seal-{day.sides[chair]}.pem").read_bytes())
        assert told(ours.content).startswith(head)
        assert "does not contain any signatures" in pdfsig(theirs.content, tmp_path / "theirs.pdf")
        assert not told(theirs.content).startswith(head)
        await asker.page(f"{at}/paper.pdf?side=both", status=404)
    assert certificates[0] != certificates[1]
    assert (await Browser(stage.url).get(f"{at}/paper.pdf")).status_code == 401


async def test_a_delegate_sees_only_the_forms_that_they_may_use(stage: Stage, day: Day) -> None:
    """Nobody is offered a signature that the rules would refuse them for want of powers."""
    at = f"/d/{day.dialogue}"
    adviser = await browser(stage, day, "a", Role.ADVISER).page(at)
    officer = await browser(stage, day, "a", PROTOCOL).page(at)
    assert not adviser.xpath("//form[@data-command='dialogue.powers' or @data-command='talks.propose']")
    assert officer.xpath("//form[@data-command='dialogue.powers']")
    assert officer.xpath("//form[@data-command='talks.propose']")


async def test_a_page_of_another_dialogue_is_refused(stage: Stage, day: Day) -> None:
    """Another dialogue's address answers 403 with a page that says so, and nobody's address 401."""
    other = await browser(stage, day, "a", PRINCIPAL).page("/d/" + "x" * 43, status=403)
    assert lint(other, "403") == []
    nobody = await Browser(stage.url).page(f"/d/{day.dialogue}", status=401)
    assert lint(nobody, "401") == []
    nowhere = await Browser(stage.url).page("/nowhere", status=404)
    assert lint(nowhere, "404") == []
    missing = browser(stage, day, "a", PRINCIPAL)
    for path in (
        "talks/none",
        "understandings/none",
        "talks/none/review",
        "talks/none/room",
        "talks/none/press",
    ):
        await missing.page(f"/d/{day.dialogue}/{path}", status=404)


async def test_an_officer_invites_by_a_plain_form(stage: Stage, day: Day) -> None:
    """The one-time link is shown once, and who opens it waits until the officer admits them."""
    officer = browser(stage, day, "a", PROTOCOL)
    shown = await officer.post(
        f"/d/{day.dialogue}/invitations", name="Interpreter of side A", role="interpreter"
    )
    link = html.document_fromstring(shown.text).xpath("string(//code[@class='invitation'])")
    assert link.startswith(f"{stage.url}/enter/")
    person = stage.delegate("Interpreter of side A")
    await person.enrol(link)
    waiting = await Browser(stage.url, person.token).page("/")
    assert lint(waiting, "waiting") == []
    assert waiting.xpath("//form/@action") == ["/leave"]
    page = await officer.page(f"/d/{day.dialogue}")
    form = page.xpath("//section//form[@data-command='dialogue.admit']")[0]
    assert form.xpath(".//select/option[@selected]/@value") == ["interpreter"]
    adviser = browser(stage, day, "a", Role.ADVISER)
    assert (await adviser.post(f"/d/{day.dialogue}/invitations", name="X", role="adviser")).status_code == 403


async def test_a_draft_stays_at_its_desk(stage: Stage, day: Day) -> None:
    """What the press officer keeps is shown as it will read, and not to the other side."""
    at = f"/d/{day.dialogue}/talks/{day.talk}/press"
    desk = browser(stage, day, "a", Role.PRESS_OFFICER)
    fields = {
        "texts.en.title": "A draft of ours",
        "texts.en.text": "First.\n\nSecond.",
        "texts.en.dateline": "X",
    }
    kept = await desk.post(f"{at}/drafts", kind="statement", initials="PS", **fields)
    assert kept.status_code == 303
    page = await desk.page(at)
    assert "A draft of ours" in page.text_content()
    assert lint(page, at) == []
    for chair, role in (("b", Role.PRESS_OFFICER), ("a", Role.ADVISER)):
        assert "A draft of ours" not in (await browser(stage, day, chair, role).page(at)).text_content()
    refused = await browser(stage, day, "a", Role.ADVISER).post(f"{at}/drafts", kind="statement")
    assert refused.status_code == 403


async def test_pages_are_light(stage: Stage, day: Day) -> None:
    """The first paint of any page, fonts aside, is below 100 kB compressed (design 8)."""
    import gzip

    visitor = browser(stage, day, "a", PRINCIPAL)
    for path in every_path(day):
        answer = await visitor.get(path)
        page = html.document_fromstring(answer.text)
        total = len(gzip.compress(answer.content))
        for address in {*page.xpath("//link[@rel='stylesheet']/@href"), *page.xpath("//script/@src")}:
            if "room-" not in address:  # the call's bundle loads in the room alone, after its page is painted
                total += len(gzip.compress((await visitor.get(address)).content))
        assert total < 100_000, f"{path}: {total} bytes"


async def test_signing_out_ends_the_session(empty: Stage) -> None:
    """Who signs out is nobody afterwards, though the browser still had its cookie; the key signs in again."""
    person = empty.delegate("Officer of side A")
    await person.enrol(empty.links[0])
    visitor = Browser(empty.url, person.token)
    assert (await visitor.get("/")).headers["location"] == "/founding"
    assert (await visitor.post("/leave")).status_code == 303
    page = await visitor.page("/")
    assert page.xpath("//form[@data-sign-in]")
    assert lint(page, "/") == []
    await visitor.page("/founding", status=401)


async def test_the_form_of_a_text_says_what_is_refused(stage: Stage, day: Day) -> None:
    """The form says beforehand that a one-sided guarantee is refused, what is kept, and three ways on."""
    at = f"/d/{day.dialogue}/understandings/new?kind=guarantee&talk={day.talk}"
    page = await browser(stage, day, "a", PRINCIPAL).page(at)
    assert page.xpath("//select[@id='kind']/option[@selected]/@value") == ["guarantee"]
    assert len(page.xpath("//ul[contains(@class, 'ways')]/li")) == 3
    sides = page.xpath("//fieldset[@data-if-filled]/input[@type='hidden']/@value")
    assert set(sides) == set(day.sides.values())
    places = page.xpath("//fieldset[@data-if-filled]/input[@type='hidden']/@name")
    assert len(places) == len(set(places))
