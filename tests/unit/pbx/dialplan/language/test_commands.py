"""Commands of the system: quoting of text from outside, and how they end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from dialplan_world import World

from asterism.pbx.dialplan.language import commands
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.testing import until


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("echo ", '"${ASTERISM_TEXT_0}"'),
        ('echo "', "${ASTERISM_TEXT_0}"),
        ("echo '", "'\"${ASTERISM_TEXT_0}\"'"),
        ("echo \\' ", '"${ASTERISM_TEXT_0}"'),
        ("echo \"'", "${ASTERISM_TEXT_0}"),
        ("echo '\\' ", '"${ASTERISM_TEXT_0}"'),
    ],
)
def test_text_from_outside_is_quoted_where_it_stands(before: str, found: str) -> None:
    text, values = commands.quoted(joined([before, foreign("a b;c")]))
    assert text == before + found
    assert values == {"ASTERISM_TEXT_0": "a b;c"}


def test_the_dialplans_own_text_stays() -> None:
    assert commands.quoted("echo $HOME | wc -c") == ("echo $HOME | wc -c", {})


async def test_how_a_command_ends() -> None:
    assert await commands.run("exit 3") == (3, b"")
    assert await commands.run("echo x", output=True) == (0, b"x\n")
    assert not (await commands.run("nosuchcommand")).could_run
    assert (await commands.run("sleep 60", 0.1)).status is None
    with pytest.raises(ValueError, match="NUL"):
        await commands.run("echo \0")


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def begun(path: Path) -> int:
    """The process that has written its number there."""
    found: list[int] = []

    def written() -> bool:
        if path.exists() and path.read_text().endswith("\n"):
            found.append(int(path.read_text()))
        return bool(found)

    await until(written)
    return found[0]


async def test_what_a_command_started_ends_with_it(tmp_path: Path) -> None:
    task = asyncio.create_task(commands.run(f"sleep 60 & echo $! > {tmp_path}/pid; wait", 1.0))
    pid = await begun(tmp_path / "pid")
    assert (await task).status is None
    await until(lambda: gone(pid))


async def test_a_call_that_ends_ends_its_command(tmp_path: Path) -> None:
    task = asyncio.create_task(commands.run(f"sleep 60 & echo $! > {tmp_path}/pid; wait"))
    pid = await begun(tmp_path / "pid")
    assert not gone(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: gone(pid))


@pytest.mark.parametrize("application", ["System", "TrySystem"])
async def test_system_takes_what_a_caller_sends_for_data(tmp_path: Path, application: str) -> None:
    world = World()
    command = f"{application}(echo ${{SAID}} > {tmp_path}/out)"
    world.say(f"[default]\nexten => 100,1,{command}\n same => n,NoOp(${{SYSTEMSTATUS}})\n")
    channel = world.channel()
    channel.set_variable("SAID", foreign(f"a; touch {tmp_path}/evil"))
    await asyncio.wait_for(world.pbx.start(channel), 5)
    assert (tmp_path / "out").read_text() == f"a; touch {tmp_path}/evil\n"
    assert not (tmp_path / "evil").exists()
    assert world.steps()[-1] == "NoOp(SUCCESS)"
