"""`visavis record`: a dialogue's record as one file, and its checking by anybody, offline.

Lives here: `export`, `verify`, `restore`, `print`, the account in words; for others' tools
`policy`, `prove`, `check-proof`, `unpack`.
Not here: the checks (`verification`), the files' forms (`record.bundle`, `record.policy`, `record.inclusion`), what
stands on paper (`paper`).
Spec: docs/spec/record.md §§10.4–10.6, 12, 14, 15.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from visavis.errors import Malformed, Refused, Unavailable, Untrusted

if TYPE_CHECKING:
    from visavis.record.bundle import Fault
    from visavis.verification.account import Account, Agreement, Erasure, LogAccount, Signed
    from visavis.verification.bounds import Bound
    from visavis.verification.readable import Readable

Out = Annotated[Path | None, Parameter(name=["--out", "-o"])]

app = App(name="record", help="Export a dialogue's record, and verify it offline.")

READINGS = 3
"""Of a node's data for an export: a node that runs may write and cosign between the reading and the export."""
SHOWN = 50
"""Of each list, in words; `--json` gives all."""


@app.command
def verify(
    bundle: Path,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    entries: bool = False,
    side: str | None = None,
    first: Annotated[int, Parameter(name="--from")] = 0,
    last: Annotated[int | None, Parameter(name="--to")] = None,
    tsa_ca: Path | None = None,
) -> int:
    """Check a bundle: no server, no database, no network.

    Prints what is in force, signed by whom, as of which sizes, and what fails and why. The status is 0 only if
    every check holds; 1 if any fails, a void entry among them; 2 if the file cannot be read.

    Parameters
    ----------
    bundle:
        A file made by `visavis record export` (`*.visavis`).
    as_json:
        Print the whole account as JSON.
    entries:
        List the entries, too, one by one: who did what, by which proof, having seen what, and what came of it. All is
        checked in any case.
    side:
        List the entries of this side alone: its id, or enough of its beginning.
    first:
        List from this entry on.
    last:
        List up to this entry.
    tsa_ca:
        A PEM file of CA certificates of the timestamp authorities that you trust: each timestamp must lead to one
        of them (default: none is trusted, and timestamps are shown as not checked).
    """
    from visavis.cli import listing
    from visavis.record.timestamp import MAX_AUTHORITIES_BYTES, read_authorities
    from visavis.rulebook import EDITION_1
    from visavis.verification.bounds import bounds
    from visavis.verification.verify import examine

    if not entries and (side is not None or first or last is not None):
        raise Refused("--side, --from and --to choose among entries: say --entries, too")
    authorities = (
        () if tsa_ca is None else read_authorities(read_file(tsa_ca, MAX_AUTHORITIES_BYTES, "CA file"))
    )
    data = [read_bundle(bundle)]
    gc.disable()  # an account has no cycles, and looking for them takes a tenth of the time
    try:
        examined = examine(data.pop(), EDITION_1)  # kept here, the bytes would be there twice
    finally:
        gc.enable()
    account = examined.account
    stamped: tuple[Bound, ...] = ()
    if any(log.timestamps for log in account.logs):
        stamped, failing = bounds(read_bundle(bundle), authorities)
        account = replace(account, faults=account.faults + failing)
    entries = entries and bool(account.dialogue)
    chosen = one_of(tuple(log.side for log in account.logs), side, "side") if entries and side else None
    listed = examined.lines(chosen, max(0, first), None if last is None else last + 1)
    if as_json:
        value = {**account.to_json(), "bounds": [asdict(bound) for bound in stamped]}
        spelt = json.dumps(value, ensure_ascii=False, indent=2)
        sys.stdout.writelines(listing.in_json(spelt, listed) if entries else (spelt, "\n"))
    else:
        show(lines(account, stamped))
        if entries:
            show(listing.in_words(account, listed, listing.width()))
    return 0 if account.holds else 1


@app.command
async def export(
    dialogue: str,
    /,
    *,
    out: Path | None = None,
    side: str | None = None,
    data: Path | None = None,
) -> None:
    """Write a dialogue's record as one file, with the contents that both sides may read.

    Parameters
    ----------
    dialogue:
        The dialogue's id, or enough of its beginning.
    out:
        Where to write (default: the id's first eight characters, `.visavis`). Never written over.
    side:
        A side's id, or enough of its beginning: include what that side alone may read.
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data). The node may be running.
    """
    from visavis.bootstrap import open_record
    from visavis.config import Settings
    from visavis.record.bundle import SUFFIX

    found, packed = "", b""
    for _ in range(READINGS):
        async with open_record(Settings.from_environment(data=data).data) as dialogues:
            found = one_of(dialogues.ids, dialogue, "dialogue")
            chosen = None if side is None else one_of(dialogues.ledger(found).sides, side, "side")
            packed = await dialogues.export(found, chosen)
            if dialogues.is_cosigned(found):
                break
    target = Path(found[:8] + SUFFIX) if out is None else out
    write_new(target, packed)
    sys.stdout.write(f"{target}\n")


