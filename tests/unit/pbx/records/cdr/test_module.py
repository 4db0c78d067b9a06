"""The module: what ``cdr.conf`` switches on and off, and the commands of the console."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import FakeServer, settle

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.pbx.records.cdr.module import CdrModule
from asterism.pbx.vocabulary import events


def loaded(folder: Path, text: str | None) -> tuple[FakeServer, CdrModule]:
    server = FakeServer()
    server.paths = SimpleNamespace(etc=folder)
    server.register_marked = lambda _module: None  # type: ignore[attr-defined]
    if text is not None:
        (folder / "cdr.conf").write_text(text)
    module = CdrModule()
    module.load(server)  # type: ignore[arg-type]
    return server, module


def said(handler: Any, *args: str) -> str:
    text: str = handler(CommandCall(list(args), lambda _text: None))
    return text


def test_without_the_file_nothing_is_heard(tmp_path: Path) -> None:
    server, module = loaded(tmp_path, None)
    for kind in (events.NEWCHANNEL, events.NEWEXTEN, events.BRIDGE_ENTER, events.DIAL_BEGIN, events.HANGUP):
        assert not server.bus.listeners[kind]
    assert not module.keeps_records
    assert "Logging:                    Disabled" in said(module.show_status)


@pytest.mark.parametrize(("text", "kept"), [("", True), ("[general]\nenable = no\n", False), ("[broken\n", False)])
def test_the_file_says_whether_records_are_kept(tmp_path: Path, text: str, kept: bool) -> None:
    _, module = loaded(tmp_path, text)
    assert module.keeps_records is kept


def test_a_file_that_cannot_be_read_leaves_what_is_in_force(tmp_path: Path) -> None:
    _, module = loaded(tmp_path, "[general]\nunanswered = yes\n")
    (tmp_path / "cdr.conf").write_text("[broken\n")
    module.reload()
    assert module.keeps_records
    assert module.engine.settings.unanswered
    (tmp_path / "cdr.conf").unlink()
    module.reload()
    assert not module.keeps_records


def test_when_records_are_written_is_told_to_who_writes(tmp_path: Path) -> None:
    server, _ = loaded(tmp_path, "[general]\nbatch = yes\nsize = 3\ntime = 3\n")
    batch = server.pbx.records.calls.batch
    assert (batch.enabled, batch.size, batch.time) == (True, 3, 3)


def test_what_waits_is_written_by_command(tmp_path: Path) -> None:
    submitted: list[str] = []
    for text, answer in (
        (None, "Cannot submit CDR batch: CDR engine disabled.\n"),
        ("", "Cannot submit CDR batch: batch mode not enabled.\n"),
        ("[general]\nbatch=yes\n", "Submitted CDRs to backend engines for processing.  This may take a while.\n"),
    ):
        server, module = loaded(tmp_path, text)
        server.pbx.records.calls.submit = lambda: submitted.append("all")
        assert said(module.submit) == answer
    assert submitted == ["all"]


def test_commands_take_what_they_take(tmp_path: Path) -> None:
    _, module = loaded(tmp_path, "")
    for handler, args in (
        (module.show_status, ("x",)), (module.submit, ("x",)), (module.show_active, ("x", "y")),
        (module.set_debug, ()), (module.set_debug, ("maybe",)),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            said(handler, *args)
    assert said(module.show_active, "T/1-1") == "No call detail records are kept of a channel 'T/1-1'.\n"


async def test_the_log_tells_what_becomes_of_records_and_no_longer(tmp_path: Path) -> None:
    server, module = loaded(tmp_path, "")
    lines: list[str] = []
    server.log.addFilter(lambda record: lines.append(record.getMessage()) or True)
    assert said(module.set_debug, "on") == "CDR debugging enabled\n"
    channel = server.pbx.create_channel(server.sip, "T/alice")
    channel.hang_up()
    await settle()
    assert [line for line in lines if line.startswith("CDR ")] == [
        f"CDR 1 of {channel.name} begins", f"CDR 1 of {channel.name} ends: FAILED",
    ]  # fmt: skip
    lines.clear()
    assert said(module.set_debug, "off") == "CDR debugging disabled\n"
    server.pbx.create_channel(server.sip, "T/alice").hang_up()
    await settle()
    assert not [line for line in lines if line.startswith("CDR ")]


async def test_names_are_completed_and_an_unload_hands_on_what_there_is(tmp_path: Path) -> None:
    server, module = loaded(tmp_path, "[general]\nunanswered = yes\n")
    records: list[Any] = []
    server.pbx.records.calls.listen(server.owner, "test", records.append)
    channel = server.pbx.create_channel(server.sip, "T/alice")
    assert module._channels(["T/al"]) == [channel.name]
    assert module._channels(["T/al", ""]) == module._channels(["X"]) == []
    module.unload()
    assert [record.channel for record in records] == [channel.name]
    assert not module.keeps_records
    channel.hang_up()
    await settle()
    assert len(records) == 1
