"""When keys are made, used and retired: docs/spec/keys.md §4."""

from __future__ import annotations

from visavis.e2ee import exchange as ex


def run(*events: ex.Event) -> tuple[ex.State, list[ex.Effect]]:
    """The state and the effects of the last event."""
    state, effects = ex.State(), ()
    for event in events:
        state, effects = ex.step(state, event)
    return state, list(effects)


def met(at: int = 0) -> list[ex.Event]:
    """Me and one other, both with keys: the way there."""
    return [
        ex.Started(at, "me"),
        ex.Verified(at, ("me", "x")),
        ex.Heard(at, "x", fresh=True),
        ex.Took(at + 10, "x", 0),
        ex.Beat(at + 20, "x", 1, {"me": 1}),
    ]


def three(at: int = 5_000) -> list[ex.Event]:
    """The two, and a third that came at `at`, whom the key of epoch 2 was sealed to as well."""
    return [*met(), ex.Verified(at, ("me", "x", "y")), ex.Heard(at, "y", fresh=True)]


def test_alone_a_device_uses_its_first_key_at_once():
    """A device that is alone greets, makes a key and uses it."""
    state, out = run(ex.Started(5, "me"))
    assert out == [ex.Hello(), ex.MakeKey(0, ()), ex.Use(0)]
    assert ex.step(state, ex.Tick(5 + ex.EARLY_BEAT_MS))[1] == (ex.SendBeat(("me",), {}),)


def test_a_key_is_acknowledged_soon():
    """Whoever is in waits for the others' word before it changes over: keys that come together are told in one beat,
    and a coming does not hold that beat back."""
    state, _ = run(ex.Started(0, "me"), ex.Verified(0, ("x", "y")), ex.Took(40, "x", 3), ex.Took(60, "y", 5))
    assert ex.SendBeat(("me", "x", "y"), {"x": 3, "y": 5}) in ex.step(state, ex.Tick(90))[1]


def test_a_verified_device_is_in_when_it_is_heard():
    """A certificate alone lets nobody in: the device must be heard; nor does being heard alone."""
    assert run(ex.Started(0, "me"), ex.Verified(0, ("me", "x")))[0].roster == frozenset()
    assert run(ex.Started(0, "me"), ex.Heard(0, "x"))[0].roster == frozenset()
    assert run(*met())[0].roster == {"x"}


def test_a_newcomer_brings_a_new_epoch():
    """Whoever comes hears nothing older: a new key is made, and the greeting is answered once."""
    state, out = run(ex.Started(0, "me"), ex.Verified(0, ("x",)), ex.Heard(100, "x", fresh=True))
    assert ex.Roster(("x",)) in out
    assert ex.MakeKey(1, ("x",)) in out
    assert ex.Hello() in out
    _, again = ex.step(state, ex.Heard(200, "x", fresh=True))
    assert ex.Hello() not in again


def test_a_newcomer_is_not_waited_for():
    """Nobody could hear the key in use: the sender switches when it has sent the new one, and says for whom."""
    _, out = run(ex.Started(0, "me"), ex.Verified(0, ("x",)), ex.Heard(100, "x", fresh=True))
    assert out.index(ex.MakeKey(1, ("x",))) < out.index(ex.Use(1, ("x",)))


def test_make_before_break_waits_for_all_who_hear():
    """The sender switches when everyone who hears it now said that they have the new key; the newcomer did not."""
    before, out = run(*three())
    assert (before.using, before.epoch) == (1, 2)
    assert ex.MakeKey(2, ("x", "y")) in out
    _, early = ex.step(before, ex.Beat(5_020, "y", 1, {"me": 2}))
    assert not any(isinstance(e, ex.Use) for e in early)
    assert ex.Use(2, ("y",)) in ex.step(before, ex.Beat(5_020, "x", 2, {"me": 2}))[1]


def test_the_silent_are_not_waited_for():
    """After three seconds the sender switches, and says who cannot hear: newcomers too."""
    state, _ = run(*three())
    assert not any(isinstance(e, ex.Use) for e in ex.step(state, ex.Tick(7_999))[1])
    _, out = ex.step(state, ex.Tick(8_000))
    assert ex.Use(2, ("y",)) in out
    assert ex.CannotHear(("x", "y")) in out
    alone, _ = run(*met()[:-1])
    state, out = ex.step(alone, ex.Tick(3_000))
    assert ex.CannotHear(("x",)) in out
    assert not any(isinstance(e, ex.CannotHear) for e in ex.step(state, ex.Tick(3_100))[1])


