"""Ogg files."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest

from asterism.media.formats import OPUS, SLIN, SLIN16, SLIN48, SPEEX, ULAW
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.contents import Contents
from asterism.media.soundfiles.kinds.ogg import KINDS, checksum, duration
from asterism.media.soundfiles.kinds.ogg import page as made_page
from asterism.media.translate import path as translation_path
from asterism.testing.tone import level
from soundfile_kit import level_at, tone, whole, write_encoded


def page(packets: list[bytes], serial: int = 1, granule: int = 0, flags: int = 0) -> bytes:
    """One page of whole packets."""
    sizes = b"".join(b"\xff" * (len(one) // 255) + bytes((len(one) % 255,)) for one in packets)
    head = b"OggS\0" + bytes((flags,)) + granule.to_bytes(8, "little") + serial.to_bytes(4, "little") + bytes(8)
    data = head + bytes((len(sizes),)) + sizes + b"".join(packets)
    return data[:22] + checksum(data).to_bytes(4, "little") + data[26:]


def opus_head(channels: int = 1, lead: int = 0, family: int = 0, version: int = 1) -> bytes:
    return (
        b"OpusHead" + bytes((version, channels)) + lead.to_bytes(2, "little") + (48000).to_bytes(4, "little") + bytes(2)
        + bytes((family,))
    )  # fmt: skip


def opened(path: Path, told: list[str] | None = None) -> Contents:
    with path.open("rb") as file:
        contents = KINDS[0].open(file, (told if told is not None else []).append)
        return contents._replace(run=lambda start, run=contents.run: _taken(path, run, start))  # type: ignore[misc]


def _taken(path: Path, _run: object, start: float):
    told: list[str] = []
    with path.open("rb") as file:
        run = KINDS[0].open(file, told.append).run(start)
        return run._replace(payloads=iter(list(run.payloads)))


@pytest.fixture
def opus(tmp_path: Path) -> Path:
    return write_encoded(tmp_path / "x.opus", "libopus", tone(440, 48000, 3), 48000, "ogg")


def test_the_checksum_is_that_of_others(opus: Path) -> None:
    data = opus.read_bytes()
    size = 27 + data[26] + sum(data[27 : 27 + data[26]])
    assert checksum(data[:size]) == int.from_bytes(data[22:26], "little")
    assert checksum(data[:size]) != zlib.crc32(data[:size])


def test_packets_length_and_the_lead_in(opus: Path) -> None:
    contents = opened(opus)
    assert contents.format is OPUS
    assert contents.seconds == pytest.approx(3, abs=0.01)
    run = contents.run(0)
    assert 0 < run.skip < 0.02
    assert sum(map(duration, run.payloads)) == pytest.approx(3 + run.skip, abs=0.02)


def test_a_decoder_is_in_step_at_a_place(opus: Path) -> None:
    run = opened(opus).run(2)
    assert 0.08 <= run.skip < 0.101
    assert sum(map(duration, run.payloads)) == pytest.approx(1 + run.skip, abs=0.03)


@pytest.mark.parametrize("target", [SLIN, SLIN16, SLIN48, ULAW, OPUS])
def test_it_is_heard(opus: Path, target) -> None:
    sound, data = whole(opus, target)
    assert sum(1 for _ in sound.frames()) == pytest.approx(150, abs=1)
    if sound.format is not ULAW:
        assert level_at(data[sound.format.sample_rate // 5 :], 440, rate=sound.format.sample_rate) > 0.9
        rest = b"".join(frame.payload for frame in sound.frames(2500))
        assert level_at(rest, 440, rate=sound.format.sample_rate) > 0.9


def test_opus_in_a_file_that_says_vorbis(opus: Path) -> None:
    renamed = opus.rename(opus.with_suffix(".ogg"))
    assert level(whole(renamed)[1], 440) > 0.9


def test_a_file_that_is_cut_off_is_played_as_far_as_it_goes(opus: Path) -> None:
    data = opus.read_bytes()
    opus.write_bytes(data[: len(data) * 2 // 3])
    told: list[str] = []
    _, heard = whole(opus, SLIN, told.append)
    assert told == [f"{opus}: is cut off in the middle of a page"]
    assert 8000 < len(heard) < 40000
    assert level(heard[1600:], 440) > 0.9


def test_what_is_broken_is_passed_over(opus: Path) -> None:
    data = bytearray(opus.read_bytes())
    second = data.find(b"OggS", data.find(b"OggS", data.find(b"OggS", 1) + 1) + 100)
    data[second + 200] ^= 0xFF
    opus.write_bytes(data)
    told: list[str] = []
    _, heard = whole(opus, SLIN, told.append)
    assert told == [f"{opus}: is broken in places"]
    assert 8000 < len(heard) < 44000


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no Ogg file"),
        (b"OggS", "is no Ogg file"),
        (b"nonsense" * 10_000, "is no Ogg file"),
        (b"OggS" * 60_000, "is no Ogg file"),
        (page([b"\x01theora"], flags=2), "neither Opus nor Speex nor Vorbis"),
        (page([opus_head(channels=6, family=1)], flags=2), "with 6 channels, family 1"),
        (page([opus_head(channels=0)], flags=2), "0 channels"),
        (page([opus_head(version=16)], flags=2), "version 16"),
    ],
)
def test_what_is_none(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "x.opus").write_bytes(content)
    with pytest.raises(SoundError, match=rf"x\.opus.*{why}"):
        whole(tmp_path / "x.opus")


def test_headers_other_streams_and_endless_packets_are_no_sound(tmp_path: Path) -> None:
    sound = b"\xf8\x01\x02"
    picture = b"OggS\0\0" + bytes(8) + (1).to_bytes(4, "little") + bytes(8) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)
    picture = picture[:22] + checksum(picture).to_bytes(4, "little") + picture[26:]
    path = tmp_path / "x.opus"
    path.write_bytes(
        page([opus_head()], flags=2) + page([b"other"], serial=2, flags=2) + page([b"OpusTags"]) + picture
        + picture[:5] + b"\x01" + picture[6:22]
    )  # fmt: skip
    more = page([b"other sound"], serial=2) + page([sound, sound], granule=1920)
    # a file made of two: the second has its own headers, and its own number
    following = page([opus_head()], serial=7, flags=2) + page([b"OpusTags", sound], serial=7, granule=960)
    path.write_bytes(path.read_bytes()[:-22] + more + following)
    assert list(opened(path).run(0).payloads) == [sound] * 3


@pytest.mark.parametrize(
    ("packet", "seconds"),
    [
        (b"", 0), (b"\x00", 0.01), (b"\x18", 0.06), (b"\x60", 0.01), (b"\x68", 0.02), (b"\x80", 0.0025),
        (b"\xf8", 0.02), (b"\xf9", 0.04), (b"\xfb\x03", 0.06), (b"\xfb", 0), (b"\xfb\x3f", 0),
    ],
)  # fmt: skip
def test_the_length_of_a_packet(packet: bytes, seconds: float) -> None:
    assert duration(packet) == pytest.approx(seconds)


def test_speex(tmp_path: Path) -> None:
    head = bytearray(80)
    head[:8] = b"Speex   "
    head[36:40], head[64:68] = (8000).to_bytes(4, "little"), (1).to_bytes(4, "little")
    path = tmp_path / "x.spx"
    packets = [bytes((number,)) * 38 for number in range(100)]
    path.write_bytes(page([bytes(head)], flags=2) + page([b"comment"]) + page(packets, granule=16000))
    sound, data = whole(path, SPEEX)
    assert (sound.format, sound.seconds, data) == (SPEEX, 2, b"".join(packets))
    assert b"".join(frame.payload for frame in sound.frames(1000)) == b"".join(packets[50:])


def test_opus_can_be_read_with_what_is_installed() -> None:
    assert translation_path(OPUS, SLIN48) is not None
    assert [kind.reason() for kind in KINDS] == [""] * len(KINDS)


def grown(seconds: float = 1.0, finished: bool = True) -> bytes:
    growth = KINDS[0].grow(1)
    data = growth.encode(tone(440, 48000, seconds))
    return data + growth.finish() if finished else data


def pages_of(data: bytes) -> list[tuple[int, int, int]]:
    """Flags, granule and number of each page, whose checksums are right."""
    found, at = [], 0
    while at < len(data):
        size = 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
        piece = data[at : at + size]
        assert checksum(piece) == int.from_bytes(piece[22:26], "little")
        found.append((piece[5], int.from_bytes(piece[6:14], "little"), int.from_bytes(piece[18:22], "little")))
        at += size
    return found


def test_what_is_written_is_a_stream_with_an_end() -> None:
    assert made_page(2, 7, 3, 0, [b"x" * 255, b"y"]) == page([b"x" * 255, b"y"], 3, 7, 2)
    assert pages_of(grown()) == [(2, 0, 0), (0, 0, 1), (0, 48000, 2), (4, 48000, 3)]
    assert pages_of(grown(0)) == [(2, 0, 0), (0, 0, 1), (4, 0, 2)]


def test_many_packets_at_once_are_several_pages() -> None:
    found = pages_of(grown(6.0, finished=False))
    assert [number for _, _, number in found] == list(range(len(found)))
    assert found[-1][1] == 6 * 48000
    assert len(found) > 3


@pytest.mark.parametrize("flag_on_sound", [False, True])
def test_a_stream_goes_on_behind_its_last_sound(flag_on_sound: bool) -> None:
    data = grown()
    if flag_on_sound:  # as others end a stream
        made = bytearray(grown(finished=False))
        begin = made.rfind(b"OggS")
        made[begin + 5] = 4
        made[begin + 22 : begin + 26] = checksum(bytes(made[begin:])).to_bytes(4, "little")
        data = bytes(made)
    growth = KINDS[0].grow(1)
    at = growth.resume(io.BytesIO(data))
    after = data[:at] + growth.encode(tone(440, 48000)) + growth.finish()
    assert pages_of(after) == [(2, 0, 0), (0, 0, 1), (0, 48000, 2), (0, 96000, 3), (4, 96000, 4)]
    assert len({after[i + 14 : i + 18] for i in range(len(after)) if after.startswith(b"OggS", i)}) == 1


def test_a_page_that_was_not_written_wholly_is_replaced() -> None:
    growth = KINDS[0].grow(1)
    data = grown(finished=False)
    assert growth.resume(io.BytesIO(data[:-1])) == data.rfind(b"OggS")


def test_a_file_of_others_is_added_to(opus: Path) -> None:
    before = opened(opus).seconds
    growth = KINDS[0].grow(1)
    with opus.open("rb") as file:
        at = growth.resume(file)
    assert growth.seconds(at) == pytest.approx(before, abs=0.03)
    opus.write_bytes(opus.read_bytes()[:at] + growth.encode(tone(1000, 48000)) + growth.finish())
    sound, heard = whole(opus, SLIN)
    assert sound.seconds == pytest.approx(4, abs=0.1)
    assert level(heard[-12000:], 1000) > 0.8
    assert level(heard[8000:40000], 440) > 0.8


@pytest.mark.parametrize(("rate", "frames", "taken"), [(8000, 1, True), (16000, 1, False), (8000, 2, False)])
def test_speex_of_another_rate_is_not_added_to(rate: int, frames: int, taken: bool) -> None:
    growth = next(kind for kind in KINDS if kind.name == "ogg_speex").grow(1)
    head = bytearray(b"Speex   1.2rc1".ljust(80, b"\0"))
    for at, number in ((36, rate), (48, 1), (64, frames)):
        head[at : at + 4] = number.to_bytes(4, "little")
    file = io.BytesIO(page([bytes(head)], flags=2) + page([b"comments"]))
    if taken:
        assert growth.resume(file) == len(file.getvalue())
    else:
        with pytest.raises(SoundError, match="nothing can be added"):
            growth.resume(file)


@pytest.mark.parametrize("content", [b"", b"no Ogg at all", b"OggS"])
def test_nothing_is_added_to_what_is_none(content: bytes) -> None:
    with pytest.raises(SoundError, match="nothing can be added"):
        KINDS[0].grow(1).resume(io.BytesIO(content))


def test_a_piece_that_had_no_room_does_not_count() -> None:
    growth = KINDS[0].grow(1)
    first = len(growth.encode(tone(440, 48000)))
    more = len(growth.encode(tone(440, 48000)))
    assert growth.whole(first + more) == first + more
    assert growth.whole(first + more - 1) == first
