"""Memory of verifying a record: the peak of a process of its own, `visavis record verify` as a person runs it.

Workload: that of `record_verify.py` (`--kind both`), written to a file with as many of its contents as a bundle takes.
Figures: the process's greatest resident set, less that of the same command over a file that is no bundle; so what is
counted is the record, not Python. Per entry, and by the bundle's bytes. `--listing`: with `--entries --json`.

    python bench/record_memory.py [--json] [--entries 100000] [--listing] [--bundle FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
SRC = BENCH.parent / "src"
CONTENTS = 25_000
"""Each is two members, and an archive has at most 60,000."""
sys.path[:0] = [str(SRC), str(BENCH)]


def built(entries: int) -> bytes:
    """The workload's bundle."""
    from record_verify import Workload

    workload, n = Workload("both"), 0
    while workload.count < entries:
        workload.round(n)
        n += 1
    workload.contents = dict(list(workload.contents.items())[:CONTENTS])
    return workload.bundle()


def peak(path: Path, *options: str) -> tuple[int, float]:
    """Greatest resident set, in bytes, and CPU seconds, of a verification of the file."""
    code = "from visavis.cli import main; main()"
    command = [sys.executable, "-c", code, "record", "verify", str(path), *options]
    env = os.environ | {"PYTHONPATH": str(SRC)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--listing", action="store_true", help="list every entry, too")
    parser.add_argument("--bundle", type=Path, help="keep the bundle here, or take it from here")
    parser.add_argument("--build", action="store_true", help="only make the bundle")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.bundle or Path(folder) / "record.visavis"
        if given.build:
            path.write_bytes(built(given.entries))
            return
        if not path.exists():  # in a process of its own: a child's peak begins with what its parent held
            options = ["--build", "--bundle", str(path), "--entries", str(given.entries)]
            subprocess.run([sys.executable, __file__, *options], check=True)
        empty = Path(folder) / "none.visavis"
        empty.write_bytes(b"no bundle")
        base, _ = peak(empty)
        start = time.monotonic()
        whole, cpu = peak(path, *(["--entries", "--json"] if given.listing else ["--json"]))
        record, size = whole - base, path.stat().st_size
        result = {
            "bench": "record_memory",
            "entries": given.entries,
            "listing": given.listing,
            "bundle_bytes": size,
            "peak_bytes": whole,
            "python_bytes": base,
            "bytes_per_entry": round(record / given.entries),
            "by_bundle": round(record / size, 2),
            "cpu_s": round(cpu, 1),
            "s": round(time.monotonic() - start, 1),
        }
    if given.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:18} {value}")


if __name__ == "__main__":
    main()
