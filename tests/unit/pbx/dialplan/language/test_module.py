import asyncio
from typing import Any

import pytest
from dialplan_world import World


class Call:
    """One manager action, answered into ``answers``."""

    action_id = ""

    def __init__(self, **fields: str) -> None:
        self.fields = fields
        self.answers: list[Any] = []

    def get(self, key: str, default: str = "") -> str:
        return self.fields.get(key, default)

    def may(self, privilege: str) -> bool:
        return True

    def success(self, message: str = "", fields: Any = ()) -> None:
        self.answers.append(("success", message, *fields))

    def error(self, message: str) -> None:
        self.answers.append(("error", message))

    def begin_list(self, message: str) -> None:
        self.answers.append(("begin", message))

    def item(self, event: str, fields: Any) -> None:
        self.answers.append((event, *fields))

    def end_list(self, event: str, fields: Any = ()) -> None:
        self.answers.append((event, *fields))


@pytest.fixture
def world() -> World:
    made = World()
    made.say(
        "[globals]\nGREETING=hello\n[hints]\nexten => 6002,hint,PJSIP/bob\n[parked]\n"
        "[internal]\nexten => 6002,1,Dial(PJSIP/bob,20,Tt)\n same => n,NoOp(${DIALSTATUS})\n same => n,Hangup()\n"
        "exten => 7,1,NoOp()\ninclude => hints\ninclude => parked\n"
    )
    return made


def ask(world: World, action: str, **fields: str) -> list[Any]:
    call = Call(**fields)
    found = world.server.actions.get(action)
    assert found is not None
    found(call)
    return call.answers


def test_show_dialplan_as_recorded(world: World) -> None:
    answers = ask(world, "ShowDialPlan", Context="internal", Extension="6002")
    assert answers[0] == ("begin", "DialPlan list will follow")
    assert answers[1] == (
        "ListDialplan", ("Context", "internal"), ("Extension", "6002"), ("Priority", 1), ("Application", "Dial"),
        ("AppData", "PJSIP/bob,20,Tt"), ("Registrar", "pbx_config"),
    )  # fmt: skip
    assert answers[4] == (
        "ListDialplan", ("Context", "hints"), ("Extension", "6002"), ("Priority", "hint"),
        ("Application", "PJSIP/bob"), ("Registrar", "pbx_config"),
    )  # fmt: skip
    assert answers[5] == (
        "ShowDialPlanComplete", ("ListExtensions", 2), ("ListPriorities", 4), ("ListContexts", 3),
    )  # fmt: skip
    assert ask(world, "ShowDialPlan", Context="nosuch") == [("error", "Did not find context nosuch")]


def test_variables_as_recorded(world: World) -> None:
    assert ask(world, "Getvar", Variable="GREETING") == [("success", "", ("Variable", "GREETING"), ("Value", "hello"))]
    assert ask(world, "Getvar", Variable="NOSUCH") == [("success", "", ("Variable", "NOSUCH"), ("Value", ""))]
    assert ask(world, "Getvar") == [("error", "No variable specified")]
    assert ask(world, "Getvar", Channel="nosuch", Variable="x") == [("error", "No such channel")]
    assert ask(world, "Setvar", Variable="FOO", Value="1") == [("success", "Variable Set")]
    assert world.dialplan.globals["FOO"] == "1"
    assert ask(world, "Setvar", Value="1") == [("error", "No variable specified")]
    assert ask(world, "Setvar", Channel="nosuch", Variable="x", Value="1") == [("error", "No such channel")]


def test_variables_of_a_channel(world: World) -> None:
    async def play() -> None:
        channel = world.channel()
        assert ask(world, "Setvar", Channel=channel.name, Variable="Q", Value="7") == [("success", "Variable Set")]
        assert ask(world, "Getvar", Channel=channel.name, Variable="Q")[0][-1] == ("Value", "7")
        item = "CHANNEL(pjsip,call-id)"
        assert ask(world, "Getvar", Channel=channel.name, Variable=item)[0][-1] == ("Value", "the-call-id")
        assert ask(world, "Setvar", Channel=channel.name, Variable="CALLERID(name)", Value="New")[0][0] == "success"
        assert channel.caller.name == "New"

    asyncio.run(play())


def test_dangerous_functions_are_refused_from_outside(world: World) -> None:
    assert ask(world, "Getvar", Variable="ENV(PATH)")[0][0] == "error"
    assert ask(world, "Setvar", Variable="ENV(PATH)", Value="x")[0][0] == "error"
    world.server.options.live_dangerously = True
    assert ask(world, "Getvar", Variable="ENV(PATH)")[0][0] == "success"


def test_extensions_come_and_go(world: World) -> None:
    fields = {"Context": "internal", "Extension": "55", "Priority": "1", "Application": "NoOp"}
    assert ask(world, "DialplanExtensionAdd", **fields)[0][0] == "success"
    assert ask(world, "DialplanExtensionAdd", **fields)[0][0] == "error"
    assert ask(world, "DialplanExtensionAdd", Replace="yes", **fields)[0][0] == "success"
    assert world.dialplan.exists("internal", "55")
    assert ask(world, "DialplanExtensionRemove", Context="internal", Extension="55")[0][0] == "success"
    assert ask(world, "DialplanExtensionRemove", Context="internal", Extension="55")[0][0] == "error"
    assert not world.dialplan.exists("internal", "55")
    assert ask(world, "DialplanExtensionAdd", **{**fields, "Priority": "x"})[0][0] == "error"


def test_hints(world: World) -> None:
    world.say("[d]\nexten => _61XX,hint,PJSIP/x${EXTEN}\nexten => 5,hint,PJSIP/a&PJSIP/b,CustomPresence:p,The Name\n")
    assert world.dialplan.find_hint("d", "6123") == "PJSIP/x6123"
    assert world.dialplan.hint_lines()[1] == ("d", "_61XX", "PJSIP/x${EXTEN}")
    assert world.dialplan.expand("${HINT(5@d)}|${HINT(5@d,n)}") == "PJSIP/a&PJSIP/b,CustomPresence:p|The Name"
    assert world.dialplan.find_hint("d", "7") is None
