"""Tables. Nothing is updated in place but what is marked so: spent links, widened audiences, moderation, a
cosigner's memory, marks.

Lives here: SQLAlchemy Core tables and the schema's version. Not here: queries (`sqlite`).
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table

VERSION = 2
"""`PRAGMA user_version` of the schema. A database of another version is refused, not guessed at."""
EARLIER = (0,)
"""Versions that become this one when the tables that they lack are made: 0 is a new database."""
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
    Column("log_key_seed", LargeBinary, nullable=False),
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
