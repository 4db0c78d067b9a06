"""Recording of a conference: names of files, what is in them, and what ends it."""

from __future__ import annotations

import asyncio
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_technology import FakeServer, FakeStream, settle

from asterism.media.formats import LINEAR, SLIN, ULAW
from asterism.media.stream import Frame
from asterism.pbx.calls.conference.conference import Conference
from asterism.pbx.calls.conference.profiles import BridgeProfile
from asterism.pbx.calls.conference.recorder import file_for
from asterism.pbx.calls.recording.afterwards import harmful
from asterism.pbx.calls.recording.settings import RecordingError
from asterism.pbx.dialplan.language.foreign import foreign


def profile(**options: Any) -> BridgeProfile:
    return BridgeProfile("default_bridge", **options)


@pytest.mark.parametrize(
    ("options", "asked", "name"),
    [
        ({}, "", "/m/confbridge-room-7.wav"), ({}, "conf.wav", "/m/conf-7.wav"), ({}, "/x/conf.sln", "/x/conf-7.sln"),
        ({"record_file": "a.b.wav"}, "", "/m/a.b-7.wav"), ({"record_file": "a"}, "", "/m/a-7.wav"),
        ({"record_file_timestamp": False}, "conf.wav", "/m/conf.wav"),
        ({"record_file_timestamp": False}, "", "/m/confbridge-room-7.wav"),
    ],
)  # fmt: skip
def test_names(options: dict[str, Any], asked: str, name: str) -> None:
    assert file_for(profile(**options), "room", asked, Path("/m"), 7) == Path(name)


def test_names_lead_nowhere_else() -> None:
    assert file_for(profile(), "../../etc/x", "", Path("/m"), 7) == Path("/m/confbridge-.._.._etc_x-7.wav")
    for asked in ("../x.wav", foreign("/etc/x.wav"), foreign("a/../../x.wav")):
        with pytest.raises(RecordingError):
            file_for(profile(), "room", asked, Path("/m"), 7)


def in_a_room(folder: Path, scenario: Any, **options: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = FakeServer()
        server.paths = type("Paths", (), {"spool": folder})
        server.record()
        server.sip.stream = lambda: FakeStream(ULAW)
        conference = Conference(server.pbx, "room", profile(**options))
        channel = server.sip.incoming("alice", "1")

        async def body(one: Any) -> None:
            await conference.join(one)

        server.pbx.start(channel, body)
        await settle()
        await scenario(server, conference)
        conference.end()
        await settle()
        await server.pbx.recordings.finish()
        assert [each.name for each in server.pbx.channels] == []
        return server

    return asyncio.run(main())


def test_it_records_what_the_room_hears_and_is_listed(tmp_path: Path) -> None:
    async def scenario(server: FakeServer, conference: Conference) -> None:
        path = conference.start_recording()
        assert re.fullmatch(r"confbridge-room-\d+\.wav", path.name)
        assert conference.recording == path
        names = [each.name for each in server.pbx.channels]
        assert "CBRec/room-00000000" in names
        with pytest.raises(RecordingError, match="already"):
            conference.start_recording()
        recorder: Any = conference._recordings._recorder
        loud = Frame(SLIN, (np.sin(np.arange(160) / 3) * 9000).astype("<i2").tobytes())
        for _ in range(10):
            recorder.member.stream.write(loud)
        recording = recorder.recording
        assert conference.stop_recording()
        assert not conference.stop_recording()
        await recording.wait(5)
        with wave.open(str(path)) as file:
            assert np.abs(np.frombuffer(file.readframes(1600), "<i2")).max() > 8000

    server = in_a_room(tmp_path, scenario)
    counts = [(event["BridgeName"], event["BridgeNumChannels"]) for event in server.fields("ConfbridgeRecord")]
    assert counts == [("room", "3")]
    assert [event["BridgeNumChannels"] for event in server.fields("ConfbridgeStopRecord")] == ["3"]
    assert [event["Value"] for event in server.fields("VarSet") if event["Variable"] == "BRIDGEPEER"][:3] == [
        "CBAnn/room-00000000;2", "CBAnn/room-00000000;2,CBRec/room-00000000", "CBAnn/room-00000000;2",
    ]  # fmt: skip
    assert not server.fields("MixMonitorStart")


def test_it_goes_on_with_its_file_or_makes_another(tmp_path: Path) -> None:
    async def scenario(_: FakeServer, conference: Conference) -> None:
        first = conference.start_recording("conf.wav")
        conference.stop_recording()
        assert conference.start_recording() == first
        conference.stop_recording()
        assert conference.start_recording("/other.wav").name.startswith("other-")

    in_a_room(tmp_path, scenario)


def test_one_that_is_to_be_recorded_is_so_from_the_first_user_to_the_last(tmp_path: Path) -> None:
    async def scenario(_: FakeServer, conference: Conference) -> None:
        assert conference.recording is not None

    server = in_a_room(tmp_path, scenario, record_conference=True)
    names = [name for name in server.names() if name.startswith("Confbridge")]
    assert names == [
        "ConfbridgeStart", "ConfbridgeRecord", "ConfbridgeJoin", "ConfbridgeLeave", "ConfbridgeStopRecord",
        "ConfbridgeEnd",
    ]  # fmt: skip


def test_what_cannot_be_recorded_leaves_the_conference_alone(tmp_path: Path) -> None:
    async def scenario(server: FakeServer, conference: Conference) -> None:
        for name in ("x.nosuch", "../x.wav"):
            with pytest.raises(RecordingError):
                conference.start_recording(name)
        assert conference.recording is None
        assert len(conference.bridge.members) == 2
        assert len(server.pbx.channels) == 3

    in_a_room(tmp_path, scenario)


def test_a_folder_that_cannot_be_written_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "monitor").write_text("not a folder")

    async def scenario(server: FakeServer, conference: Conference) -> None:
        conference.start_recording()
        recorder: Any = conference._recordings._recorder
        await recorder.recording.wait(5)
        await settle()
        assert conference.recording is None
        assert len(conference.users) == 1
        assert len(server.fields("ConfbridgeStopRecord")) == 1

    in_a_room(tmp_path, scenario)


