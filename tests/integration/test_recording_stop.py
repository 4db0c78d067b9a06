"""The end of the server waits for files of recordings, whoever began them."""

from __future__ import annotations

import pytest

from asterism.pbx.calls.recording.table import Recordings
from asterism.testing import running_server


async def test_the_stop_ends_recordings_without_the_module_of_mixmonitor(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    finish = Recordings.finish

    async def watched(self: Recordings) -> None:
        await finish(self)
        ended.append(len(self._closing))

    monkeypatch.setattr(Recordings, "finish", watched)
    modules = "[modules]\nautoload=yes\nnoload=app_mixmonitor\n"
    async with running_server({"modules.conf": modules, "extensions.conf": "[internal]\n"}):
        assert not ended
    assert ended == [0]
