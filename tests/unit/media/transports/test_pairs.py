"""Pairs of addresses: their order, how many there are, which is checked next."""

from __future__ import annotations

import pytest

from asterism.media.transports.candidates import RemoteCandidate, priority
from asterism.media.transports.ice import SocketBase
from asterism.media.transports.pairs import Pairs, State


def base(component: int = 1, host: str = "192.0.2.1") -> SocketBase:
    return SocketBase(component, (host, 5000 + component), lambda _data, _address, _component: None)


def remote(number: int, kind: str = "host", foundation: str = "1") -> RemoteCandidate:
    return RemoteCandidate(1, kind, "198.51.100.2", number, foundation, priority(kind, 1, number))


@pytest.mark.parametrize(("controlling", "expected"), [(True, 1), (False, 0)])
def test_the_priority_is_that_of_the_rfc(controlling: bool, expected: int) -> None:
    """RFC 8445 6.1.2.3: 2^32 MIN(G, D) + 2 MAX(G, D) + (G > D), where G is the controlling one's."""
    pairs = Pairs(controlling)
    ours = base()
    pair = pairs.add(ours, remote(7))
    assert pair is not None
    low, high = pair.remote.priority, ours.priority
    assert low < high
    assert pair.priority == (low << 32) + 2 * high + expected
    pairs.rank(not controlling)
    assert pair.priority == (low << 32) + 2 * high + 1 - expected


def test_the_best_come_first_and_none_comes_twice() -> None:
    pairs, ours = Pairs(True), base()
    for number in (3, 9, 5, 9):
        pairs.add(ours, remote(number))
    assert [pair.remote.port for pair in pairs.of(1)] == [9, 5, 3]
    assert pairs.add(base(host="2001:db8::1"), remote(3)) is None


def test_a_candidate_that_was_learned_is_told_later() -> None:
    pairs, ours = Pairs(True), base()
    learned = pairs.add(ours, remote(3, "prflx"))
    assert learned is not None
    assert pairs.add(ours, remote(3)) is learned
    assert learned.remote.kind == "host"
    assert pairs.add(ours, remote(3, "prflx")) is learned
    assert learned.remote.kind == "host"


def test_one_that_has_failed_makes_room_but_not_the_one_in_use() -> None:
    pairs, ours = Pairs(True), base()
    for number in range(100):
        pairs.add(ours, remote(number + 1))
    assert pairs.add(ours, remote(1000)) is None
    least = pairs.of(1)[-1]
    least.fail()
    pairs.used[1] = least
    assert pairs.add(ours, remote(1000)) is None
    pairs.of(1)[50].fail()
    assert pairs.add(ours, remote(1000)) is not None
    assert len(pairs) == 100
    assert pairs.of(1)[-1] is least


def test_one_pair_of_a_foundation_is_checked_before_the_others() -> None:
    pairs, ours = Pairs(True), base()
    for number in (3, 9):
        pairs.add(ours, remote(number))
    pairs.add(ours, remote(5, foundation="2"))
    pairs.unfreeze()
    assert {pair.remote.port: pair.state for pair in pairs.of(1)} == {
        9: State.WAITING,
        5: State.WAITING,
        3: State.FROZEN,
    }
    first = pairs.next()
    assert first is not None
    assert first.remote.port == 9
    first.state = State.SUCCEEDED
    pairs.unfreeze_like(first)
    assert [pair.state for pair in pairs.of(1)] == [State.SUCCEEDED, State.WAITING, State.WAITING]
    assert pairs.working(1) == [first]
    pairs.used[1] = first
    assert not pairs.decided(1)
    first.nominated = True
    assert pairs.decided(1)
    assert pairs.next() is None
