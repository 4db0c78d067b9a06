"""Device states from channels, and what several devices of a hint amount to."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, settle
from hint_kit import run

from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.states.hints import STATE_TEXTS, ExtensionState, Watched, extension_state
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.device_state import DeviceState

NAMES = {
    "Idle": DeviceState.NOT_INUSE, "InUse": DeviceState.INUSE, "Busy": DeviceState.BUSY,
    "Unavailable": DeviceState.UNAVAILABLE, "Invalid": DeviceState.INVALID, "Ringing": DeviceState.RINGING,
    "RingInUse": DeviceState.RINGINUSE, "Hold": DeviceState.ONHOLD,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "result"),
    [
        ("Idle Idle", "Idle"), ("Idle InUse", "InUse"), ("Idle Busy", "Busy"), ("InUse Busy", "Busy"),
        ("Busy Busy", "Busy"), ("Unavailable Busy", "Busy"), ("Idle Unavailable", "Idle"), ("Idle Invalid", "Idle"),
        ("Idle Ringing", "Ringing"), ("Unavailable Ringing", "Ringing"), ("Ringing Ringing", "Ringing"),
        ("InUse Ringing", "InUse&Ringing"), ("Busy Ringing", "InUse&Ringing"), ("Hold Ringing", "InUse&Ringing"),
        ("Idle RingInUse", "InUse&Ringing"), ("Busy RingInUse", "InUse&Ringing"), ("Idle Hold", "Hold"),
        ("Unavailable Hold", "Hold"), ("Hold Hold", "Hold"), ("InUse Hold", "InUse"), ("Busy Hold", "Busy"),
        ("Unavailable Unavailable", "Unavailable"), ("Unavailable Invalid", "Unavailable"),
    ],
)  # fmt: skip
def test_pairs_as_recorded(pair: str, result: str) -> None:
    states = [NAMES[name] for name in pair.split()]
    assert STATE_TEXTS[extension_state(states)] == STATE_TEXTS[extension_state(states[::-1])] == result


def test_states_follow_the_calls() -> None:
    async def scenario(server: FakeServer) -> None:
        bob = server.sip.request(ChannelRequest("bob"))
        bob.queue_control(Control.RINGING)
        await settle()
        alice = server.sip.incoming("alice", "1")
        await settle()
        bob.queue_control(Control.ANSWER)
        await settle()
        alice.hang_up()
        bob.hang_up()
        await settle()
        assert [(e["Device"], e["State"]) for e in server.fields("DeviceStateChange")] == [
            ("PJSIP/bob", "RINGING"), ("PJSIP/alice", "INUSE"), ("PJSIP/bob", "INUSE"),
            ("PJSIP/alice", "NOT_INUSE"), ("PJSIP/bob", "NOT_INUSE"),
        ]  # fmt: skip
        assert [(e["Exten"], e["StatusText"]) for e in server.fields("ExtensionStatus")] == [
            ("6050", "Ringing"), ("6001", "InUse"), ("6050", "InUse&Ringing"), ("6050", "InUse"),
            ("6001", "Idle"), ("6050", "Idle"),
        ]  # fmt: skip

    run(scenario)


def test_watching_a_pattern_and_losing_a_hint() -> None:
    async def scenario(server: FakeServer) -> None:
        seen: list[tuple[str, ExtensionState]] = []

        def watcher(watched: Watched) -> None:
            seen.append((watched.exten, watched.state))

        hints = server.pbx.hints
        assert hints.watch("hints", "9999", watcher) is None
        watched = hints.watch("hints", "6105", watcher)
        assert watched is not None
        assert watched.hint == "PJSIP/x6105"
        server.sip.phones["x6105"] = server.sip.phones["alice"]
        server.pbx.device_states.changed("PJSIP/x6105")
        await settle()
        assert seen == [("6105", ExtensionState.IDLE)]
        first = hints.watch("hints", "6001", watcher)
        assert first is not None
        server.pbx.dialplan.remove_extension("hints", "6001")
        assert seen[-1] == ("6001", ExtensionState.REMOVED)
        hints.unwatch(watched, watcher)
        assert hints.get("hints", "6105") is None
        assert hints.state("hints", "6001") == (ExtensionState.DEACTIVATED, "")

    run(scenario)


def test_the_end_of_watching_does_not_search_the_dialplan(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thousand hints each phone that hangs up a subscription would cost milliseconds."""

    async def scenario(server: FakeServer) -> None:
        hints = server.pbx.hints
        listed, pattern = "6001", "6105"
        for exten in (listed, pattern):
            assert server.pbx.dialplan.find_hint("hints", exten), exten

        def searched() -> list[tuple[str, str, str]]:
            raise AssertionError("the whole dialplan is searched")

        monkeypatch.setattr(server.pbx.dialplan, "hint_lines", searched)
        for exten in (listed, pattern):
            watched = hints.watch("hints", exten, print)
            assert watched is not None
            hints.unwatch(watched, print)
        # What has a line of its own is followed on.
        assert hints.get("hints", listed) is not None
        assert hints.get("hints", pattern) is None

    run(scenario)
