"""Each codec of video between two phones: its parameters in both descriptions, its packets octet by octet."""

from __future__ import annotations

from pathlib import Path

import pytest
from session_bench import Bench, on_bench
from stream_phone import Port, audio, describe, sections
from test_session_streams import Call, change, video_passes

from asterism.sip.objects.codecs import CodecList

CODECS = [
    ("h261", "H261/90000", 31, "CIF=2;QCIF=1;D=1", "cif=2;qcif=1;d=1"),
    ("h263", "H263/90000", 34, "QCIF=1;CIF=2;MaxBR=3840", "qcif=1;cif=2;maxbr=3840"),
    ("h263p", "H263-1998/90000", 115, "CIF=1;QCIF=1;I=1;J=1;T=1", "qcif=1;cif=1;i=1;j=1;t=1"),
    (
        "h264", "H264/90000", 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f;foo=bar",
        "packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=42E01F",
    ),
    ("h265", "H265/90000", 116, "profile-id=1;level-id=93;tx-mode=SRST", "profile-id=1;level-id=93;tx-mode=SRST"),
    ("mpeg4", "MP4V-ES/90000", 117, "profile-level-id=3;config=000001B0", "profile-level-id=3;config=000001B0"),
    ("vp8", "VP8/90000", 96, "max-fr=30;max-fs=3600", "max-fr=30;max-fs=3600"),
    ("vp9", "VP9/90000", 98, "profile-id=0", "profile-id=0"),
    ("av1", "AV1/90000", 45, "level-idx=5;profile=0;tier=0", "profile=0;level-idx=5;tier=0"),
]  # fmt: skip


def video(port: Port, number: int, encoding: str, parameters: str) -> str:
    return f"m=video {port.number} RTP/AVP {number}\r\na=rtpmap:{number} {encoding}\r\na=fmtp:{number} {parameters}\r\n"


def parameters_of(lines: list[str]) -> str:
    return next(line.partition(" ")[2] for line in lines if line.startswith("a=fmtp:"))


@pytest.mark.parametrize(("name", "encoding", "number", "said", "passed"), CODECS, ids=[one[0] for one in CODECS])
def test_a_codec_passes_with_its_parameters(
    name: str, encoding: str, number: int, said: str, passed: str, tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        for each in ("alice", "bob"):
            change(bench, each, allow=CodecList(("ulaw", name)))
        call = Call(bench)
        await call.begin(
            describe(audio(call.a_audio), video(call.a_video, number, encoding, said)),
            describe(audio(call.b_audio), video(call.b_video, 121, encoding, said)),
        )
        offered, answered = sections(call.invite.body)[1], sections(call.ok.body)[1]
        assert answered.formats == [str(number)]
        assert parameters_of(offered.lines) == passed
        assert parameters_of(answered.lines) == passed
        assert f"a=rtpmap:{number} {encoding}" in answered.lines
        await video_passes(call.a_video, answered.port, number, call.b_video, 121)
        await video_passes(call.b_video, offered.port, int(offered.formats[0]), call.a_video, number)
        await call.end()

    test(tmp_path)
