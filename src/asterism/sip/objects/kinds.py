"""Option types that only SIP objects have.

Each follows what Asterisk accepts and shows (``rtp`` values, caller IDs, groups, URIs, ...).
"""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import re
from typing import Any, NamedTuple

from asterism.certificates import split_pair
from asterism.core.regex import RegexError, compile_regex
from asterism.data.kinds import Choices, Kind, Lines, Names, Strings, Text

_USER_PARAM = re.compile(r"^(sips?:)", re.IGNORECASE)
_CALLER = re.compile(r'^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<\s*([^<>]*?)\s*>\s*$')
_DIGEST_LENGTHS = {"MD5": 32, "SHA-256": 64, "SHA-512-256": 64}


class Certificates(Lines):
    """Files of certificates, each with its key's after a comma; every line adds one."""

    def __init__(self) -> None:
        super().__init__("certificate file[, key file]")

    def check(self, name: str) -> str:
        return ", ".join(filter(None, split_pair(name)))


class SipUri(Text):
    """A ``sip:`` or ``sips:`` URI, angle brackets around it dropped; empty text unsets it."""

    def __init__(self) -> None:
        super().__init__("a sip: or sips: URI")

    def parse(self, text: str, current: str) -> str:
        return check_uri(text) if text else ""


def check_uri(text: str) -> str:
    """The URI without angle brackets; raises ``ValueError`` when it is none of SIP's."""
    uri = text.strip()
    if uri.startswith("<"):
        inner, bracket, rest = uri[1:].partition(">")
        uri = inner.strip() + rest.strip() if bracket else uri
    scheme = _USER_PARAM.match(uri)
    if not scheme or scheme.end() == len(uri) or any(char.isspace() for char in uri):
        raise ValueError("it is not a SIP URI")
    return uri


class UriList(Names):
    """URIs, comma separated; every line adds to them."""

    def __init__(self) -> None:
        super().__init__("sip: or sips: URIs, comma separated", accumulates=True)

    def check(self, name: str) -> str:
        return check_uri(name)


class CallerId(NamedTuple):
    """A caller's name and number; empty text where not known."""

    name: str = ""
    number: str = ""

    def __str__(self) -> str:
        if self.name and self.number:
            return f'"{self.name}" <{self.number}>'
        return self.name or self.number or "<unknown>"


class CallerIdKind(Kind[CallerId]):
    """``"Name" <number>``, ``Name <number>``, ``<number>`` or a bare number."""

    accepted = '"Name" <number>, <number> or number'

    def parse(self, text: str, current: CallerId) -> CallerId:
        match = _CALLER.match(text)
        if match:
            quoted, bare, number = match.groups()
            name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
            return CallerId(name.strip(), number)
        plain = text.strip().strip('"')
        if plain and re.fullmatch(r"[+*#0-9().\- ]+", plain):
            return CallerId("", re.sub(r"[().\- ]", "", plain))
        return CallerId(plain, "")

    def show(self, value: CallerId) -> str:
        return str(value)

    def format(self, value: CallerId) -> str:
        return str(value) if value.name or value.number else ""


Numbers = tuple[int, ...]


class Groups(Kind[Numbers]):
    """Call groups 0 to 63 with commas and ranges; what is out of range is dropped, as in Asterisk."""

    accepted = "group numbers 0-63, with commas and ranges"

    def parse(self, text: str, current: Numbers) -> Numbers:
        found: set[int] = set()
        for part in text.split(","):
            match = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part, re.ASCII)
            if match:
                low = int(match[1])
                found.update(range(low, min(int(match[2] or low), 63) + 1))
        return tuple(sorted(number for number in found if number <= 63))

    def format(self, value: Numbers) -> str:
        return ",".join(map(str, value))

    def show(self, value: Numbers) -> str:
        return ", ".join(map(str, value))


def _dscp_names() -> dict[str, int]:
    names = {f"cs{n}": n << 5 for n in range(8)}
    names.update({f"af{c}{d}": ((c << 3) | (d << 1)) << 2 for c in range(1, 5) for d in range(1, 4)})
    names["ef"] = 46 << 2
    return names


class Dscp(Kind[int]):
    """The traffic class byte: a DSCP name (``ef``, ``af41``, ``cs3``), or the byte as a number."""

    accepted = "ef, af11 to af43, cs0 to cs7, or a number"
    sql = "INTEGER"

    def __init__(self) -> None:
        self._names = _dscp_names()

    def parse(self, text: str, current: int) -> int:
        found = self._names.get(text.lower())
        if found is not None:
            return found
        try:
            return int(text, 16 if text.lower().startswith("0x") else 10) & 0xFF
        except ValueError:
            raise ValueError("it is neither a DSCP name nor a number") from None


