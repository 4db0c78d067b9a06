"""Session descriptions (RFC 8866): model, parser, writer.

The parser takes what phones send: bare line feeds, lines out of order, a missing ``s=`` or ``t=``,
blank lines, unknown line types (kept). It refuses what has no meaning: no ``v=0`` at the start, a media
line that is not one, a bad ``c=`` or ``o=``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from asterism.stack.errors import LimitError, ParseError
from asterism.stack.grammar import check_value, printable

MAX_MEDIA = 64
MAX_ATTRIBUTES = 1024
MAX_FORMATS = 256
_LARGEST_CACHED = 4096
"""Characters of a description whose meaning may be remembered: larger ones do not come again and again."""

_STATIC_TYPES = {
    "0": ("PCMU", 8000),
    "3": ("GSM", 8000),
    "4": ("G723", 8000),
    "5": ("DVI4", 8000),
    "6": ("DVI4", 16000),
    "7": ("LPC", 8000),
    "8": ("PCMA", 8000),
    "9": ("G722", 8000),
    "10": ("L16", 44100),
    "11": ("L16", 44100),
    "12": ("QCELP", 8000),
    "13": ("CN", 8000),
    "15": ("G728", 8000),
    "18": ("G729", 8000),
    "26": ("JPEG", 90000),
    "31": ("H261", 90000),
    "32": ("MPV", 90000),
    "33": ("MP2T", 90000),
    "34": ("H263", 90000),
}

_origin = re.compile(r"(\S+)\s+([0-9]{1,20})\s+([0-9]{1,20})\s+\S+\s+(\S+)\s+(\S+)").fullmatch


def _error(text: str) -> ParseError:
    return ParseError(text, 488)


class Direction(Enum):
    """The direction of media (RFC 3264 5.1), seen by the owner of the description."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the owner sends."""
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        """Whether the owner receives."""
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    @staticmethod
    def of(sends: bool, receives: bool) -> Direction:
        """The direction of an owner that sends and receives, or not."""
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE

    def reversed(self) -> Direction:
        """The same stream seen by the other party."""
        return Direction.of(self.receives, self.sends)


_DIRECTIONS = {direction.value: direction for direction in Direction}


_LONGEST_CONNECTION = 300
"""Characters of a c= line: a host name has 255 at most."""


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=``: who made the description, and its version."""

    username: str
    session_id: int
    version: int
    address_type: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Parse the value. Raises ParseError."""
        found = _origin(text.strip())
        if found is None:
            raise _error(f"bad o= line: {printable(text)!r}")
        username, session_id, version, address_type, address = found.groups()
        return cls(username, int(session_id), int(version), address_type, address)

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True)
class Connection:
    """``c=``: where media goes."""

    address_type: str
    address: str
    suffix: str = ""
    """TTL and number of addresses of multicast, with the slash; usually empty."""

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Connection:
        """Parse the value. Raises ParseError."""
        words = text.split()
        if len(words) != 3 or words[0].upper() != "IN" or len(text) > _LONGEST_CONNECTION:
            # What is too long is not remembered either: an error never is.
            raise _error(f"bad c= line: {printable(text[:_LONGEST_CONNECTION])!r}")
        address, slash, suffix = words[2].partition("/")
        return cls(words[1].upper(), address, slash + suffix)

    @property
    def is_hold(self) -> bool:
        """Whether it is the null address, the hold of RFC 2543."""
        return self.address in {"0.0.0.0", "::"}

    def __str__(self) -> str:
        return f"IN {self.address_type} {self.address}{self.suffix}"


@dataclass(frozen=True, slots=True)
class RtpMap:
    """``a=rtpmap``: what a payload type stands for."""

    payload: str
    encoding: str
    clock_rate: int
    channels: int = 1

    @classmethod
    def parse(cls, text: str) -> RtpMap:
        """Parse the attribute's value. Raises ParseError."""
        payload, _, rest = text.strip().partition(" ")
        # Stripped before they are judged: what strip takes for white space int may not.
        encoding, *numbers = [one.strip() for one in rest.split("/")]
        if not payload or not encoding or not 1 <= len(numbers) <= 2 or not all(map(_number, numbers)):
            raise _error(f"bad rtpmap: {printable(text)!r}")
        return cls(payload, encoding, int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 1)

    def same_encoding(self, other: RtpMap) -> bool:
        """Whether both name the same encoding, whatever the payload type."""
        return (self.encoding.lower(), self.clock_rate, self.channels) == (
            other.encoding.lower(),
            other.clock_rate,
            other.channels,
        )

    def __str__(self) -> str:
        text = f"{self.payload} {self.encoding}/{self.clock_rate}"
        return text if self.channels == 1 else f"{text}/{self.channels}"


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


