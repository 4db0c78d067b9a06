"""Options of peers for media, as options of endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from peer_kit import peer

from asterism.applications.session.media_transport.terms import Options, Protection, offer


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("allow=g722", "allow", "ulaw,alaw,gsm,g722"),
        ("disallow=ulaw", "allow", "alaw,gsm"),
        ("preferred_codec_only=yes", "incoming_call_offer_pref", "local_first"),
        ("autoframing=yes", "use_ptime", True),
        ("dtmfmode=info", "dtmf_mode", "info"),
        ("dtmfmode=inband", "dtmf_mode", "inband"),
        ("dtmfmode=auto", "dtmf_mode", "auto"),
        ("dtmfmode=shortinfo", "dtmf_mode", "short_info"),
        ("directmedia=no", "direct_media", False),
        ("directmedia=nonat", "disable_direct_media_on_nat", True),
        ("directmedia=update,nonat", "direct_media_method", "update"),
        ("directmedia=outgoing", "direct_media_glare_mitigation", "outgoing"),
        ("rtptimeout=60", "rtp_timeout", 60),
        ("rtpholdtimeout=300", "rtp_timeout_hold", 300),
        ("rtpkeepalive=15", "rtp_keepalive", 15),
        ("rtp_engine=multicast", "rtp_engine", "multicast"),
        ("g726nonstandard=yes", "g726_non_standard", True),
        ("icesupport=yes", "ice_support", True),
        ("avpf=yes", "use_avpf", True),
        ("force_avp=yes", "force_avp", True),
        ("rtcp_mux=yes", "rtcp_mux", True),
        ("encryption=yes", "media_encryption", "sdes"),
        ("encryption=try", "media_encryption_optimistic", True),
        ("encryption_taglen=32", "srtp_tag_32", True),
        ("dtlsenable=yes", "media_encryption", "dtls"),
        ("dtlsverify=fingerprint", "dtls_verify", "fingerprint"),
        ("dtlsrekey=60", "dtls_rekey", 60),
        ("dtlsautogeneratecert=yes", "dtls_auto_generate_cert", True),
        ("dtlscertfile=a", "dtls_cert_file", "a"),
        ("dtlsprivatekey=b", "dtls_private_key", "b"),
        ("dtlscipher=c", "dtls_cipher", "c"),
        ("dtlscafile=d", "dtls_ca_file", "d"),
        ("dtlscapath=e", "dtls_ca_path", "e"),
        ("dtlssetup=passive", "dtls_setup", "passive"),
        ("dtlsfingerprint=sha-1", "dtls_fingerprint", "SHA-1"),
        ("t38pt_udptl=yes", "t38_udptl", True),
        ("t38pt_udptl=yes", "t38_udptl_ec", "fec"),
        ("t38pt_udptl=yes,redundancy,maxdatagram=400", "t38_udptl_maxdatagram", 400),
        ("t38pt_usertpsource=yes", "t38_udptl_nat", True),
        ("faxdetect=cng", "fax_detect", True),
        ("session-timers=Originate", "timers", "always"),
        ("session-timers=refuse", "timers", "no"),
        ("session-expires=600", "timers_sess_expires", 600),
        ("session-minse=120", "timers_min_se", 120),
    ],
)
def test_options_of_general_and_of_peers(line: str, attribute: str, value: Any) -> None:
    def read(endpoint: Any) -> Any:
        found = getattr(endpoint, attribute)
        return str(found) if attribute == "allow" else found

    assert read(peer().endpoint) != value
    assert read(peer(line).endpoint) == value
    assert read(peer("", general=line).endpoint) == value


def test_whose_order_of_codecs_counts() -> None:
    assert peer().endpoint.incoming_call_offer_pref == "local"
    both = peer("preferred_codec_only=yes\nignore_requested_pref=yes")
    assert both.endpoint.incoming_call_offer_pref == "local_first"


def test_who_may_exchange_media_directly() -> None:
    lines = "directmediadeny=0.0.0.0/0\ndirectmediapermit=10.0.0.0/8,!10.1.0.0/16\ndirectmediaacl=office"
    endpoint = peer(lines).endpoint
    assert [endpoint.direct_media_rules.allows(host) for host in ("192.0.2.1", "10.2.0.1", "10.1.0.1")] == [
        False, True, False,
    ]  # fmt: skip
    assert endpoint.direct_media_acl == ("office",)


def test_video_must_be_switched_on_in_general_first() -> None:
    codecs = "disallow=all\nallow=ulaw,h264"
    assert str(peer(codecs).endpoint.allow) == "ulaw"
    assert str(peer(f"{codecs}\nvideosupport=yes").endpoint.allow) == "ulaw"
    assert str(peer(f"{codecs}\nvideosupport=yes", general="videosupport=yes").endpoint.allow) == "ulaw,h264"
    assert str(peer(codecs, general="videosupport=always").endpoint.allow) == "ulaw,h264"
    assert str(peer(f"{codecs}\nvideosupport=no", general="videosupport=yes").endpoint.allow) == "ulaw"


def test_the_bandwidth_of_video() -> None:
    assert peer("videosupport=yes", general="videosupport=yes").endpoint.max_video_bitrate == 384
    assert peer("maxcallbitrate=512", general="videosupport=yes").endpoint.max_video_bitrate == 512
    assert peer("maxcallbitrate=512").endpoint.max_video_bitrate == 0


def test_text_is_switched_on_in_general() -> None:
    endpoint = peer("", general="textsupport=yes").endpoint
    assert [name for name in endpoint.allow if name in ("red", "t140")] == ["red", "t140"]
    assert endpoint.max_text_streams == 1
    assert peer().endpoint.max_text_streams == 0


@pytest.mark.parametrize(
    ("lines", "protocol"),
    [
        ("", "RTP/AVP"),
        ("avpf=yes", "RTP/AVPF"),
        ("encryption=yes", "RTP/SAVP"),
        ("encryption=yes\navpf=yes", "RTP/SAVPF"),
        ("encryption=try", "RTP/AVP"),
        ("dtlsenable=yes", "UDP/TLS/RTP/SAVP"),
        ("dtlsenable=yes\navpf=yes", "UDP/TLS/RTP/SAVPF"),
        ("dtlsenable=yes\nforce_avp=yes", "RTP/SAVP"),
    ],
)
def test_what_media_are_offered_over(lines: str, protocol: str) -> None:
    assert offer(Options.of(peer(lines).endpoint), "").protocol == protocol


def test_the_transport_of_media() -> None:
    given = "encryption=yes\nencryption_taglen=32\nicesupport=yes\nrtcp_mux=yes"
    terms = offer(Options.of(peer(given).endpoint), "")
    assert (terms.protection, terms.ice, terms.mux) == (Protection.SDES, True, True)
    assert Options.of(peer(given).endpoint).offered_suites == ("AES_CM_128_HMAC_SHA1_32",)
    assert offer(Options.of(peer("dtlsenable=yes\ndtlssetup=passive").endpoint), "").setup == "passive"
