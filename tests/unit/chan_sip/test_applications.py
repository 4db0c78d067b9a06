"""SIPAddHeader, SIPRemoveHeader, SIPDtmfMode and SIPSendCustomINFO: what they do, and what they warn of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.applications import SipApplications
from asterism.sip.objects.habits import Habits
from asterism.stack.message import Request
from asterism.stack.uri import Uri


class _Channel:
    def __init__(self, driver: object = None) -> None:
        self.variables: dict[str, str] = {}
        self.said: list[str] = []
        self.inherited = 0
        self.driver = driver
        self.pbx = SimpleNamespace(
            log=SimpleNamespace(warning=lambda text, *args: self.said.append(text % args if args else text))
        )

    def get_variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def set_variable(self, name: str, value: str | None) -> None:
        self.variables.pop(name.lstrip("_"), None)
        if value is not None:
            self.variables[name.lstrip("_")] = value
            self.inherited += name.startswith("__")


def _session(agent: str = "", *, technology: str = "SIP", confirmed: bool = True) -> Any:
    """A call that has come in, as far as the applications look at it."""
    session: Any = object.__new__(_Session)
    session.endpoint = SimpleNamespace(habits=Habits(technology=technology), fields={})
    invite = Request("INVITE", Uri.parse("sip:1@h"))
    if agent:
        invite.add_header("User-Agent", agent)
    session.rx = SimpleNamespace(request=invite)
    session.bye_pending = False
    session.is_confirmed = confirmed
    session.sent = []
    session.work = SimpleNamespace(push=lambda function, *args: function(*args))
    session.media = SimpleNamespace(dtmf_mode="", port=lambda kind: None)
    return session


class _Session(IncomingSession):
    __slots__ = ("__dict__",)

    @property
    def confirmed(self) -> bool:
        return bool(self.is_confirmed)  # type: ignore[attr-defined]

    def send_request(self, *args: Any, **kept: Any) -> Any:
        self.sent.append(args)  # type: ignore[attr-defined]


def _applications(*sessions: object) -> SipApplications:
    return SipApplications(SimpleNamespace(live=dict.fromkeys(sessions)))  # type: ignore[arg-type]


async def test_headers_are_queued_for_channels_that_are_called() -> None:
    channel: Any = _Channel()
    await _applications().add_header(channel, "X-One: first, second")
    await _applications().add_header(channel, "NoColonHeader")
    assert channel.variables == {"SIPADDHEADER01": "X-One: first, second", "SIPADDHEADER02": "NoColonHeader"}
    assert (channel.inherited, channel.said) == (2, [])


async def test_what_is_no_header_is_told() -> None:
    channel: Any = _Channel()
    applications = _applications()
    await applications.add_header(channel, "")
    await applications.add_header(channel, "X-A: v\r\nX-B: w")
    await applications.add_header(channel, "Via: SIP/2.0/UDP evil")
    assert channel.variables == {}
    channel.variables = {f"SIPADDHEADER{number:02d}": "X: v" for number in range(1, 51)}
    await applications.add_header(channel, "X-More: v")
    assert channel.said == [
        "This application requires the argument: Header",
        "SIPAddHeader: the header is not added: it has control characters",
        "SIPAddHeader: the header is not added: Via is written by the server",
        "Too many SIP headers added, max 50",
    ]
    await applications.remove_header(channel, "")
    assert channel.variables == {}


@pytest.mark.parametrize(
    ("word", "mode"), [("info", "info"), ("INBAND", "inband"), ("rfc2833", "rfc4733"), ("shortinfo", "short_info")]
)
async def test_the_way_of_digits(word: str, mode: str) -> None:
    session = _session()
    channel: Any = _Channel(SessionDriver(session))
    await _applications().dtmf_mode(channel, word)
    assert (session.media.dtmf_mode, channel.said) == (mode, [])


@pytest.mark.parametrize("word", ["auto", "bogus", "", "rfc4733"])
async def test_another_way_of_digits_is_refused(word: str) -> None:
    session = _session()
    channel: Any = _Channel(SessionDriver(session))
    await _applications().dtmf_mode(channel, word)
    assert (session.media.dtmf_mode, channel.said) == ("", [f"I don't know about this dtmf mode: {word}"])


@pytest.mark.parametrize("driver", [None, SessionDriver(_session(technology="PJSIP"))])
async def test_only_sip_channels_have_one(driver: Any) -> None:
    channel: Any = _Channel(driver)
    await _applications().dtmf_mode(channel, "info")
    assert channel.said == ["Call this application only on SIP incoming calls"]


async def test_info_goes_to_answered_calls_of_sip() -> None:
    one, other = _session("AlicePhone/2.1"), _session("Bob")
    unanswered, foreign = _session(confirmed=False), _session(technology="PJSIP")
    channel: Any = _Channel()
    applications = _applications(one, other, unanswered, foreign)
    await applications.send_custom_info(channel, "X-Data: hello")
    await applications.send_custom_info(channel, "more,alicephone/2.1")
    hello = ("INFO", (), b"X-Data: hello", "text/plain")
    assert one.sent == [hello, ("INFO", (), b"more", "text/plain")]
    assert other.sent == [hello]
    assert unanswered.sent == foreign.sent == channel.said == []


async def test_info_needs_something_to_say() -> None:
    channel: Any = _Channel()
    await _applications().send_custom_info(channel, "")
    await _applications().send_custom_info(channel, "x" * 20_000)
    assert channel.said == [
        "You must provide data to be sent",
        "SIPSendCustomINFO: the data are longer than 16384 bytes",
    ]
