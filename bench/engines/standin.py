"""Our engine alone, on loopback, for plain tracks.

python bench/engines/standin.py PORT UDP_PORT KEY SECRET
"""

from __future__ import annotations

import sys

import anyio
import uvicorn
from starlette.applications import Starlette

from visavis.rtc.engines.embedded import EmbeddedEngine
from visavis.rtc.rooms import RoomPolicy
from visavis.rtc.routes import rtc_routes
from visavis.rtc.service import CallService
from visavis.rtc.tokens import TokenKey


async def main(port: int, udp_port: int, key: str, secret: str) -> None:
    engine = EmbeddedEngine("127.0.0.1", udp_port, ["127.0.0.1"])
    policy = RoomPolicy(encrypted=False, max_participants=1000)
    async with CallService(engine, TokenKey(key, secret), policy=lambda _: policy) as calls:
        app = Starlette(routes=rtc_routes(calls))
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    anyio.run(
        main,
        int(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        sys.argv[4],
        backend_options={"use_uvloop": True},
    )
