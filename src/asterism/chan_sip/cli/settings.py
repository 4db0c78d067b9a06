"""``sip show settings``: ``[general]`` of ``sip.conf`` in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip import words
from asterism.chan_sip.words import yes_no
from asterism.data.network import with_mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.chan_sip.objects.general import SipGeneral

Rows = list[tuple[str, object]]
_COLUMN = 24
_DEFAULT_CALLER = "asterisk"


def traffic_class(value: int) -> str:
    """The name of a traffic class byte: ``CS0``, ``EF``, ``AF41``; another one in hexadecimal."""
    point = value >> 2
    if value & 3:
        return f"0x{value:02x}"
    if point == 46:
        return "EF"
    if point % 8 == 0:
        return f"CS{point // 8}"
    drop = (point & 7) >> 1
    return f"AF{point >> 3}{drop}" if not point & 1 and 1 <= point >> 3 <= 4 and 1 <= drop <= 3 else f"0x{value:02x}"


def _text(rows: Rows) -> str:
    return "".join(f"  {name:<{_COLUMN}}{value}\n" for name, value in rows)


def _disabled(seconds: int) -> str:
    return f"{seconds} {'' if seconds else '(Disabled)'}"


def _on_off(value: bool) -> str:
    return "On" if value else "Off"


def show_settings(
    general: SipGeneral, bound: Mapping[str, str], *, realtime: str, history: bool, domains: bool, agent: str
) -> str:
    """All settings.

    Args:
        general: the options.
        bound: address and port of each protocol that is served.
        realtime: whether peers come from databases, in words.
        history: whether the history of dialogs is recorded now.
        domains: whether there are local domains.
        agent: the value of our ``User-Agent`` headers.
    """
    return (
        f"\n\nGlobal Settings:\n----------------\n{_global(general, bound, realtime, history, domains, agent)}"
        f"\nNetwork QoS Settings:\n---------------------------\n{_quality(general)}"
        f"\nNetwork Settings:\n---------------------------\n{_network(general)}"
        f"\nGlobal Signalling Settings:\n---------------------------\n{_signalling(general)}"
        f"\nDefault Settings:\n-----------------\n{_defaults(general)}\n----\n"
    )


def _global(
    general: SipGeneral, bound: Mapping[str, str], realtime: str, history: bool, domains: bool, agent: str
) -> str:
    t38 = general.t38pt_udptl
    rtp = general.rtpbindaddr
    return _text([
        ("UDP Bindaddress:", bound.get("udp", "Disabled")),
        ("TCP SIP Bindaddress:", bound.get("tcp", "Disabled")),
        ("TLS SIP Bindaddress:", bound.get("tls", "Disabled")),
        ("RTP Bindaddress:", "Disabled" if rtp is None else rtp.host),
        ("Videosupport:", yes_no(general.videosupport)),
        ("Textsupport:", yes_no(general.textsupport)),
        ("Ignore SDP sess. ver.:", yes_no(general.ignoresdpversion)),
        ("AutoCreate Peer:", {"yes": "Volatile", "persist": "Persisted"}.get(general.autocreatepeer, "Off")),
        ("Match Auth Username:", yes_no(general.match_auth_username)),
        ("Allow unknown access:", yes_no(general.allowguest)),
        ("Allow subscriptions:", yes_no(general.allowsubscribe)),
        ("Allow overlap dialing:", yes_no(general.allowoverlap)),
        ("Allow promisc. redir:", yes_no(general.promiscredir)),
        ("Enable call counters:", yes_no(general.callcounter)),
        ("SIP domain support:", yes_no(domains)),
        ("Path support :", yes_no(general.supportpath)),
        ("Realm. auth:", yes_no(bool(general.auth))),
        ("Our auth realm", general.realm),
        ("Use domains as realms:", yes_no(general.domainsasrealm)),
        ("Call to non-local dom.:", yes_no(general.allowexternaldomains)),
        ("URI user is phone no:", yes_no(general.usereqphone)),
        ("Always auth rejects:", yes_no(general.alwaysauthreject)),
        ("Direct RTP setup:", yes_no(general.directrtpsetup)),
        ("User Agent:", agent),
        ("SDP Session Name:", general.sdpsession or agent),
        ("SDP Owner Name:", general.sdpowner),
        ("Reg. context:", general.regcontext or "(not set)"),
        ("Regexten on Qualify:", yes_no(general.regextenonqualify)),
        ("Trust RPID:", yes_no(general.trustrpid)),
        ("Send RPID:", yes_no(general.sendrpid)),
        ("Legacy userfield parse:", yes_no(general.legacy_useroption_parsing)),
        ("Send Diversion:", yes_no(general.send_diversion)),
        ("Caller ID:", general.callerid.number or general.callerid.name or _DEFAULT_CALLER),
        ("From: Domain:", general.fromdomain),
        ("Record SIP history:", _on_off(history)),
        ("Auth. Failure Events:", _on_off(general.authfailureevents)),
        ("T.38 support:", yes_no(t38.enabled)),
        ("T.38 EC mode:", words.t38_correction(t38)),
        ("T.38 MaxDtgrm:", words.t38_largest(t38)),
        ("SIP realtime:", realtime),
        ("Qualify Freq :", f"{general.qualifyfreq * 1000} ms"),
        ("Q.850 Reason header:", yes_no(general.use_q850_reason)),
        ("Store SIP_CAUSE:", "No"),
    ])  # fmt: skip


def _quality(general: SipGeneral) -> str:
    return _text([
        ("IP ToS SIP:", traffic_class(general.tos_sip)),
        ("IP ToS RTP audio:", traffic_class(general.tos_audio)),
        ("IP ToS RTP video:", traffic_class(general.tos_video)),
        ("IP ToS RTP text:", traffic_class(general.tos_text)),
        ("802.1p CoS SIP:", general.cos_sip),
        ("802.1p CoS RTP audio:", general.cos_audio),
        ("802.1p CoS RTP video:", general.cos_video),
        ("802.1p CoS RTP text:", general.cos_text),
        ("Jitterbuffer enabled:", yes_no(general.jbenable)),
    ])  # fmt: skip


def _network(general: SipGeneral) -> str:
    outside = general.externaddr or general.externhost
    if not general.localnet:
        remapping = "Disabled, no localnet list"
    elif not outside:
        remapping = "Disabled"
    else:
        remapping = f"Enabled using {'externhost' if general.externhost else 'externaddr'}"
    text = _text([
        ("SIP address remapping:", remapping),
        ("Externhost:", general.externhost or "<none>"),
        ("Externaddr:", general.externaddr or "(null)"),
        ("Externrefresh:", general.externrefresh),
    ])  # fmt: skip
    networks = [with_mask(network) for network in general.localnet]
    return text + _text([("Localnet:" if not index else "", network) for index, network in enumerate(networks)])


def _signalling(general: SipGeneral) -> str:
    proxy, _, forced = general.outboundproxy.partition(",")
    ringing = " (when not in use)" if general.notifyringing == "notinuse" else ""
    return _text([
        ("Codecs:", words.codecs(general.allow)),
        ("Relax DTMF:", yes_no(general.relaxdtmf)),
        ("RFC2833 Compensation:", yes_no(general.rfc2833compensate)),
        ("Symmetric RTP:", words.comedia(general, False)),
        ("Compact SIP headers:", yes_no(general.compactheaders)),
        ("RTP Keepalive:", _disabled(general.rtpkeepalive)),
        ("RTP Timeout:", _disabled(general.rtptimeout)),
        ("RTP Hold Timeout:", _disabled(general.rtpholdtimeout)),
        ("MWI NOTIFY mime type:", general.notifymimetype),
        ("DNS SRV lookup:", yes_no(general.srvlookup)),
        ("Pedantic SIP support:", yes_no(general.pedantic)),
        ("Reg. min duration", f"{general.minexpiry} secs"),
        ("Reg. max duration:", f"{general.maxexpiry} secs"),
        ("Reg. default duration:", f"{general.defaultexpiry} secs"),
        ("Sub. min duration", f"{general.subminexpiry or general.minexpiry} secs"),
        ("Sub. max duration:", f"{general.submaxexpiry or general.maxexpiry} secs"),
        ("Outbound reg. timeout:", f"{general.registertimeout} secs"),
        ("Outbound reg. attempts:", general.registerattempts),
        ("Outbound reg. retry 403:", yes_no(general.register_retry_403)),
        ("Notify ringing state:", yes_no(general.notifyringing) + ringing),
        ("  Include CID:", yes_no(general.notifycid)
            + (" (Ignoring context)" if general.notifycid == "ignore-context" else "")),
        ("Notify hold state:", yes_no(general.notifyhold)),
        ("SIP Transfer mode:", words.transfer_mode(general)),
        ("Max Call Bitrate:", f"{general.maxcallbitrate} kbps"),
        ("Auto-Framing:", yes_no(general.autoframing)),
        ("Outb. proxy:", f"{proxy or '<not set>'} {'(forced)' if forced else ''}"),
        ("Session Timers:", general.session_timers.capitalize()),
        ("Session Refresher:", general.session_refresher),
        ("Session Expires:", f"{general.session_expires} secs"),
        ("Session Min-SE:", f"{general.session_minse} secs"),
        ("Timer T1:", words.timer_t1(general)),
        ("Timer T1 minimum:", general.t1min),
        ("Timer B:", words.timer_b(general)),
        ("No premature media:", yes_no(general.prematuremedia)),
        ("Max forwards:", general.maxforwards),
    ])  # fmt: skip


def _defaults(general: SipGeneral) -> str:
    allowed, primary = words.transports(general)
    return f"  {'Allowed transports:':<{_COLUMN}}{allowed}\n  Outbound transport:\t  {primary}\n" + _text([
        ("Context:", general.context),
        ("Record on feature:", general.recordonfeature),
        ("Record off feature:", general.recordofffeature),
        ("Force rport:", words.forced_rport(general, False)),
        ("DTMF:", general.dtmfmode),
        ("Qualify:", getattr(general, "qualify", 0)),
        ("Keepalive:", general.keepalive),
        ("Use ClientCode:", yes_no(getattr(general, "useclientcode", False))),
        ("Progress inband:", yes_no(general.progressinband == "yes")),
        ("Language:", general.language),
        ("Tone zone:", general.tonezone or "<Not set>"),
        ("MOH Interpret:", general.mohinterpret),
        ("MOH Suggest:", general.mohsuggest),
        ("Voice Mail Extension:", general.vmexten),
        ("RTCP Multiplexing:", yes_no(general.rtcp_mux)),
    ])  # fmt: skip
