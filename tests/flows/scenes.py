"""Every page and state that a delegate, or a reader, can meet, played on nodes in this process. For tests and pictures.

Lives here: `Scene`, `play_scenes`.
Not here: what is asked of a page (`test_browser_wcag`), its pictures (`scripts/screenshots.py`), the day that is
played (`visavis.rehearsal.play`), the call itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import FilePayload, Page
from tests.dossier.files import NOTE, PDF, png
from tests.flows.crossing import at_once, cross_agendas
from tests.flows.stage import NAMES, ZONES, Stage, running_node
from tests.flows.test_day import day_on

from visavis.dialogue.ledger import readable
from visavis.dialogue.model import Role
from visavis.record.digest import to_text
from visavis.rehearsal.delegate import Answered, Delegate
from visavis.rehearsal.play import OFFICER, Day
from visavis.rehearsal.scenario import Chair

LIMIT_MS = 60_000.0
"""For one thing to happen on a page, on a machine that builds something else meanwhile."""


async def as_served(_page: Page) -> None:
    """Nothing is done on the page before it is looked at."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One page, as one person sees it at one moment.

    token: of their session; "" for somebody who has none. then: what is done on the page first, without a passkey.
    whole: a picture goes to the page's foot, not only as far as a screen. docs: the documents show it. paper: it is
    printed, too.
    """

    name: str
    path: str
    token: str = ""
    then: Callable[[Page], Awaitable[None]] = as_served
    whole: bool = True
    docs: bool = False
    paper: bool = False


See = Callable[[str, Sequence[Scene]], Awaitable[None]]
"""Given the node's address and the scenes that can be seen on it now; they are gone when it returns."""


# --- what is done on a page ---------------------------------------------------------------------------


async def signs(page: Page) -> None:
    """Wait until the page's forms can sign."""
    await page.wait_for_selector("html[data-signs=ready]", state="attached", timeout=LIMIT_MS)


async def draft_one_sided(page: Page) -> None:
    """Draft a guarantee that binds the other side alone, and try to table it: refused on the page."""
    await signs(page)
    for field in await page.locator("form.draft :is(input[id^='title-'], textarea[id^='body-'])").all():
        await field.fill("Security")
    for field in await page.locator("form.draft .theirs fieldset:first-of-type textarea").all():
        if await field.is_visible():
            await field.fill("Theirs alone")
    await page.locator("form.draft button[type=submit]:not([data-command])").click()
    refused = "form.draft [data-form-status][data-state=error]"
    await page.wait_for_selector(refused, state="attached", timeout=LIMIT_MS)


async def read_before_signing(page: Page) -> None:
    """Press the button that signs a text: the dialog shows it first."""
    await signs(page)
    await page.locator("form[data-command='understandings.sign'] button").click()
    await page.wait_for_selector("dialog[open]", state="attached", timeout=LIMIT_MS)


def reached(how: str) -> Callable[[Page], Awaitable[None]]:
    """As if the node had not answered ("lost"), or the session had ended ("ended")."""

    async def told(page: Page) -> None:
        await signs(page)
        await page.evaluate(
            f"document.dispatchEvent(new CustomEvent('visavis:reach', {{ detail: '{how}' }}))"
        )
        await page.wait_for_selector(f"[data-reach={how}]", state="attached", timeout=LIMIT_MS)

    return told


async def open_all(page: Page) -> None:
    """Unfold everything that is folded."""
    await page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")


async def with_languages(page: Page) -> None:
    """The fields that the script fills from the list of languages, and the one for what is in no list."""
    await signs(page)
    await open_all(page)


async def with_files(page: Page) -> None:
    """Compare a file with one that an assessment refers to, and refer to it in one's own; everything unfolded."""
    await signs(page)
    await open_all(page)
    a_file = FilePayload(name="minutes.pdf", mimeType="application/pdf", buffer=b"other bytes")
    await page.locator("[data-hash-of] input").first.set_input_files(a_file)
    await page.wait_for_selector("[data-hash-of] [role=status]:not(:empty)", timeout=LIMIT_MS)
    await page.locator("[data-hash-into] input").first.set_input_files(a_file)
    await page.wait_for_selector("[data-kept]", timeout=LIMIT_MS)
    assert "minutes.pdf" in await page.locator("[name='evidence.zxx']").first.input_value()


async def quote(page: Page) -> None:
    """Check a quotation that nobody said."""
    await page.locator("textarea[name=text]").fill("“Nothing of the kind was ever released here by anybody.”")
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_selector("#found", state="attached", timeout=LIMIT_MS)


