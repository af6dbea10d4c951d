"""The state machines, drawn from the tables by which the code and its tests run.

Lives here: `drawn`, which writes docs/states.md. Not here: the tables (each beside its machine).
Run: `python scripts/draw_states.py`; `--check` says whether the page is up to date, and changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src")]

from visavis.dialogue.accord import COURSE, OfferStatus  # noqa: E402
from visavis.dialogue.sessions import SESSION, Half  # noqa: E402
from visavis.talks.model import LIFE as TALK  # noqa: E402
from visavis.understandings.model import LIFE as UNDERSTANDING  # noqa: E402

PAGE = ROOT / "docs" / "states.md"
Row = tuple[str | None, str, str]
"""From (None: there is nothing yet), event, to."""


def diagram(rows: Iterable[Row]) -> str:
    """A Mermaid state diagram. Several events between the same two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, event, after in rows:
        arrows.setdefault((_name(before), _name(after)), []).append(event.replace(";", ","))
    names = dict.fromkeys(state for row in rows for state in (row[0], row[2]) if state is not None)
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state}" as {_name(state)}' for state in names if _name(state) != state]
    lines += [f"    {one} --> {other}: {' / '.join(events)}" for (one, other), events in arrows.items()]
    return "\n".join(("```mermaid", *lines, "```"))


def _name(state: str | None) -> str:
    return "[*]" if state is None else state.replace("-", "_").replace(" ", "_")


def consent() -> list[Row]:
    return [
        (None, "one side consents", OfferStatus.OPEN.value),
        *((before.value, event.value, after.value) for (before, event), after in COURSE.items()),
    ]


def session() -> str:
    """A table of both halves: two sides act on it independently, which no line of arrows shows as well."""
    head = f"| ours \\\\ theirs | {' | '.join(half.value for half in Half)} |"
    rule = "|---" * (len(Half) + 1) + "|"
    rows = (
        f"| {ours.value} | {' | '.join(SESSION[ours, theirs].value for theirs in Half)} |" for ours in Half
    )
    return "\n".join((head, rule, *rows))


def life(rows: Iterable[tuple[str | None, str, str]]) -> list[Row]:
    return [
        (None if before is None else str(before), str(event), str(after)) for before, event, after in rows
    ]


def drawn() -> str:
    """The whole page."""
    return f"""# States

Drawn by `scripts/draw_states.py` from the tables in the code; a test fails when a drawing is stale. Nothing here is
a rule of its own: what stands, and when, says [the record](spec/record.md).

## A consent
`dialogue/accord.py`, `COURSE`; record.md §5.2. Formed and closed are final. Matched while the withdrawal is pending:
the withdrawal came too late.

{diagram(consent())}

## An understanding
`understandings/model.py`, `LIFE`; record.md §§7, 8.3. An end is final, and wins over every accord.

{diagram(life(UNDERSTANDING))}

## A session
`dialogue/sessions.py`, `SESSION`; record.md §8.1. A sitting, a recording, off the record, a joint press call.

{session()}

## A talk
`talks/model.py`, `LIFE`; record.md §8.2. Of two ends that cross, concluding counts.

{diagram(life(TALK))}
"""


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if PAGE.read_text(encoding="utf-8") == drawn():
            return 0
        print(f"{PAGE.relative_to(ROOT)} is stale: run python scripts/draw_states.py", file=sys.stderr)
        return 1
    PAGE.write_text(drawn(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
