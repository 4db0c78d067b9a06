"""What two ends of a media transport tell each other of it, without the form that SDP gives it."""

from __future__ import annotations

from typing import NamedTuple

Address = tuple[str, int]


class SrtpKey(NamedTuple):
    """Master key and salt of one direction (RFC 4568 6.1)."""

    suite: str
    """Name of the crypto suite, as ``a=crypto`` has it: ``AES_CM_128_HMAC_SHA1_80`` for example."""
    key: bytes
    """Master key, then master salt."""


class DtlsParameters(NamedTuple):
    """One end's part of a DTLS association (RFC 5763, RFC 8122)."""

    fingerprints: tuple[tuple[str, str], ...]
    """Each with its hash in lower case (``sha-256``), in capitals with colons; one must be that of the certificate."""
    setup: str
    """``active``, ``passive``, ``actpass`` or ``holdconn``; empty where none was told."""
    new: bool = False
    """Whether a new association is asked for (``a=connection:new``)."""


class IceParameters(NamedTuple):
    """One end's ICE credentials and candidates (RFC 8839)."""

    ufrag: str
    password: str
    candidates: tuple[str, ...] = ()
    """Values of ``a=candidate``, without that name."""
    lite: bool = False


class RemoteTransport(NamedTuple):
    """All that the peer has told of its end; what it did not tell is ``None``.

    Attributes:
        rtp: where its description says that it receives; the port is 9 where only candidates count.
        rtcp: the same of RTCP (``a=rtcp``); ``None``: on the next port, or with RTP where that is agreed on.
        mux: whether RTCP goes with RTP on one port (RFC 5761).
        sent: key of what we send, by SDES.
        received: key of what we receive, by SDES.
        dtls: its part of the DTLS association.
        ice: its credentials and candidates.
    """

    rtp: Address
    rtcp: Address | None = None
    mux: bool = False
    sent: SrtpKey | None = None
    received: SrtpKey | None = None
    dtls: DtlsParameters | None = None
    ice: IceParameters | None = None
