"""SessionTimeout: raised where a call ends as no audio or no refresh came, for endpoints whose driver has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session_bench import Bench, on_bench, sdp
from test_session_options import change

from asterism.applications.session.session import Session
from asterism.applications.session.supplements.timers import SessionTimers
from asterism.applications.session.timeouts import SESSION_TIMEOUT
from asterism.media.rtp import RtpSession
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.habits import PJSIP, Habits
from asterism.testing import until

CHAN_SIP = Habits(session_timeout_events=True)
Ends = list[Callable[[], object]]


def audio(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """What is to be called when audio is missed."""
    found: Ends = []

    def set_timeout(_self: RtpSession, after: float, expired: Callable[[], object]) -> None:
        if after:
            found.append(expired)

    monkeypatch.setattr(RtpSession, "set_timeout", set_timeout)
    return found


def refreshes(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """What is to be called when a refresh is missed."""
    found: Ends = []
    real = Session.call_later

    def call_later(self: Session, delay: float, function: Callable[..., object], *args: Any) -> Any:
        if getattr(function, "__func__", None) is SessionTimers._expired:
            found.append(lambda: self._in_work(function, args))
        return real(self, delay, function, *args)

    monkeypatch.setattr(Session, "call_later", call_later)
    return found


@pytest.mark.parametrize(
    ("habits", "missed", "source", "options"),
    [
        (CHAN_SIP, audio, "RTPTimeout", {"rtp_timeout": 30}),
        (CHAN_SIP, refreshes, "SIPSessionTimer", {}),
        (PJSIP, audio, "", {"rtp_timeout": 30}),
        (PJSIP, refreshes, "", {}),
    ],
    ids=["audio", "refresh", "audio-pjsip", "refresh-pjsip"],
)
def test_what_was_missed_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    habits: Habits,
    missed: Callable[[pytest.MonkeyPatch], Ends],
    source: str,
    options: dict[str, Any],
) -> None:
    ends = missed(monkeypatch)

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **options)
        bench.server.data.objects(Endpoint)["alice"].habits = habits
        told: list[list[tuple[str, object]]] = []
        bench.server.subscribe(SESSION_TIMEOUT, lambda _type, args: told.append(list(SESSION_TIMEOUT.render(*args))))
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(99)

        extra = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"
        alice.call("770", body=sdp(), extra=extra)
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        await until(lambda: bool(ends), 5)
        (channel,) = bench.server.pbx.channels
        ends[-1]()
        await until(lambda: channel.dead, 5)
        assert [dict(fields)["Source"] for fields in told] == ([source] if source else [])
        if told:
            names = [name for name, _ in told[0]]
            assert (names[0], names[-2:]) == ("Channel", ["Linkedid", "Source"])
            assert dict(told[0])["Channel"] == channel.name

    test(tmp_path)
