"""A delegate who speaks a node's HTTP interface with a key of its own.

Lives here: `Delegate`: enrolling, drafting, checking, signing, entering, reading. The key is made here and
never leaves the process.
Not here: sound and picture (`seat`), what is played (`play`).
Spec: docs/spec/http.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import anyio
import httpx2

from visavis.authenticator import Authenticator
from visavis.dialogue.admission import Site, enrolment_challenge, session_challenge
from visavis.errors import Malformed, Refused, Unavailable, Untrusted
from visavis.record.content import opens
from visavis.record.digest import from_text, to_text
from visavis.record.entry import SignedMembers, parse_entry

TIMEOUT_S = 30.0
RETRIES = 40
RETRY_AFTER_S = 0.25


class Answered(Refused):
    """The node said no. code: its code; details: its problem details."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", f"status {status}")))
        self.details = {**problem, "status": status}
        self.status = status
        self.code = str(problem.get("code", "refused"))  # type: ignore[misc]


class Delegate:
    """One person of one side, or one device of theirs, as the node knows it.

    name: for the report ("Principal of side A"). Use as `async with Delegate(…)`.
    """

    def __init__(self, url: str, name: str) -> None:
        self.url = url.rstrip("/")
        self.name = name
        site = Site.of(self.url)
        self.signer = Authenticator.generate(site.rp, site.origin)
        self.credential = self.signer.credential
        self.token = ""
        self.dialogue = ""
        self.side = ""
        self.id = ""
        self._http = httpx2.AsyncClient(base_url=self.url, timeout=TIMEOUT_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    # --- the door ----------------------------------------------------------------------------------

    async def enrol(self, link: str) -> Mapping[str, Any]:
        """Spend a one-time link: propose this key, open a session."""
        token = link.rstrip("/").rpartition("/")[2]
        body = {"token": token, "registration": self.signer.register(enrolment_challenge(token))}
        return self._opened(await self.post("/api/enrolments", body))

    async def sign_in(self) -> Mapping[str, Any]:
        """Open another session by a challenge."""
        challenge = (await self.post("/api/sessions/challenges", {}))["challenge"]
        proof = self.signer.prove(session_challenge(challenge)).to_json()
        body = {"id": to_text(self.signer.passkey.id), "challenge": challenge, "proof": proof}
        return self._opened(await self.post("/api/sessions", body))

    async def place(self) -> Mapping[str, Any]:
        """Take the side's and the dialogue's ids from the founding, once both sides have stated themselves."""
        founding = await self.get("/api/foundings")
        self.side, self.dialogue = founding["side"], founding["dialogue"] or ""
        return founding

    def _opened(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        self.token = answer["session"]
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        self.id = answer["delegate"]
        self.dialogue, self.side = answer["dialogue"] or "", answer["side"] or ""
        return answer

    # --- acts ----------------------------------------------------------------------------------------

    async def act(self, command: str, /, **fields: Any) -> Mapping[str, Any]:
        """Ask for a draft, check that it says what was asked, sign it, enter it.

        Returns the act as entered, with `seq`. A node that dies meanwhile is waited for; if the entry then
        stands in the log already it is not made again. Raises `Answered` if the rules say no.
        """
        while True:
            draft = await self.post(
                f"/api/dialogues/{self.dialogue}/drafts", {"command": command, "fields": fields}
            )
            signed = self.check(draft, command)
            proof = self.signer.prove(signed.challenge()).to_json()
            body = {"draft": draft["draft"], "proof": proof}
            try:
                entered = await self._once("POST", f"/api/dialogues/{self.dialogue}/entries", body)
            except Answered as answer:
                if answer.code != "draft-gone":
                    raise
                entered = {}
            except Unavailable:
                entered = {}
            if not entered:
                found = await self._find(signed)
                if found is None:
                    continue
                entered = {"seq": found}
            return {**signed.act, "seq": entered["seq"]}

    def check(self, draft: Mapping[str, Any], command: str) -> SignedMembers:
        """Hold a draft to what was asked: our dialogue, side and key, and contents that fit their commitments.

        Raises `Untrusted` if the node drafted something else: then nothing is signed.
        """
        signed = SignedMembers.from_json(draft["signed"])
        ours = (self.dialogue, self.side, self.id, self.credential)
        if (signed.dialogue, signed.side, signed.delegate, signed.credential) != ours:
            raise Untrusted(f"{command}: the node drafted for somebody else")
        for content in draft["contents"]:
            opens(content["commitment"], from_text(content["salt"], 32), content["text"].encode())
        return signed

    async def _find(self, signed: SignedMembers) -> int | None:
        """Where the entry stands in our own log, if it does: the answer may have been lost, not the entry."""
        start = signed.own.size
        while True:
            path = f"/api/dialogues/{self.dialogue}/logs/{self.side}?from={start}"
            page = await self.get(path)
            for offset, leaf in enumerate(page["leaves"]):
                try:
                    entry = parse_entry(from_text(leaf))
                except Malformed:
                    continue
                if entry.signed.nonce == signed.nonce:
                    return start + offset
            start += len(page["leaves"])
            if start >= page["size"]:
                return None

    async def events(self) -> AsyncIterator[str]:
        """Kinds of events of the dialogue, from now on; comes back after a break, and says so as "again"."""
        while True:
            try:
                path = f"/api/dialogues/{self.dialogue}/events"
                async with self._http.stream("GET", path, timeout=None) as response:
                    async for line in response.aiter_lines():
                        if line.startswith("event: "):
                            yield line.removeprefix("event: ")
            except httpx2.TransportError:
                await anyio.sleep(RETRY_AFTER_S)
            yield "again"

    # --- requests ----------------------------------------------------------------------------------------

    async def state(self) -> dict[str, Any]:
        """The dialogue as our side may see it."""
        return await self.get(f"/api/dialogues/{self.dialogue}")

    async def get(self, path: str) -> dict[str, Any]:
        return await self._patient("GET", path, None)

    async def post(self, path: str, body: object) -> dict[str, Any]:
        """POST, again if the node was not reached: only for requests that may be made twice."""
        return await self._patient("POST", path, body)

    async def page(self, path: str) -> httpx2.Response:
        """A page as a person's browser would fetch it."""
        return await self._http.get(path, headers={"Accept": "text/html"})

    async def bytes_of(self, path: str) -> bytes:
        response = await self._http.get(path)
        response.raise_for_status()
        return response.content

    async def _patient(self, method: str, path: str, body: object) -> dict[str, Any]:
        for _ in range(RETRIES):
            try:
                return await self._once(method, path, body)
            except Unavailable:
                await anyio.sleep(RETRY_AFTER_S)
        return await self._once(method, path, body)

    async def _once(self, method: str, path: str, body: object) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise Unavailable(f"{self.url} does not answer: {type(error).__name__}") from error
        if response.status_code == 503:
            raise Unavailable(f"{self.url} is not available")
        if response.status_code >= 400:
            try:
                problem = response.json()
            except ValueError:
                problem = {"detail": response.text[:200]}
            raise Answered(response.status_code, problem)
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer
