"""Two adversaries at one record: every property of the rule book, on histories that Hypothesis invents.

Both sides may write any well-formed act with any credential they hold or held, lie in `ack` (too low, too high,
wrong root), sign on a stale view, backdate, replay, write garbage; delivery is delayed and partial. All of it is
real: Ed25519, RFC 8785, RFC 9162. EXAMPLES and STEPS from the environment scale the run.
Source: rule book 2a §§1, 3, 5, 8, 14.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.dialogue.lab import (
    AG,
    CREDENTIAL,
    DIALOGUE,
    FA,
    FORGED,
    G1,
    G2,
    H1,
    H2,
    H3,
    H4,
    HG1,
    HG2,
    HR2,
    OVER,
    RECEIVE,
    ROOT_OF_LIES,
    RULEBOOK,
    RULES,
    SIDES,
    T1,
    T2,
    TALK,
    TG,
    V1,
    V2,
    V3,
    V4,
    Act,
    Lab,
    U,
    W,
    admit,
    adopt,
    assess,
    begin,
    both,
    consent,
    decline,
    diverge,
    end,
    erase,
    found,
    hash_of,
    initial,
    nonce,
    novel,
    offered,
    plain,
    powers,
    received,
    recover,
    refold,
    revoke,
    rotate,
    say,
    spend,
    stop,
    subject,
    text,
    withdraw,
)

from visavis.dialogue import verdicts
from visavis.dialogue.accord import COURSE, OfferStatus
from visavis.dialogue.acts import Consent, End, Power, Slot, Spend, Stop, Table, Withdraw
from visavis.dialogue.fold import FOLDED, SideState
from visavis.dialogue.join import Joint, join, mirror, preview
from visavis.dialogue.sessions import NEVER
from visavis.record.entry import NODE, Entry, Seen, make_entry, parse_entry

COUNT: Counter[str] = Counter()
State = dict[str, Any]

ONE_SIDED = text("one", undertakings=both("one")[:1])
STRIP = text("strip", H1, undertakings=both("strip")[:1])
SOFT = text("soft", H1, kind="understanding", undertakings=both("soft")[1:])
G3 = plain(AG, "ag3", HG1)
W1 = text("w1", u="W", kind="understanding")
TABLES: list[Act] = [V1, V2, V3, V4, ONE_SIDED, STRIP, SOFT, G1, G2, G3, T1, T2, W1]
HASHES: list[tuple[Slot, str]] = [(subject(act).slot, hash_of(act)) for act in TABLES]

acts = st.one_of(
    st.sampled_from(TABLES),
    st.sampled_from([offered(act) for act in TABLES]),
    st.sampled_from([consent(k, h) for k, h in HASHES]),
    st.sampled_from([consent(k, h) for k, h in HASHES[:4]]),
    st.sampled_from([withdraw(k, h) for k, h in HASHES]),
    st.sampled_from([withdraw(k, h) for k, h in HASHES[:2]]),
    st.sampled_from([decline(k, h) for k, h in HASHES]),
    st.sampled_from(
        [
            consent(TG, "x"),
            consent(TG, "y"),
            withdraw(TG, "x"),
            consent(AG, H1),
            consent(U, HG1),
            consent(RULES, HR2),
            consent(("nowhere",), H1),
            adopt(2),
            adopt(2),
            adopt(3, HR2),
        ]
    ),
    st.sampled_from([end(U), end(W), end(TALK), end(OVER), end(AG)]),
    st.builds(begin, st.sampled_from(["recording", "sitting"]), st.just("T"), st.integers(0, 3)),
    st.builds(stop, st.sampled_from(["recording", "sitting"]), st.just("T"), st.integers(1, 3)),
    st.sampled_from(
        [
            assess("implemented"),
            initial(H1),
            initial(HG1),
            diverge(H1, "one reading"),
            diverge(H1, "another"),
            received(H1),
            received(HG1),
            say("rank/T", "x, y"),
            erase("v1-en"),
            RECEIVE,
            RECEIVE,
            novel("n"),
            novel("bad"),
            {"type": "later.thing", "of": "whatever"},
            {"type": "lab.begin", "kind": "sitting"},
            found(FA),
            revoke("a1"),
            revoke("b1"),
            revoke("a0"),
            rotate("k2"),
            admit("z9", ["sign", "schedule", "admit"]),
            admit("phone", ["speak"]),
            powers("principal-a", "speak"),
            powers("principal-b", "admit", "sign", "schedule", "speak"),
            powers("officer-a"),
            recover("r9"),
        ]
    ),
)
NEXT = 8
"""How far ahead a nonce is spent: the lab counts them, so that some are of acts to come, some of acts entered."""

side = st.integers(0, 1)
CREDENTIALS = (
    ("a0", "a1", "recovery-a", "z9", "r9", "phone"),
    ("b0", "b1", "recovery-b", "z9", "r9", "phone"),
)


def clock(n: int) -> str:
    """Any time at all: no rule reads it."""
    return f"2021-12-{n % 28 + 1:02}T00:00:00Z"


class TwoSides(RuleBasedStateMachine):
    """Anything goes."""

    def __init__(self) -> None:
        super().__init__()
        self.t = Lab()
        self.snaps: list[tuple[int, int, State]] = []
        self.honest: list[tuple[int, int]] = []
        self.live = join(self.t.folds[0], self.t.folds[1], RULEBOOK)  # fed entry by entry, never rebuilt
        COUNT["examples"] += 1

    def enter(self, s: int, leaf: bytes) -> int:
        """Write a leaf; what `preview` said of it must be what came of it."""
        i = len(self.t.logs[s])
        said = preview(self.live, s, parse_entry(leaf))
        self.t.put(s, leaf)
        self.live.advance()
        came = self.live.verdicts[s]
        assert said == (came[i] if i < len(came) else verdicts.HELD), "preview promised something else"
        COUNT["entries"] += 1
        return i

    @rule(
        s=side,
        act=acts,
        who=st.integers(0, 6),
        lag=st.integers(0, 6),
        own=st.integers(0, 4),
        lie=st.integers(0, 20),
        more=st.integers(1, 8),
        time=st.integers(0, 27),
    )
    def write_anything(
        self, s: int, act: Act, who: int, lag: int, own: int, lie: int, more: int, time: int
    ) -> None:
        t, n = self.t, len(self.t.logs[s])
        by = (NODE, *CREDENTIALS[s])[who] if lie > 3 else CREDENTIALS[s][1]
        ack: Seen | int = max(0, t.received[s] - (lag if lie % 2 else 0))
        seen: Seen | int = max(0, n - (own if lie % 3 == 0 else 0))
        members: dict[str, Any] = {}
        if lie == 0:
            members["dialogue"] = "another"
        if lie == 2:
            ack = Seen(t.received[s], ROOT_OF_LIES, b"" if more % 2 else FORGED)
        if lie == 3:
            ack = Seen(t.received[s] + more, ROOT_OF_LIES, FORGED)
        if lie == 6 and more == 1 and t.received[s]:
            ack = t.seen_in_a_fork(1 - s, max(1, t.received[s] + lag - 3))
        if lie == 4:
            members["nonce_"] = nonce(f"{s}:{s * 2 + 1}")  # its founding's
        if lie == 5:
            seen = Seen(n, ROOT_OF_LIES)
        signed, signer = t.signed(s, act, by=by, ack=ack, own=seen, **members)
        self.enter(s, t.leaf(s, signed, signer, forge=lie == 1, time=clock(time)))

    @rule(s=side, act=acts, officer=st.booleans())
    def write_honestly(self, s: int, act: Act, officer: bool) -> None:
        """A node that refuses what its own view calls void; what it did write must never become void."""
        t = self.t
        if act is RECEIVE:
            t.deliver(s)
        by = NODE if act is RECEIVE else CREDENTIALS[s][0 if officer else 1]
        leaf = t.leaf(s, *t.signed(s, act, by=by))
        if preview(t.view(s), s, parse_entry(leaf)) is None:
            self.honest.append((s, self.enter(s, leaf)))

    @rule(s=side)
    def agree(self, s: int) -> None:
        """Answer the other's last open offer with the same: makes agreements common."""
        j = self.t.view(s)
        for slot in j.slots:
            offer = j.open_offer(1 - s, slot)
            if offer is not None:
                act = adopt(2) if slot == RULES else consent(slot, offer.hash)
                self.enter(s, self.t.leaf(s, *self.t.signed(s, act)))
                return

    @rule(s=side, rare=st.integers(0, 4))
    def garbage(self, s: int, rare: int) -> None:
        if rare == 0:
            self.t.put(s, b"\x00{")
            self.live.advance()

    @rule(s=side, back=st.integers(1, 6))
    def replay(self, s: int, back: int) -> None:
        """A node enters again what its delegate signed once."""
        n = len(self.t.logs[s])
        entry = entry_of(self.t, s, max(0, n - back))
        if entry is not None:
            self.enter(s, make_entry(entry.signed, entry.proof, seq=n, time=clock(n)).leaf)

    @rule(s=side, who=st.integers(1, 6), of=st.integers(0, 1), ahead=st.integers(-NEXT, NEXT))
    def make_worthless(self, s: int, who: int, of: int, ahead: int) -> None:
        """A delegate spends a nonce: of an act to come, of one entered, of a colleague's, of the other side's."""
        act = spend(nonce(f"{of}:{self.t.count + 1 + ahead}"))
        self.enter(s, self.t.leaf(s, *self.t.signed(s, act, by=CREDENTIALS[s][who - 1])))

    @rule(s=side, n=st.integers(1, 9))
    def deliver(self, s: int, n: int) -> None:
        self.t.deliver(s, n)
        self.snap()

    def snap(self) -> None:
        t = self.t
        self.snaps.append((len(t.logs[0]), t.received[0], t.view(0).state()))
        self.snaps.append((t.received[1], len(t.logs[1]), t.view(1).state()))

    def teardown(self) -> None:
        t = self.t
        final = t.all()
        state = final.state()
        COUNT["accords"] += sum(len(s.accords) for s in final.slots.values())
        for s in (0, 1):
            COUNT.update(f"void: {v}" for v in final.verdicts[s] if v)
            COUNT["held"] += final.held[s]
        check_symmetric(t, state)
        check_walk(t, state, self.live.state())
        check_bytes(t, state)
        check_monotone(self.snaps, state)
        check_justified(t, final)
        check_heard(t, final)
        check_each(t, final)
        check_alone(t)
        check_time_and_void_have_no_effect(t, state)
        for s, i in self.honest:
            if i < len(state["verdicts"][s]):
                assert state["verdicts"][s][i] is None, "an honest act became void"
        check_fold_and_join_agree(t, state)
        check_live(t)


