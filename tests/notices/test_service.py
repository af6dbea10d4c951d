"""Mails to delegates, from an act of the other side to a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.notices.mailbox import Mailbox, mail_server

from visavis.bootstrap import SystemFresh
from visavis.notices.model import GATHER, MOST_TRIES, Wishes
from visavis.notices.ports import Post
from visavis.notices.service import Notices
from visavis.post import Outbox, SmtpPost
from visavis.rehearsal.delegate import Delegate
from visavis.store.notices import SqliteNotices
from visavis.store.sqlite import open_store
from visavis.web.letters import asking, letter

pytestmark = pytest.mark.anyio

ADDRESS = "someone.private@mail.example"
MINUTE = timedelta(minutes=1)


@dataclass
class Clock:
    """The test's own time."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """A dialogue of two officers. Each test has a store of notices of its own."""

    stage: Stage
    a: Delegate
    b: Delegate
    clock: Clock

    @asynccontextmanager
    async def notices(self, path: Path, post: Post) -> AsyncIterator[Notices]:
        store = await open_store(path / "notices.sqlite")
        made = Notices(
            SqliteNotices(store),
            self.stage.node.dialogues,
            post,
            letter,
            asking,
            url="https://talks.example",
            sender="visavis@talks.example",
            clock=self.clock,
            fresh=SystemFresh(),
        )
        await made.load()
        yield made
        await store.close()

    async def wish(self, notices: Notices, who: Delegate, **changed: object) -> None:
        wishes = {"address": ADDRESS, "on": True, "language": "en", "zone": "UTC"} | changed
        me = await who.get("/api/session")
        # Of an address that was confirmed before: `test_an_address_is_asked_first` asks it.
        known = Wishes(str(wishes["address"]), False, "en", "UTC", confirmed=True)
        await notices._store.keep_wishes(who.dialogue, who.side, me["delegate"], known)
        await notices.wish(who.dialogue, who.side, me["delegate"], Wishes(**wishes))  # type: ignore[arg-type]

    async def propose(self, who: Delegate, title: str = "A secret matter") -> str:
        act = await who.act(
            "talks.propose", title={"en": title}, start="2031-12-07T15:00:00Z", minutes=60, mode="video"
        )
        return str(act["talk"])

    async def work(self, notices: Notices) -> datetime | None:
        """What the task does each time it wakes."""
        await notices.look()
        return await notices.send_due()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but as long as the module: the dialogue is founded once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def founded(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Stage, Delegate, Delegate]]:
    async with running_node(tmp_path_factory.mktemp("node")) as stage:
        a, b = await found_dialogue(stage)
        yield stage, a, b


@pytest.fixture
def world(founded: tuple[Stage, Delegate, Delegate]) -> World:
    return World(*founded, Clock())


def told(logs: Sequence[MutableMapping[str, object]]) -> list[str]:
    """What the log says of mails; the node writes its receipts meanwhile."""
    return [event for line in logs if (event := str(line["event"])).startswith("notice.")]


def smtp(box: Mailbox) -> SmtpPost:
    return SmtpPost(f"smtp://127.0.0.1:{box.port}", helo="talks.example")


async def test_what_comes_within_five_minutes_goes_in_one_mail(world: World, tmp_path: Path) -> None:
    """It goes to who asked for it, after the time, once; it has no word of the act and names nobody."""
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.propose(world.a)
        await world.wish(notices, world.b)
        assert await world.work(notices) is None
        with capture_logs() as logs:
            talk = await world.propose(world.a)
            assert await world.work(notices) == world.clock.now + GATHER
            world.clock.now += 4 * MINUTE
            await world.a.act("talks.call-off", talk=talk)
            assert await world.work(notices) == world.clock.now + MINUTE
            assert box.mails == []
            world.clock.now += MINUTE
            assert await world.work(notices) is None
        (mail,) = box.mails
        assert box.envelopes == [("visavis@talks.example", [ADDRESS])]
        assert (mail["To"], mail["Subject"]) == (ADDRESS, "Something waits for you")
        assert mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"].endswith("@talks.example>")
        assert mail["Date"].datetime == world.clock.now.replace(microsecond=0)
        text = mail.get_content()
        assert "https://talks.example/\r\n" in text
        for word in ("secret", "Side", world.a.dialogue, talk):
            assert word not in str(mail)
        assert [line["acts"] for line in logs if line["event"] == "notice.sent"] == [2]
        assert ADDRESS not in str(logs)


async def test_a_delegate_chooses_what_is_said_and_in_which_language(world: World, tmp_path: Path) -> None:
    """The sides' names only if asked for; the words are the delegate's own language."""
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.wish(notices, world.b, language="ru", named=True)
        await world.propose(world.a)
        await notices.look()
        world.clock.now += GATHER
        await world.work(notices)
        (mail,) = box.mails
        assert mail["Subject"] == "Вас кое-что ждёт"
        assert "Сторона Б" in mail.get_content() and "Сторона А" in mail.get_content()
        assert f"https://talks.example/d/{world.b.dialogue}\r\n" in mail.get_content()
        assert "secret" not in str(mail)


