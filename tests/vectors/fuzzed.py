"""Make the vectors of mutated inputs anew: `python -m tests.vectors.fuzzed`.

The fuzzers' mutations of their seeds, each with whether Python takes it; the browser is held to the same
(`client/tests/fuzzed.test.ts`). To look further than the vectors: `--each 3000 --out /tmp/fuzzed.json`, then
`FUZZED=/tmp/fuzzed.json npx vitest run tests/fuzzed.test.ts`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.run import Blind
from tests.fuzz.targets import CHALLENGE, KEY, OTHER, SIGNER, TARGETS
from tests.vectors.bundles import summary
from tests.verification import desk as desks

from visavis.record.digest import to_text
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

OUT = Path(__file__).parent / "record" / "fuzzed.json"
BOTH = (
    "canonical_json",
    "entry",
    "founding",
    "passkey_statement",
    "signed_note",
    "opened_checkpoint",
    "assertion",
)
"""What both Python and the browser parse."""
EACH, SEED = 60, 4
MOST = 2048
"""Bytes of an input that is kept."""


def inputs(name: str, count: int, seed: int) -> list[list[Any]]:
    """[the input, base64url; whether it is taken], as many of the taken as of the refused where there are so many."""
    found: dict[bool, dict[bytes, None]] = {True: {}, False: {}}
    for data in Blind(name, Random(seed)).inputs(20 * count):
        if len(data) <= MOST:
            found[TARGETS[name](data)].setdefault(data)
    half = min(count // 2, len(found[True]))
    chosen = [*list(found[True])[:half], *list(found[False])[: count - half]]
    return [[to_text(data), data in found[True]] for data in chosen]


def accounts(count: int, seed: int) -> list[list[str]]:
    """[a bundle, base64url; the digest of its account]."""
    return [
        [to_text(data), summary(verify(data, EDITION_1))]
        for data in Blind("bundle", Random(seed)).inputs(count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--bundles", type=int, default=0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    keys = {"log": KEY.hex(), "other": OTHER.hex(), "side": desks.SIDES[1]}
    value = {
        "source": "docs/spec/record.md §§1, 2, 9, 10: inputs of the fuzzers, and whether they are taken.",
        "keys": keys,
        "passkey": SIGNER.passkey.to_json(),
        "challenge": CHALLENGE.hex(),
        "inputs": {name: inputs(name, given.each, given.seed) for name in BOTH},
        "bundles": accounts(given.bundles, given.seed),
    }
    given.out.write_text(json.dumps(value, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
