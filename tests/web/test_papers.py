"""Papers over HTTP: laid, given, taken back, refused; whoever may not see one learns nothing of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.dossier.files import NOTE, PDF, SECRET, png
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.flows.test_agenda import a_talk
from tests.flows.test_agenda_forms import size
from tests.web.hostile import Ask, ask
from tests.web.test_pages import Browser, lint

from visavis.access import COOKIE
from visavis.bootstrap import DATABASE
from visavis.dossier.service import Limits
from visavis.rehearsal.delegate import Answered, Delegate
from visavis.store.papers import SqlitePapers
from visavis.store.sqlite import SqliteStore
from visavis.web.app import create_app

pytestmark = pytest.mark.anyio


class Hand:
    """A delegate at the pages, without scripts."""

    def __init__(self, stage: Stage, person: Delegate, talk: str) -> None:
        self.person = person
        self.url, self.at = stage.url, f"/d/{person.dialogue}/talks/{talk}"
        self.browser = Browser(stage.url, person.token)

    async def lay(self, name: str, data: bytes, item: str = "", site: str = "same-origin") -> httpx2.Response:
        headers = {"Cookie": f"{COOKIE}={self.person.token}", "Accept": "text/html", "Sec-Fetch-Site": site}
        async with httpx2.AsyncClient(timeout=30) as http:
            return await http.post(
                f"{self.url}{self.at}/papers",
                data={"item": item},
                files={"file": (name, data)},
                headers=headers,
            )

    async def laid(self, name: str, data: bytes, item: str = "") -> str:
        """The path of its page."""
        answer = await self.lay(name, data, item)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but as long as the module: the sides are founded once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running


async def kept(stage: Stage) -> dict[str, str]:
    """The papers on the node's disk: id → name."""
    store = stage.node.dialogues._store
    assert isinstance(store, SqliteStore)
    return {paper.id: paper.name for paper in await SqlitePapers(store).all()}


@pytest.fixture(scope="module")
async def hands(stage: Stage) -> tuple[Hand, Hand, str]:
    """The principals of side A and side B, and the id of an item."""
    officers = await found_dialogue(stage)
    talk, items = await a_talk(*officers)
    people = [
        (await seat_delegation(stage, officer, name, "principal"))["principal"]
        for officer, name in zip(officers, "AB", strict=True)
    ]
    one, other = (Hand(stage, person, talk) for person in people)
    return one, other, items["Trade"]


async def test_a_paper_is_private_until_it_is_shared(stage: Stage, hands: tuple[Hand, Hand, str]) -> None:
    """The other side sees no page, no file, no word of a private paper; of a shared one all, and our log its hash."""
    one, other, item = hands
    paper = await one.laid("..\\Entwurf \u202egpj.md", NOTE.encode(), item)
    assert await one.laid("..\\Entwurf \u202egpj.md", NOTE.encode(), item) == paper, "sent twice, laid once"
    page = await one.browser.page(paper)
    assert lint(page, paper) == []
    words = page.text_content()
    assert SECRET in words
    assert "Entwurf \ufffdgpj.md" in words
    assert not page.xpath(
        "//main//section//script | //main//section//img | //main//a[starts-with(@href, 'java')]"
    )
    for path in (paper, f"{paper}/file"):
        assert (await other.browser.get(path)).status_code == 404
    for path in (one.at, f"{one.at}/papers"):
        assert "Entwurf" in (await one.browser.get(path)).text
        assert "Entwurf" not in (await other.browser.get(path)).text
        assert lint(await other.browser.page(path), path) == []
    for act in ("give", "withdraw"):
        assert (await other.browser.post(f"{paper}/{act}")).status_code == 404

    id_ = paper.rpartition("/")[2]
    talk = one.at.rpartition("/")[2]
    given = await one.person.act("talks.give-paper", talk=talk, item=item, paper=id_)
    content = await other.person.get(f"/api/dialogues/{one.person.dialogue}/contents/{given['text']}")
    assert re.fullmatch(r"Entwurf .gpj\.md\ntext/markdown, \d+ bytes\nSHA-256 [0-9a-f]{64}", content["text"])
    with pytest.raises(Answered, match="given this paper already"):
        await one.person.act("talks.give-paper", talk=talk, item=item, paper=id_)
    theirs = await other.browser.page(paper)
    assert SECRET in theirs.text_content()
    assert lint(theirs, paper) == []
    assert (await other.browser.get(f"{paper}/file")).content == NOTE.encode()
    for hand in hands[:2]:
        assert (await hand.browser.post(f"{paper}/withdraw")).status_code == 409
    assert (await one.browser.post(f"{paper}/give")).status_code == 409