@dataclass(slots=True)
class _Section:
    """Base of the session level and the media level."""

    info: str | None = None
    connection: Connection | None = None
    bandwidths: list[tuple[str, int]] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    """Lines of types this model does not know."""

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of that name; ``""`` if it has none, ``None`` if it is not there."""
        for other, value in self.attributes:
            if other == name:
                return value or ""
        return None

    def attribute_all(self, name: str) -> list[str]:
        """The values of all attributes of that name."""
        return [value or "" for other, value in self.attributes if other == name]

    def has_attribute(self, name: str) -> bool:
        """Whether there is an attribute of that name."""
        return any(other == name for other, _ in self.attributes)

    def add_attribute(self, name: str, value: str | None = None) -> None:
        """Append an attribute.

        Raises:
            ValueError: CR, LF or NUL in it.
        """
        self.attributes.append((check_value(name), value if value is None else check_value(value)))

    def _own_direction(self) -> Direction | None:
        return next((_DIRECTIONS[name] for name, _ in self.attributes if name in _DIRECTIONS), None)

    def set_direction(self, direction: Direction) -> None:
        """Say the direction in an attribute, in place of any other."""
        self.attributes = [line for line in self.attributes if line[0] not in _DIRECTIONS]
        self.attributes.append((direction.value, None))

    def _add_lines(self, lines: list[str]) -> None:
        if self.info is not None:
            lines.append(f"i={self.info}")
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        for kind, value in self.bandwidths:
            lines.append(f"b={kind}:{value}")

    def _add_tail(self, lines: list[str]) -> None:
        for kind, text in self.unknown:
            lines.append(f"{kind}={text}")
        for name, value in self.attributes:
            lines.append(f"a={name}" if value is None else f"a={name}:{value}")


@dataclass(slots=True)
class MediaDescription(_Section):
    """One ``m=`` section."""

    media: str = "audio"
    port: int = 0
    port_count: int = 1
    protocol: str = "RTP/AVP"
    formats: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> bool:
        """Whether the port is 0: the stream is refused or over (bundled streams aside)."""
        return self.port == 0 and not self.has_attribute("bundle-only")

    @property
    def is_rtp(self) -> bool:
        """Whether the protocol is RTP, plain or secured."""
        return "RTP/" in self.protocol.upper()

    def rtpmap(self, payload: str) -> RtpMap | None:
        """The mapping of a payload type: its ``a=rtpmap``, or the static assignment of RFC 3551."""
        for value in self.attribute_all("rtpmap"):
            if value.strip().partition(" ")[0] == payload:
                try:
                    return RtpMap.parse(value)
                except ParseError:
                    return None
        static = _STATIC_TYPES.get(payload)
        return None if static is None else RtpMap(payload, static[0], static[1], 2 if payload == "10" else 1)

    def rtpmaps(self) -> list[RtpMap]:
        """The mappings of all formats, in order of preference; formats without a mapping are left out."""
        return [found for payload in self.formats if (found := self.rtpmap(payload)) is not None]

    def fmtp(self, payload: str) -> str | None:
        """The parameters of a payload type, raw; ``None`` if there are none."""
        for value in self.attribute_all("fmtp"):
            name, _, rest = value.strip().partition(" ")
            if name == payload:
                return rest.strip()
        return None

    def fmtp_params(self, payload: str) -> dict[str, str]:
        """The parameters of a payload type as names (lower case) and values; a piece without ``=`` maps to ``""``."""
        params: dict[str, str] = {}
        for piece in (self.fmtp(payload) or "").split(";"):
            name, _, value = piece.partition("=")
            if name.strip():
                params[name.strip().lower()] = value.strip()
        return params

    def add_format(self, rtpmap: RtpMap, fmtp: str = "") -> None:
        """Append a payload type with its rtpmap and fmtp."""
        self.formats.append(rtpmap.payload)
        self.add_attribute("rtpmap", str(rtpmap))
        if fmtp:
            self.add_attribute("fmtp", f"{rtpmap.payload} {fmtp}")

    @property
    def ptime(self) -> int | None:
        """Packet time in milliseconds, ``None`` if not given or no number."""
        value = (self.attribute("ptime") or "").strip().partition(".")[0]
        return int(value) if _number(value) else None

    @classmethod
    def parse_line(cls, text: str) -> MediaDescription:
        """Parse the value of an ``m=`` line. Raises ParseError."""
        words = text.split()
        if len(words) < 3:
            raise _error(f"bad m= line: {printable(text)!r}")
        if len(words) > MAX_FORMATS:
            raise LimitError("too many formats in a media section", 488)
        port, slash, count = words[1].partition("/")
        if not _number(port) or int(port) > 65535 or (slash and not (_number(count) and 1 <= int(count) <= 65535)):
            raise _error(f"bad port in m= line: {printable(text)!r}")
        return cls(
            media=words[0], port=int(port), port_count=int(count) if slash else 1, protocol=words[2], formats=words[3:]
        )

    def lines(self) -> list[str]:
        """The section's lines, without line breaks."""
        port = str(self.port) if self.port_count == 1 else f"{self.port}/{self.port_count}"
        lines = [" ".join([f"m={self.media} {port} {self.protocol}", *self.formats])]
        self._add_lines(lines)
        self._add_tail(lines)
        return lines

    def __str__(self) -> str:
        return "\r\n".join(self.lines()) + "\r\n"