def test_newcomers_come_in_some_time_apart():
    """A second newcomer waits 300 ms, and longer in a large room; whoever comes meanwhile is served by the same key."""
    state, _ = run(*three())
    for device, at in (("z", 5_100), ("w", 5_200)):
        state, _ = ex.step(state, ex.Verified(at, tuple(sorted({*state.verified, device}))))
        state, out = ex.step(state, ex.Heard(at, device))
        assert not any(isinstance(e, ex.MakeKey) for e in out)
    state, out = ex.step(state, ex.Tick(5_299))
    assert not any(isinstance(e, ex.MakeKey) for e in out)
    assert ex.MakeKey(3, ("w", "x", "y", "z")) in ex.step(state, ex.Tick(5_300))[1]
    many = tuple(f"d{i:02}" for i in range(62))
    crowd: list[ex.Event] = [ex.Started(0, "me"), ex.Verified(0, (*many, "x"))]
    state, _ = run(
        *crowd, *(ex.Heard(1_000, device) for device in many), ex.Tick(4_000), ex.Heard(9_000, "x")
    )
    made = state.epoch
    state, _ = ex.step(state, ex.Left(9_000, "x"))
    state, _ = ex.step(state, ex.Tick(9_400))
    assert state.epoch == made + 1
    state, _ = ex.step(state, ex.Heard(9_500, "x"))
    assert ex.step(state, ex.Tick(9_000 + 64 * 32 - 1))[0].epoch == made + 1
    assert ex.step(state, ex.Tick(9_000 + 64 * 32))[0].epoch == made + 2


def test_a_removal_is_at_once_and_drops_its_keys():
    """Whoever is no longer verified is dropped, sealed to no more, and waited for one second at most."""
    state, _ = run(*met(), ex.Verified(5_000, ("x", "y")), ex.Heard(5_000, "y", fresh=True))
    state, _ = ex.step(state, ex.Tick(8_000))
    state, out = ex.step(state, ex.Verified(9_000, ("y",)))
    assert out[:2] == (ex.Roster(("y",)), ex.Drop("x"))
    assert ex.MakeKey(state.epoch, ("y",)) in out
    assert any(isinstance(e, ex.Use) for e in ex.step(state, ex.Tick(10_000))[1])


def test_newcomers_do_not_put_off_a_removal():
    """A stream of newcomers cannot keep the old key in use past the removal's deadline."""
    state, _ = run(*met(), ex.Left(5_000, "x"), ex.Verified(5_100, ("a",)))
    assert state.using == state.epoch  # alone again: nothing to wait for
    state, _ = run(*met(), ex.Verified(5_000, ("x", "y")), ex.Heard(5_000, "y"))
    state, _ = ex.step(state, ex.Tick(8_000))
    state, _ = ex.step(state, ex.Left(9_000, "x"))
    removed_in = state.epoch
    state, _ = ex.step(state, ex.Verified(9_500, ("y", "z")))
    state, _ = ex.step(state, ex.Heard(9_500, "z"))
    state, out = ex.step(state, ex.Tick(10_000))
    assert state.using >= removed_in
    assert any(isinstance(e, ex.Use) for e in out)


def test_silence_of_thirty_seconds_is_leaving():
    """A device not heard for thirty seconds is out; heard again, it is in again."""
    state, _ = run(*met())
    assert ex.step(state, ex.Tick(30_019))[0].roster == {"x"}
    state, out = ex.step(state, ex.Tick(30_020))
    assert ex.Drop("x") in out
    assert ex.step(state, ex.Heard(31_000, "x"))[0].roster == {"x"}


def test_a_key_is_sent_again_until_it_is_had():
    """Keys without an answer are sent again after 1, 2, 4, 8 seconds and then every eight."""
    state, _ = run(*met()[:-1])
    sent = []
    for at in range(100, 40_000, 100):
        state, out = ex.step(state, ex.Tick(at))
        sent += [at for e in out if isinstance(e, ex.Resend)]
        if at % 5_000 == 0:
            state, _ = ex.step(state, ex.Heard(at, "x"))
    assert sent[:5] == [1_000, 3_000, 7_000, 15_000, 23_000]


def test_a_superseded_key_is_overwritten_after_ten_seconds():
    """A receiver keeps a superseded key for ten seconds, then overwrites it."""
    state, _ = run(*met(), ex.Took(1_000, "x", 1))
    assert ex.Retire("x", 0) not in ex.step(state, ex.Tick(10_999))[1]
    assert ex.Retire("x", 0) in ex.step(state, ex.Tick(11_000))[1]