def test_the_rate_is_that_of_the_file(tmp_path: Path) -> None:
    async def scenario(_: FakeServer, conference: Conference) -> None:
        conference.start_recording("wide.wav16")
        recorder: Any = conference._recordings._recorder
        assert recorder.member.stream.format is LINEAR[16000]

    in_a_room(tmp_path, scenario)


def test_the_command_knows_the_file(tmp_path: Path) -> None:
    async def scenario(_: FakeServer, conference: Conference) -> None:
        path = conference.start_recording()
        recorder: Any = conference._recordings._recorder
        assert str(recorder.recording.settings.command) == f"mv {path} room"

    in_a_room(tmp_path, scenario, record_command="mv ^{MIXMONITOR_FILENAME} room")


def test_a_name_that_a_caller_chose_is_no_command(tmp_path: Path) -> None:
    async def scenario(server: FakeServer, _: Conference) -> None:
        profile = BridgeProfile("p", record_command="cp ^{MIXMONITOR_FILENAME} /tmp")
        for name, harm in (("9000", False), ("x;touch y", True), ("$(touch y)", True)):
            conference = Conference(server.pbx, name, profile)
            conference.start_recording()
            recorder: Any = conference._recordings._recorder
            assert harmful(recorder.recording.settings.command) is harm, name
            conference.end()
        await settle()

    in_a_room(tmp_path, scenario)


def test_one_that_finds_no_room_in_the_bridge_leaves_nothing(tmp_path: Path) -> None:
    async def scenario(server: FakeServer, conference: Conference) -> None:
        server.pbx.bridges.technologies.suspended.add("softmix")
        with pytest.raises(RecordingError, match="takes no more"):
            conference.start_recording()
        server.pbx.bridges.technologies.suspended.clear()
        assert conference.recording is None
        assert len(server.pbx.channels) == 3
        assert server.fields("ConfbridgeStopRecord") == []

    in_a_room(tmp_path, scenario)


def test_a_command_that_cannot_be_made_leaves_no_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterism.pbx.calls.conference.recorder.with_command", lambda *_: 1 / 0)

    async def scenario(server: FakeServer, conference: Conference) -> None:
        with pytest.raises(ZeroDivisionError):
            conference.start_recording()
        assert len(server.pbx.channels) == 3

    in_a_room(tmp_path, scenario)
