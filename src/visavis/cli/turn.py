"""`visavis turn`: a relay for delegates behind firewalls, from the node's own settings.

Lives here: `config`. Not here: what it says (`rtc.relays`), the relay itself (coturn; docs/networks.md, ADR 13).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cyclopts import App

app = App(name="turn", help="A relay for delegates behind firewalls.")


@app.command(name="config")
def config(*, data: Path | None = None, turn: str | None = None, listen: Sequence[str] = ()) -> None:
    """Print coturn's configuration for this node: its secret, its ports, and the engine as the one place to relay to.

    Parameters
    ----------
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data): the secret is kept there, and made if missing.
    turn:
        Name or address of the relay, as clients reach it (VISAVIS_TURN).
    listen:
        IP addresses of the machine that coturn runs on (default: those of the call's port). May be repeated.
    """
    from visavis.bootstrap import relay_config
    from visavis.config import Settings

    sys.stdout.write(relay_config(Settings.from_environment(data=data, turn=turn), listen))