@dataclass(slots=True)
class SessionDescription(_Section):
    """A whole description. Text is UTF-8 with surrogateescape, as in messages."""

    origin: Origin | None = None
    name: str = "-"
    uri: str | None = None
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    timings: list[str] = field(default_factory=lambda: ["t=0 0"])
    """``t=``, ``r=`` and ``z=`` lines as they stand."""
    media: list[MediaDescription] = field(default_factory=list)
    cacheable: bool = field(default=False, compare=False, repr=False)
    """Whether what is read of it may be remembered beyond its call: it is small, and has neither keys nor passwords."""

    @classmethod
    def parse(cls, data: bytes | str) -> SessionDescription:
        """Parse a description.

        Raises:
            ParseError: it has no meaning (status 488); LimitError: too many sections or attributes.
        """
        text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        secret = "crypto:" in text or "ice-pwd:" in text
        session = cls(timings=[], cacheable=not secret and len(text) <= _LARGEST_CACHED)
        section: _Section = session
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = list(filter(str.strip, text.split("\n")))
        if not lines or lines[0].rstrip() != "v=0":
            raise _error("a session description starts with v=0")
        if len(lines) > MAX_ATTRIBUTES:
            raise LimitError("too many lines in a session description", 488)
        del lines[0]
        for line in lines:
            kind, value = line[0], line[2:].rstrip(" \t")
            if line[1:2] != "=" or "\0" in line:
                raise _error(f"bad line in a session description: {printable(line)!r}")
            if kind == "a":
                name, colon, rest = value.partition(":")
                section.attributes.append((name.strip(), rest if colon else None))
            elif kind == "m":
                if len(session.media) >= MAX_MEDIA:
                    raise LimitError("too many media sections", 488)
                section = MediaDescription.parse_line(value)
                session.media.append(section)
            elif kind == "c":
                # The second of several c= lines is another layer of multicast: the first is enough for us.
                section.connection = section.connection or Connection.parse(value)
            elif kind == "b":
                name, _, number = value.partition(":")
                number = number.strip()
                if _number(number):
                    section.bandwidths.append((name.strip(), int(number)))
            elif kind == "i":
                section.info = value
            elif section is not session or kind not in "osueptrz":
                section.unknown.append((kind, value))
            elif kind == "o":
                session.origin = Origin.parse(value)
            elif kind == "s":
                session.name = value or "-"
            elif kind == "u":
                session.uri = value
            elif kind == "e":
                session.emails.append(value)
            elif kind == "p":
                session.phones.append(value)
            else:
                session.timings.append(f"{kind}={value}")
        return session

    def connection_of(self, media: MediaDescription) -> Connection | None:
        """Where a section's media goes: its own ``c=``, else the session's."""
        return media.connection or self.connection

    def direction_of(self, media: MediaDescription) -> Direction:
        """A section's direction: its own attribute, else the session's, else sendrecv."""
        return media._own_direction() or self._own_direction() or Direction.SENDRECV

    def is_held(self, media: MediaDescription) -> bool:
        """Whether the owner of this description does not want media: not receiving, or the null address."""
        connection = self.connection_of(media)
        return not self.direction_of(media).receives or (connection is not None and connection.is_hold)

    def __str__(self) -> str:
        lines = ["v=0"]
        if self.origin is not None:
            lines.append(f"o={self.origin}")
        lines.append(f"s={self.name or '-'}")
        common: list[str] = []
        self._add_lines(common)
        if self.info is not None:
            lines.append(common.pop(0))
        if self.uri is not None:
            lines.append(f"u={self.uri}")
        lines.extend(f"e={value}" for value in self.emails)
        lines.extend(f"p={value}" for value in self.phones)
        lines.extend(common)
        lines.extend(self.timings or ["t=0 0"])
        self._add_tail(lines)
        for media in self.media:
            lines.extend(media.lines())
        return "\r\n".join(lines) + "\r\n"

    def __bytes__(self) -> bytes:
        return str(self).encode("utf-8", "surrogateescape")