class CodecPreferences(NamedTuple):
    """Rules for combining two codec lists."""

    prefer: str = "pending"
    operation: str = "intersect"
    keep: str = "all"
    transcode: str = "allow"

    def __str__(self) -> str:
        return f"prefer:{self.prefer}, operation:{self.operation}, keep:{self.keep}, transcode:{self.transcode}"


class CodecPreferencesKind(Kind[CodecPreferences]):
    """``prefer:pending, operation:intersect, keep:all, transcode:allow``; unknown keys are ignored."""

    def __init__(self, *operations: str) -> None:
        self._values = {
            "prefer": ("pending", "configured"),
            "operation": operations,
            "keep": ("all", "first"),
            "transcode": ("allow", "prevent"),
        }
        self.accepted = "; ".join(f"{key}: {', '.join(words)}" for key, words in self._values.items())

    def parse(self, text: str, current: CodecPreferences) -> CodecPreferences:
        changed: dict[str, str] = {}
        for part in text.split(","):
            key, _, word = (piece.strip().lower() for piece in part.partition(":"))
            if key in self._values:
                if word not in self._values[key]:
                    raise ValueError(f"'{word}' is no value of '{key}'")
                changed[key] = word
        return current._replace(**changed)


class Digests(Kind[Strings]):
    """``ALGORITHM:hash``, one or several; hashes are those of ``user:realm:password``."""

    accepted = "MD5:, SHA-256: or SHA-512-256: followed by the hash in hexadecimal"

    def parse(self, text: str, current: Strings) -> Strings:
        found = list(current)
        for part in text.split(","):
            if not part.strip():
                continue
            algorithm, _, digest = (piece.strip() for piece in part.partition(":"))
            length = _DIGEST_LENGTHS.get(algorithm.upper())
            if length is None:
                raise ValueError("its algorithm is not known")
            if len(digest) != length or not re.fullmatch(r"[0-9a-fA-F]+", digest):
                raise ValueError(f"a hash of {algorithm.upper()} has {length} hexadecimal digits")
            found.append(f"{algorithm.upper()}:{digest.lower()}")
        return tuple(found)

    def format(self, value: Strings) -> str:
        return ",".join(value)


class Md5(Text):
    """Nothing, or 32 hexadecimal digits."""

    def __init__(self) -> None:
        super().__init__("32 hexadecimal digits")

    def parse(self, text: str, current: str) -> str:
        if text and not re.fullmatch(r"[0-9a-fA-F]{32}", text):
            raise ValueError("it is not an MD5 sum")
        return text.lower()


class Algorithms(Choices):
    """Digest algorithms in order of preference; none means the global default, shown as MD5."""

    def __init__(self) -> None:
        super().__init__("MD5", "SHA-256", "SHA-512-256")

    def show(self, value: Strings) -> str:
        return ",".join(value) or "MD5"


class HeaderMatches(Lines):
    """``Header: value`` or ``Header: /regular expression/``, one per line."""

    def __init__(self) -> None:
        super().__init__("Header: value or Header: /regular expression/")

    def check(self, name: str) -> str:
        header, colon, value = name.partition(":")
        if not colon or not header.strip():
            raise ValueError("it has no ':'")
        check_pattern(value.strip())
        return name


class UriMatch(Text):
    """A URI's text, or ``/regular expression/``."""

    def __init__(self) -> None:
        super().__init__("a URI or /regular expression/")

    def parse(self, text: str, current: str) -> str:
        check_pattern(text)
        return text


def check_pattern(text: str) -> None:
    """Raise ``ValueError`` when ``text`` is between slashes and no regular expression."""
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        try:
            compile_regex(text[1:-1])
        except RegexError as error:
            raise ValueError(f"it is not a regular expression: {error}") from None


class Epoch(Kind[int]):
    """A moment in Unix seconds."""

    accepted = "Unix seconds"
    sql = "INTEGER"
    native = True

    def parse(self, text: str, current: int) -> int:
        try:
            return int(float(text))
        except (ValueError, OverflowError):
            raise ValueError("it is not a number of seconds") from None

    def from_column(self, value: Any, empty: int) -> int:
        return int(value or empty)


ALGORITHMS = Algorithms()
CERTIFICATES = Certificates()
CALLER_ID = CallerIdKind()
DIGESTS = Digests()
DSCP = Dscp()
GROUPS = Groups()
SIP_URI = SipUri()
