"""The same tests against our engine and LiveKit's own server.

Lives here: the fixtures `server` (both in turn), `engine` and `livekit` (one each, one process a session), `meet`.
Not here: how they are started (`servers`), what clients do (`peers`).
"""

from __future__ import annotations

import contextlib
import uuid

import anyio
import pytest
from tests.conformance.peers import Peer
from tests.conformance.servers import livekit_running, sound_engine


@pytest.fixture(scope="module")
def anyio_backend():
    """One loop for all tests of a module that share a browser."""
    return "asyncio"


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """`visavis engine --dev` with two media threads, which breaks nowhere meanwhile."""
    with sound_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="session")
def livekit(tmp_path_factory):
    """livekit-server."""
    with livekit_running(tmp_path_factory.mktemp("livekit")) as running:
        yield running


@pytest.fixture(params=["engine", "livekit"], scope="session")
def server(request):
    """Each of the two: what a test says holds on both."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def room():
    """A name of a room that no other test has."""
    return f"room-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def meet(server, room):
    """`async with meet() as join`, then `await join("a1", …)`; all have left at the end, whatever happened."""

    @contextlib.asynccontextmanager
    async def open_table():
        peers, failed = [], None
        async with anyio.create_task_group() as tasks:

            async def join(identity, *, options=None, room=room, **token):
                peer = Peer(identity, tasks)
                peers.append(peer)
                await peer.connect(server, room, options, **token)
                return peer

            try:
                yield join
            except BaseException as e:  # noqa: BLE001 - raised below, as itself and not in the task group's wrapping
                failed = e
            for peer in peers:
                await peer.leave()
            tasks.cancel_scope.cancel()
        if failed is not None:
            raise failed

    return open_table
