"""Sections of T.38 in a session description: ``m=image`` and its attributes (T.38 Annex D, RFC 3362).

What is written is what Asterisk 22 writes, in its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.stream import IMAGE
from asterism.media.udptl import ErrorCorrection
from asterism.media.udptl_settings import USUAL_DATAGRAM, far_ifp
from asterism.pbx.channels.t38 import USUAL, RateManagement, T38Parameters
from asterism.stack.sdp import MediaDescription

if TYPE_CHECKING:
    from asterism.stack.sdp import Connection

PROTOCOLS = frozenset(("UDPTL", "TCP"))
"""Those of offers that are taken; the answer has UDPTL, whatever they say, as in Asterisk 22."""
_CORRECTIONS = {
    "t38udpredundancy": ErrorCorrection.REDUNDANCY,
    "t38udpfec": ErrorCorrection.FEC,
}
_WRITTEN = {ErrorCorrection.REDUNDANCY: "t38UDPRedundancy", ErrorCorrection.FEC: "t38UDPFEC"}
_RATES = {one.value.lower(): one for one in RateManagement}
_HIGHEST_NUMBER = 65535


def is_fax(media: MediaDescription) -> bool:
    """Whether a section is T.38 over a transport that is taken."""
    return media.protocol.upper() in PROTOCOLS and any(one.lower() == "t38" for one in media.formats)


def _values(media: MediaDescription) -> dict[str, str]:
    """The attributes by their names in lower case: phones differ in how they write them."""
    found: dict[str, str] = {}
    for name, value in media.attributes:
        found.setdefault(name.lower(), (value or "").strip())
    return found


def _number(text: str | None, usual: int) -> int:
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 9):
        return usual
    return min(int(text), _HIGHEST_NUMBER)


def _flag(text: str | None) -> bool:
    """Whether a feature is there: its attribute stands without a value, or with another one than 0."""
    return text is not None and text != "0"


def read_parameters(media: MediaDescription) -> T38Parameters:
    """The peer's terms in a section, without what its datagrams hold; what it does not say is as usual."""
    values = _values(media)
    return T38Parameters(
        version=_number(values.get("t38faxversion"), 0),
        max_bit_rate=_number(values.get("t38maxbitrate"), USUAL.max_bit_rate) or USUAL.max_bit_rate,
        rate_management=_RATES.get(values.get("t38faxratemanagement", "").lower(), RateManagement.TRANSFERRED_TCF),
        fill_bit_removal=_flag(values.get("t38faxfillbitremoval")),
        transcoding_mmr=_flag(values.get("t38faxtranscodingmmr")),
        transcoding_jbig=_flag(values.get("t38faxtranscodingjbig")),
    )


def read_correction(media: MediaDescription) -> ErrorCorrection:
    """The error correction that a section asks for; none where it names none."""
    return _CORRECTIONS.get(_values(media).get("t38faxudpec", "").lower(), ErrorCorrection.NONE)


def read_datagram(media: MediaDescription) -> int:
    """Octets of the largest datagram that the peer takes."""
    return _number(_values(media).get("t38faxmaxdatagram"), USUAL_DATAGRAM) or USUAL_DATAGRAM


def read_terms(media: MediaDescription, datagram: int) -> T38Parameters:
    """The peer's terms, with the largest IFP packet for it; ``datagram`` stands for what it says of that, if not 0."""
    largest = far_ifp(read_correction(media), datagram or read_datagram(media))
    return read_parameters(media)._replace(max_ifp=largest)


def write_section(
    parameters: T38Parameters, correction: ErrorCorrection, datagram: int, port: int, connection: Connection | None
) -> MediaDescription:
    """Our section; ``datagram`` are the octets of the largest that we take."""
    section = MediaDescription(media=IMAGE, port=port, protocol="udptl", formats=["t38"], connection=connection)
    section.add_attribute("T38FaxVersion", str(parameters.version))
    section.add_attribute("T38MaxBitRate", str(parameters.max_bit_rate))
    for name, there in (
        ("T38FaxFillBitRemoval", parameters.fill_bit_removal),
        ("T38FaxTranscodingMMR", parameters.transcoding_mmr),
        ("T38FaxTranscodingJBIG", parameters.transcoding_jbig),
    ):
        if there:
            section.add_attribute(name)
    section.add_attribute("T38FaxRateManagement", parameters.rate_management.value)
    section.add_attribute("T38FaxMaxDatagram", str(datagram))
    if correction in _WRITTEN:
        section.add_attribute("T38FaxUdpEC", _WRITTEN[correction])
    return section
