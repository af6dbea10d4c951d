"""The contract of `dialogue.ports.Store`: every adapter passes it.

Lives here: `StoreContract`. Not here: adapters and how they are opened (their test modules).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from tests.passkeys import passkey

from visavis.dialogue.commands import Audience, Enrolment
from visavis.dialogue.cosigning import Cosigned
from visavis.dialogue.ports import (
    Certificate,
    ContentRow,
    EnrolmentRow,
    Fork,
    FoundingRow,
    Link,
    LogKeyRow,
    Mark,
    Session,
    Shown,
    Store,
    Timestamp,
)
from visavis.errors import Unavailable
from visavis.record.tiles import tile_path

NOW = datetime(2021, 12, 7, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def link(token_hash: str = "h1", expires: datetime = LATER) -> Link:
    return Link(token_hash, "delegate", "Adviser of side A", "adviser", expires, dialogue="d", side="a")


def cosigned(size: int) -> Cosigned:
    return Cosigned("d", "a", "b", size, bytes(32), 1_638_889_200, bytes(64))


class StoreContract:
    """Inherit and give `store` (an open, empty store) and `reopen` (the same data, opened anew) as fixtures."""

    pytestmark = pytest.mark.anyio

    async def test_the_first_timestamp_of_a_size_stays(
        self, store: Store, reopen: Callable[[], Awaitable[Store]]
    ) -> None:
        """Tokens are there after a restart, each once for a side and a size."""
        kept = [
            Timestamp("d", "a", 3, b"one"),
            Timestamp("d", "b", 3, b"two"),
            Timestamp("d", "a", 9, b"three"),
        ]
        async with store.begin() as unit:
            for row in (*kept, Timestamp("d", "a", 3, b"another")):
                await unit.keep_timestamp(row)
        async with (await reopen()).begin() as unit:
            assert sorted(await unit.timestamps("d"), key=lambda row: row.token) == [
                kept[0],
                kept[2],
                kept[1],
            ]
            assert await unit.timestamps("other") == []

    async def test_a_link_is_spent_once(self, store: Store) -> None:
        """A one-time link is had by one caller only, however many ask at once."""
        async with store.begin() as unit:
            await unit.add_link(link())
        got: list[Link | None] = []

        async def spend() -> None:
            async with store.begin() as unit:
                got.append(await unit.spend_link("h1", NOW))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(spend)
        assert [each for each in got if each is not None] == [link()]

    async def test_an_expired_link_is_not_had(self, store: Store) -> None:
        """After its time a link is known, and opens nothing."""
        async with store.begin() as unit:
            await unit.add_link(link(expires=NOW))
            assert (await unit.link("h1")) is not None
            assert await unit.spend_link("h1", NOW) is None

    async def test_ended_sessions_are_forgotten_but_founders(self, store: Store) -> None:
        """What has ended is dropped, but for founding officers', who may come back by their key."""
        ended = Session("s1", "delegate", "credential", NOW, dialogue="d", side="a")
        founder = Session("s2", "officer", "key", NOW, pair="p", chair=1)
        alive = Session("s3", "delegate", "credential", LATER, dialogue="d", side="a")
        async with store.begin() as unit:
            for each in (ended, founder, alive):
                await unit.add_session(each)
            await unit.drop_ended_sessions(NOW)
            assert await unit.session("s1", NOW - timedelta(hours=1)) is None
            assert await unit.session("s3", NOW) == alive
            assert await unit.founder("key") == founder
            assert await unit.founder("credential") is None

    async def test_what_failed_left_no_trace(self, store: Store) -> None:
        """A transaction that raises writes nothing."""
        with pytest.raises(ZeroDivisionError):
            async with store.begin() as unit:
                await unit.append_leaf("d", "a", 0, b"leaf")
                raise ZeroDivisionError
        async with store.begin() as unit:
            assert await unit.leaves("d", "a") == []

    async def test_a_place_in_the_log_is_taken_once(self, store: Store) -> None:
        """Two writers cannot have one place: the second is told, and nothing of its transaction stays."""
        async with store.begin() as unit:
            await unit.append_leaf("d", "a", 0, b"first")
        with pytest.raises(Unavailable):
            async with store.begin() as unit:
                await unit.append_leaf("d", "a", 1, b"second")
                await unit.append_leaf("d", "a", 0, b"other")
        async with store.begin() as unit:
            assert await unit.leaves("d", "a") == [b"first"]

    async def test_a_gap_is_noticed(self, store: Store) -> None:
        """A log with a gap is not read as if it were whole."""
        async with store.begin() as unit:
            await unit.append_leaf("d", "a", 1, b"leaf")
        async with store.begin() as unit:
            with pytest.raises(Unavailable):
                await unit.leaves("d", "a")

    async def test_a_chair_states_itself_once(self, store: Store) -> None:
        """The second founding statement of one chair changes nothing."""
        row = FoundingRow("p", 0, "a", b"{}")
        async with store.begin() as unit:
            assert await unit.add_founding(row)
            assert not await unit.add_founding(FoundingRow("p", 0, "x", b"{}"))
            assert await unit.foundings() == [row]

    async def test_sessions_are_found_placed_and_ended(self, store: Store) -> None:
        """A session lasts until its time or its end; founding gives it its dialogue."""
        made = Session("t", "delegate", "key", LATER, pair="p", chair=1)
        async with store.begin() as unit:
            await unit.add_session(made)
            assert await unit.session("t", NOW) == made
            assert await unit.session("t", LATER) is None
            await unit.place_sessions("p", 1, "d", "b")
            placed = await unit.session("t", NOW)
            assert placed is not None
            assert (placed.dialogue, placed.side) == ("d", "b")
            await unit.end_session("t")
            assert await unit.session("t", NOW) is None

    async def test_an_audience_only_widens(self, store: Store) -> None:
        """What both may read is never again one side's own."""
        row = ContentRow("d", "a", "c", bytes(32), b"words", "en", Audience.OWN)
        async with store.begin() as unit:
            await unit.add_content(row)
            for asked, held in ((Audience.BOTH, Audience.BOTH), (Audience.OWN, Audience.BOTH)):
                await unit.widen_content("d", "c", asked)
                assert [r.audience for r in await unit.contents("d")] == [held]

    async def test_what_is_erased_is_blanked_and_nothing_else(self, store: Store) -> None:
        """A content goes by its commitment, a name by its delegate; nobody else's is touched."""
        kept = [ContentRow("d", "a", c, bytes(32), b"words", "en", Audience.BOTH) for c in ("c1", "c2")]
        named = [
            EnrolmentRow(
                "d", "a", Enrolment(f"e{n}", f"delegate {n}", passkey(name).passkey, "A name", "adviser")
            )
            for n, name in enumerate(("one", "other"))
        ]
        async with store.begin() as unit:
            for row in kept:
                await unit.add_content(row)
            for each in named:
                await unit.add_passkey(each.enrolment.passkey)
                await unit.add_enrolment(each)
            await unit.add_link(link())
            await unit.add_link(dataclasses.replace(link("h2"), delegate="delegate 0"))
        async with store.begin() as unit:
            await unit.drop_content("d", "c1")
            await unit.drop_content("d", "none")
            await unit.forget_name("d", "a", "delegate 0")
            await unit.forget_words("d", "a", "no draft has them")
        async with store.begin() as unit:
            assert list(await unit.contents("d")) == kept[1:]
            assert [each.enrolment.name for each in await unit.enrolments()] == ["", "A name"]
            left = [await unit.link(token) for token in ("h1", "h2")]
            assert [each and each.name for each in left] == ["Adviser of side A", ""]
        assert await store.scrub()

    async def test_everything_is_there_after_a_restart(
        self, store: Store, reopen: Callable[[], Awaitable[Store]]
    ) -> None:
        """What a transaction wrote is read by the next process, byte for byte."""
        content = ContentRow("d", "a", "c", bytes(range(32)), "мир".encode(), "ru", Audience.PUBLIC)
        key = passkey("adviser").passkey
        enrolment = EnrolmentRow("d", "a", Enrolment("e", "delegate", key, "Adviser", "adviser"))
        certificate = Certificate("d", "t", 1, "device", b"{}")
        async with store.begin() as unit:
            for seq, leaf in enumerate((b"\x00\xff", b"")):
                await unit.append_leaf("d", "a", seq, leaf)
            await unit.add_content(content)
            await unit.add_passkey(key)
            await unit.add_enrolment(enrolment)
            await unit.keep_certificate(certificate)
            await unit.keep_certificate(certificate)
            await unit.keep_cosigned(cosigned(1))
            await unit.keep_cosigned(cosigned(2))
            await unit.keep_fork(Fork("d", "a", b"held", b"shown"))
            await unit.keep_fork(Fork("d", "a", b"held", b"shown"))
            await unit.keep_mark(Mark("d", "a", 1, bytes(32)))
            await unit.keep_mark(Mark("d", "a", 2, bytes(32)))
        again = await reopen()
        async with again.begin() as unit:
            assert await unit.leaves("d", "a") == [b"\x00\xff", b""]
            assert await unit.contents("d") == [content]
            assert await unit.enrolments() == [enrolment]
            assert await unit.certificates("d", "t", 1) == [certificate]
            assert await unit.cosigned("d") == [cosigned(2)]
            assert await unit.forks("d") == [Fork("d", "a", b"held", b"shown")]
            assert await unit.marks("d") == [Mark("d", "a", 2, bytes(32))]
            assert await unit.founded() == ["d"]

    async def test_log_keys_are_kept_and_forgotten(
        self, store: Store, reopen: Callable[[], Awaitable[Store]]
    ) -> None:
        """Each key stands once; all but those that are named go, of that side alone; what stays is there for ever."""
        here, there = (
            LogKeyRow("a", b"1" * 32, b"s" * 32),
            LogKeyRow("a", b"2" * 32, None, "https://new.example"),
        )
        others = LogKeyRow("b", b"3" * 32, b"t" * 32)
        async with store.begin() as unit:
            for row in (LogKeyRow("a", b"1" * 32, None, "elsewhere"), here, there, others):
                await unit.keep_log_key(row)
            assert await unit.log_keys("a") == [here, there]
            assert await unit.drop_log_keys("a", [there.key]) == 1
        await store.scrub()
        again = await reopen()
        async with again.begin() as unit:
            assert await unit.log_keys("a") == [there]
            assert await unit.log_keys("b") == [others]

    async def test_what_was_shown_is_kept_once_a_log(self, store: Store) -> None:
        """The later note takes the place of the one before; dropped, it is gone."""
        async with store.begin() as unit:
            for note in (b"small", b"large"):
                await unit.keep_shown(Shown("d", "a", note))
            assert await unit.shown("d") == [Shown("d", "a", b"large")]
            await unit.drop_shown("d", "a")
            assert await unit.shown("d") == []

    async def test_a_cosigner_never_remembers_less(self, store: Store) -> None:
        """A smaller checkpoint than the one that is cosigned already is not taken, and changes nothing."""
        async with store.begin() as unit:
            await unit.keep_cosigned(cosigned(2))
        with pytest.raises(Unavailable):
            async with store.begin() as unit:
                await unit.keep_cosigned(cosigned(1))
        async with store.begin() as unit:
            assert await unit.cosigned("d") == [cosigned(2)]

    async def test_tiles_are_written_once(self, store: Store) -> None:
        """A full tile is there after it was kept; the same again changes nothing, another in its place is refused."""
        path = tile_path("entries", 1)
        assert await store.logs.tile("d", "a", path) is None
        for _ in range(2):
            await store.logs.keep("d", "a", [(path, b"tile")], 512, b"head")
        with pytest.raises(Unavailable):
            await store.logs.keep("d", "a", [(path, b"other")], 513, b"head")
        assert await store.logs.tile("d", "a", path) == b"tile"
        assert await store.logs.tile("d", "b", path) is None
        assert await store.logs.dialogues() == ["d"]

    async def test_the_head_before_the_latest_stays(self, store: Store) -> None:
        """Of two heads in turn both can be read, so that one torn in writing leaves the other."""
        assert await store.logs.heads("d", "a") is None
        for size in (1, 2, 3):
            await store.logs.keep("d", "a", [], size, b"head %d" % size)
        assert sorted(await store.logs.heads("d", "a") or ()) == [b"head 2", b"head 3"]

    @pytest.mark.parametrize(
        "path", ["tile/../../secret", "tile/entries/000.p/3", "tile/0/0", "", "/etc/passwd"]
    )
    async def test_what_is_no_full_tile_is_not_read(self, store: Store, path: str) -> None:
        """No path leads anywhere but to a full tile of that log."""
        assert await store.logs.tile("d", "a", path) is None
