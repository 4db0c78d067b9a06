"""Reading extensions.conf."""

from dialplan_world import World


def test_wrong_lines_are_skipped_and_reported() -> None:
    world = World()
    loaded = world.say(
        "[default]\nexten => 100\nexten => 100,x,NoOp()\nexten => 100,1,\nnonsense => 1\nexten => 100,1,NoOp(ok)\n"
        "exten => 100,1,NoOp(twice)\nsame => n(a),NoOp(,)\ninclude => other,nonsense\n"
    )
    assert [problem.position.line for problem in loaded.problems if problem.position] == [2, 3, 4, 5, 7, 9]
    assert world.dialplan.find("default", "100", 2).data == ","


def test_globals_refer_to_earlier_ones() -> None:
    world = World()
    world.say("[globals]\nA=1\nB=${A}2\nC=${B}${LATER}\nLATER=x\n[default]\nexten => ${B},1,NoOp()\n")
    assert (world.dialplan.globals["B"], world.dialplan.globals["C"]) == ("12", "12")
    assert world.dialplan.exists("default", "12", 1)
