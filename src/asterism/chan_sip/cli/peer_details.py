"""``sip show peer`` and ``sip show user``: one peer in full, in the lines that ``chan_sip`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.chan_sip import words
from asterism.chan_sip.words import is_set, yes_no

if TYPE_CHECKING:
    from asterism.chan_sip.objects.general import SipGeneral
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.peers import Peers

Rows = list[tuple[str, object]]


class Messages(NamedTuple):
    """Counts of a mailbox; ``None`` for a peer that was not told yet."""

    new: int
    old: int


_NOT_TOLD = "32767/65535"


def _text(rows: Rows) -> str:
    return "".join(f"  {name:<13}: {value}\n" for name, value in rows)


def _variables(peer: SipPeer) -> str:
    found = words.variables(peer)
    if not found:
        return ""
    return f"  {'Variables':<13}:\n" + "".join(f"{'':17}{name} = {value}\n" for name, value in found)


def show_peer(peer: SipPeer, peers: Peers, general: SipGeneral | None, told: Messages | None) -> str:
    """Everything of a peer. ``told``: the mailbox counts that it was told last."""
    return f"\n\n{_who(peer, general, told)}{_how(peer, peers)}\n"


def _who(peer: SipPeer, general: SipGeneral | None, told: Messages | None) -> str:
    text = f"  * {'Name':<11}: {peer.name}\n"
    text += _text([
        ("Description", peer.description),
        ("Secret", is_set(peer.secret)),
        ("MD5Secret", is_set(peer.md5secret)),
        ("Remote Secret", is_set(peer.remotesecret)),
        ("Context", peer.context),
        ("Record On feature ", peer.recordonfeature),
        ("Record Off feature ", peer.recordofffeature),
        ("Subscr.Cont.", peer.subscribecontext or "<Not set>"),
        ("Language", peer.language),
        ("Tonezone", peer.tonezone or "<Not set>"),
    ])  # fmt: skip
    rows: Rows = []
    if peer.accountcode:
        rows.append(("Accountcode", peer.accountcode))
    rows += [
        ("AMA flags", words.ama_flags(peer)),
        ("Transfer mode", words.transfer_mode(peer)),
        ("CallingPres", words.presentation(peer)),
    ]
    if peer.fromuser:
        rows.append(("FromUser", peer.fromuser))
    if peer.fromdomain:
        host, _, port = peer.fromdomain.partition(":")
        rows.append(("FromDomain", f"{host} Port {port or 5060}"))
    counts = _NOT_TOLD if told is None else f"{told.new}/{told.old}"
    rows += [
        *_groups(peer),
        ("MOH Suggest", peer.mohsuggest),
        ("Mailbox", ",".join(peer.mailbox)),
        ("VM Extension", peer.vmexten),
        ("LastMsgsSent", counts),
        ("Call limit", words.call_limit(peer)),
        ("Max forwards", words.max_forwards(peer, general)),
    ]
    if peer.busylevel:
        rows.append(("Busy level", peer.busylevel))
    return text + _text(rows)


def _groups(peer: SipPeer) -> Rows:
    return [
        ("Callgroup", words.numbers(peer.callgroup)),
        ("Pickupgroup", words.numbers(peer.pickupgroup)),
        ("Named Callgr", ",".join(peer.namedcallgroup)),
        ("Nam. Pickupgr", ",".join(peer.namedpickupgroup)),
    ]


def _how(peer: SipPeer, peers: Peers) -> str:
    behind = peers.behind_nat(peer)
    contact = peers.registration(peer)
    allowed, primary = words.transports(peer)
    used = peers.transport(peer)
    text = _text([
        ("Dynamic", yes_no(peer.dynamic)),
        ("Callerid", words.caller_id(peer)),
        ("MaxCallBR", f"{peer.maxcallbitrate} kbps"),
        ("Expire", words.expiry(peers, peer)),
        ("Insecure", ",".join(peer.insecure) or "no"),
        ("Force rport", words.forced_rport(peer, behind)),
        ("Symmetric RTP", words.comedia(peer, behind)),
        ("ACL", yes_no(bool(peer.address_rules) or bool(peer.acl))),
        ("ContactACL", yes_no(bool(peer.contact_rules) or bool(peer.contactacl))),
        ("DirectMedACL", yes_no(bool(peer.direct_media_rules) or bool(peer.directmediaacl))),
        ("T.38 support", yes_no(peer.t38pt_udptl.enabled)),
        ("T.38 EC mode", words.t38_correction(peer.t38pt_udptl)),
        ("T.38 MaxDtgrm", words.t38_largest(peer.t38pt_udptl)),
        ("DirectMedia", yes_no(peer.directmedia)),
        ("PromiscRedir", yes_no(peer.promiscredir)),
        ("User=Phone", yes_no(peer.usereqphone)),
        ("Video Support", yes_no(peer.videosupport)),
        ("Text Support", yes_no(getattr(peer, "textsupport", False))),
        ("Ign SDP ver", yes_no(peer.ignoresdpversion)),
        ("Trust RPID", yes_no(peer.trustrpid)),
        ("Send RPID", yes_no(peer.sendrpid)),
        ("Path support", yes_no(peer.supportpath)),
        ("Path", contact.path if contact is not None and contact.path else "N/A"),
        ("TrustIDOutbnd", words.trust_id_outbound(peer)),
        ("Subscriptions", yes_no(peer.allowsubscribe)),
        ("Overlap dial", yes_no(peer.allowoverlap)),
        ("DTMFmode", peer.dtmfmode),
        ("Timer T1", words.timer_t1(peer)),
        ("Timer B", words.timer_b(peer)),
        ("ToHost", "" if peer.dynamic else peer.host),
        ("Addr->IP", words.address(peers.address(peer))),
        ("Defaddr->IP", words.address((peer.defaultip, peer.port or 5060) if peer.defaultip else None)),
        ("Prim.Transp.", used.upper() if used else primary),
        ("Allowed.Trsp", allowed),
        ("Def. Username", peers.username(peer)),
        ("SIP Options", "(none)"),
        ("Codecs", words.codecs(peer.allow)),
        ("Auto-Framing", yes_no(peer.autoframing)),
        ("Status", peers.status(peer)),
        ("Useragent", peers.useragent(peer)),
        ("Reg. Contact", peers.registered_uri(peer)),
        ("Qualify Freq", f"{peer.qualifyfreq * 1000} ms"),
        ("Keepalive", f"{peer.keepalive * 1000} ms"),
    ])  # fmt: skip
    return text + _variables(peer) + _text([
        *_timers(peer, "Min-Sess"),
        ("RTP Engine", peer.rtp_engine),
        ("Parkinglot", peer.parkinglot),
        ("Use Reason", yes_no(peer.use_q850_reason)),
        ("Encryption", yes_no(peer.encryption)),
        ("RTCP Mux", yes_no(peer.rtcp_mux)),
    ])  # fmt: skip


def _timers(peer: SipPeer, shortest: str) -> Rows:
    return [
        ("Sess-Timers", peer.session_timers.capitalize()),
        ("Sess-Refresh", peer.session_refresher),
        ("Sess-Expires", f"{peer.session_expires} secs"),
        (shortest, f"{peer.session_minse} secs"),
    ]


def show_user(peer: SipPeer) -> str:
    """Everything of a user."""
    text = f"\n\n  * {'Name':<11}: {peer.name}\n"
    rows: Rows = [
        ("Secret", is_set(peer.secret)),
        ("MD5Secret", is_set(peer.md5secret)),
        ("Context", peer.context),
        ("Language", peer.language),
    ]
    if peer.accountcode:
        rows.append(("Accountcode", peer.accountcode))
    rows += [
        ("AMA flags", words.ama_flags(peer)),
        ("Tonezone", peer.tonezone or "<Not set>"),
        ("Transfer mode", words.transfer_mode(peer)),
        ("MaxCallBR", f"{peer.maxcallbitrate} kbps"),
        ("CallingPres", words.presentation(peer)),
        ("Call limit", words.call_limit(peer)),
        *_groups(peer),
        ("Callerid", words.caller_id(peer)),
        ("ACL", yes_no(bool(peer.address_rules) or bool(peer.acl))),
        *_timers(peer, "Sess-Min-SE"),
        ("RTP Engine", peer.rtp_engine),
    ]
    text += _text(rows) + f"  Auto-Framing:  {yes_no(peer.autoframing)} \n"
    return text + _variables(peer) + "\n"
