"""Recordings in the manager and the console, against the recorded answers, events and layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_manager import FakeCall
from recording_kit import Call, in_a_call, section, sections

from asterism.core.errors import CommandError, UsageError
from asterism.pbx.calls.recording.afterwards import harmful
from asterism.pbx.calls.recording.module import unescaped
from asterism.pbx.dialplan.language.foreign import foreign, is_foreign, joined
from asterism.pbx.vocabulary.flow import FunctionError

_ID = re.compile(r"0x[0-9a-f]+")


def answer(call: FakeCall) -> str:
    assert call.answer is not None
    response, message = call.answer
    lines = [f"Response: {response}", *([f"Message: {message}"] if message else [])]
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in call.extra.items())])


def recorded_events(title: str) -> list[list[str]]:
    """The recorded Mix events of a section, each as its lines."""
    return [
        block.split("\n") for block in re.split(r"\n{2,}", section(title)) if block.startswith("Event: MixMonitor")
    ]  # fmt: skip


def test_every_recorded_action_and_command_is_answered_as_recorded(tmp_path: Path) -> None:
    seen = 0

    async def scenario(call: Call) -> None:
        nonlocal seen
        for title, text in sections():
            if title.startswith("AMI action Getvar"):
                assert call.alice.variables["MMID"] == call.server.pbx.recordings.of(call.alice)[0].identifier
            elif title.startswith("AMI action"):
                asked, _, wanted = text.partition("\n\n")
                fields = dict(line.removeprefix("--> ").split(": ", 1) for line in asked.splitlines())
                if fields["Channel"] != "none":
                    fields["Channel"] = call.alice.name
                found = answer(await call.action(fields.pop("Action"), **fields))
                assert _ID.sub("ID", found) == _ID.sub("ID", wanted), title
                seen += 1
            elif "CLI> mixmonitor" in title and "automixmon" not in title:
                words = title.partition("CLI> mixmonitor ")[2].partition("   (")[0].split()
                words[1] = words[1].replace("PJSIP/alice-00000021", call.alice.name)
                try:
                    found = call.console(*words)
                except CommandError as error:
                    found = str(error)
                found = found.replace(str(tmp_path), "/var/spool/asterisk-rec")
                assert _ID.sub("ID", found.strip("\n")) == _ID.sub("ID", text), title
                seen += 1

    server = in_a_call(tmp_path, scenario)
    assert seen == 17
    ours = [
        [f"Event: {kind.name}", *(f"{key}: {value}" for key, value in fields)]
        for kind, fields in server.recorded
        if kind.name.startswith("MixMonitor")
    ]
    wanted = recorded_events("AMI events: the same call: AMI MixMonitor starts")
    assert len(ours) == len(wanted)
    own = ("Direction", "State", "Event", "ChannelState", "ChannelStateDesc", "Priority", "Exten", "CallerIDNum")
    for event, other in zip(ours, wanted, strict=True):
        other.remove("Privilege: call,all")
        assert [line.partition(":")[0] for line in event] == [line.partition(":")[0] for line in other]
        pairs = zip(event, other, strict=True)
        assert [one for one, _ in pairs if one.startswith(own)] == [one for one in other if one.startswith(own)]
    names = [
        fields["Variable"] for fields in server.fields("VarSet") if fields["Variable"].startswith("M")
    ]  # fmt: skip
    assert names == ["MIXMONITOR_FILENAME", "MIXMONITOR_FILENAME", "MIXMONITOR_FILENAME", "MMID"]
    assert sorted(path.name for path in (tmp_path / "monitor").iterdir()) == ["mmami.wav", "mmcli.wav", "mmid.wav"]


def test_the_dialplan_begins_several_and_ends_the_one_it_names(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        await call.application("MixMonitor", "one.wav,i(FIRST)r(in.wav)t(/" + f"{tmp_path}/out.sln16)")
        await call.application("MixMonitor", "two.wav,i(SECOND)")
        first, second = (call.alice.variables[name] for name in ("FIRST", "SECOND"))
        assert call.function(f"{first},filename") == str(call.folder / "one.wav")
        assert call.function(f"{second}, Filename") == str(call.folder / "two.wav")
        listing = call.console("list", call.alice.name).splitlines()[2:]
        assert listing == [
            f"{first}\t{call.folder / 'one'}\t{call.folder / 'in'}\t{tmp_path / 'out'}".replace(
                str(tmp_path / "out"), "/" + str(tmp_path / "out")
            ),
            f"{second}\t{call.folder / 'two'}\t\t",
        ]
        for wrong in (f"{first},size", "0x1,filename", ""):
            with pytest.raises(FunctionError):
                call.function(wrong)
        await call.application("StopMixMonitor", first)
        assert [one.identifier for one in call.server.pbx.recordings] == [second]
        assert (call.folder / "one.wav").exists()
        await call.application("StopMixMonitor", "0x1")
        assert len(call.server.pbx.recordings) == 1
        await call.application("StopMixMonitor")
        assert not len(call.server.pbx.recordings)
        await call.application("StopMixMonitor")

    in_a_call(tmp_path, scenario)


def test_a_name_by_a_caller_stays_text_from_outside(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        name = joined([foreign("x; touch y"), ".wav"])
        await call.application("MixMonitor", joined([name, ",i(ID),echo ^{MIXMONITOR_FILENAME} >z"]))
        (recording,) = call.server.pbx.recordings
        command = recording.settings.command
        assert command == f"echo {call.folder}/x; touch y.wav >z"
        assert harmful(command)
        assert is_foreign(call.alice.variables["MIXMONITOR_FILENAME"])
        assert is_foreign(call.function(f"{call.alice.variables['ID']},filename"))
        await call.application("MixMonitor", "plain.wav,,echo ^{MIXMONITOR_FILENAME} ^{ID}")
        plain = call.server.pbx.recordings.of(call.alice)[1].settings.command
        assert plain == f"echo {call.folder}/plain.wav {call.alice.variables['ID']}"
        assert not harmful(plain)

    in_a_call(tmp_path, scenario)


def test_a_comma_in_a_file_name_of_a_manager_is_no_separator(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        await call.action("MixMonitor", Channel=call.alice.name, File="one,d,rm.wav")
        (recording,) = call.server.pbx.recordings
        assert recording.path == call.folder / "one,d,rm.wav"
        assert not recording.settings.delete
        assert recording.settings.command == ""

    in_a_call(tmp_path, scenario)


def test_mutes_are_for_recordings_that_run(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        name = call.alice.name
        assert (await call.action("MixMonitorMute", Channel=name, Direction="read", State="1")).answer[0] == "Error"
        await call.application("MixMonitor", "one.wav,i(ID)")
        for state in ("2", "", "on"):
            found = await call.action("MixMonitorMute", Channel=name, Direction="read", State=state)
            assert found.answer == ("Error", "Invalid state specified. Must be 0 or 1")
        assert (await call.action("MixMonitorMute", Direction="read")).answer == ("Error", "No channel specified")
        identifier = call.alice.variables["ID"]
        fields = {"Channel": name, "Direction": "write", "State": "1", "MixMonitorID": identifier}
        assert (await call.action("MixMonitorMute", **fields)).answer == ("Success", "")

    server = in_a_call(tmp_path, scenario)
    assert [(one["Direction"], one["State"]) for one in server.fields("MixMonitorMute")] == [("write", "1")]


def test_the_console_says_what_is_wrong(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        for words in ((), ("start",), ("start", call.alice.name), ("begin", call.alice.name, "x.wav")):
            with pytest.raises(UsageError):
                call.console(*words)
        with pytest.raises(CommandError, match="leads out of"):
            call.console("start", call.alice.name, "../x.wav")

    in_a_call(tmp_path, scenario)


def test_unloading_ends_what_runs(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        await call.application("MixMonitor", "one.wav")
        (recording,) = call.server.pbx.recordings
        await call.server.pbx.recordings.finish()
        assert not recording.active
        await recording.wait(0)

    in_a_call(tmp_path, scenario)


def test_what_is_unescaped_is_not_text_from_outside() -> None:
    assert unescaped("mv ^{A} ^{B}") == "mv ${A} ${B}"
    caller = foreign("^{SHELL(x)}")
    assert unescaped(joined(["say ^{A} ", caller])) == "say ${A} ^{SHELL(x)}"
    assert unescaped("nothing") == "nothing"
