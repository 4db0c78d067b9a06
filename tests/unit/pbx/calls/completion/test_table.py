"""Calls that fail, what is offered then, and what callers ask for."""

from __future__ import annotations

import asyncio

import pytest
from completion_kit import Completing, WithMarks, completing
from fake_technology import settle

from asterism.pbx.calls.completion.machine import State
from asterism.pbx.calls.completion.parameters import kept
from asterism.pbx.calls.completion.table import CompletionSettings
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.subroutines import SubroutineApplications
from asterism.pbx.dialplan.language.foreign import foreign
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.party import PartyId


def test_busy_then_requested_then_free_then_called_back():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        assert world.one.state is State.OFFERED
        assert await world.ask("alice") == ("SUCCESS", "")
        assert world.one.state is State.ACTIVE
        assert world.pbx.device_states.get("ccss:PJSIP/alice") is DeviceState.INUSE
        await asyncio.sleep(100)
        world.answers("alice", "bob")
        await world.free(using)
        (recall,) = world.calls_of("alice")
        assert recall.connected.number == "6002"
        assert recall.variables["CC_EXTEN"] == "6002"
        assert recall.variables["CC_CONTEXT"] == "internal"
        assert recall.variables["CC_INTERFACES"] == "PJSIP/bob"
        answered = world.calls_of("bob")[-1]
        assert answered.connected.number == world.server.sip.phones["alice"].number
        assert recall.bridge is not None
        assert recall.bridge is answered.bridge
        assert world.told == [
            ("CCAvailable", {"CoreID": 1, "Callee": "PJSIP/bob", "Service": "CCBS"}),
            ("CCOfferTimerStart", {"CoreID": 1, "Caller": "PJSIP/alice", "Expires": 20}),
            ("CCRequested", {"CoreID": 1, "Caller": "PJSIP/alice", "Callee": "PJSIP/bob"}),
            ("CCRequestAcknowledged", {"CoreID": 1, "Caller": "PJSIP/alice"}),
            ("CCCallerRecalling", {"CoreID": 1, "Caller": "PJSIP/alice"}),
            ("CCRecallComplete", {"CoreID": 1, "Caller": "PJSIP/alice"}),
        ]
        assert not len(world.completion)

    completing(scenario)


def test_no_answer_needs_the_phone_to_be_used_first():
    async def scenario(world: Completing) -> None:
        world.rings("bob")
        await world.call("alice", "6002")
        await asyncio.sleep(21)
        assert world.one.state is State.OFFERED
        assert world.told[0][1]["Service"] == "CCNR"
        assert await world.ask("alice") == ("SUCCESS", "")
        await asyncio.sleep(100)
        assert world.one.state is State.ACTIVE
        using = await world.in_use("bob")
        assert world.one.state is State.ACTIVE
        world.answers("alice", "bob")
        await world.free(using)
        assert world.names[-1] == "CCRecallComplete"

    completing(scenario)


def test_a_caller_that_gives_up_while_it_rings_may_request():
    async def scenario(world: Completing) -> None:
        world.rings("bob")
        call = await world.call("alice", "6002")
        call.queue_hangup()
        await settle()
        assert world.one.state is State.OFFERED
        assert world.one.monitors[0].service == "CCNR"

    completing(scenario)


def test_requested_within_the_call_that_failed():
    async def scenario(world: Completing) -> None:
        world.busy("bob")
        world.server.dialplan(
            ("40", 1, "Dial", "PJSIP/bob"), ("40", 2, "CallCompletionRequest", ""), ("40", 3, "Echo", "")
        )
        using = await world.in_use("bob")
        call = await world.call("alice", "40")
        assert call.variables["CC_REQUEST_RESULT"] == "SUCCESS"
        assert world.one.state is State.ACTIVE
        await world.free(using)
        assert world.one.state is State.CALLER_BUSY
        world.answers("alice", "bob")
        await world.free(call)
        assert world.names[-2:] == ["CCCallerRecalling", "CCRecallComplete"]

    completing(scenario)


