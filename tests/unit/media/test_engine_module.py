"""The modules of media engines: settings of one file, commands, the end of the packet log."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.core.errors import ConfigError
from asterism.media.engine_module import EngineModule


class Recorder:
    """An engine and as much of a server, with what they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.wrong = ""
        self.paths = SimpleNamespace(etc=Path("/etc/asterism"))
        self.log = SimpleNamespace(error=lambda *told: self.told.append(("error", *told)))

    def configure(self, path: str | Path) -> None:
        if self.wrong:
            raise ConfigError(self.wrong)
        self.told.append(("configure", str(path)))

    def set_debug(self, on: bool, host: str = "") -> None:
        self.told.append(("debug", on, host))

    def register_marked(self, module: object) -> None:
        self.told.append(("register", module))


class Module(EngineModule):
    name = "recorder"
    file = "recorder.conf"
    recorder: Recorder

    def engine(self) -> Recorder:
        return self.recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def module(recorder: Recorder) -> Module:
    made = Module()
    made.recorder = recorder
    return made


def test_settings_are_read_at_first_and_again(module: Module, recorder: Recorder) -> None:
    module.load(recorder)  # type: ignore[arg-type]
    read = ("configure", "/etc/asterism/recorder.conf")
    assert recorder.told == [read, ("register", module)]
    module.reload()
    assert recorder.told[2:] == [read]


def test_commands_are_there_where_the_file_is_wrong(module: Module, recorder: Recorder) -> None:
    recorder.wrong = "no such port"
    module.load(recorder)  # type: ignore[arg-type]
    (kind, text, file, error), registered = recorder.told
    assert (kind, text % (file, error)) == ("error", "recorder.conf is not used: no such port")
    assert registered == ("register", module)


def test_the_packet_log_ends_with_the_module(module: Module, recorder: Recorder) -> None:
    module.load(recorder)  # type: ignore[arg-type]
    module.unload()
    assert recorder.told[-1] == ("debug", False, "")