def entry_of(t: Lab, s: int, i: int) -> Entry | None:
    return t.folds[s].entry(i)


def check_symmetric(t: Lab, state: State) -> None:
    """Swapping the sides mirrors the state."""
    assert mirror(t.swapped().state()) == state


def check_walk(t: Lab, state: State, live: State) -> None:
    """The order of walking does not matter, and entry by entry is the same as all at once."""
    for seed in (1, 2):
        draw = random.Random(seed)
        walked = Joint(t.folds[0], t.folds[1], RULEBOOK, partial(draw.getrandbits, 1))
        assert walked.state() == state, "the order of walking matters"
    assert live == state, "incremental differs from whole"
    for s in (0, 1):
        n = len(state["verdicts"][s])
        held = entry_of(t, s, n) if n < len(t.logs[s]) else None
        missing = held is not None and held.signed.ack.size > len(t.logs[1 - s])
        assert n == len(t.logs[s]) or missing or any(state["forked"]), "held without a missing entry"


def check_bytes(t: Lab, state: State) -> None:
    """The leaves alone give it all: nothing of the state hides in memory."""
    folds = [refold(s, t.logs[s]) for s in (0, 1)]
    assert join(folds[0], folds[1], RULEBOOK).state() == state
    for s in (0, 1):
        assert folds[s].credentials == t.folds[s].credentials
        assert {c: folds[s].powers_of(c) for c in folds[s].credentials} == {
            c: t.folds[s].powers_of(c) for c in t.folds[s].credentials
        }


