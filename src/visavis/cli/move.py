"""`visavis move`: a node's dialogues taken to another node.

Lives here: `key`, `out`, `in`. Both sides sign their move in between, on the page of the dialogue.
Not here: the act (`dialogue.people`), what may be written meanwhile (`dialogue.ledger`).
Spec: docs/spec/record.md §9.7; docs/moving.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App

from visavis.cli.keys import make_key, read_key

app = App(name="move", help="Take a node's dialogues to another node.")


@app.command(name="key")
def key(file: Path, /) -> None:
    """At the new node: make a log key for one side; its public half is printed, for that side's officer.

    Parameters
    ----------
    file:
        Where to write the private half (PEM). Never written over. Each side needs a key of its own.
    """
    sys.stdout.write(make_key(file) + "\n")


@app.command(name="out")
async def out(folder: Path, /, *, data: Path | None = None) -> None:
    """At the old node: copy what the new node needs into a new folder, once both sides have signed their move.

    Parameters
    ----------
    folder:
        The folder to make: the new node's data. Carry it there by a channel that you trust, and keep no other copy.
    data:
        Folder of the old node's data (VISAVIS_DATA; default ./visavis-data). The node may be running.
    """
    from visavis.bootstrap import move_out
    from visavis.cli.record import log_to_stderr
    from visavis.config import Settings

    log_to_stderr()
    await move_out(Settings.from_environment(data=data).data, folder)
    sys.stdout.write(f"{folder}\n")


@app.command(name="in")
async def in_(*keys: Path, data: Path | None = None) -> None:
    """At the new node: take the dialogues over, by the log keys that were made here for both sides.

    Parameters
    ----------
    keys:
        The files that `visavis move key` wrote. They may be deleted afterwards: the node has the keys then.
    data:
        Folder of the new node's data (VISAVIS_DATA; default ./visavis-data), from `visavis move out`.
    """
    from visavis.bootstrap import open_stopped
    from visavis.cli.record import log_to_stderr
    from visavis.config import Settings

    log_to_stderr()
    seeds = [read_key(file).private_bytes_raw() for file in keys]
    async with open_stopped(Settings.from_environment(data=data).data) as dialogues:
        await dialogues.take_over(seeds)
        ids = dialogues.ids
    for each in ids:
        sys.stdout.write(f"dialogue {each} is written here now.\n")
