"""The habits of chan_sip against the record, and in the documentation."""

from __future__ import annotations

import re
import socket
from dataclasses import fields
from pathlib import Path

import pytest

from asterism.applications.session.causes import answer_of, refused_as
from asterism.chan_sip.habits import habits_of, reception_of
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import SipConf, read
from asterism.config.file import ConfigFile
from asterism.pbx.calls.dialing import status_of_cause
from asterism.sip.objects import Habits
from asterism.stack.message import reason_phrase

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "tests" / "data" / "record" / "chan_sip_causes.txt"
HABITS = habits_of(SipGeneral("general"), SipPeer("alice"))
_HANGUP = re.compile(r"Hangup\((\d+)\) before answer -> SIP/2.0 (\d+) (.*)")
_CALLEE = re.compile(
    r"callee answers (\d+) .*-> DIALSTATUS=(\w+) +HANGUPCAUSE=(\w+) +caller receives (?:SIP/2.0 (\d+) (.*)|None)"
)
_STATUSES = {"busy": "BUSY", "congestion": "CONGESTION"}


def conf(text: str) -> SipConf:
    return read(ConfigFile.parse(text, "sip.conf"))


def habits(general: str = "", peer: str = "") -> Habits:
    found = conf(f"[general]\n{general}\n[alice]\ntype=friend\n{peer}\n")
    return habits_of(found.general, found.peers["alice"])


def test_causes_are_told_as_recorded() -> None:
    told = _HANGUP.findall(RECORD.read_text())
    assert len(told) > 70
    for cause, status, phrase in told:
        answer = answer_of(int(cause), HABITS)
        assert (answer.status, answer.phrase or reason_phrase(answer.status)) == (int(status), phrase), cause


def test_refusals_come_to_what_is_recorded() -> None:
    told = _CALLEE.findall(RECORD.read_text())
    assert len(told) > 30
    for status, dialstatus, cause, told_status, phrase in told:
        if status in ("302", "423"):  # a forwarding; a call that never ended
            continue
        found = refused_as(int(status), HABITS)
        shown = _STATUSES.get(found.shown) or status_of_cause(found.cause).value
        assert (found.cause, shown) == (int(cause), dialstatus), status
        answer = answer_of(found.cause, HABITS)
        assert (answer.status, answer.phrase or reason_phrase(answer.status)) == (int(told_status), phrase), status


def test_every_habit_is_documented() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text()
    section = page.partition("\n## Endpoints of sip.conf")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section.partition("What `chan_sip` did")[0], re.MULTILINE)
    assert documented == [one.name for one in fields(Habits)]


def test_a_field_that_is_like_chan_pjsip_s_is_none() -> None:
    """Every field differs for some sip.conf."""
    usual = Habits()
    given = habits(
        "domain=pbx.example.test,internal\nallowexternaldomains=no\naccept_outofcall_message=no\nnotifyringing=no\n"
        "notifycid=no\nuse_q850_reason=no\nsrvlookup=no\nnotifymimetype=text/plain",
        "insecure=invite\nfaxdetect=t38",
    )
    same = [one.name for one in fields(Habits) if getattr(given, one.name) == getattr(usual, one.name)]
    assert same == []


@pytest.mark.parametrize(
    ("general", "peer", "unchallenged"),
    [
        ("", "", {"OPTIONS"}),
        ("auth_options_requests=yes", "", set()),
        ("auth_message_requests=no", "", {"OPTIONS", "MESSAGE"}),
        ("", "insecure=port,invite", {"OPTIONS"}),
        ("", "insecure=port", {"OPTIONS"}),
    ],
)
def test_what_is_not_challenged(general: str, peer: str, unchallenged: set[str]) -> None:
    assert habits(general, peer).unchallenged == unchallenged


