"""Telling delegates by mail that the other side has acted: gathered, quiet at night, tried again.

Lives here: `Notices`, the use cases and the task that sends.
Not here: what is told (`model`), who carries a mail (`ports.Post`), HTTP (`web.pages.me`).

No request waits for any of this. An act is gone through once: the log's size that was gone through and the mails that
it made pending are one transaction. A node killed between sending and noting so sends that mail again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import anyio
import structlog

from visavis.dialogue import chair
from visavis.dialogue.commands import Fresh
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.service import Dialogues
from visavis.dialogue.tokens import hash_of, new_token
from visavis.errors import Unavailable, VisavisError
from visavis.notices.errors import Undeliverable
from visavis.notices.model import (
    GATHER,
    KINDS,
    MOST_TRIES,
    OLDEST,
    Kind,
    Wishes,
    after_quiet,
    back_off,
    checked,
    due,
)
from visavis.notices.ports import Asking, Letter, NoticeStore, Pending, Post

log = structlog.get_logger(__name__)

AT_ONCE = 100
"""Mails looked up at a time."""
ALL = 2**31
"""More acts than any mail gathers."""
LOOK_S = 300.0
"""Longest sleep while a mail is pending: clocks may be set meanwhile."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A mail that asks an address whether it is the delegate's. due: None: it is sent, or given up. sent: when last."""

    token: str
    due: datetime | None
    tries: int
    sent: datetime | None


