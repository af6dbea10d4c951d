"""The figure of a seal's half, drawn from the hash that it seals. Pure.

Lives here: `half`, the strokes of one half of a double seal.
Not here: the words beside it and the markup (`templates/macros.html`), what is sealed (the slices' views).

A seal is cut in two like a chirograph: each half's rings follow from the hash of the text that its side sealed, so
the halves meet ring for ring only when both sealed the same text. It is a picture, not the proof.

    0        100
    .--------|   the spine is at x = 100; one half lies in 100 × 200,
    |  ))))) |   as the start half; the page mirrors the other.
    '--------|
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

State = Literal["empty", "pending", "sealed"]

FIGURES: Mapping[str, State] = {
    "empty": "empty",
    "pending": "pending",
    "sealed": "sealed",
    "withdrawing": "sealed",
    "withdrawn": "empty",
    "declined": "empty",
    "fallen": "empty",
}
"""Which figure shows a half in each `dialogue.chair.SealState`; the words beside it say the rest."""

_WIDTHS = (1.0, 1.0, 1.6, 3.4, 6.0)


@dataclass(frozen=True, slots=True)
class Stroke:
    """One half ring. path: SVG path data; width: of the stroke; dash: dash array, or None."""

    path: str
    width: float
    dash: str | None = None


def _arc(radius: float, width: float, dash: str | None = None) -> Stroke:
    r = round(radius, 1)
    return Stroke(f"M100 {100 - r:g}A{r:g} {r:g} 0 0 0 100 {100 + r:g}", width, dash)


def _rings(digest: bytes) -> list[Stroke]:
    strokes: list[Stroke] = []
    radius = 84.0
    for byte in digest[:16]:
        if radius <= 16:
            break
        width = _WIDTHS[byte % 5]
        strokes.append(_arc(radius - width / 2, width))
        radius -= width + 2.6 + (byte >> 5) * 0.85
    return strokes


def half(state: State, text_hash: str | None = None, *, small: bool = False) -> tuple[Stroke, ...]:
    """The strokes of one half.

    text_hash: what was sealed, as text; needed when `state` is "sealed". small: for rows, few bold rings.
    Raises ValueError for a sealed half without a hash: such a seal would say nothing.
    """
    if state == "empty":
        return (_arc(94, 6, "14 14"),) if small else (_arc(97, 1.6, "4 6"),)
    if state == "pending":
        if small:
            return (_arc(94, 7),)
        return (_arc(97, 1.6), *(_arc(r, 1, "1 5") for r in range(84, 23, -12)))
    if text_hash is None:
        raise ValueError("a sealed half needs the hash that it seals")
    digest = sha256(text_hash.encode()).digest()
    if small:
        rings = [
            _arc(radius + (digest[i] % 3) * 5 - 5, width + (digest[i + 4] % 2) * 4)
            for i, (radius, width) in enumerate(((70, 10), (52, 8), (34, 10)))
        ]
        return (_arc(92, 12), *rings)
    milled, rim, heart = _arc(93, 9, "1.9 2.15"), _arc(86.5, 1.4), _arc(4.5, 9)
    return (milled, rim, *_rings(digest), heart)
