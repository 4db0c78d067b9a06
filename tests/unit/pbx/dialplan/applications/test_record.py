"""Record: how it ends, what it leaves, and which digits it takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fake_technology import settle
from recording_kit import Call, in_a_call

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.record import RecordApplication
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from soundfile_kit import whole

LOUD, SILENT = b"\x00" * 160, b"\xff" * 160


class Speaker:
    """Says frames in real time."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.payload = LOUD
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        number = 0
        while True:
            number += 1
            stream = self.channel.stream
            if stream is not None:
                stream.hear_in(Frame(ULAW, self.payload, number * 160))  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)


def recorded(
    tmp_path: Path, args: str, during: Callable[[Channel, Speaker], Awaitable[None]] | None = None,
    state: ChannelState = ChannelState.UP,
) -> tuple[str, str]:  # fmt: skip
    """Run Record on a channel; RECORD_STATUS and RECORDED_FILE."""
    found: list[str] = []

    async def scenario(call: Call) -> None:
        module = RecordApplication()
        module.pbx = call.server.pbx
        channel = call.server.sip.incoming("alice", "s")
        if state is ChannelState.UP:
            channel.raw_answer()
        speaker = Speaker(channel)
        task = asyncio.get_running_loop().create_task(module.record(channel, args))
        try:
            if during is not None:
                await asyncio.sleep(0.3)
                await during(channel, speaker)
            try:
                await asyncio.wait_for(task, 10)
            except ChannelHangup:
                found.append("hung up")
        finally:
            speaker.task.cancel()
        found[:0] = [channel.variables.get("RECORD_STATUS", ""), channel.variables.get("RECORDED_FILE", "")]
        await channel.hangup()
        await settle()

    in_a_call(tmp_path, scenario)
    return found[0], found[1]


def press(digits: str) -> Callable[[Channel, Speaker], Awaitable[None]]:
    async def during(channel: Channel, speaker: Speaker) -> None:
        for digit in digits:
            channel.queue_digit(digit)

    return during


@pytest.mark.parametrize(
    ("options", "digits", "status"),
    [
        ("q", "12#", "DTMF"),
        ("qt", "#*", "DTMF"),
        ("qy", "7", "DTMF"),
        ("qo", "10", "OPERATOR"),
        ("qxo", "0", "OPERATOR"),
    ],
)
def test_digits_that_end_it(tmp_path: Path, options: str, digits: str, status: str) -> None:
    found = recorded(tmp_path, f"said.wav,0,5,{options}", press(digits))
    assert found == (status, str(tmp_path / "sounds/said"))
    assert whole(tmp_path / "sounds/said.wav")[0].seconds == pytest.approx(0.3, abs=0.2)


@pytest.mark.parametrize(("options", "digits"), [("q", "123*0"), ("qx", "#*1"), ("qt", "#0")])
def test_digits_that_do_not_and_the_longest_time(tmp_path: Path, options: str, digits: str) -> None:
    assert recorded(tmp_path, f"{tmp_path}/said.sln,,1,{options}", press(digits))[0] == "TIMEOUT"
    assert (tmp_path / "said.sln").stat().st_size / 16000 == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(("options", "kept"), [("q", 1.5), ("qu", 1.8)])
def test_silence_ends_it_and_a_second_of_it_stays(tmp_path: Path, options: str, kept: float) -> None:
    async def during(channel: Channel, speaker: Speaker) -> None:
        speaker.payload = SILENT

    assert recorded(tmp_path, f"said.wav,1.3,9,{options}", during)[0] == "SILENCE"
    assert whole(tmp_path / "sounds/said.wav")[0].seconds == pytest.approx(kept - 0.2, abs=0.25)


def test_nothing_at_all_is_silence_too(tmp_path: Path) -> None:
    async def during(channel: Channel, speaker: Speaker) -> None:
        speaker.task.cancel()

    assert recorded(tmp_path, "said.wav,1,9,q", during)[0] == "SILENCE"


@pytest.mark.parametrize(("options", "kept"), [("q", False), ("qk", True)])
def test_a_hang_up_deletes_the_file_unless_it_is_to_be_kept(tmp_path: Path, options: str, kept: bool) -> None:
    async def during(channel: Channel, speaker: Speaker) -> None:
        channel.queue_hangup()

    assert recorded(tmp_path, f"said.wav,,,{options}", during)[0] == "HANGUP"
    assert (tmp_path / "sounds/said.wav").exists() is kept


