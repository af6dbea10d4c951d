"""The processes of a rehearsal: one node, one process a delegate.

Lives here: `ServerProcess`, `SeatProcess` (a `play.Seated` whose key is in its own process), `PublicReader`.
Not here: what they do (`play`), what runs in a seat's process (`seat`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx2
import msgspec

from visavis.errors import Unavailable
from visavis.rehearsal.delegate import Answered
from visavis.serving import SERVING, Serving

START_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
LOOK_AGAIN_S = 0.05


class ServerProcess:
    """`visavis serve` over a data folder on loopback, in a process of its own.

    port: 0 for any free one; a restart asks for the one it had, so that everybody finds it again.
    """

    def __init__(self, data: Path, log: Path) -> None:
        self.data, self._log = data, log
        self.serving: Serving | None = None
        self._process: anyio.abc.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        assert self.serving is not None
        return self.serving.url

    async def start(self) -> Serving:
        """Start, and wait until it answers. Raises `Unavailable`, with the log's last lines, if it does not."""
        port = "0" if self.serving is None else self.url.rpartition(":")[2]
        udp_port = "0" if self.serving is None else str(self.serving.udp_port)
        marker = self.data / SERVING
        marker.unlink(missing_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "visavis", "serve", "--data", str(self.data)]
        command += ["--port", port, "--udp-port", udp_port]
        with self._log.open("ab") as log:
            self._process = await anyio.open_process(
                command, stdin=None, stdout=log, stderr=log, start_new_session=True
            )
        with anyio.move_on_after(START_LIMIT_S):
            while self._process.returncode is None:
                if marker.exists():
                    serving = msgspec.json.decode(marker.read_bytes(), type=Serving)
                    if await _answers(serving.url):
                        links = self.serving.founding_links if self.serving else serving.founding_links
                        self.serving = msgspec.structs.replace(serving, founding_links=links)
                        return self.serving
                await anyio.sleep(LOOK_AGAIN_S)
        last = "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])
        raise Unavailable(f"the node did not start:\n{last}")

    async def kill(self) -> None:
        """`kill -9`: no warning, no clean-up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        # Also when we are interrupted: nobody's process outlives us.
        with anyio.CancelScope(shield=True):
            process.send_signal(how)
            with anyio.move_on_after(STOP_LIMIT_S):
                await process.wait()
                return
            process.kill()
            await process.wait()

    def cpu_s(self) -> float:
        """Processor seconds that the node has used, from `/proc/<pid>/stat`; 0.0 where there is none."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def packets(self) -> int:
        """Media packets that the node took in and sent out, by its own counters; 0 if it does not answer."""
        try:
            async with httpx2.AsyncClient() as http:
                text = (await http.get(f"{self.url}/metrics")).text
        except httpx2.TransportError:
            return 0
        counted = dict(line.split() for line in text.splitlines())
        return sum(int(counted.get(f"visavis_call_engine_{name}", 0)) for name in ("rtp_in", "rtp_out"))


async def _answers(url: str) -> bool:
    try:
        async with httpx2.AsyncClient(timeout=5) as http:
            return (await http.get(f"{url}/health")).status_code == 200
    except httpx2.TransportError:
        return False


