"""A node: its use cases in one hand, for the web and the command line.

Lives here: `Node`. Not here: how it is built (`bootstrap`), HTTP (`web`), rules (the slices).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.config import Settings
from visavis.dialogue.admission import Admission
from visavis.dialogue.service import Dialogues
from visavis.press.ports import Drafts
from visavis.press.service import Desk
from visavis.rtc.service import CallService
from visavis.seating import Seating

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


@dataclass(slots=True)
class Node:
    """What one running node offers.

    admission: links, enrolments, sessions. dialogues: founding, drafting, entering, reading.
    call: rooms and tokens of the call; seating: who may have one.
    desk, drafts: readers' comments, releases in the making.
    udp_port: where the call's media comes to.
    """

    settings: Settings
    admission: Admission
    dialogues: Dialogues
    call: CallService
    seating: Seating
    desk: Desk
    drafts: Drafts
    udp_port: int

    def url_of(self, request: HTTPConnection) -> str:
        """How the asker reaches this node: the public address if one is set, else as they came."""
        if self.settings.public_url:
            return self.settings.public_url
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return f"{scheme}://{request.headers.get('host', request.url.netloc)}"
