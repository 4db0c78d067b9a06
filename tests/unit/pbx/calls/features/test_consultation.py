"""Attended transfers by key."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from bridge_kit import plain
from fake_console import Console
from features_kit import CONF, Phones, answers, busy, compare, rings, run, section
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.vocabulary.controls import ChannelState, Control


async def consulting(phones: Phones, number: str = "6003") -> None:
    """Alice talks to Carol, Bob waits."""
    await phones.call()
    phones.server.sip.scripts["carol"] = answers
    await phones.consult(phones.alice, number)


# -- as recorded --------------------------------------------------------------------------------------------------


def test_hanging_up_completes_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        phones.alice.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        assert phones.names() == ["bob", "carol"]
        assert phones.hears(phones.phone("carol")) == ["beep"]
        compare(phones.server, "attended transfer by the caller: alice *2 6003, carol answers, alice hangs up")

    run(scenario)


def test_the_key_completes_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*2", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        assert phones.names() == ["bob", "carol"]
        compare(phones.server, "attended transfer completed with *2")

    run(scenario)


def test_abort_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*1", 2)
        assert phones.talk(phones.alice, phones.bob)
        assert phones.names() == ["alice", "bob"]
        assert phones.hears(phones.alice) == ["pbx-transfer", "beeperr"]
        compare(phones.server, "attended transfer aborted with *1")

    run(scenario)


def test_three_way_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*3", 2)
        carol = phones.phone("carol")
        assert phones.talk(phones.alice, phones.bob, carol)
        assert phones.names() == ["alice", "bob", "carol"]
        compare(phones.server, "attended transfer turned into a three-way with *3 (BridgeMerge)")
        phones.alice.queue_hangup(16)
        await asyncio.sleep(1)
        assert phones.talk(phones.bob, carol)

    run(scenario)


def test_swap_then_complete_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await consulting(phones)
        await phones.dial(phones.alice, "*4", 2)
        assert phones.talk(phones.alice, phones.bob)
        await phones.dial(phones.alice, "*4", 2)
        await phones.dial(phones.alice, "*2", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        compare(phones.server, "swap with *4, then complete", apart=("Unhold",))

    run(scenario)


def test_a_busy_target_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = busy
        await phones.consult(phones.alice, seconds=0.5)
        compare(phones.server, "attended transfer, target busy")
        await asyncio.sleep(30)
        assert phones.talk(phones.alice, phones.bob)
        assert phones.hears(phones.alice)[-1] == "beeperr"

    run(scenario)


def test_a_target_that_does_not_answer_and_the_call_back_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts |= {"carol": rings, "alice": answers}
        await phones.consult(phones.alice)
        phones.alice.queue_hangup(16)
        await asyncio.sleep(9)
        back = phones.phone("alice")
        assert phones.talk(back, phones.bob)
        assert phones.names() == ["alice", "bob"]
        compare(
            phones.server,
            "alice hangs up while carol rings and never answers (atxferdropcall=no, callback to alice)",
            apart=("Hangup",),
        )

    run(scenario)


@pytest.mark.parametrize(
    ("keys", "end", "state"),
    [
        ("", False, "alice consults carol, bob on hold"),
        ("", True, "alice hung up: transfer complete"),
        ("*2", False, "completed with *2"),
        ("*1", False, "aborted"),
        ("*3", False, "three-way"),
    ],
)
def test_core_show_channels_as_recorded(keys: str, end: bool, state: str) -> None:
    async def scenario(phones: Phones) -> None:
        console = Console(phones.server)
        await consulting(phones)
        await phones.dial(phones.alice, keys, 0)
        if end:
            phones.alice.queue_hangup(16)
        await asyncio.sleep(2)
        shown = "\n".join(console.run("core show channels"))
        recorded = section(f"*CLI> core show channels   (state: {state})")
        assert rows(shown) == rows(recorded)

    run(scenario, options="TtKkXxHhWw")


def rows(text: str) -> list[str]:
    """The channels and the numbers of a listing, without what counts the calls of a server."""
    lines = [" ".join(plain(line).split()) for line in text.splitlines()]
    return sorted(line for line in lines if line and "processed" not in line)


# -- T2 to T6, T12 to T14 and what else can happen, by the caller and by the called party ---------------------------


BY = pytest.mark.parametrize("by", ["alice", "bob"])


def parties(phones: Phones, by: str) -> tuple[Channel, Channel]:
    """The transferer and the transferee."""
    return (phones.alice, phones.bob) if by == "alice" else (phones.bob, phones.alice)


async def consulted(phones: Phones, by: str, script: Callable[[Channel], None] = answers) -> tuple[Channel, Channel]:
    """Alice or Bob calls Carol while the other one waits."""
    await phones.call()
    phones.server.sip.scripts["carol"] = script
    who, other = parties(phones, by)
    assert music_of(other) is None
    await phones.consult(who)
    assert music_of(other) is not None
    return who, other


@BY
def test_who_hears_whom(by: str) -> None:
    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by)
        carol = phones.phone("carol")
        assert phones.path(who) == carol
        assert phones.path(carol) == who
        assert phones.path(other) is None
        await phones.dial(who, "5")
        assert (phones.digits(carol), phones.digits(other)) == ("5", "")
        await phones.dial(who, "*4", 1)  # swap
        assert phones.path(who) == other
        assert phones.path(other) == who
        assert phones.path(carol) is None
        await phones.dial(who, "*4", 1)
        assert phones.path(who) == carol
        who.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.path(other) == carol
        assert phones.path(carol) == other

    run(scenario)


@BY
def test_displays_follow(by: str) -> None:
    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by)
        carol = phones.phone("carol")
        assert who.connected.number == "6003"
        assert carol.connected.number == who.caller.number
        who.queue_hangup(16)
        await asyncio.sleep(2)
        assert (other.connected.number, carol.connected.number) == ("6003", other.caller.number)

    run(scenario)


@BY
@pytest.mark.parametrize("script", [busy, rings])
def test_the_transferer_is_back_when_the_target_does_not_answer(by: str, script: Callable[[Channel], None]) -> None:
    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by, script)
        await asyncio.sleep(30)
        assert phones.talk(who, other)
        assert who.connected.number == other.caller.number
        assert phones.hears(who) == ["pbx-transfer", "beeperr"]
        assert phones.names() == ["alice", "bob"]

    run(scenario)


@pytest.mark.parametrize("seconds", [3, 12])
def test_how_long_a_target_is_called(seconds: int) -> None:
    async def scenario(phones: Phones) -> None:
        alice, bob = await consulted(phones, "alice", rings)
        await asyncio.sleep(seconds - 2.5)
        assert not phones.talk(alice, bob)
        await asyncio.sleep(1.5)
        assert phones.talk(alice, bob)

    run(scenario, CONF.replace("atxfernoanswertimeout = 8", f"atxfernoanswertimeout = {seconds}"))


def test_a_target_that_cannot_be_called() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.alice.hops = 0
        await phones.consult(phones.alice)
        assert phones.talk(phones.alice, phones.bob)
        assert phones.hears(phones.alice) == ["pbx-transfer", "beeperr"]

    run(scenario)


@BY
def test_the_target_hangs_up(by: str) -> None:
    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by)
        phones.phone("carol").queue_hangup(16)
        await asyncio.sleep(1)
        assert phones.talk(who, other)
        assert phones.names() == ["alice", "bob"]
        await phones.dial(who, "#1", 0.3)  # its keys are as before
        assert phones.hears(who)[-1] == "pbx-transfer"

    run(scenario)


@BY
@pytest.mark.parametrize("script", [answers, rings])
def test_the_transferee_hangs_up_and_the_transferer_goes_on_with_the_target(
    by: str, script: Callable[[Channel], None]
) -> None:
    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by, script)
        other.queue_hangup(16)
        await asyncio.sleep(1)
        carol = phones.phone("carol")
        if script is rings:
            assert who.tone is not None
            carol.queue_control(Control.ANSWER)
        await asyncio.sleep(1)
        assert phones.path(who) == carol
        assert phones.path(carol) == who
        assert who.tone is None
        carol.queue_hangup(16)
        await asyncio.sleep(1)
        assert phones.names() == []

    run(scenario)


@BY
def test_hanging_up_while_it_rings_then_the_target_answers(by: str) -> None:
    """T12."""

    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by, rings)
        who.queue_hangup(16)
        await asyncio.sleep(0.5)
        carol = phones.phone("carol")
        assert music_of(other) is None
        assert other.tone is not None  # it hears the target ring
        assert carol.connected.number == other.caller.number
        carol.queue_control(Control.ANSWER)
        await asyncio.sleep(2)
        assert phones.talk(other, carol)
        assert phones.hears(carol) == ["beep"]
        assert phones.names() == sorted([other.device[6:], "carol"])

    run(scenario)


@BY
@pytest.mark.parametrize("drops", [True, False])
def test_hanging_up_while_it_rings_and_the_target_does_not_answer(by: str, drops: bool) -> None:
    """T13: the transferer is called back, or the call ends."""
    conf = CONF.replace("atxferdropcall = no", f"atxferdropcall = {'yes' if drops else 'no'}")

    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, by, rings)
        phones.server.sip.scripts[by] = rings
        who.queue_hangup(16)
        await asyncio.sleep(8)
        assert phones.phone("carol").dead
        if drops:
            assert phones.names() == []
            return
        back = phones.phone(by)
        assert back is not who
        assert back.connected.number == other.caller.number
        back.queue_control(Control.ANSWER)
        await asyncio.sleep(1)
        assert phones.talk(back, other)
        assert other.connected.number == back.caller.number
        phones.server.sip.scripts["carol"] = answers
        await phones.consult(back)  # it has its keys
        assert phones.path(back) == phones.phone("carol")
        back.queue_hangup(16)
        await asyncio.sleep(1)
        assert phones.talk(other, phones.phone("carol"))

    run(scenario, conf)


@pytest.mark.parametrize(("retries", "delay"), [(1, 2), (3, 5), (0, 2)])
def test_attempts_to_call_the_transferer_back(retries: int, delay: int) -> None:
    conf = CONF.replace("retries = 1", f"retries = {retries}").replace("loopdelay = 2", f"loopdelay = {delay}")

    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, "alice", rings)
        phones.server.sip.scripts["alice"] = busy
        begun = len(phones.server.sip.made)
        who.queue_hangup(16)
        await asyncio.sleep(5.5 + max(0, retries - 1) * delay)
        assert other.alive
        await asyncio.sleep(2)
        assert len(phones.server.sip.made) - begun == retries
        assert not other.alive
        assert phones.names() == []

    run(scenario, conf)


def test_the_transferee_hangs_up_while_it_hears_the_target_ring() -> None:
    """T14."""

    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, "alice", rings)
        who.queue_hangup(16)
        await asyncio.sleep(0.5)
        other.queue_hangup(16)
        await asyncio.sleep(0.5)
        assert phones.names() == []
        assert phones.phone("carol").dead

    run(scenario)


def test_the_transferee_hangs_up_while_the_transferer_is_called_back() -> None:
    async def scenario(phones: Phones) -> None:
        who, other = await consulted(phones, "alice", rings)
        phones.server.sip.scripts["alice"] = rings
        who.queue_hangup(16)
        await asyncio.sleep(8)
        back = phones.phone("alice")
        assert back.alive
        assert back is not who
        other.queue_hangup(16)
        await asyncio.sleep(0.5)
        assert phones.names() == []

    run(scenario)


def test_swapping_while_the_target_rings() -> None:
    async def scenario(phones: Phones) -> None:
        alice, bob = await consulted(phones, "alice", rings)
        await phones.dial(alice, "*4", 0.5)
        assert phones.talk(alice, bob)
        phones.phone("carol").queue_control(Control.ANSWER)
        await asyncio.sleep(0.5)
        carol = phones.phone("carol")
        assert phones.talk(alice, bob)
        assert phones.path(carol) is None  # it waits
        await phones.dial(alice, "*3", 1)
        assert phones.talk(alice, bob, carol)

    run(scenario)


def test_the_keys_are_those_of_the_file() -> None:
    conf = CONF.replace(
        "[featuremap]", "atxferabort = 11\natxferswap = 44\natxfercomplete = 22\natxferthreeway =\n[featuremap]"
    )

    async def scenario(phones: Phones) -> None:
        alice, bob = await consulted(phones, "alice")
        await phones.dial(alice, "*3", 3)
        assert phones.digits(phones.phone("carol")) == "*3"
        await phones.dial(alice, "44", 1)
        assert phones.talk(alice, bob)
        await phones.dial(alice, "11", 1)
        assert phones.names() == ["alice", "bob"]
        await phones.consult(alice)
        await phones.dial(alice, "22", 1)
        assert phones.talk(bob, phones.phone("carol"))

    run(scenario, conf)


def test_the_sounds_are_those_of_the_file_and_may_be_none() -> None:
    conf = CONF.replace("xfersound = beep\n", "xfersound = done\n").replace(
        "xferfailsound = beeperr", "xferfailsound ="
    )

    async def scenario(phones: Phones) -> None:
        alice, _ = await consulted(phones, "alice")
        await phones.dial(alice, "*1", 1)
        assert phones.hears(alice) == ["pbx-transfer"]
        await phones.consult(alice)
        alice.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.hears(phones.phone("carol")) == ["done"]

    run(scenario, conf)


def test_a_chain_of_transfers() -> None:
    """The one who was transferred transfers in turn; and a target transfers while the transferer waits for it."""

    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts |= {"carol": answers, "dave": answers}
        phones.server.pbx.dialplan.remove_extension("internal", "6003", 1)
        phones.server.dialplan(("6003", 1, "Dial", "PJSIP/carol,20,t"))
        await phones.consult(phones.alice)
        carol = phones.phone("carol")
        await phones.consult(carol, "6004")
        dave = phones.phone("dave")
        assert phones.path(carol) == dave
        carol.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.path(phones.alice) == dave
        phones.alice.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.talk(phones.bob, dave)

    run(scenario)


def test_a_loop_of_transfers_ends() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = answers
        for _ in range(25):
            await phones.consult(phones.alice, seconds=0.3)
            await phones.dial(phones.alice, "*1", 0.3)
        assert phones.talk(phones.alice, phones.bob)
        assert len(phones.server.sip.made) < 25

    run(scenario)


# -- races --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(["answer", "abort", "hangup"], 2)))
def test_two_things_at_the_same_moment(order: tuple[str, str]) -> None:
    """The target answers while the transferer cancels, and the like: nobody is lost."""

    async def scenario(phones: Phones) -> None:
        alice, bob = await consulted(phones, "alice", rings)
        carol = phones.phone("carol")
        await phones.dial(alice, "*", 0)
        for one in order:
            if one == "answer":
                carol.queue_control(Control.ANSWER)
            elif one == "abort":
                alice.queue_digit("1", 80)
            else:
                carol.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.talk(alice, bob)
        assert phones.names() == ["alice", "bob"]

    run(scenario)


STEPS = ["*2", "*26", "*2600", "*26003", "*26003+", "*26003+4", "*26003+44"]
"""How far a transfer has come: digits; ``+`` the target answers."""


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "alice bob", "bob alice", "alice carol", "bob carol"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_somebody_hangs_up_at_each_step(step: str, who: str, delay: float) -> None:
    """Whoever it is, and whenever: nobody waits for ever, and nothing is left."""

    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts |= {"carol": rings, "alice": rings}
        for one in step:
            if one == "+":
                phones.phone("carol").queue_control(Control.ANSWER)
                await asyncio.sleep(0.3)
            elif one == "4":
                await phones.dial(phones.alice, "*4", delay, 0)
            else:
                await phones.dial(phones.alice, one, delay, 0)
        for name in who.split():
            if name != "carol" or any(one.device == "PJSIP/carol" for one in phones.server.sip.made):
                phones.phone(name).queue_hangup(16)
        await asyncio.sleep(60)
        assert_settled(phones)

    run(scenario)


def assert_settled(phones: Phones) -> None:
    """Who is there talks to somebody, or is alone because nobody hung it up, which a phone would do."""
    assert not phones.pbx.features.transfers
    for channel in phones.pbx.channels:
        assert not channel.away
        assert music_of(channel) is None
        assert channel.bridge is not None
        assert channel.bridge.reported_count > 1


_DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "carol", "dave"]),
        st.sampled_from(
            ["*2", "6003", "6004", "99", "#1", "*1", "*3", "*4", "*0", "5", "hangup", "answer", "busy", "hold", "off"]
        ),
        st.sampled_from([0.0, 0.01, 0.2, 1.0, 4.0, 12.0]),
    ),
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(_DEEDS)
@example([("alice", "*2", 0.2), ("alice", "6003", 0.2), ("carol", "answer", 0.0), ("bob", "hangup", 0.0)])
def test_whatever_is_dialled_the_call_ends_in_a_defined_state(deeds: list[tuple[str, str, float]]) -> None:
    """Random keys, answers and hang-ups of four phones: nothing fails, nobody waits for ever, nothing is left."""

    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts |= {"carol": rings, "dave": rings, "alice": rings, "bob": answers}
        failures: list[str] = []
        phones.pbx.log.error = lambda text, *args, **_: failures.append(text % args if args else text)  # type: ignore[method-assign, unused-ignore]
        for name, deed, seconds in deeds:
            found = [one for one in (phones.alice, *phones.server.sip.made) if one.device == f"PJSIP/{name}"]
            if not found or found[-1].dead:
                continue
            channel = found[-1]
            if deed == "hangup":
                channel.queue_hangup(16)
            elif deed in ("answer", "busy"):
                if channel.state is not ChannelState.UP:
                    if deed == "answer":
                        channel.queue_control(Control.ANSWER)
                    else:
                        channel.queue_hangup(17)
            elif deed in ("hold", "off"):
                channel.queue_control(Control.HOLD if deed == "hold" else Control.UNHOLD)
            elif channel.state is ChannelState.UP:
                await phones.dial(channel, deed, 0, 0.0)
            await asyncio.sleep(seconds)
        for channel in list(phones.pbx.channels):
            channel.queue_control(Control.UNHOLD)
        await asyncio.sleep(90)
        assert failures == []
        assert_settled(phones)

    run(scenario)


def test_whom_a_consultation_rings_cannot_be_transferred() -> None:
    """Told as a success, nothing happened: a channel that is being called goes nowhere before it answers."""

    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = rings
        await phones.consult(phones.alice, "6003")
        carol = phones.phone("carol")
        assert carol.state is ChannelState.RINGING
        assert blind(phones.alice, "internal", "6004") is TransferResult.FAIL
        assert phones.alice.alive
        carol.queue_control(Control.ANSWER)
        await asyncio.sleep(1)
        phones.alice.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.talk(phones.bob, carol)

    server = run(scenario)
    assert [event["Result"] for event in server.fields("BlindTransfer")] == ["Fail"]


@pytest.mark.parametrize("script", [rings, answers])
@pytest.mark.parametrize("consulting_first", [True, False])
def test_a_leg_that_consults_is_not_connected_with_another(
    script: Callable[[Channel], None], consulting_first: bool
) -> None:
    """It was told as a success, and the consulted party and the other call's were hung up."""

    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["dave"] = answers
        other = phones.server.sip.incoming("alice", "6004")
        phones.server.pbx.start(other)
        await asyncio.sleep(1)
        dave = phones.phone("dave")
        assert phones.talk(other, dave)
        phones.server.sip.scripts["carol"] = script
        await phones.consult(phones.alice, "6003")
        legs = (phones.alice, other) if consulting_first else (other, phones.alice)
        assert attended(*legs) is TransferResult.FAIL
        await asyncio.sleep(1)
        assert phones.talk(other, dave)
        carol = phones.phone("carol")
        if script is rings:
            carol.queue_control(Control.ANSWER)
            await asyncio.sleep(1)
        phones.alice.queue_hangup(16)
        await asyncio.sleep(2)
        assert phones.talk(phones.bob, carol)

    run(scenario)