def check_fold_and_join_agree(t: Lab, state: State) -> None:
    """What `fold` has applied (credentials, keys), `join` never calls void; nor what protects, for a lie."""
    for s in (0, 1):
        for i, verdict in enumerate(state["verdicts"][s]):
            judged = t.folds[s].judged[i]
            if verdict == verdicts.FALSE_ACKNOWLEDGEMENT:
                assert not isinstance(judged.move, Stop | End), "a stop or an end waited for a true ack"
            if judged.verdict is None and isinstance(judged.move, FOLDED):
                assert verdict is None, "join voids what fold applied"


def reached(status: OfferStatus) -> set[OfferStatus]:
    """Where the course of an offer leads from there, in any number of steps."""
    found = {status}
    while more := {after for (before, _), after in COURSE.items() if before in found} - found:
        found |= more
    return found


REACHED = {status: reached(status) for status in OfferStatus}


def check_monotone(snaps: list[tuple[int, int, State]], final: State) -> None:
    """More of either log never changes a verdict, an accord, a closed offer, an end or a stop."""
    for _, _, snap in snaps:
        for s in (0, 1):
            n = len(snap["verdicts"][s])
            assert final["verdicts"][s][:n] == snap["verdicts"][s], "judged by later knowledge"
            for name in ("ends", "begun", "stopped", "erased", "received", "tabled_at"):
                assert snap[name][s].items() <= final[name][s].items()
        for slot, (accords, offers) in snap["slots"].items():
            final_accords, final_offers = final["slots"][slot]
            assert final_accords[: len(accords)] == accords, "an agreement vanished"
            for s in (0, 1):
                for (h, at, status), (h2, at2, status2) in zip(offers[s], final_offers[s], strict=False):
                    assert (h, at) == (h2, at2)
                    assert status2 in REACHED[status], "an offer went where no row of its course leads"
        for slot, h in snap["in_force"].items():  # stays, until an act that ends or replaces it
            if h is not None and final["in_force"][slot] != h:
                replaced = h in [a.hash for a in final["slots"][slot][0][:-1]]
                assert replaced or any(final["ends"][s] for s in (0, 1))
        for at, n in snap["running"].items():
            if n is not None and final["running"][at] != n:
                stopped = any((*at, n) in final["stopped"][s] for s in (0, 1))
                assert stopped or any(final["ends"][s] for s in (0, 1))


