"""Port pairs: even, random, freed, exhausted."""

from __future__ import annotations

import random
import socket

import pytest

from asterism.media.ports import PortPool, PortsExhaustedError


def test_even_ports_whose_neighbour_fits():
    pool = PortPool("127.0.0.1", 10001, 10008)
    assert sorted(pool.take() for _ in range(3)) == [10002, 10004, 10006]
    with pytest.raises(PortsExhaustedError, match=r"3 RTP port pairs of 127\.0\.0\.1"):
        pool.take()


def test_ports_come_in_random_order_and_back():
    pool = PortPool("127.0.0.1", 10000, 20000, random.Random(1).randbytes)
    taken = [pool.take() for _ in range(100)]
    assert len(set(taken)) == 100
    assert taken != sorted(taken)
    for port in taken:
        pool.give_back(port)
    assert pool.available == pool.size == 5000


def test_a_port_that_another_program_has_is_passed_over():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1] & ~1
        pool = PortPool("127.0.0.1", port, port + 1)
        with pytest.raises(PortsExhaustedError, match="other programs"):
            pool.bind_pair()
        assert pool.available == 1


def test_an_address_that_is_not_ours_is_an_error_and_leaks_nothing():
    pool = PortPool("192.0.2.1", 10000, 10100)
    with pytest.raises(OSError, match=r"."):
        pool.bind_pair()
    assert pool.available == pool.size
