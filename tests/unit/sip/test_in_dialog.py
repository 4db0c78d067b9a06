"""Which drivers of channels can send within a SIP dialog."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.applications.session.driver import SessionDriver
from asterism.sip.in_dialog import SendsInDialog


def test_a_sip_driver_can_once_its_call_is_confirmed_and_others_cannot() -> None:
    sent: list[Any] = []
    session: Any = SimpleNamespace(confirmed=False, send_request=lambda *args: sent.append(args))
    driver = SessionDriver(session)
    assert isinstance(driver, SendsInDialog)
    assert not isinstance(object(), SendsInDialog)
    assert not driver.send_in_dialog("NOTIFY", (), b"", "")
    session.confirmed = True
    assert driver.send_in_dialog("NOTIFY", (("Event", "x"),), b"a", "text/plain")
    assert sent == [("NOTIFY", (("Event", "x"),), b"a", "text/plain")]
