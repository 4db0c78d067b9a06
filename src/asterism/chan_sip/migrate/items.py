"""Functions, items and variables of chan_sip, and what says the same of a channel or endpoint of chan_pjsip."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asterism.chan_sip.migrate.destinations import Changed
from asterism.chan_sip.migrate.report import Outcome
from asterism.chan_sip.migrate.scanning import arguments

_GONE = Outcome.UNTRANSLATED
_OTHER = Outcome.CHANGED

VARIABLES: Mapping[str, Changed] = {
    "SIPCALLID": Changed("CHANNEL(pjsip,call-id)"),
    "SIPDOMAIN": Changed("PJSIP_PARSE_URI(${CHANNEL(pjsip,request_uri)},host)"),
    "SIPURI": Changed("CHANNEL(pjsip,target_uri)", _OTHER, "the address of the caller's Contact"),
    "SIPUSERAGENT": Changed("PJSIP_HEADER(read,User-Agent)"),
    "SIP_CODEC": Changed("PJSIP_MEDIA_OFFER(audio)", _OTHER, "the codecs that the call would offer now"),
    "SIPTRANSFER": Changed("", _GONE, "TRANSFERERNAME and BLINDTRANSFER tell of transfers"),
    "SIPREFERRINGCONTEXT": Changed("", _GONE, "the transferer's context is not told"),
    "SIPREFERREDBYHDR": Changed("SIPREFERREDBYHDR"),
    "SIPREFERTOHDR": Changed("", _GONE, "the target of a transfer is the extension that is run"),
}
"""What is read; those not here are no chan_sip's, or the same with chan_pjsip."""

WRITTEN: Mapping[str, str] = {
    "SIP_CODEC_OUTBOUND": "set PJSIP_MEDIA_OFFER(audio) on the called channel, in a pre-dial handler: option b of Dial",
    "SIPFROMDOMAIN": "the domain in From is the endpoint's: from_domain in pjsip.conf",
    "SIP_MAX_FORWARDS": "Max-Forwards is one number for all: max_forwards of the section [global] in pjsip.conf",
    "SIP_URI_OPTIONS": "parameters of the address go into the destination: PJSIP/peer/sip:user@host\\;parameter",
    "SIPCALLID": "the Call-ID of a call cannot be chosen",
    "SIPTRANSFER_REFERER": "it has no counterpart",
}
"""Variables that make chan_sip do something, and what to do in their place."""

_RTP_STATISTICS = {
    "ssrc": "local_ssrc", "themssrc": "remote_ssrc", "lp": "rxploss", "rlp": "txploss",
    "local_lostpackets": "rxploss", "remote_lostpackets": "txploss", "local_jitter": "rxjitter",
    "remote_jitter": "txjitter", "local_count": "rxcount", "remote_count": "txcount",
}  # fmt: skip
"""Names of ``rtpqos`` that are others in ``rtcp``."""

_CHANNEL: Mapping[str, Changed] = {
    "peerip": Changed("CUT(CHANNEL(pjsip,remote_addr),:,1)", _OTHER, "an IPv6 address would be cut"),
    "recvip": Changed("CUT(CHANNEL(pjsip,remote_addr),:,1)", _OTHER, "an IPv6 address would be cut"),
    "recvport": Changed("CUT(CHANNEL(pjsip,remote_addr),:,2)", _OTHER, "the port of an IPv6 address would not be told"),
    "from": Changed("CHANNEL(pjsip,remote_uri)", _OTHER, "without the tag"),
    "uri": Changed("CHANNEL(pjsip,target_uri)"),
    "useragent": Changed("PJSIP_HEADER(read,User-Agent)", _OTHER, "empty for a phone that is called"),
    "peername": Changed("CHANNEL(endpoint)"),
    "t38": Changed("CHANNEL(pjsip,t38state)", _OTHER, "in other words"),
    "t38passthrough": Changed("", _GONE, "chan_pjsip does not tell it; CHANNEL(pjsip,t38state) is near"),
    "secure_signaling": Changed("CHANNEL(pjsip,secure)"),
    "secure_media": Changed("CHANNEL(rtp,secure,audio)"),
}
"""Items of ``CHANNEL`` (and of the old ``SIPCHANINFO``) without arguments."""

_ENDPOINT = {
    "context": "context", "mailbox": "mailboxes", "callgroup": "call_group", "pickupgroup": "pickup_group",
    "namedcallgroup": "named_call_group", "namedpickupgroup": "named_pickup_group", "language": "language",
    "accountcode": "accountcode", "codecs": "allow", "busylevel": "device_state_busy_at",
}  # fmt: skip
"""Items of ``SIPPEER`` that an endpoint has, by its option."""


def channel_item(args: str) -> Changed | None:
    """The counterpart of ``CHANNEL(args)``; ``None`` for an item that is not chan_sip's."""
    name, *rest = [part.strip() for part in arguments(args)]
    name = name.lower()
    if name == "rtpqos":
        kind, what = [*rest, "", ""][:2]
        what = what.lower() or "all"
        return Changed(f"CHANNEL(rtcp,{_RTP_STATISTICS.get(what, what)},{kind or 'audio'})")
    if name in ("rtpdest", "rtpsource"):
        return Changed(f"CHANNEL(rtp,{'dest' if name == 'rtpdest' else 'src'},{rest[0] if rest else 'audio'})")
    if name in ("secure_bridge_signaling", "secure_bridge_media"):
        return Changed("", _GONE, "give the called endpoint a TLS transport and media_encryption")
    return _CHANNEL.get(name)


def peer_item(args: str, endpoint: Callable[[str], str], constant: Callable[[str, str], str | None]) -> Changed:
    """The counterpart of ``SIPPEER(args)``.

    ``endpoint`` tells which endpoint a peer has become, ``constant`` what sip.conf says of a peer's item.
    """
    peer, *rest = [part.strip() for part in arguments(args)]
    item = (rest[0] if rest else "ip").lower()
    name = endpoint(peer)
    contact = f"${{PJSIP_AOR({name},contact)}}"
    if item in ("ip", "port"):
        part = "host" if item == "ip" else "port"
        text = f"PJSIP_PARSE_URI(${{PJSIP_CONTACT({contact},uri)}},{part})"
        return Changed(text, _OTHER, "of the address that the phone has registered")
    if item == "useragent":
        return Changed(f"PJSIP_CONTACT({contact},user_agent)")
    if item == "status":
        why = "its words are Reachable, Unreachable, NonQualified and Removed instead of OK (n ms) and the others"
        return Changed(f"PJSIP_CONTACT({contact},status)", _GONE, why)
    if item in _ENDPOINT:
        why = "in the notation of pjsip.conf" if item == "codecs" else ""
        return Changed(f"PJSIP_ENDPOINT({name},{_ENDPOINT[item]})", _OTHER if why else Outcome.TRANSLATED, why)
    value = None if "$" in peer else constant(peer, item)
    if value is not None:
        return Changed(value, _OTHER, f"what sip.conf said of '{peer}'")
    return Changed("", _GONE, f"the item '{item}' of SIPPEER has no counterpart")
