"""A seat's synthetic voice and moving picture, and what a listener reads off them. Pure.

Lives here: `tone`, `dominant_hz`, `Picture`, `read_stamp`.
Not here: carrying them (`seat`).

Every seat has a tone of its own, so that a listener knows whom it hears; every picture carries the sender's
clock as black and white blocks, so that a viewer on the same machine measures the latency of what it sees.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

RATE_HZ = 48_000
SYLLABLES_HZ = 4.0
"""Envelope of the voice: speech has three to five syllables a second; Opus treats a steady tone otherwise."""
AMPLITUDE = 0.3

WIDTH, HEIGHT = 320, 180
STAMP_BITS = 24
CHECK_BITS = 8
BLOCK = 10
"""Pixels of one block of the stamp: a VP8 macroblock is 16, and ten still reads true at 150 kbit/s."""

Samples = npt.NDArray[np.int16]
Luma = npt.NDArray[np.uint8]


def seat_hz(number: int) -> float:
    """The tone of seat `number` (0…): a sixth apart or more, so that none is another's harmonic neighbour."""
    return (330.0, 470.0, 640.0, 830.0, 1050.0, 1290.0)[number % 6]


def tone(hz: float, start: int, count: int, *, speaking: bool = True) -> Samples:
    """`count` mono samples from sample `start` on, 48 kHz, int16: the seat's voice, or silence."""
    if not speaking:
        return np.zeros(count, np.int16)
    t = (start + np.arange(count)) / RATE_HZ
    envelope = 0.6 + 0.4 * np.sin(2 * np.pi * SYLLABLES_HZ * t)
    return (AMPLITUDE * 32767 * envelope * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def dominant_hz(samples: Samples, rate_hz: int = RATE_HZ) -> float:
    """The strongest frequency of a stretch of sound; 0.0 for silence. At least 2048 samples are worth it."""
    values = samples.astype(np.float64)
    if values.size < 64 or np.sqrt(np.mean(values**2)) < 50:
        return 0.0
    spectrum = np.abs(np.fft.rfft(values * np.hanning(values.size)))
    return float(np.argmax(spectrum[1:]) + 1) * rate_hz / values.size


class Picture:
    """A seat's moving picture: its name, a bar that travels, the sender's clock in blocks.

    colour: RGB of the ground. Frames are RGBA, `WIDTH` × `HEIGHT`.
    """

    def __init__(self, name: str, colour: tuple[int, int, int]) -> None:
        image = Image.new("RGBA", (WIDTH, HEIGHT), (*colour, 255))
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(size=22)
        left, top, right, bottom = draw.multiline_textbbox((0, 0), name, font=font, align="center")
        at = ((WIDTH - right + left) / 2, (HEIGHT - bottom + top) / 2 - 8)
        draw.multiline_text(at, name, font=font, fill=(255, 255, 255, 255), align="center")
        self._ground = np.asarray(image, np.uint8)

    def frame(self, index: int, stamp_ms: int) -> bytes:
        """The frame number `index`, stamped with the sender's clock in milliseconds."""
        pixels = self._ground.copy()
        x = index * 4 % (WIDTH - 24)
        pixels[8:20, x : x + 24] = (255, 255, 255, 255)
        for bit, value in enumerate(_bits(stamp_ms)):
            pixels[HEIGHT - BLOCK :, bit * BLOCK : (bit + 1) * BLOCK, :3] = 255 if value else 0
        return pixels.tobytes()


def read_stamp(luma: Luma) -> int | None:
    """The clock in a received frame, milliseconds modulo 2^24; None if it cannot be read.

    luma: HEIGHT' × WIDTH' plane of any size; the blocks are looked for where scaling puts them.
    """
    height, width = luma.shape
    block_x, block_y = BLOCK * width / WIDTH, BLOCK * height / HEIGHT
    row = luma[int(height - 0.75 * block_y) : max(int(height - 0.25 * block_y), 1), :]
    if row.size == 0:
        return None
    bits = []
    for bit in range(STAMP_BITS + CHECK_BITS):
        middle = (bit + 0.5) * block_x
        part = row[:, int(middle - block_x / 4) : max(int(middle + block_x / 4), int(middle) + 1)]
        level = float(part.mean())
        if 96 < level < 160:
            return None
        bits.append(level >= 128)
    value = int("".join("1" if b else "0" for b in bits[:STAMP_BITS]), 2)
    return value if bits == _bits(value) else None


def latency_ms(stamp: int, now_ms: int) -> int:
    """How long ago the stamp was made, on the same clock; under 2^23 ms."""
    return (now_ms - stamp) % (1 << STAMP_BITS)


def _bits(stamp_ms: int) -> list[bool]:
    value = stamp_ms % (1 << STAMP_BITS)
    check = (value ^ value >> 8 ^ value >> 16) & 0xFF ^ 0xA5
    text = f"{value:0{STAMP_BITS}b}{check:0{CHECK_BITS}b}"
    return [c == "1" for c in text]
