"""What ``sip show peer``, ``sip show user`` and ``SIPshowpeer`` call the values of a peer's options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.hostport import format_host_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.chan_sip.objects.general import SipGeneral
    from asterism.chan_sip.objects.kinds import T38
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.objects.shared import SipOptions
    from asterism.chan_sip.peers import Peers

UNLIMITED = 0x7FFFFFFF
"""The call limit of a peer whose calls are counted without one."""
_PRESENTATIONS = {
    "allowed_not_screened": "Presentation Allowed, Not Screened",
    "allowed_passed_screen": "Presentation Allowed, Passed Screen",
    "allowed_failed_screen": "Presentation Allowed, Failed Screen",
    "allowed": "Presentation Allowed, Network Number",
    "prohib_not_screened": "Presentation Prohibited, Not Screened",
    "prohib_passed_screen": "Presentation Prohibited, Passed Screen",
    "prohib_failed_screen": "Presentation Prohibited, Failed Screen",
    "prohib": "Presentation Prohibited, Network Number",
    "unavailable": "Number Unavailable",
}
_AMA = {"omit": "OMIT", "billing": "BILLING", "documentation": "DOCUMENTATION"}
_T38 = {"fec": "FEC", "redundancy": "Redundancy", "none": "None"}


def yes_no(value: object) -> str:
    """``Yes`` or ``No``; of an option with further words, whether it is not ``no``."""
    return "No" if value in ("", "no", False, None, ()) else "Yes"


def is_set(value: str) -> str:
    """Whether there is a secret."""
    return "<Set>" if value else "<Not set>"


def presentation(peer: SipPeer) -> str:
    """``callingpres`` in words."""
    return _PRESENTATIONS.get(peer.callingpres, "unknown")


def ama_flags(peer: SipPeer) -> str:
    """``amaflags`` in words."""
    return _AMA.get(peer.amaflags, "Unknown")


def transfer_mode(options: SipOptions) -> str:
    """``open`` or ``closed``."""
    return "open" if options.allowtransfer else "closed"


def caller_id(peer: SipPeer) -> str:
    """The caller ID, the number in angles also where it is empty."""
    return f'"{peer.callerid.name}" <{peer.callerid.number}>'


def codecs(names: Iterable[str]) -> str:
    """``(ulaw|alaw)``, or ``(nothing)``."""
    return f"({'|'.join(names) or 'nothing'})"


def numbers(groups: Iterable[int]) -> str:
    """Numbers of groups: ``1, 2``."""
    return ", ".join(str(each) for each in groups)


def t38_correction(value: T38) -> str:
    """The error correction of T.38; ``Unknown`` without T.38."""
    return _T38.get(value.correction, "Unknown") if value.enabled else "Unknown"


def t38_largest(value: T38) -> int:
    """The largest datagram; 4294967295 where the peer is to say."""
    return value.largest or 0xFFFFFFFF


def call_limit(peer: SipPeer) -> int:
    """``call-limit``; a large number where calls are only counted, 0 where they are not."""
    return peer.call_limit or (UNLIMITED if peer.callcounter else 0)


def max_forwards(peer: SipPeer, general: SipGeneral | None) -> int:
    """``maxforwards`` of the peer itself, 0 where that of ``[general]`` counts."""
    return 0 if general is not None and peer.maxforwards == general.maxforwards else peer.maxforwards


def timer_t1(options: SipOptions) -> int:
    """T1 in milliseconds."""
    return options.timert1 or 500


def timer_b(options: SipOptions) -> int:
    """Timer B in milliseconds."""
    return options.timerb or 64 * timer_t1(options)


def expiry(peers: Peers, peer: SipPeer) -> int:
    """Seconds until the registration ends, -1 without one."""
    return peers.expires(peer)


def address(found: tuple[str, int] | None) -> str:
    """``127.0.0.1:5060``, or ``(null)``."""
    return "(null)" if found is None else format_host_port(*found)


def forced_rport(peer: SipOptions, behind_nat: bool) -> str:
    """``Yes``, ``No``, or that this depends on where the peer is."""
    if "force_rport" in peer.nat:
        return "Yes"
    return f"Auto ({yes_no(behind_nat)})" if "auto_force_rport" in peer.nat else "No"


def comedia(peer: SipOptions, behind_nat: bool) -> str:
    """The same for media."""
    if "comedia" in peer.nat:
        return "Yes"
    return f"Auto ({yes_no(behind_nat)})" if "auto_comedia" in peer.nat else "No"


def transports(peer: SipOptions) -> tuple[str, str]:
    """Those that it may use: ``TCP,TLS`` in the order UDP, TCP, TLS, WS, WSS; and the one of requests to it."""
    allowed = [name for name in ("udp", "tcp", "tls", "ws", "wss") if name in peer.transport]
    return ",".join(allowed).upper(), (peer.transport[0] if peer.transport else "udp").upper()


def trust_id_outbound(options: SipOptions) -> str:
    """``Legacy``, ``Yes`` or ``No``."""
    return "Legacy" if options.trust_id_outbound == "legacy" else yes_no(options.trust_id_outbound)


def variables(peer: SipPeer) -> list[tuple[str, str]]:
    """``setvar``, the latest first."""
    return [(each[0], each[1]) for each in reversed(peer.setvar)]
