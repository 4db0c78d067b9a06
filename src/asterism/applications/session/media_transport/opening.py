"""Opens the media transports of a session, as its endpoint's options say."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from asterism.applications.session.identity import address_towards
from asterism.applications.session.media_transport.leg import TransportLeg
from asterism.core.errors import AsterismError
from asterism.media.sockets import is_address
from asterism.media.transports.protection import State
from asterism.pbx.vocabulary.controls import SoftHangup

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.session.media_transport.terms import Options
    from asterism.applications.session.session import Session
    from asterism.data.backends import Files
    from asterism.media.core import Media
    from asterism.media.transports.dtls import DtlsAgent
    from asterism.media.transports.dtls_server import DtlsSettings
    from asterism.media.transports.ice import IceAgent
    from asterism.media.transports.transport import MediaTransport
    from asterism.sip.objects.endpoint import Endpoint

NOWHERE = frozenset(("0.0.0.0", "::", ""))
"""Addresses in descriptions at which nobody is."""
_NOT_AVAILABLE = 44
"""Q.850: requested channel not available; what a call without media ends with."""


def local_host(session: Session, peer: str, *, to_media_address: bool) -> tuple[str, bool]:
    """The address of our media, and whether it is of another family than the session's: the peer's media is, then.

    ``to_media_address``: whether it is bound to the endpoint's ``media_address``, where there is one.
    """
    bound = session.endpoint.media_address if to_media_address else ""
    host = bound or session.local_address
    other_family = not bound and peer not in NOWHERE and (":" in peer) != (":" in host)
    if other_family and is_address(peer):
        host = address_towards(peer, 9)
    return host, other_family


def open_leg(media: Media, session: Session, peer: str, marking: tuple[str, str], *, ice: bool) -> TransportLeg | None:
    """A transport that was prepared, or another one; see :func:`open_another`."""
    prepared = session.media.legs.prepared
    if ice and prepared:
        return prepared.pop(0)
    return open_another(media, session, peer, marking, ice=ice)


def open_another(
    media: Media, session: Session, peer: str, marking: tuple[str, str], *, ice: bool
) -> TransportLeg | None:
    """Open a transport with ports on an address that the peer's media can reach; ``None`` where that fails.

    Args:
        media: the media subsystem.
        session: whose it is.
        peer: the address in the peer's description, empty before there is one.
        marking: the options for traffic class and link priority of the packets.
        ice: whether it is to find its path by ICE.
    """
    endpoint = session.endpoint
    options = session.profile.transport
    host, other_family = local_host(session, peer, to_media_address=endpoint.bind_rtp_to_media_address)
    told = host if other_family else ""
    if ice and not endpoint.bind_rtp_to_media_address:
        host = "::" if ":" in host else "0.0.0.0"  # every address may turn out to be the one on the path
    try:
        transport = media.open_transport(
            host,
            ports=(endpoint.rtp_port_start, endpoint.rtp_port_end),
            tos=getattr(endpoint, marking[0]),
            cos=getattr(endpoint, marking[1]),
            make_ice=media.make_ice if ice else None,
            make_dtls=_dtls_agents(media, session, options) if options.encryption == "dtls" else None,
        )
    except (OSError, ValueError, AsterismError) as error:
        session.core.log.warning("no media transport on %s for %s: %s", host, endpoint.id, error)
        return None
    leg = TransportLeg(options, transport, session.core.random, told)
    transport.on_failed, transport.on_no_path = partial(_failed, session, leg), partial(_no_path, session, transport)
    return leg


def _dtls_agents(media: Media, session: Session, options: Options) -> Callable[[MediaTransport, int], DtlsAgent]:
    """What makes the DTLS agents of a transport.

    Raises:
        OSError: a file that the options name cannot be read.
        ValueError: a file or an option is of no use.
    """
    # OpenSSL is loaded when it is needed first.
    from asterism.media.transports.dtls import dtls_agents

    settings = dtls_settings(session.endpoint, session.core.data.files)
    return dtls_agents(media.context.dtls, replace(settings, mtu=media.settings.dtls_mtu, suites=options.suites))


def dtls_settings(endpoint: Endpoint, files: Files) -> DtlsSettings:
    """What the ``dtls_*`` options of an endpoint say; names of files are looked up in the folder of ``files``."""
    from asterism.media.transports.dtls_server import DtlsSettings

    return DtlsSettings(
        verify=endpoint.dtls_verify,
        cert_file=files.whole(endpoint.dtls_cert_file),
        private_key=files.whole(endpoint.dtls_private_key),
        cipher=endpoint.dtls_cipher,
        ca_file=files.whole(endpoint.dtls_ca_file),
        ca_path=files.whole(endpoint.dtls_ca_path),
        auto_generate=endpoint.dtls_auto_generate_cert,
        rekey=int(endpoint.dtls_rekey),
        fingerprint=endpoint.dtls_fingerprint.lower(),
    )


def _no_path(session: Session, transport: MediaTransport, reason: str) -> None:
    """A transport has no path: one may be found by a restart of ICE, which an offer of ours asks for."""
    _tell(session, reason)
    if transport.ice is not None and transport.ice.lost:
        session.work.push(_restart, session, transport.ice)


def _restart(session: Session, ice: IceAgent) -> None:
    session.media.due = not session.refresh("INVITE", lambda: ice.lost)


def _tell(session: Session, reason: str) -> None:
    session.core.log.warning("no media go to and from %s: %s", session.endpoint.id, reason)


def _failed(session: Session, leg: TransportLeg, reason: str) -> None:
    """A transport has no keys, or no longer."""
    _tell(session, reason)
    session.work.push(_without_keys, session, leg)


def _without_keys(session: Session, leg: TransportLeg) -> None:
    """End the streams of a transport; with the first audio, or the last stream, the call as its own device would.

    Not before the answer: who only rings need not be there yet. Keys are sought again from then on.
    """
    if leg.transport.state is State.CLOSED:
        return
    if not session.confirmed:
        leg.failed = True
    elif leg.early:
        leg.seek_again()
    elif session.media.lose(leg):
        session.media.due = not session.refresh("INVITE")
    elif session.channel is None:
        session.fail(_NOT_AVAILABLE)
    else:
        session.channel.soft_hangup(SoftHangup.DEVICE, _NOT_AVAILABLE)
