"""Local channels: what one half is shown the other reports, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle
from local_kit import dial, halves, rings, run

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.taps import Direction
from asterism.media.volume import Gain
from asterism.pbx.calls.local import parse
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.channels.transfer import TransferOrder, TransferStatus
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.pbx.vocabulary.party import PartyId
from asterism.testing.waiting import until


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("600@phones", ("600", "phones", "")),
        ("600@phones/n", ("600", "phones", "n")),
        ("600@phones/NJ", ("600", "phones", "nj")),
        ("600", ("600", "default", "")),
        ("600/n", ("600", "default", "n")),
        ("600@", ("600", "default", "")),
        ("6/0@phones", ("6/0", "phones", "")),
        ("@phones", ("", "phones", "")),
        (joined([foreign("9@secret"), "@phones"]), ("9@secret", "phones", "")),
        (joined([foreign("9/n"), "@phones/m"]), ("9/n", "phones", "m")),
    ],
)
def test_parts_of_the_dial_string(text: str, wanted: tuple[str, str, str]) -> None:
    """Nothing in a text from outside divides it."""
    assert parse(text) == wanted


def test_the_state_of_the_device() -> None:
    async def scenario(server: FakeServer) -> None:
        get = server.pbx.device_states.get
        assert get("Local/6002@internal") is DeviceState.NOT_INUSE
        assert get("Local/9999@internal") is DeviceState.INVALID
        await dial(server, "7001")
        assert get("Local/6002@internal") is DeviceState.INUSE

    run(scenario)


def test_ids_that_are_asked_for() -> None:
    async def scenario(server: FakeServer) -> None:
        technology = server.local.technology  # type: ignore[attr-defined]
        one = technology.request(ChannelRequest("6002@internal", uniqueid="mine"))
        assert [each.uniqueid for each in halves(server)] == ["mine", "mine;2"]
        assert [each.linkedid for each in halves(server)] == ["mine", "mine"]
        one.hang_up()
        await settle()
        server.sip.incoming("alice", "1", uniqueid="other;2")
        with pytest.raises(RequestError):
            technology.request(ChannelRequest("6002@internal", uniqueid="other"))
        with pytest.raises(RequestError):
            technology.request(ChannelRequest("@internal"))

    run(scenario)


def test_a_pair_that_was_not_called_leaves_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.request("Local/6002@internal").hang_up()
        await settle()
        assert len(server.pbx.channels) == 0

    run(scenario)


def test_variables_account_and_hops_go_to_the_second_half() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("1", 1, "Set", "x"))
        alice = server.sip.incoming("alice", "7001", accountcode="acc1")
        alice.set_variable("_once", "1")
        alice.set_variable("__ever", "2")
        alice.hops = 9
        server.pbx.start(alice)
        await settle(40)
        one, two = halves(server)
        (bob,) = server.sip.made
        assert (one.hops, two.hops, bob.hops) == (8, 8, 7)
        assert (two.variables["once"], two.variables["ever"], two.accountcode) == ("1", "2", "acc1")
        assert bob.variables["ever"] == "2"
        assert "once" not in bob.variables
        assert alice.linkedid == one.linkedid == two.linkedid == bob.linkedid
        assert alice.callid == two.callid == bob.callid

    run(scenario)


def test_a_pair_that_calls_itself_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Each pair is one hop more; the last is refused, with a line that says so, and nothing is left."""

    async def scenario(server: FakeServer) -> None:
        server.dialplan(("700", 1, "Dial", "Local/700@internal/n,20"))
        alice = server.sip.incoming("alice", "700")
        alice.hops = 5
        server.log.addHandler(caplog.handler)
        server.pbx.start(alice)
        await settle(400)
        assert server.names().count("LocalBridge") == 5
        assert len(server.pbx.channels) == 0

    run(scenario)
    (line,) = [each.getMessage() for each in caplog.records if "too many hops to go on" in each.getMessage()]
    assert line == "Local/700@internal-00000004;2: the call has made too many hops to go on to Local/700@internal/n"


async def up(server: FakeServer, exten: str = "7002") -> tuple[Channel, Channel]:
    alice = await dial(server, exten)
    (bob,) = server.sip.made
    bob.queue_control(Control.ANSWER)
    await settle(40)
    return alice, bob


def log_of(channel: Channel) -> list[Any]:
    return channel.driver.log  # type: ignore[attr-defined]


def test_digits_and_texts_go_through() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await up(server)
        alice.queue_digit("5", 120)
        await settle()
        assert ("digit", "5", 120) in log_of(bob)
        one, two = halves(server)
        assert two.driver.send_text("hello")
        assert ("text", "hello") in log_of(alice)
        order = TransferOrder(one, ("x",))
        one.driver.transfer(order)
        assert order.result is not None
        assert order.result.status is TransferStatus.UNSUPPORTED

    run(scenario)


