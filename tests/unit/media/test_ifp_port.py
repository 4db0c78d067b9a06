"""Ports for IFP packets inside the server: who gets what is written, and their end."""

from __future__ import annotations

from asterism.media.ifp_port import IfpPort, ifp_pair


class Kept(IfpPort):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[bytes, int]] = []

    def write(self, ifp: bytes, times: int = 1) -> None:
        self.written.append((ifp, times))

    def skip(self) -> None:
        self.written.append((b"", 0))


def test_what_is_written_to_one_end_comes_at_the_other() -> None:
    one, two = ifp_pair()
    heard: list[tuple[int, bytes]] = []
    one.write(b"\x02")  # nobody is there
    two.on_ifp = lambda number, ifp: heard.append((number, ifp))
    one.write(b"\x04", 3)
    one.write(b"\x06")
    assert heard == [(1, b"\x04"), (2, b"\x06")]


def test_it_is_passed_on_through_any_number_of_pairs() -> None:
    first, last = ifp_pair(), ifp_pair()
    far, near = Kept(), Kept()
    assert first[1].relay_to(last[0])
    assert last[1].relay_to(far)
    assert last[0].relay_to(first[1])
    assert first[0].relay_to(near)
    assert near.relay_to(first[0])
    near.give(7, b"\x02")
    last[1].write(b"\x04")
    assert (far.written, near.written) == ([(b"\x02", 1)], [(b"\x04", 1)])
    assert not far.relay_to(far)
    assert not far.relay_to(object())
    assert not first[1].relay_to(None)
    near.give(8, b"\x06")
    assert len(far.written) == 1


def test_what_is_lost_is_told_to_the_last_port_and_by_the_numbers() -> None:
    one, two = ifp_pair()
    far, near = Kept(), Kept()
    near.relay_to(one)
    two.relay_to(far)
    near.give(3, b"")
    near.give(4, b"\x04")
    assert far.written == [(b"", 0), (b"\x04", 1)]
    heard: list[tuple[int, bytes]] = []
    two.on_ifp = lambda number, ifp: heard.append((number, ifp))
    near.give(5, b"")
    near.give(6, b"\x06")
    assert heard == [(3, b"\x06")]


def test_a_circle_carries_nothing_around_twice() -> None:
    one, two = ifp_pair()
    two.relay_to(one)
    one.write(b"\x02")
    one.relay_to(two)
    two.write(b"\x02")


def test_the_end_of_one_is_the_end_of_both() -> None:
    one, two = ifp_pair()
    heard: list[bytes] = []
    two.on_ifp = lambda _, ifp: heard.append(ifp)
    one.close()
    one.close()
    one.write(b"\x02")
    two.write(b"\x02")
    assert (one.closed, two.closed, two.on_ifp, heard) == (True, True, None, [])