def test_nothing_is_offered_where_a_policy_says_never():
    async def scenario(world: Completing) -> None:
        for who, option in (("alice", "cc_agent_policy"), ("bob", "cc_monitor_policy")):
            world.parameters[who][option] = "never"
            using = await world.refused()
            assert not len(world.completion)
            assert await world.ask("alice") == ("FAIL", "NO_CORE_INSTANCE")
            assert await world.ask("alice", "31") == ("FAIL", "NO_CORE_INSTANCE")
            world.parameters[who][option] = "generic"
            await world.free(using)
        assert world.told == []

    completing(scenario)


def test_native_without_a_protocol_for_it_is_nothing_and_always_is_generic():
    async def scenario(world: Completing) -> None:
        for who, option, policy, offered in (
            ("alice", "cc_agent_policy", "native", 0),
            ("bob", "cc_monitor_policy", "native", 0),
            ("bob", "cc_monitor_policy", "always", 1),
        ):
            world.parameters[who][option] = policy
            await world.free(await world.refused())
            assert len(world.completion) == offered, policy
            world.parameters[who][option] = "generic"

    completing(scenario)


@pytest.mark.parametrize("cause", [21, 26, 3, 34])
def test_a_call_that_was_declined_or_went_nowhere_is_not_completed(cause):
    async def scenario(world: Completing) -> None:
        world.server.sip.scripts["bob"] = lambda channel: channel.queue_hangup(cause)
        await world.call("alice", "6002")
        assert not len(world.completion)

    completing(scenario)


def test_neither_a_phone_that_forwards_nor_where_to_is_waited_for():
    async def scenario(world: Completing) -> None:
        def forwards(channel: Channel) -> None:
            channel.queue_control(Control.RINGING)
            channel.queue_control(Control.FORWARD, "PJSIP/carol")

        world.server.sip.scripts["bob"] = forwards
        world.busy("carol")
        await world.call("alice", "6002")
        assert not len(world.completion)

    completing(scenario)


def test_busy_outweighs_no_answer_of_the_same_device():
    async def scenario(world: Completing) -> None:
        world.server.dialplan(("40", 1, "Dial", "PJSIP/bob"), ("40", 2, "Dial", "PJSIP/bob,3"))
        world.busy("bob")
        call = await world.call("alice", "40")
        assert call.dead
        assert [one.service for one in world.one.monitors] == ["CCBS"]
        world.completion.end_all("test")
        world.rings("bob")
        call = await world.call("alice", "40")
        await asyncio.sleep(1)
        world.busy("bob")
        world.calls_of("bob")[-1].queue_hangup(19)
        await settle(20)
        assert [one.service for one in world.one.monitors] == ["CCBS"]

    completing(scenario)


def test_what_the_caller_dialled_stays_data_in_the_interfaces():
    async def scenario(world: Completing) -> None:
        world.server.sip.phones["bob&PJSIP/carol"] = PartyId("1")
        world.parameters["bob&PJSIP/carol"] = world.parameters["bob"]
        world.server.dialplan(("_X.", 1, "Dial", "PJSIP/${WHOM}"))
        world.busy("bob&PJSIP/carol")
        alice = world.server.sip.incoming("alice", "40")
        alice.set_variable("WHOM", foreign("bob&PJSIP/carol"))
        kept(alice).parameters = kept(alice).parameters.with_option("cc_agent_policy", "generic")
        world.pbx.start(alice)
        await settle()
        found = world.one.interfaces_of("internal", "40")
        assert found == "PJSIP/bob&PJSIP/carol"
        assert found.split("&") == ["PJSIP/bob&PJSIP/carol"]

    completing(scenario)


