"""name-addr and addr-spec: From, To, Contact, Route, Refer-To and their relatives (RFC 3261 20.10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from asterism.stack.errors import ParseError
from asterism.stack.grammar import (
    QUOTED,
    TOKEN,
    Params,
    format_params,
    is_token,
    parse_params,
    printable,
    quote,
    split_commas,
    unquote,
)
from asterism.stack.known import keep
from asterism.stack.uri import Uri

_NO_PARAMS: Params = MappingProxyType({})

# The unquoted display name is "*(token LWS)"; phones also send other characters there, which is
# harmless as long as none of them has a meaning of its own.
_name_addr = re.compile(rf"""({QUOTED}\s*|[^"<>,;:@\\=]*)<([^<>\s"]*)>\s*(;.*)?""", re.DOTALL).fullmatch
# What nearly every client sends in From and To, in one look.
_usual = re.compile(
    r"""(?:("[^"\\\x00-\x1f\x7f]*"|[A-Za-z0-9]+) )?<([^<>\s"]*)>(?:;tag=([A-Za-z0-9.\-_!%*+`'~]+))?"""
).fullmatch
_tag_parameter = re.compile(r";\s*tag\s*=", re.IGNORECASE).search
_addr_spec = re.compile(r"""\s*([^\s<>",;?]+)\s*(;.*)?""", re.DOTALL).fullmatch
_controls = re.compile(r"[\x00-\x1f\x7f]+").sub
_plain_display = re.compile(rf"{TOKEN}(?: {TOKEN})*").fullmatch


class NameAddr:
    """An immutable address with display name and header parameters.

    Attributes:
        display: the display name, unquoted; ``""`` if there is none.
        uri: the address.
        params: header parameters (``tag``, ``expires``, ``q``, ...): lower-case names, raw values.
        tag: the ``tag`` parameter, ``None`` if there is none.
    """

    __slots__ = ("_text", "display", "params", "tag", "uri")

    def __init__(self, display: str, uri: Uri, params: Mapping[str, str | None] | None = None) -> None:
        self.display = display
        self.uri = uri
        self.params: Params = params or _NO_PARAMS
        self.tag: str | None = params.get("tag") if params else None
        self._text: str | None = None

    @staticmethod
    def parse(text: str) -> NameAddr:
        """Parse one address. Parameters after an address without brackets belong to the header.

        Raises:
            ParseError: not exactly one address.
        """
        head, found, tag = text.rpartition(">;tag=")
        if not found or not ((tag.isalnum() and tag.isascii()) or is_token(tag)):
            return KNOWN_ADDRESSES.get(text) or _parse_and_keep(text)
        # A tag is new in every dialog; what it is attached to comes again and again.
        head += ">"
        known = KNOWN_ADDRESSES.get(head) or _parse_and_keep(head)
        if known.params:
            return _parse(text)
        address = NameAddr(known.display, known.uri, {"tag": tag})
        if known._text == head:
            address._text = text
        return address

    @staticmethod
    def parse_list(text: str, limit: int = 256) -> list[NameAddr]:
        """Parse a comma-separated list of addresses.

        Raises:
            ParseError: one of them is bad, or there are more than ``limit``.
        """
        if "," not in text:
            return [NameAddr.parse(text)]
        return [NameAddr.parse(item) for item in split_commas(text, limit)]

    def param(self, name: str) -> str | None:
        """A parameter, unquoted; ``""`` if it has no value, ``None`` if it is not there."""
        value = self.params.get(name)
        if value is None:
            return "" if name in self.params else None
        return unquote(value)

    def with_params(self, **params: str | None) -> NameAddr:
        """A copy with parameters set (``None`` sets one without value)."""
        return NameAddr(self.display, self.uri, {**self.params, **params})

    def without_params(self, *names: str) -> NameAddr:
        """A copy without the named parameters; with no name given, without any."""
        kept = {k: v for k, v in self.params.items() if k not in names} if names else {}
        return NameAddr(self.display, self.uri, kept)

    def with_tag(self, tag: str) -> NameAddr:
        """A copy with this tag."""
        return NameAddr(self.display, self.uri, {**self.params, "tag": tag})

    def __str__(self) -> str:
        text = self._text
        if text is None:
            text = f"<{self.uri}>{format_params(self.params)}"
            if self.display:
                text = f"{quote(self.display)} {text}"
            self._text = text
        return text

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NameAddr):
            return NotImplemented
        return self.display == other.display and self.uri == other.uri and dict(self.params) == dict(other.params)

    def __hash__(self) -> int:
        return hash((self.display, self.uri))


KNOWN_ADDRESSES: Final[dict[str, NameAddr]] = {}
"""Addresses that were parsed before, without tags, by their text: most come again and again."""


def _parse(text: str) -> NameAddr:
    found = _usual(text)
    if found is not None:
        display, uri, tag = found.groups()
        address = NameAddr(unquote(display) if display else "", Uri.parse(uri), {"tag": tag} if tag else None)
        if display is None or (display[0] == '"' and address.display):
            # Just so it would be written.
            address._text = text
        return address
    text = text.strip()
    found = _name_addr(text)
    if found is not None:
        display, uri, params = found.groups()
        if display:
            display = unquote(_controls(" ", display).rstrip() if display[0] != '"' else display.rstrip())
    else:
        found = _addr_spec(text)
        if found is None:
            raise ParseError(f"bad address: {printable(text)!r}")
        uri, params = found.groups()
        display = ""
    address = NameAddr(display, Uri.parse(uri), parse_params(params) if params else None)
    if "tag" in address.params and (not address.tag or not is_token(address.tag)):
        raise ParseError(f"bad tag: {printable(text)!r}")
    return address


def _parse_and_keep(text: str) -> NameAddr:
    address = _parse(text)
    if address.tag is None:
        keep(KNOWN_ADDRESSES, text, address)
    return address


def has_tag(value: str) -> bool:
    """Whether a raw To or From value has a tag: a parameter of the header, not of the URI or of the display name."""
    if value[-1:] == ">":
        return False
    return ";tag=" in (tail := value[value.rfind(">") + 1 :]) or _tag_parameter(tail) is not None


def display_name(text: str) -> str:
    """A display name as it stands in a header: plain if it is tokens, else quoted."""
    return text if _plain_display(text) else quote(text)