@app.command
async def restore(bundle: Path, /, *, data: Path | None = None) -> None:
    """Fetch back the entries and contents that this node's disk has lost, from a bundle that anybody holds.

    The bundle is verified whole first; proofs of a fork that it holds are kept, too, and are no fault here.
    Logs are only extended: if it holds another history, nothing is written.
    The node must not be running.

    Parameters
    ----------
    bundle:
        A file made by `visavis record export`, or exported from a page of the record.
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data).
    """
    from visavis.bootstrap import open_stopped
    from visavis.config import Settings
    from visavis.dialogue.ports import ContentRow, Fork
    from visavis.record.bundle import parse_bundle
    from visavis.rulebook import EDITION_1
    from visavis.verification.holdings import holdings
    from visavis.verification.verify import verify as check

    packed = read_bundle(bundle)
    account = check(packed, EDITION_1)
    failing = [
        fault for fault in account.faults if fault.check != "fork"
    ]  # a fork changes nothing of this log
    if failing:
        first = _fault_line(account, failing[0])
        raise Refused(f"the bundle does not verify; nothing was written {first}")
    given, _ = parse_bundle(packed)
    forks = [
        Fork(given.dialogue, side, fork.held, fork.shown)
        for side, part in given.logs.items()
        for fork in part.forks
    ]
    logs = {side: part.leaves for side, part in given.logs.items()}
    known = holdings(logs, EDITION_1)
    contents = []
    for commitment, opened in given.contents.items():
        of = known.get(commitment)
        if of is None:  # named by an entry, and committed to by none: it is nobody's
            continue
        contents.append(
            ContentRow(
                given.dialogue, of.side, commitment, opened.salt, opened.content, of.language, of.audience
            )
        )
    log_to_stderr()
    async with open_stopped(Settings.from_environment(data=data).data) as dialogues:
        entries, texts = await dialogues.restore(given.dialogue, logs, contents, forks)
        stopped = dialogues.ledger(given.dialogue).stopped
    sys.stdout.write(f"{entries} entries and {texts} contents fetched back.\n")
    if stopped is not None:
        raise Unavailable(f"nothing can be written yet: {stopped.message}")


def log_to_stderr() -> None:
    """What the node's inside notices goes beside the answer, not into it."""
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))


@app.command
def policy(bundle: Path, /) -> None:
    """Print a bundle's policy, as C2SP tlog-policy writes it: its checkpoints count that both sides have cosigned.

    Parameters
    ----------
    bundle:
        A file made by `visavis record export` (`*.visavis`).
    """
    from visavis.record.policy import encode_policy

    sys.stdout.write(encode_policy(readable(bundle).policy()).decode())


@app.command
def prove(bundle: Path, side: str, index: int, /, *, out: Out = None) -> None:
    """Write the proof that an entry is in a side's log, as C2SP tlog-proof writes it, and the entry beside it.

    Whoever has the policy (`visavis record policy`) checks both with `visavis record check-proof`, or with a
    tool of others, and needs neither the bundle nor a server.

    Parameters
    ----------
    bundle:
        A file made by `visavis record export` (`*.visavis`).
    side:
        The side's id, or enough of its beginning.
    index:
        The entry's index in that side's log, from 0.
    out:
        Where to write the proof (default: the side's first eight characters, the index, `.tlog-proof`); the
        entry is written under the same name with `.json`. Never written over.
    """
    from visavis.record.inclusion import SUFFIX, encode_proof

    record = readable(bundle)
    chosen = one_of(record.bundle.sides, side, "side")
    proof, entry = record.prove(chosen, index)
    target = Path(f"{chosen[:8]}-{index}{SUFFIX}") if out is None else out
    beside = target.with_suffix(".json")
    if target.exists() or beside.exists() or beside == target:
        raise Refused(f"{target} or {beside} is there already; nothing was written")
    write_new(target, encode_proof(proof))
    write_new(beside, entry)
    sys.stdout.write(f"{target}\n{beside}\n")


