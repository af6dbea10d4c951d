"""Errors of papers: what is refused, and why. Each has a code of its own, for which a page has words.

Lives here: refusals by name. Not here: HTTP (`web/errors.py`), words for people (`web`).
"""

from __future__ import annotations

from visavis.errors import Malformed, Refused


class UnfitPaper(Malformed):
    """The file is none that a paper may be."""

    code = "paper-type"


class EmptyPaper(UnfitPaper):
    """The file has no byte, or there is none."""

    code = "paper-empty"


class ActivePaper(UnfitPaper):
    """SVG, HTML or XML: a file that a browser would run in its reader's name."""

    code = "paper-active"


class HugePicture(UnfitPaper):
    """A picture of more points than a reader's browser should be made to open, or one whose size cannot be read."""

    code = "paper-picture"


class PaperTooLarge(UnfitPaper):
    """The file is larger than whoever runs the node allows."""

    code = "paper-too-large"


class PapersFull(Refused):
    """The side has laid as many papers, or as many bytes, as whoever runs the node allows it."""

    code = "papers-full"
