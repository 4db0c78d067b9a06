"""The codec table, and the ordered lists of codecs that configuration and SDP speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from asterism.core.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One codec as ``allow=`` names it and as SDP describes it.

    The table below holds one object per codec: formats are the same or not, they are never compared by value.
    """

    name: str
    """Asterisk's name: ``ulaw``."""
    encoding: str
    """The encoding name of ``a=rtpmap``: ``PCMU``."""
    clock_rate: int
    """RTP timestamp units per second (8000 for G.722, RFC 3551 4.5.2)."""
    sample_rate: int
    """Audio samples per second."""
    payload_type: int
    """The static RTP payload type, or the one offered by default when it is dynamic (96-127)."""
    ptime: int = 20
    """Default packet length in milliseconds."""
    max_ptime: int = 150
    """The longest packet in milliseconds that is offered."""
    frame_bytes: int = 0
    """Bytes in one packet of ``ptime``; 0 when it varies."""
    fmtp: str = ""
    """Default format parameters."""
    channels: int = 1
    """Channels shown in ``a=rtpmap`` (Opus always shows 2, RFC 7587 7)."""
    unit: int = 0
    """The shortest piece in milliseconds that packets may be cut into; 0: they are left as they are."""
    parameters: Collection[str] = frozenset()
    """Format parameters that are passed on between the parties of a call, as the media are. A tuple: in its order."""
    description: str = ""
    media: str = "audio"
    """The type of the streams that carry it, as in ``m=``."""
    instead_of: Format | None = None
    """The format that its name in SDP means elsewhere: with those who have this one it means this one."""

    @property
    def static(self) -> bool:
        """Whether the payload type is a static one of RFC 3551."""
        return self.payload_type < 96

    @property
    def rtpmap(self) -> str:
        """``PCMU/8000``, the value of ``a=rtpmap`` without the payload type."""
        base = f"{self.encoding}/{self.clock_rate}"
        return base if self.channels == 1 else f"{base}/{self.channels}"

    @property
    def timestamp_step(self) -> int:
        """RTP timestamp units in one packet of ``ptime``."""
        return self.clock_rate * self.ptime // 1000

    def __str__(self) -> str:
        return self.name


ULAW = Format("ulaw", "PCMU", 8000, 8000, 0, frame_bytes=160, unit=1, description="G.711 u-law")
ALAW = Format("alaw", "PCMA", 8000, 8000, 8, frame_bytes=160, unit=1, description="G.711 a-law")
GSM = Format("gsm", "GSM", 8000, 8000, 3, frame_bytes=33, max_ptime=300, unit=20, description="GSM")
G722 = Format("g722", "G722", 8000, 16000, 9, frame_bytes=160, unit=1, description="G722")
G729 = Format(
    "g729", "G729", 8000, 8000, 18, frame_bytes=20, max_ptime=230, unit=10, fmtp="annexb=no", description="G.729A"
)
G723 = Format("g723", "G723", 8000, 8000, 4, 30, 300, 24, description="G.723.1")
G726 = Format("g726", "G726-32", 8000, 8000, 111, frame_bytes=80, max_ptime=300, unit=2, description="G.726 RFC3551")
G726AAL2 = Format(
    "g726aal2", "AAL2-G726-32", 8000, 8000, 112, frame_bytes=80, max_ptime=300, unit=2, description="G.726 AAL2"
)
G726_NON_STANDARD = replace(G726, instead_of=G726, description="G.726 AAL2, called G726-32")
"""The packing of AAL2 under the name of that of RFC 3551, as many phones have it; known to those alone who ask for it
(:func:`with_non_standard_g726`)."""
ILBC = Format(
    "ilbc", "iLBC", 8000, 8000, 97, 30, 300, 50, "mode=30", parameters=frozenset({"mode"}), description="iLBC"
)
_SPEEX = frozenset({"vbr", "cng", "mode"})
SPEEX = Format("speex", "speex", 8000, 8000, 110, max_ptime=60, parameters=_SPEEX, description="SpeeX")
SPEEX16 = Format("speex16", "speex", 16000, 16000, 117, max_ptime=60, parameters=_SPEEX, description="SpeeX 16khz")
_OPUS = frozenset(
    {
        "maxplaybackrate", "sprop-maxcapturerate", "minptime", "maxaveragebitrate", "stereo", "sprop-stereo", "cbr",
        "useinbandfec", "usedtx",
    }
)  # fmt: skip
OPUS = Format("opus", "opus", 48000, 48000, 107, max_ptime=60, channels=2, parameters=_OPUS, description="Opus Codec")
LPC10 = Format("lpc10", "LPC", 8000, 8000, 7, description="LPC10")
SLIN = Format(
    "slin", "L16", 8000, 8000, 118, max_ptime=70, frame_bytes=320, unit=1, description="16 bit Signed Linear PCM"
)
SLIN16 = Format(
    "slin16",
    "L16",
    16000,
    16000,
    119,
    max_ptime=70,
    frame_bytes=640,
    unit=1,
    description="16 bit Signed Linear PCM (16kHz)",
)