@app.command(name="check-proof")
def check_proof(proof: Path, entry: Path, policy: Path, /) -> int:
    """Check that an entry is in a log: no bundle, no server, no network.

    The status is 0 if the proof holds, 1 if it does not, 2 if a file cannot be read. That an entry is in the
    log does not say that it stands: that takes the bundle.

    Parameters
    ----------
    proof:
        A `.tlog-proof`, by Visavis or by another tool.
    entry:
        The entry's bytes, exactly.
    policy:
        Which logs and cosigners count: a C2SP tlog-policy file, from somebody whom you trust.
    """
    from visavis.record import inclusion, tiles
    from visavis.record.policy import MAX_BYTES, parse_policy

    data = read_file(proof, inclusion.MAX_BYTES, "proof")
    leaf = read_file(entry, tiles.MAX_ENTRY_BYTES, "entry")
    trusted = read_file(policy, MAX_BYTES, "policy")
    try:
        logged = inclusion.check_proof(inclusion.parse_proof(data), leaf, parse_policy(trusted))
    except (Malformed, Untrusted) as error:
        sys.stdout.write(f"✗ The proof does not hold: {printable(error.message)}.\n")
        return 1
    sys.stdout.write(
        f"✓ Entry {logged.index} is in the log of side {logged.side}, of dialogue {logged.dialogue}.\n"
        f"  as of             {logged.size} entries\n"
    )
    for name, cosignature in logged.met.cosigned.items():
        when = _instant(cosignature.timestamp)
        sys.stdout.write(f"  cosigned          by {printable(name)}, {when} by its clock\n")
    return 0


@app.command
def unpack(bundle: Path, folder: Path, /) -> None:
    """Lay a bundle's logs and policy out as static files, which others' tools read: C2SP tlog-tiles.

    In the folder: `policy`, and for each side `<side>/checkpoint`, `<side>/tile/…`, `<side>/vkey`.

    Parameters
    ----------
    bundle:
        A file made by `visavis record export` (`*.visavis`).
    folder:
        The folder to make. Never written over.
    """
    files = list(readable(bundle).files())
    try:
        folder.mkdir()
        for path in sorted({(folder / name).parent for name, _ in files}):
            path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise Refused(f"{folder} is there already; nothing was written") from None
    except OSError as error:
        raise Unavailable(f"{folder} cannot be made: {error.strerror}") from error
    for name, content in files:
        write_new(folder / name, content)
    sys.stdout.write(f"{folder}\n")


@app.command(name="print")
def print_(
    bundle: Path,
    /,
    *,
    side: str,
    understanding: str | None = None,
    out: Path | None = None,
    seal: Path | None = None,
) -> int:
    """Print a side's copy of its understandings as PDF, from a bundle: no server and no network.

    The status is 1 if any check of the bundle fails; the paper then says so.

    Parameters
    ----------
    bundle:
        A file made by `visavis record export` (`*.visavis`).
    side:
        Whose copy: the side's id, or enough of its beginning. Its name and its language stand first.
    understanding:
        Print this one, however it stands (default: all that are in force).
    out:
        Where to write (default: the bundle's name, the side's first eight characters, `.pdf`). Never written over.
    seal:
        A PEM file with a P-256 key and its certificate, such as the node's `seal-<side>.pem` (default: no seal, since
        a bundle holds no key).
    """
    from visavis.paper.model import paper_of
    from visavis.paper.printing import print_paper
    from visavis.paper.sealing import read_seal
    from visavis.rulebook import EDITION_1
    from visavis.verification.verify import verify as check

    account = check(read_bundle(bundle), EDITION_1)
    if not account.dialogue:
        raise Malformed(account.faults[0].message)
    chosen = one_of(tuple(log.side for log in account.logs), side, "side")
    try:
        key = None if seal is None else read_seal(seal.read_bytes())
    except OSError as error:
        raise Unavailable(f"{seal} cannot be read: {error.strerror}") from error
    pdf = print_paper(paper_of(account, chosen, understanding), key)
    target = Path(f"{bundle.stem}-{chosen[:8]}.pdf") if out is None else out
    write_new(target, pdf)
    sealed = "unsealed: a bundle holds no key" if key is None else f"sealed: certificate {key.fingerprint}"
    sys.stdout.write(f"{target}\n{sealed}\n")
    if not account.holds:
        sys.stderr.write(f"The record does not hold, and the paper says so: {len(account.faults)} faults.\n")
    return 0 if account.holds else 1


def readable(path: Path) -> Readable:
    """The bundle at `path`, for others' tools. Raises as `read_bundle` and `Readable` do."""
    from visavis.rulebook import EDITION_1
    from visavis.verification.readable import Readable

    return Readable(read_bundle(path), EDITION_1)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises `Refused` if it is, `Unavailable` if it cannot be written."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise Refused(f"{path} is there already; nothing was written") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