def check_justified(t: Lab, j: Joint) -> None:
    """Independent of `join`'s own bookkeeping: what each agreement must rest on."""
    for slot, state in j.slots.items():
        base = None
        for accord in state.accords:
            for s in (0, 1):
                check_consent(t, j, slot, accord.hash, s, accord.at)
            if slot[0] == "together":
                continue
            agreed = j.tabled[accord.hash]
            assert agreed.base == base, "two successors of one text"
            base = accord.hash
            if agreed.kind == "guarantee":
                bound = {u["by"] for u in agreed.body["undertakings"]}
                assert bound == set(SIDES), "one-sided guarantee in force"
            if agreed.base:
                assert j.tabled[agreed.base].kind == agreed.kind
    for s in (0, 1):  # a session after the first rests on a stop that was known
        for (kind, talk, n), i in j.sessions.begun[s].items():
            before = (kind, talk, n - 1)
            assert (
                n == 1
                or j.sessions.stopped[s].get(before, NEVER) < i
                or j.sessions.stopped[1 - s].get(before, NEVER) < j.eff[s][i]
            ), "begun before the last was stopped"


def check_consent(t: Lab, j: Joint, slot: Slot, hash_: str, s: int, at: tuple[int, int]) -> None:
    judged, entry = t.folds[s].judged[at[s]], entry_of(t, s, at[s])
    assert entry is not None
    assert j.verdicts[s][at[s]] is None
    assert isinstance(judged.move, Consent)
    assert judged.move.slot == slot
    assert entry.signed.side == SIDES[s], "bound by what it did not write"
    assert entry.signed.credential != NODE, "a node bound its side"
    if slot[0] not in ("together", "rules"):
        assert judged.move.hash == hash_
        before_them = itertools.chain(
            ((s, k) for k in (*range(entry.signed.own.size), at[s])),
            ((1 - s, k) for k in range(entry.signed.ack.size)),
        )
        assert any(
            j.verdicts[x][k] is None and tables(t, x, k) and t.folds[x].judged[k].subject == hash_
            for x, k in before_them
        ), "signed what had not been tabled before the signer's eyes"
    for k in range(at[s] + 1, len(j.verdicts[s])):
        move = t.folds[s].judged[k].move
        if j.verdicts[s][k] is None and isinstance(move, Withdraw) and move.slot == slot:
            assert j.eff[1 - s][at[1 - s]] <= k, "bound by a signature known to be withdrawn"
            break


