"""Tables. Nothing is updated in place but what is marked so: spent links, widened audiences, moderation, a
cosigner's memory, marks, papers given. Nothing is deleted but ended sessions, drafts, remarks, a delegate's feed and
wishes, mails once sent, papers withdrawn, alternates that are dropped, and what a side erases.

Lives here: SQLAlchemy Core tables, the schema's version, the way from earlier ones. Not here: queries (`sqlite`).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    inspect,
)

VERSION = 5
"""`PRAGMA user_version` of the schema. A database of another version is refused, not guessed at."""
EARLIER = (0, 2, 3, 4)
"""Versions that become this one by `upgrade`: 0 is a new database, 2 had a side's first log key in its founding, and no
other, and no timestamps; 3 had nothing for calendars and notices; 4 had no remarks, no papers and no alternates."""
REFUSED = {1: "its foundings have no passkeys, so no log of it can be judged"}
"""Versions of this program that it can no longer read, and why."""

metadata = MetaData()

links = Table(
    "links",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("delegate", String, nullable=False),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("expires", String, nullable=False),
    Column("spent", Integer, nullable=False, default=0),
    Column("pair", String, nullable=False),
    Column("chair", Integer, nullable=False),
    Column("dialogue", String, nullable=False),
    Column("side", String, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("delegate", String, nullable=False),
    Column("credential", String, nullable=False),
    Column("expires", String, nullable=False),
    Column("pair", String, nullable=False),
    Column("chair", Integer, nullable=False),
    Column("dialogue", String, nullable=False),
    Column("side", String, nullable=False),
)

foundings = Table(
    "foundings",
    metadata,
    Column("pair", String, primary_key=True),
    Column("chair", Integer, primary_key=True),
    Column("side", String, nullable=False, unique=True),
    Column("statement", LargeBinary, nullable=False),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", String, primary_key=True),
    Column("dialogue", String, nullable=False, index=True),
    Column("side", String, nullable=False),
    Column("delegate", String, nullable=False),
    Column("credential", String, nullable=False),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("credential", String, primary_key=True),
    Column("id", LargeBinary, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("commitment", String, primary_key=True),
    Column("side", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("language", String, nullable=False),
    Column("audience", String, nullable=False),
)

cosignatures = Table(
    "cosignatures",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("cosigner", String, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("timestamp", Integer, nullable=False),
    Column("sig", LargeBinary, nullable=False),
)

forks = Table(
    "forks",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("shown", LargeBinary, primary_key=True),
    Column("held", LargeBinary, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

timestamps = Table(
    "timestamps",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("token", LargeBinary, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("talk", String, primary_key=True),
    Column("sitting", Integer, primary_key=True),
    Column("device", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

comments = Table(
    "comments",
    metadata,
    Column("id", String, primary_key=True),
    Column("dialogue", String, nullable=False, index=True),
    Column("side", String, nullable=False),
    Column("release", String, nullable=False),
    Column("name", String, nullable=False),
    Column("text", String, nullable=False),
    Column("at", String, nullable=False),
    Column("state", String, nullable=False),
)

drafts = Table(
    "drafts",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("talk", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

remarks = Table(
    "remarks",
    metadata,
    Column("id", String, primary_key=True),
    Column("dialogue", String, nullable=False),
    Column("side", String, nullable=False),
    Column("text", String, nullable=False),
    Column("clause", Integer, nullable=False),
    Column("delegate", String, nullable=False),
    Column("words", String, nullable=False),
    Column("at", String, nullable=False),
    Index("remarks_of", "dialogue", "side", "text"),
)

# --- log keys, and what readers have shown of logs ---------------------------------------------------

log_keys = Table(
    "log_keys",
    metadata,
    Column("side", String, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("seed", LargeBinary, nullable=True),
    Column("address", String, nullable=False),
)

shown = Table(
    "shown",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("note", LargeBinary, nullable=False),
)


# --- what reaches a delegate outside the pages ------------------------------------------------------

feeds = Table(
    "feeds",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("dialogue", String, nullable=False),
    Column("side", String, nullable=False),
    Column("delegate", String, nullable=False),
    Column("language", String, nullable=False),
    Column("titled", Integer, nullable=False),
    Column("made", String, nullable=False),
    UniqueConstraint("dialogue", "side", "delegate"),
)

wishes = Table(
    "wishes",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("delegate", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

mails = Table(
    "mails",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("delegate", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("due", String, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
)

noted = Table(
    "noted",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("size", Integer, nullable=False),
)


# --- papers: files beside the record ------------------------------------------------------------------

papers = Table(
    "papers",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("side", String, nullable=False),
    Column("talk", String, nullable=False),
    Column("item", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    Column("non_paper", Integer, nullable=False),
    Column("dropped", String, nullable=False),
    Column("commitment", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
)


# --- what a side prepares for itself ----------------------------------------------------------------

alternates = Table(
    "alternates",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("talk", String, primary_key=True),
    Column("delegate", String, primary_key=True),
    Column("stands_for", String, nullable=False),
)


def upgrade(db: Connection) -> None:
    """Make a database of an earlier version, or an empty one, this version's: one transaction, the caller's."""
    metadata.create_all(db)
    _log_keys_apart(db)


def _log_keys_apart(db: Connection) -> None:
    """Until version 2 the seed of a side's one log key stood in its founding."""
    columns = {column["name"] for column in inspect(db).get_columns("foundings")}
    if "log_key_seed" not in columns:
        return
    for side, seed in db.exec_driver_sql("SELECT side, log_key_seed FROM foundings").all():
        key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        db.execute(log_keys.insert().values(side=side, key=key, seed=seed, address=""))
    db.exec_driver_sql("ALTER TABLE foundings DROP COLUMN log_key_seed")
