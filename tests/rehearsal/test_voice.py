"""A seat's voice and picture."""

from __future__ import annotations

import numpy as np
import pytest

from visavis.rehearsal.voice import (
    HEIGHT,
    WIDTH,
    Picture,
    dominant_hz,
    latency_ms,
    read_stamp,
    seat_hz,
    tone,
)


@pytest.mark.parametrize("seat", range(6))
def test_a_listener_tells_the_seats_apart(seat: int) -> None:
    """The strongest frequency of a seat's voice is its own, to within what Opus and a short stretch allow."""
    heard = dominant_hz(tone(seat_hz(seat), 12_345, 4800))
    assert heard == pytest.approx(seat_hz(seat), abs=12)
    assert all(abs(heard - seat_hz(other)) > 100 for other in range(6) if other != seat)


def test_silence_has_no_frequency() -> None:
    """Who does not speak is not heard."""
    assert dominant_hz(tone(440.0, 0, 4800, speaking=False)) == 0.0


@pytest.mark.parametrize("stamp", [0, 1, 0xABCDEF, (1 << 24) - 1, 1_638_889_200_123])
def test_the_clock_is_read_off_the_picture(stamp: int) -> None:
    """A frame's stamp is the sender's clock modulo 2^24 ms, also when the picture came smaller."""
    frame = Picture("Principal\nof side A", (36, 63, 92)).frame(3, stamp)
    luma = np.frombuffer(frame, np.uint8).reshape(HEIGHT, WIDTH, 4)[..., 1]
    assert read_stamp(luma) == stamp % (1 << 24)
    assert read_stamp(luma[::2, ::2]) == stamp % (1 << 24)


def test_a_picture_without_a_clock_has_none() -> None:
    """Grey, black or torn blocks give no latency rather than a wrong one."""
    grey = np.full((HEIGHT, WIDTH), 128, np.uint8)
    assert read_stamp(grey) is None
    assert read_stamp(np.zeros((HEIGHT, WIDTH), np.uint8)) is None
    assert read_stamp(np.zeros((1, 1), np.uint8)) is None


def test_latency_bears_the_wrap() -> None:
    """The clock may wrap between sending and seeing."""
    assert latency_ms((1 << 24) - 5, (1 << 24) + 35) == 40


def test_the_picture_moves() -> None:
    """Two frames differ, or an encoder would send nothing."""
    picture = Picture("Adviser of side B", (107, 70, 40))
    assert picture.frame(0, 7) != picture.frame(1, 7)
