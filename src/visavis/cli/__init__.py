"""The command line: `visavis`. One module for each command group, imported when it is called.

Lives here: `main` and the table of commands. Not here: what they do (`serve`, `record`, …).
An error of ours is one calm line on standard error and status 2; `record verify` has its own statuses.
"""

from __future__ import annotations

import sys

from cyclopts import App

from visavis import __version__
from visavis.errors import VisavisError

app = App(
    name="visavis",
    version=__version__,
    help="Talks by video between two sides that meet as equals.",
    version_flags=["--version"],
)
# As text, so that `visavis record verify` does not load a web server.
app.command("visavis.cli.serve:serve", name="serve", help="Run a node: the pages, the record and the call.")
app.command(
    "visavis.cli.engine:engine",
    name="engine",
    help="Run the call's engine alone, for every client of the LiveKit protocol.",
)
app.command(
    "visavis.cli.doctor:doctor", name="doctor", help="Say what is wrong with a node, and how to mend it."
)
app.command(
    "visavis.cli.rehearse:rehearse", name="rehearse", help="Play a day of talks end to end, and report."
)
app.command(
    "visavis.cli.record:app", name="record", help="Export a dialogue's record, and verify it offline."
)
app.command("visavis.cli.recovery:app", name="recovery", help="A side's offline recovery keys.")
app.command("visavis.cli.turn:app", name="turn", help="A relay for delegates behind firewalls.")
app.command("visavis.cli.move:app", name="move", help="Take a node's dialogues to another node.")
app.command(
    "visavis.cli.quotes:app", name="quotes", help="Check whether an article quotes rightly what was released."
)


def main() -> None:
    """Run the command that the arguments name, and exit with its status."""
    try:
        app()
    except VisavisError as error:
        sys.stderr.write(f"visavis: {error.message}\n")
        sys.exit(2)
