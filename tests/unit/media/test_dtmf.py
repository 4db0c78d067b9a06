"""RFC 4733 digits: one begin and one end whatever is lost or repeated."""

from __future__ import annotations

import pytest

from asterism.media.dtmf import EVENT, DigitReceiver, event_payloads


def event(code: int, duration: int, end: bool = False) -> bytes:
    return EVENT.pack(code, (0x80 if end else 0) | 10, duration)


def run(*packets):
    receiver = DigitReceiver()
    happened = []
    for payload, timestamp in packets:
        happened += receiver.update(payload, timestamp, 1.0)
    return happened


def test_a_digit_with_three_ends():
    assert run((event(5, 160), 1000), (event(5, 320), 1000), *[(event(5, 800, True), 1000)] * 3) == [
        ("5", -1),
        ("5", 100),
    ]


def test_only_an_end_arrives():
    assert run((event(11, 800, True), 1000)) == [("#", -1), ("#", 100)]


def test_a_lost_end_is_made_up_by_the_next_digit():
    assert run((event(1, 160), 1000), (event(2, 160), 3000), (event(2, 400, True), 3000)) == [
        ("1", -1), ("1", 20), ("2", -1), ("2", 50),
    ]  # fmt: skip


def test_the_same_digit_twice():
    assert [
        digit for digit, duration in run((event(1, 160, True), 1000), (event(1, 160, True), 2000)) if duration > 0
    ] == [
        "1",
        "1",
    ]


def test_late_packets_of_an_old_event_are_nothing():
    assert run((event(1, 160, True), 5000), (event(2, 160), 9000), (event(1, 160, True), 5000)) == [
        ("1", -1), ("1", 20), ("2", -1),
    ]  # fmt: skip


def test_reordered_updates_do_not_shorten():
    assert run((event(1, 480), 1), (event(1, 320), 1), (event(1, 480, True), 1))[-1] == ("1", 60)


def test_timestamps_wrap():
    assert len(run((event(1, 160, True), 0xFFFFFF00), (event(2, 160, True), 0x100))) == 4


@pytest.mark.parametrize("payload", [b"", b"\x01\x02\x03", event(200, 160), event(17, 160)])
def test_what_is_no_digit_is_nothing(payload):
    assert run((payload, 1)) == []


def test_sent_payloads_are_what_the_receiver_takes():
    payloads = list(event_payloads("#", 100))
    assert run(*((payload, 77) for payload in payloads)) == [("#", -1), ("#", 100)]
    assert payloads[-1] == payloads[-2] == payloads[-3]
    assert len(payloads) == 4 + 3


def test_not_a_digit():
    for text in ("", "12", "x"):
        with pytest.raises(ValueError, match="digit"):
            list(event_payloads(text, 100))
