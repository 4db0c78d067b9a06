"""How the generic agent calls back."""

from __future__ import annotations

import pytest
from completion_kit import Completing, WithMarks, completing
from fake_technology import settle

from asterism.core.documentation import Documentation
from asterism.pbx.calls.completion.machine import State
from asterism.pbx.dialplan.applications.subroutines import SubroutineApplications


def test_a_busy_caller_is_watched_and_called_once_it_is_free():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        await world.ask("alice")
        calling = await world.in_use("alice")
        await world.free(using)
        assert world.one.state is State.CALLER_BUSY
        assert world.told[-1] == ("CCCallerStartMonitoring", {"CoreID": 1, "Caller": "PJSIP/alice"})
        world.answers("alice", "bob")
        await world.free(calling)
        assert world.names[-3:] == ["CCCallerStopMonitoring", "CCCallerRecalling", "CCRecallComplete"]

    completing(scenario)


def test_a_caller_that_is_free_again_waits_on_for_a_called_party_that_is_not():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        await world.ask("alice")
        calling = await world.in_use("alice")
        await world.free(using)
        using = await world.in_use("bob")
        await world.free(calling)
        assert world.one.state is State.ACTIVE
        world.answers("alice", "bob")
        await world.free(using)
        assert world.names[-1] == "CCRecallComplete"

    completing(scenario)


@pytest.mark.parametrize(
    ("option", "value", "context"),
    [("cc_callback_sub", "callback,s,1(x)", "callback"), ("cc_callback_macro", "back", "macro-back")],
)
def test_a_subroutine_runs_on_the_channel_before_it_rings(option, value, context):
    async def scenario(world: Completing) -> None:
        world.parameters["alice"][option] = value
        seen: list[tuple[str, ...]] = []

        async def look(channel, args):
            names = ("CC_EXTEN", "CC_CONTEXT", "CC_INTERFACES", "ARG1")
            seen.append((channel.state.name, *(channel.get_variable(name) or "" for name in names)))

        world.pbx.register_application("Look", look, Documentation("test"))
        SubroutineApplications().load(WithMarks(world.server))  # type: ignore[arg-type]
        owner = world.server.owner
        world.pbx.dialplan.add_extension(owner, context, "s", 1, "Look", "")
        world.pbx.dialplan.add_extension(owner, context, "s", 2, "Return", "")
        using = await world.refused()
        await world.ask("alice")
        world.answers("alice", "bob")
        await world.free(using)
        await settle(20)
        assert seen == [("DOWN", "6002", "internal", "PJSIP/bob", "x" if option == "cc_callback_sub" else "")]
        assert world.names[-1] == "CCRecallComplete"

    completing(scenario)


def test_another_phone_may_be_called_back():
    async def scenario(world: Completing) -> None:
        world.parameters["alice"]["cc_agent_dialstring"] = "PJSIP/dave"
        using = await world.refused()
        await world.ask("alice")
        world.answers("dave", "bob")
        await world.free(using)
        assert world.names[-1] == "CCRecallComplete"
        assert world.calls_of("dave")
        assert not world.calls_of("alice")
        assert world.calls_of("bob")[-1].connected.number == "6001"

    completing(scenario)


@pytest.mark.parametrize("refusal", ["nowhere", "busy", "hangup"])
def test_a_recall_that_nobody_takes_has_failed(refusal):
    async def scenario(world: Completing) -> None:
        if refusal == "nowhere":
            world.parameters["alice"]["cc_agent_dialstring"] = "PJSIP/nobody"
        using = await world.refused()
        await world.ask("alice")
        world.server.sip.scripts["alice"] = lambda channel: channel.queue_hangup(17 if refusal == "busy" else 16)
        await world.free(using)
        await settle(20)
        assert not len(world.completion)
        assert "did not answer the recall" in world.told[-1][1]["Reason"]

    completing(scenario)


def test_an_agent_that_raises_ends_its_transaction():
    async def scenario(world: Completing) -> None:
        using = await world.refused()
        await world.ask("alice")
        world.one.interfaces_of = lambda *place: 1 / 0  # type: ignore[assignment]
        await world.free(using)
        assert world.told[-1][1]["Reason"] == "the recall failed"

    completing(scenario)