def tables(t: Lab, s: int, i: int) -> bool:
    """Whether entry i of side s tables its subject: alone, or as an offer."""
    move = t.folds[s].judged[i].move
    return isinstance(move, Table) or (
        isinstance(move, Consent) and move.subject is not None and move.slot != RULES
    )


def check_heard(t: Lab, j: Joint) -> None:
    """What a side knows is the greatest ack so far that is true: named size, its root, the other's signature."""
    for s in (0, 1):
        other, known = t.folds[1 - s], 0
        for i, eff in enumerate(j.eff[s]):
            ack = t.folds[s].judged[i].ack
            if ack is not None and ack.size <= other.size and ack.root == other.root(ack.size):
                known = max(known, ack.size if other.signed(ack) else 0)
            assert eff == known, "a side knows less than it acknowledged, or more"


def check_each(t: Lab, j: Joint) -> None:
    """What stands was signed once, upon the latest own act in its slot, under an edition that knows it."""
    for s in (0, 1):
        nonces: set[bytes] = set()
        spent: set[tuple[str, bytes]] = set()
        acted: dict[Slot, int] = {}
        for i, verdict in enumerate(j.verdicts[s]):
            judged, entry = t.folds[s].judged[i], entry_of(t, s, i)
            if verdict is not None or judged.spec is None or entry is None:
                continue
            assert entry.signed.nonce not in nonces, "one act entered twice"
            nonces.add(entry.signed.nonce)
            assert (entry.signed.delegate, entry.signed.nonce) not in spent, "entered, though worthless"
            if isinstance(judged.move, Spend):
                assert judged.move.nonce not in nonces, "spent what is in the log"
                spent.add((entry.signed.delegate, judged.move.nonce))
                COUNT["spent"] += 1
            if judged.spec.edition > 1:
                adopted = [a.at for a in j.accords(RULES)]
                known = any(at[s] < i and at[1 - s] < j.eff[s][i] for at in adopted)
                assert known, "an act of an edition not in force"
            if isinstance(judged.move, Consent | Withdraw):
                slot = judged.move.slot
                if isinstance(judged.move, Consent):
                    assert acted.get(slot, -1) < entry.signed.own.size, "signed upon a stale view"
                acted[slot] = i


def check_alone(t: Lab) -> None:
    """One whole log with nothing but the other's founding: nothing mutual exists."""
    for j in (t.cut(len(t.logs[0]), 2), t.cut(2, len(t.logs[1]))):
        assert not any(s.accords for s in j.slots.values())
        assert all(n is None for n in j.state()["running"].values())