def test_a_later_call_replaces_the_offer():
    async def scenario(world: Completing) -> None:
        await world.refused()
        await world.refused(exten="6003")
        assert world.told[2] == ("CCAvailable", {"CoreID": 2, "Callee": "PJSIP/carol", "Service": "CCBS"})
        assert world.told[3][0] == "CCFailure"
        assert world.told[3][1]["CoreID"] == 1
        assert world.one.monitors[0].device == "PJSIP/carol"

    completing(scenario)


def test_a_generic_caller_has_one_request_at_a_time():
    async def scenario(world: Completing) -> None:
        await world.refused()
        await world.ask("alice")
        await world.refused(exten="6003")
        assert world.one.exten == "6002"
        assert await world.ask("alice") == ("FAIL", "NO_CORE_INSTANCE")
        assert await world.ask("alice", "31") == ("SUCCESS", "")
        await world.call("alice", "6003")
        assert world.one.exten == "6003"

    completing(scenario)


def test_limits():
    async def scenario(world: Completing) -> None:
        world.completion.settings = CompletionSettings(cc_max_requests=1)
        world.parameters["bob"]["cc_max_monitors"] = "2"
        await world.refused()
        await world.call("carol", "6002")
        await world.call("dave", "6002")
        assert [one.caller for one in world.completion] == ["PJSIP/alice", "PJSIP/carol"]
        assert await world.ask("alice") == ("SUCCESS", "")
        assert await world.ask("carol") == ("FAIL", "TOO_MANY_REQUESTS")
        world.completion.settings = CompletionSettings(enabled=False)
        await world.call("dave", "6003")
        assert len(world.completion) == 2

    completing(scenario)


def test_several_called_parties_are_watched_together():
    async def scenario(world: Completing) -> None:
        world.busy("bob", "carol")
        world.server.dialplan(("40", 1, "Dial", "PJSIP/bob&PJSIP/carol&PJSIP/nobody"))
        bob, carol = await world.in_use("bob"), await world.in_use("carol")
        await world.call("alice", "40")
        assert [(one.device, one.service) for one in world.one.monitors] == [
            ("PJSIP/bob", "CCBS"), ("PJSIP/carol", "CCBS")
        ]  # fmt: skip
        await world.ask("alice")
        world.answers("alice", "carol")
        await world.free(carol)
        assert world.names[-1] == "CCRecallComplete"
        assert world.calls_of("alice")[0].variables["CC_INTERFACES"] == "PJSIP/bob&PJSIP/carol"
        await world.free(bob)

    completing(scenario)


def test_a_hunt_of_one_call_is_one_transaction_unless_somebody_answers():
    async def scenario(world: Completing) -> None:
        world.busy("bob", "carol")
        world.server.dialplan(
            ("40", 1, "Dial", "PJSIP/bob"), ("40", 2, "Dial", "PJSIP/carol"),
            ("41", 1, "Dial", "PJSIP/bob"), ("41", 2, "Dial", "PJSIP/dave"),
        )  # fmt: skip
        await world.call("alice", "40")
        assert world.one.interfaces_of("internal", "40") == "PJSIP/bob&PJSIP/carol"
        world.completion.end_all("test")
        world.answers("dave")
        await world.call("alice", "41")
        assert not len(world.completion)
        assert not world.told[-1][1]["Reason"].startswith("test")

    completing(scenario)


def test_a_dial_in_a_subroutine_is_that_of_the_extension_that_called_it():
    async def scenario(world: Completing) -> None:
        SubroutineApplications().load(WithMarks(world.server))  # type: ignore[arg-type]
        world.pbx.dialplan.add_extension(world.server.owner, "sub", "s", 1, "Dial", "PJSIP/bob")
        world.server.dialplan(("40", 1, "Gosub", "sub,s,1"))
        world.busy("bob")
        await world.call("alice", "40")
        assert (world.one.context, world.one.exten) == ("internal", "40")
        assert world.one.interfaces_of("internal", "40") == "PJSIP/bob"

    completing(scenario)