class Notices:
    """Who wants to be told, what is to be told, and the sending of it."""

    def __init__(
        self,
        store: NoticeStore,
        dialogues: Dialogues,
        post: Post,
        letter: Letter,
        asking: Asking,
        *,
        url: str,
        sender: str,
        clock: Callable[[], datetime],
        fresh: Fresh,
    ) -> None:
        """url: of the node, without a slash at its end. sender: the mails' From, an address."""
        self._store = store
        self._dialogues = dialogues
        self._post = post
        self._letter = letter
        self._asking = asking
        self._url = url
        self._sender = sender
        self._clock = clock
        self._fresh = fresh
        self._wishes: dict[tuple[str, str], dict[str, Wishes]] = {}
        self._sent: dict[tuple[str, str, str], datetime] = {}
        self._asks: dict[tuple[str, str, str], Ask] = {}
        self._noted: dict[tuple[str, str], int] = {}
        self._wake = anyio.Event()
        self._looking = anyio.Lock()
        self._waiting = True  # whether a mail may be pending: else the store is not asked
        dialogues.on_entry(self._on_entry)

    def _on_entry(self, _: Ledger) -> None:
        self._wake.set()

    async def load(self) -> None:
        """At start: who wants to be told, and how far the logs were gone through."""
        for dialogue, side, delegate, wishes in await self._store.all_wishes():
            self._wishes.setdefault((dialogue, side), {})[delegate] = wishes
        self._noted = dict(await self._store.noted())

    async def wishes(self, dialogue: str, side: str, delegate: str) -> Wishes | None:
        return await self._store.wishes(dialogue, side, delegate)

    async def wish(self, dialogue: str, side: str, delegate: str, wishes: Wishes) -> None:
        """Keep how a delegate wants to be told; what happened before it is not told. Raises `Malformed`.

        An address that is new is asked by a mail whether it is theirs; until it has said so, nothing else goes there.
        """
        checked(wishes)
        before = await self._store.wishes(dialogue, side, delegate)
        known = before is not None and before.confirmed and before.address == wishes.address
        token = new_token() if wishes.on and not known else ""
        wishes = replace(wishes, confirmed=known, asked=hash_of(token) if token else "")
        await self.look()
        for each in self._dialogues.ledger(dialogue).sides:  # so that a restart does not look at it again
            await self._store.note(dialogue, each, self._noted[dialogue, each], [])
        await self._store.keep_wishes(dialogue, side, delegate, wishes)
        self._wishes.setdefault((dialogue, side), {})[delegate] = wishes
        if token:
            self._ask((dialogue, side, delegate), token)
        self._wake.set()

    def _ask(self, who: tuple[str, str, str], token: str) -> None:
        """Have a delegate's address asked, not more often than once in five minutes.

        The token is in the mail alone: if the node is started anew before it is sent, the wishes are saved again.
        """
        now, last = self._clock(), self._asks.get(who)
        sent = None if last is None else last.sent
        self._asks[who] = Ask(token, now if sent is None else max(now, sent + GATHER), 0, sent)
        self._waiting = True

    def is_asked(self, token: str) -> bool:
        """Whether that token confirms an address."""
        return self._whose(token) is not None

    async def confirm(self, token: str) -> bool:
        """Whoever reads an address says that it is theirs. False if nothing of it is asked, any more."""
        who = self._whose(token)
        if who is None:
            return False
        dialogue, side, delegate = who
        kept = await self._store.wishes(dialogue, side, delegate)
        if kept is None or kept.asked != hash_of(token):
            return False
        told = replace(kept, confirmed=True, asked="")
        await self._store.keep_wishes(dialogue, side, delegate, told)
        self._wishes[dialogue, side][delegate] = told
        self._asks.pop(who, None)
        return True

    def _whose(self, token: str) -> tuple[str, str, str] | None:
        hashed = hash_of(token)
        for (dialogue, side), people in self._wishes.items():
            for delegate, wishes in people.items():
                if wishes.asked == hashed:
                    return dialogue, side, delegate
        return None

    # --- the task --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake = anyio.Event()
            wait: float | None = LOOK_S
            try:
                await self.look()
                following = await self.send_due() if self._waiting else None
                wait = (
                    None
                    if following is None
                    else max(0.0, min(LOOK_S, (following - self._clock()).total_seconds()))
                )
            except VisavisError as error:
                log.warning("notices.put-off", why=error.message)
            except Exception:  # a mail that fails to be made ends nothing
                log.exception("notices.failed")
            with anyio.move_on_after(wait):
                await self._wake.wait()

    async def look(self) -> None:
        """Go through what either side has entered since, and make mails of it pending."""
        async with self._looking:
            for dialogue in self._dialogues.ids:
                ledger = self._dialogues.ledger(dialogue)
                for s, side in enumerate(ledger.sides):
                    size = len(ledger.joint.verdicts[s])
                    kinds = self._kinds(ledger, s, self._noted.get((dialogue, side), 0), size)
                    mails = self._mails(ledger, ledger.sides[1 - s], kinds)
                    if mails:
                        await self._store.note(dialogue, side, size, mails)
                        self._waiting = True
                    self._noted[dialogue, side] = size

    def _kinds(self, ledger: Ledger, s: int, first: int, size: int) -> list[Kind]:
        """Kinds of the acts of side `s` from entry `first` on that stand and are news."""
        oldest, found = self._clock() - OLDEST, []
        for index in range(first, size):
            entry = ledger.states[s].entry(index)
            if entry is None or ledger.joint.verdicts[s][index] is not None:
                continue
            kind, at = KINDS.get(str(entry.signed.act.get("type"))), chair.moment(entry.time)
            if kind is not None and at is not None and at >= oldest:
                found.append(kind)
        return found

    def _mails(self, ledger: Ledger, side: str, kinds: Sequence[Kind]) -> list[Pending]:
        """One mail for each delegate of `side` who wants to be told of some of it."""
        now, mails = self._clock(), []
        for delegate, wishes in self._wishes.get((ledger.id, side), {}).items():
            told = [kind for kind in kinds if kind in wishes.kinds]
            if wishes.wanted and told and self._dialogues.is_live(ledger.id, side, delegate):
                at = min(due(now, kind, wishes) for kind in told)
                last = self._sent.get((ledger.id, side, delegate))
                if last is not None:  # however often the other side opens its half of the room
                    at = max(at, after_quiet(last + GATHER, wishes))
                mails.append(Pending(ledger.id, side, delegate, len(told), at))
        return mails

    async def send_due(self) -> datetime | None:
        """Send what is due now. When the next mail is due; None: there is none."""
        self._waiting = False
        try:
            while mails := await self._store.due(self._clock(), AT_ONCE):
                for mail in mails:
                    await self._send(mail)
            asking = await self._send_asks()
            following = await self._store.next_due()
        except BaseException:
            self._waiting = True
            raise
        found = [each for each in (following, asking) if each is not None]
        self._waiting |= bool(found)
        return min(found, default=None)

    async def _send_asks(self) -> datetime | None:
        """Ask the addresses that are due to be asked. When the next is; None: there is none."""
        for who, ask in list(self._asks.items()):
            now = self._clock()
            if ask.due is None or ask.due > now:
                continue
            wishes = await self._store.wishes(*who)
            told = dict(zip(("dialogue", "side", "delegate"), who, strict=True))
            if wishes is None or not wishes.on or wishes.asked != hash_of(ask.token):
                self._settle(who, ask, replace(ask, due=None))
                continue
            subject, text = self._asking(wishes.language, f"{self._url}/mail/{ask.token}", f"{self._url}/")
            try:
                await self._post.send(self._made(wishes, subject, text))
            except Undeliverable as error:
                log.warning("address.undeliverable", **told, why=error.message)
                self._settle(who, ask, replace(ask, due=None))
            except Unavailable as error:
                tries = ask.tries + 1
                log.info("address.put-off", **told, tries=tries, why=error.message)
                due = now + back_off(tries) if tries < MOST_TRIES else None
                self._settle(who, ask, replace(ask, tries=tries, due=due))
            else:
                log.info("address.asked", **told)
                self._settle(who, ask, replace(ask, due=None, sent=now, tries=0))
        return min((ask.due for ask in self._asks.values() if ask.due is not None), default=None)

    def _settle(self, who: tuple[str, str, str], was: Ask, now: Ask) -> None:
        """Keep what came of `was`; another address that the delegate has saved meanwhile is asked all the same."""
        kept = self._asks.get(who)
        if kept is was:
            self._asks[who] = now
        elif kept is not None and now.sent is not None and kept.due is not None:
            self._asks[who] = replace(kept, sent=now.sent, due=max(kept.due, now.sent + GATHER))

    async def _send(self, mail: Pending) -> None:
        now = self._clock()
        told = {"dialogue": mail.dialogue, "side": mail.side, "delegate": mail.delegate}
        wishes = await self._store.wishes(mail.dialogue, mail.side, mail.delegate)
        if wishes is None or not wishes.wanted or not self._is_live(mail):
            await self._store.done(replace(mail, count=ALL))
            return
        later = after_quiet(now, wishes)
        if later > now:
            await self._store.put_off(mail, later, mail.tries)
            return
        try:
            await self._post.send(self._mail(mail, wishes))
        except Undeliverable as error:
            log.warning("notice.undeliverable", **told, why=error.message)
        except Unavailable as error:
            tries = mail.tries + 1
            if tries < MOST_TRIES:
                log.info("notice.put-off", **told, tries=tries, why=error.message)
                await self._store.put_off(mail, now + back_off(tries), tries)
                return
            log.warning("notice.given-up", **told, why=error.message)
        else:
            self._sent[mail.dialogue, mail.side, mail.delegate] = now
            log.info("notice.sent", **told, acts=mail.count)
        await self._store.done(mail, after_quiet(self._clock() + GATHER, wishes))

    def _is_live(self, mail: Pending) -> bool:
        try:
            return self._dialogues.is_live(mail.dialogue, mail.side, mail.delegate)
        except VisavisError:
            return False

    def _mail(self, mail: Pending, wishes: Wishes) -> EmailMessage:
        """RFC 5322. Nothing in it is of the act, and without the delegate's wish nothing of the dialogue."""
        names: list[Mapping[str, str]] = []
        home = self._url + "/"
        if wishes.named:
            ledger = self._dialogues.ledger(mail.dialogue)
            us = ledger.index(mail.side)
            names = [dict(ledger.foundings[s].names) for s in (us, 1 - us)]
            home += f"d/{mail.dialogue}"
        subject, text = self._letter(wishes.language, home, f"{self._url}/me#mail", names)
        return self._made(wishes, subject, text)

    def _made(self, wishes: Wishes, subject: str, text: str) -> EmailMessage:
        made = EmailMessage(policy=SMTP)
        made["From"] = self._sender
        made["To"] = wishes.address
        made["Subject"] = subject
        made["Date"] = format_datetime(self._clock())
        made["Message-ID"] = f"<{self._fresh.id()}@{self._sender.partition('@')[2]}>"
        made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
        made["Content-Language"] = wishes.language
        made.set_content(text)
        return made