def rebuild(t: Lab, state: State, time: Callable[[int, int], str], *, strip: bool) -> Lab:
    """The same history with other times, and (strip) with receipts in place of void acts."""
    r = Lab.__new__(Lab)
    r.logs, r.count, r.clock, r.received = ([], []), 0, time, [0, 0]
    r.folds = [SideState(DIALOGUE, x, SIDES, RULEBOOK) for x in SIDES]
    moved = True
    while moved:
        moved = False
        for s in (0, 1):
            while len(r.logs[s]) < len(t.logs[s]) and copy_entry(t, r, state, s, strip=strip):
                moved = True
    assert [len(log) for log in r.logs] == [len(log) for log in t.logs]
    return r


def copy_entry(t: Lab, r: Lab, state: State, s: int, *, strip: bool) -> bool:
    """The next entry of log s, signed anew over the new history; False if what it acks is not there yet."""
    i, o = len(r.logs[s]), 1 - s
    entry = entry_of(t, s, i)
    if entry is None:
        r.put(s, t.logs[s][i])
        return True
    verdict = state["verdicts"][s][i] if i < len(state["verdicts"][s]) else None
    envelope = verdict in verdicts.ENVELOPE or t.folds[s].judged[i].verdict in verdicts.ENVELOPE
    signed = entry.signed
    ack, own = signed.ack, signed.own
    true_ack = not envelope and (
        (ack.size == 0 and ack == Seen(0, t.folds[o].root(0)))
        or (ack.size <= len(t.logs[o]) and t.folds[o].root(ack.size) == ack.root and t.folds[o].signed(ack))
    )
    if true_ack and ack.size > len(r.logs[o]):
        return False
    ack = r.seen(o, ack.size, sign=True) if true_ack else ack
    if own.size <= i and own.root == t.folds[s].root(own.size):
        own = Seen(own.size, r.folds[s].root(own.size))
    act, by = dict(signed.act), name_of(signed.delegate, signed.credential)
    fresh = signed.nonce
    if strip and verdict is not None and not envelope:
        act, by = RECEIVE, NODE
        if verdict == verdicts.REPLAYED:
            fresh = nonce(f"strip {s}:{i}")
    members, signer = r.signed(s, act, by=by, ack=ack, own=own, nonce_=fresh, dialogue=signed.dialogue)
    r.put(s, r.leaf(s, members, signer, forge=entry.proof.sig == FORGED))
    return True


NAME_OF = {credential: name for name, credential in CREDENTIAL.items()}


def name_of(delegate: str, credential: str) -> str:
    return NODE if (delegate, credential) == (NODE, NODE) else NAME_OF[credential]


def check_time_and_void_have_no_effect(t: Lab, state: State) -> None:
    """Other times give the same state; void acts, taken out, leave everything else as it was."""
    draw = random.Random(7)
    other_times = rebuild(t, state, lambda s, i: clock(draw.randrange(28)), strip=False).all().state()
    assert other_times == state, "time decided something"
    stripped = rebuild(t, state, lambda s, i: clock(0), strip=True).all().state()
    for name in state:
        if name == "verdicts":
            for verdict in itertools.chain(*stripped[name]):
                may_stay = verdict in verdicts.ENVELOPE or verdict == verdicts.FALSE_ACKNOWLEDGEMENT
                assert verdict is None or may_stay
        else:
            assert stripped[name] == state[name], f"a void act had an effect on {name}"