def test_through_local_channels_each_place_has_its_own_interfaces():
    async def scenario(world: Completing) -> None:
        world.busy("bob")
        world.server.dialplan(("40", 1, "Dial", "Local/6002@internal&PJSIP/nobody"))
        using = await world.in_use("bob")
        await world.call("alice", "40")
        await settle(30)
        transaction = world.one
        assert transaction.interfaces_of("internal", "40") == "Local/6002@internal"
        assert transaction.interfaces_of("internal", "6002") == "PJSIP/bob"
        await world.ask("alice")
        seen: list[str] = []

        def script(channel):
            seen.append("called")
            channel.queue_control(Control.ANSWER)

        world.answers("alice")
        world.server.sip.scripts["bob"] = script
        await world.free(using)
        await settle(60)
        assert seen == ["called"]
        assert world.names[-1] == "CCRecallComplete"
        inner = next(one for one in world.pbx.channels if one.name.endswith(";2"))
        assert inner.variables["CC_INTERFACES"] == "PJSIP/bob"

    completing(scenario)


def test_a_caller_that_gives_up_a_call_through_local_channels():
    async def scenario(world: Completing) -> None:
        world.rings("bob")
        world.server.dialplan(("40", 1, "Dial", "Local/6002@internal"))
        call = await world.call("alice", "40")
        await settle(30)
        call.queue_hangup()
        await settle(40)
        assert world.one.state is State.OFFERED
        assert world.one.monitors[0].device == "PJSIP/bob"
        assert world.one.interfaces_of("internal", "40") == "Local/6002@internal"

    completing(scenario)


def test_both_ask_for_each_other():
    async def scenario(world: Completing) -> None:
        world.busy("alice", "bob")
        alice, bob = await world.in_use("alice"), await world.in_use("bob")
        await world.call("alice", "6002")
        await world.call("bob", "6001")
        assert await world.ask("alice") == ("SUCCESS", "")
        assert await world.ask("bob") == ("SUCCESS", "")
        world.rings("alice", "bob")
        await world.free(bob)
        assert [one.state for one in world.completion] == [State.CALLER_BUSY, State.ACTIVE]
        await world.free(alice)
        first, second = world.completion
        assert (first.state, second.state) == (State.ACTIVE, State.RECALLING)
        world.answers("alice")
        recall = world.calls_of("bob")[-1]
        recall.queue_control(Control.ANSWER)
        await settle(30)
        assert world.names[-1] == "CCRecallComplete"
        assert world.one is first

    completing(scenario)


@pytest.mark.parametrize("state", ["offered", "active", "caller_busy", "recalling"])
def test_cancelled_at_each_step(state):
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        if state != "offered":
            await world.ask("alice")
        calling = await world.in_use("alice") if state == "caller_busy" else None
        if state in ("caller_busy", "recalling"):
            world.rings("alice")
            await world.free(using)
        assert world.one.state.value == state
        assert await world.ask("alice", "31") == ("SUCCESS", "")
        assert not len(world.completion)
        assert world.names[-1] == "CCFailure"
        await settle(20)
        assert not any(one.alive for one in world.calls_of("alice"))
        if calling is not None:
            await world.free(calling)

    completing(scenario)


def test_a_recall_whose_extension_is_gone_has_failed():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        await world.ask("alice")
        world.one.exten = "gone"
        world.answers("alice")
        await world.free(using)
        assert world.told[-1][0] == "CCFailure"
        assert "did not reach" in world.told[-1][1]["Reason"]

    completing(scenario)


def test_a_recall_that_finds_the_called_party_busy_again_may_be_requested_again():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        await world.ask("alice")
        world.answers("alice")
        await world.free(using)
        assert ("CCFailure", {"CoreID": 1, "Caller": "PJSIP/alice", "Reason": "the called party did not answer the recall"}) in world.told  # fmt: skip  # noqa: E501
        assert world.one.state is State.OFFERED
        assert await world.ask("alice") == ("SUCCESS", "")

    completing(scenario)
