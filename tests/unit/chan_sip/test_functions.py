"""SIP_HEADER and its kin: what they read of an INVITE, and what they warn of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.functions import SipFunctions
from asterism.chan_sip.objects import SipGeneral, SipPeer
from asterism.pbx.dialplan.language.foreign import foreign, is_foreign
from asterism.sip.objects.habits import Habits
from asterism.stack.message import Request
from asterism.stack.uri import Uri

HEADERS = (
    ("Via", "SIP/2.0/UDP 127.0.0.1:15091;branch=z9hG4bK2b8683c21eb5;rport"),
    ("To", "<sip:730@127.0.0.1:15060>"),
    ("CSeq", "35 INVITE"),
    ("X-Multi", "one"),
    ("X-Multi", "two, with comma"),
    ("X-Other", "zzz"),
    ("Subject", "s"),
)


class _Session(IncomingSession):
    __slots__ = ("__dict__",)


class _Rig:
    def __init__(self, *domains: str) -> None:
        self.said: list[str] = []
        general = SipGeneral("general")
        general.domain = domains
        peers = {"alice": SipPeer("alice")}
        peers_view: Any = SimpleNamespace(
            get=peers.get, address=lambda peer: ("h.example", 5070), useragent=lambda peer: "Phone, 2&1"
        )
        core: Any = SimpleNamespace(data=SimpleNamespace(get=lambda kind, name: general))
        environment = SimpleNamespace(foreign=foreign)
        pbx: Any = SimpleNamespace(
            log=SimpleNamespace(warning=lambda text, *args: self.said.append(text % args if args else text)),
            channels=[],
            dialplan=SimpleNamespace(environment=environment),
        )
        self.functions = SipFunctions(core, pbx, peers_view)


def _channel(technology: str = "SIP") -> Any:
    session: Any = object.__new__(_Session)
    session.endpoint = SimpleNamespace(habits=Habits(technology=technology))
    invite = Request("INVITE", Uri.parse("sip:730@h"))
    invite.headers = list(HEADERS)
    session.rx = SimpleNamespace(request=invite)
    return SimpleNamespace(driver=SessionDriver(session))


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("To", "<sip:730@127.0.0.1:15060>"),
        ("X-Multi", "one"),
        ("X-Multi,1", "one"),
        ("X-Multi,2", "two, with comma"),
        ("X-Multi,3", ""),
        ("X-Multi,0", "one"),
        ("X-Multi,-5", "one"),
        ("X-Multi,nonsense", "one"),
        ("x-multi, 2", "two, with comma"),
        ("X-None", ""),
        ("via", HEADERS[0][1]),
        ("v", HEADERS[0][1]),
        ("s", "s"),
        ("CSeq", "35 INVITE"),
        ("X-Multi," + "9" * 5000, ""),
    ],
)
def test_a_header(args: str, text: str) -> None:
    rig = _Rig()
    assert rig.functions.read_header(_channel(), args) == text
    assert rig.said == []


@pytest.mark.parametrize(
    ("prefix", "names"),
    [("", "Via,To,CSeq,X-Multi,X-Other,Subject"), ("X-", "X-Multi,X-Other"), ("x-mu", ""), ("X-Multi", "X-Multi")],
)
def test_the_names(prefix: str, names: str) -> None:
    assert _Rig().functions.read_headers(_channel(), prefix) == names


def test_a_via_is_as_it_was_sent() -> None:
    channel = _channel()
    channel.driver.session.rx.request.headers = [("Via", "SIP/2.0/UDP h;rport=5070;received=192.0.2.1;branch=b")]
    assert _Rig().functions.read_header(channel, "via") == "SIP/2.0/UDP h;rport;branch=b"


def test_what_cannot_be_read_is_told() -> None:
    rig = _Rig()
    assert rig.functions.read_header(_channel(), "") == ""
    assert rig.functions.read_header(_channel("PJSIP"), "To") == ""
    assert rig.functions.read_headers(None, "") == ""
    assert rig.functions.check_domain(None, "") == ""
    assert rig.said == [
        "This function requires a header name.",
        "SIP_HEADER: This function can only be used on SIP channels.",
        "SIP_HEADERS: This function can only be used on SIP channels.",
        "CHECKSIPDOMAIN requires an argument - A domain name",
    ]


def test_a_domain_is_given_back_as_it_was_asked() -> None:
    functions = _Rig("pbx.example.test,internal", "example.org").functions
    asked = ("PBX.Example.TEST", "example.org", "other.example")
    assert [functions.check_domain(None, one) for one in asked] == ["PBX.Example.TEST", "example.org", ""]


def test_an_item_of_a_peer() -> None:
    functions = _Rig().functions
    assert functions.read_peer(None, "alice") == functions.read_peer(None, " alice , IP") == "h.example"
    assert [functions.read_peer(None, args) for args in ("alice,bogus", "nosuch,ip", "", "alice,")] == [
        "", "", "", "h.example",
    ]  # fmt: skip


def test_what_a_phone_said_stays_data() -> None:
    assert is_foreign(_Rig().functions.read_peer(None, "alice,useragent"))
