"""Policies of a log's checkpoints (record.md §10.5; C2SP tlog-policy)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, origin, sign_checkpoint
from visavis.record.merkle import leaf_hash
from visavis.record.note import COSIGNATURE_V1, ED25519, Note, parse_note, verifier_key
from visavis.record.policy import (
    MAX_BYTES,
    NONE,
    Group,
    Policy,
    check_note,
    dialogue_policy,
    encode_policy,
    parse_policy,
    satisfied,
)

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(40)]
PUBLIC = [key.public_key().public_bytes_raw() for key in KEYS]
DIALOGUE, A, B = "D" * 43, "A" * 43, "B" * 43
HEAD = (DIALOGUE, A, 17, leaf_hash(b"entry"))
TIME = 1_638_889_200
POLICY = dialogue_policy(DIALOGUE, {A: [PUBLIC[0]], B: [PUBLIC[1]]})
LOG = verifier_key("log", ED25519, PUBLIC[0])
OTHER_LOG = verifier_key("other", ED25519, PUBLIC[1])


def cosigner(n: int) -> str:
    return verifier_key(f"w{n}", COSIGNATURE_V1, PUBLIC[n])


def witnesses(count: int) -> str:
    return "".join(f"witness W{n} {cosigner(n)}\n" for n in range(count))


def checkpoint(*, log: int = 0, own: int | None = 0, other: int | None = 1) -> Note:
    """A's checkpoint, signed by the keys of these numbers; None leaves a line out."""
    cosignatures = [None if n is None else cosign(KEYS[n], *HEAD, TIME) for n in (other, own)]
    made = Checkpoint(*HEAD, sign_checkpoint(KEYS[log], *HEAD), *cosignatures)
    return parse_note(encode_checkpoint(made, PUBLIC[log], B, PUBLIC[other or 0]))


# --- the policy of a dialogue ---------------------------------------------------------------------


def test_the_policy_of_a_dialogue() -> None:
    """Both logs are named, both log keys are witnesses, and both must have cosigned."""
    assert encode_policy(POLICY).decode().splitlines() == [
        f"log {verifier_key(origin(DIALOGUE, A), ED25519, PUBLIC[0])}",
        f"log {verifier_key(origin(DIALOGUE, B), ED25519, PUBLIC[1])}",
        f"witness A {verifier_key(origin(DIALOGUE, A), COSIGNATURE_V1, PUBLIC[0])}",
        f"witness B {verifier_key(origin(DIALOGUE, B), COSIGNATURE_V1, PUBLIC[1])}",
        "group both all A B",
        "quorum both",
    ]
    assert parse_policy(encode_policy(POLICY)) == POLICY


def test_three_lines_meet_it() -> None:
    """A checkpoint with the log's line and both cosignatures meets the policy; who cosigned when is told."""
    met = check_note(POLICY, checkpoint())
    assert met.log.public_key == PUBLIC[0]
    assert {name: each.timestamp for name, each in met.cosigned.items()} == {"A": TIME, "B": TIME}
    assert satisfied(POLICY, checkpoint())


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ({"own": None}, "quorum both is not met; not cosigned by A$"),
        ({"other": None}, "quorum both is not met; not cosigned by B$"),
        ({"own": None, "other": None}, "quorum both is not met; not cosigned by A, B$"),
        ({"other": 2}, "not cosigned by B$"),
        ({"log": 2}, "not signed by a log that it names"),
    ],
)
def test_what_is_missing_is_named(lines: dict[str, int | None], says: str) -> None:
    """A missing line, or one by a key that the policy does not name, leaves the policy unmet."""
    with pytest.raises(Untrusted, match=says):
        check_note(POLICY, checkpoint(**lines))
    assert not satisfied(POLICY, checkpoint(**lines))


