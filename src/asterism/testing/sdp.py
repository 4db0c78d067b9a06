"""Just the SDP that a simulated phone needs, apart from the server's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from asterism.media.formats import FORMATS, Format

PCMU, PCMA = 0, 8
CODECS: Mapping[int, Format] = MappingProxyType({one.payload_type: one for one in FORMATS.values()})
"""Codecs by the payload type that a phone gives them, which is the one that the server offers them under."""


VIDEO_CODECS: Mapping[str, int] = MappingProxyType({"H264": 99, "VP8": 100})
"""Payload types that a phone offers video under."""


@dataclass
class Video:
    """One section of video: where its side receives, in what. Port 0: it is refused, or over."""

    port: int
    codecs: dict[int, str]
    """Encodings by payload type, in order of preference."""
    direction: str = "sendrecv"

    @property
    def lines(self) -> list[str]:
        """Its lines in a description."""
        return [
            f"m=video {self.port} RTP/AVP {' '.join(map(str, self.codecs))}",
            *(f"a=rtpmap:{number} {name}/90000" for number, name in self.codecs.items()),
            f"a={self.direction}",
        ]


@dataclass
class Audio:
    """One description: where its side receives audio, in what; and sections of video behind it."""

    host: str
    port: int
    codecs: list[int] = field(default_factory=lambda: [PCMU, PCMA])
    """Payload types, in order of preference: those of :data:`CODECS`."""
    dtmf: int | None = 101
    """Payload type of telephone-event."""
    direction: str = "sendrecv"
    version: int = 1
    videos: list[Video] = field(default_factory=list)

    def __str__(self) -> str:
        family = "IP6" if ":" in self.host else "IP4"
        types = [str(one) for one in [*self.codecs, *([] if self.dtmf is None else [self.dtmf])]]
        lines = [
            "v=0",
            f"o=phone 1000 {self.version} IN {family} {self.host}",
            "s=call",
            f"c=IN {family} {self.host}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {' '.join(types)}",
            *(f"a=rtpmap:{one} {CODECS[one].rtpmap}" for one in self.codecs),
        ]
        if self.dtmf is not None:
            lines += [f"a=rtpmap:{self.dtmf} telephone-event/8000", f"a=fmtp:{self.dtmf} 0-16"]
        lines += ["a=ptime:20", f"a={self.direction}"]
        for one in self.videos:
            lines += one.lines
        return "\r\n".join([*lines, ""])

    @classmethod
    def parse(cls, body: bytes) -> Audio | None:
        """The audio of a description, and its video; ``None`` if it has no audio, or refuses it with port 0."""
        host, found, dtmf, direction = "", None, None, "sendrecv"
        videos: list[Video] = []
        for line in body.decode("utf-8", "replace").splitlines():
            kind, _, value = line.partition("=")
            words = value.split()
            if kind == "m" and words[:1] == ["video"]:
                videos.append(Video(int(words[1]), {int(one): "" for one in words[3:]}))
            elif videos:
                if kind == "a":
                    _take_attribute(videos[-1], value)
            elif kind == "c" and len(words) >= 3:
                host = words[2]
            elif kind == "m":
                if found is not None:
                    break
                if words[:1] == ["audio"] and int(words[1]):
                    found = words
            elif kind == "a" and value.lower().endswith("telephone-event/8000"):
                dtmf = int(value.partition(":")[2].split()[0])
            elif value in ("sendrecv", "sendonly", "recvonly", "inactive"):
                direction = value
        if found is None:
            return None
        codecs = [int(one) for one in found[3:] if int(one) in CODECS and int(one) != dtmf]
        return cls(host, int(found[1]), codecs, dtmf, direction, videos=videos)


def _take_attribute(video: Video, value: str) -> None:
    name, _, rest = value.partition(":")
    if name == "rtpmap":
        number, _, encoding = rest.partition(" ")
        video.codecs[int(number)] = encoding.partition("/")[0].upper()
    elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        video.direction = name


def answer_direction(offered: str) -> str:
    """The direction that answers ``offered``."""
    return {"sendonly": "recvonly", "recvonly": "sendonly"}.get(offered, offered)