def read_bundle(path: Path) -> bytes:
    """The file's bytes, within the bundle's budget. Raises `Unavailable` if it cannot be read."""
    from visavis.record.container import MAX_BYTES

    return read_file(path, MAX_BYTES, "bundle")


def read_file(path: Path, limit: int, what: str) -> bytes:
    """The file's bytes. Raises `Unavailable` if it cannot be read, `Malformed` if it exceeds `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise Malformed(f"{path} is larger than {limit} bytes, which no {what} is")
    return data


def one_of(ids: tuple[str, ...], begins: str, what: str) -> str:
    """The one id that begins so. Raises `Refused` if there is none, or more than one."""
    found = [each for each in ids if each.startswith(begins)]
    if len(found) != 1 or not begins:
        raise Refused(
            f"{'no' if not found else 'more than one'} {what} has an id that begins with {begins!r}"
        )
    return found[0]


# --- the account in words -------------------------------------------------------------------------


def show(printed: Iterator[str]) -> None:
    """Print lines. Colours only where there is a terminal."""
    if not sys.stdout.isatty():
        sys.stdout.writelines(line.removeprefix("# ") + "\n" for line in printed)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    styles = {"✓": "bold green", "✗": "bold red", "#": "bold", "!": "red"}
    for line in printed:
        mark, _, rest = line.partition(" ") if line[:1] != "!" else ("!", "", "")
        if mark == "#":
            console.print(Text(rest, style="bold"))
        else:
            console.print(Text(line, style=styles.get(mark, "")))


def lines(account: Account, bounds: tuple[Bound, ...] = ()) -> Iterator[str]:
    """The account, line by line; a heading begins with "# ", what fails with "! "."""
    if account.holds:
        yield "✓ The record holds. Every check of every entry, checkpoint and content passed."
    else:
        count = len(account.faults)
        yield f"✗ The record does not hold: {count} {'check fails' if count == 1 else 'checks fail'}."
    if account.faults:
        yield ""
        yield "# What fails"
        yield from _first(account.faults, lambda fault: _fault_line(account, fault))
    if not account.dialogue:
        return
    yield ""
    yield f"# Dialogue {account.dialogue}"
    for log in account.logs:
        yield from _log_lines(log, tuple(bound for bound in bounds if bound.side == log.side))
    for heading, chosen in (
        ("In force", account.in_force()),
        ("Was in force", tuple(a for a in account.agreements if a not in account.in_force())),
    ):
        if chosen:
            yield ""
            yield f"# {heading}"
        for agreement in chosen[:SHOWN]:
            yield from _agreement_lines(account, agreement)
    if account.waiting:
        yield ""
        yield "# Waiting for an answer"
        yield from _first(
            account.waiting,
            lambda w: (
                f"  {_name(account, w.for_side)}: {w.what} {printable(w.slot)} {w.hash[:12]} ({w.status})"
            ),
        )
    if account.erased:
        yield ""
        yield "# Erased"
        yield from _first(account.erased, lambda each: _erasure_line(account, each))
    if account.withheld:
        yield ""
        yield "# Committed to, not in the bundle, and erased by no side"
        yield from _first(account.withheld, lambda each: f"  {each}")
    yield ""
    yield f"{account.entries} entries, {account.contents} contents in the bundle."


def _first(items: tuple[Any, ...], spell: Any) -> Iterator[str]:
    for item in items[:SHOWN]:
        yield spell(item)
    if len(items) > SHOWN:
        yield f"  … and {len(items) - SHOWN} more (see --json)"


def _erasure_line(account: Account, erasure: Erasure) -> str:
    """When, by whom, where it stands; and whether the words are in this bundle all the same."""
    who = printable(erasure.name) if erasure.name is not None else f"delegate {printable(erasure.delegate)}"
    where = f"{_name(account, erasure.side)}, entry {erasure.index}"
    when = f"{printable(erasure.time)} by its node's clock"
    line = f"  {erasure.commitment}: erased on {when}, by {who}, {printable(erasure.role)} ({where})"
    return f"{line}; in this bundle all the same: another copy" if erasure.here else line


def _fault_line(account: Account, fault: Fault) -> str:
    where = "" if fault.log is None else f"{_name(account, fault.log)}"
    if fault.index is not None:
        where += f", entry {fault.index}"
    return f"! {fault.check}: {where + ': ' if where else ''}{printable(fault.message)}"


def _log_lines(log: LogAccount, bounds: tuple[Bound, ...]) -> Iterator[str]:
    names = ", ".join(f"{printable(name)} ({printable(language)})" for language, name in log.names.items())
    yield ""
    yield f"  {names}"
    yield f"    log               {log.side}"
    yield f"    as of             {log.size} entries, root {log.root}"
    yield f"    acknowledged      {log.acknowledged} entries, by the other side's log"
    if log.cosigned is not None:
        when = _instant(log.cosigned.timestamp)
        yield f"    cosigned          {log.cosigned.size} entries, {when} by the other side's clock"
    else:
        yield "    cosigned          not by the other side"
    for bound in bounds[:1] + bounds[1:][-1:]:  # the earliest and the latest: the others are in `--json`
        yield (
            f"    timestamped       {bound.size} entries existed not later than {bound.time}, according to"
            f" {printable(bound.authority) or 'an authority that does not say its name'}"
            f" (certificate {bound.serial or 'unknown'})"
        )
        how = "" if bound.checked else "not "
        yield f"                      {how}checked against {'an' if bound.checked else 'any'} authority that you trust"
    for person in log.delegates:
        powers = ", ".join(person.powers) or "none"
        name = printable(person.name) if person.name is not None else f"delegate {printable(person.delegate)}"
        yield f"    {person.role:<16}  {name}; powers: {powers}"


def _agreement_lines(account: Account, agreement: Agreement) -> Iterator[str]:
    yield ""
    yield f"  {agreement.kind}  {printable(agreement.slot)}  {agreement.hash}  ({agreement.standing})"
    known = {**agreement.contents, **{log.side: next(iter(log.names.values())) for log in account.logs}}
    for line in body_lines(agreement.body, known):
        yield f"    {line}"
    for signed in agreement.signed:
        who = printable(signed.name) if signed.name is not None else f"delegate {printable(signed.delegate)}"
        yield (
            f"    signed by {who}, {signed.role} of {_name(account, signed.side)}:"
            f" entry {signed.index}, {printable(signed.time)} by its node's clock"
        )
        if agreement.contents:
            yield f"      {_at_hand(signed)}"
    if agreement.known_since is not None:
        yield f"    {_since(account, agreement)}"
    for ended in agreement.ended:
        yield f"    ended by {_name(account, ended.side)}: entry {ended.index}"


def _at_hand(signed: Signed) -> str:
    """What the signer's own log says of the text's contents before the signature (record.md §7.6)."""
    if signed.tabled is not None and signed.tabled <= signed.index:
        return f"its own side tabled the text, at entry {signed.tabled}"
    if signed.received is not None:
        return f"text received at entry {signed.received}, before signing"
    return "no receipt for the text before signing"


def _since(account: Account, agreement: Agreement) -> str:
    known = agreement.known_since or {}
    missing = [_name(account, side) for side, index in known.items() if index is None]
    if missing:
        return f"not yet acknowledged by {' and '.join(missing)}"
    places = [f"entry {index} of {_name(account, side)}" for side, index in known.items()]
    return f"known to both since {' and '.join(places)}"


def body_lines(value: object, known: Mapping[str, str | None], label: str = "") -> Iterator[str]:
    """A subject's body, one thing each line, with words in place of commitments and of the sides' ids."""
    before = f"{label}: " if label else ""
    match value:
        case dict():
            for name, member in value.items():
                yield from body_lines(member, known, f"{label} {printable(name).replace('_', ' ')}".strip())
        case [str(language), str(commitment)] if commitment in known:
            yield f"{before}{printable(language)}: {_said(known[commitment])}"
        case list() | tuple() if all(not isinstance(item, dict | list | tuple) for item in value):
            if value:
                yield before + ", ".join(printable(str(item)) for item in value)
        case list() | tuple():
            for number, item in enumerate(value, 1):
                yield from body_lines(item, known, f"{label} {number}" if isinstance(item, dict) else label)
        case None | False | "":
            return
        case str() if value in known:
            yield before + _said(known[value])
        case _:
            yield before + printable(str(value))


def _said(words: str | None) -> str:
    return "(not in the bundle)" if words is None else f"“{printable(words)}”"


def _name(account: Account, side: str) -> str:
    for log in account.logs:
        if log.side == side:
            return printable(next(iter(log.names.values())))
    return side[:12]


def _instant(timestamp: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{timestamp} s"


def printable(text: str) -> str:
    """`text` on one line, without what would command the terminal or turn the line's direction."""
    from visavis.dialogue.texts import is_odd

    shown = "".join(
        " " if character in "\n\t" else "�" if is_odd(character) else character for character in text[:2001]
    )
    return shown if len(text) <= 2000 else shown[:2000] + "…"
