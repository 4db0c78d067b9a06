"""What a manager client may reach and may cost: before its login, without reading, and by detours."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from manager_kit import MANAGER, address, manager

from asterism.core import restriction
from asterism.core.commands import Command
from asterism.core.documentation import Documentation
from asterism.interfaces.manager.filters import MAX_EXPRESSION, MAX_FILTERS
from asterism.interfaces.manager.session import MAX_QUEUED_BYTES
from asterism.interfaces.manager.wire import BEFORE_LOGIN
from asterism.pbx.calls.conference.chosen import OwnProfiles, own_profiles
from asterism.testing import running_server, until

USERS = MANAGER + "".join(
    f"[{name}]\nsecret=secret\nread=all\nwrite={classes}\n"
    for name, classes in {"reader": "reporting", "caller": "originate,call", "typist": "command"}.items()
)

DETOURS = [
    "{}", "EVAL(${{{}}})", "EVAL(${{EVAL(${{{}}})}})", "IF(1?${{{}}})", "LEN(${{{}}})", "EVAL($[${{{}}}])",
]  # fmt: skip


@pytest.mark.parametrize("detour", DETOURS)
async def test_a_dangerous_function_is_refused_however_it_is_reached(detour: str) -> None:
    async with running_server({"manager.conf": USERS}) as server, manager(server) as admin:
        environment = server.pbx.dialplan.environment
        environment.assign(None, "DB(fam/key)", "v1")
        environment.assign(None, "HIDDEN", "${DB_DELETE(fam/key)}")
        for text in ("DB_DELETE(fam/key)", "EVAL(${HIDDEN})"):
            await admin.action("Getvar", Variable=detour.format(text))
            await admin.action("Status", Variables=detour.format(text))
            await admin.action("Setvar", Variable=f"HASH(x,${{{text}}})", Value="1")
            await admin.action("Command", Command=f'dialplan eval function "{detour.format(text)}"')
            assert environment.function(None, "DB", "fam/key") == "v1", text
        # The dialplan itself may.
        assert environment.function(None, "DB_DELETE", "fam/key") == "v1"


async def test_the_environment_of_the_server_is_not_written_by_detours() -> None:
    async with running_server({"manager.conf": USERS}) as server, manager(server) as admin:
        for variable in ("SET(ENV(ASTERISM_PROBE)=evil)", "EVAL(${SET(ENV(ASTERISM_PROBE)=evil)})"):
            await admin.action("Getvar", Variable=variable)
        await admin.action("Setvar", Variable="ENV(ASTERISM_PROBE)", Value="evil")
        assert "ASTERISM_PROBE" not in os.environ


async def test_live_dangerously_restores_the_old_way() -> None:
    files = {"manager.conf": USERS, "asterisk.conf": "[options]\nlive_dangerously=yes\n"}
    async with running_server(files) as server, manager(server) as admin:
        server.pbx.dialplan.environment.assign(None, "DB(fam/key)", "v1")
        assert (await admin.action("Getvar", Variable="EVAL(${DB_DELETE(fam/key)})"))["Value"] == "v1"


async def test_who_may_only_read_writes_nothing() -> None:
    async with running_server({"manager.conf": USERS}) as server:
        dialplan = server.pbx.dialplan
        async with manager(server, "reader") as reader:
            for variable in ("SET(DB(fam/key)=evil)", "SET(GLOBAL(X)=evil)", "EVAL(${SET(GLOBAL(X)=evil)})"):
                await reader.action("Getvar", Variable=variable)
                await reader.action("Status", Variables=variable)
            assert dialplan.environment.function(None, "DB", "fam/key") == ""
            assert "X" not in dialplan.globals
            assert (await reader.action("Setvar", Variable="X", Value="evil"))["Response"] == "Error"
        async with manager(server, "limited") as caller:
            await caller.action("Getvar", Variable="SET(GLOBAL(X)=good)")
        assert dialplan.globals["X"] == "good"


APPLICATIONS = [
    ("System", "touch x"), ("TryExec", "System(touch x)"), ("ExecIf", "1?System(touch x)"), ("Exec", "${APP}(touch x)"),
    ("NoOp", "${SHELL(touch x)}"), ("Set", "X=${DB_DELETE(a/b)}"), ("Set", "ENV(x)=y"),
]  # fmt: skip


async def test_a_forbidden_application_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    async with running_server({"manager.conf": USERS}) as server, manager(server, "caller") as client:
        for application, data in APPLICATIONS:
            response = await client.action("Originate", Channel="PJSIP/x", Application=application, Data=data)
            assert response["Message"] == "Originate Access Forbidden: app or data blacklisted"


async def test_a_command_of_the_console_gets_no_further_than_its_user() -> None:
    async with running_server({"manager.conf": USERS}) as server:
        seen: list[int] = []

        def look(call: object) -> str:
            seen.append(restriction.restriction.get())
            return ""

        server.register_command(Command("look now", look), Documentation("Look."))
        for name in ("typist", "admin"):
            async with manager(server, name) as client:
                await client.action("Command", Command="look now")
        functions, applications = restriction.DANGEROUS_FUNCTIONS, restriction.DANGEROUS_APPLICATIONS
        assert seen == [functions | applications, functions]


async def test_a_client_writes_no_line_that_it_may_not_run(tmp_path: Path) -> None:
    async with running_server({"manager.conf": USERS}) as server:
        for name, added in (("typist", False), ("admin", True)):
            async with manager(server, name) as client:
                await client.action("Command", Command="dialplan add extension 1,1,System,true into phones")
            assert (server.pbx.dialplan.find("phones", "1") is not None) is added


@pytest.mark.parametrize("command", ["logger add channel {} notice", "pjsip set logger pcap {}"])
@pytest.mark.parametrize("dangerously", [False, True])
async def test_a_client_writes_files_in_the_folder_of_the_logs_only(
    tmp_path: Path, command: str, dangerously: bool
) -> None:
    options = f"[options]\nlive_dangerously = {'yes' if dangerously else 'no'}\n"
    config = {"manager.conf": USERS, "asterisk.conf": f"[directories]\nastlogdir => logs\n{options}"}
    async with running_server(config, tmp_path / "etc") as server, manager(server, "admin") as client:
        server.paths.log.mkdir(exist_ok=True)
        outside = tmp_path / "outside"
        for place in (str(outside), "../../outside", "inside"):
            await client.action("Command", Command=command.format(place))
        assert outside.exists() is dangerously
        assert (server.paths.log / "inside").exists()


async def test_every_action_without_a_class_only_tells_or_concerns_the_connection() -> None:
    async with running_server({"manager.conf": MANAGER}) as server:
        free = {entry.name for entry in server.actions if not entry.item.privilege}
    assert free <= {
        "Ping", "Events", "ListCommands", "WaitEvent", "Login", "Challenge", "Logoff", "BridgeList", "BridgeInfo",
        "BridgeTechnologyList",
    }  # fmt: skip


async def test_filters_are_bounded_and_never_backtrack() -> None:
    async with running_server({"manager.conf": MANAGER}) as server, manager(server) as client:
        long = "a" * (MAX_EXPRESSION + 1)
        assert (await client.action("Filter", Operation="Add", Filter=long))["Response"] == "Error"
        for _ in range(MAX_FILTERS):
            assert (await client.action("Filter", Operation="Add", Filter="(a|a)+$"))["Response"] == "Success"
        assert (await client.action("Filter", Operation="Add", Filter="x"))["Message"] == "Too many filters"
        async with asyncio.timeout(5):
            await client.action("UserEvent", UserEvent="x", A="a" * 60 + "!")
            await client.action("Hangup", Channel="/(x+x+)+$/")
            await client.action("GetConfig", Filename="manager.conf", Filter="secret=(x+x+)+y")


async def test_before_login_little_is_read_and_a_good_login_still_works() -> None:
    async with running_server({"manager.conf": MANAGER}) as server:
        for data in (
            b"x" * (BEFORE_LOGIN.line + 2),
            b"A: b\r\n" * (BEFORE_LOGIN.lines + 1),
            b"Action: Ping\r\n\r\n" * 1000,
            (b"x: " + "\U0001f600".encode() + b"\xff" * 1000 + b"\r\n") * 500,
        ):
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(data)
            async with asyncio.timeout(5):
                try:
                    while await reader.read(65536):
                        pass
                except ConnectionError:
                    pass
            writer.close()
        entry = server.modules.find("manager")
        assert entry is not None
        await until(lambda: not entry.instance.waiting.tickets)  # type: ignore[attr-defined]
        async with manager(server) as client:
            assert (await client.action("UserEvent", UserEvent="x", A="y" * 8000))["Response"] == "Success"
            assert not entry.instance.waiting.tickets  # type: ignore[attr-defined]


async def test_the_first_of_two_fields_counts() -> None:
    async with running_server({"manager.conf": MANAGER}) as server, manager(server, events="off") as client:
        client.writer.write(b"Action: Ping\r\nAction: CoreStatus\r\nActionID: one\r\nactionid: two\r\n\r\n")
        response = await client.read()
        assert response["Ping"] == "Pong"
        assert response["ActionID"] == "one"


async def test_events_for_a_client_that_does_not_read_are_bounded_in_bytes() -> None:
    async with running_server({"manager.conf": MANAGER}) as server, manager(server, events="off") as sender:
        reader, writer = await asyncio.open_connection(*address(server), limit=1024)
        writer.write(b"Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\n")
        entry = server.modules.find("manager")
        assert entry is not None
        await until(lambda: sum(1 for one in entry.instance.sessions if one.user is not None) == 2)  # type: ignore[attr-defined, misc]
        (stalled,) = [one for one in entry.instance.sessions if one.remote == writer.get_extra_info("sockname")[:2]]  # type: ignore[attr-defined]
        fields = {f"A{number}": "y" * 8000 for number in range(100)}
        for _ in range(20):
            await sender.action("UserEvent", UserEvent="x", **fields)
        assert stalled.dropped > 0
        assert sum(len(event) for event in stalled._queue) <= MAX_QUEUED_BYTES
        assert stalled._queued_bytes == sum(len(event) for event in stalled._queue)
        writer.close()
        del reader


@pytest.mark.parametrize("timeout", ["nan", "inf", "1e30", "x", "86401"])
async def test_a_time_that_cannot_be_waited_is_refused(timeout: str) -> None:
    async with running_server({"manager.conf": MANAGER}) as server, manager(server, events="off") as client:
        assert (await client.action("WaitEvent", Timeout=timeout))["Message"] == "Invalid timeout"
        assert (await client.action("WaitEvent", Timeout="0.01"))["Response"] == "Success"


async def test_who_may_only_call_makes_no_profile_that_names_a_command() -> None:
    files = {"manager.conf": USERS, "extensions.conf": "[phones]\nexten => 1,1,Answer\n same => n,Wait(30)\n"}
    async with running_server(files) as server, manager(server, "caller") as caller:
        await caller.action("Originate", Channel="Local/1@phones", Context="phones", Exten="1", Priority="1")
        channel = next(iter(server.pbx.channels))
        for item, value in (
            ("CONFBRIDGE(bridge,record_command)", "touch /tmp/x"),
            ("CONFBRIDGE(bridge,record_file)", "/etc/x.wav"),
            ("CONFBRIDGE(user,announcement)", "/etc/x"),
            ("CONFBRIDGE(menu,1)", "dialplan_exec(phones,1,1)"),
        ):
            answer = await caller.action("Setvar", Channel=channel.name, Variable=item, Value=value)
            assert answer["Response"] == "Error", item
            await caller.action("Getvar", Channel=channel.name, Variable=f"SET({item}={value})")
        assert own_profiles(channel) == OwnProfiles()
        # The dialplan itself may.
        server.pbx.dialplan.environment.assign(channel, "CONFBRIDGE(user,quiet)", "yes")
        assert own_profiles(channel).user is not None
