"""A node: its use cases in one hand, for the web and the command line.

Lives here: `Node`. Not here: how it is built (`bootstrap`), HTTP (`web`), rules (the slices).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from visavis.calendars.service import Feeds
from visavis.config import Settings
from visavis.dialogue.admission import Admission
from visavis.dialogue.service import Dialogues
from visavis.dossier.service import Dossier
from visavis.lobby import Lobby
from visavis.notices.service import Notices
from visavis.paper.model import paper_of
from visavis.paper.printing import print_paper
from visavis.paper.sealing import Seal
from visavis.press.desk import Desk
from visavis.press.ports import Drafts
from visavis.rtc.calls import Calls
from visavis.rtc.service import CallService
from visavis.rulebook import EDITION_1
from visavis.seating import Seating
from visavis.talks.alternates import Alternates
from visavis.understandings.remarks import Remarks
from visavis.verification.verify import verify

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


@dataclass(slots=True)
class Node:
    """What one running node offers.

    admission: links, enrolments, sessions. dialogues: founding, drafting, entering, reading.
    call: rooms and tokens of the call; seating: who may have one.
    signalling: the call's own sockets; None if a LiveKit deployment serves the calls.
    desk, drafts: readers' comments, releases in the making. remarks: of each side on clauses, for itself.
    feeds: delegates' calendars. notices: mails to delegates. dossier: papers under the items of talks.
    alternates: who would stand in for whom at a talk.
    udp_port: where the call's media comes to; 0: to a LiveKit deployment.
    seal: (dialogue, side, its name) → that side's seal on paper.
    lobby: who of each side waits for a sitting.
    printer: one paper at a time, since each takes seconds of a processor.
    """

    settings: Settings
    admission: Admission
    dialogues: Dialogues
    call: Calls
    signalling: CallService | None
    seating: Seating
    desk: Desk
    drafts: Drafts
    remarks: Remarks
    feeds: Feeds
    notices: Notices
    dossier: Dossier
    alternates: Alternates
    udp_port: int
    seal: Callable[[str, str, str], Seal]
    lobby: Lobby = field(default_factory=Lobby)
    printer: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    async def paper(self, dialogue: str, asker: str, copy: str, understanding: str) -> bytes:
        """The PDF of one understanding as the side `copy` has it; sealed if that is the asker's own side.

        Printed from the bundle that the asker could export, after every check of it.
        """
        data = await self.dialogues.export(dialogue, asker)

        def made() -> bytes:
            paper = paper_of(verify(data, EDITION_1), copy, understanding)
            own = copy == asker
            name = paper.parties[0].name(paper.language)
            return print_paper(paper, self.seal(dialogue, copy, name) if own else None)

        return await anyio.to_thread.run_sync(made, limiter=self.printer)

    def url_of(self, request: HTTPConnection) -> str:
        """How the asker reaches this node: the public address if one is set, else as they came; the next address if
        they came by that."""
        host = request.headers.get("host", request.url.netloc)
        following = self.settings.next_url
        if following and urlsplit(following).netloc.lower() == host.lower():
            return following
        if self.settings.public_url:
            return self.settings.public_url
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return f"{scheme}://{host}"
