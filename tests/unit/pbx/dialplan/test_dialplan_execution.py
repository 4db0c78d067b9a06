import asyncio
import logging
from pathlib import Path

import pytest
from dialplan_world import World

from asterism.core.commands import CommandCall
from asterism.core.errors import CommandError
from asterism.core.registry import Owner
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.language.listing import show
from asterism.pbx.vocabulary.controls import Control


def run(text: str, exten: str = "100", **kwargs: str) -> tuple[World, Channel]:
    async def play() -> tuple[World, Channel]:
        world = World()
        assert not world.say(text).problems
        return world, await world.call(exten, **kwargs)

    return asyncio.run(play())


def hung_up(channel: Channel) -> int:
    assert channel.driver is not None
    found: list[int] = [entry[1] for entry in channel.driver.log if entry[0] == "hangup"]  # type: ignore[attr-defined]
    assert len(found) == 1
    return found[0]


def test_a_simple_call_with_variables() -> None:
    world, channel = run(
        """
[globals]
GREETING=hello
[default]
exten => 100,1,Set(A="q",b)
 same => n,Set(_B=1)
 same => n,NoOp(${GREETING} ${A} ${EXTEN} ${CONTEXT} ${PRIORITY} ${CALLERID(num)} ${CHANNEL(state)})
 same => n,Hangup(17)
"""
    )
    assert world.steps() == [
        'Set(A="q",b)', "Set(_B=1)", 'NoOp(hello "q",b 100 default 3 6001 Ring)', "Hangup(17)",
    ]  # fmt: skip
    assert hung_up(channel) == 17
    assert [fields["Variable"] for name, fields in world.events if name == "VarSet"] == ["A", "_B"]


@pytest.mark.parametrize(
    ("status", "cause", "indicated"),
    [("BUSY", 17, Control.BUSY), ("CHANUNAVAIL", 34, Control.CONGESTION), ("CONGESTION", 34, Control.CONGESTION),
     ("NOANSWER", 0, None), ("", 0, None)],
)  # fmt: skip
def test_fall_through(status: str, cause: int, indicated: Control | None) -> None:
    _, channel = run(f"[default]\nexten => 100,1,Set(DIALSTATUS={status})\n")
    assert hung_up(channel) == cause
    shown = [entry[1] for entry in channel.driver.log if entry[0] == "indicate"]  # type: ignore[union-attr]
    assert shown == ([indicated] if indicated else [])


def test_an_answered_call_ends_normally() -> None:
    _, channel = run("[default]\nexten => 100,1,Answer()\n same => n,NoOp()\n")
    assert hung_up(channel) == 16


def test_priorities_labels_and_jumps() -> None:
    world, _ = run(
        """
[default]
exten => 100,1,Goto(there)
 same => n,NoOp(skipped)
 same => n(there),GotoIf($[1 = 2]?bad:200,1)
exten => 200,1,GotoIf(0?bad)
 same => n+5,NoOp(far)
exten => 200,2,ExecIf(1?Set(X=1):NoOp(no))
exten => 200,3,Goto(7)
"""
    )
    assert world.steps() == [
        "Goto(there)", "GotoIf(0?bad:200,1)", "GotoIf(0?bad)", "ExecIf(1?Set(X=1):NoOp(no))", "Goto(7)", "NoOp(far)",
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["Goto(nowhere,1,1)", "Goto(nolabel)", "Gosub(nowhere,1,1)", "NoSuchApplication()"])
def test_a_bad_target_ends_the_call(call: str) -> None:
    world, channel = run(f"[default]\nexten => 100,1,{call}\n same => n,NoOp(not reached)\n")
    assert hung_up(channel) == 0
    assert "NoOp(not reached)" not in world.steps()


def test_invalid_and_hangup_extensions() -> None:
    world, _ = run(
        """
[default]
exten => 100,1,Goto(999,1)
exten => i,1,NoOp(${INVALID_EXTEN})
 same => n,Hangup()
exten => h,1,NoOp(bye ${EXTEN})
"""
    )
    assert world.steps() == ["Goto(999,1)", "NoOp(999)", "Hangup()", "NoOp(bye h)"]


def test_subroutines_and_loops() -> None:
    world, channel = run(
        """
[default]
exten => 100,1,Set(ARG1=outer)
 same => n,Gosub(sub,s,1(a,b))
 same => n,NoOp(${GOSUB_RETVAL} ${ARG1} [${ARGC}] [${INNER}])
 same => n,Set(I=0)
 same => n,While($[${I} < 3])
 same => n,Set(I=${INC(I)})
 same => n,ExecIf($[${I} = 2]?ExitWhile())
 same => n,EndWhile()
 same => n,NoOp(I=${I})
[sub]
exten => s,1,Set(LOCAL(INNER)=x)
 same => n,Return(${ARG1}${ARG2}${ARGC}${INNER})
"""
    )
    assert "NoOp(ab2x outer [] [])" in world.steps()
    assert world.steps()[-1] == "NoOp(I=2)"
    assert not channel.dialplan_state.frames


