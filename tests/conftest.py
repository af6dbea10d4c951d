"""What every test shares.

Lives here: the async backend, Hypothesis profiles.
Not here: fixtures of one slice (in that slice's conftest), servers and browsers (`tests/flows`).
"""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# `ci` draws the same examples on every run: a failure is a fact about the code, not about the day.
settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# `explore` looks for new counter-examples, at length; a seed that failed is committed as an `@example`.
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def anyio_backend() -> str:
    """The only backend: uvicorn and aiosqlite run on asyncio."""
    return "asyncio"


_exit_status = pytest.StashKey[int]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the status for `pytest_unconfigure`."""
    session.config.stash[_exit_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End at once where LiveKit's SDK was loaded, with everything told and written.

    Its threads go on calling into Python while the interpreter is taken down; CPython 3.11 then ends such a
    thread under Rust's feet, and the process aborts after all tests have passed (seen once in three runs).
    """
    if "livekit.rtc" in sys.modules and _exit_status in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_exit_status])