async def verify(page: Page) -> None:
    """Let the browser verify both logs."""
    await page.wait_for_selector("[data-verify][data-ready=true]", state="attached", timeout=LIMIT_MS)
    await page.locator("[data-verify-start]").click()
    await page.wait_for_selector("[data-verdict]:not([aria-busy])", state="attached", timeout=LIMIT_MS)


async def send_an_active_file(page: Page) -> None:
    """Choose a picture that is a program, and send it: refused on the page."""
    await signs(page)
    await page.set_input_files(
        "#lay-file", {"name": "Map.png", "mimeType": "image/png", "buffer": b"<svg onload='alert(1)'/>"}
    )
    await page.locator("form[data-lays] button[type=submit]").click()
    await page.wait_for_selector("[data-lays][data-state=error]", state="attached", timeout=LIMIT_MS)


async def type_no_key(page: Page) -> None:
    """Type the side's name and a line that is no key: refused at its field."""
    await page.locator("input[name='name.en']").fill(NAMES[0]["en"])
    await page.locator("details summary").click()
    await page.locator("textarea[name=recovery]").fill("no key")
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_selector("textarea[aria-invalid=true]", state="attached", timeout=LIMIT_MS)


async def check_the_name(page: Page) -> None:
    """Type the side's name, and go on: it is read once more."""
    await open_all(page)  # what was typed before is there again
    await page.locator("textarea[name=recovery]").fill("")
    for language, name in NAMES[0].items():
        await page.locator(f"input[name='name.{language}']").fill(name)
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_selector("form[action='/founding/change']", state="attached", timeout=LIMIT_MS)


def name_recovery(key: str) -> Callable[[Page], Awaitable[None]]:
    """Name that recovery key: the page then says what is to be signed."""

    async def named(page: Page) -> None:
        await page.locator("input[name=recovery]").fill(key)
        await page.locator("main form button[type=submit]").click()
        await page.wait_for_selector("input[name=sig]", state="attached", timeout=LIMIT_MS)

    return named


# --- the door, and a dialogue that has only begun -----------------------------------------------------------