class SeatProcess:
    """A delegate in a process of its own; it signs there, and sits in the call there."""

    def __init__(self, process: anyio.abc.Process, name: str) -> None:
        self.name = name
        self.dialogue = self.side = self.id = self.credential = ""
        self._process = process
        self._lines = _lines(process)
        self._lock = anyio.Lock()
        self._next = 0

    async def ask(self, do: str, **given: Any) -> Any:
        """One request to the process. Raises what the node answered, or `Unavailable` if the process ended."""
        async with self._lock:
            self._next += 1
            request = {"id": self._next, "do": do, **given}
            assert self._process.stdin is not None
            try:
                await self._process.stdin.send(json.dumps(request).encode() + b"\n")
                answer = json.loads(await anext(self._lines))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, StopAsyncIteration) as error:
                raise Unavailable(f"the process of {self.name} ended") from error
        if "error" in answer:
            refusal = answer["error"]
            if "status" not in refusal:
                raise Unavailable(f"{self.name}: {refusal['message']}")
            raise Answered(refusal["status"], {"detail": refusal["message"], "code": refusal["code"]})
        return answer["ok"]

    async def enrol(self, link: str) -> Mapping[str, Any]:
        answer: dict[str, Any] = await self.ask("enrol", link=link)
        self.id, self.credential = answer["delegate"], answer["credential"]
        self.dialogue, self.side = answer["dialogue"] or "", answer["side"] or ""
        return answer

    async def place(self) -> Mapping[str, Any]:
        answer: dict[str, Any] = await self.ask("place")
        self.side, self.dialogue = answer["side"], answer["dialogue"] or ""
        return answer

    async def act(self, command: str, /, **fields: Any) -> Mapping[str, Any]:
        answer: dict[str, Any] = await self.ask("act", command=command, fields=fields)
        return answer

    async def get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self.ask("get", path=path)
        return answer

    async def post(self, path: str, body: object) -> dict[str, Any]:
        answer: dict[str, Any] = await self.ask("post", path=path, body=body)
        return answer

    async def join(self, talk: str, sitting: int) -> Mapping[str, Any]:
        answer: dict[str, Any] = await self.ask("join", talk=talk, sitting=sitting)
        return answer

    async def speak(self, seconds: float) -> None:
        await self.ask("speak", seconds=seconds)

    async def watch(self, others: int, frames: int, limit_s: float) -> None:
        await self.ask("watch", others=others, frames=frames, limit_s=limit_s)

    async def measure(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self.ask("measure")
        return answer

    async def leave(self) -> None:
        await self.ask("leave")

    async def bundle(self) -> bytes:
        """The record as this delegate's side holds it."""
        answer: dict[str, Any] = await self.ask("bundle")
        return bytes.fromhex(answer["hex"])

    async def end(self) -> None:
        if self._process.returncode is None:
            assert self._process.stdin is not None
            with anyio.move_on_after(STOP_LIMIT_S):
                await self._process.stdin.aclose()
                await self._process.wait()
                return
            self._process.kill()
            await self._process.wait()


async def _lines(process: anyio.abc.Process) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    held = b""
    async for part in process.stdout:
        held += part
        *whole, held = held.split(b"\n")
        for line in whole:
            yield line


@asynccontextmanager
async def seat_process(
    url: str, name: str, number: int, colour: tuple[int, int, int], log: Path
) -> AsyncIterator[SeatProcess]:
    """A seat's process, ended with the block. number: decides its voice. colour: of its picture, RGB."""
    rgb = ",".join(str(part) for part in colour)
    command = [sys.executable, "-m", "visavis.rehearsal.seat", url, name, str(number), rgb]
    with log.open("ab") as errors:
        # In a session of its own: Ctrl-C is the rehearsal's to carry out. It ends when its input does.
        process = await anyio.open_process(command, stderr=errors, start_new_session=True)
    seat = SeatProcess(process, name)
    try:
        yield seat
    finally:
        with anyio.CancelScope(shield=True):
            await seat.end()
            await process.aclose()


class PublicReader:
    """A reader of the newsroom: every request stands alone, with no session and no cookie."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def page(self, path: str) -> tuple[int, str]:
        answer = await self._once("GET", path, headers={"Accept": "text/html,application/atom+xml,*/*"})
        return answer.status_code, answer.text

    async def form(self, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        answer = await self._once("POST", path, data=dict(fields), headers={"Accept": "text/html"})
        return answer.status_code, answer.text

    async def _once(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            async with httpx2.AsyncClient(base_url=self._url, follow_redirects=True) as http:
                return await http.request(method, path, **given)
        except httpx2.TransportError as error:
            raise Unavailable(f"{self._url} does not answer a reader: {type(error).__name__}") from error

    async def ask(self, path: str, body: object) -> dict[str, Any]:
        answer = await self._once("POST", path, json=body)
        if answer.status_code >= 400:
            raise Answered(answer.status_code, answer.json())
        result: dict[str, Any] = answer.json()
        return result
