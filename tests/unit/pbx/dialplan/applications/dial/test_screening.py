"""Options p, P, N and n: who is asked, what is remembered, which introductions are kept."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dial_kit import run
from fake_technology import FakeServer, settle

from asterism.core.documentation import Documentation
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.dial import screening
from asterism.pbx.dialplan.applications.dial.screening import MOST_INTRODUCTIONS, make_room
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId
from asterism.testing import until


class Database(dict[tuple[str, str], str]):
    def put(self, family: str, key: str, value: str) -> None:
        self[family, key] = value

    def get(self, family: str, key: str) -> str | None:  # type: ignore[override]
        return dict.get(self, (family, key))


class Scene:
    """A call with screening: what each party hears, and the key that the called one presses at its menu."""

    def __init__(self, server: FakeServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.database = Database()
        self.heard: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.recorded: list[str] = []
        server.astdb = self.database  # type: ignore[attr-defined]
        server.paths = SimpleNamespace(data=folder)
        self.introductions = folder / "sounds" / screening.FOLDER
        monkeypatch.setattr(screening, "hear", self._hear)
        monkeypatch.setattr(screening, "_PATIENCE", 0.01)
        server.pbx.register_application("Record", self._record, Documentation("test"))

    async def _hear(self, channel: Channel, name: str, keys: str = "") -> str:
        who = channel.name.partition("-")[0].removeprefix("PJSIP/")
        self.heard.append((who, name.partition("/")[0]))
        key = self.keys.pop(0) if name.endswith("options") and self.keys else ""
        return key if key and key in keys else ""

    async def _record(self, channel: Channel, args: str) -> None:
        name = args.partition(",")[0]
        self.recorded.append(Path(name).name)
        _write(Path(name))

    async def call(self, options: str, caller: PartyId | None = None, answers: bool = True) -> Channel:
        self.server.pbx.dialplan.remove_extension("internal", "1")
        self.server.dialplan(("1", 1, "Dial", f"PJSIP/bob,20,{options}"), ("1", 2, "Echo", ""))
        alice = self.server.sip.incoming("alice", "1")
        if caller is not None:
            alice.caller = caller
        made = len(self.server.sip.made)
        self.server.pbx.start(alice)
        for _ in range(200):
            await alice.pbx.loop.run_in_executor(None, os.getpid)  # the files are looked for in a thread
            await settle(2)
            if len(self.server.sip.made) > made or alice.application == "Echo" or alice.dead:
                break
        if answers and len(self.server.sip.made) > made:
            self.server.sip.made[-1].queue_control(Control.ANSWER)
            await settle(40)
        return alice


def _write(path: Path) -> None:
    path.write_bytes(b"RIFF")


def screened(scenario: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(server: FakeServer) -> None:
        await scenario(Scene(server, folder, monkeypatch))

    run(main)


@pytest.mark.parametrize(
    ("key", "remembered", "status"),
    [
        ("1", "allow", "ANSWER"),
        ("2", "deny", "NOANSWER"),
        ("3", "torture", "TORTURE"),
        ("4", "kill", "DONTCALL"),
        ("5", "allow", "NOANSWER"),
    ],
)
def test_what_the_called_party_decides_is_remembered(
    key: str, remembered: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(scene: Scene) -> None:
        scene.keys = [key]
        alice = await scene.call("P(boss)")
        assert scene.database == {("privacy", "boss/6001"): remembered}
        assert alice.variables["DIALSTATUS"] == status
        assert (alice.bridge is not None) is (key == "1")
        assert scene.server.sip.made[0].dead is (key != "1")
        assert scene.heard == [
            ("alice", "priv-recordintro"), ("alice", "priv-introsaved"),
            ("bob", "priv-callpending"), ("bob", "priv-callerintros"), ("bob", "priv-callee-options"),
        ]  # fmt: skip
        assert [event["DialStatus"] for event in scene.server.fields("DialEnd")] == [status]
        made = len(scene.server.sip.made)
        scene.heard.clear()
        again = await scene.call("P(boss)")
        if remembered == "allow":
            assert again.bridge is not None
        else:
            assert (again.variables["DIALSTATUS"], again.application) == (status, "Echo")
            assert len(scene.server.sip.made) == made, "nobody is called"
        assert scene.heard == [], "nobody is asked again"

    screened(scenario, tmp_path, monkeypatch)


def test_screening_remembers_nothing_and_has_no_key_5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(scene: Scene) -> None:
        scene.keys = ["5", "4"]
        alice = await scene.call("p")
        await alice.park(0.1, 0)
        assert (alice.variables["DIALSTATUS"], alice.application) == ("DONTCALL", "Echo")
        assert scene.database == {}
        assert [name for who, name in scene.heard if who == "bob"] == [
            "priv-callpending", "priv-callerintros", "screen-callee-options", "vm-sorry",
            "priv-callpending", "priv-callerintros", "screen-callee-options",
        ]  # fmt: skip

    screened(scenario, tmp_path, monkeypatch)


def test_who_does_not_decide_does_not_get_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(scene: Scene) -> None:
        alice = await scene.call("P")
        await alice.park(0.2, 0)
        assert (alice.variables["DIALSTATUS"], scene.database) == ("NOANSWER", {})
        assert scene.heard.count(("bob", "priv-callee-options")) == 3

    screened(scenario, tmp_path, monkeypatch)


def test_the_extension_is_the_key_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(scene: Scene) -> None:
        scene.keys = ["1"]
        await scene.call("P")
        assert list(scene.database) == [("privacy", "1/6001")]

    screened(scenario, tmp_path, monkeypatch)


def test_a_caller_with_a_number_is_not_screened_with_option_n(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(scene: Scene) -> None:
        alice = await scene.call("pN")
        assert (alice.bridge is not None, scene.heard) == (True, [])
        alice.hang_up()
        await settle()
        scene.keys = ["1"]
        await scene.call("pN", PartyId())
        assert ("bob", "screen-callee-options") in scene.heard

    screened(scenario, tmp_path, monkeypatch)


@pytest.mark.parametrize("number", ["", "../../etc/passwd", "a/b", "x" * 90])
def test_a_number_that_is_none_names_no_file_and_no_key(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(scene: Scene) -> None:
        scene.keys = ["2"]
        await scene.call("P", PartyId(number))
        assert scene.database == {}
        assert all(name.startswith("NOCALLERID_") for name in scene.recorded)
        await until(lambda: not list(scene.introductions.iterdir()), what="an introduction is for this call only")

    screened(scenario, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("options", "answers", "kept"),
    [
        ("p", True, True),
        ("pn", True, False),
        ("pn", False, True),
        ("pn(1)", False, False),
        ("pn(1)", True, False),
    ],
)
def test_which_introductions_are_kept(
    options: str, answers: bool, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(scene: Scene) -> None:
        scene.keys = ["1"]
        alice = await scene.call(options, answers=answers)
        if not answers:
            alice.queue_hangup(16)
            await settle(40)
        await until(lambda: (scene.introductions / "6001.wav").exists() is kept)

    screened(scenario, tmp_path, monkeypatch)


def test_the_called_party_hangs_up_instead_of_deciding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(scene: Scene) -> None:
        monkeypatch.setattr(screening, "_PATIENCE", 30.0)
        alice = await scene.call("P")
        (bob,) = scene.server.sip.made
        bob.queue_hangup(16)
        await settle(40)
        assert (alice.variables["DIALSTATUS"], alice.application, scene.database) == ("NOANSWER", "Echo", {})

    screened(scenario, tmp_path, monkeypatch)


def test_introductions_are_bounded(tmp_path: Path) -> None:
    for number in range(MOST_INTRODUCTIONS + 5):
        path = tmp_path / f"{number}.wav"
        path.touch()
        os.utime(path, (number, number))
    make_room(tmp_path)
    left = {int(path.stem) for path in tmp_path.iterdir()}
    assert left == set(range(6, MOST_INTRODUCTIONS + 5))
