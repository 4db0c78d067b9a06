"""Gosub and Return."""

import asyncio

from dialplan_kit import hung_up, run
from dialplan_world import World


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
    assert 100 < len([1 for _, fields in world.events if fields.get("Variable") == "LOCAL(ARGC)"]) < 2000


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
