"""Entries appended a second through the node's use cases, against the bare SQLite transaction in the same run.

Workload: acts of two officers in turn (a profile), drafted and signed beforehand one by one as a delegate would.
Append: `Dialogues.enter`: the proof checked, the act judged, one transaction (WAL, synchronous FULL), folded and
joined, the head synced in a file of its own, subscribers told; on disk when it returns.
Bare: the same leaf's bytes inserted into the same table of another database in the same folder, by `sqlite3` itself,
in one transaction with the same pragmas. Alternating, so that both meet the same disk. Parts: the head's file alone.
Ratio: time of the bare transaction by time of the append.

    python bench/log_append.py [--json] [--entries 600] [--folder .]
"""

from __future__ import annotations

import argparse
import json
import logging
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import anyio
import structlog
from tests.dialogue.test_service import PROFILE
from tests.store.disk import found


def bare_database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        db.execute(f"PRAGMA {pragma}")
    db.execute(
        "CREATE TABLE entries (dialogue VARCHAR NOT NULL, side VARCHAR NOT NULL, seq INTEGER NOT NULL,"
        " leaf BLOB NOT NULL, PRIMARY KEY (dialogue, side, seq))"
    )
    return db


async def measure(folder: Path, entries: int) -> dict[str, list[float]]:
    house = await found(folder / "node")
    took: dict[str, list[float]] = {"append": [], "bare": [], "head": []}
    with closing(bare_database(folder / "bare.sqlite")) as db:
        for n in range(entries):
            officer = house.officers[n % 2]
            draft = await house.dialogues.draft(
                officer.session, house.ledger.id, "dialogue.profile", dict(PROFILE)
            )
            proof = officer.key.prove(draft.signed.challenge())
            start = time.perf_counter()
            entry = await house.dialogues.enter(officer.session, house.ledger.id, draft.id, proof)
            took["append"].append(time.perf_counter() - start)
            start = time.perf_counter()
            db.execute("BEGIN IMMEDIATE")
            row = (house.ledger.id, officer.session.side, entry.seq, entry.leaf)
            db.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
            db.execute("COMMIT")
            took["bare"].append(time.perf_counter() - start)
            note = house.ledger.note(officer.session.side)
            start = time.perf_counter()
            await house.store.logs.keep("bench", "head", [], n, note)
            took["head"].append(time.perf_counter() - start)
    await house.store.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--entries", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        (Path(folder) / "node").mkdir()
        took = anyio.run(measure, Path(folder), given.entries)
    ratios = [bare / append for bare, append in zip(took["bare"], took["append"], strict=True)]
    result: dict[str, object] = {"bench": "log_append", "entries": given.entries}
    for name, times in took.items():
        low, middle, high = statistics.quantiles((1000 * each for each in times), n=4)
        result |= {f"{name}_ms": round(middle, 3), f"{name}_ms_quartiles": [round(low, 3), round(high, 3)]}
    result["appends_per_s"] = round(1 / statistics.median(took["append"]))
    result["bare_per_s"] = round(1 / statistics.median(took["bare"]))
    result["ratio"] = round(statistics.median(ratios), 3)
    if given.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