def test_calls_of_a_peer_are_not_challenged_at_its_address_alone() -> None:
    assert habits("", "insecure=port,invite").unchallenged_at_home == {"INVITE"}
    assert habits("", "insecure=port").unchallenged_at_home == set()
    user = conf("[general]\n[alice]\ntype=user\ninsecure=invite\n")
    found = habits_of(user.general, user.peers["alice"])
    assert (found.unchallenged, found.unchallenged_at_home) == ({"OPTIONS", "INVITE"}, set())


def test_peers_that_do_not_differ_share_their_habits() -> None:
    found = conf("[general]\n" + "".join(f"[p{number}]\ntype=friend\nsecret=s{number}\n" for number in range(50)))
    assert len({id(habits_of(found.general, peer)) for peer in found.peers.values()}) == 1


def test_a_peer_s_own_options_count() -> None:
    assert habits("use_q850_reason=no", "use_q850_reason=yes").reasons
    assert not habits("ignoresdpversion=no", "ignoresdpversion=yes").skips_known_sdp
    assert habits("", "session-refresher=uac").refresher == "uac"
    assert habits("transport=udp", "transport=tls,tcp").transports == {"TLS", "TCP"}


def test_nobody_has_the_general_caller_id() -> None:
    assert habits().nobody == ("asterisk", "asterisk")
    assert habits("callerid=Unknown").nobody == ("Unknown", "Unknown")


def test_domains_with_their_contexts() -> None:
    found = habits("domain=PBX.example.test,internal\ndomain=example.org\n")
    assert dict(found.domains) == {"pbx.example.test": "internal", "example.org": ""}


@pytest.mark.parametrize(
    ("general", "peer", "expected"),
    [
        ("", "", (0.5, 32.0, 0.0)),
        ("timert1=200", "", (0.2, 12.8, 0.0)),
        ("timert1=200\ntimerb=9000", "", (0.2, 9.0, 0.0)),
        ("timert1=200", "timert1=300", (0.3, 19.2, 0.0)),
        ("timerb=9000", "timert1=50\nqualify=yes", (0.1, 9.0, 0.1)),
        ("t1min=250", "qualify=yes", (0.5, 32.0, 0.25)),
    ],
)
def test_timers(general: str, peer: str, expected: tuple[float, float, float]) -> None:
    assert habits(general, peer).timing == expected


def test_without_websocket_enabled_nobody_registers_over_it() -> None:
    assert habits("", "transport=ws,udp").transports == {"WS", "UDP"}
    assert habits("websocket_enabled=no", "transport=ws,udp").transports == {"UDP"}
    assert habits("websocket_enabled=no", "transport=wss").transports == {"NONE"}


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("shrinkcallerid=no", "shrinks_numbers", False),
        ("notifyhold=yes", "tells_hold", True),
        ("notifycid=yes", "tells_callers", True),
        ("notifyringing=notinuse", "tells_ringing", "notinuse"),
        ("auth_message_requests=no", "unchallenged", frozenset({"MESSAGE", "OPTIONS"})),
        ("subminexpiry=30", "subscription_limits", (30, 3600)),
        ("submaxexpiry=300", "subscription_limits", (60, 300)),
        ("autodomain=yes\nudpbindaddr=192.0.2.1", "domains", {"192.0.2.1": "", socket.gethostname().lower(): ""}),
        ("domain=one.example,in", "domains", {"one.example": "in"}),
    ],
)
def test_options_of_general(line: str, field: str, value: object) -> None:
    assert getattr(habits(line), field) == value


def test_realms_of_those_who_are_not_known_yet() -> None:
    lines = "domain=One.example,in\ndomain=two.example\nrealm=mine\n"
    plain, by_domain = (reception_of(conf(f"[general]\n{lines}{more}").general) for more in ("", "domainsasrealm=yes"))
    assert (plain.realm, plain.realms) == ("mine", frozenset())
    assert (by_domain.realm, by_domain.realms) == ("mine", frozenset({"one.example", "two.example"}))
