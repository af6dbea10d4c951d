"""Bad networks: what a subscriber behind one still sees and hears of a call on our engine.

A line of `bench/networks`, in network namespaces; real clients at both its ends. How well, and how livekit-server does:
`bench/network.py`.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest
from bench.networks.link import CLEAN, Conditions
from bench.networks.namespaces import why_impossible
from bench.networks.scenarios import CUT_S, behind, staged
from bench.networks.seat import HEIGHT

pytestmark = pytest.mark.media

LIMIT_S = 120.0
"""Until when something must have happened that takes a second or twenty."""

NEAR = Conditions(delay_s=0.02)
PICTURES, SOUND = 60, 400
"""Four seconds of either."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Our engine and a publisher, in a namespace."""
    if why := why_impossible():
        if os.environ.get("VISAVIS_WITHOUT_NAMESPACES"):
            pytest.skip(why)
        pytest.fail(f"{why} (VISAVIS_WITHOUT_NAMESPACES=1 skips)")
    folder = tmp_path_factory.mktemp("network")
    # A busy machine must not look like a bad line: picture and sound go before other work, as root may have it.
    with staged("ours", folder, realtime=True) as found:
        yield found
    told = (folder / "ours.log").read_text(errors="replace")
    assert "Traceback" not in told, told[told.index("Traceback") :][:3000]


@pytest.fixture
def call(stage, request):
    """A line from the server, and a subscriber at its end who gets everything at its best."""
    number = 1 + request.session.items.index(request.node) % 250
    with behind(stage, number, "1") as (line, subscriber):
        found = Call(line, subscriber, f"subscriber-{number}", stage.publisher)
        line.both(NEAR)
        found.until(lambda seen: seen["lines"] == HEIGHT and seen["sound"] > 50, "everything at its best")
        yield found


class Call:
    """A subscriber behind a line, and waiting for what comes to it."""

    def __init__(self, line, subscriber, name, publisher):
        self.line, self.subscriber, self.name, self.publisher = line, subscriber, name, publisher

    def until(self, holds, what):
        """Wait until something holds of what the subscriber has; it."""
        end = time.monotonic() + LIMIT_S
        while not holds(seen := self.subscriber.ask("look")):
            if time.monotonic() > end:
                pytest.fail(f"not within {LIMIT_S:.0f} s: {what}: {seen}, {self.line.wire.set()}")
            time.sleep(0.05)
        return seen

    def until_number(self, number):
        """Wait until this number of each has come to the other; what came to both."""

        def both(_):
            came = self.subscriber.ask("data").get("publisher"), self.publisher.ask("data").get(self.name)
            return all(came) and all(each[-1] >= number for each in came)

        self.until(both, f"number {number} at both")
        return self.subscriber.ask("data")["publisher"], self.publisher.ask("data")[self.name]

    def more(self, pictures=0, sound=0):
        """Wait until so many more pictures, and pieces of sound, have come."""
        before = self.subscriber.ask("look")
        return self.until(
            lambda seen: (
                seen["pictures"] >= before["pictures"] + pictures and seen["sound"] >= before["sound"] + sound
            ),
            f"{pictures} more pictures and {sound} more pieces of sound than {before}",
        )

    def quiet(self):
        """Wait until for a second neither a picture nor sound has come."""
        last, since = None, time.monotonic()

        def nothing(seen):
            nonlocal last, since
            now = (seen["pictures"], seen["sound"])
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > 1

        self.until(nothing, "nothing comes")


def test_picture_and_sound_go_on_where_one_in_twenty_packets_is_lost(call):
    """At 5 % loss each way pictures and sound keep coming."""
    call.line.both(replace(NEAR, loss=0.05))
    call.more(PICTURES, SOUND)
    assert call.line.wire.set()["far"]["lost"] > 0


def test_sound_goes_on_where_one_in_ten_packets_is_lost(call):
    """At 10 % loss each way, on a line that is late and jitters besides, sound and some picture keep coming."""
    call.line.both(Conditions(delay_s=0.05, jitter_s=0.05, reorder=0.02, loss=0.10))
    call.more(PICTURES // 2, SOUND)


def test_a_line_that_narrows_gets_the_layer_that_it_bears(call):
    """At 300 kbit/s the picture becomes small and goes on; when the line is wide again, it becomes large again."""
    call.line.wire.set(far=replace(NEAR, rate=300_000))
    call.until(lambda seen: seen["lines"] < HEIGHT, "a smaller layer")
    call.more(PICTURES, SOUND)
    assert call.line.wire.set()["far"]["dropped"] > 0
    call.line.both(NEAR)
    call.until(lambda seen: seen["lines"] == HEIGHT, "the large layer again")


def test_a_cut_of_ten_seconds_is_survived(call):
    """Nothing comes meanwhile; then picture and sound come again."""
    call.line.both(Conditions(cut=True))
    begun = time.monotonic()
    call.quiet()
    time.sleep(max(0.0, begun + CUT_S - time.monotonic()))  # the cut itself
    call.line.both(NEAR)
    call.more(PICTURES, SOUND)


def test_a_new_address_is_survived(call):
    """The client's old address is gone at once; by its new one it gets picture and sound again."""
    call.line.move()
    call.quiet()
    call.more(PICTURES, SOUND)


@pytest.mark.parametrize("event", ["cut", "move"])
def test_reliable_data_comes_once_and_in_order(call, event):
    """While a line is cut for ten seconds, or its client's address changes, reliable data goes on, both ways."""
    for each in (call.subscriber, call.publisher):
        each.ask("count", **{"from": 0, "to": 600})
    call.until_number(20)
    if event == "cut":
        call.line.both(Conditions(cut=True))
        begun = time.monotonic()
        call.quiet()
        time.sleep(max(0.0, begun + CUT_S - time.monotonic()))  # the cut itself
        call.line.both(NEAR)
    else:
        call.line.move()
    for came in call.until_number(599):
        assert came == list(range(600))


def test_a_clean_line_asks_for_no_repair(call):
    """Where nothing is lost, nobody asks for anything again: what the other tests see comes of their lines."""
    call.line.both(CLEAN)
    before = call.subscriber.ask("statistics")
    call.more(PICTURES, SOUND)
    after = call.subscriber.ask("statistics")
    assert after["nacks"] == before["nacks"] and after["plis"] == before["plis"]
