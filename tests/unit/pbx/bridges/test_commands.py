"""The console commands and manager actions of bridges, to the letter as recorded."""

from __future__ import annotations

from typing import Any

import pytest
from bridge_kit import answer_text, plain, recorded_answer, section
from fake_console import Console
from fake_manager import Manager
from fake_technology import FakeServer, FakeStream, settle
from local_kit import dial, run

from asterism.core.errors import CommandError, UsageError
from asterism.media.formats import ULAW
from asterism.pbx.bridges.commands import BridgeCommands
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.bridging import BridgingApplications
from asterism.pbx.vocabulary.controls import Control


async def call(server: FakeServer, options: str = "") -> tuple[Channel, Channel]:
    """The recorded call: alice talks with bob."""
    server.sip.stream = lambda: FakeStream(ULAW)
    BridgingApplications().load(server)  # type: ignore[arg-type]
    server.dialplan(("6012", 1, "Dial", f"PJSIP/bob,20,{options}"))
    alice = await dial(server, "6012" if options else "6002")
    (bob,) = server.sip.made
    bob.queue_control(Control.ANSWER)
    await settle(40)
    return alice, bob


async def third(server: FakeServer, target: Channel) -> Channel:
    """Carol comes in by BridgeAdd."""
    server.dialplan(("7111", 1, "BridgeAdd", target.name))
    carol = server.sip.incoming("carol", "7111")
    server.pbx.start(carol)
    await settle(40)
    return carol


def shown(server: FakeServer, words: str, *args: str) -> str:
    try:
        return plain("\n".join(Console(server).run(words, *args)))
    except CommandError as error:
        return str(error)


def cli(command: str, number: int = 0) -> str:
    return plain(section(f"*CLI> {command}", number))


@pytest.mark.parametrize(
    ("words", "args"),
    [
        ("bridge show all", []), ("bridge technology show", []), ("bridge show", ["nosuch"]),
        ("bridge kick", ["nosuch", "PJSIP/x"]), ("bridge technology suspend", ["nosuch"]),
    ],
)  # fmt: skip
def test_commands_without_a_bridge(words: str, args: list[str]) -> None:
    async def scenario(server: FakeServer) -> None:
        assert shown(server, words, *args) == cli(" ".join([words, *args]) + "   (state: idle)")

    run(scenario)


def test_wrong_arguments() -> None:
    async def scenario(server: FakeServer) -> None:
        console = Console(server)
        for words, args in (
            ("bridge show", []), ("bridge show all", ["x"]), ("bridge kick", ["x"]), ("bridge technology show", ["x"]),
            ("bridge technology suspend", []), ("bridge technology unsuspend", ["a", "b"]),
        ):  # fmt: skip
            with pytest.raises(UsageError):
                console.run(words, *args)

    run(scenario)


def test_two_and_three_parties() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await call(server)
        bridge = alice.bridge
        assert bridge is not None
        everything = "bridge show all   (state: "
        assert shown(server, "bridge show all") == cli(f"{everything}0.2 s after answer")
        assert _sorted(shown(server, "bridge show", bridge.uniqueid)) == _sorted(
            cli("bridge show b525f736-aaf8-4a8d-9be7-bff2833c2b3e   (state: two party call)")
        )
        carol = await third(server, alice)
        assert shown(server, "bridge show all") == cli(f"{everything}three parties")
        assert _sorted(shown(server, "bridge show", bridge.uniqueid)) == _sorted(
            cli("bridge show b525f736-aaf8-4a8d-9be7-bff2833c2b3e   (state: three parties)")
        )
        carol.queue_hangup(16)
        await settle(40)
        assert shown(server, "bridge show all") == cli(f"{everything}back to two parties")
        assert shown(server, "bridge kick", bridge.uniqueid, bob.name.upper()) == cli(
            "bridge kick b525f736-aaf8-4a8d-9be7-bff2833c2b3e PJSIP/bob-00000022"
        )
        await settle(40)
        assert shown(server, "bridge show all") == cli(f"{everything}idle")

    run(scenario)


def _sorted(text: str) -> list[str]:
    """Channels stand in the order of their names there."""
    return sorted(text.splitlines())


def test_the_kick_of_one_who_is_not_there() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, _ = await call(server)
        assert alice.bridge is not None
        wanted = "Channel 'PJSIP/x' not found in bridge 'UUID'"
        assert plain(shown(server, "bridge kick", alice.bridge.uniqueid, "PJSIP/x")) == wanted

    run(scenario)


@pytest.mark.parametrize(("options", "state"), [("Tt", "Dial options Tt"), ("L(10000:5000)", "Dial L(10000:5000)")])
def test_what_dial_options_make_of_it(options: str, state: str) -> None:
    async def scenario(server: FakeServer) -> None:
        await call(server, options)
        assert shown(server, "bridge show all") == cli(f"bridge show all   (state: call up with {state}")

    run(scenario)