def _linear(rate: int, name: str, shown: str, payload_type: int) -> Format:
    description = f"16 bit Signed Linear PCM ({shown})"
    size = 2 * rate // 50
    return Format(
        name, "L16", rate, rate, payload_type, max_ptime=20, frame_bytes=size, unit=20, description=description
    )  # fmt: skip


SLIN12 = _linear(12000, "slin12", "12kHz", 122)
SLIN24 = _linear(24000, "slin24", "24kHz", 123)
SLIN32 = _linear(32000, "slin32", "32kHz", 124)
SLIN44 = _linear(44100, "slin44", "44kHz", 11)
SLIN48 = _linear(48000, "slin48", "48kHz", 125)
SLIN96 = _linear(96000, "slin96", "96kHz", 126)
SLIN192 = _linear(192000, "slin192", "192kHz", 127)

LINEAR: Mapping[int, Format] = MappingProxyType(
    {one.sample_rate: one for one in (SLIN, SLIN12, SLIN16, SLIN24, SLIN32, SLIN44, SLIN48, SLIN96, SLIN192)}
)
"""Linear audio by its rate: that of files, mixing and Python, and that of phones that have it (L16)."""


def sampled(fmt: Format) -> bool:
    """Whether payloads of a format may be cut anywhere, and joined: one that is coded sample by sample."""
    return (0 < fmt.unit <= 2 and fmt.frame_bytes > 0) or LINEAR.get(fmt.sample_rate) is fmt


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        one.name: one
        for one in (
            ULAW, ALAW, GSM, G722, G729, G723, G726, G726AAL2, ILBC, SPEEX, SPEEX16, OPUS, LPC10, SLIN, SLIN16,
            SLIN12, SLIN24, SLIN32, SLIN44, SLIN48, SLIN96, SLIN192,
        )
    }
)  # fmt: skip
"""Every known codec of audio by Asterisk's name, in the order that ``all`` stands for."""


def _video(
    name: str, encoding: str, payload_type: int, description: str, parameters: tuple[str, ...] = ()
) -> tuple[str, Format]:
    return name, Format(
        name, encoding, 90000, 90000, payload_type, parameters=parameters, description=description, media="video"
    )


_H263 = ("sqcif", "qcif", "cif", "cif4", "cif16", "custom", "f", "i", "j", "t", "k", "n", "p", "par", "cpcf", "bpp",
         "hrd", "maxbr", "profile", "level", "interlace")  # fmt: skip
_H264 = ("max-mbps", "max-smbps", "max-fs", "max-cpb", "max-dpb", "max-br", "max-rcmd-nalu-size", "redundant-pic-cap",
         "sar-understood", "sar-supported", "use-level-src-parameter-sets", "packetization-mode",
         "level-asymmetry-allowed", "profile-level-id", "sprop-parameter-sets",
         "sprop-level-parameter-sets")  # fmt: skip
_H265 = ("profile-space", "profile-id", "tier-flag", "level-id", "interop-constraints",
         "profile-compatibility-indicator", "max-recv-level-id", "tx-mode", "sprop-max-don-diff", "max-fps", "max-lsr",
         "max-lps", "max-cpb", "max-dpb", "max-br", "max-tr", "max-tc", "sprop-vps", "sprop-sps",
         "sprop-pps")  # fmt: skip

