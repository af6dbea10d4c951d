"""A node: its use cases in one hand, for the web and the command line.

Lives here: `Node`. Not here: how it is built (`bootstrap`), HTTP (`web`), rules (the slices).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.config import Settings
from visavis.dialogue.admission import Admission
from visavis.dialogue.service import Dialogues
from visavis.rtc.service import CallService

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


@dataclass(slots=True)
class Node:
    """What one running node offers.

    admission: links, enrolments, sessions. dialogues: founding, drafting, entering, reading.
    call: rooms and tokens of the call. udp_port: where its media comes to.
    """

    settings: Settings
    admission: Admission
    dialogues: Dialogues
    call: CallService
    udp_port: int

    def url_of(self, request: HTTPConnection) -> str:
        """How the asker reaches this node: the public address if one is set, else as they came."""
        if self.settings.public_url:
            return self.settings.public_url
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return f"{scheme}://{request.headers.get('host', request.url.netloc)}"