def check_live(t: Lab) -> None:
    """Whatever was written, two sides that now behave can agree: no pen, lie or silence blocks for ever."""
    t.sync()
    for s in (0, 1):
        t.write(s, RECEIVE, by=NODE)
    t.receipts()
    j = t.all()
    if any(j.ended(x) for x in (OVER, U)) or any(j.forked):
        return
    assert j.held == (0, 0), "two honest nodes in contact, and still something held"
    who = [signer_of(t, s) for s in (0, 1)]
    t.sync()
    for s in (0, 1):
        offer = j.open_offer(s, U)
        if offer is not None and offer.withdrawn is None:
            t.write(s, withdraw(U, offer.hash), by=who[s])
    t.receipts()
    accords = t.all().accords(U)
    base = accords[-1].hash if accords else None
    new = text("fresh", base, kind=t.all().tabled[base].kind if base else "guarantee")
    t.write(0, new, by=who[0])
    t.sync()
    t.write(0, consent(U, hash_of(new)), by=who[0])
    t.sync()
    t.write(1, consent(U, hash_of(new)), by=who[1])
    assert t.force(U) == hash_of(new), ("cannot agree any more", [v[-3:] for v in t.all().verdicts])
    COUNT["live"] += 1


def signer_of(t: Lab, s: int) -> str:
    """Somebody of the side who may sign; an officer grants itself the power if nobody may."""
    fold = t.folds[s]
    persons = [c for c in fold.live_credentials() if c.level.value == "U"]
    for credential in persons:
        if Power.SIGN in fold.powers_of(credential.id):
            return NAME_OF[credential.id]
    officers = [c for c in persons if Power.ADMIT in fold.powers_of(c.id)]
    assert officers, "nobody is left who may admit"
    t.write(s, powers(officers[0].delegate, "admit", "sign"), by=NAME_OF[officers[0].id])
    assert Power.SIGN in fold.powers_of(officers[0].id)
    return NAME_OF[officers[0].id]


