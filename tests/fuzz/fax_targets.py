"""Fax by T.38: IFP packets, and the sections of descriptions; UDPTL is in :mod:`udptl_target`."""

from __future__ import annotations

import udptl_target

from asterism.applications.session.t38_sections import is_fax, read_correction, read_terms, write_section
from asterism.media.ifp import true_length
from asterism.media.udptl_settings import LARGEST_DATAGRAM, UdptlSettings
from asterism.stack.sdp import SessionDescription

IFP = (b"\xc0\x01\x80\x00\x02\xff\xc8\x01\x00\x00", b"\xe0\x80\x01\xc0\x00\x00\x31", b"\x20\x80", b"\xc0\x02\x10\x40")
_HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=image 4000 udptl t38\r\n"
SECTIONS = (
    _HEAD + b"a=T38FaxVersion:3\r\na=T38MaxBitRate:33600\r\na=T38FaxFillBitRemoval\r\na=T38FaxTranscodingMMR:0\r\n"
    b"a=T38FaxRateManagement:localTCF\r\na=T38FaxMaxBuffer:2000\r\na=T38FaxMaxDatagram:1400\r\n"
    b"a=T38FaxUdpEC:t38UDPRedundancy\r\n",
    _HEAD + b"a=t38faxmaxdatagram:-1\r\na=T38FaxUdpEC:t38UDPFEC\r\na=T38FaxVersion\r\nm=image 0 TCP T38 x\r\n",
)


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


TARGETS = {"udptl": (udptl_target.datagrams, udptl_target.SEEDS), "ifp": (packets, IFP), "t38": (sections, SECTIONS)}
