"""What a running node leaves in its data folder for whoever started it: `serving.json`.

Lives here: the file's name and form. Not here: writing it (`cli.serve`), reading it (`rehearsal`, a service's
supervisor).
"""

from __future__ import annotations

import msgspec

SERVING = "serving.json"


class Serving(msgspec.Struct, frozen=True):
    """What `serving.json` says of the running node.

    url: where it listens. pid: its process. udp_port: where its media comes to. founding_links: two, on a
    node where nobody has founded yet.
    """

    url: str
    pid: int
    udp_port: int
    founding_links: tuple[str, ...] = ()
