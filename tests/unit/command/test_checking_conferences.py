"""``asterism check``: profiles of conferences that are named and not there, and commands that are not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.command.check import check

PROFILES = """[guest]
type = user
pin = 1
[small]
type = bridge
max_members = 3
[keys]
type = menu
1 = toggle_mute
"""


def told(folder: Path, line: str, conferences: str = PROFILES, options: str = "") -> list[str]:
    (folder / "confbridge.conf").write_text(conferences)
    (folder / "extensions.conf").write_text(f"[default]\nexten => 100,1,{line}\n")
    (folder / "asterisk.conf").write_text(f"[directories]\nastdatadir => {folder}\n[options]\n{options}\n")
    return [str(problem).replace(f"{folder}/", "") for problem in check(folder)[0]]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "ConfBridge(1,smal)",
            "ConfBridge: there is no bridge profile 'smal' in confbridge.conf; did you mean 'small'?",
        ),
        ("ConfBridge(1,,guests)", "ConfBridge: there is no user profile 'guests' in confbridge.conf; did you mean 'gu"),
        ("ConfBridge(1,small,guest,nothing)", "ConfBridge: there is no menu 'nothing' in confbridge.conf"),
        ("ExecIf($[1]?ConfBridge(1,nothing))", "ConfBridge: there is no bridge profile 'nothing'"),
        ("Set(CONFBRIDGE(user,pinn)=1)", "CONFBRIDGE: a user profile has no option 'pinn'; did you mean 'pin'?"),
        ("Set(CONFBRIDGE(user,quiet)=perhaps)", "CONFBRIDGE: quiet: "),
        ("Set(CONFBRIDGE(usr,pin)=1)", "CONFBRIDGE: 'usr' is not bridge, menu or user"),
        ("Set(CONFBRIDGE(bridge,template)=guest)", "CONFBRIDGE: there is no bridge profile 'guest'"),
        ("Set(CONFBRIDGE(menu,1)=toggle_mut)", "CONFBRIDGE: 1: "),
        ("MixMonitor(x.wav,b,echo done)", "MixMonitor: its command is not run without 'recording_commands = yes'"),
    ],
)
def test_what_is_named_and_is_not_there(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = told(tmp_path, line)
    assert found.startswith(f"extensions.conf:2: {problem}")


@pytest.mark.parametrize(
    "line",
    [
        "ConfBridge(1)",
        "ConfBridge(1,small,guest,keys)",
        "ConfBridge(${ROOM},default_bridge,default_user,default_menu)",
        "ConfBridge(1,${PROFILE},,m${X})",
        "Set(CONFBRIDGE(user,template)=guest)",
        "Set(CONFBRIDGE(bridge,template)=${X})",
        "Set(CONFBRIDGE(bridge,max_members)=${X})",
        "Set(CONFBRIDGE(${X},max_members)=5)",
        "Set(CONFBRIDGE(menu,#1)=toggle_mute)",
        "Set(CONFBRIDGE(user,clear)=)",
        "MixMonitor(x.wav,b)",
    ],
)
def test_what_is_right_or_not_known_yet_is_no_problem(tmp_path: Path, line: str) -> None:
    assert told(tmp_path, line) == []


def test_a_profile_may_come_from_what_is_not_run(tmp_path: Path) -> None:
    assert told(tmp_path, "ConfBridge(1,other)", PROFILES + "#exec /bin/true\n", "execincludes = yes") == []


def test_a_command_of_a_recording_is_told_where_commands_are_off(tmp_path: Path) -> None:
    conferences = "[small]\ntype = bridge\nrecord_command = mail.sh\n"
    (found,) = told(tmp_path, "ConfBridge(1,small)", conferences)
    assert found.startswith(
        "confbridge.conf:3: option 'record_command': it is not run without 'recording_commands = yes'"
    )
    assert told(tmp_path, "MixMonitor(x.wav,,mail.sh)", conferences, "recording_commands = yes") == []


@pytest.mark.parametrize(
    ("conferences", "sound"),
    [
        ("[small]\ntype = bridge\nsound_join = beep\nsound_leave = nosuch\n", "nosuch"),
        ("[guest]\ntype = user\nquiet = no\nannouncement = nosuch\n", "nosuch"),
        ("[keys]\ntype = menu\n1 = toggle_mute\n2 = playback(beep&other),leave_conference\n", "other"),
    ],
)
def test_a_sound_that_there_is_not(tmp_path: Path, conferences: str, sound: str) -> None:
    (found,) = told(tmp_path, "ConfBridge(1)", conferences)
    assert found == f"confbridge.conf:4: there is no sound '{sound}'"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("MixMonitor(${X}.mp3)", "MixMonitor: ....mp3: files of the kind 'mp3' cannot be written: such files are only"),
        ("MixMonitor(calls.nosuch,b)", "MixMonitor: calls.nosuch: files of the kind 'nosuch' cannot be written"),
        ("MixMonitor(calls.g722,D)", "MixMonitor: calls.g722: files of the kind 'g722' cannot be written"),
        ("Record(calls.mp3)", "Record: calls.mp3: files of the kind 'mp3' cannot be written"),
    ],
)
def test_a_recording_of_a_kind_that_is_not_written(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = told(tmp_path, line)
    assert found.startswith(f"extensions.conf:2: {problem}")


@pytest.mark.parametrize(
    "line", ["MixMonitor(a.wav,D)", "MixMonitor(a.${X})", "MixMonitor(,r(a.wav))", "Record(a.wav)"]
)
def test_a_recording_of_a_kind_that_is_written(tmp_path: Path, line: str) -> None:
    assert told(tmp_path, line) == []
