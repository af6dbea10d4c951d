"""What every engine behind `visavis.rtc.ports.MediaEngine` does: the contract, run on each by `test_engines`.

Lives here: rules that hold without a network: descriptions, their errors, the end. Two transports of one engine
stand for client and server, so that every description is one that an engine made.
Not here: packets (`test_media`).
"""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from visavis.rtc import sdp
from visavis.rtc.errors import EngineFailed, SdpMalformed
from visavis.rtc.ports import NOTHING_TO_OFFER, Mid, Sending, TransportId

A, B, C = TransportId(1), TransportId(2), TransportId(3)
VOICE = Sending(video=False, codec="opus", stream="PA_a|TR_1", track="TR_1")
PICTURE = Sending(video=True, codec="VP8", stream="PA_a|TR_2", track="TR_2")


def client(description):
    """A description as a client would give it: engines are ICE-lite, clients are not."""
    return description.replace("a=ice-lite\r\n", "")


class EngineContract:
    """Subclasses give the fixture `engine`: an engine that is running, and is shut down after the test."""

    async def test_create_twice(self, engine):
        """A transport is made once."""
        await engine.create(A, "talk")
        with pytest.raises(EngineFailed):
            await engine.create(A, "talk")

    async def test_unknown_transport(self, engine):
        """Descriptions for a transport that does not exist are refused; commands do nothing."""
        for ask in (
            engine.accept_offer(A, await self.offer(engine)),
            engine.make_offer(A, (VOICE,), ()),
            engine.accept_answer(A, await self.offer(engine, C)),
        ):
            with pytest.raises((EngineFailed, SdpMalformed)):
                await ask
        engine.route(A, Mid("0"), B, Mid("1"), 2, rank=1)
        engine.wake(B, Mid("1"))
        engine.unroute(A, Mid("0"))
        engine.set_layer(A, Mid("0"), 1, paused=True, rank=1)
        engine.member(1, "a1", "PA_a", A, B, can_publish_data=True, hidden=False)
        engine.send((A, B), b"", reliable=True)
        assert await engine.last_sequence(A) == 0
        engine.close(A)
        assert engine.stats()["transports"] >= 0

    async def test_offer_and_answer(self, engine):
        """An offer names a section for each track, in order; a client's answer to it is taken."""
        await engine.create(A, "talk")
        await engine.create(C, "talk")
        offer = await engine.make_offer(A, (VOICE, PICTURE), (), channels=True)
        by_mid = {s.mid: s for s in sdp.sections(offer.sdp)}
        assert [by_mid[mid].kind for mid in offer.mids] == ["audio", "video"]
        assert [by_mid[mid].msid for mid in offer.mids] == ["TR_1", "TR_2"]
        assert all(by_mid[mid].sends for mid in offer.mids)
        assert any(s.kind == "application" for s in by_mid.values())
        answer = await engine.accept_offer(C, client(offer.sdp))
        assert [s.mid for s in sdp.sections(answer)] == [s.mid for s in sdp.sections(offer.sdp)]
        assert not any(s.sends for s in sdp.sections(answer) if s.kind != "application")
        await engine.accept_answer(A, client(answer))

    async def test_second_offer(self, engine):
        """A later offer keeps the sections there are, adds new ones and stops old ones."""
        await engine.create(A, "talk")
        await engine.create(C, "talk")
        first = await engine.make_offer(A, (VOICE,), (), channels=True)
        await engine.accept_answer(A, client(await engine.accept_offer(C, client(first.sdp))))
        second = await engine.make_offer(A, (PICTURE,), first.mids)
        sections = {s.mid: s for s in sdp.sections(second.sdp)}
        assert not sections[first.mids[0]].sends
        assert sections[second.mids[0]].sends
        await engine.accept_answer(A, client(await engine.accept_offer(C, client(second.sdp))))

    async def test_unanswered_offer(self, engine):
        """An offer that was not answered is contained in the next."""
        await engine.create(A, "talk")
        await engine.create(C, "talk")
        first = await engine.make_offer(A, (VOICE,), (), channels=True)
        second = await engine.make_offer(A, (PICTURE,), (), restart=True)
        sections = {s.mid: s for s in sdp.sections(second.sdp)}
        assert any(s.kind == "application" for s in sections.values())
        assert sections[first.mids[0]].sends
        assert sections[second.mids[0]].sends
        assert second.mids[0] != first.mids[0]
        await engine.accept_answer(A, client(await engine.accept_offer(C, client(second.sdp))))

    async def test_nothing_to_offer(self, engine):
        """An offer that would change nothing is refused, and says so."""
        await engine.create(A, "talk")
        with pytest.raises(EngineFailed) as e:
            await engine.make_offer(A, (), ())
        assert e.value.details["engine"] == NOTHING_TO_OFFER

    async def test_answer_without_offer(self, engine):
        """An answer to nothing is refused."""
        await engine.create(A, "talk")
        await engine.create(C, "talk")
        offer = await engine.make_offer(A, (VOICE,), (), channels=True)
        answer = await engine.accept_offer(C, client(offer.sdp))
        await engine.accept_answer(A, client(answer))
        with pytest.raises(EngineFailed):
            await engine.accept_answer(A, client(answer))

    async def test_malformed(self, engine):
        """A description that cannot be read is the client's fault, and the transport is none the worse."""
        await engine.create(A, "talk")
        await engine.create(C, "talk")
        for text in ("", "nonsense", "v=0\r\nm=audio", "\x00" * 100):
            with pytest.raises(SdpMalformed):
                await engine.accept_offer(A, text)
        offer = await engine.make_offer(A, (VOICE,), (), channels=True)
        with pytest.raises(SdpMalformed):
            await engine.accept_answer(A, "nonsense")
        await engine.accept_offer(C, client(offer.sdp))

    async def test_close(self, engine):
        """A closed transport is unknown, and its number may serve again."""
        await engine.create(A, "talk")
        engine.close(A)
        with pytest.raises(EngineFailed):
            await engine.make_offer(A, (VOICE,), (), channels=True)
        await engine.create(A, "talk")
        await engine.make_offer(A, (VOICE,), (), channels=True)

    async def test_stats(self, engine):
        """Counters are whole numbers by name, among them the transports there are."""
        before = engine.stats()["transports"]
        await engine.create(A, "talk")
        stats = engine.stats()
        assert stats["transports"] == before + 1
        assert all(isinstance(k, str) and isinstance(v, int) for k, v in stats.items())

    async def test_shutdown(self, engine):
        """Once shut down, the events end, asking fails, commands do nothing; shutting down again is harmless."""
        ended = anyio.Event()

        async def follow():
            async with aclosing(engine.events()) as events:
                async for _ in events:
                    pass
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await engine.create(A, "talk")
            await engine.shutdown()
            with anyio.fail_after(20):
                await ended.wait()
        with pytest.raises(EngineFailed):
            await engine.create(B, "talk")
        engine.route(A, Mid("0"), B, Mid("1"), 2, rank=1)
        engine.wake(B, Mid("1"))
        engine.unroute(B, Mid("1"))
        engine.set_layer(B, Mid("1"), 1, paused=False, rank=1)
        engine.member(1, "a1", "PA_a", A, B, can_publish_data=True, hidden=False)
        engine.send((A,), b"", reliable=False)
        with pytest.raises(EngineFailed):
            await engine.last_sequence(A)
        engine.close(A)
        assert engine.stats().get("transports", 0) == 0
        await engine.shutdown()

    async def offer(self, engine, transport=B):
        await engine.create(transport, "talk")
        return (await engine.make_offer(transport, (VOICE,), (), channels=True)).sdp
