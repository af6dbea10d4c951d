"""Errors of understandings: what the rules of the talks refuse, before anybody signs.

Lives here: refusals by name. Not here: void reasons of the record (`dialogue.verdicts`), HTTP (`web/errors.py`).
"""

from __future__ import annotations

from visavis.errors import Refused


class OneSidedGuarantee(Refused):
    """A guarantee that lays undertakings on one side alone, or on neither.

    details: bound (ids of the sides that it binds), unbound, kept ("draft"), ways (keys of the ways on).
    Source: rule book 2a §7.2; seed fact S5.
    """

    code = "one-sided-guarantee"

    ONE = (
        "This is a guarantee, and it binds one side alone. A guarantee cannot be one-sided: there are only mutual "
        "guarantees. Nothing was written to the log; your draft is kept. You can lay the same undertakings on both "
        "sides; write others for the side that has none, equal in weight; or make it an initiative, a request that "
        "binds nobody."
    )
    NEITHER = (
        "This is a guarantee, and it binds neither side. A guarantee cannot be one-sided: there are only mutual "
        "guarantees. Nothing was written to the log; your draft is kept. You can lay the same undertakings on both "
        "sides; or make it an initiative, a request that binds nobody."
    )

    WAYS = ("mirror", "write-own", "initiative")
    """Lay the same undertakings on both; write one's own, equal in weight; make it a request instead."""

    def __init__(self, bound: tuple[str, ...], unbound: tuple[str, ...]) -> None:
        super().__init__(
            self.ONE if bound else self.NEITHER,
            field="undertakings",
            bound=list(bound),
            unbound=list(unbound),
            kept="draft",
            ways=list(self.WAYS),
        )


class NoSuchUnderstanding(Refused):
    """No text of that id was tabled in this dialogue."""

    code = "no-such-understanding"


class NoSuchDivergence(Refused):
    """Neither side has noted a divergence of that id in that text."""

    code = "no-such-divergence"


class KindKept(Refused):
    """A successor keeps the kind of what it amends: no amendment turns a guarantee into less."""

    code = "kind-changed"


class NotInForce(Refused):
    """The understanding is not in force: it was not signed by both, or it ended."""

    code = "not-in-force"


class OpenBrackets(Refused):
    """The text has words in square brackets: they are not agreed, so nobody signs or initials it.

    details: places ("title", "clause-2", "undertaking-1"), ways (keys of the ways on).
    """

    code = "open-brackets"

    PHRASE = (
        "Words in square brackets are not agreed, and this text has some. Nothing was written to the log. Resolve them "
        "in a counter-proposal, and sign that."
    )

    WAYS = ("counter",)
    """Table a counter-proposal in which they are resolved."""

    def __init__(self, places: tuple[str, ...]) -> None:
        super().__init__(self.PHRASE, places=list(places), ways=list(self.WAYS))
