"""What other servers tell of devices and mailboxes."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, settle
from hint_kit import run

from asterism.pbx.states import remote
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.pbx.states.remote import RemoteStates
from asterism.pbx.vocabulary.device_state import DeviceState


def test_each_source_has_a_word() -> None:
    changed: list[str] = []
    states: RemoteStates[int] = RemoteStates(changed.append)
    assert states.set("a", "x", 1)
    assert states.set("a", "x", 1)
    assert states.set("b", "x", 2)
    assert (states.of("x"), states.of("y"), states.names(), changed) == ((1, 2), (), ["x"], ["x", "x"])
    states.remove("a", "x")
    states.remove("a", "x")
    states.remove("b", "y")
    assert (states.of("x"), len(changed)) == ((2,), 3)
    states.remove("b", "x")
    assert len(states) == 0


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    states: RemoteStates[int] = RemoteStates(lambda name: None)
    assert not states.set("a", "", 1)
    assert not states.set("a", "x" * (remote.MAX_NAME + 1), 1)
    monkeypatch.setattr(remote, "MAX_NAMES", 1)
    assert states.set("a", "x", 1)
    assert not states.set("a", "y", 1)
    assert states.set("b", "x", 1)
    monkeypatch.setattr(remote, "MAX_SOURCES", 2)
    assert not states.set("c", "x", 1)
    assert states.set("b", "x", 2)


def test_a_device_is_what_all_tell_of_it() -> None:
    async def scenario(server: FakeServer) -> None:
        states = server.pbx.device_states
        own = [DeviceState.UNKNOWN]
        states.register_provider(server.owner, "Custom", lambda name: own[0], lambda: ["lamp"])
        told: list[tuple[str, DeviceState]] = []
        mine: list[tuple[str, DeviceState]] = []
        states.observe(server.owner, lambda device, state: told.append((device, state)))
        stop = states.observe_own(server.owner, lambda device, state: mine.append((device, state)))
        states.remote.set("b", "Custom:lamp", DeviceState.INUSE)
        await settle()
        assert told == [("Custom:lamp", DeviceState.INUSE)]
        # What another server tells is not ours to tell: else two servers would tell each other for ever.
        assert mine in ([], [("Custom:lamp", DeviceState.UNKNOWN)])
        mine.clear()
        own[0] = DeviceState.NOT_INUSE
        states.changed("Custom:lamp")
        await settle()
        assert (told[1:], mine) == ([], [("Custom:lamp", DeviceState.NOT_INUSE)])
        assert states.get("Custom:lamp") is DeviceState.INUSE
        assert states.own("Custom:lamp") is DeviceState.NOT_INUSE
        states.remote.remove("b", "Custom:lamp")
        await settle()
        assert told[-1] == ("Custom:lamp", DeviceState.NOT_INUSE)
        states.remote.set("b", "PJSIP/far", DeviceState.RINGING)
        assert states.get("PJSIP/far") is DeviceState.RINGING
        assert ("PJSIP/far", DeviceState.RINGING) in states.known()
        assert "Custom:lamp" in states.named()
        stop()

    run(scenario)


def test_a_mailbox_counts_what_waits_everywhere() -> None:
    async def scenario(server: FakeServer) -> None:
        mailboxes = server.pbx.mailboxes
        seen: list[MessageCounts] = []
        mine: list[str] = []
        mailboxes.watch("1@default", lambda name: seen.append(mailboxes.get(name)))
        mailboxes.own_watchers.append(mine.append)
        mailboxes.set("1@default", MessageCounts(1, 1))
        mailboxes.remote.set("b", "1@default", MessageCounts(2, 0))
        assert seen == [MessageCounts(1, 1), MessageCounts(3, 1)]
        assert mine == ["1@default"]
        assert mailboxes.own("1@default") == MessageCounts(1, 1)
        mailboxes.remote.remove("b", "1@default")
        assert seen[-1] == MessageCounts(1, 1)

    run(scenario)
