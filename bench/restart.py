"""Seconds until a node has read its dialogue from disk, with and without the mark of what was checked (ADR 8).

Workload: two logs as `record_verify` writes them, in a database with heads and tiles as a node leaves them. Each
start opens the store (SQLite's own check of all pages among it), folds and joins both logs, and compares them with
heads and tiles. Without a mark every proof and every acknowledged checkpoint is verified.

    python bench/restart.py [--json] [--entries 10000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import anyio
import structlog
from record_verify import Workload

from visavis.dialogue import fold
from visavis.dialogue.commands import Audience
from visavis.dialogue.ports import ContentRow, FoundingRow, LogKeyRow
from visavis.dialogue.service import Dialogues
from visavis.record import canonical
from visavis.record.digest import to_text
from visavis.rulebook import COMMANDS, EDITION_1
from visavis.store.sqlite import open_store

NODE = "node.sqlite"


class Fresh:
    def id(self) -> str:
        return to_text(secrets.token_bytes(12))

    def salt(self) -> bytes:
        return secrets.token_bytes(32)


async def keep(workload: Workload, folder: Path) -> None:
    store = await open_store(folder / NODE)
    async with store.begin() as unit:
        for s in (0, 1):
            statement = canonical.encode(workload.foundings[s].to_json())
            key = workload.log_keys[s]
            public, seed = key.public_key().public_bytes_raw(), key.private_bytes_raw()
            await unit.add_founding(FoundingRow("pair", s, workload.sides[s], statement))
            await unit.keep_log_key(LogKeyRow(workload.sides[s], public, seed))
        for commitment, opened in workload.contents.items():
            await unit.add_content(
                ContentRow(
                    workload.dialogue,
                    workload.sides[0],
                    commitment,
                    opened.salt,
                    opened.content,
                    "en",
                    Audience.BOTH,
                )
            )
    await store.close()
    with closing(sqlite3.connect(folder / NODE)) as db:
        for side, leaves in zip(workload.sides, workload.leaves, strict=True):
            rows = [(workload.dialogue, side, seq, leaf) for seq, leaf in enumerate(leaves)]
            db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
        db.commit()


async def start(folder: Path) -> tuple[float, float]:
    """Seconds to open the store, and to load from it."""
    fold._checkpoint_fits.cache_clear()
    began = time.perf_counter()
    store = await open_store(folder / NODE)
    opened = time.perf_counter()
    dialogues = Dialogues(store, EDITION_1, COMMANDS, lambda: datetime.now(UTC), Fresh())
    await dialogues.load()
    took = opened - began, time.perf_counter() - opened
    (dialogue,) = dialogues.ids
    assert dialogues.ledger(dialogue).stopped is None
    await store.close()
    return took


def forget(folder: Path) -> None:
    with closing(sqlite3.connect(folder / NODE)) as db:
        db.execute("DELETE FROM marks")
        db.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    workload, n = Workload(), 0
    while workload.count < given.entries:
        workload.round(n)
        n += 1
    times: dict[str, list[float]] = {"open": [], "marked": [], "unmarked": []}
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(keep, workload, Path(folder))
        anyio.run(start, Path(folder))  # heads, tiles and marks are written
        for _ in range(given.rounds):
            opened, loaded = anyio.run(start, Path(folder))
            times["open"].append(opened)
            times["marked"].append(loaded)
            forget(Path(folder))
            times["unmarked"].append(anyio.run(start, Path(folder))[1])
    result: dict[str, object] = {"bench": "restart", "entries": workload.count, "rounds": given.rounds}
    result |= {f"{name}_s": round(statistics.median(took), 3) for name, took in times.items()}
    result |= {f"{name}_s_range": [round(min(took), 3), round(max(took), 3)] for name, took in times.items()}
    if given.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:18} {value}")


if __name__ == "__main__":
    main()
