"""Bridge, BridgeAdd and BridgeWait: their options, and their events as recorded."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from bridge_kit import compare
from fake_technology import FakeServer, FakeStream, settle
from local_kit import dial, run

from asterism.media.formats import ULAW
from asterism.media.soundfiles import Sounds
from asterism.pbx.bridges.bridge import ANNOUNCER, Bridge
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.classes import MusicSettings, built_in
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.dialplan.applications.bridging import BridgingApplications
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.testing import until


def far(channel: Channel) -> Any:
    """The scripted far end of a channel."""
    return channel.driver


def bridging(server: FakeServer) -> None:
    module = BridgingApplications()
    module.load(server)  # type: ignore[arg-type]
    server.media = SimpleNamespace(sounds=Sounds())  # type: ignore[attr-defined]
    server.sip.stream = lambda: FakeStream(ULAW)
    server.dialplan(
        ("7112", 1, "Answer", ""),
        ("7112", 2, "BridgeWait", "br1,participant,m(one)"),
    )


async def start(server: FakeServer, phone: str, exten: str, account: str = "") -> Channel:
    channel = server.sip.incoming(phone, exten, accountcode=account)
    server.pbx.start(channel)
    await settle(20)
    return channel


async def waiting(server: FakeServer, phone: str, account: str = "") -> Channel:
    """A phone in Wait, with priorities to go on at."""
    server.dialplan(("7010", 3, "Wait", "31"))
    return await start(server, phone, "7010", account)


def heard(channel: Channel) -> list[Any]:
    stream: Any = channel.stream
    written: list[Any] = stream.written
    return written


def only_bridge(server: FakeServer) -> Bridge:
    (bridge,) = server.pbx.bridges.values()
    return bridge


# -- Bridge ---------------------------------------------------------------------------------------------


def test_the_events_of_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(
            ("7115", 1, "Answer", ""), ("7115", 2, "Bridge", "PJSIP/carol-00000000,x"),
            ("7115", 3, "NoOp", "${BRIDGERESULT}"),
        )  # fmt: skip
        carol = await start(server, "carol", "7010")
        alice = await start(server, "alice", "7115", "acc1")
        assert alice.bridge is carol.bridge is not None
        assert (carol.application, carol.priority) == ("", 3)
        carol.queue_hangup(0)
        await settle(60)

    server = run(scenario)
    for _, fields in server.recorded:  # its dialplan is at its end: there the priority is not counted on
        fields[:] = [(key, 3 if (key, value) == ("Priority", 4) else value) for key, value in fields]
    # A channel's Hangup is told in the recorded server when its thread is done with it, BridgeDestroy too.
    compare(server, "Bridge(channel,x) application", ("Hangup", "BridgeDestroy"))


async def bridge(server: FakeServer, options: str, phone: str = "bob") -> tuple[Channel, Channel]:
    bridging(server)
    target = await waiting(server, phone)
    server.dialplan(("7115", 1, "Bridge", f"PJSIP/{phone},{options}"), ("7115", 2, "Wait", "32"))
    return target, await start(server, "alice", "7115")


def result(channel: Channel) -> str | None:
    return channel.get_variable("BRIDGERESULT")


def test_the_others_dialplan_goes_on_afterwards() -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, "")
        assert (alice.state, bob.bridge) == (ChannelState.UP, alice.bridge)
        alice.queue_hangup(16)
        await settle(40)
        assert (bob.alive, bob.application, bob.appdata) == (True, "Wait", "31")
        assert result(alice) == "SUCCESS"

    run(scenario)


def test_this_ones_dialplan_goes_on_too() -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, "")
        bob.queue_hangup(16)
        await settle(40)
        assert (alice.application, alice.appdata, result(alice)) == ("Wait", "32", "SUCCESS")

    run(scenario)


@pytest.mark.parametrize("how", ["hangup", "end"])
def test_x_ends_the_other_without_h(how: str) -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, "x")
        if how == "hangup":
            alice.queue_hangup(16)
        else:
            only_bridge(server).dismiss()
        await settle(40)
        assert not bob.alive
        assert alice.alive == (how == "end")
        assert not [e for e in server.fields("Newexten") if e["Channel"] == bob.name and e["Exten"] == "h"]

    run(scenario)


@pytest.mark.parametrize(("options", "place"), [("F(7112)", ""), ("F(internal^7600^1)", "7600"), ("F", "7115,2")])
def test_F_sends_the_other_elsewhere_when_this_one_hangs_up(options: str, place: str) -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7600", 1, "Wait", "33"))
        bob, alice = await bridge(server, options)
        alice.queue_hangup(16)
        await settle(40)
        if place == "":
            assert not bob.alive  # there is no priority 7112 of 7115: as any jump there
        else:
            assert (bob.exten, bob.priority, bob.application) == (place[:4], int(place[5:] or 1), "Wait")

    run(scenario)


def test_F_is_for_who_stays() -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, "F")
        only_bridge(server).dismiss()
        await settle(40)
        assert (bob.exten, bob.appdata, alice.appdata) == ("7010", "31", "32")

    run(scenario)


@pytest.mark.parametrize("options", ["L(30)", "S(0.03)"])
def test_limits(options: str) -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, options)
        assert bob.bridge is alice.bridge is not None
        await until(lambda: not bob.alive)
        await settle(40)
        assert (alice.appdata, result(alice)) == ("32", "SUCCESS")

    run(scenario)


@pytest.mark.parametrize(
    ("options", "digit", "phone", "ends"),
    [
        ("h", "*", "bob", True), ("H", "*", "alice", True), ("h", "*", "alice", False), ("h", "1", "bob", False),
        ("t", "*", "bob", False),
    ],
)  # fmt: skip
def test_who_may_end_it_by_a_digit(options: str, digit: str, phone: str, ends: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, options)
        assert only_bridge(server).technology == "simple_bridge"  # digits may do something
        {"bob": bob, "alice": alice}[phone].queue_digit(digit)
        await settle(40)
        assert bob.alive is not ends
        assert (alice.bridge is None) is ends

    run(scenario)


def test_without_features_packets_are_relayed() -> None:
    async def scenario(server: FakeServer) -> None:
        await bridge(server, "px")
        await until(lambda: bool(server.pbx.bridges))
        assert only_bridge(server).technology == "native_rtp"

    run(scenario)


def test_p_lets_the_other_hear_a_tone_first() -> None:
    async def scenario(server: FakeServer) -> None:
        bob, alice = await bridge(server, "p")
        stream: Any = bob.stream
        assert alice.bridge is None
        await until(lambda: alice.bridge is not None)
        assert len(stream.written) > 3
        assert heard(alice) == []

    run(scenario)


@pytest.mark.parametrize(("options", "variable", "states"), [
    ("", "", (ChannelState.UP, ChannelState.UP)),
    ("n", "", (ChannelState.UP, ChannelState.RING)),
    ("n", "1", (ChannelState.RING, ChannelState.RING)),
])  # fmt: skip
def test_who_is_answered(options: str, variable: str, states: tuple[ChannelState, ChannelState]) -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7700", 1, "Wait", "30"), ("7115", 1, "Bridge", f"PJSIP/bob,{options}"))
        bob = server.sip.incoming("bob", "7700")
        bob.set_variable("BRIDGE_NOANSWER", variable)
        server.pbx.start(bob)
        await settle()
        alice = await start(server, "alice", "7115")
        assert alice.bridge is bob.bridge is not None
        assert (bob.state, alice.state) == states

    run(scenario)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("PJSIP/nobody", "NONEXISTENT"), ("", "NONEXISTENT"), ("PJSIP/alice", "LOOP"), ("pjsip/BO", "SUCCESS"),
        ("uniqueid", "SUCCESS"), ("PJSIP/bob-00000000", "SUCCESS"),
    ],
)  # fmt: skip
def test_which_channel_is_meant(name: str, wanted: str) -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        bob = await waiting(server, "bob")
        server.dialplan(("7115", 1, "Bridge", bob.uniqueid if name == "uniqueid" else name), ("7115", 2, "Wait", "9"))
        alice = await start(server, "alice", "7115")
        assert (alice.bridge is not None) == (wanted == "SUCCESS")
        bob.queue_hangup(16)
        await settle(40)
        assert (result(alice), alice.application) == (wanted, "Wait")

    run(scenario)


def test_one_that_is_being_called_cannot_come() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        await dial(server, "6002")
        server.dialplan(("7115", 1, "Bridge", "PJSIP/bob"), ("7115", 2, "Wait", "9"))
        carol = await start(server, "carol", "7115")
        assert (result(carol), carol.application) == ("FAILURE", "Wait")

    run(scenario)


def test_a_called_leg_leaves_its_caller_for_it() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        alice = await dial(server, "6002")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle(40)
        server.dialplan(("7115", 1, "Bridge", "PJSIP/bob,F(internal^7010^1)"))
        carol = await start(server, "carol", "7115")
        assert bob.bridge is carol.bridge is not None
        assert not alice.alive
        carol.queue_hangup(16)
        await settle(40)
        assert (bob.exten, bob.application) == ("7010", "Wait")

    run(scenario)


# -- BridgeAdd --------------------------------------------------------------------------------------------


async def two_talking(server: FakeServer) -> tuple[Channel, Channel]:
    bridging(server)
    alice = await dial(server, "6002")
    (bob,) = server.sip.made
    bob.queue_control(Control.ANSWER)
    await settle(40)
    server.dialplan(("7111", 1, "BridgeAdd", alice.name))
    return alice, bob


def test_the_events_of_bridge_add() -> None:
    skip = 0

    async def scenario(server: FakeServer) -> None:
        nonlocal skip
        alice, _ = await two_talking(server)
        skip = len(server.recorded)
        carol = await start(server, "carol", "7111")
        assert carol.bridge is alice.bridge
        assert carol.linkedid == alice.uniqueid
        carol.queue_hangup(0)
        await settle(60)
        assert (result(carol), alice.alive) == ("SUCCESS", True)
        del server.recorded[[kind.name for kind, _ in server.recorded].index("Hangup") + 1 :]

    server = run(scenario)
    del server.recorded[[kind.name for kind, _ in server.recorded].index("Hangup") + 1 :]
    compare(server, "third party by BridgeAdd", skip=skip)


def test_bridge_add_where_there_is_no_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        bob = await waiting(server, "bob")
        server.dialplan(("7111", 1, "BridgeAdd", "PJSIP/bob"), ("7111", 2, "BridgeAdd", "x"), ("7111", 3, "Wait", "9"))
        carol = await start(server, "carol", "7111")
        assert [e["Value"] for e in server.fields("VarSet") if e["Variable"] == "BRIDGERESULT"] == [
            "FAILURE", "NONEXISTENT",
        ]  # fmt: skip
        assert (carol.state, carol.application, bob.alive) == (ChannelState.RING, "Wait", True)

    run(scenario)


def test_bridge_add_where_no_more_are_taken() -> None:
    async def scenario(server: FakeServer) -> None:
        await two_talking(server)
        technologies = server.pbx.bridges.technologies
        softmix = technologies.named("softmix")
        assert softmix is not None
        technologies.suspend(softmix, True)
        server.dialplan(("7111", 2, "Wait", "9"))
        carol = await start(server, "carol", "7111")
        assert (result(carol), carol.state) == ("FAILURE", ChannelState.RING)

    run(scenario)


# -- BridgeWait -------------------------------------------------------------------------------------------


def test_the_events_of_bridge_wait() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.pbx.music.use(MusicSettings({"default": built_in(), "one": replace(built_in(), name="one")}))
        alice = server.sip.incoming("alice", "7112", accountcode="acc1")
        carol = server.sip.incoming("carol", "7112")
        server.pbx.start(carol)
        server.pbx.start(alice)
        await settle(40)
        assert (only_bridge(server).technology, len(only_bridge(server).members)) == ("holding_bridge", 2)
        alice.queue_hangup(0)
        await settle(40)
        carol.queue_hangup(0)
        await settle(40)

    server = run(scenario)
    # Both called at once there: what happens before they wait stands side by side.
    begins = ("Newchannel", "Newexten", "Newstate")
    compare(server, "BridgeWait(br1,participant,m(one)) with two channels", begins)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("", "music"), ("e(m)", "music"), ("e(music)", "music"), ("e(x)", "music"), ("e(r)", [Control.RINGING]),
        ("e(hold)", [Control.HOLD]), ("e(n)", []), ("e(s)", "silence"), ("m(nosuch)", "music"), ("z", "music"),
    ],
)  # fmt: skip
def test_how_a_participant_waits(options: str, shown: Any) -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7200", 1, "BridgeWait", f"room,,{options}"), ("7200", 2, "Wait", "9"))
        bob = await start(server, "bob", "7200")
        driver: Any = bob.driver
        assert bob.state is ChannelState.UP
        if shown == "silence":
            await until(lambda: len(heard(bob)) > 2)
            assert {frame.payload for frame in heard(bob)} == {b"\xff" * 160}
        told = [] if isinstance(shown, str) else shown
        assert (music_of(bob) is not None) == (shown == "music")
        assert driver.indicated() == told
        only_bridge(server).depart(bob)
        await settle(20)
        assert bob.application == "Wait"
        assert music_of(bob) is None
        ended = {Control.RINGING: Control.STOP, Control.HOLD: Control.UNHOLD}
        assert driver.indicated() == [*told, *(ended[each] for each in told)]
        assert len(server.pbx.bridges.clock) == 0
        assert not server.pbx.bridges

    run(scenario)


def test_all_wait_in_the_bridge_of_that_name_each_alone() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7200", 1, "BridgeWait", "room"), ("7201", 1, "BridgeWait", ""), ("7202", 1, "BridgeWait", ""))
        first, second = await start(server, "alice", "7200"), await start(server, "bob", "7200")
        third = await start(server, "carol", "7201")
        assert first.bridge is second.bridge is not third.bridge
        assert third.bridge is not None
        assert third.bridge.name == "default"
        assert first.linkedid != second.linkedid
        assert first.get_variable("BRIDGEPEER") is None
        first.queue_digit("5")
        first.queue_control(Control.HOLD)
        assert far(second).log[-1][0] != "digit"
        assert Control.HOLD not in far(second).indicated()

    run(scenario)


def test_an_announcer_is_heard_and_music_goes_on_afterwards() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7200", 1, "BridgeWait", "room"), ("7203", 1, "BridgeWait", f"room,{ANNOUNCER}"))
        bob, carol = await start(server, "bob", "7200"), await start(server, "carol", "7200")
        alice = await start(server, "alice", "7203")
        assert music_of(bob) is music_of(carol) is music_of(alice) is None
        streams: Any = [bob.stream, carol.stream, alice.stream]
        for stream in streams:
            stream.written.clear()
        streams[2].sink("said")
        streams[0].sink = streams[0].sink
        assert [stream.written for stream in streams] == [["said"], ["said"], []]
        assert streams[0].sink is None
        alice.queue_hangup(16)
        await settle(40)
        assert music_of(bob) is not None
        assert music_of(carol) is not None

    run(scenario)


def test_time_is_over_and_the_dialplan_goes_on() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7200", 1, "BridgeWait", "room,,S(0.03)n"), ("7200", 2, "Wait", "9"))
        bob = await start(server, "bob", "7200")
        assert bob.state is ChannelState.RING
        await until(lambda: bob.bridge is None)
        await settle()
        assert bob.application == "Wait"
        assert not server.pbx.bridges

    run(scenario)


@pytest.mark.parametrize("arguments", ["room,Announcer", "room,guest"])
def test_an_unknown_role_waits_nowhere(arguments: str) -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7200", 1, "BridgeWait", arguments), ("7200", 2, "Wait", "9"))
        bob = await start(server, "bob", "7200")
        assert bob.application == "Wait"
        assert not server.pbx.bridges

    run(scenario)


def test_one_that_cannot_come_in_leaves_no_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        bridging(server)
        server.dialplan(("7200", 1, "BridgeWait", "room"))
        bob = server.sip.incoming("bob", "7200")
        far(bob).answer = lambda: bob.queue_hangup(16)
        server.pbx.start(bob)
        await settle(40)
        assert not server.pbx.bridges

    run(scenario)