async def play_door(stage: Stage, see: See) -> None:
    """From the first visit to a node without a dialogue to a delegate whose passkey was revoked."""
    one, other = stage.delegate("Protocol officer of side A"), stage.delegate("Protocol officer of side B")
    entrance = urlsplit(stage.links[0]).path
    await see(stage.url, [Scene("welcome-unfounded", "/"), Scene("enter-officer", entrance)])
    await one.enrol(stage.links[0])
    await see(
        stage.url,
        [
            Scene("founding", "/founding", one.token, open_all),
            Scene("founding-wrong", "/founding", one.token, type_no_key),
            Scene("founding-check", "/founding", one.token, check_the_name),
        ],
    )
    key = to_text(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    await one.post("/api/foundings", {"name": NAMES[0], "recovery": [key]})
    await see(stage.url, [Scene("founding-waiting", "/founding", one.token)])
    await other.enrol(stage.links[1])
    await other.post("/api/foundings", {"name": NAMES[1]})
    await see(stage.url, [Scene("founding-sign", "/founding", one.token)])
    for officer in (one, other):
        await officer.place()
        await officer.act("dialogue.found")
    at = f"/d/{one.dialogue}"
    await see(
        stage.url,
        [
            Scene("founding-profile", "/founding", one.token, then=with_languages),
            Scene("home-empty", "/", one.token),
            Scene("dialogue-empty", at, one.token),
        ],
    )
    for officer, zone in zip((one, other), ZONES, strict=True):
        await officer.act("dialogue.profile", zone=zone, languages=["en", "ru"])

    person = stage.delegate("Adviser of side A")
    invited = await one.post(
        f"/api/dialogues/{one.dialogue}/invitations", {"name": person.name, "role": Role.ADVISER}
    )
    entrance = urlsplit(invited["link"]).path
    await see(
        stage.url,
        [
            Scene("enter", entrance),
            Scene("link-other", entrance, one.token),
            Scene("founding-people", "/founding", one.token),
            Scene("invitations", f"{at}/invitations", one.token),
        ],
    )
    await person.enrol(invited["link"])
    await see(
        stage.url,
        [
            Scene("welcome", "/"),
            Scene("link-spent", entrance),
            Scene("waiting-admission", "/", person.token),
            Scene("recover", "/recover", person.token),
            Scene("recover-sign", "/recover", person.token, name_recovery(key)),
            Scene("not-yours", at, person.token),
            Scene("sign-in-first", at),
            Scene("missing", "/nowhere", one.token),
            Scene("dialogue-enrolment", at, one.token, open_all),
            Scene("check", "/check"),
            Scene("mail-nothing", f"/mail/{'x' * 43}"),
            Scene("record-short", f"{at}/record", one.token),
        ],
    )
    waiting = (await one.get(f"/api/dialogues/{one.dialogue}/enrolments"))["enrolments"]
    await one.act("dialogue.admit", enrolment=waiting[0]["id"], role=Role.ADVISER, powers=["sign", "speak"])
    await see(stage.url, [Scene("founding-done", "/founding", one.token)])
    await one.act("dialogue.revoke", credential=person.credential)
    await see(stage.url, [Scene("revoked", "/", person.token)])


# --- the day --------------------------------------------------------------------------------------------------


class SeenDay(Day):
    """A day in which somebody looks at the pages whenever the chairs look at the state."""

    seeing: Callable[[str], Awaitable[None]] | None = None

    async def look(self, moment: str) -> dict[Chair, dict[str, Any]]:
        views = await super().look(moment)
        if self.seeing is not None:
            await self.seeing(moment)
        return views


def token_of(day: Day, chair: Chair, role: Role) -> str:
    person = day.people[chair][role]
    assert isinstance(person, Delegate)
    return person.token


async def play_day(stage: Stage, see: See) -> None:
    """A talk in each of its phases, its texts and its press; side a's principal and protocol officer look."""
    day = day_on(stage, SeenDay)

    async def seeing(moment: str) -> None:
        at = f"/d/{day.dialogue}"
        officer, principal = token_of(day, "a", OFFICER), token_of(day, "a", Role.PRINCIPAL)
        if moment == "time" and day.geneva:
            talks = day.observed.views["time"]["a"]["talks"]
            newest = f"{at}/talks/{talks[-1]['talk']['id']}"
            await see(stage.url, [Scene("talk-proposed", newest, officer)])
            return
        talk = f"{at}/talks/{day.talk}"
        match moment:
            case "ranked":
                scenes = [Scene("talk-preparing", talk, officer, open_all)]
            case "agenda tabled":
                scenes = [Scene("talk-agenda-tabled", talk, officer)]
            case "agenda agreed":
                scenes = [
                    Scene("talk-agreed", talk, officer),
                    Scene("room-shut", f"{talk}/room", officer, whole=False),
                    Scene("press-empty", f"{talk}/press", officer),
                    Scene("newsroom-empty", f"/newsroom/{day.sides['a']}"),
                ]
            case "sitting":
                named, adviser = (day.people["a"][role] for role in (OFFICER, Role.ADVISER))
                assert isinstance(named, Delegate) and isinstance(adviser, Delegate)
                view = stage.node.dialogues.view(day.dialogue, day.sides["a"], named.id)
                await stage.node.alternates.name(view, day.talk, named.id, adviser.id)
                scenes = [
                    Scene("talk-sitting", talk, officer),
                    Scene("delegation", f"{talk}/delegation", officer),
                    Scene("room-check", f"{talk}/room", principal, whole=False),
                    Scene("room-not-named", f"{talk}/room", officer, whole=False),
                    Scene("review-open", f"{talk}/review", principal, open_all),
                ]
            case _:
                return
        await see(stage.url, scenes)

    day.seeing = seeing
    await day.found(stage.links)
    for step in (day.admit, day.enter_earlier, day.prepare, day.sit, day.tell_the_press):
        await step()
    await see(stage.url, closed(day))
    await see(stage.url, await tabled(stage, day))
    await see(stage.url, await papers(day))
    await see(stage.url, await crossed(day))
    await see(stage.url, await later(day))
    await see(stage.url, await erased(stage, day))


def closed(day: Day) -> list[Scene]:
    """The day when it is over."""
    at = f"/d/{day.dialogue}"
    talk = f"{at}/talks/{day.talk}"
    agreed = next(iter(day.understandings.values()))
    side = day.sides["a"]
    me, desk = token_of(day, "a", Role.PRINCIPAL), token_of(day, "a", Role.PRESS_OFFICER)
    return [
        Scene("home", "/", me),
        Scene("dialogue", at, me),
        Scene("talk", talk, me, docs=True),
        Scene("talk-opened", talk, me, open_all),
        Scene("talk-lost", talk, me, reached("lost")),
        Scene("session-ended", f"{at}/understandings/{agreed}", me, reached("ended")),
        Scene("review", f"{talk}/review", me, docs=True),
        Scene("understanding", f"{at}/understandings/{agreed}", me),
        Scene("guarantee", f"{at}/understandings/{day.guarantee}", me, docs=True),
        Scene("understanding-new", f"{at}/understandings/new?kind=guarantee", me),
        Scene("guarantee-refused", f"{at}/understandings/new?kind=guarantee", me, draft_one_sided),
        Scene("room-over", f"{talk}/room", me, whole=False),
        Scene("press", f"{talk}/press", me),
        Scene("press-desk", f"{talk}/press", desk, open_all),
        Scene("record", f"{at}/record", me, whole=False),
        Scene("record-verified", f"{at}/record", me, verify, whole=False),
        Scene("record-entry", f"{at}/record/{day.sides['b']}/7", me),
        Scene("newsroom", f"/newsroom/{side}"),
        Scene("release", f"/newsroom/{side}/{day.releases['a']}", docs=True),
        Scene("quotes", "/quotes"),
        Scene("me", "/me", me),
        Scene("quotes-found", "/quotes", then=quote),
    ]


async def tabled(stage: Stage, day: Day) -> list[Scene]:
    """The other side tables a new text, a change to one in force, and an answer to a text of ours, with brackets."""
    title = {"en": "Hot line", "ru": "Прямая линия"}
    body = {
        "en": "The sides set up a direct line.\n\nIt is tested every month.",
        "ru": "Стороны создают прямую линию.\n\nОна проверяется каждый месяц.",
    }
    duties = [{"by": side, "text": title} for side in day.sides.values()]
    text = {"kind": "understanding", "title": title, "body": body, "undertakings": duties}
    ids = []
    for of in ({}, {"understanding": next(iter(day.understandings.values()))}):
        made = await day.act("b", Role.PRINCIPAL, "understandings.table", **text, **of)
        ids.append(str(made["understanding"]))
    at = f"/d/{day.dialogue}/understandings"
    me = token_of(day, "a", Role.PRINCIPAL)
    first = await day.act("a", Role.PRINCIPAL, "understandings.table", **text)
    drafted = str(first["understanding"])
    words = {"en": ("by both", "by each"), "ru": ("обеими", "каждой")}
    chairs: tuple[Chair, Chair] = ("a", "b")
    bracketed = {
        code: f"{body[code]}\n\n"
        + " ".join(
            f"[{day.scenario.sides[chair].name[code]}: {each}]"
            for chair, each in zip(chairs, given, strict=True)
        )
        for code, given in words.items()
    }
    answer = text | {"body": bracketed, "understanding": drafted}
    await day.act("b", Role.PRINCIPAL, "understandings.table", **answer)
    person = day.people["a"][Role.PRINCIPAL]
    found = next(
        u
        for u in (await person.get(f"/api/dialogues/{day.dialogue}"))["understandings"]
        if u["id"] == drafted
    )
    asking = {
        "text": found["open"][-1]["hash"],
        "clause": 3,
        "words": "Ask the capital before we agree to this.",
    }
    await stage.node.remarks.leave(day.dialogue, person.side, person.id, **asking)
    return [
        Scene("understanding-tabled", f"{at}/{ids[0]}", me),
        Scene("sign-dialog", f"{at}/{ids[0]}", me, read_before_signing, whole=False),
        Scene("understanding-changed", f"{at}/{ids[1]}", me, open_all),
        Scene("understanding-bracketed", f"{at}/{drafted}", me, open_all),
        Scene("counter-proposal", f"{at}/new?of={drafted}", me),
    ]


async def later(day: Day) -> list[Scene]:
    """A further talk: what was assessed at the last one is assessed again, with links and files; a text has ended."""
    at, me = f"/d/{day.dialogue}", token_of(day, "a", Role.PRINCIPAL)
    when = {"start": "2031-03-03T12:00:00Z", "minutes": 60, "mode": "video"}
    talk = str((await day.act("a", OFFICER, "talks.offer", title={"en": "Talks in March"}, **when))["talk"])
    view = await day.people["b"][OFFICER].state()
    (offered,) = next(each["talk"]["times"] for each in view["talks"] if each["talk"]["id"] == talk)
    await day.act("b", OFFICER, "talks.accept", talk=talk, hash=offered["hash"])
    one, other, *_ = day.understandings.values()
    words = {"en": "Five rounds were held.", "ru": "Проведено пять раундов.", "zxx": REFERS}
    for chair, verdict in (("a", "implemented"), ("b", "extra-effort")):
        said = {"talk": talk, "understanding": one, "verdict": verdict, "evidence": words}
        await day.act(chair, Role.PRINCIPAL, "understandings.assess", **said)
    await day.act(
        "b", Role.PRINCIPAL, "talks.relation", talk=talk, grade="fair", text={"en": "It is better."}
    )
    await day.act("b", Role.PRINCIPAL, "understandings.end", understanding=other)
    return [
        Scene("review-empty", f"{at}/talks/{view['talks'][0]['talk']['id']}/review", me),
        Scene("review-later", f"{at}/talks/{talk}/review", me, with_files, paper=True),
        Scene("dialogue-later", at, me),
    ]


async def erased(stage: Stage, day: Day) -> list[Scene]:
    """Side a has erased, of its own words, whatever the rules let it."""
    at, side = f"/d/{day.dialogue}", day.sides["a"]
    ledger = stage.node.dialogues.ledger(day.dialogue)
    for commitment, row in list(ledger.contents.items()):
        if row.side == side and readable(ledger, side, commitment) is not None:
            try:
                await day.act("a", OFFICER, "record.erase", commitment=commitment)
            except Answered as answer:
                if answer.code != "binds-you":
                    raise
    me = token_of(day, "a", OFFICER)
    return [
        Scene("talk-erased", f"{at}/talks/{day.talk}", me, open_all),
        Scene("press-erased", f"{at}/talks/{day.talk}/press", me, open_all),
        Scene("release-erased", f"/newsroom/{side}/{day.releases['a']}"),
    ]


REFERS = f"""https://example.org/minutes?round=5 Minutes of the fifth round
sha256:{"0a" * 32} list of applications.pdf"""


async def papers(day: Day) -> list[Scene]:
    """Papers of every kind under an item, in every standing, as either side sees them."""
    here = f"/d/{day.dialogue}/talks/{day.talk}"
    one, other = (day.people[chair][Role.PRINCIPAL] for chair in ("a", "b"))
    assert isinstance(one, Delegate)
    assert isinstance(other, Delegate)
    talk = next(t["talk"] for t in (await one.state())["talks"] if t["talk"]["id"] == day.talk)
    item = next(each["id"] for each in talk["draft"] if each["kind"] == "issue")
    laid = {}
    for who, name, data in (
        (one, "Points for the principal.md", NOTE.encode()),
        (one, "Sector map.png", png(320, 200)),
        (one, "A_name_of_one_word_that_no_line_of_a_telephone_can_hold_without_breaking.pdf", PDF),
        (other, "Thoughts.txt", b"One could think of a first step."),
    ):
        answer = await who._http.post(f"{here}/papers", data={"item": item}, files={"file": (name, data)})
        laid[name.rpartition(".")[2]] = answer.headers["location"].rpartition("/")[2]
    await one.act("talks.give-paper", talk=day.talk, item=item, paper=laid["png"])
    await other._http.post(f"{here}/papers/{laid['txt']}/give")
    return [
        Scene("papers", f"{here}/papers?item={item}", one.token),
        Scene("papers-refused", f"{here}/papers", one.token, send_an_active_file),
        Scene("paper", f"{here}/papers/{laid['md']}", one.token, open_all),
        Scene("paper-shared", f"{here}/papers/{laid['png']}", other.token),
        Scene("non-paper", f"{here}/papers/{laid['txt']}", one.token),
        Scene("talk-papers", here, one.token, open_all),
    ]


async def crossed(day: Day) -> list[Scene]:
    """Each side has sealed another time and another agenda, unheard of the other."""
    one, other = (day.people[chair][Role.PRINCIPAL] for chair in ("a", "b"))
    assert isinstance(one, Delegate)
    assert isinstance(other, Delegate)
    time = {"title": {"en": "The next talk", "ru": "Следующие переговоры"}, "minutes": 90, "mode": "video"}
    talk = (await one.act("talks.propose", start="2022-02-01T10:00:00Z", **time))["talk"]
    items = []
    for title in ("Sector", "Trade", "Visas"):
        words = {"en": title, "ru": title}
        items.append(str((await one.act("talks.propose-item", talk=talk, title=words, kind="issue"))["item"]))
    starts = ("2022-02-01T09:00:00Z", "2022-02-02T09:00:00Z")
    offers = [time | {"talk": talk, "start": start} for start in starts]
    await at_once((one, "talks.offer", offers[0]), (other, "talks.offer", offers[1]))
    await cross_agendas(one, other, talk, items)
    return [Scene("talk-crossed", f"/d/{day.dialogue}/talks/{talk}", one.token)]


async def play_scenes(folder: Path, see: See) -> None:
    """Play everything, and hand each moment's scenes to `see`. folder: for the nodes' data."""
    for name, play in (("door", play_door), ("day", play_day)):
        async with running_node(folder / name) as stage:
            await play(stage, see)
