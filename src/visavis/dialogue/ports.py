"""What the dialogue's use cases need of a store. Protocols and the rows that cross them. Pure.

Lives here: `Store`, `Unit`, `LogFiles`, `Authority`, the frozen rows. Not here: SQL (`store`), use cases (`service`,
`admission`), HTTP (`authority`).
The contract suite `tests/store/contract.py` holds every adapter to this page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from visavis.dialogue.commands import Audience, Enrolment
from visavis.dialogue.cosigning import Cosigned
from visavis.record.proof import Passkey


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link. token_hash: SHA-256 of the token, hex; the token itself is kept nowhere.

    pair, chair: set on a founding link: which pair of foundings, and which of its two chairs (0, 1).
    dialogue, side: set on a delegate's link. spent: one of `SPENT`.
    """

    token_hash: str
    delegate: str
    name: str
    role: str
    expires: datetime
    pair: str = ""
    chair: int = 0
    dialogue: str = ""
    side: str = ""
    spent: int = 0


UNSPENT, USED, WITHDRAWN = SPENT = (0, 1, 2)
"""How a link stands: it waits, somebody enrolled by it, its side has taken it back."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who holds a session token. `dialogue` and `side` are empty until the side is founded."""

    token_hash: str
    delegate: str
    credential: str
    expires: datetime
    pair: str = ""
    chair: int = 0
    dialogue: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class FoundingRow:
    """One side's founding statement, canonical JSON."""

    pair: str
    chair: int
    side: str
    statement: bytes


@dataclass(frozen=True, slots=True)
class LogKeyRow:
    """A log key of a side, in force or to be. key: public. seed: private; each 32 bytes.

    address: where the node is that has the seed, if it is not this one: then seed is None.
    """

    side: str
    key: bytes
    seed: bytes | None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A checkpoint that a reader has shown, signed by the log's key, of more entries than the log has here."""

    dialogue: str
    side: str
    note: bytes


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """A credential proposed for a side."""

    dialogue: str
    side: str
    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A content beside the log. side: whose it is."""

    dialogue: str
    side: str
    commitment: str
    salt: bytes
    data: bytes
    language: str
    audience: Audience


@dataclass(frozen=True, slots=True)
class Certificate:
    """A device's certificate, as its owner handed it in: canonical JSON, untrusted."""

    dialogue: str
    talk: str
    sitting: int
    device: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Fork:
    """Proof that a side signed two histories of its log. held, shown: two notes signed by its log key.

    held: the checkpoint, at that size, of the log at hand. shown: the one that contradicts it.
    """

    dialogue: str
    side: str
    held: bytes
    shown: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a log was checked: its first `size` entries, whose root is `root`, stand with true proofs and acks."""

    dialogue: str
    side: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token of a timestamp authority (`record.timestamp`) over the checkpoint of a log's first `size` entries."""

    dialogue: str
    side: str
    size: int
    token: bytes


