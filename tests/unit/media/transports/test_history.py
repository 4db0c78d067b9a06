"""Packets that are sent again: what is kept, for how long, and how much of it goes out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asterism.media.transports.history import Found, History


def test_what_is_kept_is_sent_again_as_it_was() -> None:
    history = History()
    for number in range(65530, 65540):
        history.keep(number & 0xFFFF, b"packet %d" % number, 1.0)
    assert history.find([65531, 2, 4, 65531], 1.1) == Found([b"packet 65531", b"packet 65538"], [4])


def test_several_reports_of_one_loss_are_answered_once() -> None:
    history = History()
    history.keep(1, b"one", 1.0)
    assert history.find([1], 1.001) == Found([b"one"], [])
    assert history.find([1], 1.01) == Found([], [])
    assert history.find([1], 1.03) == Found([b"one"], [])


def test_what_is_old_is_forgotten() -> None:
    history = History(age=0.5)
    history.keep(1, b"one", 1.0)
    assert history.find([1], 1.6) == Found([], [1])
    history.keep(2, b"two", 1.6)
    assert len(history) == 1
    history.clear()
    assert history.find([2], 1.6) == Found([], [2])


def test_octets_are_bounded() -> None:
    history = History(octets=1000)
    for number in range(20):
        history.keep(number, bytes(100), 1.0)
    history.keep(19, bytes(100), 1.0)  # the number again: counted once
    assert len(history) == 10
    assert history.find([9], 1.0).missing == [9]
    assert len(history.find([10], 1.0).packets) == 1
    history.keep(20, bytes(2000), 1.0)
    assert len(history) == 0


def test_asking_again_and_again_makes_a_bounded_stream() -> None:
    history = History()
    sent = asked = 0
    now = 0.0
    for number in range(300):
        now += 0.02
        history.keep(number, bytes(1000), now)
        sent += 1000
        asked += sum(map(len, history.find(range(max(0, number - 45), number + 1), now).packets))
    assert asked <= 64 * 1024 + sent / 2
    assert asked > sent / 4


@given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=50), st.floats(0, 0.3)), max_size=200))
def test_the_last_packet_of_a_number_is_found_while_it_is_young(packets: list[tuple[int, bytes, float]]) -> None:
    history = History(octets=2000, age=1.0)
    now = 0.0
    last: dict[int, tuple[bytes, float]] = {}
    for number, packet, pause in packets:
        now += pause
        history.keep(number, packet, now)
        last[number] = packet, now
    for number, (packet, sent) in last.items():
        found = history.find([number], now + 0.001)
        assert found in (Found([packet], []), Found([], [number]))
        if found.packets:
            assert now + 0.001 - sent <= 1.0
