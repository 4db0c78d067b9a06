"""Options of ``[general]`` that are those of every peer."""

from __future__ import annotations

from general_kit import Written, objects

from asterism.chan_sip.objects import SipGeneral
from asterism.chan_sip.objects.shared import SipOptions
from asterism.chan_sip.translation.translate import GENERAL_RULES
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.endpoint import Endpoint

PEERS = "\n[a]\ntype=friend\nhost=dynamic\n[b]\ntype=peer\nhost=192.0.2.7\n[c]\ntype=peer\nhost=b.example\n"


def endpoint(text: str, name: str = "a") -> Endpoint:
    return objects(Endpoint, f"[general]\n{text}{PEERS}")[name]


def test_descriptions_and_marks() -> None:
    made = endpoint(
        "sdpsession=call\nsdpowner=me\nsend_diversion=no\ntos_audio=ef\ntos_video=af41\ncos_audio=3\ncos_video=2\n"
    )
    assert (made.sdp_session, made.sdp_owner, made.send_diversion) == ("call", "me", False)
    assert (made.tos_audio, made.tos_video, made.cos_audio, made.cos_video) == (184, 136, 3, 2)
    plain = endpoint("")
    assert (plain.sdp_owner, plain.send_diversion, plain.cos_audio, plain.cos_video) == ("root", True, 5, 6)


def test_addresses_of_media() -> None:
    made = endpoint("media_address=203.0.113.5")
    assert (made.media_address, made.bind_rtp_to_media_address) == ("203.0.113.5", False)
    made = endpoint("media_address=203.0.113.5\nrtpbindaddr=127.0.0.1")
    assert (made.media_address, made.bind_rtp_to_media_address) == ("127.0.0.1", True)


def test_options_and_mailboxes() -> None:
    assert endpoint("").allow_unauthenticated_options
    assert not endpoint("auth_options_requests=yes").allow_unauthenticated_options
    assert endpoint("mwi_from=mail").mwi_from_user == "mail"


def test_ringing() -> None:
    assert endpoint("").notify_early_inuse_ringing
    assert not endpoint("notifyringing=notinuse").notify_early_inuse_ringing
    assert not endpoint("notifyringing=no").notify_early_inuse_ringing


def test_lifetimes() -> None:
    aor = objects(Aor, f"[general]\nmaxexpiry=1000\nminexpiry=50\ndefaultexpiry=200{PEERS}")["a"]
    assert (aor.maximum_expiration, aor.minimum_expiration, aor.default_expiration) == (1000, 50, 200)
    aor = objects(Aor, f"[general]{PEERS}")["a"]
    assert (aor.maximum_expiration, aor.minimum_expiration, aor.default_expiration) == (3600, 60, 120)


def test_peers_that_register_keep_off_the_addresses_of_those_that_do_not() -> None:
    made = endpoint("dynamic_exclude_static=yes")
    assert [str(rule) for rule in made.contact_rules] == ["deny=192.0.2.7/255.255.255.255"]
    assert not endpoint("dynamic_exclude_static=yes", "b").contact_rules
    assert not endpoint("").contact_rules


def test_a_jitter_buffer_that_is_forced() -> None:
    made = endpoint(
        "jbenable=yes\njbforce=yes\njbimpl=adaptive\njbmaxsize=300\njbresyncthreshold=900\njbtargetextra=20"
    )
    assert ("JITTERBUFFER(adaptive)", "300,900,20") in made.set_var
    assert not endpoint("jbenable=yes").set_var


def test_those_who_are_no_peers_have_an_endpoint_of_what_general_says() -> None:
    text = "[general]\ncontext=public\nallow=!all,alaw\n[authentication]\nauth=a:b@c\n"
    made = objects(Endpoint, text)["sip.conf/guest"]
    assert (made.context, str(made.allow), made.aors, made.auth) == ("public", "alaw", (), ())
    assert made.identify_by == ()
    assert made.outbound_auth == ("sip.conf/auth1",)
    assert "chan_sip" not in made.fields
    assert not objects(Endpoint, text, Written())


def test_every_option_of_general_has_a_rule() -> None:
    own = {spec.name for spec in SipGeneral.OPTIONS} - {spec.name for spec in SipOptions.OPTIONS}
    assert own - {"callevents"} <= GENERAL_RULES.keys()
    # What has no effect says why, and nothing else.
    left = {spec.name: spec.no_effect for spec in SipGeneral.OPTIONS if spec.no_effect and spec.name in own}
    assert all(not GENERAL_RULES[name].here for name in left if name in GENERAL_RULES)
