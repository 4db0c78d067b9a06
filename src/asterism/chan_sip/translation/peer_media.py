"""Rules of a peer's options for codecs, media and session timers."""

from __future__ import annotations

from asterism.chan_sip.translation.rules import Draft, Rule, here, same
from asterism.sip.objects.codecs import VIDEO

_DTMF = {"rfc2833": "rfc4733", "info": "info", "shortinfo": "short_info", "inband": "inband", "auto": "auto"}
_TIMERS = {"accept": "yes", "originate": "always", "refuse": "no"}


def _allow(draft: Draft) -> None:
    peer, general = draft.peer, draft.general
    codecs = peer.allow
    if general.videosupport == "no" or peer.videosupport == "no":
        for name in VIDEO:
            codecs = codecs.minus(name)
    if general.textsupport:
        codecs = codecs.plus("red").plus("t140")
        draft.endpoint("max_text_streams", "1")
    draft.endpoint("allow", str(codecs))


def _videosupport(draft: Draft) -> None:
    peer = draft.peer
    if peer.videosupport != "no" and draft.general.videosupport == "no":
        draft.note("videosupport", "untranslated", "[general] says videosupport=no")


def _maxcallbitrate(draft: Draft) -> None:
    peer = draft.peer
    if peer.videosupport != "no" and draft.general.videosupport != "no":
        draft.endpoint("max_video_bitrate", str(peer.maxcallbitrate))


def _ignore_requested_pref(draft: Draft) -> None:
    # An answer has the order of allow in any case, as observed.
    draft.endpoint("incoming_call_offer_pref", "local_first" if draft.peer.preferred_codec_only else "local")


def _dtmfmode(draft: Draft) -> None:
    draft.endpoint("dtmf_mode", _DTMF[draft.peer.dtmfmode])


def _directmedia(draft: Draft) -> None:
    words = draft.peer.directmedia
    draft.endpoint("direct_media", "yes" if words else "no")
    if "nonat" in words:
        draft.endpoint("disable_direct_media_on_nat", "yes")
    if "update" in words:
        draft.endpoint("direct_media_method", "update")
    if "outgoing" in words:
        draft.endpoint("direct_media_glare_mitigation", "outgoing")


def _direct_media_rules(draft: Draft) -> None:
    for rule in draft.peer.direct_media_rules:
        draft.endpoint(f"direct_media_{'permit' if rule.allow else 'deny'}", str(rule.network))


def _encryption(draft: Draft) -> None:
    peer = draft.peer
    if peer.dtlsenable:
        draft.endpoint("media_encryption", "dtls")
    elif peer.encryption != "no":
        draft.endpoint("media_encryption", "sdes")
    if peer.encryption == "try":
        draft.endpoint("media_encryption_optimistic", "yes")


def _encryption_taglen(draft: Draft) -> None:
    draft.endpoint("srtp_tag_32", "yes" if draft.peer.encryption_taglen == "32" else "no")


def _dtlssetup(draft: Draft) -> None:
    # The defaults of the two differ; without DTLS neither has an effect.
    if draft.peer.dtlsenable or draft.peer.dtlssetup != "actpass":
        draft.endpoint("dtls_setup", draft.peer.dtlssetup)


def _dtlsfingerprint(draft: Draft) -> None:
    draft.endpoint("dtls_fingerprint", draft.peer.dtlsfingerprint.upper())


def _t38(draft: Draft) -> None:
    wanted = draft.peer.t38pt_udptl
    if wanted.enabled:
        draft.endpoint("t38_udptl", "yes")
        draft.endpoint("t38_udptl_ec", wanted.correction)
        draft.endpoint("t38_udptl_maxdatagram", str(wanted.largest))


def _faxdetect(draft: Draft) -> None:
    draft.endpoint("fax_detect", "no" if draft.peer.faxdetect == "no" else "yes")


def _session_timers(draft: Draft) -> None:
    draft.endpoint("timers", _TIMERS[draft.peer.session_timers])


RULES = (
    Rule("allow", ("endpoint.allow",), apply=_allow),
    Rule("disallow", ("endpoint.allow",)),
    Rule("videosupport", ("endpoint.allow",), apply=_videosupport),
    Rule("maxcallbitrate", ("endpoint.max_video_bitrate",), apply=_maxcallbitrate),
    Rule("ignore_requested_pref", ("endpoint.incoming_call_offer_pref",), apply=_ignore_requested_pref),
    Rule("preferred_codec_only", ("endpoint.incoming_call_offer_pref",)),
    same("autoframing", "endpoint.use_ptime"),
    Rule("dtmfmode", ("endpoint.dtmf_mode",), apply=_dtmfmode),
    Rule(
        "directmedia",
        (
            "endpoint.direct_media",
            "endpoint.disable_direct_media_on_nat",
            "endpoint.direct_media_method",
            "endpoint.direct_media_glare_mitigation",
        ),
        apply=_directmedia,
    ),
    Rule(
        "directmediapermit", ("endpoint.direct_media_permit", "endpoint.direct_media_deny"), apply=_direct_media_rules
    ),
    Rule("directmediadeny", ("endpoint.direct_media_permit", "endpoint.direct_media_deny")),
    same("directmediaacl", "endpoint.direct_media_acl"),
    same("rtptimeout", "endpoint.rtp_timeout"),
    same("rtpholdtimeout", "endpoint.rtp_timeout_hold"),
    same("rtpkeepalive", "endpoint.rtp_keepalive"),
    same("rtp_engine", "endpoint.rtp_engine"),
    same("g726nonstandard", "endpoint.g726_non_standard"),
    same("icesupport", "endpoint.ice_support"),
    same("avpf", "endpoint.use_avpf"),
    same("force_avp", "endpoint.force_avp"),
    same("rtcp_mux", "endpoint.rtcp_mux"),
    Rule("encryption", ("endpoint.media_encryption", "endpoint.media_encryption_optimistic"), apply=_encryption),
    Rule("encryption_taglen", ("endpoint.srtp_tag_32",), apply=_encryption_taglen),
    Rule("dtlsenable", ("endpoint.media_encryption",)),
    same("dtlsverify", "endpoint.dtls_verify"),
    same("dtlsrekey", "endpoint.dtls_rekey"),
    same("dtlsautogeneratecert", "endpoint.dtls_auto_generate_cert"),
    same("dtlscertfile", "endpoint.dtls_cert_file"),
    same("dtlsprivatekey", "endpoint.dtls_private_key"),
    same("dtlscipher", "endpoint.dtls_cipher"),
    same("dtlscafile", "endpoint.dtls_ca_file"),
    same("dtlscapath", "endpoint.dtls_ca_path"),
    Rule("dtlssetup", ("endpoint.dtls_setup",), apply=_dtlssetup),
    Rule("dtlsfingerprint", ("endpoint.dtls_fingerprint",), apply=_dtlsfingerprint),
    Rule(
        "t38pt_udptl",
        ("endpoint.t38_udptl", "endpoint.t38_udptl_ec", "endpoint.t38_udptl_maxdatagram"),
        apply=_t38,
    ),
    same("t38pt_usertpsource", "endpoint.t38_udptl_nat"),
    Rule("faxdetect", ("endpoint.fax_detect",), apply=_faxdetect),
    Rule("session-timers", ("endpoint.timers",), apply=_session_timers),
    here("session-refresher", "who refreshes a session where the peer leaves that open"),
    here("ignoresdpversion", "no: an offer within a call whose version is that of the one before changes nothing"),
    same("session-expires", "endpoint.timers_sess_expires"),
    same("session-minse", "endpoint.timers_min_se"),
)
