"""Two delegates who sign at once, neither having heard of the other. For tests.

Lives here: `at_once`. Not here: what comes of it (`talks.crossing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from visavis.rehearsal.delegate import Delegate

Asked = tuple[Delegate, str, Mapping[str, Any]]
"""Who, which command, its fields."""


async def at_once(*asked: Asked) -> None:
    """Everybody drafts before anybody's act is entered."""
    drafts = []
    for who, command, fields in asked:
        path = f"/api/dialogues/{who.dialogue}/drafts"
        drafts.append((who, await who.post(path, {"command": command, "fields": dict(fields)}), command))
    for who, draft, command in drafts:
        proof = who.signer.prove(who.check(draft, command).challenge()).to_json()
        path = f"/api/dialogues/{who.dialogue}/entries"
        await who.post(path, {"draft": draft["draft"], "proof": proof})


async def cross_agendas(one: Delegate, other: Delegate, talk: str, items: list[str]) -> None:
    """Each side tables and seals another agenda of those items: one all, the other all but the last, turned round."""
    tail = {"talk": talk, "press_call": "if-necessary", "statement": "not-expected"}
    await at_once(
        (one, "talks.offer-agenda", tail | {"items": items}),
        (other, "talks.offer-agenda", tail | {"items": items[-2::-1], "statement": "expected"}),
    )
