"""Every listing that takes ``like`` reads it the same way."""

from __future__ import annotations

from inspect import isawaitable

import pytest

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.testing import running_server


async def test_every_command_with_like_refuses_other_words_and_bad_patterns() -> None:
    async with running_server({"pjsip.conf": ""}) as server:
        found = [each for each in server.commands if "[like" in each.documentation.syntax.replace("[ ", "[")]
        assert len(found) > 20
        for entry in found:

            async def run(*words: str, entry=entry) -> str:
                result = entry.item.run(CommandCall(list(words), lambda _text: None))
                return str(await result if isawaitable(result) else result)

            assert await run() is not None
            assert await run("LIKE", "nothing at all") is not None
            wrong = [("unlike", "x"), ("like",), ("like", "x", "y")]
            if "<pattern>" in entry.documentation.syntax:
                wrong.append(("like", "("))
            for words in wrong:
                with pytest.raises(UsageError):
                    await run(*words)