@pytest.mark.parametrize("at", range(3))
def test_a_known_key_whose_line_fails_fails_the_note(at: int) -> None:
    """A line by a key that the policy names is verified even where the quorum would do without it."""
    good = checkpoint()
    forged = bytearray(good.signatures[at].sig)
    forged[20] ^= 1
    bent = replace(good, signatures=tuple(
        replace(each, sig=bytes(forged)) if n == at else each for n, each in enumerate(good.signatures)
    ))  # fmt: skip
    for policy in (POLICY, replace(POLICY, quorum=NONE), replace(POLICY, quorum="A")):
        with pytest.raises(Untrusted, match=r"fails$"):
            check_note(policy, bent)


def test_a_log_signs_for_its_own_origin() -> None:
    """B's log key on a checkpoint of A's log is not the signature of A's log."""
    text = checkpoint().text
    name = origin(DIALOGUE, B)
    key = parse_policy(encode_policy(POLICY)).logs[1]
    line = replace(checkpoint().signatures[0], name=name, key_id=key.id, sig=KEYS[1].sign(text.encode()))
    with pytest.raises(Untrusted, match="not signed by a log that it names"):
        check_note(replace(POLICY, quorum=NONE), Note(text, (line,)))


def test_rotated_keys_are_named_and_any_of_them_serves() -> None:
    """A rotated key is one more log line and one more witness, in a group of which any counts (§10.5)."""
    policy = dialogue_policy(DIALOGUE, {B: [PUBLIC[1]], A: [PUBLIC[0], PUBLIC[2], PUBLIC[3]]})
    lines = encode_policy(policy).decode().splitlines()
    assert [line.split(" ")[0] for line in lines].count("log") == 4
    assert lines[-3:] == ["group A any A.1 A.2 A.3", "group both all A B", "quorum both"]
    for n in (0, 2, 3):
        assert satisfied(policy, checkpoint(log=n, own=n))
        assert not satisfied(policy, checkpoint(log=n, own=n, other=None))
    assert not satisfied(policy, checkpoint(log=4, own=4))


def test_one_key_on_both_sides_makes_no_policy() -> None:
    """Two witnesses with one key would be one; C2SP forbids it."""
    with pytest.raises(Malformed, match="this key is there already"):
        dialogue_policy(DIALOGUE, {A: [PUBLIC[0]], B: [PUBLIC[0]]})
    with pytest.raises(Malformed, match="two sides"):
        dialogue_policy(DIALOGUE, {A: [PUBLIC[0]]})


# --- reading policies ------------------------------------------------------------------------------


def test_the_example_of_c2sp_reads() -> None:
    """Two levels of groups, thresholds, comments, tabs, URLs, blank lines, any order of logs and witnesses."""
    text = (
        "# X and Y\n\t \n"
        + "".join(f"witness X{n} {cosigner(n)}\n" for n in (1, 2, 3))
        + f"  log \t{LOG} https://log.example/ \n"
        + "group X-witnesses 2 X1 X2 X3\n"
        + "".join(f"\twitness Y{n} {cosigner(n + 3)} https://y.example/{n}\n" for n in (1, 2, 3))
        + "  # another comment\ngroup Y-witnesses any Y1 Y2 Y3\n"
        + f"group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\nlog {OTHER_LOG}\n"
    )
    policy = parse_policy(text.encode())
    assert [key.name for key in policy.logs] == ["log", "other"]
    assert list(policy.witnesses) == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.groups == {
        "X-witnesses": Group(2, ("X1", "X2", "X3")),
        "Y-witnesses": Group(1, ("Y1", "Y2", "Y3")),
        "X-and-Y": Group(2, ("X-witnesses", "Y-witnesses")),
    }
    assert policy.quorum == "X-and-Y"
    assert parse_policy(encode_policy(policy)) == policy