@pytest.mark.parametrize(("options", "told"), [("/n", False), ("/nm", True)])
def test_hold_is_told_only_where_asked(options: str, told: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7003", 1, "Dial", f"Local/6002@internal{options},20"))
        alice, bob = await up(server, "7003")
        bob.queue_control(Control.HOLD)
        await settle()
        assert (("indicate", Control.HOLD) in log_of(alice)) is told

    run(scenario)


def test_who_is_connected_is_told_through_the_pair() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await up(server)
        bob.queue_control(Control.CONNECTED_LINE, PartyId("6009", "Other"))
        await settle()
        one, _ = halves(server)
        assert (one.caller.number, alice.connected.number) == ("6009", "6009")
        assert ("indicate", Control.CONNECTED_LINE) in log_of(alice)

    run(scenario)


def test_ringing_of_an_answered_extension_reaches_the_caller() -> None:
    """The extension answers and only then dials: its caller hears the ringing all the same."""

    async def scenario(server: FakeServer) -> None:
        server.dialplan(
            ("6100", 1, "Answer", ""), ("6100", 2, "Dial", "PJSIP/bob,20"),
            ("7004", 1, "Dial", "Local/6100@internal/n,20"),
        )  # fmt: skip
        alice = await dial(server, "7004")
        assert ("indicate", Control.RINGING) in log_of(alice)

    run(scenario)


def test_forks_to_extensions() -> None:
    """As a queue does it: several members by Local channels, the first that answers wins, the others are cancelled."""

    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = rings
        server.dialplan(("7005", 1, "Dial", "Local/6002@internal/n&Local/6003@internal/n,20"))
        alice = await dial(server, "7005")
        bob, carol = server.sip.made
        carol.queue_control(Control.ANSWER)
        await settle(60)
        assert bob.dead
        assert bob.hangup_cause == 26
        assert alice.variables["DIALEDPEERNUMBER"] == "6003@internal/n"
        assert len(server.local.technology.pairs) == 1  # type: ignore[attr-defined]

    run(scenario)


def test_an_originate_that_is_given_up_cancels_what_the_extension_dials() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = rings
        await originate(server.pbx, OriginateRequest("Local/6002@internal", "internal", "7010", timeout=0.01))
        await settle(40)
        assert server.sip.made[0].dead

    run(scenario)


def test_frames_cross_the_pair() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW, relays=False)
        alice, bob = await up(server)
        bob.stream.sink(Frame(ULAW, b"\x01" * 160))
        assert alice.stream.written == [Frame(ULAW, b"\x01" * 160)]  # type: ignore[attr-defined]

    run(scenario)


@pytest.mark.parametrize(("options", "order"), [("nj", [0, 1, 2, 3]), ("n", [0, 2, 1, 3]), ("j", [0, 2, 1, 3])])
def test_what_the_extension_hears_is_put_in_order_where_asked(options: str, order: list[int]) -> None:
    """What was made here, without timestamps, is not kept back."""

    async def scenario(server: FakeServer) -> None:
        server.dialplan(("7011", 1, "Dial", f"Local/7010@internal/{options},20"))
        server.sip.stream = lambda: FakeStream(ULAW, relays=False)
        alice = await dial(server, "7011")
        _, two = halves(server)
        heard: list[Frame] = []
        assert two.stream is not None
        two.stream.sink = heard.append
        assert alice.stream is not None
        assert alice.stream.sink is not None
        volume = Gain(0.5)
        alice.attach(volume, Direction.IN)  # it gives no timestamps, and they are kept
        for number in (0, 2, 1, 3):
            frame = alice.stream.hear_in(Frame(ULAW, bytes([number]) * 160, 160 * number))  # type: ignore[attr-defined]
            alice.stream.sink(frame)
        await until(lambda: len(heard) == 4)
        table = [heard[order.index(number)].payload for number in range(4)]
        assert table == [Gain(0.5).change(Frame(ULAW, bytes([number]) * 160)).payload for number in range(4)]
        alice.stream.sink(Frame(ULAW, b"\x07"))
        assert heard[-1].payload == b"\x07"

    run(scenario)


def test_an_originate_names_both_halves() -> None:
    async def scenario(server: FakeServer) -> None:
        wanted = OriginateRequest("Local/6002@internal/n", "internal", "7010", uniqueid="idone", other_uniqueid="idtwo")
        calling = asyncio.create_task(originate(server.pbx, wanted))
        await settle(20)
        assert [half.uniqueid for half in halves(server)] == ["idone", "idtwo"]
        assert [half.linkedid for half in halves(server)] == ["idone", "idone"]
        same = await originate(server.pbx, OriginateRequest("Local/6002@internal", uniqueid="x", other_uniqueid="x"))
        assert same.channel is None
        calling.cancel()
        await settle(20)

    run(scenario)
