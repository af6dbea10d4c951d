"""The contract of the engine port, on every engine there is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from visavis.rtc.engines.embedded import EmbeddedEngine
from visavis.rtc.engines.fake import FakeEngine
from visavis.rtc.errors import EngineFailed
from visavis.rtc.places import Place

pytestmark = pytest.mark.anyio

_spec = importlib.util.spec_from_file_location(
    "engine_contract", Path(__file__).with_name("engine_contract.py")
)
assert _spec is not None
assert _spec.loader is not None
_module = sys.modules["engine_contract"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


class TestFake(_module.EngineContract):
    """The engine in memory."""

    @pytest.fixture
    async def engine(self):
        engine = FakeEngine()
        yield engine
        await engine.shutdown()


class TestEmbedded(_module.EngineContract):
    """The engine inside the process."""

    @pytest.fixture
    async def engine(self):
        engine = EmbeddedEngine([Place("127.0.0.1")])
        yield engine
        await engine.shutdown()

    async def test_port(self, engine):
        """The engine says which port it has, and another cannot take the same."""
        assert 0 < engine.port < 65536
        with pytest.raises(EngineFailed):
            EmbeddedEngine([Place("127.0.0.1")], engine.port)
