"""The day, played: what each person does, in order, through the public interfaces only.

Lives here: `Person` (what the play needs of one), `Observed` (what was seen while playing), `Day` (the steps).
Not here: processes and sockets (`stage`), what the facts make of it (`facts`), how it is told (`report`).

The play writes down what the node answered and what the seats measured; it decides nothing. A step that is
answered otherwise than a person would need raises, and the rehearsal fails with its name.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio

from visavis.dialogue.model import Role
from visavis.errors import Refused
from visavis.rehearsal.scenario import Chair, Scenario, Undertaking

CHAIRS: tuple[Chair, Chair] = ("a", "b")
OFFICER = Role.PROTOCOL_OFFICER
SITTING = 1
FIRST_FRAMES = 10
CALL_LIMIT_S = 60.0


class Person(Protocol):
    """A delegate, wherever their key is. Errors are `visavis.errors`."""

    name: str
    dialogue: str
    side: str
    id: str
    credential: str

    async def enrol(self, link: str) -> Mapping[str, Any]: ...
    async def place(self) -> Mapping[str, Any]: ...
    async def act(self, command: str, /, **fields: Any) -> Mapping[str, Any]: ...
    async def get(self, path: str) -> dict[str, Any]: ...
    async def post(self, path: str, body: object) -> dict[str, Any]: ...


class Seated(Person, Protocol):
    """A delegate who also sits in the call."""

    async def join(self, talk: str, sitting: int) -> Mapping[str, Any]: ...
    async def speak(self, seconds: float) -> None: ...
    async def watch(self, others: int, frames: int, limit_s: float) -> None: ...
    async def measure(self) -> dict[str, Any]: ...
    async def leave(self) -> None: ...


class Reader(Protocol):
    """Somebody of the public: no session, no cookie."""

    async def page(self, path: str) -> tuple[int, str]: ...
    async def form(self, path: str, fields: Mapping[str, str]) -> tuple[int, str]: ...
    async def ask(self, path: str, body: object) -> dict[str, Any]: ...


@dataclass(slots=True)
class StepTaken:
    """One step of the day. at_s: since the beginning; took_s: how long it lasted."""

    name: str
    at_s: float
    took_s: float


@dataclass(slots=True)
class Observed:
    """Everything that was seen while playing, JSON-able.

    views: state of the dialogue by moment and chair, as the node answered. refusals: what the node refused, and
    why. signed: acts entered, in order. seats: measures by seat's name. public: pages and answers by name.
    """

    steps: list[StepTaken] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    signed: list[dict[str, Any]] = field(default_factory=list)
    seats: dict[str, Any] = field(default_factory=dict)
    public: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    floor: dict[Chair, dict[Chair, float]] = field(default_factory=dict)
    contents: dict[str, Any] = field(default_factory=dict)
    bundle: bytes = b""


class Day:
    """One day. people: chair → role → person; seats: those of them that sit in the call.

    invite(chair, person, role): brings a person in through a one-time link. told: progress, one line a step.
    """

    def __init__(
        self,
        scenario: Scenario,
        people: Mapping[Chair, Mapping[Role, Person]],
        seats: Mapping[Chair, Mapping[Role, Seated]],
        reader: Reader,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.scenario = scenario
        self.people = people
        self.seats = seats
        self.reader = reader
        self.observed = Observed()
        self._told = told
        self._began = time.monotonic()
        self.sides: dict[Chair, str] = {}
        self.dialogue = ""
        self.geneva = ""
        self.talk = ""
        self.items: dict[str, str] = {}
        self.understandings: dict[str, str] = {}
        self.guarantee = ""
        self.releases: dict[Chair, str] = {}

    # --- helps ------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """A named step: told, timed."""
        self._told(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            # The step in which a day ended early is the last one in the report.
            took = time.monotonic() - begun
            self.observed.steps.append(StepTaken(name, round(begun - self._began, 3), round(took, 3)))

    async def act(self, chair: Chair, role: Role, command: str, /, **fields: Any) -> Mapping[str, Any]:
        """An act of one person, kept in `signed`."""
        person = self.people[chair][role]
        entered = await person.act(command, **fields)
        self.observed.signed.append(
            {
                "side": chair,
                "by": person.name,
                "command": command,
                "act": entered["type"],
                "seq": entered["seq"],
            }
        )
        return entered

    async def refused(self, chair: Chair, role: Role, what: str, ask: Awaitable[object]) -> str:
        """Something that the node must refuse; its code. Raises `Refused` if it does not."""
        person = self.people[chair][role]
        try:
            await ask
        except Refused as error:
            self.observed.refusals.append(
                {
                    "what": what,
                    "by": person.name,
                    "code": error.code,
                    "message": error.message,
                    "status": error.details.get("status"),
                }
            )
            return error.code
        raise Refused(f"{what}: the node took what it must refuse")

    async def look(self, moment: str) -> dict[Chair, dict[str, Any]]:
        """Both chairs' view of the dialogue, kept under `moment`."""
        views: dict[Chair, dict[str, Any]] = {}
        for chair in CHAIRS:
            views[chair] = await self.people[chair][OFFICER].get(f"/api/dialogues/{self.dialogue}")
            self.observed.views.setdefault(moment, {})[chair] = views[chair]
        return views

    def part(self, view: Mapping[str, Any], talk: str) -> dict[str, Any]:
        """The talk's part of a view."""
        return next(part for part in view["talks"] if part["talk"]["id"] == talk)

    def sides_of(self, undertakings: Sequence[Undertaking]) -> list[dict[str, Any]]:
        return [{"by": self.sides[u.by], "text": u.text} for u in undertakings]

    # --- founding ------------------------------------------------------------------------------------------

    async def found(self, links: Sequence[str]) -> None:
        """Both officers enrol by the founding links, state their sides, sign entry 0. Neither is first."""
        async with self.step("Both sides found the dialogue"):
            for chair, link in zip(CHAIRS, links, strict=True):
                officer = self.people[chair][OFFICER]
                await officer.enrol(link)
                side = self.scenario.sides[chair]
                await officer.post("/api/foundings", {"name": side.name})
            for chair in CHAIRS:
                officer, side = self.people[chair][OFFICER], self.scenario.sides[chair]
                founding = await officer.place()
                self.sides[chair], self.dialogue = founding["side"], founding["dialogue"]
                await self.act(chair, OFFICER, "dialogue.found")
                await self.act(chair, OFFICER, "dialogue.profile", zone=side.zone, languages=side.languages)
            self.observed.ids |= {"dialogue": self.dialogue, "sides": dict(self.sides)}

    async def admit(self) -> None:
        """Every delegate enrols a key of their own through a one-time link; the officer admits it."""
        async with self.step("The delegations come, each with a key of its own"):
            for chair in CHAIRS:
                for person in self.scenario.sides[chair].delegates:
                    await self.admit_one(chair, person.role, self.people[chair][person.role], person.powers)

    async def admit_one(
        self, chair: Chair, role: Role, person: Person, powers: frozenset[str] = frozenset()
    ) -> None:
        officer = self.people[chair][OFFICER]
        base = f"/api/dialogues/{self.dialogue}"
        invited = await officer.post(f"{base}/invitations", {"name": person.name, "role": role})
        await person.enrol(invited["link"])
        await self.admit_waiting(chair, person.credential, role, powers)

    async def admit_waiting(
        self, chair: Chair, credential: str, role: Role, powers: frozenset[str] = frozenset()
    ) -> None:
        """Admit one enrolled credential of the officer's side."""
        from visavis.dialogue.model import DEFAULT_POWERS

        officer = self.people[chair][OFFICER]
        base = f"/api/dialogues/{self.dialogue}"
        waiting = (await officer.get(f"{base}/enrolments"))["enrolments"]
        enrolment = next(each["id"] for each in waiting if each["credential"] == credential)
        granted = sorted({*DEFAULT_POWERS[role], *powers})
        await self.act(chair, OFFICER, "dialogue.admit", enrolment=enrolment, role=role, powers=granted)

    # --- the earlier meeting ------------------------------------------------------------------------------------

    async def enter_earlier(self) -> None:
        """The meeting held in person, entered afterwards by both; its understandings signed by both."""
        earlier = self.scenario.earlier
        async with self.step("The earlier meeting is entered, its understandings signed by both"):
            self.geneva = await self.agree_time(
                title=earlier.title,
                start=_rfc3339(earlier.start),
                minutes=earlier.minutes,
                mode="in-person",
                place=earlier.place,
            )
            for understanding in earlier.understandings:
                self.understandings[understanding.id] = await self.agree_text(
                    "a",
                    kind="understanding",
                    title=understanding.title,
                    body=understanding.body,
                    undertakings=self.sides_of(understanding.undertakings),
                    talk=self.geneva,
                )
            for chair in CHAIRS:
                await self.act(chair, OFFICER, "talks.conclude", talk=self.geneva)
            self.observed.ids |= {"earlier": self.geneva, "understandings": dict(self.understandings)}

    async def agree_time(self, **fields: Any) -> str:
        """Side a proposes a time, both accept it; the talk's id."""
        proposed = await self.act("a", OFFICER, "talks.propose", **fields)
        talk = str(proposed["slot"] if "slot" in proposed else proposed["talk"])
        views = await self.look("time")
        found = next(
            part["talk"]
            for part in views["a"]["talks"]
            if part["talk"]["id"] == talk or talk.endswith(part["talk"]["id"])
        )
        offered = found["times"][0]["hash"]
        for chair in CHAIRS:
            await self.act(chair, OFFICER, "talks.accept", talk=found["id"], hash=offered)
        return str(found["id"])

    async def agree_text(self, by: Chair, **fields: Any) -> str:
        """One principal tables a text, both sign it; the understanding's id."""
        tabled = await self.act(by, Role.PRINCIPAL, "understandings.table", **fields)
        understanding = str(tabled["understanding"])
        view = await self.people[by][OFFICER].get(f"/api/dialogues/{self.dialogue}")
        found = next(u for u in view["understandings"] if u["id"] == understanding)
        for chair in (by, *(c for c in CHAIRS if c != by)):
            await self.act(
                chair,
                Role.PRINCIPAL,
                "understandings.sign",
                understanding=understanding,
                hash=found["open"][0]["hash"],
            )
        return understanding

    # --- preparing the talk ------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Time, delegations, items, rankings, expectations; the merged agenda approved by both."""
        talk = self.scenario.talk
        async with self.step("The talk is proposed and accepted, in both time zones"):
            self.talk = await self.agree_time(
                title=self.scenario.title,
                start=_rfc3339(talk.start),
                minutes=talk.minutes,
                mode="video",
            )
            self.observed.ids["talk"] = self.talk
            for chair in CHAIRS:
                listed = [self.people[chair][p.role].id for p in self.scenario.sides[chair].delegates]
                await self.act(chair, OFFICER, "talks.delegation", talk=self.talk, delegates=listed)
        async with self.step("Both put items on the agenda and rank them"):
            for item in talk.items:
                proposed = await self.act(
                    item.by,
                    OFFICER,
                    "talks.propose-item",
                    talk=self.talk,
                    title=item.title,
                    kind=item.kind,
                )
                self.items[item.id] = str(proposed["item"])
            for chair in CHAIRS:
                ranked = [self.items[each] for each in talk.rankings[chair]]
                await self.act(chair, OFFICER, "talks.rank", talk=self.talk, items=ranked)
            self.observed.ids["items"] = dict(self.items)
        async with self.step("Positions and the initiative are stated, side by side"):
            await self.state_positions()
        async with self.step("The agenda, in the merged order, is approved by both"):
            await self.look("ranked")
            await self.act(
                "b",
                OFFICER,
                "talks.table-agenda",
                talk=self.talk,
                press_call=talk.press_call,
                statement=talk.statement,
            )
            views = await self.look("agenda tabled")
            offered = self.part(views["a"], self.talk)["talk"]["agendas"][0]["hash"]
            for chair in CHAIRS:
                await self.act(chair, OFFICER, "talks.approve-agenda", talk=self.talk, hash=offered)
            for chair in CHAIRS:
                for command, expected in (
                    ("press.arm-call", talk.press_call),
                    ("press.announce-statement", talk.statement),
                ):
                    await self.act(chair, Role.PRESS_OFFICER, command, talk=self.talk, expected=expected)
            await self.look("agenda agreed")

    async def state_positions(self) -> None:
        for chair in CHAIRS:
            relation = self.scenario.talk.relation[chair]
            await self.act(
                chair,
                Role.PRINCIPAL,
                "talks.relation",
                talk=self.talk,
                grade=relation.grade,
                text=relation.text,
            )
        for item in self.scenario.talk.items:
            for chair, position in item.positions.items():
                await self.act(
                    chair,
                    Role.PRINCIPAL,
                    "talks.state-position",
                    talk=self.talk,
                    item=self.items[item.id],
                    text=position.text,
                    hold=position.hold,
                )
            if item.initiative is not None:
                await self.act(
                    item.initiative.by,
                    Role.PRINCIPAL,
                    "talks.propose-initiative",
                    talk=self.talk,
                    item=self.items[item.id],
                    title=item.initiative.title,
                    text=item.initiative.text,
                )
        await self.keep_positions("before tabling")

    async def keep_positions(self, moment: str) -> None:
        """Which words of each side's positions each chair can read."""
        for chair in CHAIRS:
            officer = self.people[chair][OFFICER]
            view = await officer.get(f"/api/dialogues/{self.dialogue}")
            part = self.part(view, self.talk)["talk"]
            rows = part["agenda"]["items"] if part["agenda"] else part["draft"]
            read: dict[str, Any] = {}
            for row in rows:
                read[row["id"]] = {
                    whose: await self.words(officer, row[whose]["texts"]) if row[whose] else None
                    for whose in ("ours", "theirs")
                }
            self.observed.contents.setdefault(moment, {})[chair] = read

    async def words(self, person: Person, texts: Sequence[Sequence[str]]) -> dict[str, str]:
        """language → words of the commitments that this person may read."""
        out = {}
        for language, commitment in texts:
            try:
                content = await person.get(f"/api/dialogues/{self.dialogue}/contents/{commitment}")
            except Refused:
                continue
            out[str(language)] = str(content["text"])
        return out

    # --- the guarantee -------------------------------------------------------------------------------------------

    async def refuse_one_sided(self) -> None:
        """One side drafts a guarantee that binds the other alone: refused, and shown why."""
        guarantee = self.scenario.guarantee
        async with self.step("A one-sided guarantee is drafted, and refused"):
            drafting = self.people[guarantee.by][Role.PRINCIPAL].act(
                "understandings.table",
                kind="guarantee",
                title=guarantee.title,
                body=guarantee.body,
                undertakings=self.sides_of(guarantee.one_sided),
                talk=self.talk,
            )
            await self.refused(guarantee.by, Role.PRINCIPAL, "a one-sided guarantee", drafting)

    async def refuse_the_others_matters(self) -> None:
        """Nobody acts or reads for the other side."""
        async with self.step("Nobody acts for the other side, or reads what it holds back"):
            for chair, other in (("a", "b"), ("b", "a")):
                mine, theirs = self.people[chair], self.people[other]  # type: ignore[index]
                await self.refused(
                    chair,  # type: ignore[arg-type]
                    OFFICER,
                    "ending a credential of the other side",
                    mine[OFFICER].act("dialogue.revoke", credential=theirs[Role.PRINCIPAL].credential),
                )
                await self.refused(
                    chair,  # type: ignore[arg-type]
                    Role.ADVISER,
                    "signing without full powers",
                    mine[Role.ADVISER].act(
                        "understandings.end", understanding=next(iter(self.understandings.values()))
                    ),
                )

    async def sign_mutual(self) -> None:
        """The mutual guarantee is tabled and signed by both, in the talk."""
        guarantee = self.scenario.guarantee
        async with self.step("The mutual guarantee is tabled, and signed by both"):
            self.guarantee = await self.agree_text(
                guarantee.by,
                kind="guarantee",
                title=guarantee.title,
                body=guarantee.body,
                undertakings=self.sides_of(guarantee.mutual),
                talk=self.talk,
            )
            self.observed.ids["guarantee"] = self.guarantee

    # --- the talk -----------------------------------------------------------------------------------------------

    async def sit(self) -> None:
        """Open, join, take turns, review, sign, leave, conclude."""
        async with self.step("Both open the sitting"):
            for chair in CHAIRS:
                await self.act(chair, OFFICER, "talks.open-sitting", talk=self.talk, n=SITTING)
            await self.look("sitting")
        everyone = [seat for chair in CHAIRS for seat in self.seats[chair].values()]
        if everyone:
            async with self.step("The delegates sit down; everybody sees everybody"):
                async with anyio.create_task_group() as tasks:
                    for seat in everyone:
                        tasks.start_soon(seat.join, self.talk, SITTING)
                async with anyio.create_task_group() as tasks:
                    for seat in everyone:
                        tasks.start_soon(seat.watch, len(everyone) - 1, FIRST_FRAMES, CALL_LIMIT_S)
        await self.take_turns()
        await self.refuse_one_sided()
        await self.sign_mutual()
        if everyone:
            async with self.step("The seats say what they saw and heard; the floor time is noted"):
                for seat in everyone:
                    self.observed.seats[seat.name] = await seat.measure()
                self.observed.floor = self.floor_time()
                for chair in CHAIRS:
                    seconds = self.observed.floor[chair]
                    await self.act(
                        chair,
                        Role.PRINCIPAL,
                        "talks.note-floor",
                        talk=self.talk,
                        n=SITTING,
                        seconds={self.sides[c]: round(seconds[c]) for c in CHAIRS},
                    )
        async with self.step("The talk is concluded"):
            for seat in everyone:
                await seat.leave()
            for chair in CHAIRS:
                await self.act(chair, OFFICER, "talks.leave-sitting", talk=self.talk, n=SITTING)
            for chair in CHAIRS:
                await self.act(chair, OFFICER, "talks.conclude", talk=self.talk)
            await self.look("concluded")

    async def take_turns(self) -> None:
        """Each turn of the floor: its item on the table for both, then its speaker. Reviews come first."""
        reviewed = False
        for turn in self.scenario.room.turns:
            item = self.review_item() if turn.item == "review" else self.items[turn.item]
            name = self.people[turn.by][turn.role].name
            async with self.step(f"{name} has the floor: {turn.item}"):
                for chair in CHAIRS:
                    await self.act(chair, OFFICER, "talks.put-item", talk=self.talk, item=item)
                if turn.item == "review" and not reviewed:
                    reviewed = True
                    await self.assess()
                held = next((i for i in self.scenario.talk.items if i.id == turn.item), None)
                for chair, position in (held.positions if held else {}).items():
                    if position.hold and chair == turn.by:
                        await self.act(
                            chair, Role.PRINCIPAL, "talks.table-position", talk=self.talk, item=item
                        )
                        await self.keep_positions("after tabling")
                speaker = self.seats[turn.by].get(turn.role)
                if speaker is not None:
                    await speaker.speak(turn.seconds)

    def review_item(self) -> str:
        """The review that stands at the agenda's head by itself."""
        view = self.observed.views["agenda agreed"]["a"]
        items = self.part(view, self.talk)["talk"]["agenda"]["items"]
        return str(next(item["id"] for item in items if item["kind"] == "review"))

    async def assess(self) -> None:
        for earlier in self.scenario.earlier.understandings:
            for chair, assessment in earlier.assessments.items():
                language = self.scenario.sides[chair].languages[0]
                await self.act(
                    chair,
                    Role.PRINCIPAL,
                    "understandings.assess",
                    talk=self.talk,
                    understanding=self.understandings[earlier.id],
                    verdict=assessment.verdict,
                    evidence={language: assessment.evidence},
                )

    def floor_time(self) -> dict[Chair, dict[Chair, float]]:
        """chair → side → seconds, as that chair's first seat heard them; its own as it spoke them."""
        out: dict[Chair, dict[Chair, float]] = {}
        for chair in CHAIRS:
            other = CHAIRS[1 - CHAIRS.index(chair)]
            names = [seat.name for seat in self.seats[chair].values()]
            measures = [self.observed.seats[name] for name in names]
            heard = sum(
                w["voiced_s"] for w in measures[0]["watched"].values() if w["side"] == self.sides[other]
            )
            out[chair] = {chair: sum(m["spoken_s"] for m in measures), other: heard}
        return out

    # --- the press ---------------------------------------------------------------------------------------------

    async def tell_the_press(self) -> None:
        """Each desk clears and releases its readout; readers read, comment, and check what was quoted."""
        async with self.step("Each side's press service releases its readout"):
            for chair in CHAIRS:
                desk = self.scenario.press.desk(chair)
                cleared = await self.act(
                    chair,
                    Role.PRESS_OFFICER,
                    "press.clear",
                    talk=self.talk,
                    kind="readout",
                    initials=desk.initials,
                    texts={
                        language: {"title": r.title, "text": r.text, "dateline": r.dateline}
                        for language, r in desk.readout.items()
                    },
                )
                self.releases[chair] = str(cleared["release"])
                await self.act(
                    chair,
                    Role.PRESS_OFFICER,
                    "press.release",
                    release=cleared["release"],
                    version=cleared["version"],
                )
            self.observed.ids["releases"] = dict(self.releases)
        async with self.step("Readers read the newsrooms and their feeds"):
            for chair in CHAIRS:
                side, release = self.sides[chair], self.releases[chair]
                for name, path in (
                    ("newsroom", f"/newsroom/{side}"),
                    ("feed", f"/newsroom/{side}/feed.atom"),
                    ("release", f"/newsroom/{side}/{release}"),
                ):
                    status, text = await self.reader.page(path)
                    key = f"{name} {chair}"
                    self.observed.public[key] = {"path": path, "status": status, "text": text}
                for language in self.scenario.press.desk(chair).readout:
                    path = f"/newsroom/{side}/{release}?lang={language}"
                    status, text = await self.reader.page(path)
                    key = f"release {chair} {language}"
                    self.observed.public[key] = {"path": path, "status": status, "text": text}
        await self.comment()
        async with self.step("Quotations are checked against what was released"):
            checked = []
            for quotation in self.scenario.press.quotations:
                answer = await self.reader.ask("/api/quotes", {"text": quotation.text})
                checked.append({"asked": quotation.text, "due": quotation.finding, "answer": answer})
            self.observed.public["quotes"] = checked

    async def comment(self) -> None:
        """A reader's comment is held; the desk publishes it."""
        comment = self.scenario.press.comment
        side, release = self.sides[comment.side], self.releases[comment.side]
        async with self.step("A reader comments; the desk reads it before anybody else does"):
            path = f"/newsroom/{side}/{release}"
            status, _ = await self.reader.form(
                f"{path}/comments", {"name": comment.name, "text": comment.text}
            )
            _, before = await self.reader.page(path)
            desk = self.people[comment.side][Role.PRESS_OFFICER]
            base = f"/api/dialogues/{self.dialogue}/comments"
            held = (await desk.get(base))["comments"]
            for each in held:
                await desk.post(f"{base}/{each['id']}", {"publish": True})
            _, after = await self.reader.page(path)
            self.observed.public["comment"] = {
                "status": status,
                "held": held,
                "shown_before": comment.text in before,
                "shown_after": comment.text in after,
            }


def _rfc3339(instant: Any) -> str:
    return str(instant.isoformat())
