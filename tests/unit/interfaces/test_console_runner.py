from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.core.commands import Command, CommandCall
from asterism.core.documentation import Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.interfaces.console.protocol import Decoder, ProtocolError, encode
from asterism.interfaces.console.runner import CommandRunner, split_words


def runner() -> CommandRunner:
    server: Any = SimpleNamespace(commands=Registry("command"), log=ServerLogger("test"))

    def show(call: CommandCall) -> str:
        if len(call.args) > 1:
            raise UsageError
        if call.args == ["bad"]:
            raise CommandError("There is no bad thing")
        if call.args == ["bug"]:
            raise RuntimeError
        return f"thing {call.args}\n"

    async def slow(call: CommandCall) -> str:
        call.write("working\n")
        return "done\n"

    owner = Owner("test")
    documentation = Documentation("Show a thing.", "show thing [name]", "Shows it.\nWholly.")
    server.commands.add(owner, "show thing", Command("show thing", show, lambda words: ["alice", "bob"]), documentation)
    server.commands.add(owner, "show thing slowly", Command("show thing slowly", slow), Documentation("Slow."))
    server.commands.add(owner, "stop", Command("stop", slow), Documentation("Stop."))
    return CommandRunner(server)


async def run(line: str) -> tuple[int, str]:
    written: list[str] = []
    status = await runner().run(line, written.append)
    return status, "".join(written)


async def test_the_longest_command_wins() -> None:
    assert await run("show thing alice") == (0, "thing ['alice']\n")
    assert await run("show thing slowly") == (0, "working\ndone\n")


async def test_an_unknown_command_says_how_to_find_others() -> None:
    message = "No such command 'nosuch x' (type 'core show help nosuch x' for other possible commands)\n"
    assert await run("nosuch x") == (1, message)


async def test_a_wrong_call_prints_the_usage() -> None:
    assert await run("show thing a b") == (1, "Usage: show thing [name]\n       Shows it.\n       Wholly.\n")


async def test_a_failure_is_named() -> None:
    assert await run("show thing bad") == (1, "There is no bad thing\nCommand 'show thing bad' failed.\n")


async def test_a_bug_in_a_command_is_not_the_console_s_end() -> None:
    status, text = await run("show thing bug")
    assert status == 1
    assert "see the log" in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["show", "stop"]),
        ("s", ["show", "stop"]),
        ("show ", ["thing"]),
        ("show thing ", ["alice", "bob", "slowly"]),
        ("show thing s", ["slowly"]),
        ("nothing ", []),
    ],
)
def test_completion(line: str, words: list[str]) -> None:
    assert runner().complete(line) == words


def test_words_may_be_quoted() -> None:
    assert split_words('database put a "two words" x\\ y ""') == ["database", "put", "a", "two words", "x y", ""]


@given(st.text())
def test_any_line_can_be_split(line: str) -> None:
    assert all(isinstance(word, str) for word in split_words(line))


@given(st.lists(st.tuples(st.sampled_from([b"R", b"O"]), st.binary(max_size=50))), st.integers(1, 7))
def test_frames_survive_any_cut(frames: list[tuple[bytes, bytes]], size: int) -> None:
    data = b"".join(encode(kind, payload) for kind, payload in frames)
    decoder, found = Decoder(), []
    for start in range(0, len(data), size):
        found += decoder.feed(data[start : start + size])
    assert found == frames


def test_an_absurd_frame_is_refused() -> None:
    with pytest.raises(ProtocolError):
        Decoder().feed(b"R\xff\xff\xff\xff")
