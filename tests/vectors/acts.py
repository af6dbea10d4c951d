"""Make the table of acts that the browser judges by: `python -m tests.vectors.acts`.

It is data drawn from the acts' own types, so that nobody writes their forms twice; moves and rules are code
on either side, held together by tests/vectors/record/bundles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from visavis.dialogue.acts import ActSpec
from visavis.rulebook import EDITION_1

PATH = Path(__file__).resolve().parents[2] / "client/src/record/acts.json"
SAID = {"title", "description"}
"""Members of a schema that say nothing of the form."""


def rows(specs: Iterable[ActSpec]) -> dict[str, Any]:
    """The acts' rows, and the forms that they name."""
    specs = tuple(specs)
    forms, named = msgspec.json.schema_components([spec.fields for spec in specs], ref_template="#/{name}")
    acts = {
        spec.type: {
            "fields": form,
            "power": spec.power,
            "proof": spec.proof,
            "node_may": spec.node_may,
            "edition": spec.edition,
        }
        for spec, form in zip(specs, forms, strict=True)
    }
    return {"acts": acts, "definitions": {name: _bare(form) for name, form in named.items()}}


def _bare(form: Any) -> Any:
    if isinstance(form, list):
        return [_bare(each) for each in form]
    if not isinstance(form, dict):
        return form
    bare = {name: value for name, value in form.items() if name not in SAID or not isinstance(value, str)}
    if "pattern" in bare and isinstance(bare["pattern"], str):
        return bare | {"pattern": bare["pattern"].replace("\\Z", "$")}  # JavaScript's `$` is the very end
    return {name: _bare(value) for name, value in bare.items()}


def table() -> str:
    """The table's text."""
    return json.dumps(rows(EDITION_1.by_type.values()), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(table(), encoding="utf-8")
