"""Fax by T.38: UDPTL datagrams, IFP packets, and the sections of descriptions."""

from __future__ import annotations

from itertools import pairwise

from asterism.applications.session.t38_sections import is_fax, read_correction, read_terms, write_section
from asterism.media import udptl
from asterism.media.ifp import true_length
from asterism.media.udptl_settings import LARGEST_DATAGRAM, UdptlSettings
from asterism.stack.sdp import SessionDescription

_SEPARATOR = b"\n--\n"


def _sent(correction: udptl.ErrorCorrection) -> bytes:
    sender = udptl.UdptlSender(correction)
    packets = [b"\x02", b"\x04", b"\xc0\x01\x80\x00\x02\xff\xc8\x01", b"\x06", b"\xc0\x02\x80\x00\x00\xff\x20"] * 3
    datagrams = [sender.packet(one)[1] for one in packets]
    del datagrams[6], datagrams[3]
    return _SEPARATOR.join(datagrams)


UDPTL = (
    _sent(udptl.ErrorCorrection.NONE),
    _sent(udptl.ErrorCorrection.REDUNDANCY),
    _sent(udptl.ErrorCorrection.FEC),
    _SEPARATOR.join(bytes((number, 0, 1, 6, 0, 0)) for number in (0, 200, 201, 90, 0, 1)),
    b"\x00\x05\x01\x06\x80\x01\x40\x20" + b"\x01\xff" * 32,
)
IFP = (b"\xc0\x01\x80\x00\x02\xff\xc8\x01\x00\x00", b"\xe0\x80\x01\xc0\x00\x00\x31", b"\x20\x80", b"\xc0\x02\x10\x40")
_HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=image 4000 udptl t38\r\n"
SECTIONS = (
    _HEAD + b"a=T38FaxVersion:3\r\na=T38MaxBitRate:33600\r\na=T38FaxFillBitRemoval\r\na=T38FaxTranscodingMMR:0\r\n"
    b"a=T38FaxRateManagement:localTCF\r\na=T38FaxMaxBuffer:2000\r\na=T38FaxMaxDatagram:1400\r\n"
    b"a=T38FaxUdpEC:t38UDPRedundancy\r\n",
    _HEAD + b"a=t38faxmaxdatagram:-1\r\na=T38FaxUdpEC:t38UDPFEC\r\na=T38FaxVersion\r\nm=image 0 TCP T38 x\r\n",
)


def datagrams(data: bytes) -> None:
    """Datagrams of a peer: what they give is in order, each once, and what is kept is bounded."""
    receiver, given = udptl.UdptlReceiver(), 0
    for piece in data.split(_SEPARATOR)[:200]:
        found = receiver.take(piece)
        if len(piece) % 7 == 6:
            found += receiver.flush()
        given += len([ifp for _, ifp in found if ifp])
        numbers = [number for number, _ in found]
        assert all((two - one & 0xFFFF) < 0x8000 for one, two in pairwise(numbers))
        assert len(receiver._known) <= 400
        assert len(receiver._row) <= 16
        assert len(receiver._groups) <= 64
        assert all(len(ifp) <= udptl.LONGEST_IFP for _, ifp in found)
    while receiver.awaited is not None:
        given += len([ifp for _, ifp in receiver.flush() if ifp])
    assert given <= receiver.received + receiver.repaired
    try:
        packet = udptl.read_packet(data)
    except ValueError:
        return
    assert udptl.read_packet(udptl.write_packet(packet)) == packet


def packets(data: bytes) -> None:
    """The true length of an IFP packet with zeros behind it."""
    found = true_length(data)
    assert found is None or 0 < found <= len(data)


def sections(data: bytes) -> None:
    """What a description says of T.38, and our answer to it."""
    settings = UdptlSettings()
    for media in SessionDescription.parse(data).media[:20]:
        correction, terms = read_correction(media), read_terms(media, 0)
        assert 0 < terms.max_ifp <= 65535
        datagram = settings.local_datagram(correction, terms.max_ifp)
        assert 0 < datagram <= LARGEST_DATAGRAM
        written = write_section(terms, correction, datagram, 4000, None)
        assert is_fax(written)
        assert read_correction(written) is correction
        assert read_terms(written, 0)._replace(max_ifp=0) == terms._replace(max_ifp=0)


TARGETS = {"udptl": (datagrams, UDPTL), "ifp": (packets, IFP), "t38": (sections, SECTIONS)}
