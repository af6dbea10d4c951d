"""What a line does to packets, in virtual time and between real namespaces; what is made of what came through."""

from __future__ import annotations

import json
import os
import socket

import pytest
from bench.engines.figures import spread
from bench.networks.figures import FREEZE_S, Saw, Window, back_after, figures, gaps, summary, table
from bench.networks.link import CLEAN, Conditions, Path
from bench.networks.namespaces import Namespace, why_impossible
from bench.networks.wire import line
from hypothesis import given
from hypothesis import strategies as st

Crossing = tuple[float, bytes]


def cross(path: Path, entering: list[Crossing]) -> list[Crossing]:
    """All packets of a path that enter at these times, with the times at which they come out."""
    out: list[Crossing] = []
    for at, packet in entering:
        out += path.due(at)
        path.enter(packet, at)
    while (soonest := path.next_at) is not None:
        out += path.due(soonest)
    return out


def steady(count: int, each_s: float = 0.01, size: int = 1000) -> list[Crossing]:
    """Packets of one size at one pace, each with its number."""
    return [(n * each_s, n.to_bytes(4, "big") + bytes(size - 4)) for n in range(count)]


def numbers(crossed: list[Crossing]) -> list[int]:
    """The packets' numbers."""
    return [int.from_bytes(packet[:4], "big") for _, packet in crossed]


def test_a_clean_path_changes_nothing() -> None:
    """Every packet comes out as it went in, at once."""
    sent = steady(100)
    assert cross(Path("1"), sent) == sent


def test_delay_moves_every_packet() -> None:
    """Each packet comes out a fifth of a second later, and not before."""
    path = Path("1", Conditions(delay_s=0.2))
    path.enter(b"a", 1.0)
    assert path.next_at == pytest.approx(1.2)
    assert path.due(1.19) == [] and path.due(1.21) == [(pytest.approx(1.2), b"a")]


def test_a_share_is_lost_by_chance() -> None:
    """Of ten thousand packets a tenth is lost, and no more is counted than came in."""
    path = Path("1", Conditions(loss=0.1))
    out = cross(path, steady(10_000))
    assert 900 < path.counts.lost < 1100
    assert path.counts.lost + len(out) == path.counts.entered == 10_000


def test_a_seed_decides_all_chance() -> None:
    """The same seed loses the same packets; another one others; a jitter changes nothing about who is lost."""
    lossy, shaken = Conditions(loss=0.1), Conditions(loss=0.1, jitter_s=0.05)
    first = numbers(cross(Path("1", lossy), steady(500)))
    assert first == numbers(cross(Path("1", lossy), steady(500)))
    assert first == numbers(cross(Path("1", shaken), steady(500)))
    assert first != numbers(cross(Path("2", lossy), steady(500)))


def test_jitter_keeps_the_order_and_its_bound() -> None:
    """Packets come out in order, none earlier than the delay, none later than delay and jitter."""
    sent = steady(1000)
    out = cross(Path("1", Conditions(delay_s=0.1, jitter_s=0.08)), sent)
    assert numbers(out) == list(range(1000))
    took = [after - before for (after, _), (before, _) in zip(out, sent, strict=True)]
    assert min(took) >= 0.1 and max(took) <= 0.18 + 1e-9 and max(took) - min(took) > 0.06


def test_who_is_held_back_is_overtaken() -> None:
    """A twentieth comes late by the time it was held; the others keep their order."""
    path = Path("1", Conditions(reorder=0.05, held_s=0.03))
    out = cross(path, steady(2000))
    found = numbers(out)
    assert sorted(found) == list(range(2000)) and found != sorted(found)
    late = {n for (at, _), n in zip(out, found, strict=True) if at > n * 0.01 + 0.02}
    assert len(late) == path.counts.held and 60 < len(late) < 140
    assert [n for n in found if n not in late] == [n for n in range(2000) if n not in late]


def test_a_bottleneck_lets_its_rate_through_and_drops_what_finds_no_room() -> None:
    """800 kbit/s into 400: half gets through; nobody waits longer than a full queue takes; counts add up."""
    path = Path("1", Conditions(rate=400_000, queue_bytes=20_000))
    sent = steady(3000)
    out = cross(path, sent)
    carried = path.counts.delivered_bytes * 8 / (out[-1][0] - out[0][0])
    assert carried == pytest.approx(400_000, rel=0.01)
    assert path.counts.dropped + path.counts.delivered == 3000
    longest = max(at - n * 0.01 for (at, _), n in zip(out, numbers(out), strict=True))
    assert 0.35 < longest <= 0.4 + 1e-9


