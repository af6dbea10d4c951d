"""What is compressed, and what never is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from tests.flows.stage import found_dialogue, running_node
from tests.web.hostile import Ask, ask

from visavis.access import COOKIE
from visavis.web.app import create_app
from visavis.web.compression import takes_gzip
from visavis.web.context import static

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(said: str, taken: bool) -> None:
    """Named and not refused."""
    assert takes_gzip(Headers({"accept-encoding": said})) is taken


async def test_only_what_everybody_may_read_is_compressed(tmp_path: Path) -> None:
    """Files and the newsroom come compressed, the same inside, and are known again; a delegate's pages never do."""
    async with running_node(tmp_path) as stage:
        one, _ = await found_dialogue(stage)
        app = create_app(stage.node)
        host = (b"host", stage.url.removeprefix("http://").encode())

        async def get(path: str, *headers: tuple[bytes, bytes]):  # type: ignore[no-untyped-def]  # Got
            raw, _, query = path.partition("?")
            return await ask(app, Ask("GET", raw.encode(), query.encode(), [host, *headers]))

        packed = (b"accept-encoding", b"br, gzip")
        for path in (static("css/visavis.css"), f"/newsroom/{one.side}", f"/newsroom/{one.side}/feed.atom"):
            plain, small = await get(path), await get(path, packed)
            assert plain.header("content-encoding") == ""
            assert small.header("content-encoding") == "gzip"
            assert gzip.decompress(small.body) == plain.body
            assert len(small.body) == int(small.header("content-length")) < len(plain.body)
            assert small.header("etag") == "W/" + plain.header("etag")
            for got in (plain, small):
                assert "Accept-Encoding" in got.header("vary")
                again = await get(path, packed, (b"if-none-match", got.header("etag").encode()))
                assert (again.status, again.body) == (304, b"")
        cookie = (b"cookie", f"{COOKIE}={one.token}".encode())
        at = f"/d/{one.dialogue}"
        for path in ("/", at, f"{at}/record", "/quotes", f"/api{at.replace('/d/', '/dialogues/')}"):
            got = await get(path, packed, cookie)
            assert (got.status, got.header("content-encoding")) == (200, ""), path