def test_numbers_in_names_kinds_after_a_colon_and_several_of_them(tmp_path: Path) -> None:
    for number in range(2):
        status, name = recorded(tmp_path, "a%d:wav&ulaw,,0.3,q")
        assert (status, name) == ("TIMEOUT", str(tmp_path / f"sounds/a{number}"))
    assert sorted(path.name for path in (tmp_path / "sounds").iterdir()) == ["a0.ulaw", "a0.wav", "a1.ulaw", "a1.wav"]


def test_appending(tmp_path: Path) -> None:
    for _ in range(2):
        assert recorded(tmp_path, "one.ulaw,,0.5,qa")[0] == "TIMEOUT"
    assert (tmp_path / "sounds/one.ulaw").stat().st_size == pytest.approx(8000, abs=1500)


@pytest.mark.parametrize(
    "file", ["", "said", "../said.wav", "a/../../said.wav", "said.mp3", ".wav", "said:", "/x.y/said"]
)
def test_what_cannot_be_recorded(tmp_path: Path, file: str) -> None:
    assert recorded(tmp_path, f"{file},,1,q")[0] == "ERROR"
    assert not list(tmp_path.rglob("said*"))


@pytest.mark.parametrize("before", ["", "/tmp/", "greetings/"])
def test_what_a_caller_is_called_chooses_no_folder(tmp_path: Path, before: str) -> None:
    evil = f"{tmp_path}/said" if not before else "../said"
    args = joined([before, foreign(evil), ".wav,,1,q"])
    assert recorded(tmp_path, args)[0] == "ERROR"
    assert not list(tmp_path.rglob("said*"))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "sounds").touch()
    assert recorded(tmp_path, "said.wav,,5,q")[0] == "ERROR"


def test_a_channel_that_was_not_answered(tmp_path: Path) -> None:
    assert recorded(tmp_path, "said.wav,,0.2,qs", state=ChannelState.RING)[0] == "SKIP"
    assert not (tmp_path / "sounds").exists()
    for options in ("q", "qn"):
        assert recorded(tmp_path, f"said.wav,,0.2,{options}", state=ChannelState.RING)[0] == "TIMEOUT"


def test_the_beep_comes_first_and_is_not_recorded(tmp_path: Path) -> None:
    assert recorded(tmp_path, "said.wav,,0.3")[0] == "TIMEOUT"
    assert whole(tmp_path / "sounds/said.wav")[0].seconds == pytest.approx(0.3, abs=0.15)


def test_two_callers_at_a_time_get_two_numbers(tmp_path: Path) -> None:
    found: list[tuple[str, str]] = []

    async def scenario(call: Call) -> None:
        module = RecordApplication()
        module.pbx = call.server.pbx
        channels = [call.server.sip.incoming(name, "s") for name in ("alice", "bob", "alice")]
        await asyncio.gather(*[module.record(channel, "100%d/a%d.wav,,0.3,q") for channel in channels])
        for channel in channels:
            found.append((channel.variables["RECORD_STATUS"], channel.variables["RECORDED_FILE"]))
            await channel.hangup()
        await settle()

    folder = tmp_path / "of%d"  # only the name that was given has a place for a number
    folder.mkdir()
    in_a_call(folder, scenario)
    assert sorted(found) == [("TIMEOUT", str(folder / f"sounds/100{number}/a%d")) for number in range(3)]


def test_a_number_that_nothing_is_recorded_with_is_free_again(tmp_path: Path) -> None:
    assert recorded(tmp_path, "a%d.wav&wav,,1,q")[0] == "ERROR"
    assert recorded(tmp_path, "a%d.mp3,,1,q")[0] == "ERROR"
    (tmp_path / "sounds/file").touch()
    assert recorded(tmp_path, "file/a%d.wav,,1,q")[0] == "ERROR"
    assert [path.name for path in (tmp_path / "sounds").iterdir()] == ["file"]


def test_what_a_caller_is_called_is_no_option_separator_or_number(tmp_path: Path) -> None:
    args = joined([foreign("a,%d"), ".wav,,0.3,q", foreign("(s)")])
    assert recorded(tmp_path, args, state=ChannelState.RING) == ("TIMEOUT", str(tmp_path / "sounds/a,%d"))


def test_a_file_is_deleted_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[bool] = []
    monkeypatch.setattr(
        Path, "unlink", lambda path: where.append(threading.current_thread() is threading.main_thread())
    )

    async def during(channel: Channel, speaker: Speaker) -> None:
        channel.queue_hangup()

    assert recorded(tmp_path, "said.wav,,,q", during)[0] == "HANGUP"
    assert where == [False]