@pytest.mark.parametrize(
    ("cosigned", "met"),
    [((1, 2, 4), True), ((1, 2, 3, 6), True), ((1, 4, 5, 6), False), ((1, 2, 3), False), ((), False)],
)
def test_thresholds_count(cosigned: tuple[int, ...], met: bool) -> None:
    """Two of three X and one of three Y: each group counts its members, and no member twice."""
    groups = "group X 2 W1 W2 W3\ngroup Y any W4 W5 W6\ngroup both all X Y\n"
    policy = parse_policy(f"log {LOG}\n{witnesses(7)}{groups}quorum both\n".encode())
    text = "log\n1\n" + "A" * 43 + "=\n"
    lines = [(policy.logs[0], KEYS[0].sign(text.encode()))]
    for n in cosigned:
        sig = KEYS[n].sign(b"cosignature/v1\ntime 7\n" + text.encode())
        lines.append((policy.witnesses[f"W{n}"], (7).to_bytes(8, "big") + sig))
    signature = checkpoint().signatures[0]
    signed = Note(text, tuple(replace(signature, name=k.name, key_id=k.id, sig=sig) for k, sig in lines))
    assert satisfied(policy, signed) is met


def test_no_quorum_and_a_quorum_of_one() -> None:
    """`none` asks for the log's line alone; a witness's own name for that witness."""
    bare = checkpoint(own=None, other=None)
    assert satisfied(replace(POLICY, quorum=NONE), bare)
    assert satisfied(replace(POLICY, quorum="B"), checkpoint(own=None))
    assert not satisfied(replace(POLICY, quorum="B"), checkpoint(other=None))
    assert parse_policy(b"quorum none\n") == Policy((), {}, {}, NONE)
    assert not satisfied(parse_policy(b"quorum none\n"), bare)


def test_names_are_opaque_octets() -> None:
    """Names need not be UTF-8, and K is not the Kelvin sign; "all" and "2" are names like others."""
    raw = b"witness \xff " + cosigner(1).encode() + b"\ngroup all 1 \xff\ngroup 2 any all\nquorum 2\n"
    policy = parse_policy(raw)
    assert encode_policy(policy) == raw.replace(b"all 1", b"all all").replace(b"2 any", b"2 all")
    kelvin = f"witness K {cosigner(1)}\nwitness \u212a {cosigner(2)}\nquorum \u212a\n"
    assert list(parse_policy(kelvin.encode()).witnesses) == ["K", "\u212a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no quorum line"),
        ("quorum none", "line 1 does not end in a newline"),
        ("quorum none\nquorum none\n", "line 2: a second quorum"),
        ("quorum W1\n", "line 1: no witness and no group 'W1'"),
        ("quorum none\r\n", "line 1 has a control character"),
        ("\nquorum\x7fnone\n", "line 2 has a control character"),
        ("quorum\n", "line 1: quorum: too few or too many words"),
        ("quorum none none\n", "line 1: quorum: too few"),
        ("quorum\u00a0none\n", "line 1: log, witness, group or quorum is due"),
        ("Quorum none\n", "line 1: log, witness, group or quorum is due"),
        ("log\n", "line 1: log: too few"),
        (f"log {LOG} url more\n", "line 1: log: too few or too many"),
        (f"log {LOG}\nlog {LOG}\n", "line 2: this key is there already"),
        (f"log {LOG}\nlog {verifier_key('x', ED25519, PUBLIC[0])}\n", "line 2: this key is there already"),
        (f"log {LOG[:-1]}\n", "line 1: vkey: the key is not base64"),
        (f"log {cosigner(0)}\n", "line 1: a key of type 01 is due"),
        (f"witness W {LOG}\n", "line 1: a key of type 04 is due"),
        (f"witness none {cosigner(0)}\n", "line 1: the name 'none' is taken"),
        (f"{witnesses(1)}witness W0 {cosigner(1)}\n", "line 2: the name 'W0' is taken"),
        (f"{witnesses(1)}witness W1 {cosigner(0)}\n", "line 2: this key is there already"),
        (f"{witnesses(1)}group W0 all W0\n", "line 2: the name 'W0' is taken"),
        (f"{witnesses(1)}group G all\n", "line 2: group: too few"),
        (f"{witnesses(1)}group G all G\n", "line 2: no witness and no group 'G' before"),
        (f"group G all W0\n{witnesses(1)}", "line 1: no witness and no group 'W0' before"),
        (f"{witnesses(1)}group G all none\n", "line 2: no witness and no group 'none'"),
        (f"{witnesses(2)}group G 3 W0 W1\n", "line 3: 3 of 2 members"),
        (f"{witnesses(1)}group G 0 W0\n", "line 2: all, any or a number"),
        (f"{witnesses(1)}group G 01 W0\n", "line 2: all, any or a number"),
        (f"{witnesses(1)}group G ١ W0\n", "line 2: all, any or a number"),
        (f"{witnesses(1)}group G all W0 W0\n", "line 2: 'W0' is a member already"),
        (f"{witnesses(1)}group G all W0\ngroup H any W0\n", "line 3: 'W0' is a member already"),
        (f"{witnesses(1)}group G all W0\nquorum H\n", "line 3: no witness and no group 'H'"),
        ("#" * (MAX_BYTES + 1), "bytes where"),
    ],
)
def test_a_malformed_policy_names_its_line(text: str, says: str) -> None:
    """A file that breaks the form is `Malformed`, and the message says which line."""
    with pytest.raises(Malformed, match=says):
        parse_policy(text.encode())


