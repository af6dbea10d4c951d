"""One seat's own process: `python -m visavis.rehearsal.seat URL NAME NUMBER R,G,B`.

Lives here: the loop over JSON lines: a request on standard input, its answer on standard output.
Not here: what a seat does (`delegate`, `caller`), who asks it (`play`).

The delegate's key is made here and never leaves; the play asks, this process signs.

    {"id": 1, "do": "act", "command": "talks.accept", "fields": {…}}   →   {"id": 1, "ok": {…}}
                                                                       or  {"id": 1, "error": {"code", "message", …}}
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import structlog

from visavis.errors import Malformed, VisavisError
from visavis.rehearsal.delegate import Answered, Delegate

if TYPE_CHECKING:
    from visavis.rehearsal.caller import Caller

Request = dict[str, Any]


class Seat:
    """Does what it is asked, one request at a time, beside a call that runs."""

    def __init__(self, url: str, name: str, number: int, colour: tuple[int, int, int]) -> None:
        self.delegate = Delegate(url, name)
        self._number, self._colour = number, colour
        self._caller: Caller | None = None
        self._call: anyio.CancelScope | None = None
        self._tasks: anyio.abc.TaskGroup | None = None
        self._ended = anyio.Event()
        self._failed: VisavisError | None = None

    async def run(self) -> None:
        """Serve requests until standard input ends or "quit" is asked."""
        actions: dict[str, Callable[[Request], Awaitable[object]]] = {
            "enrol": self._enrol,
            "place": lambda _: self.delegate.place(),
            "act": lambda r: self.delegate.act(r["command"], **r.get("fields", {})),
            "get": lambda r: self.delegate.get(r["path"]),
            "post": lambda r: self.delegate.post(r["path"], r["body"]),
            "join": self._join,
            "speak": self._speak,
            "watch": self._watch,
            "measure": self._measure,
            "leave": self._leave,
            "bundle": self._bundle,
        }
        async with self.delegate, anyio.create_task_group() as tasks:
            self._tasks = tasks
            async for line in anyio.wrap_file(sys.stdin):
                request = json.loads(line)
                if request["do"] == "quit":
                    break
                answer: dict[str, Any] = {"id": request["id"]}
                try:
                    answer["ok"] = await actions[request["do"]](request)
                except Answered as error:
                    answer["error"] = {
                        "code": error.code,
                        "message": error.message,
                        "status": error.status,
                    }
                except VisavisError as error:
                    answer["error"] = {"code": error.code, "message": error.message}
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()
            await self._leave({})
            tasks.cancel_scope.cancel()

    async def _enrol(self, request: Request) -> object:
        return {**await self.delegate.enrol(request["link"]), "credential": self.delegate.credential}

    async def _bundle(self, _request: Request) -> object:
        data = await self.delegate.bytes_of(f"/api/dialogues/{self.delegate.dialogue}/bundle")
        return {"hex": data.hex()}

    async def _join(self, request: Request) -> object:
        """Sit down in the call: {"talk", "sitting"} → when picture and voice are published."""
        # Only who sits in the call loads its libraries: most delegates sign and read.
        from visavis.rehearsal.caller import Caller
        from visavis.rehearsal.voice import Picture, seat_hz

        assert self._tasks is not None
        picture = Picture(self.delegate.name.replace(" of ", "\nof "), self._colour)
        caller = self._caller = Caller(self.delegate, picture, seat_hz(self._number))
        self._ended, self._failed = anyio.Event(), None
        self._tasks.start_soon(self._sit, caller, request["talk"], request["sitting"])
        async with anyio.create_task_group() as waiting:

            async def until(event: anyio.Event) -> None:
                await event.wait()
                waiting.cancel_scope.cancel()

            waiting.start_soon(until, caller.ready)
            waiting.start_soon(until, self._ended)
        if self._failed is not None:
            raise self._failed
        return {"device": caller.device, "took_ms": caller.join_took_ms}

    async def _sit(self, caller: Caller, talk: str, sitting: int) -> None:
        with anyio.CancelScope() as self._call:
            try:
                await caller.run(talk, sitting)
            except* VisavisError as group:
                self._failed = _first(group)
        self._ended.set()

    async def _speak(self, request: Request) -> object:
        """Speak for some seconds of sent sound."""
        caller = self._sitting()
        until = caller.spoken_s + request["seconds"]
        caller.speaking = True
        while caller.spoken_s < until:  # noqa: ASYNC110 - paced by the sound itself
            await anyio.sleep(0.02)
        caller.speaking = False
        return {"spoken_s": caller.spoken_s}

    async def _watch(self, request: Request) -> object:
        """Wait until `frames` frames of each of `others` other devices have been decoded."""
        caller = self._sitting()
        with anyio.move_on_after(request["limit_s"]) as limit:
            while True:
                seen = [w for w in caller.watched.values() if w.frames >= request["frames"]]
                if len(seen) >= request["others"]:
                    break
                await anyio.sleep(0.05)
        if limit.cancelled_caught:
            raise Malformed(f"{self.delegate.name} sees {len(seen)} of {request['others']} others")
        return {"seen": len(seen)}

    async def _measure(self, _request: Request) -> object:
        return await self._sitting().measure()

    async def _leave(self, _request: Request) -> object:
        if self._call is not None:
            self._call.cancel()
            await self._ended.wait()
            self._call = None
        return {}

    def _sitting(self) -> Caller:
        if self._caller is None or self._failed is not None:
            raise self._failed or Malformed("this seat is not in the call")
        return self._caller


def _first(group: BaseExceptionGroup[VisavisError]) -> VisavisError:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, VisavisError)
    return found


def main() -> None:
    """The process's entry. Its log goes to standard error, with the seat's number."""
    url, name, number, colour = sys.argv[1:5]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    red, green, blue = (int(part) for part in colour.split(","))
    anyio.run(Seat(url, name, int(number), (red, green, blue)).run)
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's threads call into Python while an interpreter is taken down, and the process would abort: CPython
    # ends such a thread under Rust's feet. Everything is told and closed by now.
    os._exit(0)


if __name__ == "__main__":
    main()
