"""UDPTL: the octets of packets, and every loss that error correction can bring back."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterism.media.udptl import (
    LONGEST_IFP,
    MOST_ENTRIES,
    ErrorCorrection,
    UdptlPacket,
    UdptlReceiver,
    UdptlSender,
    read_packet,
    write_packet,
)

INDICATORS = [b"\x00", b"\x02", b"\x04", b"\x06"]


def hdlc(size: int, seed: int) -> bytes:
    """An IFP packet with one field of data, in the form of 1998."""
    data = random.Random(seed).randbytes(size)
    return b"\xc0\x01\x80" + (size - 1).to_bytes(2, "big") + data


def ifps(count: int) -> list[bytes]:
    """What a fax sends: indicators and data of several lengths, all different."""
    return [hdlc(1 + index * 37 % 200, index) if index % 5 else INDICATORS[index // 5 % 4] for index in range(count)]


def sent(packets: Sequence[bytes], sender: UdptlSender) -> list[bytes]:
    return [sender.packet(one)[1] for one in packets]


def received(datagrams: Sequence[bytes], receiver: UdptlReceiver | None = None) -> list[tuple[int, bytes]]:
    receiver = receiver or UdptlReceiver()
    found = [one for data in datagrams for one in receiver.take(data)]
    while receiver.awaited is not None:
        found += receiver.flush()
    return [one for one in found if one[1]]


def test_octets_of_a_packet_with_redundancy() -> None:
    packet = UdptlPacket(258, b"\x06", (b"\xc0\x01", b"\x00"))
    assert write_packet(packet) == bytes.fromhex("0102 01 06 00 02 02 c001 01 00")
    assert read_packet(write_packet(packet)) == packet


def test_octets_of_a_packet_with_fec() -> None:
    packet = UdptlPacket(3, b"\x06", (), 3, (b"\x0a", b"\x0b\x0c"))
    assert write_packet(packet) == bytes.fromhex("0003 01 06 80 01 03 02 01 0a 02 0b0c")
    assert read_packet(write_packet(packet)) == packet


def test_octets_of_a_packet_without_correction_and_of_a_long_one() -> None:
    assert write_packet(UdptlPacket(0, b"\x06")) == bytes.fromhex("0000 01 06 00 00")
    assert write_packet(UdptlPacket(0, bytes(200)))[:4] == bytes.fromhex("0000 80c8")
    assert read_packet(bytes.fromhex("0000 01 06")) == UdptlPacket(0, b"\x06")


@given(
    st.builds(
        UdptlPacket,
        st.integers(0, 65535),
        st.binary(max_size=300),
        st.lists(st.binary(max_size=300), max_size=MOST_ENTRIES).map(tuple),
        st.just(0),
        st.just(()),
    )
    | st.builds(
        UdptlPacket,
        st.integers(0, 65535),
        st.binary(max_size=300),
        st.just(()),
        st.integers(1, 64),
        st.lists(st.binary(max_size=300), max_size=MOST_ENTRIES).map(tuple),
    )
)
def test_what_is_written_is_read(packet: UdptlPacket) -> None:
    assert read_packet(write_packet(packet)) == packet


@pytest.mark.parametrize(
    "octets",
    [
        "", "00", "0001", "0001 05 06", "0001 c1 06", "0001 80", "0001 01 06 00 21", "0001 01 06 00 01 05 01",
        "0001 01 06 80 02 0003", "0001 01 06 80 01 00 00", "0001 01 06 80 01 41 00", "0001 01 06 80",
        "0001 bfff",
    ],
)  # fmt: skip
def test_what_is_no_packet_is_refused(octets: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_packet(bytes.fromhex(octets))
    receiver = UdptlReceiver()
    assert receiver.take(bytes.fromhex(octets)) == []
    assert receiver.malformed == 1


@given(st.lists(st.binary(max_size=80), max_size=60))
def test_any_octets_are_taken_without_harm(datagrams: list[bytes]) -> None:
    receiver = UdptlReceiver()
    for data in datagrams:
        receiver.take(data)
    while receiver.awaited is not None:
        receiver.flush()
    assert len(receiver._known) <= 400
    assert len(receiver._groups) <= 64


def test_too_much_is_not_written() -> None:
    with pytest.raises(ValueError, match="too long"):
        write_packet(UdptlPacket(0, bytes(LONGEST_IFP + 1)))
    with pytest.raises(ValueError, match="more entries"):
        write_packet(UdptlPacket(0, b"", (b"",) * (MOST_ENTRIES + 1)))


@settings(max_examples=50)
@given(st.data(), st.sampled_from(ErrorCorrection), st.integers(1, 5), st.integers(1, 5))
def test_bursts_as_long_as_the_entries_come_back(
    data: st.DataObject, correction: ErrorCorrection, entries: int, span: int
) -> None:
    packets = ifps(80)
    datagrams: list[bytes | None] = list(sent(packets, UdptlSender(correction, entries, span)))
    most = 0 if correction is ErrorCorrection.NONE else entries
    at = data.draw(st.integers(0, 3))
    lost = 0
    while most and at + most < len(datagrams):
        burst = data.draw(st.integers(1, most))
        datagrams[at : at + burst] = [None] * burst
        lost += burst
        # Between two bursts FEC needs what was before them.
        at += burst + entries * span + entries + data.draw(st.integers(0, 20))
    receiver = UdptlReceiver()
    found = received([one for one in datagrams if one is not None], receiver)
    assert found == list(enumerate(packets))
    assert receiver.repaired >= lost
    assert receiver.lost == 0


@settings(max_examples=50)
@given(st.randoms(use_true_random=False), st.sampled_from(ErrorCorrection))
def test_order_and_copies_do_not_matter(chance: random.Random, correction: ErrorCorrection) -> None:
    packets = ifps(60)
    datagrams = sent(packets, UdptlSender(correction))
    order = sorted(range(60), key=lambda index: index + chance.uniform(0, 2.5))
    twice = [each for index in order for each in [index] * chance.choice((1, 1, 2))]
    assert received([datagrams[index] for index in twice]) == list(enumerate(packets))


@pytest.mark.parametrize("correction", [ErrorCorrection.REDUNDANCY, ErrorCorrection.FEC])
def test_three_percent_of_loss_leaves_nothing_missing(correction: ErrorCorrection) -> None:
    chance = random.Random(38)
    packets = ifps(4000)
    kept = [one for one in sent(packets, UdptlSender(correction)) if chance.random() > 0.03]
    kept.append(sent(packets, UdptlSender(correction))[-1])
    receiver = UdptlReceiver()
    found = received(kept, receiver)
    assert receiver.repaired > 80
    missing = len(packets) - len(found)
    assert missing <= (0 if correction is ErrorCorrection.REDUNDANCY else 4)
    assert all(packets[number] == ifp for number, ifp in found)


def test_without_correction_what_is_lost_is_missing_and_the_rest_waits_a_little_only() -> None:
    packets = ifps(10)
    datagrams = sent(packets, UdptlSender())
    receiver = UdptlReceiver()
    assert receiver.take(datagrams[0]) == [(0, packets[0])]
    for index in (2, 3, 4, 5):
        assert receiver.take(datagrams[index]) == []
        assert receiver.awaited == 1
    assert receiver.take(datagrams[6]) == [(1, b""), *((index, packets[index]) for index in (2, 3, 4, 5, 6))]
    assert (receiver.lost, receiver.awaited) == (1, None)
    assert receiver.take(datagrams[1]) == []  # too late
    assert receiver.take(datagrams[8]) == []
    assert receiver.flush() == [(7, b""), (8, packets[8])]
    assert receiver.lost == 2


def test_numbers_go_on_beyond_16_bits() -> None:
    sender, receiver = UdptlSender(ErrorCorrection.FEC), UdptlReceiver()
    sender._sequence = 65530
    packets = ifps(20)
    datagrams = sent(packets, sender)
    del datagrams[7]
    found = received(datagrams, receiver)
    assert [ifp for _, ifp in found] == packets
    assert [number for number, _ in found] == [(65530 + index) & 0xFFFF for index in range(20)]


def test_another_numbering_is_followed_but_a_stray_packet_is_not() -> None:
    receiver = UdptlReceiver()
    packets = ifps(12)
    found = [one for data in sent(packets, UdptlSender()) for one in receiver.take(data)]
    stray = write_packet(UdptlPacket(30000, b"\x06"))
    assert receiver.take(stray) == []
    again = [write_packet(UdptlPacket(20000 + index, one)) for index, one in enumerate(packets)]
    more = [one for data in again for one in receiver.take(data)]
    assert found == list(enumerate(packets))
    assert more == [(20000 + index, one) for index, one in enumerate(packets)]


def test_what_is_missing_is_given_up_one_gap_after_the_other() -> None:
    packets = ifps(10)
    datagrams = sent(packets, UdptlSender())
    receiver = UdptlReceiver()
    for index in (0, 2, 3, 6):
        receiver.take(datagrams[index])
    assert receiver.awaited == 1
    assert receiver.flush() == [(1, b""), (2, packets[2]), (3, packets[3])]
    assert (receiver.awaited, receiver.lost) == (4, 1)
    assert receiver.take(datagrams[4]) == [(4, packets[4])]
    assert receiver.take(datagrams[5]) == [(5, packets[5]), (6, packets[6])]
    assert (receiver.awaited, receiver.lost) == (None, 1)
    assert receiver.flush() == []


@pytest.mark.parametrize("correction", ErrorCorrection)
def test_an_empty_primary_is_no_gap_and_given_to_nobody(correction: ErrorCorrection) -> None:
    packets = [b"" if index % 4 == 2 else one for index, one in enumerate(ifps(40))]
    datagrams = sent(packets, UdptlSender(correction))
    receiver = UdptlReceiver()
    for index, data in enumerate(datagrams):
        assert receiver.take(data) == ([(index, packets[index])] if packets[index] else [])
        assert receiver.awaited is None
    assert (receiver.lost, receiver.late) == (0, 0)


@pytest.mark.parametrize("correction", ErrorCorrection)
@pytest.mark.parametrize("ahead", [0, 1, 2, 3, 4, 5, 60, 127, 128, 500, 1000, 30000, -1, -60, -128, -500])
@pytest.mark.parametrize("quiet", [True, False])
def test_one_packet_with_a_wrong_number_costs_no_more_than_a_lost_one(
    correction: ErrorCorrection, ahead: int, quiet: bool
) -> None:
    packets = ifps(300)
    datagrams = sent(packets, UdptlSender(correction))
    receiver = UdptlReceiver()
    found = [one for data in datagrams[:150] for one in receiver.take(data)]
    found += receiver.take(write_packet(UdptlPacket(150 + ahead & 0xFFFF, b"\x1e")))
    while quiet and receiver.awaited is not None:
        found += receiver.flush()
    found += [one for data in datagrams[150:] for one in receiver.take(data)]
    given = {number for number, ifp in found if ifp == packets[number % 300] and number < 300}
    assert len(set(range(300)) - given) <= 1
    assert len([one for one in found if one[1]]) <= 301


def test_packets_that_were_overtaken_by_a_whole_gap_do_not_turn_back_what_was_given() -> None:
    packets = ifps(20)
    datagrams = sent(packets, UdptlSender())
    receiver = UdptlReceiver()
    order = [0, 1, 2, *range(8, 13), 3, 4, 5, 6, 7, *range(13, 20)]
    found = [one for index in order for one in receiver.take(datagrams[index])]
    assert [number for number, ifp in found if ifp] == [0, 1, 2, *range(8, 20)]


def test_what_another_far_end_sends_is_not_taken_for_more_of_the_one_before() -> None:
    packets = ifps(20)
    receiver = UdptlReceiver()
    received(sent(packets, UdptlSender()), receiver)
    receiver.begin()
    assert received(sent(packets, UdptlSender()), receiver) == list(enumerate(packets))
    assert (receiver.received, receiver.late) == (40, 0)


def test_what_does_not_fit_is_left_out_but_never_the_primary() -> None:
    sender = UdptlSender(ErrorCorrection.REDUNDANCY, entries=3, largest=176)
    packets = [hdlc(74, index) for index in range(6)]
    read = [read_packet(data) for data in sent(packets, sender)]
    assert [len(one.secondary) for one in read] == [0, 1, 1, 1, 1, 1]
    assert all(len(write_packet(one)) <= 176 for one in read)
    long = UdptlSender(ErrorCorrection.REDUNDANCY, largest=72).packet(hdlc(300, 1))[1]
    assert read_packet(long).primary == hdlc(300, 1)
    tight = UdptlSender(ErrorCorrection.FEC, largest=100)
    assert [read_packet(data).span for data in sent(packets, tight)] == [0] * 6


def test_terms_change_while_the_numbers_go_on() -> None:
    sender, packets = UdptlSender(), ifps(20)
    datagrams = sent(packets[:10], sender)
    sender.set_up(ErrorCorrection.REDUNDANCY, 2, 3, 1400)
    datagrams += sent(packets[10:], sender)
    del datagrams[12:14]
    assert received(datagrams) == list(enumerate(packets))


@pytest.mark.parametrize("correction", ErrorCorrection)
def test_a_number_that_is_left_out_is_lost_and_nothing_is_made_of_it(correction: ErrorCorrection) -> None:
    sender, receiver = UdptlSender(correction), UdptlReceiver()
    packets = ifps(60)
    datagrams = []
    for index, ifp in enumerate(packets):
        if index in (0, 20, 21):
            sender.skip()
        else:
            datagrams.append(sender.packet(ifp)[1])
    del datagrams[40]
    kept = [index for index in range(60) if index not in (0, 20, 21)]
    missing = kept[40] if correction is ErrorCorrection.NONE else None
    assert received(datagrams, receiver) == [(index, packets[index]) for index in kept if index != missing]
    assert receiver.lost == 3 + (missing is not None)
    assert all(b"" not in (*read_packet(data).secondary, *read_packet(data).fec) for data in datagrams)