def test_a_cut_loses_what_enters_and_nothing_that_is_under_way() -> None:
    """A packet that went in before the cut comes out; the next one only after it."""
    path = Path("1", Conditions(delay_s=0.1))
    path.enter(b"before", 0.0)
    path.conditions = Conditions(cut=True)
    path.enter(b"in", 0.05)
    assert [p for _, p in path.due(0.2)] == [b"before"]
    path.conditions = CLEAN
    path.enter(b"after", 0.3)
    assert [p for _, p in path.due(0.3)] == [b"after"]
    assert path.counts.cut == 1


conditions = st.builds(
    Conditions,
    cut=st.booleans(),
    loss=st.sampled_from([0.0, 0.3, 1.0]),
    delay_s=st.floats(0, 0.5),
    jitter_s=st.floats(0, 0.3),
    reorder=st.sampled_from([0.0, 0.2]),
    rate=st.none() | st.floats(10_000, 10_000_000),
    queue_bytes=st.integers(100, 50_000),
)


@given(st.lists(st.tuples(st.floats(0, 0.1), st.integers(4, 1500), st.none() | conditions), max_size=60))
def test_nothing_is_made_up_and_no_time_goes_back(
    course: list[tuple[float, int, Conditions | None]],
) -> None:
    """Whatever changes between packets: each comes out once at most, unchanged, not before it went in, in order of
    time, and every packet is in one count."""
    path, now, sent, out = Path("1"), 0.0, {}, []
    for n, (pause, size, changed) in enumerate(course):
        now += pause
        path.conditions = changed or path.conditions
        sent[n] = (now, n.to_bytes(4, "big") + bytes(size - 4))
        out += path.due(now)
        path.enter(sent[n][1], now)
    while (soonest := path.next_at) is not None:
        out += path.due(soonest)
    found = numbers(out)
    assert len(set(found)) == len(found)
    assert all(packet == sent[n][1] and at >= sent[n][0] for n, (at, packet) in zip(found, out, strict=True))
    c = path.counts
    assert c.entered == len(course) == c.cut + c.lost + c.dropped + c.delivered
    assert [at for at, _ in out] == sorted(at for at, _ in out)


# What a subscriber saw.


def test_a_stretch_without_anything_is_a_gap_also_at_the_ends() -> None:
    """Between two pictures, before the first and after the last; what lies outside the window is not seen."""
    assert gaps([0.5, 1.0, 1.1, 2.0], 0.9, 3.0, 0.5) == [(1.1, 2.0), (2.0, 3.0)]
    assert gaps([], 1.0, 3.0, 0.5) == [(1.0, 3.0)]
    assert gaps([1.0, 1.5], 1.0, 2.0, 0.5) == []


def test_back_is_who_stays() -> None:
    """A picture that comes alone is none; what never stopped is back at once; what does not stay is not back."""
    flows = [10 + n / 10 for n in range(20)]
    assert back_after([5.0, *flows], 4.0, 20.0, 0.2) == pytest.approx(6.0)
    assert back_after(flows, 9.9, 20.0, 0.2) == 0.0
    assert back_after(flows[:5], 9.0, 20.0, 0.2) is None
    assert back_after([], 9.0, 20.0, 0.2) is None


def test_figures_are_of_the_window_and_of_what_was_new() -> None:
    """Ten seconds at ten pictures a second with one hole of a second; counters that began anew count from nothing."""
    times = [n / 10 for n in range(-20, 120) if not 30 < n < 40]
    saw = Saw([(at, 0.05, 180 if at < 5 else 540) for at in times], [n / 100 for n in range(1300)])
    found = figures(
        saw,
        Window(0.0, 10.0, after=2.95),
        {"concealed_samples": 48_000, "bytes": 5000, "nacks": 7},
        {"concealed_samples": 96_000, "bytes": 1250, "nacks": 9},
    )
    assert found["pictures"] == pytest.approx(9.2) and found["freezes"] == 1
    assert found["frozen_s"] == pytest.approx(1.0) and found["longest_s"] == pytest.approx(1.0)
    assert 180 < found["lines"] < 540 and found["age_ms"] == pytest.approx(50)
    assert found["gaps"] == 0 and found["silent_s"] == 0
    assert found["concealed_s"] == 1.0 and found["kbps"] == 1.0 and found["nacks"] == 2
    assert found["picture_back_s"] == pytest.approx(1.05) and found["sound_back_s"] == 0.0


def test_a_picture_from_before_does_not_show_that_pictures_come_again() -> None:
    """What was taken before the line was whole is old, however late it comes."""
    old = [(5 + n / 15, 1 + n / 15, 180) for n in range(30)]
    new = [(8 + n / 15, 0.05, 180) for n in range(30)]
    found = figures(Saw([*old, *new], []), Window(0.0, 20.0, after=5.0), {}, {})
    assert found["picture_back_s"] == pytest.approx(3.0, abs=0.1)
    assert found["sound_back_s"] is None


