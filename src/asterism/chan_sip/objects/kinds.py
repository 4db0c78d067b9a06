"""Option types of ``sip.conf`` that no other file has."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from asterism.chan_sip.objects.credential import CredentialsKind
from asterism.config.values import is_boolean, is_true
from asterism.data.kinds import Bool, Choice, Integer, Kind, Names, Strings
from asterism.data.network import SocketAddress
from asterism.hostport import split_host_port

_ALL_NAT = ("force_rport", "comedia", "auto_force_rport", "auto_comedia")


class PlainBool(Bool):
    """yes or no; another word is an error, where Asterisk takes it for no."""

    def parse(self, text: str, current: bool) -> bool:
        if not is_boolean(text):
            raise ValueError("it is neither yes nor no")
        return is_true(text)


class BoolOr(Choice):
    """yes or no in any of its spellings, or one of some other words."""

    def __init__(self, *words: str, aliases: Mapping[str, str] | None = None) -> None:
        super().__init__("yes", "no", *words, aliases=aliases)

    def parse(self, text: str, current: str) -> str:
        if is_boolean(text):
            return "yes" if is_true(text) else "no"
        return super().parse(text, current)


class NumberOr(Integer):
    """A number, or yes and no for two of them."""

    def __init__(self, yes: int, no: int, accepted: str) -> None:
        super().__init__(0, 0x7FFFFFFF, f"{accepted}; yes is {yes}, no is {no}")
        self._yes, self._no = yes, no

    def parse(self, text: str, current: int) -> int:
        try:
            return super().parse(text, current)
        except ValueError:
            if not is_boolean(text):
                raise
            return self._yes if is_true(text) else self._no


class Nat(Kind[Strings]):
    """How a peer behind NAT is treated: words, comma separated."""

    accepted = "no, yes, force_rport, comedia, auto_force_rport, auto_comedia; comma separated"

    def parse(self, text: str, current: Strings) -> Strings:
        found: set[str] = set()
        for part in text.lower().split(","):
            word = part.strip()
            if word in _ALL_NAT:
                found.add(word)
            elif word == "yes" or (is_boolean(word) and is_true(word)):
                found |= {"force_rport", "comedia"}
            elif word == "no" or (is_boolean(word) and not is_true(word)):
                found.clear()
            elif word in ("route", "never"):  # words of Asterisk 1.6
                found = {"force_rport"} if word == "route" else set()
            elif word:
                raise ValueError(f"'{part.strip()}' is not one of the accepted words")
        return tuple(word for word in _ALL_NAT if word in found)

    def format(self, value: Strings) -> str:
        return ",".join(value) or "no"


class Words(Kind[Strings]):
    """Words of a set, comma separated; no is none of them, ``spelled`` says what other words stand for."""

    def __init__(self, *words: str, spelled: Mapping[str, Strings]) -> None:
        self._words, self._spelled = words, spelled
        self.accepted = f"{', '.join([*words, *spelled])}; comma separated"

    def parse(self, text: str, current: Strings) -> Strings:
        found: list[str] = []
        for part in text.lower().split(","):
            word = part.strip()
            if is_boolean(word):
                word = "yes" if is_true(word) else "no"
            if word in self._words:
                found.append(word)
            elif word in self._spelled:
                found.extend(self._spelled[word])
            elif word:
                raise ValueError(f"'{part.strip()}' is not one of the accepted words")
        return tuple(word for word in self._words if word in found)

    def format(self, value: Strings) -> str:
        return ",".join(value) or "no"


class Mailboxes(Names):
    """Mailboxes; every line adds those that are not there yet."""

    def __init__(self) -> None:
        super().__init__("mailbox or mailbox@context, comma separated", accumulates=True)

    def parse(self, text: str, current: Strings) -> Strings:
        return tuple(dict.fromkeys(super().parse(text, current)))


class T38(NamedTuple):
    """``t38pt_udptl``: whether, with which error correction, and the largest datagram (0: as the peer says)."""

    enabled: bool = False
    correction: str = "fec"
    largest: int = 0


class T38Kind(Kind[T38]):
    """``yes,redundancy,maxdatagram=400``."""

    accepted = "no, or yes with fec, redundancy or none and maxdatagram=n after commas"

    def parse(self, text: str, current: T38) -> T38:
        made = T38()
        for part in text.lower().split(","):
            word = part.strip()
            name, _, number = (piece.strip() for piece in word.partition("="))
            if word in ("fec", "redundancy", "none"):
                made = made._replace(enabled=True, correction=word)
            elif name == "maxdatagram":
                if not (number.isascii() and number.isdigit()):
                    raise ValueError("maxdatagram is not a number")
                made = made._replace(largest=int(number))
            elif is_boolean(word):
                made = made._replace(enabled=is_true(word))
            elif word:
                raise ValueError(f"'{part.strip()}' is not one of the accepted words")
        return made

    def format(self, value: T38) -> str:
        if not value.enabled:
            return "no"
        return f"yes,{value.correction}" + (f",maxdatagram={value.largest}" if value.largest else "")


class LooseSocketAddress(Kind[SocketAddress | None]):
    """``address[:port]``; IPv6 may stand without brackets when there is no port."""

    accepted = "an IP address with an optional :port, IPv6 in brackets where a port follows"

    def parse(self, text: str, current: SocketAddress | None) -> SocketAddress | None:
        import ipaddress

        try:
            bare = text.count(":") > 1 and not text.startswith("[")
            host, port = (text, None) if bare else split_host_port(text)
            address = ipaddress.ip_address(host)
        except ValueError:
            raise ValueError("it is not an address") from None
        return SocketAddress(str(address), port or 0, explicit=port is not None)

    def format(self, value: SocketAddress | None) -> str:
        return "" if value is None else str(value)


BOOL = PlainBool()
NAT = Nat()
INSECURE = Words("port", "invite", spelled={"no": (), "yes": ("port",), "very": ("port", "invite")})
DIRECT_MEDIA = Words("yes", "nonat", "update", "outgoing", spelled={"no": ()})
MAILBOXES = Mailboxes()
CREDENTIALS = CredentialsKind()
T38_KIND = T38Kind()
ADDRESS = LooseSocketAddress()
PORT = Integer(1, 65535)