def test_endless_recursion_ends() -> None:
    world, channel = run("[default]\nexten => 100,1,Gosub(100,1)\n")
    assert hung_up(channel) == 0
    assert 100 < len([1 for _, fields in world.events if fields.get("Variable") == "ARGC"]) < 2000


def test_an_endless_loop_blocks_nobody() -> None:
    async def play() -> None:
        world = World()
        world.say("[default]\nexten => 100,1,NoOp()\n same => n,Goto(1)\nexten => 200,1,NoOp(other)\n")
        channel = world.channel()
        task = world.pbx.start(channel)
        await world.call("200")
        assert not task.done()
        channel.queue_hangup(16)
        await asyncio.wait_for(task, 5)

    asyncio.run(play())


def test_gosub_for_dial_options() -> None:
    async def play() -> None:
        world = World()
        world.say("[sub]\nexten => s,1,Set(X=${ARG1})\n same => n,Return(value ${ARG2})\n")
        channel = world.channel()
        assert await world.dialplan.gosub(channel, "sub", "s", 1, ["one", "two"]) == "value two"
        assert (channel.context, channel.exten, channel.priority) == ("default", "100", 1)
        assert channel.get_variable("X") == "one"
        assert await world.dialplan.gosub(channel, "sub", "none", 1, []) == ""

    asyncio.run(play())


def test_python_extensions() -> None:
    async def play() -> None:
        world = World()
        seen: list[str] = []

        @world.pbx.extension("default", "_2XX")  # type: ignore[misc]
        async def two_hundred(channel: Channel) -> None:
            seen.append(channel.exten)
            await channel.answer()

        @world.pbx.extension("default", "300")  # type: ignore[misc]
        async def broken(channel: Channel) -> None:
            raise RuntimeError("broken on purpose")

        world.say("[default]\nexten => 200,2,NoOp(after)\nexten => 201,1,NoOp(exact first)\n")
        await world.call("200")
        await world.call("201")
        assert seen == ["200"]
        assert world.steps()[-2:] == ["NoOp(after)", "NoOp(exact first)"]
        records: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = records.append  # type: ignore[method-assign]
        world.log.addHandler(handler)
        channel = await world.call("300")
        assert hung_up(channel) == 38
        assert len([one for one in records if one.levelno >= logging.ERROR]) == 1

    asyncio.run(play())


def test_owners_take_their_extensions_along() -> None:
    world = World()
    owner = Owner("module")
    world.dialplan.add_extension(owner, "default", "500", 1, "NoOp", "x")
    world.say("[default]\nexten => 100,1,NoOp()\n")
    assert world.dialplan.exists("default", "500")
    owner.release()
    assert not world.dialplan.exists("default", "500")
    assert world.dialplan.exists("default", "100")


def test_the_far_end_hanging_up_runs_h() -> None:
    async def play() -> None:
        world = World()
        world.say("[default]\nexten => 100,1,Wait(30)\n same => n,NoOp(no)\nexten => h,1,NoOp(cause ${HANGUPCAUSE})\n")
        channel = world.channel()
        task = world.pbx.start(channel)
        await asyncio.sleep(0)
        channel.queue_hangup(16)
        await asyncio.wait_for(task, 5)
        assert world.steps() == ["Wait(30)", "NoOp(cause 16)"]

    asyncio.run(play())


def test_wait_exten_and_timeouts() -> None:
    async def play() -> None:
        world = World()
        world.say(
            "[default]\nexten => 100,1,Set(TIMEOUT(digit)=0.05)\n same => n,WaitExten(2)\n"
            "exten => 12,1,NoOp(twelve ${TIMEOUT(digit)})\nexten => 123,1,NoOp(more)\n"
        )
        channel = world.channel()
        task = world.pbx.start(channel)
        channel.queue_digit("1")
        channel.queue_digit("2")
        await asyncio.wait_for(task, 5)
        assert world.steps()[-1] == "NoOp(twelve 0.050)"
        world.say(
            "[default]\nexten => 100,1,Set(TIMEOUT(absolute)=0.02)\n same => n,Wait(30)\nexten => T,1,NoOp(late)\n"
        )
        await world.call()
        assert world.steps()[-1] == "NoOp(late)"

    asyncio.run(play())


