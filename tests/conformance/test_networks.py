"""Networks that let only some of the media's ways through: LiveKit's unmodified clients find the one that is left.

Lives here: the engine with one way open each, and the same calls over each of them.
Not here: what else clients do in a call (`test_call`, `test_browser`); every way in virtual time (`crates/sfu`).
"""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from tests.conformance.peers import meet_and_resume
from tests.conformance.servers import engine_running
from tests.conformance.test_browser import address, browse, chromium

from visavis.rtc.engines.embedded import found_interfaces

pytestmark = [pytest.mark.anyio, pytest.mark.media]

__all__ = ["address", "browse", "chromium"]


def own(version):
    """An address of this machine that others could reach; None: it has none of this kind."""
    found = (ip_address(text) for _, text in found_interfaces())
    return next(
        (str(ip) for ip in found if ip.version == version and not (ip.is_loopback or ip.is_link_local)), None
    )


WAYS = {
    "tcp": lambda: ["--no-udp"],
    "ipv6": lambda: ["--call-host", own(6)],
    "tcp-ipv6": lambda: ["--no-udp", "--call-host", own(6)],
    "interfaces": lambda: ["--call-host", "::"],
}


@pytest.fixture(params=WAYS, scope="module")
def server(request, tmp_path_factory):
    """The engine, reached in one way alone."""
    options = [*WAYS[request.param](), "--media-threads", "2"]
    if None in options:
        pytest.skip("this machine has no address of that kind")
    with engine_running(tmp_path_factory.mktemp("engine"), *options) as running:
        yield running


async def test_sdk(meet):
    """Two clients see and hear each other, and still do after one has resumed."""
    async with meet() as join:
        a, b = await join("a1"), await join("b1")
        await meet_and_resume(a, b)
        assert not b.events("participant_disconnected")


@pytest.mark.browser
async def test_browser(browse):
    """Two participants in a browser see and hear each other, and still do after one has resumed."""
    async with browse() as page:
        sid = await page.join("a1")
        await page.join("b1")
        await page.do("publish", "a1")
        await page.do("publish", "b1")
        for name in ("a1", "b1"):
            await page.sees(name)
            await page.hears(name)
        await page.do("simulate", "a1", "signal-reconnect")
        await page.told("a1", "reconnected")
        assert await page.do("me", "a1") == sid
        for name in ("a1", "b1"):
            await page.sees(name)
            await page.hears(name)
