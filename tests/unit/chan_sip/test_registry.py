"""Registrations of sip.conf in chan_sip's words: each state of ``sip show registry``, and the events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.applications.outbound_registration.module import OutboundRegistrationModule
from asterism.chan_sip.registry import STATES, RegistryEvents, host_and_port, of_sip, refresh, state_of, username
from asterism.sip.objects.habits import Habits
from asterism.sip.objects.registration import Registration
from asterism.stack.message import Request, make_response

CONF = """
[one]
type=registration
outbound_auth=one
server_uri=sip:127.0.0.1:15070
client_uri=sip:1000@127.0.0.1
retry_interval=20
max_retries=1
expiration=120
max_random_initial_delay=0
[one]
type=auth
username=1000
password=regpass
"""


class Far:
    """The registrar."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.flow: FakeFlow = rig.transports.flow_for("127.0.0.1", 15070)

    def asked(self) -> Request:
        """The REGISTER that came last."""
        return [message for message in self.flow.take() if isinstance(message, Request)][-1]

    def answer(self, status: int, *headers: tuple[str, str]) -> None:
        """Answer it."""
        request = self.asked()
        response = make_response(request, status, to_tag="reg")
        if status == 200:
            response.add_header("Contact", f"{request.get('Contact')};expires=60")
        for name, value in headers:
            response.add_header(name, value)
        self.rig.layer.receive(response.to_bytes(), self.flow, self.rig.now)

    def challenge(self) -> None:
        """Ask for credentials."""
        self.answer(401, ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'))


Made = tuple[Rig, Far, OutboundRegistrationModule]
CHAN_SIP = Habits(technology="SIP", status_events=False)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Habits], Made]:
    def build(habits: Habits) -> Made:
        rig = Rig(tmp_path / "etc", CONF, modules=(*MODULES, OutboundRegistrationModule))
        module = rig.modules[-1]
        assert isinstance(module, OutboundRegistrationModule)
        for registration in rig.data.all(Registration):
            registration.habits = habits
        RegistryEvents(module.registrations, rig.bus).start()
        rig.record()
        module.start()
        return rig, Far(rig), module

    return build


def told(rig: Rig) -> list[list[tuple[str, object]]]:
    """The events Registry so far."""
    return [list(fields) for name, fields in rig.events if name == "Registry"]


def test_the_states_of_a_registration_that_succeeds(make: Callable[[Habits], Made]) -> None:
    rig, far, module = make(CHAN_SIP)
    (client,) = of_sip(module.registrations)
    assert (state_of(client), refresh(client), client.registered_at) == ("Unregistered", 120, None)
    rig.advance(0)
    assert state_of(client) == "Request Sent"
    far.challenge()
    assert state_of(client) == "Auth. Sent"
    assert told(rig) == [], "only outcomes are told"
    far.answer(200)
    assert (state_of(client), refresh(client)) == ("Registered", 50)
    assert client.registered_at is not None
    assert (username(client), host_and_port(client.config.server_uri)) == ("1000", ("127.0.0.1", 15070))
    assert told(rig) == [
        [("ChannelType", "SIP"), ("Username", "1000"), ("Domain", "127.0.0.1"), ("Status", "Registered")]
    ]
    client.unregister()
    far.answer(200)
    assert state_of(client) == "Unregistered"
    assert [dict(fields)["Status"] for fields in told(rig)] == ["Registered", "Unregistered"]


@pytest.mark.parametrize(("status", "word"), [(403, "No Authentication"), (404, "Rejected"), (500, "Rejected")])
def test_the_words_of_a_refusal(make: Callable[[Habits], Made], status: int, word: str) -> None:
    rig, far, module = make(CHAN_SIP)
    (client,) = of_sip(module.registrations)
    rig.advance(0)
    far.answer(status)
    assert state_of(client) == word
    assert [dict(fields)["Status"] for fields in told(rig)] == [word]


def test_no_credentials_that_fit(make: Callable[[Habits], Made]) -> None:
    rig, far, module = make(CHAN_SIP)
    (client,) = of_sip(module.registrations)
    rig.advance(0)
    far.challenge()
    far.challenge()
    assert state_of(client) == "No Authentication"


def test_silence_is_a_timeout_and_at_last_a_failure(make: Callable[[Habits], Made]) -> None:
    rig, _far, module = make(CHAN_SIP)
    (client,) = of_sip(module.registrations)
    rig.advance(0)
    rig.advance(40)
    assert state_of(client) == "Timeout"
    rig.advance(20)
    assert state_of(client) == "Request Sent"
    rig.advance(40)
    assert state_of(client) == "Failed"
    assert [dict(fields)["Status"] for fields in told(rig)] == ["Timeout", "Failed"]


def test_those_of_pjsip_are_told_in_their_own_words(make: Callable[[Habits], Made]) -> None:
    rig, far, module = make(Habits())
    assert of_sip(module.registrations) == []
    rig.advance(0)
    far.answer(200)
    (fields,) = told(rig)
    assert dict(fields)["ChannelType"] == "PJSIP"
    assert dict(fields)["Username"] == "sip:1000@127.0.0.1"


def test_an_address_without_port() -> None:
    assert host_and_port("sip:example.org") == ("example.org", 5060)
    assert host_and_port("no uri") == ("no uri", 5060)
    assert len(set(STATES)) == len(STATES)