def test_user_events_and_system() -> None:
    world, channel = run(
        "[default]\nexten => 100,1,UserEvent(Mine,Key: value,Other: a:b)\n same => n,TrySystem(exit 3)\n"
    )
    fields = next(fields for name, fields in world.events if name == "UserEvent")
    assert (fields["UserEvent"], fields["Key"], fields["Other"]) == ("Mine", "value", "a:b")
    assert channel.variables["SYSTEMSTATUS"] == "APPERROR"


def test_wrong_lines_are_skipped_and_reported() -> None:
    world = World()
    loaded = world.say(
        "[default]\nexten => 100\nexten => 100,x,NoOp()\nexten => 100,1,\nnonsense => 1\nexten => 100,1,NoOp(ok)\n"
        "exten => 100,1,NoOp(twice)\nsame => n(a),NoOp(,)\ninclude => other,nonsense\n"
    )
    assert [problem.position.line for problem in loaded.problems if problem.position] == [2, 3, 4, 5, 7, 9]
    assert world.dialplan.find("default", "100", 2).data == ","


TRANSCRIPTS = Path(__file__).resolve().parents[3] / "data" / "record"


def recorded(command: str) -> str:
    text = (TRANSCRIPTS / "core_cli.txt").read_text()
    found = text[text.index(f"*CLI> {command}   (state: idle)\n") :]
    found = found[found.index("\n") + 1 :]
    return found[: found.index("\n###")]


def test_listings_are_as_recorded() -> None:
    world = World()
    world.say((TRANSCRIPTS / "configs" / "asterisk22" / "extensions.conf").read_text())
    table = world.dialplan.table
    for words, context, exten in (
        ("internal", "internal", ""), ("hints", "hints", ""), ("6002@internal", "internal", "6002"),
        ("8123@internal", "internal", "8123"),
    ):  # fmt: skip
        assert show(table, context, exten) == recorded(f"dialplan show {words}")
    listing = recorded("dialplan show")
    own = listing[listing.index("[ Context 'internal'") : listing.index("-= 52")]
    assert show(table).startswith(own)


def test_console_commands_are_as_recorded() -> None:
    world = World()
    world.say("[globals]\nGREETING=hello\n[internal]\nexten => 1,1,NoOp()\n")

    def command(line: str) -> str:
        words = line.split()
        for size in range(len(words), 0, -1):
            found = world.server.commands.get(" ".join(words[:size]))
            if found is not None:
                try:
                    return str(found(CommandCall(words[size:], print)))
                except CommandError as error:
                    return f"{error}\nCommand '{line}' failed.\n"
        raise AssertionError(line)

    for line in (
        "dialplan show globals", "dialplan set global FOO bar", "dialplan show globals",
        "dialplan add extension 6999,1,NoOp,hi into internal", "dialplan show 6999@internal",
        "dialplan remove extension 6999@internal", "dialplan show nosuchcontext", "dialplan show 9999@internal",
        "core show function nosuch", "core show application nosuch", "dialplan reload",
    ):  # fmt: skip
        if line == "dialplan show globals" and "FOO" in world.dialplan.globals:
            assert command(line) == "   FOO=bar\n   GREETING=hello\n\n    -- 2 variable(s)\n"
        else:
            assert command(line) == recorded(line), line
    assert "[Syntax]\nGoto(" in command("core show application goto")
    assert command("dialplan eval function LEN(abc)") == "Return Value: Success (0)\nResult: 3\n"
    assert "LEN(text)" in command("core show functions like LEN")
    assert "NoOp: Do nothing." in command("core show applications")


def test_arguments_of_a_subroutine_keep_their_quotes_and_may_follow_a_comma() -> None:
    world, _ = run(
        """
[default]
exten => 100,1,Gosub(sub,s,1("a,b",c\\,d))
 same => n,Gosub(sub,s,1,(e,(f,g)))
 same => n,Gosub(sub,s,1())
[sub]
exten => s,1,NoOp(${ARGC}: ${ARG1} ${ARG2})
 same => n,Return()
"""
    )
    assert [step for step in world.steps() if step.startswith("NoOp")] == [
        'NoOp(2: "a,b" c\\,d)', "NoOp(2: e (f,g))", "NoOp(0:  )",
    ]  # fmt: skip


def test_globals_refer_to_earlier_ones() -> None:
    world = World()
    world.say("[globals]\nA=1\nB=${A}2\nC=${B}${LATER}\nLATER=x\n[default]\nexten => ${B},1,NoOp()\n")
    assert (world.dialplan.globals["B"], world.dialplan.globals["C"]) == ("12", "12")
    assert world.dialplan.exists("default", "12", 1)
