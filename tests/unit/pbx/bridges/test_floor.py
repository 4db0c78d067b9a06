"""Who has the floor, turn by turn."""

from __future__ import annotations

import random

from asterism.pbx.bridges import floor
from asterism.pbx.bridges.floor import Floor

TURN = 0.02
SPEECH = 1000.0


def heard(one: Floor[str], seconds: float, **levels: float) -> list[tuple[float, str]]:
    """Let everybody talk as loud for a while; when somebody else had the floor, and who."""
    turns = range(1, round(seconds / TURN) + 1)
    return [(round(turn * TURN, 2), str(one.holder)) for turn in turns if one.hear(levels)]


def three() -> Floor[str]:
    one: Floor[str] = Floor(TURN)
    one.watch(["ann", "bob", "carol"])
    return one


def test_who_begins_to_talk_has_the_floor_soon() -> None:
    one = three()
    assert heard(one, 3) == []
    ((after, who),) = heard(one, 3, bob=SPEECH)
    assert who == "bob"
    assert floor.LEAD <= after < 1.0


def test_the_next_one_has_it_when_the_first_is_silent() -> None:
    one = three()
    heard(one, 5, bob=SPEECH)
    assert heard(one, 5) == [], "who has talked last keeps it"
    ((after, who),) = heard(one, 5, carol=SPEECH)
    assert (who, after < 1.0) == ("carol", True)


def test_it_does_not_go_to_and_fro() -> None:
    """Two who talk at the same time, in syllables: there is no winner among equals."""
    rng, one = random.Random(4), three()
    heard(one, 5, ann=SPEECH)
    changes = []
    for _ in range(1200):
        changes += heard(one, 0.1, **{who: rng.choice((0.0, SPEECH, SPEECH)) for who in ("ann", "bob")})
    assert len(changes) <= 2
    # Where both pause for whole words at random, one is often the only one to be heard for a second.
    for _ in range(400):
        changes += heard(one, 0.3, **{who: rng.choice((0.0, SPEECH)) for who in ("ann", "bob")})
    assert len(changes) <= 120 / 4


def test_changes_are_never_closer_than_told() -> None:
    rng, one = random.Random(1), three()
    since, closest = 100.0, 100.0
    for _ in range(20000):
        since += TURN
        if one.hear({who: rng.choice((0.0, 0.0, 3000.0)) for who in ("ann", "bob", "carol")}):
            since, closest = 0.0, min(closest, since)
    for _ in range(40):
        for who in ("ann", "bob", "carol"):
            for after, _ in heard(one, 1.7, **{who: SPEECH}):
                closest = min(closest, since + after)
                since = -after
            since += 1.7
    assert floor.HELD - TURN <= closest < 100


def test_a_bang_a_cough_and_a_noise_are_no_talk() -> None:
    one = three()
    heard(one, 5, ann=SPEECH)
    heard(one, 5)
    assert heard(one, 0.1, bob=32767.0) + heard(one, 3) == []
    assert heard(one, 10, bob=floor.THRESHOLD - 1) == []


def test_who_is_not_much_louder_does_not_take_it() -> None:
    one = three()
    heard(one, 5, ann=SPEECH)
    assert heard(one, 20, ann=SPEECH, bob=1.4 * SPEECH) == []
    assert [who for _, who in heard(one, 3, ann=SPEECH, bob=1.8 * SPEECH)] == ["bob"]


def test_who_is_gone_has_it_no_longer() -> None:
    one = three()
    heard(one, 5, ann=SPEECH)
    one.watch(["bob", "carol"])
    assert one.holder is None
    assert [who for _, who in heard(one, 2, ann=SPEECH, carol=SPEECH)] == ["carol"]


def test_it_takes_as_long_with_turns_of_another_length() -> None:
    for interval in (0.01, 0.04, 0.08):
        one: Floor[str] = Floor(interval)
        one.watch(["ann"])
        turns = next(turn for turn in range(1, 1000) if one.hear({"ann": SPEECH}))
        assert 0.6 <= turns * interval < 1.1