class Unit(Protocol):
    """One transaction: all of it is on disk when its block ends, or nothing."""

    async def add_link(self, link: Link) -> None: ...
    async def spend_link(self, token_hash: str, now: datetime) -> Link | None:
        """Take the link if it is there, unspent and not expired; only one caller ever gets it."""
        ...

    async def link(self, token_hash: str) -> Link | None:
        """The link, however it stands."""
        ...

    async def links(self, dialogue: str, side: str) -> Sequence[Link]:
        """The unspent links of a side's delegates, expired ones too; the one that lasts longest first."""
        ...

    async def withdraw_link(self, dialogue: str, side: str, token_hash: str) -> bool:
        """Take an unspent link of that side back. False if there is none."""
        ...

    async def add_session(self, session: Session) -> None: ...
    async def drop_ended_sessions(self, now: datetime) -> None:
        """Forget sessions that have ended, but for founding officers': see `founder`."""
        ...

    async def founder(self, credential: str) -> Session | None:
        """The latest session of that credential which a founding link opened, ended or not."""
        ...

    async def session(self, token_hash: str, now: datetime) -> Session | None: ...
    async def place_sessions(self, pair: str, chair: int, dialogue: str, side: str) -> None: ...
    async def end_session(self, token_hash: str) -> None: ...
    async def add_founding(self, row: FoundingRow) -> bool:
        """False if that chair has stated itself already; then nothing changes."""
        ...

    async def foundings(self) -> Sequence[FoundingRow]: ...
    async def keep_log_key(self, row: LogKeyRow) -> None:
        """Keep a log key; in place of what is known of that very key, if anything is."""
        ...

    async def log_keys(self, side: str) -> Sequence[LogKeyRow]: ...
    async def drop_log_keys(self, side: str, but: Iterable[bytes]) -> int:
        """Forget all log keys of the side but those (public, 32 bytes each). How many were forgotten."""
        ...

    async def add_enrolment(self, row: EnrolmentRow) -> None: ...
    async def enrolments(self) -> Sequence[EnrolmentRow]: ...
    async def add_passkey(self, passkey: Passkey) -> None:
        """Keep a passkey that was enrolled; it counts only once a log admits it."""
        ...

    async def passkey(self, credential: str) -> Passkey | None:
        """The enrolled passkey of that credential id."""
        ...

    async def passkey_by_id(self, id: bytes) -> Passkey | None:
        """The enrolled passkey of that WebAuthn credential id."""
        ...

    async def append_leaf(self, dialogue: str, side: str, seq: int, leaf: bytes) -> None:
        """Append at `seq`; raises `Unavailable` if the place is taken: two writers, which must not be."""
        ...

    async def leaves(self, dialogue: str, side: str) -> Sequence[bytes]: ...
    async def add_content(self, row: ContentRow) -> None: ...
    async def mend_content(self, row: ContentRow) -> None:
        """Put a content in the place of one on disk that does not open its commitment."""
        ...

    async def widen_content(self, dialogue: str, commitment: str, audience: Audience) -> None: ...
    async def contents(self, dialogue: str) -> Sequence[ContentRow]: ...
    async def drop_content(self, dialogue: str, commitment: str) -> None:
        """Delete the content and its salt, and the paper that it describes, if it describes one.

        What is deleted leaves no copy in the store's files: see `Store.scrub`."""
        ...

    async def bind_paper(self, dialogue: str, side: str, paper: str, commitment: str) -> bool:
        """Tie the side's paper to the commitment by which an entry describes it. False if there is no such paper."""
        ...

    async def forget_name(self, dialogue: str, side: str, delegate: str) -> None:
        """Blank that delegate's name wherever it stands beside the record, in links and enrolments; and forget their
        mail address."""
        ...

    async def forget_words(self, dialogue: str, side: str, words: str) -> None:
        """Blank exactly these words wherever the side's drafts hold them."""
        ...

    async def drop_remarks(self, dialogue: str, side: str, texts: Collection[str]) -> None:
        """Delete the side's remarks on the texts of those hashes."""
        ...

    async def founded(self) -> Sequence[str]:
        """Ids of all dialogues that have an entry."""
        ...

    async def keep_cosigned(self, row: Cosigned) -> None:
        """Remember it in place of what that cosigner had of that log. Raises `Unavailable` if that was larger."""
        ...

    async def cosigned(self, dialogue: str) -> Sequence[Cosigned]: ...
    async def keep_shown(self, row: Shown) -> None:
        """Keep it in place of what was shown of that log before."""
        ...

    async def shown(self, dialogue: str) -> Sequence[Shown]: ...
    async def drop_shown(self, dialogue: str, side: str) -> None: ...
    async def keep_fork(self, row: Fork) -> None: ...
    async def forks(self, dialogue: str) -> Sequence[Fork]: ...
    async def keep_mark(self, row: Mark) -> None: ...
    async def marks(self, dialogue: str) -> Sequence[Mark]: ...
    async def keep_timestamp(self, row: Timestamp) -> None:
        """Keep a token; the first one over a checkpoint stays."""
        ...

    async def timestamps(self, dialogue: str) -> Sequence[Timestamp]: ...
    async def keep_certificate(self, row: Certificate) -> None: ...
    async def certificates(self, dialogue: str, talk: str, sitting: int) -> Sequence[Certificate]: ...


class LogFiles(Protocol):
    """A log's files beside the database: full tiles, written once, and the head, the latest checkpoint.

    They are what is left when the database is an old copy. Paths of tiles are as `record.tiles.tile_path` gives them.
    All raise `Unavailable` if the disk does not answer; what is written is on disk when the call returns.
    """

    async def keep(
        self, dialogue: str, side: str, tiles: Iterable[tuple[str, bytes]], size: int, head: bytes
    ) -> None:
        """Write full tiles that are not there yet, then the head: a note of at most 512 bytes, of `size` entries.

        The latest head but one stays until the next is whole. Raises `Unavailable` if a tile is there and differs.
        """
        ...

    async def heads(self, dialogue: str, side: str) -> Sequence[bytes] | None:
        """What stands in the head's two places, damaged or not; None if there is no head."""
        ...

    async def tile(self, dialogue: str, side: str, path: str) -> bytes | None: ...
    async def dialogues(self) -> Sequence[str]:
        """Ids of all dialogues that have files."""
        ...


class Store(Protocol):
    @property
    def logs(self) -> LogFiles: ...

    def begin(self) -> AbstractAsyncContextManager[Unit]:
        """A transaction that writes alone. Raises `Unavailable` if the store does not answer."""
        ...

    async def scrub(self) -> bool:
        """Have no byte of what earlier transactions deleted in the store's files when this returns True.

        False: another process reads beside; ask again. Raises `Unavailable` if the store does not answer.
        """
        ...


class Authority(Protocol):
    """A timestamp authority (RFC 3161)."""

    async def stamp(self, text: bytes) -> bytes:
        """A token over SHA-256 of the checkpoint text `text`, checked as far as the node can (§10.7).

        Raises `Unavailable` if there is no answer, `Malformed` or `Untrusted` if it is not one to keep.
        """
        ...