async def test_what_does_not_wait_for_somebody_is_not_told(world: World, tmp_path: Path) -> None:
    """One's own side's acts, kinds that one did not ask for, nothing at all when switched off or revoked meanwhile."""
    adviser = (await seat_delegation(world.stage, world.b, "B", "adviser"))["adviser"]
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.wish(notices, world.a)
        await world.wish(notices, world.b, kinds=("press",))
        await world.wish(notices, adviser)
        await world.propose(world.a)
        assert await world.work(notices) is not None
        await world.b.act("dialogue.revoke", credential=adviser.credential)
        world.clock.now += GATHER
        assert await world.work(notices) is None
        await world.wish(notices, world.b)
        await world.propose(world.a)
        await notices.look()
        await world.wish(notices, world.b, on=False)
        world.clock.now += GATHER
        assert await world.work(notices) is None
        assert box.tries == 0


async def test_quiet_hours_hold_a_mail_back(world: World, tmp_path: Path) -> None:
    """Until they end, in the delegate's own zone; what comes meanwhile goes with it."""
    world.clock.now = datetime.now(UTC).replace(hour=23, minute=0, second=0, microsecond=0)
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.wish(notices, world.b, zone="Etc/GMT-2", quiet_from="22:00", quiet_to="07:00")
        await world.propose(world.a)
        morning = world.clock.now + timedelta(hours=6)
        assert await world.work(notices) == morning
        await world.propose(world.a)
        assert await world.work(notices) == morning
        world.clock.now = morning - MINUTE
        await world.wish(notices, world.b, zone="Etc/GMT-2", quiet_from="22:00", quiet_to="08:00")
        world.clock.now = morning
        assert await world.work(notices) == morning + timedelta(hours=1)
        assert box.mails == []
        world.clock.now += timedelta(hours=1)
        assert await world.work(notices) is None
        assert len(box.mails) == 1


async def test_a_mail_is_tried_again_and_in_the_end_given_up(world: World, tmp_path: Path) -> None:
    """A server that is busy or away is asked later and later; one that refuses for good is not asked again."""
    answers = ("451 busy", "451 busy", "550 nobody")
    async with mail_server(*answers) as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.wish(notices, world.b)
        await world.propose(world.a)
        await notices.look()
        world.clock.now += GATHER
        assert await world.work(notices) == world.clock.now + MINUTE
        await world.propose(world.a)
        assert await world.work(notices) == world.clock.now + MINUTE
        world.clock.now += MINUTE
        assert await world.work(notices) == world.clock.now + 2 * MINUTE
        world.clock.now += 2 * MINUTE
        with capture_logs() as logs:
            assert await world.work(notices) is None
        assert told(logs) == ["notice.undeliverable"]
        assert ADDRESS not in str(logs)
        assert (box.tries, box.mails) == (3, [])
    async with world.notices(tmp_path, smtp(box)) as notices:
        await world.propose(world.a)
        await notices.look()
        world.clock.now += GATHER
        with capture_logs() as logs:
            while following := await world.work(notices):
                world.clock.now = following
        assert told(logs) == ["notice.put-off"] * (MOST_TRIES - 1) + ["notice.given-up"]


async def test_a_restart_forgets_nothing_and_tells_nothing_twice(world: World, tmp_path: Path) -> None:
    """What was pending is sent by the next process; what was sent, or came before it was asked for, is not."""
    async with mail_server() as box:
        async with world.notices(tmp_path, smtp(box)) as notices:
            await world.propose(world.a)
            await world.wish(notices, world.b)
            await world.propose(world.a)
            await notices.look()
        world.clock.now += GATHER
        for mails in (1, 1):
            async with world.notices(tmp_path, smtp(box)) as notices:
                assert await world.work(notices) is None
                assert len(box.mails) == mails
        async with world.notices(tmp_path, smtp(box)) as notices:
            world.clock.now += timedelta(days=2)
            await world.propose(world.a)  # entered two days ago, by the clock of the node's new process
            assert await world.work(notices) is None


