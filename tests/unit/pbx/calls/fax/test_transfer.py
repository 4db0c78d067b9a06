"""A fax from one channel to another: its pages, variables, events, and what becomes of it when the call ends."""

from __future__ import annotations

import asyncio
import random
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_technology import settle
from faxing_kit import World, faxing, with_t38

from asterism.media.fax import library, terminal
from asterism.media.fax.library import MissingFaxLibraryError
from asterism.media.fax.terminal import T38Terminal, Terminal
from asterism.pbx.calls.fax import transfer
from asterism.pbx.calls.fax.session import FaxSession
from asterism.pbx.channels.t38 import USUAL, t38_of
from asterism.pbx.dialplan.language.foreign import foreign, is_foreign
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto, HungUpAway
from fax_pages import assert_same, one_page, page, read_pages, write_pages


def test_a_fax_of_several_files_and_what_both_sides_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [page(40, seed) for seed in range(3)]
    one, two = write_pages(tmp_path / "1.tif", *pages[:2]), write_pages(tmp_path / "2.tif", pages[2])

    async def scenario(world: World) -> None:
        world.write(world.alice, "localstationid", "+49 30 1")
        world.bob.set_variable("LOCALSTATIONID", "+49 40 2")
        await asyncio.gather(
            world.start(world.alice, "SendFAX", f"{one}&{two},s"), world.start(world.bob, "ReceiveFAX", "in.tif")
        )
        for channel, remote in ((world.alice, "+49 40 2"), (world.bob, "+49 30 1")):
            told = {name: channel.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES", "FAXMODE")}
            assert told == {"FAXSTATUS": "SUCCESS", "FAXERROR": "", "FAXPAGES": "3", "FAXMODE": "audio"}
            assert channel.get_variable("FAXSTATUSSTRING") == "OK"
            assert channel.get_variable("FAXBITRATE") == world.read(channel, "rate") == "14400"
            assert channel.get_variable("FAXRESOLUTION") == world.read(channel, "resolution") == "8031x3850"
            assert channel.get_variable("REMOTESTATIONID") == world.read(channel, "remotestationid") == remote
            assert is_foreign(world.read(channel, "remotestationid"))
            assert is_foreign(channel.get_variable("REMOTESTATIONID") or "")
            assert channel.state is ChannelState.UP
        assert world.read(world.alice, "filenames") == f"{one},{two}"
        assert world.read(world.bob, "filename") == str(tmp_path / "fax" / "in.tif")
        steps = [fields["Status"] for fields in world.server.fields("FAXStatus")]
        assert steps == [
            "Allocating Resources", "FAX Transmission In Progress", "Negotiated 14400 bit/s", "Page 1", "Page 2",
            "Page 3", "FAX Transmission Complete: SUCCESS",
        ]  # fmt: skip
        (sent,), (received,) = world.server.fields("SendFAX"), world.server.fields("ReceiveFAX")
        assert (sent["PagesTransferred"], sent["RemoteStationID"]) == ("3", "+49 40 2")
        assert (received["PagesTransferred"], received["FileName"]) == ("3", str(tmp_path / "fax" / "in.tif"))

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", *pages)


def test_terms_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without error correction, at most 9600 bit/s, with a line above the page."""
    sent = page(200)

    async def scenario(world: World) -> None:
        world.write(world.alice, "ecm", "no")
        world.write(world.alice, "headerinfo", "From the test")
        world.write(world.bob, "maxrate", "9600")
        seen: list[bool] = []
        begin = world.pbx.faxes.end

        def end(session: object, success: bool) -> None:
            seen.append(session.transfer.ecm)  # type: ignore[attr-defined]
            begin(session, success)  # type: ignore[arg-type]

        monkeypatch.setattr(world.pbx.faxes, "end", end)
        file = write_pages(tmp_path / "1.tif", sent)
        await asyncio.gather(
            world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        )
        assert world.bob.get_variable("FAXSTATUS") == "SUCCESS"
        assert world.bob.get_variable("FAXBITRATE") == "9600"
        assert seen == [False, False]

    faxing(tmp_path, scenario, monkeypatch)
    (received,) = read_pages(tmp_path / "fax" / "in.tif")
    assert received.height > sent.height
    assert received.crop((0, received.height - sent.height, *received.size)).tobytes() == sent.tobytes()


def test_a_hang_up_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pages(tmp_path / "1.tif", page(400))
    kept = tmp_path / "fax" / "in.tif"
    kept.parent.mkdir()
    kept.write_bytes(b"what was there")

    async def scenario(world: World) -> None:
        sending = world.start(world.alice, "SendFAX", str(file))
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(9)
        assert "Active" in world.console("fax show sessions")
        world.bob.queue_hangup(16)
        world.alice.queue_hangup(16)
        for task in (sending, receiving):
            with pytest.raises(ChannelHangup):
                await task
        for channel in (world.alice, world.bob):
            told = [channel.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES")]
            assert told == ["FAILED", "HANGUP", "0"]
        assert not world.server.fields("ReceiveFAX")
        assert not world.streams[0].closed

    faxing(tmp_path, scenario, monkeypatch)
    assert kept.read_bytes() == b"what was there"
    assert [path.name for path in kept.parent.iterdir()] == ["in.tif"]


def test_a_page_or_a_file_without_end_ends_the_fax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pages(tmp_path / "1.tif", page(300, 1), page(300, 2))

    async def scenario(world: World) -> None:
        world.write(world.alice, "ecm", "no")
        for name, limit, pages in (("MOST_ROWS", 200, "0"), ("LARGEST", 300, "1")):
            with monkeypatch.context() as patch:
                patch.setattr(terminal, name, limit)
                sending = world.start(world.alice, "SendFAX", str(file))
                await world.start(world.bob, "ReceiveFAX", f"{name}.tif")
                told = [world.bob.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES")]
                assert told == ["FAILED", "TIMEOUT", pages]
                await sending
            assert world.alice.get_variable("FAXSTATUS") == "FAILED"

    faxing(tmp_path, scenario, monkeypatch)
    assert not (tmp_path / "fax" / "MOST_ROWS.tif").exists()
    assert len(read_pages(tmp_path / "fax" / "LARGEST.tif")) == 1


def test_a_disk_that_is_full_ends_the_fax_and_the_far_end_hears_of_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library tells success of pages that it could not write."""
    noise = page(40, 2)
    noise.putdata([bit & 1 for bit in random.Random(1).randbytes(noise.width * noise.height)])
    file = write_pages(tmp_path / "1.tif", page(40, 1), noise)
    assert file.stat().st_size > 12_000
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def scenario(world: World) -> None:
        sending = world.start(world.alice, "SendFAX", str(file))
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, usual[1]))
        try:
            await world.start(world.bob, "ReceiveFAX", "in.tif")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        told = [world.bob.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES")]
        assert told == ["FAILED", "FILE_ERROR", "1"]
        assert "disk full" in str(world.bob.get_variable("FAXSTATUSSTRING"))
        assert world.pbx.faxes.counts.outcomes["G.711", "File Error"] == 1
        await sending
        assert [world.alice.get_variable(name) for name in ("FAXSTATUS", "FAXPAGES")] == ["FAILED", "1"]

    faxing(tmp_path, scenario, monkeypatch)
    assert len(read_pages(tmp_path / "fax" / "in.tif")) == 1


def test_a_damaged_page_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, damaged = write_pages(tmp_path / "1.tif", page(40, 1)), tmp_path / "2.tif"
    damaged.write_bytes(one_page(bytes(range(256))))

    async def scenario(world: World) -> None:
        sending = world.start(world.alice, "SendFAX", f"{good}&{damaged}")
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif")
        await sending
        told = [world.alice.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES", "FAXSTATUSSTRING")]
        assert told == ["FAILED", "FILE_ERROR", "1", "page 2 of what is sent is damaged"]
        world.bob.queue_hangup(16)
        with pytest.raises(ChannelHangup):
            await receiving
        assert world.bob.get_variable("FAXPAGES") == "1"

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", page(40, 1))


def test_pages_that_were_acknowledged_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = page(40, 1), page(2000, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        world.start(world.alice, "SendFAX", str(file))
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(20)
        for channel in (world.alice, world.bob):
            channel.queue_hangup(16)
        with pytest.raises(ChannelHangup):
            await receiving
        await settle()
        assert world.bob.get_variable("FAXSTATUS") == "FAILED"
        assert world.bob.get_variable("FAXPAGES") == "1"

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", pages[0])


def test_a_far_end_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pages(tmp_path / "1.tif", page(40))

    async def scenario(world: World) -> None:
        began = world.pbx.loop.time()
        await world.start(world.alice, "SendFAX", str(file))
        assert 30 < world.pbx.loop.time() - began < 120
        assert world.alice.get_variable("FAXSTATUS") == "FAILED"
        assert world.alice.get_variable("FAXERROR") == "TIMEOUT"
        assert world.alice.speaks is None

    faxing(tmp_path, scenario, monkeypatch)


@pytest.mark.parametrize(
    ("application", "args", "error"),
    [
        ("SendFAX", "", "INVALID_ARGUMENTS"),
        ("SendFAX", "../x.tif", "INVALID_ARGUMENTS"),
        ("SendFAX", "none.tif", "FILE_ERROR"),
        ("ReceiveFAX", "", "INVALID_ARGUMENTS"),
        ("ReceiveFAX", "/proc/none/x.tif", "FILE_ERROR"),
        ("ReceiveFAX", "/", "INVALID_ARGUMENTS"),
    ],
)
def test_what_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, application: str, args: str, error: str
) -> None:
    async def scenario(world: World) -> None:
        await world.start(world.alice, application, args)
        assert world.alice.get_variable("FAXSTATUS") == "FAILED"
        assert world.alice.get_variable("FAXERROR") == error
        assert world.alice.get_variable("FAXSTATUSSTRING")
        assert world.alice.state is ChannelState.RING  # nobody was told that there is a fax machine

    faxing(tmp_path, scenario, monkeypatch)


def test_without_the_library_the_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingFaxLibraryError("fax needs libspandsp.so.2: install the package libspandsp2")

    async def scenario(world: World) -> None:
        monkeypatch.setattr(library, "spandsp", missing)
        await world.start(world.alice, "ReceiveFAX", "in.tif")
        assert world.alice.get_variable("FAXERROR") == "INIT_ERROR"
        assert "libspandsp2" in (world.alice.get_variable("FAXSTATUSSTRING") or "")
        assert world.alice.state is ChannelState.RING  # it is no fax machine that nobody else can be asked after
        assert "libspandsp2" in world.console("fax show capabilities")

    faxing(tmp_path, scenario, monkeypatch)
    assert not (tmp_path / "fax").exists()


def test_a_fax_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "LONGEST_PAGE", 8.0)
    file = write_pages(tmp_path / "1.tif", page(3000))

    async def scenario(world: World) -> None:
        await asyncio.gather(
            world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        )
        assert world.bob.get_variable("FAXERROR") == "TIMEOUT"

    faxing(tmp_path, scenario, monkeypatch)


def test_a_program_sends_and_receives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = page(40)
    file = write_pages(tmp_path / "1.tif", sent)

    async def scenario(world: World) -> None:
        results = await asyncio.gather(world.alice.send_fax(str(file)), world.bob.receive_fax("in.tif"))
        for result in results:
            assert (result.success, result.pages, result.mode, result.error) == (True, 1, "audio", "")
        assert [one.files for one in results] == [(file,), (tmp_path / "fax" / "in.tif",)]
        failed = await world.alice.send_fax("none.tif")
        assert (failed.success, failed.error) == (False, "FILE_ERROR")

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", sent)


class Threads:
    """Threads in virtual time: what runs in one goes on when nobody waits for it any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
        self._seconds = seconds
        self.running: list[str] = []
        monkeypatch.setattr(asyncio, "to_thread", self.run)

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.shield(asyncio.ensure_future(self._work(function, args)))

    async def _work(self, function: Callable[..., Any], args: Any) -> Any:
        self.running.append(function.__name__)
        try:
            await asyncio.sleep(self._seconds.get(function.__name__, 0.1))
            return function(*args)
        finally:
            self.running.remove(function.__name__)


@pytest.mark.parametrize("receives", [True, False])
def test_who_cancels_it_while_files_are_prepared_has_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receives: bool
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    files = [write_pages(tmp_path / f"{name}.tif", page(40)) for name in "ab"]

    async def scenario(world: World) -> None:
        threads = Threads(monkeypatch, prepare=5)
        name, args = ("ReceiveFAX", "in.tif") if receives else ("SendFAX", "&".join(map(str, files)))
        task = world.start(world.alice, name, args)
        await asyncio.sleep(1)
        assert threads.running == ["prepare"]
        for _ in range(2):  # impatient
            task.cancel()
            await settle()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert threads.running == []
        assert world.alice.get_variable("FAXSTATUS") == "FAILED"
        assert world.alice.state is ChannelState.RING
        assert "Call Dropped         : 1" in world.console("fax show stats")

    faxing(tmp_path, scenario, monkeypatch)
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "fax").exists() or list((tmp_path / "fax").iterdir()) == []


def test_a_terminal_is_not_freed_while_a_thread_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pages(tmp_path / "1.tif", page(400))
    busy: list[bool] = []

    async def scenario(world: World) -> None:
        threads = Threads(monkeypatch, hang_up=5)
        close = Terminal.close

        def watched(terminal: Terminal) -> None:
            busy.append("hang_up" in threads.running)
            close(terminal)

        monkeypatch.setattr(Terminal, "close", watched)
        both = world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(9)
        for channel in (world.alice, world.bob):
            channel.queue_hangup(16)
        await asyncio.sleep(1)
        assert threads.running == ["hang_up"] * 2
        for task in both:
            task.cancel()
        await asyncio.wait(both)

    faxing(tmp_path, scenario, monkeypatch)
    assert busy == [False, False]


@pytest.mark.parametrize("how", ["redirected", "cancelled", "hung up away"])
def test_pages_are_kept_whatever_takes_the_channel_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    pages = page(40, 1), page(2000, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        sending = world.start(world.alice, "SendFAX", str(file))
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(20)
        expected: type[BaseException]
        if how == "redirected":
            expected = Goto
            world.bob.task = receiving  # as when its dialplan runs it
            world.bob.redirect(Goto("elsewhere", "s"))
        elif how == "cancelled":
            expected = asyncio.CancelledError
            receiving.cancel()
        else:
            expected, park = HungUpAway, world.bob.check

            def check() -> None:
                try:
                    park()
                except ChannelHangup:
                    raise HungUpAway from None

            monkeypatch.setattr(type(world.bob), "check", lambda channel: check() if channel is world.bob else None)
            world.bob.queue_hangup(16)
        with pytest.raises(expected):
            await receiving
        world.bob.task = None
        told = [world.bob.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES")]
        assert told == ["FAILED", "HANGUP", "1"]
        assert world.read(world.bob, "filename") == str(tmp_path / "fax" / "in.tif")
        assert world.bob.speaks is None
        world.alice.queue_hangup(16)
        await asyncio.wait((sending,))

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", pages[0])


def test_pages_whose_place_is_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were acknowledged: they are kept, and it is told where."""
    sent = page(40)
    file = write_pages(tmp_path / "1.tif", sent)
    kept: list[Path] = []

    async def scenario(world: World) -> None:
        both = world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(5)
        (tmp_path / "fax" / "in.tif").mkdir()
        await asyncio.wait(both)
        told = [world.bob.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES", "FAXBITRATE")]
        assert told == ["FAILED", "FILE_ERROR", "1", "14400"]
        kept.append(Path(world.read(world.bob, "filename")))
        assert str(kept[0]) in (world.bob.get_variable("FAXSTATUSSTRING") or "")
        stats = world.console("fax show stats")
        assert "Completed FAXes      : 1\nFailed FAXes         : 1\n" in stats
        audio = stats.partition("Spandsp T.38")[0]
        assert "\nSuccess              : 1\n" in audio
        assert "\nFile Error           : 1\n" in audio

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(kept[0], sent)
    assert sorted((tmp_path / "fax").iterdir()) == sorted((tmp_path / "fax" / "in.tif", kept[0]))


def test_a_fax_that_ends_without_a_page_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted is what the dialplan is told."""
    file = write_pages(tmp_path / "1.tif", page(40))
    found = Terminal.transfer
    monkeypatch.setattr(Terminal, "transfer", lambda terminal: found(terminal)._replace(pages=0))

    async def scenario(world: World) -> None:
        await asyncio.wait(
            [world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")]
        )
        for channel in (world.alice, world.bob):
            told = [channel.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXSTATUSSTRING")]
            assert told == ["FAILED", "PROTOCOL_ERROR", "No page has passed"]
        stats = world.console("fax show stats")
        assert "Failed FAXes         : 2\n" in stats
        assert "\nNo FAX               : 2\n" in stats
        assert "\nSuccess              : 2\n" not in stats

    faxing(tmp_path, scenario, monkeypatch)
    assert list((tmp_path / "fax").iterdir()) == []


def test_silence_in_audio_does_not_end_the_fax_that_goes_on_by_t38(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T.38 is agreed on in the moment in which the far end's silence has become too long."""
    sent = page(40)
    file = write_pages(tmp_path / "1.tif", sent)
    silent: list[bool] = []

    async def scenario(world: World) -> None:
        sides = with_t38(world.alice, world.bob)
        world.write(world.bob, "t38timeout", "100")
        world.bob.driver.t38_request = lambda _: None

        def too_silent(terminal: Terminal) -> float:
            if isinstance(terminal, T38Terminal) or silent:
                return 0.0
            silent.append(True)
            for side in sides:
                driver: Any = side.channel.driver
                driver.t38_port = side.port
                t38_of(side.channel).negotiated(USUAL)
            return 2 * transfer.LONGEST_SILENCE

        receiving = world.start(world.bob, "ReceiveFAX", "in.tif,f")
        await asyncio.sleep(2)
        assert "G.711" in world.console("fax show sessions")
        monkeypatch.setattr(transfer, "_silent", too_silent)
        await asyncio.wait((receiving, world.start(world.alice, "SendFAX", str(file))))
        told = [world.bob.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXMODE")]
        assert told == ["SUCCESS", "", "T38"]

    faxing(tmp_path, scenario, monkeypatch)
    assert silent
    assert_same(tmp_path / "fax" / "in.tif", sent)


def test_names_from_outside_stay_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        receiving = world.start(world.bob, "ReceiveFAX", foreign("x$(id).tif"))
        await settle()
        assert is_foreign(world.read(world.bob, "filename"))
        assert is_foreign(world.read(world.bob, "filenames"))
        await world.start(world.alice, "SendFAX", foreign("x$(id).tif"))
        for text in (world.read(world.alice, "statusstr"), world.alice.get_variable("FAXSTATUSSTRING") or ""):
            assert "$(id)" in text
            assert is_foreign(text)
        world.bob.queue_hangup(16)
        await asyncio.wait((receiving,))
        assert is_foreign(world.read(world.bob, "filename"))

    faxing(tmp_path, scenario, monkeypatch)


@pytest.mark.parametrize(
    "setting", ["maxrate=9600", "modems=v27", "ecm=no", "minrate=9600\nmodems=v27,v29", "statusevents=yes"]
)
def test_the_settings_hold_for_faxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    file = write_pages(tmp_path / "1.tif", page(40))
    ended: list[tuple[int, bool]] = []

    async def scenario(world: World) -> None:
        world.write(world.alice, "maxrate", "4800" if setting.startswith("minrate") else "14400")
        (tmp_path / "res_fax.conf").write_text(f"[general]\n{setting}\n")
        world.module.reload()
        end = world.pbx.faxes.end

        def watched(session: FaxSession, success: bool) -> None:
            if session.transfer is not None:
                ended.append((session.transfer.rate, session.transfer.ecm))
            end(session, success)

        monkeypatch.setattr(world.pbx.faxes, "end", watched)
        await asyncio.wait(
            [world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")]
        )
        assert bool(world.server.fields("FAXStatus")) is (setting == "statusevents=yes")
        if setting.startswith("minrate"):  # the modem of who sends is too slow for who receives
            assert [one.get_variable("FAXSTATUS") for one in (world.alice, world.bob)] == ["FAILED", "FAILED"]
            return
        assert world.bob.get_variable("FAXSTATUS") == "SUCCESS"
        rate = {"maxrate=9600": 9600, "modems=v27": 4800}.get(setting, 14400)
        assert ended == [(rate, setting != "ecm=no")] * 2

    faxing(tmp_path, scenario, monkeypatch)


def test_every_item_tells_of_the_last_fax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [write_pages(tmp_path / f"{name}.tif", page(40)) for name in "ab"]
    names = (
        "status", "statusstr", "error", "pages", "rate", "resolution", "remotestationid", "localstationid", "sessionid",
        "filename", "filenames",
    )  # fmt: skip

    async def scenario(world: World) -> None:
        world.write(world.alice, "localstationid", "1")
        world.write(world.bob, "localstationid", "2")
        for number in (0, 2):
            both = (
                world.start(world.alice, "SendFAX", "&".join(map(str, files))),
                world.start(world.bob, "ReceiveFAX", "in.tif"),
            )
            await settle()
            assert [world.read(world.alice, name) for name in ("status", "pages", "rate")] == ["", "0", "0"]
            await asyncio.wait(both)
            assert [world.read(world.alice, name) for name in names] == [
                "SUCCESS", "OK", "", "2", "14400", "8031x3850", "2", "1", str(number), str(files[0]),
                f"{files[0]},{files[1]}",
            ]  # fmt: skip
            target = str(tmp_path / "fax" / "in.tif")
            assert [world.read(world.bob, name) for name in names] == [
                "SUCCESS", "OK", "", "2", "14400", "8031x3850", "1", "2", str(number + 1), target, target,
            ]  # fmt: skip
        await world.start(world.bob, "ReceiveFAX", "")
        assert [world.read(world.bob, name) for name in names] == [
            "FAILED", "it needs the name of a file", "INVALID_ARGUMENTS", "0", "0", "", "", "2", "", "", "",
        ]  # fmt: skip

    faxing(tmp_path, scenario, monkeypatch)


@pytest.mark.parametrize("how", ["option", "command"])
def test_what_t30_does_is_told_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    file = write_pages(tmp_path / "1.tif", page(40))
    lines: list[str] = []

    async def scenario(world: World) -> None:
        monkeypatch.setattr(type(world.pbx.log), "fax", lambda _, text, *args: lines.append(text % args))
        await asyncio.gather(
            world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        )
        assert lines == []
        if how == "command":
            world.console("fax set debug", "on")
        await asyncio.gather(
            world.start(world.alice, "SendFAX", f"{file},{'d' if how == 'option' else ''}"),
            world.start(world.bob, "ReceiveFAX", "in.tif"),
        )
        told = {line.partition(":")[0] for line in lines}
        assert told == ({"Fax session 2"} if how == "option" else {"Fax session 2", "Fax session 3"})
        assert any("DCS" in line for line in lines)

    faxing(tmp_path, scenario, monkeypatch)
