"""Strict RTP: who is taken for the peer."""

from __future__ import annotations

from asterism.media.source import TRIAL, SourceFilter, StrictMode

PEER, OTHER, THIRD = ("127.0.0.1", 4000), ("127.0.0.9", 5000), ("127.0.0.8", 6000)


def make(mode=StrictMode.YES, symmetric=False):
    source = SourceFilter(mode, 4, symmetric)
    source.set_signalled(PEER, 100.0)
    return source


def test_nothing_is_taken_before_signalling_told_a_peer():
    assert not SourceFilter(StrictMode.YES, 4).check(PEER, 1)


def test_the_signalled_address_is_taken_at_once_and_settles():
    source = make()
    assert source.check(PEER, 7)
    assert source.settled(100.0)
    assert not source.check(OTHER, 8)


def test_another_source_needs_packets_in_sequence():
    source = make(symmetric=True)
    assert [source.check(OTHER, sequence) for sequence in (10, 11, 12, 13)] == [False, False, False, True]
    assert source.target == OTHER


def test_gaps_and_other_sources_start_the_probation_anew():
    source = make()
    assert [source.check(OTHER, sequence) for sequence in (10, 11, 13, 14, 15)] == [False] * 5
    assert not source.check(THIRD, 16)
    assert not source.check(OTHER, 16)
    assert not any(source.check(OTHER, sequence) for sequence in (17, 18))
    assert source.check(OTHER, 19)


def test_sequence_numbers_may_wrap_during_probation():
    source = make()
    assert [source.check(OTHER, sequence) for sequence in (65534, 65535, 0, 1)] == [False, False, False, True]


def test_without_symmetric_the_target_stays_as_signalled():
    source = make()
    for sequence in range(4):
        source.check(OTHER, sequence)
    assert source.source == OTHER
    assert source.target == PEER
    assert not source.settled(1000.0)


def test_the_signalled_address_displaces_a_learned_one():
    source = make(symmetric=True)
    for sequence in range(4):
        source.check(OTHER, sequence)
    assert not source.settled(100.0 + TRIAL - 0.1)
    assert source.check(PEER, 99)
    assert source.target == PEER
    assert source.settled(100.0)
    assert not source.check(OTHER, 4)


def test_a_learned_source_settles_after_its_trial():
    source = make(symmetric=True)
    for sequence in range(4):
        source.check(OTHER, sequence)
    assert source.settled(100.0 + TRIAL)


def test_a_locked_source_is_not_replaced():
    source = make(symmetric=True)
    for sequence in range(4):
        source.check(OTHER, sequence)
    assert not any(source.check(THIRD, sequence) for sequence in range(4, 40))


def test_seqno_lets_the_source_move_on_with_its_sequence():
    source = make(StrictMode.SEQUENCE, symmetric=True)
    for sequence in range(100, 104):
        source.check(PEER, sequence)
    assert [source.check(OTHER, sequence) for sequence in (104, 105, 106, 107)] == [False, False, False, True]
    assert not any(source.check(THIRD, sequence) for sequence in range(30000, 30010))


def test_strictrtp_no_takes_all():
    source = make(StrictMode.NO, symmetric=True)
    assert source.check(OTHER, 1)
    assert source.target == OTHER
    assert source.check(THIRD, 5)
    assert not source.settled(1000.0)


def test_a_new_address_is_learned_anew():
    source = make()
    source.check(PEER, 1)
    source.set_signalled(OTHER, 200.0)
    assert source.source is None
    assert not source.check(PEER, 2)
    assert source.check(OTHER, 2)
