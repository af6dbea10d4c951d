"""`visavis recovery`: a side's offline keys, for the day on which all its passkeys are lost.

Lives here: `make`, `sign`, `link`. A recovery key is kept away from the node, and signs one thing: `side.recover`.
Not here: the act's rules (`dialogue.fold`), the page (`web.pages.home`).
Spec: docs/spec/record.md §9; docs/spec/http.md §3.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App

from visavis.cli.keys import make_key, read_key

app = App(name="recovery", help="A side's offline recovery keys.")


@app.command
def make(file: Path, /) -> None:
    """Make a recovery key: its private half into FILE (PEM), its public half printed, for the founding's form.

    Parameters
    ----------
    file:
        Where to write. Never written over. Keep it offline: whoever has it can take over the side.
    """
    sys.stdout.write(make_key(file) + "\n")


@app.command
def sign(file: Path, challenge: str, /) -> None:
    """Sign what the page of recovery shows, with the key in FILE; prints the signature.

    Parameters
    ----------
    file:
        The recovery key's private half, as `visavis recovery make` wrote it.
    challenge:
        What is to be signed, as the page shows it.
    """
    from visavis.record.digest import from_text, to_text

    message = from_text(challenge, 32, what="challenge")
    sys.stdout.write(to_text(read_key(file).sign(message)) + "\n")


@app.command
async def link(dialogue: str, side: str, /, *, name: str, data: Path | None = None) -> None:
    """Print a one-time link for somebody of a side in which nobody is left who could invite them.

    The link only lets them propose a passkey. It counts when a recovery key has signed for it, on the page behind.

    Parameters
    ----------
    dialogue:
        The dialogue's id, or enough of its beginning.
    side:
        The side's id, or enough of its beginning.
    name:
        Whom it is for.
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data). The node may be running.
    """
    from visavis.bootstrap import open_door
    from visavis.cli.record import one_of
    from visavis.config import Settings

    async with open_door(Settings.from_environment(data=data).data) as (dialogues, admission):
        found = one_of(dialogues.ids, dialogue, "dialogue")
        chosen = one_of(dialogues.ledger(found).sides, side, "side")
        made = await admission.invite(found, chosen, name=name, role="protocol-officer")
    sys.stdout.write(f"/enter/{made.token}\n")
