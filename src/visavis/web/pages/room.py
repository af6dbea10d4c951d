"""The room's page: two mirrored halves, the spine between them; before it, the lobby. The call itself is the bundle's.

Lives here: `/d/{d}/talks/{t}/room`, `Room`.
Not here: sound and picture (`client/src/call`), who is let in (`seating`), who waits (`visavis.lobby`).
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.access import load
from visavis.dialogue.commands import View
from visavis.lobby import Lobby
from visavis.node import Node
from visavis.talks.acts import SITTING
from visavis.talks.model import ItemView, TalkView
from visavis.web.context import page
from visavis.web.pages.talk import found, people


@dataclass(frozen=True, slots=True)
class Room:
    """How the room stands for one chair.

    sitting: number of the sitting that runs, or None. n: of the one that can be opened, or None.
    opened_ours, opened_theirs: who has opened that one. named: whether our delegation names the asker.
    ours, theirs: number (from 1) and item that each side has on the table, or None.
    lobby: (delegate, presence) of each side's delegation, ours first; presence: "" for who is not here. mark: of the
    lobby.
    """

    sitting: int | None
    n: int | None
    opened_ours: bool
    opened_theirs: bool
    named: bool
    items: tuple[tuple[int, ItemView], ...]
    ours: tuple[int, ItemView] | None
    theirs: tuple[int, ItemView] | None
    lobby: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = ((), ())
    mark: str = ""

    @property
    def common(self) -> tuple[int, ItemView] | None:
        """The item that both have on the table."""
        return self.ours if self.ours is not None and self.ours == self.theirs else None


def room_of(view: View, talk: TalkView, lobby: Lobby) -> Room:
    sides = (view.joint.sides[view.us].id, view.joint.sides[1 - view.us].id)
    sitting = view.joint.running(SITTING, talk.id)
    place = (view.joint.sides[0].dialogue, talk.id, sitting or 0)
    here = lobby.of(place)
    asked = next((s for s in talk.sittings if s.n == talk.next_sitting), None)
    items = tuple(enumerate(talk.agenda.items if talk.agenda is not None else (), 1))
    return Room(
        sitting=sitting,
        n=talk.next_sitting,
        opened_ours=asked is not None and asked.opened_ours is not None,
        opened_theirs=asked is not None and asked.opened_theirs is not None,
        named=talk.delegation_ours is not None and view.delegate in talk.delegation_ours,
        items=items,
        ours=next((each for each in items if each[1].on_table_ours), None),
        theirs=next((each for each in items if each[1].on_table_theirs), None),
        lobby=(
            tuple((each, here.get((sides[0], each), "")) for each in talk.delegation_ours or ()),
            tuple((each, here.get((sides[1], each), "")) for each in talk.delegation_theirs or ()),
        ),
        mark=lobby.mark(place),
    )


async def room(request: Request) -> Response:
    """The room: the call if a sitting runs, else how it opens."""
    _asker, view = await load(request, request.path_params["d"])
    talk = found(view, request.path_params["t"])
    node: Node = request.app.state.node
    return page(
        request,
        "room.html",
        view=view,
        talk=talk,
        room=room_of(view, talk, node.lobby),
        people=(people(view, view.us), people(view, 1 - view.us)),
    )


routes = [Route("/d/{d}/talks/{t}/room", room)]
