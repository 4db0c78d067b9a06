import asyncio
import logging

import pytest
from dialplan_kit import hung_up, run
from dialplan_world import World

from asterism.core.registry import Owner
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control


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
    shown = [entry[1] for entry in channel.driver.log if entry[0] == "indicate"]  # type: ignore[attr-defined]
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


def test_python_extensions() -> None:
    async def play() -> None:
        world = World()
        seen: list[str] = []

        @world.pbx.extension("default", "_2XX")
        async def two_hundred(channel: Channel) -> None:
            seen.append(channel.exten)
            await channel.answer()  # type: ignore[attr-defined]

        @world.pbx.extension("default", "300")
        async def broken(channel: Channel) -> None:
            raise RuntimeError("broken on purpose")

        world.say("[default]\nexten => 200,2,NoOp(after)\nexten => 201,1,NoOp(exact first)\n")
        await world.call("200")
        await world.call("201")
        assert seen == ["200"]
        assert world.steps()[-2:] == ["NoOp(after)", "NoOp(exact first)"]
        records: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = records.append  # type: ignore[assignment]
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


async def test_dialplan_that_runs_aside_gives_the_place_back() -> None:
    world = World()
    world.say(
        "[aside]\nexten => back,1,Set(X=back)\n same => n,Return(1)\n"
        "exten => out,1,Goto(over,1)\nexten => over,1,Set(X=over)\n"
        "exten => deep,1,Gosub(back,1)\n same => n,Set(Y=deep)\n"
    )
    channel = world.channel()
    channel.new_exten("Echo", "data")
    place = channel.context, channel.exten, channel.priority, channel.application, channel.appdata
    for exten, value in (("back", "back"), ("out", "over"), ("deep", "back")):
        assert await world.dialplan.run_aside(channel, "aside", exten, 1)
        assert channel.variables["X"] == value
        assert place == (channel.context, channel.exten, channel.priority, channel.application, channel.appdata)
        assert world.dialplan.executor.state(channel).frames == []
    assert channel.variables["Y"] == "deep"
    assert not await world.dialplan.run_aside(channel, "aside", "nosuch", "1")
    assert not await world.dialplan.run_aside(channel, "aside", "back", "label")
