"""The lobby: each says where they stand, for a while."""

from __future__ import annotations

from visavis.lobby import LASTS_S, Lobby, Presence

SITTING = ("d", "t", 1)
A, B = ("a", "one"), ("b", "other")


def test_each_says_it_of_themselves_until_they_go() -> None:
    """A word stands beside the others', is new once, and is taken back; another sitting hears nothing of it."""
    lobby = Lobby(lambda: 0.0)
    empty = lobby.mark(SITTING)
    assert lobby.say(SITTING, A, Presence.DOOR)
    assert not lobby.say(SITTING, A, Presence.DOOR)
    assert lobby.say(SITTING, B, Presence.IN)
    assert lobby.of(SITTING) == {A: Presence.DOOR, B: Presence.IN}
    assert lobby.of(("d", "t", 2)) == {}
    both = lobby.mark(SITTING)
    assert lobby.say(SITTING, A, Presence.READY) and lobby.mark(SITTING) != both
    assert lobby.say(SITTING, A, None) and lobby.say(SITTING, B, None)
    assert not lobby.say(SITTING, B, None)
    assert lobby.mark(SITTING) == empty


def test_a_word_that_is_not_said_again_is_over() -> None:
    """Who closed the lid of their laptop is not here for ever; and coming back is news."""
    now = 0.0
    lobby = Lobby(lambda: now)
    lobby.say(SITTING, A, Presence.READY)
    now = LASTS_S - 1
    assert not lobby.say(SITTING, A, Presence.READY)
    now = LASTS_S
    assert lobby.of(SITTING) == {A: Presence.READY}
    now = 2 * LASTS_S
    assert lobby.of(SITTING) == {}
    assert lobby.say(SITTING, A, Presence.READY)