class TwoNegotiators(TwoSides):
    """Competent adversaries: everything tabled and heard, few destructive acts, acks too low at will.

    Reaches the deep states: pens, counter-offers, crossing withdrawals, amendments of amendments.
    """

    def __init__(self) -> None:
        super().__init__()
        t = self.t
        first = [act for act in TABLES if act["base"] is None]
        for act in first:
            t.write(len(t.logs[0]) % 2, act)
        t.sync()
        for act in TABLES:
            if act["base"] is not None:
                t.write(0, act)
        t.receipts()
        self.live.advance()

    write_anything = write_honestly = garbage = replay = make_worthless = None  # type: ignore[assignment]

    HOT: tuple[tuple[Slot, str], ...] = (
        *((U, h) for h in (H1, H2, H3, H4, hash_of(STRIP), hash_of(SOFT), hash_of(ONE_SIDED))),
        *((AG, h) for h in (HG1, HG2, hash_of(G3))),
        (TG, "x"),
        (RULES, HR2),
    )
    lags = st.sampled_from([0, 0, 0, 0, 1, 2, 4, 9])

    def put(self, s: int, act: Act, lag: int = 0, own: int = 0, by: str | None = None) -> None:
        t, n = self.t, len(self.t.logs[s])
        members, signer = t.signed(s, act, by=by, ack=max(0, t.received[s] - lag), own=max(0, n - own))
        self.enter(s, t.leaf(s, members, signer, time=clock(n * 7)))

    @rule(s=side, k=st.sampled_from(HOT), lag=lags, own=lags, node=st.integers(0, 9))
    def consent(self, s: int, k: tuple[Slot, str], lag: int, own: int, node: int) -> None:
        act = adopt(2) if k[0] == RULES else consent(*k)
        self.put(s, act, lag, own, NODE if node == 9 else None)

    @rule(s=side, lag=lags)
    def withdraw_last(self, s: int, lag: int) -> None:
        for slot, state in self.t.view(s).slots.items():
            for offer in state.offers[s][-1:]:
                if offer.withdrawn is None and offer.formed is None:
                    self.put(s, withdraw(slot, offer.hash), lag)
                    return

    @rule(s=side, lag=lags)
    def decline_theirs(self, s: int, lag: int) -> None:
        for slot, state in self.t.view(s).slots.items():
            for offer in state.offers[1 - s][-1:]:
                if offer.formed is None:
                    self.put(s, decline(slot, offer.hash), lag)
                    return

    @rule(s=side, lag=lags)
    def receipt(self, s: int, lag: int) -> None:
        self.put(s, RECEIVE, lag, by=NODE)

    @rule()
    def heal(self) -> None:
        self.t.sync()
        self.snap()

    @rule(s=side, k=st.sampled_from(HOT[:7]))
    def court(self, s: int, k: tuple[Slot, str]) -> None:
        """Offer, hear, answer or cross: the common course of a negotiation."""
        accords = self.t.view(s).accords(U)
        current = accords[-1].hash if accords else None
        if current is None:
            h = k[1] if k[1] in (H2, hash_of(ONE_SIDED)) else H1
        elif current == H1:
            h = k[1] if k[1] in (H4, hash_of(STRIP), hash_of(SOFT)) else H3
        else:
            return
        self.put(s, consent(U, h))
        self.t.deliver(1 - s, 2)

    @rule(s=side, act=st.sampled_from(TABLES), lag=lags, own=lags)
    def offer(self, s: int, act: Act, lag: int, own: int) -> None:
        """Table and sign in one gesture, upon an older view at will."""
        self.put(s, offered(act), lag, own)

    @rule(s=side, k=st.sampled_from(HOT[:4]), low=st.booleans(), answers=st.booleans())
    def change_of_mind(self, s: int, k: tuple[Slot, str], low: bool, answers: bool) -> None:
        """Withdraw, sign another at once; the other answers one of the two, heard or not."""
        offer = self.t.view(s).open_offer(s, U)
        if offer is not None and offer.withdrawn is None:
            self.put(s, withdraw(U, offer.hash))
            self.put(s, consent(*k))
            if not low:
                self.t.deliver(1 - s)
            self.put(1 - s, consent(U, offer.hash if answers else k[1]))

    @rule(s=side)
    def court_more(self, s: int) -> None:
        self.agree(s)
        self.t.deliver(1 - s)

    @rule(
        s=side,
        kind=st.sampled_from(["recording", "sitting"]),
        n=st.integers(1, 3),
        stops=st.booleans(),
        lag=lags,
    )
    def session(self, s: int, kind: str, n: int, stops: bool, lag: int) -> None:
        self.put(s, (stop if stops else begin)(kind, "T", n), lag)

    @rule(s=side, what=st.sampled_from([U, W, TALK, OVER]), rare=st.integers(0, 9), lag=lags)
    def end(self, s: int, what: Slot, rare: int, lag: int) -> None:
        if rare == 0:
            self.put(s, end(what), lag)

    @rule(
        s=side,
        act=st.sampled_from(
            [
                assess("extra-effort"),
                erase("v1-en"),
                novel("n"),
                revoke("b1"),
                initial(H1),
                diverge(H3, "as we read it"),
                received(H1),
            ]
        ),
        lag=lags,
    )
    def other(self, s: int, act: Act, lag: int) -> None:
        spoken = act["type"].startswith(("understanding.", "lab.novel"))
        self.put(s, act, lag, by=CREDENTIALS[s][1 if spoken else 0])


ADVERSARIES = settings(
    derandomize=os.environ.get("RANDOM") is None,
    max_examples=int(os.environ.get("EXAMPLES", "80")),
    stateful_step_count=int(os.environ.get("STEPS", "40")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = ADVERSARIES
TestTwoNegotiators = TwoNegotiators.TestCase
TestTwoNegotiators.settings = ADVERSARIES


def test_the_adversaries_met_what_they_claim() -> None:
    """The run above reached agreements and found that two sides that behave can still agree."""
    if COUNT["examples"] == 0:
        return  # the adversaries were not asked for in this run
    assert COUNT["accords"] > COUNT["examples"] / 10
    assert COUNT["live"] > COUNT["examples"] / 10
    assert COUNT["spent"] > 0
    assert COUNT["void: replayed"] > 0
