"""The module of music on hold."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.media.formats import ULAW
from asterism.pbx.channels.music.module import MusicModule
from asterism.pbx.channels.music.playing import start_music


def loaded(server: FakeServer, folder: Path) -> MusicModule:
    made: Any = server
    made.paths = SimpleNamespace(etc=folder, data=folder, share=folder)
    made.register_marked = lambda holder: None
    told: list[str] = []
    made.log = SimpleNamespace(warning=lambda text, *args: told.append(text % args), error=made.log.error)
    made.told = told
    module = MusicModule()
    module.load(made)
    return module


def test_a_class_that_is_wrong_is_told_and_the_others_play(tmp_path: Path) -> None:
    text = "[broken]\ndirectory=nowhere\n[good]\nmode=playlist\nentry=/music/a\n"
    (tmp_path / "musiconhold.conf").write_text(text)

    async def scenario(server: FakeServer) -> None:
        made: Any = server
        loaded(server, tmp_path)
        (told,) = made.told
        assert "musiconhold.conf:1: music class 'broken': cannot read" in told
        assert list(server.pbx.music.settings.classes) == ["good", "default"]

    run(scenario)


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    async def scenario(server: FakeServer) -> None:
        module = loaded(server, tmp_path)
        before = server.pbx.music.settings
        (tmp_path / "musiconhold.conf").write_text("[unfinished\n")
        module.reload()
        assert server.pbx.music.settings is before

    run(scenario)


def test_who_hears_music_counts_as_use(tmp_path: Path) -> None:
    async def scenario(server: FakeServer) -> None:
        module = loaded(server, tmp_path)
        server.sip.stream = lambda: FakeStream(ULAW)
        assert module.use_count() == 0
        start_music(server.sip.incoming("alice", "1"))
        assert module.use_count() == 1

    run(scenario)


def test_surplus_words_are_refused(tmp_path: Path) -> None:
    async def scenario(server: FakeServer) -> None:
        module = loaded(server, tmp_path)
        call: Any = SimpleNamespace(args=["x"])
        surplus: CommandCall = call
        for command in (module.show_classes, module.show_files, module.reload_classes):
            with pytest.raises(UsageError):
                command(surplus)

    run(scenario)