def test_an_index_taken_by_a_newer_epoch_is_left_alone():
    """Sixteen epochs in ten seconds: the timer names the epoch, so the newer key stays."""
    state, _ = run(*met(), ex.Took(1_000, "x", 1), ex.Took(2_000, "x", 16))
    _, out = ex.step(state, ex.Tick(11_000))
    assert not any(isinstance(e, ex.Retire) and e.index == 0 for e in out)


def test_a_want_is_answered_with_the_same_bytes_or_a_new_epoch():
    """Who has a box gets the same bytes again; who has none starts a new epoch."""
    state, _ = run(*met())
    assert ex.Resend(1) in ex.step(state, ex.Wanted(5_000, "x", 1))[1]
    late, _ = ex.step(state, ex.Verified(5_000, ("x", "y")))
    late, _ = ex.step(late, ex.Heard(5_000, "y"))
    assert ex.MakeKey(2, ("x", "y")) not in ex.step(late, ex.Wanted(5_100, "z", 1))[1]


def test_whoever_came_is_heard_again_soon():
    """Who comes back at once is heard before the engine says that it went: its next beats put that right."""
    state, _ = run(ex.Started(0, "me"), ex.Verified(0, ("x",)), ex.Took(100, "x", 0))
    beats = []
    for at in range(100, 10_000, 10):
        state, out = ex.step(state, ex.Tick(at))
        beats += [at for e in out if isinstance(e, ex.SendBeat)]
    assert beats == [150, 650, 1_150, 1_650, 2_150, 2_650, 3_150, 8_150]


def test_who_comes_to_the_door_is_told_who_is_in():
    """A beat goes out soon after the engine said that a device is there."""
    state, _ = run(*met(), *(ex.Tick(at) for at in range(50, 5_000, 50)), ex.Found(6_000, "y"))
    assert any(isinstance(e, ex.SendBeat) for e in ex.step(state, ex.Tick(6_050))[1])


def test_who_greets_anew_without_a_key_is_sent_it_at_once():
    """A device that is in, greets, and has not said to have the key, is not left to wait for the next repetition."""
    state, _ = run(*met(), ex.Left(5_000, "x"), ex.Heard(5_100, "x"), ex.Tick(5_400), ex.Tick(6_400))
    assert state.roster == {"x"}
    assert ex.Resend(state.epoch) in ex.step(state, ex.Heard(6_600, "x", fresh=True))[1]


def test_the_engine_lets_nobody_in():
    """The engine's word that somebody is there is no message of theirs, and takes back nothing."""
    state, _ = run(*met(), ex.Left(5_000, "x"), ex.Found(5_100, "x"))
    assert state.roster == frozenset()
    assert run(ex.Started(0, "me"), ex.Verified(0, ("x",)), ex.Found(10, "x"))[0].roster == frozenset()


def test_a_key_that_was_had_and_is_no_more_is_sent_again_at_once():
    """Who threw a key away, or began anew, is not left to wait for the next repetition."""
    state, _ = run(*met())
    assert ex.Resend(1) in ex.step(state, ex.Beat(5_000, "x", 2, {}))[1]
    waiting, _ = run(*met()[:-1])
    assert ex.Resend(1) not in ex.step(waiting, ex.Beat(500, "x", 2, {}))[1]


def test_ten_minutes_and_a_reconnection_turn_the_key():
    """A key serves ten minutes, and one PeerConnection."""
    state, _ = run(*met())
    assert any(isinstance(e, ex.MakeKey) for e in ex.step(state, ex.Reconnected(25_000))[1])
    beats = state
    made = []
    for at in range(5_000, 605_000, 5_000):
        beats, out = ex.step(beats, ex.Beat(at, "x", at, {"me": 1}))
        made += [at for e in out if isinstance(e, ex.MakeKey)]
    assert made == [600_000]


def test_beats_go_out_every_five_seconds():
    """A beat goes out every five seconds, and soon after a change."""
    state, _ = run(*met(), *(ex.Tick(at) for at in range(50, 5_000, 50)))
    last, beats = state.beat_at, []
    for at in range(5_000, 20_001, 10):
        state, out = ex.step(state, ex.Tick(at))
        beats += [at for e in out if isinstance(e, ex.SendBeat)]
    assert beats == [last + 5_000, last + 10_000, last + 15_000]


def test_an_old_beat_changes_nothing():
    """The greatest n counts: a beat that came late is not taken back to."""
    state, _ = run(*met(), ex.Beat(100, "x", 5, {"me": 1}), ex.Beat(200, "x", 4, {"me": 0}))
    assert state.theirs["x"] == 1