async def test_a_non_paper_has_no_author_and_no_entry(stage: Stage, hands: tuple[Hand, Hand, str]) -> None:
    """The other side opens it; neither log grows, and its page names no side; each side throws away its own copy."""
    one, other, item = hands
    paper = await one.laid("note.txt", b"Points to think over.", item)
    sizes = [await size(each.person) for each in (one, other)]
    assert (await one.browser.post(f"{paper}/give")).status_code == 303
    page = await other.browser.page(paper)
    assert "Points to think over." in page.text_content()
    assert "Without signature and without author" in page.text_content()
    assert not page.xpath("//*[@id='paper']//*[contains(@class, 'ours') or contains(@class, 'theirs')]")
    assert "note.txt" in (await other.browser.get(other.at)).text
    assert [await size(each.person) for each in (one, other)] == sizes
    assert (await one.browser.post(f"{paper}/withdraw")).status_code == 303
    assert (await one.browser.get(paper)).status_code == 404
    assert (await other.browser.get(f"{paper}/file")).content == b"Points to think over."
    assert (await other.browser.post(f"{paper}/withdraw")).status_code == 303
    assert (await other.browser.get(paper)).status_code == 404
    assert paper.rpartition("/")[2] not in await kept(stage)


async def test_a_file_is_served_as_what_it_is(hands: tuple[Hand, Hand, str]) -> None:
    """With its type by its bytes, not to be sniffed, in a sandbox; a text never as markup."""
    one, *_ = hands
    served = {}
    for name, data in (("a.html", PDF), ("b", png()), ("c.md", b"*x* <b>y</b>"), ("d.csv", b"x,y")):
        paper = await one.laid(name, data)
        answer = await one.browser.get(f"{paper}/file")
        assert answer.content == data
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "; sandbox" in policy
        served[name] = (answer.headers["content-type"], answer.headers["content-disposition"])
        saved = await one.browser.get(f"{paper}/file?save")
        assert saved.headers["content-disposition"].startswith("attachment;")
    assert served == {
        "a.html": ("application/pdf", "inline; filename=\"paper.pdf\"; filename*=UTF-8''a.html.pdf"),
        "b": ("image/png", "inline; filename=\"paper.png\"; filename*=UTF-8''b.png"),
        "c.md": ("text/plain; charset=utf-8", "inline; filename=\"paper.md\"; filename*=UTF-8''c.md"),
        "d.csv": ("text/plain; charset=utf-8", "inline; filename=\"paper.txt\"; filename*=UTF-8''d.csv.txt"),
    }


