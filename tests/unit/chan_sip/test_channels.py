"""What is asked of SIP channels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.channels import contact_uri, invite_of, peer_name, sip_session, user_agent
from asterism.sip.objects.habits import Habits
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri


class _In(IncomingSession):
    __slots__ = ("__dict__",)


class _Out(OutgoingSession):
    __slots__ = ("__dict__",)


def _incoming(*headers: tuple[str, str]) -> Any:
    session: Any = object.__new__(_In)
    invite = Request("INVITE", Uri.parse("sip:1@h"))
    for name, value in headers:
        invite.add_header(name, value)
    session.rx = SimpleNamespace(request=invite)
    return session


def test_only_channels_of_the_technology_have_a_session() -> None:
    session: Any = object.__new__(_In)
    channel: Any = SimpleNamespace(driver=SessionDriver(session))
    for technology, found in (("SIP", session), ("PJSIP", None)):
        session.endpoint = SimpleNamespace(habits=Habits(technology=technology))
        assert sip_session(channel) is found
    assert sip_session(None) is None
    assert sip_session(SimpleNamespace(driver=object())) is None  # type: ignore[arg-type]


def test_what_a_caller_says() -> None:
    session = _incoming(("User-Agent", "AlicePhone/2.1"), ("Contact", "<sip:alice@127.0.0.1:15091>"))
    assert invite_of(session) is session.request
    assert user_agent(session) == "AlicePhone/2.1"
    assert contact_uri(session) == "sip:alice@127.0.0.1:15091"


@pytest.mark.parametrize("contact", [(), (("Contact", "*x"),)])
def test_a_caller_that_says_nothing(contact: Any) -> None:
    session = _incoming(*contact)
    assert (user_agent(session), contact_uri(session)) == ("", "")


def test_what_a_called_peer_says() -> None:
    session: Any = object.__new__(_Out)
    session._outgoing = session.final_response = None
    session.target = Uri.parse("sip:55@h:5070")
    assert (invite_of(session), user_agent(session), contact_uri(session)) == (None, "", "sip:55@h:5070")
    answer = Response(200, "OK")
    answer.add_header("Server", "Trunk/1")
    session.final_response = answer
    assert user_agent(session) == "Trunk/1"


def test_whose_call_it_is() -> None:
    session: Any = SimpleNamespace(endpoint=SimpleNamespace(fields={"chan_sip": "alice"}))
    assert peer_name(session) == "alice"
    session.endpoint.fields = {}
    assert peer_name(session) == ""
