"""The fields of ``PeerEntry`` and of ``SIPshowpeer``, in chan_sip's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip import words
from asterism.chan_sip.words import yes_no

if TYPE_CHECKING:
    from asterism.chan_sip.objects.general import SipGeneral
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.objects.shared import SipOptions
    from asterism.chan_sip.peers import Peers

Fields = list[tuple[str, object]]
_NOWHERE = "-none-"
_NOT_SET = "<Not set>"


def _y(value: object) -> str:
    """``Y`` or ``N``."""
    return yes_no(value)[0]


def _word(value: object) -> str:
    return yes_no(value).lower()


def _has(options: SipOptions, word: str) -> str:
    return _word(word in options.nat)


def has_acl(peer: SipPeer) -> bool:
    """Whether access lists judge its address."""
    return bool(peer.address_rules) or bool(peer.acl)


def entry(peer: SipPeer, peers: Peers, realtime: str) -> Fields:
    """A peer in the list of all; ``realtime`` is ``yes``, ``no`` or ``cached``."""
    address = peers.address(peer)
    host, port = address or (_NOWHERE, 0)
    return [
        ("Channeltype", "SIP"),
        ("ObjectName", peer.name),
        ("ChanObjectType", "peer"),
        ("IPaddress", host),
        ("IPport", port),
        ("Dynamic", _word(peer.dynamic)),
        ("AutoForcerport", _has(peer, "auto_force_rport")),
        ("Forcerport", _has(peer, "force_rport")),
        ("AutoComedia", _has(peer, "auto_comedia")),
        ("Comedia", _has(peer, "comedia")),
        ("VideoSupport", _word(peer.videosupport)),
        ("TextSupport", _word(getattr(peer, "textsupport", False))),
        ("ACL", _word(has_acl(peer))),
        ("Status", peers.status(peer)),
        ("RealtimeDevice", realtime),
        ("Description", peer.description),
        ("Accountcode", peer.accountcode),
    ]


def _natted(peer: SipPeer, always: str, by_address: str, behind_nat: bool) -> str:
    """``Y``, ``N``, and where it depends on the peer's address ``A`` (there is a NAT) or ``a``."""
    if by_address in peer.nat:
        return "A" if behind_nat else "a"
    return _y(always in peer.nat)


def details(peer: SipPeer, peers: Peers, general: SipGeneral | None, messages: int) -> Fields:
    """Everything of one peer; ``messages`` is what ``LastMsgsSent`` says."""
    return [*_who(peer, general, messages), *_how(peer, peers)]


def _who(peer: SipPeer, general: SipGeneral | None, messages: int) -> Fields:
    fields: Fields = [
        ("Channeltype", "SIP"),
        ("ObjectName", peer.name),
        ("ChanObjectType", "peer"),
        ("SecretExist", _y(peer.secret)),
        ("RemoteSecretExist", _y(peer.remotesecret)),
        ("MD5SecretExist", _y(peer.md5secret)),
        ("Context", peer.context),
        ("SubscribeContext", peer.subscribecontext),
        ("Language", peer.language),
        ("ToneZone", peer.tonezone or _NOT_SET),
    ]
    if peer.accountcode:
        fields.append(("Accountcode", peer.accountcode))
    fields += [("AMAflags", words.ama_flags(peer)), ("CID-CallingPres", words.presentation(peer))]
    if peer.fromuser:
        fields.append(("SIP-FromUser", peer.fromuser))
    if peer.fromdomain:
        host, _, port = peer.fromdomain.partition(":")
        fields += [("SIP-FromDomain", host), ("Sip-FromDomain-Port", port or 5060)]
    return [
        *fields,
        ("Callgroup", words.numbers(peer.callgroup)),
        ("Pickupgroup", words.numbers(peer.pickupgroup)),
        ("Named Callgroup", ",".join(peer.namedcallgroup)),
        ("Named Pickupgroup", ",".join(peer.namedpickupgroup)),
        ("MOHSuggest", peer.mohsuggest),
        ("VoiceMailbox", ",".join(peer.mailbox)),
        ("TransferMode", words.transfer_mode(peer)),
        ("LastMsgsSent", messages),
        ("Maxforwards", words.max_forwards(peer, general)),
        ("Call-limit", words.call_limit(peer)),
        ("Busy-level", peer.busylevel),
        ("MaxCallBR", f"{peer.maxcallbitrate} kbps"),
        ("Dynamic", _y(peer.dynamic)),
        ("Callerid", words.caller_id(peer)),
    ]


def _how(peer: SipPeer, peers: Peers) -> Fields:
    behind = peers.behind_nat(peer)
    host, port = peers.address(peer) or ("(null)", 0)
    direct, correction = _y(peer.directmedia), words.t38_correction(peer.t38pt_udptl)
    fields: Fields = [
        ("RegExpire", f"{words.expiry(peers, peer)} seconds"),
        ("SIP-AuthInsecure", ",".join(peer.insecure) or "no"),
        ("SIP-Forcerport", _natted(peer, "force_rport", "auto_force_rport", behind)),
        ("SIP-Comedia", _natted(peer, "comedia", "auto_comedia", behind)),
        ("ACL", _y(has_acl(peer))),
        ("SIP-CanReinvite", direct),
        ("SIP-DirectMedia", direct),
        ("SIP-PromiscRedir", _y(peer.promiscredir)),
        ("SIP-UserPhone", _y(peer.usereqphone)),
        ("SIP-VideoSupport", _y(peer.videosupport)),
        ("SIP-TextSupport", _y(getattr(peer, "textsupport", False))),
        ("SIP-T.38Support", _y(peer.t38pt_udptl.enabled)),
        ("SIP-T.38EC", correction),
        ("SIP-T.38MaxDtgrm", words.t38_largest(peer.t38pt_udptl)),
        ("SIP-Sess-Timers", peer.session_timers.capitalize()),
        ("SIP-Sess-Refresh", peer.session_refresher),
        ("SIP-Sess-Expires", peer.session_expires),
        ("SIP-Sess-Min", peer.session_minse),
        ("SIP-RTP-Engine", peer.rtp_engine),
        ("SIP-Encryption", _y(peer.encryption)),
        ("SIP-RTCP-Mux", _y(peer.rtcp_mux)),
        ("SIP-DTMFmode", peer.dtmfmode),
        ("ToHost", "" if peer.dynamic else peer.host),
        ("Address-IP", host),
        ("Address-Port", port),
        ("Default-addr-IP", peer.defaultip or "(null)"),
        ("Default-addr-port", (peer.port or 5060) if peer.defaultip else 0),
        ("Default-Username", peers.username(peer)),
    ]
    if peer.regexten:
        fields.append(("Reg-Extension", peer.regexten))
    fields += [
        ("Codecs", words.codecs(peer.allow)),
        ("Status", peers.status(peer)),
        ("SIP-Useragent", peers.useragent(peer)),
        ("Reg-Contact", peers.registered_uri(peer)),
        ("QualifyFreq", f"{peer.qualifyfreq * 1000} ms"),
        ("Parkinglot", peer.parkinglot),
        *(("ChanVariable", f"{name}={value}") for name, value in words.variables(peer)),
        ("SIP-Use-Reason-Header", _y(peer.use_q850_reason)),
        ("Description", peer.description),
    ]
    return fields
