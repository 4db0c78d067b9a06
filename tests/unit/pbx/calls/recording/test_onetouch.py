"""One-touch recording against the record: which channel, which name, which events and variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_technology import audio_of
from recording_kit import Call, in_a_call, section

from asterism.pbx.calls.recording.onetouch import toggle
from asterism.pbx.dialplan.language.foreign import foreign


def test_it_is_told_as_recorded(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        assert toggle(call.alice, call.bob)
        assert call.console("list", call.alice.name).count("\n") == 2
        listing = call.console("list", call.bob.name).replace(str(tmp_path), "/var/spool/asterisk-rec")
        wanted = section("*CLI> mixmonitor list PJSIP/bob-00000103")
        stamps = re.compile(r"0x[0-9a-f]+|auto-\d+")
        assert stamps.sub("*", listing.strip("\n")) == stamps.sub("*", wanted)
        assert not toggle(call.alice, call.bob)

    server = in_a_call(tmp_path, scenario)
    told = [
        kind.name if kind.name != "VarSet" else f"{dict(fields)['Channel']} {dict(fields)['Variable']}"
        for kind, fields in server.recorded
    ]
    mine = [one for one in told if "MIXMONITOR" in one or one.startswith("MixMonitor")]
    alice, bob = (next(one for one in told if one.startswith(f"PJSIP/{name}")).split()[0] for name in ("alice", "bob"))
    assert mine == [
        f"{bob} MIXMONITOR_FILENAME", "MixMonitorStart", f"{alice} TOUCH_MIXMONITOR_OUTPUT",
        f"{bob} TOUCH_MIXMONITOR_OUTPUT", "MixMonitorStop",
    ]  # fmt: skip
    (path,) = (tmp_path / "monitor").iterdir()
    assert re.fullmatch(r"auto-\d{10}-6001-6002\.wav", path.name)
    assert server.fields("MixMonitorStart")[0]["Channel"] == bob


def test_variables_name_the_file_and_its_kind(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        call.alice.set_variable("TOUCH_MIXMONITOR", "deal")
        call.bob.set_variable("TOUCH_MIXMONITOR_FORMAT", "sln16")
        call.alice.set_variable("TOUCH_MIXMONITOR_PREFIX", "desk")
        call.alice.set_variable("TOUCH_MIXMONITOR_BEEP", "30")
        toggle(call.alice, call.bob)
        (recording,) = call.server.pbx.recordings
        assert re.fullmatch(r"desk-\d{10}-deal\.sln16", recording.path.name)
        assert recording.settings.beep == 30
        assert recording.settings.bridged_only

    in_a_call(tmp_path, scenario)


def test_what_is_wanted_is_not_done_twice(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        assert not toggle(call.alice, call.bob, wanted=False)
        assert not len(call.server.pbx.recordings)
        for _ in range(2):
            assert toggle(call.alice, call.bob, wanted=True)
            assert len(call.server.pbx.recordings) == 1
        for _ in range(2):
            assert not toggle(call.alice, call.bob, wanted=False)
            assert not len(call.server.pbx.recordings)
        # One that ended by itself can be begun again.
        assert toggle(call.alice, call.bob)
        call.server.pbx.recordings.of(call.bob)[0].stop()
        assert toggle(call.alice, call.bob)
        assert len(call.server.pbx.recordings) == 1

    in_a_call(tmp_path, scenario)


def written(channel: object) -> int:
    return len(audio_of(channel).written)


def test_both_hear_that_it_begins_and_ends_and_the_presser_that_it_cannot(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        toggle(call.alice, call.bob, courtesy="beep")
        assert written(call.alice) == written(call.bob) == 1  # the first frame of the beep
        toggle(call.alice, call.bob)
        call.alice.set_variable("TOUCH_MIXMONITOR_MESSAGE_START", "nothing-of-that-name")
        toggle(call.alice, call.bob)
        toggle(call.alice, call.bob)
        assert "nothing-of-that-name" in call.log.text
        call.alice.set_variable("TOUCH_MIXMONITOR_FORMAT", "mp3")
        before = written(call.alice), written(call.bob)
        assert not toggle(call.alice, call.bob, failed="beep")
        assert (written(call.alice), written(call.bob)) == (before[0] + 1, before[1])
        call.alice.set_variable("TOUCH_MIXMONITOR_FORMAT", "wav")
        call.alice.set_variable("TOUCH_MIXMONITOR", "../../x")
        assert not toggle(call.alice, call.bob)
        assert "leads out of" in call.log.text

    in_a_call(tmp_path, scenario)


@pytest.mark.parametrize(("name", "value"), [("_PREFIX", "/tmp/x"), ("", "a/../../b"), ("_FORMAT", "wav/../../c.wav")])
def test_variables_from_outside_choose_no_folder(tmp_path: Path, name: str, value: str) -> None:
    async def scenario(call: Call) -> None:
        call.alice.set_variable(f"TOUCH_MIXMONITOR{name}", foreign(value))
        assert not toggle(call.alice, call.bob)
        assert "would choose a folder" in call.log.text

    in_a_call(tmp_path, scenario)


def test_a_number_makes_no_folders(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        call.alice.caller = call.alice.caller.__class__("../../etc/passwd")
        toggle(call.alice, call.bob)
        (recording,) = call.server.pbx.recordings
        assert recording.path.parent == call.folder

    in_a_call(tmp_path, scenario)