async def test_what_is_refused_is_said_and_not_kept(
    stage: Stage, hands: tuple[Hand, Hand, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty, active, huge and unknown files, another site's form, nobody's, a full side: the reason, nothing kept."""
    one, _, item = hands
    before = await kept(stage)
    refused = {
        "nothing in it": ("a.pdf", b""),
        "would run": ("a.png", b"<?xml version='1.0'?><svg onload='x'/>"),
        "too large to be opened": ("a.png", png(60_000, 60_000)),
        "none of the kinds": ("a.txt", b"PK\x03\x04\x00\x00"),
    }
    for why, (name, data) in refused.items():
        answer = await one.lay(name, data, item)
        assert answer.status_code == 400, why
        page = await Browser(stage.url, one.person.token).page(f"{one.at}/papers")
        assert not page.xpath("//*[@id='refused']")
        assert why in answer.text
        assert 'id="refused"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert (await one.lay("a.txt", b"x", "elsewhere")).status_code == 409
    assert (await one.lay("a.txt", b"x", item, site="cross-site")).status_code == 403
    assert (await one.browser.post(f"{one.at}/papers", file="x")).status_code == 400
    nobody = Hand(stage, one.person, "x")
    nobody.at, nobody.person = one.at, stage.delegate("Nobody")
    assert (await nobody.lay("a.txt", b"x")).status_code == 401
    assert await kept(stage) == before
    view = stage.node.dialogues.view(one.person.dialogue, one.person.side, one.person.id)
    limits = Limits(paper=1000, side=stage.node.dossier.allowance(view).used + 2500)
    monkeypatch.setattr(stage.node.dossier, "limits", limits)
    assert (await one.lay("a.txt", b"x" * 1001)).status_code == 413
    laid = [await one.laid("a.txt", str(n).encode() * 1000) for n in range(2)]
    full = await one.lay("a.txt", b"y" * 1000)
    assert full.status_code == 409
    assert "as many papers as it may" in full.text
    assert (await kept(stage)).keys() - before.keys() == {path.rpartition("/")[2] for path in laid}


async def test_too_large_a_body_is_refused_before_it_is_read(
    stage: Stage, hands: tuple[Hand, Hand, str]
) -> None:
    """By its length at once; without a length, as soon as it is too long. No other path takes so much."""
    one, *_ = hands
    app = create_app(stage.node)
    limit = stage.node.dossier.limits.paper

    def asked(path: str, *headers: tuple[bytes, bytes], chunks: tuple[bytes, ...] = ()) -> Ask:
        own = [
            (b"host", stage.url.removeprefix("http://").encode()),
            (b"sec-fetch-site", b"same-origin"),
            (b"cookie", f"{COOKIE}={one.person.token}".encode()),
            (b"content-type", b"multipart/form-data; boundary=zq"),
        ]
        return Ask("POST", path.encode(), headers=[*own, *headers], chunks=chunks, cut=True)

    length = (b"content-length", str(limit + 1024**2).encode())
    assert (await ask(app, asked(f"{one.at}/papers", length))).status == 413
    head = b'--zq\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    endless = (head, *[b"x" * 1024**2] * (limit // 1024**2 + 1))
    assert (await ask(app, asked(f"{one.at}/papers", chunks=endless))).status == 413
    assert (await ask(app, asked(f"{one.at}/papers/x/give", length))).status == 413


async def test_what_was_withdrawn_is_not_given(stage: Stage, hands: tuple[Hand, Hand, str]) -> None:
    """A paper that a colleague withdraws while its giving is being signed is gone, and no entry says it was given."""
    one, _, item = hands
    paper = await one.laid("late.txt", b"Too late.", item)
    talk, id_ = one.at.rpartition("/")[2], paper.rpartition("/")[2]
    fields = {"talk": talk, "item": item, "paper": id_}
    draft = await one.person.post(
        f"/api/dialogues/{one.person.dialogue}/drafts", {"command": "talks.give-paper", "fields": fields}
    )
    assert (await one.browser.post(f"{paper}/withdraw")).status_code == 303
    proof = one.person.signer.prove(one.person.check(draft, "give").challenge()).to_json()
    with pytest.raises(Answered, match="withdrawn since"):
        await one.person.post(
            f"/api/dialogues/{one.person.dialogue}/entries", {"draft": draft["draft"], "proof": proof}
        )
    ledger = stage.node.dialogues.ledger(one.person.dialogue)
    us = ledger.index(one.person.side)
    assert ledger.joint.register(us, ("paper", talk, item, id_)) is None
    with pytest.raises(Answered, match="no such paper"):
        await one.person.act("talks.give-paper", **fields)
    assert id_ not in await kept(stage)


async def test_an_erased_description_takes_its_file_along(
    stage: Stage, hands: tuple[Hand, Hand, str]
) -> None:
    """Who erases reads it no more; when both have erased, no byte of the file is on the node's disk."""
    one, other, item = hands
    words = b"Words of which nothing stays on any disk."
    paper = await one.laid("gone.txt", words, item)
    talk, id_ = one.at.rpartition("/")[2], paper.rpartition("/")[2]
    act = await one.person.act("talks.give-paper", talk=talk, item=item, paper=id_)
    officers = [person for person in stage.people if person.name.startswith("Protocol")]
    await officers[0].act("record.erase", commitment=act["text"])
    page = await one.browser.page(paper)
    assert "Erased by us" in page.text_content()
    assert (await one.browser.get(f"{paper}/file")).status_code == 404
    assert (await other.browser.get(f"{paper}/file")).content == words
    await officers[1].act("record.erase", commitment=act["text"])
    assert (await other.browser.get(f"{paper}/file")).status_code == 404
    assert id_ not in await kept(stage)
    assert words not in b"".join(file.read_bytes() for file in stage.node.settings.data.glob(f"{DATABASE}*"))
