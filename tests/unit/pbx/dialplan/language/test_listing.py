"""The dialplan at the console, laid out as recorded."""

from pathlib import Path

from dialplan_world import World

from asterism.core.commands import CommandCall
from asterism.core.errors import CommandError
from asterism.pbx.dialplan.language.listing import show

TRANSCRIPTS = Path(__file__).resolve().parents[4] / "data" / "record"


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
