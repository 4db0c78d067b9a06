"""A channel by itself: waiting, digits, audio, variables, hanging up, the Python way to write an extension."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle

from asterism.media.formats import SLIN, ULAW
from asterism.media.stream import Frame
from asterism.pbx.assembly.channel import Channel
from asterism.pbx.channels.channel import MAX_DIGITS
from asterism.pbx.channels.listening import MAX_FRAMES
from asterism.pbx.channels.playing import start_tone
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import cause_text, parse_cause
from asterism.pbx.vocabulary.controls import ChannelState, Control, SoftHangup
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto, RequestError
from asterism.pbx.vocabulary.party import PartyId, parse_caller_id, parse_presentation, presentation_word


def run(scenario: Any) -> None:
    async def main() -> None:
        server = FakeServer()
        server.record()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.hang_up()
        await settle()
        assert len(server.pbx.channels) == 0

    asyncio.run(main())


def test_names_and_uniqueids_count_up() -> None:
    async def scenario(server: FakeServer) -> None:
        server.options.systemname = "pbx1"
        first, second = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        assert (first.name, second.name) == ("PJSIP/alice-00000000", "PJSIP/bob-00000001")
        assert first.uniqueid.startswith("pbx1-")
        assert [channel.uniqueid.rpartition(".")[2] for channel in (first, second)] == ["0", "1"]
        assert first.device == "PJSIP/alice"
        assert server.pbx.channels.get("pjsip/ALICE-00000000") is first
        assert server.pbx.channels.get(second.uniqueid) is second
        with pytest.raises(ValueError, match="in use"):
            server.pbx.create_channel(server.sip, "PJSIP/bob", uniqueid=first.uniqueid)

    run(scenario)


def test_an_unknown_technology_is_cause_66() -> None:
    async def scenario(server: FakeServer) -> None:
        with pytest.raises(RequestError) as caught:
            server.pbx.request("SIP/bob")
        assert caught.value.cause == 66

    run(scenario)


def test_an_extension_in_python() -> None:
    heard: list[str] = []

    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "100")
        async def greet(channel: Channel) -> None:
            await channel.answer()
            heard.append(await channel.read_digits(4))
            await channel.wait(60)

        alice = server.sip.incoming("alice", "100")
        task = server.pbx.start(alice)
        await settle()
        assert alice.state is ChannelState.UP
        for digit in "12#":
            alice.queue_digit(digit, 80)
        await settle()
        assert heard == ["12"]
        alice.queue_hangup(16)
        await settle()
        assert task.done()
        assert server.names("VarSet", "DeviceStateChange")[-3:] == ["HangupRequest", "SoftHangupRequest", "Hangup"]
        assert alice.driver.log == [("answer",), ("hangup", 16)]  # type: ignore[union-attr]

    run(scenario)


def test_audio_is_linear_and_bounded() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        stream = alice.driver.media  # type: ignore[union-attr]
        frames: list[Frame] = []

        async def listen() -> None:
            async for frame in alice.audio():
                frames.append(frame)
                await alice.write_audio(frame)

        task = asyncio.create_task(listen())
        await settle()
        for number in range(MAX_FRAMES + 10):
            stream.sink(Frame(ULAW, bytes([number]) * 160))
        await settle()
        assert len(frames) == MAX_FRAMES
        assert all(frame.format is SLIN and len(frame.payload) == 320 for frame in frames)
        assert stream.written == frames
        alice.queue_hangup(16)
        with pytest.raises(ChannelHangup):
            await task
        assert stream.sink is None

    run(scenario)


def test_waits_end_by_hangup_redirect_and_time() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert await alice.read_digit(0.001) is None
        await alice.wait(0.001)
        waiting = asyncio.create_task(alice.wait(60))
        alice.task = waiting
        await settle()
        with pytest.raises(RuntimeError):
            await alice.park()
        alice.redirect(Goto("internal", "2", 1))
        with pytest.raises(Goto):
            await waiting
        waiting = alice.task = asyncio.create_task(alice.wait(60))
        await settle()
        alice.soft_hangup()
        with pytest.raises(ChannelHangup):
            await waiting
        with pytest.raises(ChannelHangup):
            await alice.answer()
        alice.task = None

    run(scenario)


def test_digits_nobody_reads_are_bounded() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        for number in range(MAX_DIGITS + 5):
            alice.queue_digit(str(number % 10), 100)
        first = await alice.read_digit(0)
        assert first == "5"
        alice.flush_digits()
        assert await alice.read_digit(0) is None

    run(scenario)


def test_a_hang_up_ends_the_tone_in_the_background() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        start_tone(alice, "dial")
        tone = alice.tone
        assert tone is not None
        assert tone.active
        alice.hang_up()
        assert alice.tone is None
        assert not tone.active

    run(scenario)


def test_variables_are_told_and_inherited() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        alice.set_variable("PLAIN", "0")
        alice.set_variable("_ONCE", "1")
        alice.set_variable("__ALWAYS", "2")
        assert alice.get_variable("ONCE") == "1"
        bob.inherit_variables(alice)
        assert bob.variables == {"ONCE": "1", "ALWAYS": "2"}
        assert bob.inheritance == {"ALWAYS": 2}
        alice.set_variable("ONCE", None)
        assert alice.get_variable("ONCE") is None
        assert [event["Variable"] for event in server.fields("VarSet")] == [
            "PLAIN", "_ONCE", "__ALWAYS", "ONCE", "__ALWAYS", "ONCE",
        ]  # fmt: skip

    run(scenario)


def test_a_place_is_told_once() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.new_exten("Exec", "NoOp()")
        alice.new_exten("NoOp", "")
        alice.priority = 2
        alice.new_exten("Hangup", "")
        assert [event["Application"] for event in server.fields("Newexten")] == ["Exec", "Hangup"]

    run(scenario)


def test_a_dead_channel_is_silent() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.hang_up()
        await settle()
        told = len(server.recorded)
        alice.queue_control(Control.ANSWER)
        alice.queue_digit("1", 100)
        alice.queue_hangup(16)
        alice.soft_hangup(SoftHangup.EXPLICIT)
        alice.end_dialplan()
        assert not alice.indicate(Control.RINGING)
        await settle()
        assert len(server.recorded) == told

    run(scenario)


def test_a_broken_extension_ends_its_call_only() -> None:
    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "1")
        async def broken(channel: Channel) -> None:
            raise ZeroDivisionError

        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        server.pbx.start(alice)
        await settle()
        assert alice.dead
        assert bob.alive

    run(scenario)


def test_hold_names_the_holder() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.queue_control(Control.HOLD, "default")
        alice.queue_control(Control.UNHOLD)
        assert server.fields("Hold")[0]["MusicClass"] == "default"
        assert server.fields("Unhold")[0]["Channel"] == alice.name

    run(scenario)


@pytest.mark.parametrize(
    ("text", "party"),
    [
        ('"Orig" <1234>', PartyId("1234", "Orig")),
        ("Orig Name <1234>", PartyId("1234", "Orig Name")),
        ("<1234>", PartyId("1234")),
        ("1234", PartyId("1234")),
        ("Alice", PartyId(name="Alice")),
        ('"Al \\"A\\" Ice" <+1-2>', PartyId("+1-2", 'Al "A" Ice')),
        ("", PartyId()),
    ],
)
def test_caller_ids(text: str, party: PartyId) -> None:
    assert parse_caller_id(text) == party


def test_presentations_and_causes() -> None:
    assert parse_presentation("prohib") == 0x23
    assert presentation_word(0x23) == "prohib"
    assert PartyId("1", number_presentation=0x20).private
    assert parse_cause("USER_BUSY") == parse_cause(" 17 ") == 17
    assert parse_cause("nonsense") is None
    assert cause_text(16) == "Normal Clearing"
    assert cause_text(200) == "Unknown"


def test_every_event_type_renders_and_is_documented() -> None:
    server = FakeServer()
    server.register_events(*events.ALL)
    assert len(server.bus.types) == len(events.ALL)