def test_thirty_two_of_each_are_read() -> None:
    """C2SP asks that 32 logs, witnesses and groups be read."""
    logs = "".join(f"log {verifier_key(f'l{n}', ED25519, PUBLIC[n])}\n" for n in range(32))
    groups = "group G0 all W0\n" + "".join(f"group G{n} 2 W{n} G{n - 1}\n" for n in range(1, 32))
    policy = parse_policy(f"{logs}{witnesses(32)}{groups}quorum G31\n".encode())
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (32, 32, 32)


def test_more_than_the_budget_is_malformed() -> None:
    """Each kind of line has a limit; a deep chain of groups within it costs no depth of calls."""
    deep = f"{witnesses(1)}group G0 all W0\n" + "".join(f"group G{n} all G{n - 1}\n" for n in range(1, 256))
    policy = parse_policy(f"{deep}quorum G255\n".encode())
    assert not satisfied(policy, checkpoint())
    with pytest.raises(Malformed, match="more than 256 groups"):
        parse_policy(f"{deep}group G256 all G255\nquorum none\n".encode())


@pytest.mark.parametrize(
    "policy",
    [
        replace(POLICY, quorum="nobody"),
        replace(POLICY, quorum="A B"),
        replace(POLICY, quorum="\ud800"),
        replace(POLICY, groups={"both": Group(3, ("A", "B"))}),
        replace(POLICY, groups={"both": Group(1, ())}),
        replace(POLICY, logs=POLICY.logs * 2),
        replace(POLICY, logs=(replace(POLICY.logs[0], name="a b"),)),
        replace(POLICY, logs=(replace(POLICY.logs[0], name="\udcff"),)),
        replace(POLICY, witnesses={"A\n": next(iter(POLICY.witnesses.values()))}, groups={}, quorum=NONE),
    ],
)
def test_what_could_not_be_read_back_is_not_written(policy: Policy) -> None:
    """A policy whose parts do not form one is `Malformed` when written."""
    with pytest.raises(Malformed):
        encode_policy(policy)


WORDS = [
    "log",
    "witness",
    "group",
    "quorum",
    "all",
    "any",
    "none",
    "1",
    "2",
    "W1",
    "G",
    "#",
    LOG,
    cosigner(1),
]


@given(
    st.binary(max_size=200)
    | st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), max_size=8).map(
        lambda lines: "".join(f"{line}\n" for line in lines).encode()
    )
)
@example(b"witness \xf0 x\n")
def test_reading_any_bytes_ends_in_a_policy_or_malformed(data: bytes) -> None:
    """Any bytes are a policy that is written and read back, or `Malformed`."""
    try:
        policy = parse_policy(data)
    except Malformed:
        return
    assert parse_policy(encode_policy(policy)) == policy
    satisfied(policy, checkpoint())
