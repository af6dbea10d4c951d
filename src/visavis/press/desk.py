"""Readers' comments, which are no acts: held until somebody of the release's own side has read them.

Lives here: `Desk`, its limits. Not here: what is kept (`ports`, `store`), pages (`web`). Spec: docs/spec/http.md §6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import anyio

from visavis.dialogue.commands import Fresh
from visavis.press.errors import CommentRefused, NoSuchRelease
from visavis.press.ports import Comment, Comments, CommentState

MAX_HELD = 500
"""Comments that may wait for one side's desk; more are refused until some are read."""
COMMENT_LIMIT = 2000
NAME_LIMIT = 80


class Desk:
    """Readers' comments: held until a person of the release's own side has read them."""

    def __init__(self, comments: Comments, clock: Callable[[], datetime], fresh: Fresh) -> None:
        self._comments = comments
        self._clock = clock
        self._fresh = fresh
        self._leaving = anyio.Lock()

    async def leave(self, dialogue: str, side: str, release: str, *, name: str, text: str) -> Comment:
        """Keep a reader's comment for moderation; the caller has checked that the release is public.

        name: empty for "a reader". The same words under the same name are held once, however often they are sent.
        Raises `CommentRefused`; then nothing is kept.
        """
        name, text = " ".join(name.split()), text.replace("\r\n", "\n").strip()
        if not text:
            raise CommentRefused("a comment needs words", field="text")
        if len(text) > COMMENT_LIMIT:
            raise CommentRefused(
                "a comment has at most %(limit)s characters; this one has %(given)s",
                field="text",
                limit=COMMENT_LIMIT,
                given=len(text),
            )
        if len(name) > NAME_LIMIT:
            raise CommentRefused("a name has at most %(limit)s characters", field="name", limit=NAME_LIMIT)
        if any(not (c.isprintable() or c in "\n\t") for c in name + text if c not in "\u200c\u200d"):
            raise CommentRefused("a comment holds words, no control characters", field="text")
        async with self._leaving:
            for held in await self._comments.of(dialogue, side, release, CommentState.HELD):
                if (held.name, held.text) == (name, text):
                    return held
            if await self._comments.count_held(dialogue, side) >= MAX_HELD:
                raise CommentRefused("the desk has too many comments to read; please come back later")
            comment = Comment(self._fresh.id(), dialogue, side, release, name, text, self._clock())
            await self._comments.add(comment)
            return comment

    async def decide(self, dialogue: str, side: str, comment: str, *, publish: bool) -> Comment:
        """Publish a comment, or refuse it. side: the asker's; only the release's own side decides.

        Raises `NoSuchRelease` for a comment of the other side's newsroom, as for none at all.
        """
        found = await self._comments.get(dialogue, comment)
        if found is None or found.side != side:
            raise NoSuchRelease("there is no such comment")
        state = CommentState.PUBLISHED if publish else CommentState.REFUSED
        await self._comments.set_state(dialogue, comment, state)
        return Comment(
            found.id, found.dialogue, found.side, found.release, found.name, found.text, found.at, state
        )

    async def published(self, dialogue: str, side: str, release: str) -> Sequence[Comment]:
        """What readers see under a release, oldest first."""
        return await self._comments.of(dialogue, side, release, CommentState.PUBLISHED)

    async def held(self, dialogue: str, side: str) -> Sequence[Comment]:
        """What waits for this side's desk, oldest first."""
        return await self._comments.held(dialogue, side)