PASSED: Mapping[str, Mapping[str, Format]] = MappingProxyType(
    {
        "video": MappingProxyType(
            dict(
                (
                    _video("h261", "H261", 31, "H.261 video", ("cif", "qcif", "d")),
                    _video("h263", "H263", 34, "H.263 video", _H263),
                    _video("h263p", "H263-1998", 98, "H.263+ video", _H263),
                    _video("h264", "H264", 99, "H.264 video", _H264),
                    _video("h265", "H265", 102, "H.265 video", _H265),
                    _video("mpeg4", "MP4V-ES", 104, "MPEG4 video", ("profile-level-id", "config")),
                    _video("vp8", "VP8", 100, "VP8 video", ("max-fr", "max-fs")),
                    _video("vp9", "VP9", 103, "VP9 video", ("max-fr", "max-fs", "profile-id")),
                    _video("av1", "AV1", 105, "AV1 video", ("profile", "level-idx", "tier")),
                )
            )
        ),
        "text": MappingProxyType(
            {
                "red": Format(
                    "red", "red", 1000, 1000, 105, parameters=("levels",), media="text",
                    description="T.140 Realtime Text with redundancy",
                ),
                "t140": Format(
                    "t140", "t140", 1000, 1000, 106, parameters=("cps",), media="text",
                    description="Passthrough T.140 Realtime Text",
                )
            }
        ),
    }
)  # fmt: skip
"""Formats that are passed on without being decoded, by the type of stream and Asterisk's name."""

_KNOWN = (*FORMATS.values(), *(one for formats in PASSED.values() for one in formats.values()))

DTMF_ENCODING = "telephone-event"
"""The encoding name of RFC 4733 digits."""
DTMF_PAYLOAD_TYPE = 101
"""The payload type offered for telephone-event."""
DTMF_FMTP = "0-16"
"""Events offered: the sixteen digits and flash."""

_ALIASES = MappingProxyType({"g711u": "ulaw", "g711a": "alaw", "pcmu": "ulaw", "pcma": "alaw", "slin8": "slin"})


def format_named(name: str) -> Format:
    """The format called ``name`` in configuration (case-insensitive).

    Raises:
        UsageError: the name is not a codec's.
    """
    key = name.strip().lower()
    found = FORMATS.get(_ALIASES.get(key, key))
    if found is None:
        raise UsageError(f"unknown codec '{name.strip()}'; known: {', '.join(FORMATS)}")
    return found


@lru_cache(maxsize=512)
def format_for(payload_type: int, encoding: str = "", clock_rate: int = 0) -> Format | None:
    """The format that an SDP payload type means, from its rtpmap or, without one, the static table of RFC 3551.

    Encoding names are case-insensitive (RFC 4566 6). ``None`` for one that is not in the table.
    """
    if not encoding:
        return next((one for one in _KNOWN if one.static and one.payload_type == payload_type), None)
    wanted = encoding.lower()
    for one in _KNOWN:
        if one.encoding.lower() == wanted and clock_rate in (0, one.clock_rate):
            return one
    return None


def parse_formats(*lines: str) -> list[Format]:
    """Codecs from ``allow`` lines in order: ``ulaw,alaw``, ``all``, ``!all,g722`` (``!`` removes).

    Raises:
        UsageError: a name is not a codec's.
    """
    chosen: dict[Format, None] = {}
    for line in lines:
        for raw in line.replace("|", ",").split(","):
            name = raw.strip()
            if not name:
                continue
            remove = name.startswith("!")
            name = name.lstrip("!").strip()
            names: Iterable[Format] = FORMATS.values() if name.lower() == "all" else (format_named(name),)
            for one in names:
                if remove:
                    chosen.pop(one, None)
                else:
                    chosen.setdefault(one)
    return list(chosen)


def common_formats(preferred: Iterable[Format], other: Iterable[Format]) -> list[Format]:
    """The formats in both, in the order of ``preferred``."""
    accepted = set(other)
    return [one for one in preferred if one in accepted]


def with_non_standard_g726(formats: Iterable[Format]) -> tuple[Format, ...]:
    """The formats of a party whose ``G726-32`` is packed as in AAL2: what G.726 it has is (also) called that."""
    found: dict[Format, None] = {}
    for one in formats:
        if one is G726 or one is G726AAL2:
            found.setdefault(G726_NON_STANDARD)
        if one is not G726:
            found.setdefault(one)
    return tuple(found)
