"""``[general]``: options that become those of every endpoint and AOR."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from asterism.chan_sip.translation.general_making import yes_no
from asterism.chan_sip.translation.rules import Draft, Rule
from asterism.data.network import parse_address, parse_network, with_mask

if TYPE_CHECKING:
    from asterism.chan_sip.objects.general import SipGeneral

AGENT = "Asterisk PBX"
"""User-Agent where ``useragent`` is not set."""


def sdp_session(general: SipGeneral) -> str:
    """The name of sessions: ``sdpsession``, else ``useragent``."""
    return general.sdpsession or general.useragent or AGENT


def _sdpsession(draft: Draft) -> None:
    draft.endpoint("sdp_session", sdp_session(draft.general))


def _sdpowner(draft: Draft) -> None:
    draft.endpoint("sdp_owner", draft.general.sdpowner)


def _send_diversion(draft: Draft) -> None:
    draft.endpoint("send_diversion", yes_no(draft.general.send_diversion))


def _tos(option: str) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.endpoint(option, str(getattr(draft.general, option)))

    return apply


def _media_address(draft: Draft) -> None:
    general = draft.general
    if general.rtpbindaddr is not None:
        # Told by the rule of rtpbindaddr.
        return
    draft.endpoint("media_address", general.media_address)


def _rtpbindaddr(draft: Draft) -> None:
    address = draft.general.rtpbindaddr
    if address is not None:
        draft.endpoint("media_address", address.host)
        draft.endpoint("bind_rtp_to_media_address", "yes")


def _auth_options(draft: Draft) -> None:
    draft.endpoint("allow_unauthenticated_options", yes_no(not draft.general.auth_options_requests))


def _mwi_from(draft: Draft) -> None:
    draft.endpoint("mwi_from_user", draft.general.mwi_from)


def _subminexpiry(draft: Draft) -> None:
    if draft.names.written:
        # A server cuts and lengthens instead of refusing (subscription_seconds of its habits).
        draft.endpoint("sub_min_expiry", str(draft.general.subminexpiry or draft.general.minexpiry))


def _notifyringing(draft: Draft) -> None:
    draft.endpoint("notify_early_inuse_ringing", yes_no(draft.general.notifyringing == "yes"))


def _maxexpiry(draft: Draft) -> None:
    draft.aor("maximum_expiration", str(draft.general.maxexpiry))


def _minexpiry(draft: Draft) -> None:
    draft.aor("minimum_expiration", str(draft.general.minexpiry))


def _defaultexpiry(draft: Draft) -> None:
    draft.aor("default_expiration", str(draft.general.defaultexpiry))


def _exclude_static(draft: Draft) -> None:
    if not draft.general.dynamic_exclude_static or not draft.peer.dynamic or not draft.peer.is_peer:
        return
    for host in _static_hosts(draft):
        draft.endpoint("contact_deny", host)


def _static_hosts(draft: Draft) -> Iterator[str]:
    """The addresses of peers that do not register; names are not looked up."""
    seen: set[str] = set()
    for peer in draft.conf.peers.values():
        if peer.dynamic or not peer.is_peer:
            continue
        try:
            address = parse_address(peer.host)
        except ValueError:
            continue
        text = with_mask(parse_network(str(address)))
        if text not in seen:
            seen.add(text)
            yield text


def _jitter(draft: Draft) -> None:
    general = draft.general
    if general.jbenable and general.jbforce:
        size = f"{general.jbmaxsize},{max(general.jbresyncthreshold, 0)},{general.jbtargetextra}"
        draft.endpoint("set_var", f"JITTERBUFFER({general.jbimpl})={size}")


_JITTER = "calls through a jitter buffer when jbenable and jbforce are set"

RULES = (
    Rule("sdpsession", ("endpoint.sdp_session",), "blanks become -", "changed", apply=_sdpsession),
    Rule("sdpowner", ("endpoint.sdp_owner",), apply=_sdpowner),
    Rule("send_diversion", ("endpoint.send_diversion",), apply=_send_diversion),
    Rule("tos_audio", ("endpoint.tos_audio",), apply=_tos("tos_audio")),
    Rule("tos_video", ("endpoint.tos_video",), apply=_tos("tos_video")),
    Rule("cos_audio", ("endpoint.cos_audio",), apply=_tos("cos_audio")),
    Rule("cos_video", ("endpoint.cos_video",), apply=_tos("cos_video")),
    Rule("media_address", ("endpoint.media_address",), apply=_media_address),
    Rule(
        "rtpbindaddr", ("endpoint.media_address", "endpoint.bind_rtp_to_media_address"),
        "it goes before media_address, which would have to be another address", "changed", apply=_rtpbindaddr,
    ),
    Rule("auth_options_requests", ("endpoint.allow_unauthenticated_options",), apply=_auth_options),
    Rule("mwi_from", ("endpoint.mwi_from_user",), apply=_mwi_from),
    Rule(
        "subminexpiry", ("endpoint.sub_min_expiry",), "shorter ones are refused (423), not lengthened", "changed",
        apply=_subminexpiry, here="shorter subscriptions are lengthened to this",
    ),
    Rule(
        "submaxexpiry", (), "subscriptions may be of any length", "untranslated",
        here="longer subscriptions are cut to this",
    ),
    Rule(
        "notifyringing", ("endpoint.notify_early_inuse_ringing",),
        "no: ringing is told all the same", "changed", apply=_notifyringing,
        here="yes: ringing is told, also while in use; notinuse: not while in use; no: never",
    ),
    Rule(
        "notifyhold", (), "hold is always told", "untranslated",
        here="without it an extension on hold is told as in use",
    ),
    Rule(
        "notifycid", (), "the parties are always told of an extension that rings", "untranslated",
        here="without it dialog-info does not name the parties of a ringing call",
    ),
    Rule("maxexpiry", ("aor.maximum_expiration",), apply=_maxexpiry),
    Rule("minexpiry", ("aor.minimum_expiration",), apply=_minexpiry),
    Rule("defaultexpiry", ("aor.default_expiration", "registration.expiration"), apply=_defaultexpiry),
    Rule(
        "dynamic_exclude_static", ("endpoint.contact_deny",),
        "peers whose host is a name are not looked up", "changed", apply=_exclude_static,
    ),
    Rule("jbenable", ("endpoint.set_var",), _JITTER, "changed", apply=_jitter),
    *(
        Rule(option, ("endpoint.set_var",), _JITTER, "changed")
        for option in ("jbforce", "jbmaxsize", "jbresyncthreshold", "jbimpl", "jbtargetextra")
    ),
)  # fmt: skip