def test_a_figure_that_is_missing_is_counted() -> None:
    """A median is of the runs that have the figure; the table says in how many it is not."""
    found = summary([{"picture_back_s": 1.0}, {"picture_back_s": None}, {"picture_back_s": 3.0}])
    assert found["picture_back_s"] == {**(spread([1.0, 3.0]) or {}), "missing": 1}
    text = table({"cut": {"ours": found, "theirs": summary([{"picture_back_s": None}])}})
    assert "2.0 (1.5–2.5) (1 never)" in text and "(1 never)" in text.splitlines()[-1]
    json.dumps(found)


def test_a_freeze_is_webrtcs_own() -> None:
    """At fifteen pictures a second: a picture and 150 ms more."""
    assert pytest.approx(1 / 15 + 0.15) == FREEZE_S


# Between real namespaces.


@pytest.fixture
def near():
    """A namespace with the server's address."""
    if why := why_impossible():
        if os.environ.get("VISAVIS_WITHOUT_NAMESPACES"):
            pytest.skip(why)
        pytest.fail(f"{why} (VISAVIS_WITHOUT_NAMESPACES=1 skips)")
    with Namespace() as found:
        file = found.device("eth0", "10.77.0.1/24")
        yield found
        os.close(file)


def udp(address: str) -> socket.socket:
    """A socket at an address."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        found.bind((address, 0))
    except OSError:
        found.close()
        raise
    found.settimeout(10)
    return found


def test_a_line_joins_two_namespaces_that_nothing_else_joins(near: Namespace) -> None:
    """A datagram arrives at the far end and its answer at the near one; this machine itself reaches neither."""
    with line(near, 1, "1") as found:
        with near.within(udp, "10.77.0.1") as a, found.far.within(udp, found.address) as b:
            a.sendto(b"there", b.getsockname())
            assert b.recvfrom(100) == (b"there", a.getsockname())
            b.sendto(b"back", a.getsockname())
            assert a.recvfrom(100) == (b"back", b.getsockname())
        with pytest.raises(OSError, match="assign"):
            udp(found.address)  # nobody here has it


def test_each_direction_has_its_own_conditions_which_change_while_it_runs(near: Namespace) -> None:
    """Toward one end everything is lost and back everything arrives; then the line is whole, and all is counted."""
    with (
        line(near, 1, "1") as found,
        near.within(udp, "10.77.0.1") as a,
        found.far.within(udp, found.address) as b,
    ):
        found.wire.set(far=Conditions(loss=1.0))
        for n in range(20):
            a.sendto(b"lost", b.getsockname())
            b.sendto(bytes([n]), a.getsockname())
        assert [a.recv(100)[0] for _ in range(20)] == list(range(20))
        assert found.both(CLEAN)["far"]["lost"] == 20
        a.sendto(b"whole", b.getsockname())
        assert b.recv(100) == b"whole"
        counted = found.wire.set()
        assert counted["near"]["delivered"] == 20 and counted["far"]["delivered"] == 1


def test_an_address_moves_and_the_old_one_is_gone(near: Namespace) -> None:
    """After the move the old socket's packets come from nowhere, and a new socket is reached at the new address."""
    with line(near, 1, "1") as found, near.within(udp, "10.77.0.1") as a:
        old = found.address
        with found.far.within(udp, old) as b:
            found.move()
            assert found.address != old
            with pytest.raises(OSError):
                b.sendto(b"from nowhere", a.getsockname())
        with found.far.within(udp, found.address) as c:
            c.sendto(b"moved", a.getsockname())
            assert a.recvfrom(100) == (b"moved", c.getsockname())


def test_two_lines_at_one_server_do_not_meet(near: Namespace) -> None:
    """What is lost on one line is not lost on its neighbour."""
    with line(near, 1, "1") as one, line(near, 2, "1") as two:
        one.both(Conditions(cut=True))
        with near.within(udp, "10.77.0.1") as a, two.far.within(udp, two.address) as b:
            a.sendto(b"there", b.getsockname())
            assert b.recv(100) == b"there"
        assert one.wire.set()["far"]["delivered"] == 0


def test_nothing_is_left_when_a_line_ends(near: Namespace) -> None:
    """The device goes with its file, the program with its input, the namespace with its keeper."""
    with line(near, 1, "1"):
        assert "link1" in near.within(devices)
    assert near.within(devices) == {"lo", "eth0"}


def devices() -> set[str]:
    """The network devices where this thread is."""
    return {name for _, name in socket.if_nameindex()}