async def test_the_task_sends_by_itself(world: World, tmp_path: Path) -> None:
    """An act wakes it; a mail that is due goes out, and no request has waited for it."""
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.wish(notices, world.b, kinds=("time", "room"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notices.run)
            talk = await world.propose(world.a)
            await world.b.act("talks.accept", talk=talk, hash=await open_time(world.b, talk))
            world.clock.now += GATHER
            await world.a.act("talks.call-off", talk=talk)
            with anyio.fail_after(30):
                await box.came.wait()
            tasks.cancel_scope.cancel()
        assert len(box.mails) == 1


async def open_time(who: Delegate, talk: str) -> str:
    """Hash of the time that waits for that side in a talk."""
    view = await who.get(f"/api/dialogues/{who.dialogue}")
    part = next(each for each in view["talks"] if each["talk"]["id"] == talk)
    return str(part["talk"]["times"][0]["hash"])


async def test_no_delegate_has_two_mails_within_five_minutes(world: World, tmp_path: Path) -> None:
    """Who waits in the room is told of at once, however often they come and go only once in a while."""
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        await world.wish(notices, world.b)
        for mails in (1, 2):
            talk = await world.propose(world.a)
            await world.b.act("talks.accept", talk=talk, hash=await open_time(world.b, talk))
            await world.a.act("talks.accept", talk=talk, hash=await open_time(world.a, talk))
            await world.a.act("talks.conclude", talk=talk)
            sent = world.clock.now
            following = await world.work(notices)
            assert following == (None if mails == 1 else sent + MINUTE)
            world.clock.now += 4 * MINUTE
        assert len(box.mails) == 1
        world.clock.now = sent + MINUTE
        assert await world.work(notices) is None
        assert len(box.mails) == 2


async def test_without_a_server_a_mail_lies_in_the_outbox(world: World, tmp_path: Path) -> None:
    """As a file that mail programs open, the node's owner's alone; nothing half written has its name."""
    folder = tmp_path / "outbox"
    async with world.notices(tmp_path, Outbox(folder)) as notices:
        await world.wish(notices, world.b)
        await world.propose(world.a)
        await notices.look()
        world.clock.now += GATHER
        assert await world.work(notices) is None
    (file,) = folder.iterdir()
    assert (file.suffix, file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (".eml", 0o600, 0o700)
    assert f"To: {ADDRESS}\r\n".encode() in file.read_bytes()


async def test_an_address_is_asked_first(world: World, tmp_path: Path) -> None:
    """Until whoever reads it has said that it is theirs, nothing but the question goes there; then notices do."""
    async with mail_server() as box, world.notices(tmp_path, smtp(box)) as notices:
        me = (await world.b.get("/api/session"))["delegate"]
        at = (world.b.dialogue, world.b.side, me)
        await notices.wish(*at, Wishes(ADDRESS, True, "en", "UTC"))
        assert await world.work(notices) is None
        (asked,) = box.mails
        assert (asked["To"], asked["Subject"]) == (ADDRESS, "Is this your address?")
        link = next(word for word in asked.get_content().split() if "/mail/" in word)
        assert link.startswith("https://talks.example/mail/") and world.b.dialogue not in str(asked)
        await notices.wish(*at, Wishes(ADDRESS, True, "en", "UTC"))  # a new link, not before its time
        assert await world.work(notices) == world.clock.now + GATHER
        token = link.rpartition("/")[2]
        assert not await notices.confirm(token) and not notices.is_asked(token)
        await world.propose(world.a)
        world.clock.now += GATHER
        assert await world.work(notices) is None
        assert [mail["Subject"] for mail in box.mails] == ["Is this your address?"] * 2
        token = next(word for word in box.mails[1].get_content().split() if "/mail/" in word).rpartition("/")[
            2
        ]
        assert notices.is_asked(token) and await notices.confirm(token)
        assert not await notices.confirm(token)
        await notices.wish(*at, Wishes(ADDRESS, True, "en", "UTC", quiet_from="", kinds=("time",)))
        await world.propose(world.a)
        assert await world.work(notices) == world.clock.now + GATHER
        world.clock.now += GATHER
        await world.work(notices)
        assert box.mails[-1]["Subject"] == "Something waits for you"
        await notices.wish(*at, Wishes("another@mail.example", True, "en", "UTC"))
        await world.propose(world.a)
        world.clock.now += 2 * GATHER
        await world.work(notices)
        assert (box.mails[-1]["To"], box.mails[-1]["Subject"]) == (
            "another@mail.example",
            "Is this your address?",
        )


async def test_an_address_that_is_saved_while_another_is_asked_is_asked_too(
    world: World, tmp_path: Path
) -> None:
    """The mail server is slow: what its answer changes is not the newer address's."""

    @dataclass
    class Slow:
        """A server that answers once something else has happened."""

        post: Post
        meanwhile: Wishes | None

        async def send(self, mail: EmailMessage) -> None:
            await self.post.send(mail)
            if self.meanwhile is not None:
                wishes, self.meanwhile = self.meanwhile, None
                await notices.wish(*at, wishes)

    me = (await world.b.get("/api/session"))["delegate"]
    at = (world.b.dialogue, world.b.side, me)
    async with mail_server() as box:
        slow = Slow(smtp(box), Wishes("newer@mail.example", True, "en", "UTC"))
        async with world.notices(tmp_path, slow) as notices:
            await notices.wish(*at, Wishes(ADDRESS, True, "en", "UTC"))
            assert await world.work(notices) == world.clock.now + GATHER
            world.clock.now += GATHER
            assert await world.work(notices) is None
        assert [mail["To"] for mail in box.mails] == [ADDRESS, "newer@mail.example"]