def test_two_who_wait() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        BridgingApplications().load(server)  # type: ignore[arg-type]
        server.dialplan(("7112", 1, "BridgeWait", "br1"))
        for phone in ("alice", "carol"):
            channel = server.sip.incoming(phone, "7112")
            server.pbx.start(channel)
        await settle(20)
        assert shown(server, "bridge show all") == cli("bridge show all   (state: two in BridgeWait")
        assert channel.bridge is not None
        assert shown(server, "bridge show", channel.bridge.uniqueid) == cli(
            "bridge show 06ae0c4a-08ed-468e-887f-57b3d1290d92"
        )

    run(scenario)


def test_a_suspended_technology() -> None:
    async def scenario(server: FakeServer) -> None:
        manager = Manager(server)
        answer = await manager.run("BridgeTechnologySuspend", BridgeTechnology="native_rtp")
        assert answer_text(answer) == recorded_answer("BridgeTechnologySuspend")
        assert shown(server, "bridge technology show") == cli("bridge technology show", 1)
        await call(server)
        everything = "bridge show all   (state: "
        assert shown(server, "bridge show all") == cli(f"{everything}native_rtp suspended, call up")
        answer = await manager.run("BridgeTechnologyUnsuspend", BridgeTechnology="native_rtp")
        assert answer_text(answer) == recorded_answer("BridgeTechnologyUnsuspend")
        assert shown(server, "bridge show all") == cli(f"{everything}unsuspended, same call")
        assert shown(server, "bridge technology suspend", "native_rtp") == cli("bridge technology suspend native_rtp")
        assert shown(server, "bridge show all") == cli(f"{everything}suspended during the call")
        wanted = cli("bridge technology unsuspend native_rtp")
        assert shown(server, "bridge technology unsuspend", "native_rtp") == wanted

    run(scenario)


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("BridgeTechnologyList idle", {}), ("BridgeList idle", {}),
        ("BridgeDestroy unknown", {"BridgeUniqueid": "none"}),
        ("BridgeKick unknown", {"BridgeUniqueid": "none", "Channel": "x"}),
        ("BridgeInfo unknown", {"BridgeUniqueid": "none"}),
        ("BridgeTechnologySuspend unknown", {"BridgeTechnology": "none"}),
    ],
)  # fmt: skip
def test_actions_without_a_bridge(title: str, fields: dict[str, Any]) -> None:
    async def scenario(server: FakeServer) -> None:
        assert answer_text(await Manager(server).run(title.split()[0], **fields)) == recorded_answer(title)

    run(scenario)


def test_actions_with_a_call() -> None:
    async def scenario(server: FakeServer) -> None:
        manager = Manager(server)

        async def answer(name: str, **fields: Any) -> str:
            return plain(answer_text(await manager.run(name, **fields)))

        alice, bob = await call(server)
        assert alice.bridge is not None
        uniqueid = alice.bridge.uniqueid
        assert await answer("BridgeInfo", BridgeUniqueid=uniqueid) == plain(recorded_answer("BridgeInfo\n"[:-1]))
        assert await answer("BridgeList") == plain(recorded_answer("BridgeList", 1))
        assert await answer("BridgeList", BridgeType="basic") == plain(recorded_answer("BridgeList BridgeType"))
        await third(server, alice)
        assert await answer("BridgeInfo", BridgeUniqueid=uniqueid) == plain(recorded_answer("BridgeInfo", 1))
        kicked = await answer("BridgeKick", BridgeUniqueid=uniqueid, Channel=bob.name)
        assert kicked == recorded_answer("BridgeKick")
        destroyed = await answer("BridgeDestroy", BridgeUniqueid=uniqueid)
        assert destroyed == recorded_answer("BridgeDestroy")
        await settle(40)
        assert not server.pbx.bridges

    run(scenario)


def test_completion() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await call(server)
        assert alice.bridge is not None
        holder = BridgeCommands()
        holder.load(server)  # type: ignore[arg-type]
        uniqueid = alice.bridge.uniqueid
        assert holder.complete_bridge([""]) == [uniqueid]
        assert holder.complete_member([""]) == [uniqueid]
        assert set(holder.complete_member([uniqueid, ""])) == {alice.name, bob.name}
        assert holder.complete_member(["x", ""]) == holder.complete_member([uniqueid, "", ""]) == []
        assert holder.complete_bridge([uniqueid, ""]) == []
        names = ["native_rtp", "holding_bridge", "simple_bridge", "softmix"]
        assert holder.complete_technology([""]) == names
        assert holder.complete_technology(["softmix", ""]) == []

    run(scenario)
