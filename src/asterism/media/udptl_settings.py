"""``udptl.conf``: the options of its ``[general]`` section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from asterism.config import Section
from asterism.core.errors import ConfigError
from asterism.media.udptl import MOST_ENTRIES, MOST_SPAN


@dataclass(frozen=True, slots=True)
class UdptlSettings:
    """Typed options, with Asterisk's defaults."""

    start: int = 4000
    """``udptlstart``: the first port."""
    end: int = 4999
    """``udptlend``: the last port."""
    checksums: bool = True
    """``udptlchecksums``; shown only, the kernel always computes them."""
    entries: int = 3
    """``udptlfecentries``: IFP packets that are repeated, or groups of FEC, in each packet."""
    span: int = 3
    """``udptlfecspan``: IFP packets in a group of FEC."""
    even_ports: bool = False
    """``use_even_ports``: take only ports with even numbers."""

    @classmethod
    def from_section(cls, section: Section) -> UdptlSettings:
        """Read ``[general]``; unknown options are left to others.

        Raises:
            ConfigError: a value is not what its option takes.
        """
        start = section.integer("udptlstart", 4000, 1, 65535)
        end = section.integer("udptlend", 4999, 1, 65535)
        even = section.flag("use_even_ports", False)
        if end < start + (start & 1 if even else 0):
            option = section.find("udptlend") or section.find("udptlstart")
            raise ConfigError(
                f"udptlend ({end}) leaves no port from udptlstart ({start})",
                option.position if option else section.position, "udptlend", f"a port from {start} on",
            )  # fmt: skip
        return cls(
            start=start,
            end=end,
            checksums=section.flag("udptlchecksums", True),
            entries=section.integer("udptlfecentries", 3, 1, MOST_ENTRIES),
            span=section.integer("udptlfecspan", 3, 1, MOST_SPAN),
            even_ports=even,
        )

    def local_datagram(self, correction: str, ifp: int) -> int:
        """``T38FaxMaxDatagram`` of who takes IFP packets of so many octets, as Asterisk 22 works it out.

        That is room for the IFP packet and what error correction adds, with 5 % to spare; never above 1400.
        """
        if correction == "redundancy":
            found = ifp * 1.05 * (self.entries + 1) + 8
        elif correction == "fec":
            found = ifp * 1.05 * 2 + 9
        else:
            found = ifp * 1.05 + 5
        return min(int(found), LARGEST_DATAGRAM)


OPTIONS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "udptlstart": ("4000", "1 to 65535", "First port; each leg with T.38 takes one."),
        "udptlend": ("4999", "1 to 65535", "Last port."),
        "use_even_ports": ("no", "yes, no", "Take only ports with even numbers."),
        "udptlfecentries": (
            "3",
            f"1 to {MOST_ENTRIES}",
            "Earlier packets that each one repeats (redundancy), or groups that it protects (FEC).",
        ),
        "udptlfecspan": ("3", f"1 to {MOST_SPAN}", "Packets in a group of FEC."),
        "udptlchecksums": ("yes", "yes, no", "Accepted, and without effect: the kernel always computes them."),
    }
)
"""Asterisk's options of ``[general]``, each with its default, what it takes, and what it is for."""
FILE = "udptl.conf"
LARGEST_DATAGRAM = 1400
"""Octets of the largest datagram that is announced."""
USUAL_DATAGRAM = 400
"""Octets of the largest datagram of a far end that does not say it."""


def far_ifp(correction: str, datagram: int) -> int:
    """The largest IFP packet for a far end that takes datagrams of so many octets, as Asterisk 22 works it out.

    There has to be room for at least one more IFP packet, or group of FEC, and 5 % are left.
    """
    if correction == "redundancy":
        found = (datagram - 8) / 2 * 0.95
    elif correction == "fec":
        found = (datagram - 10) / 2 * 0.95
    else:
        found = (datagram - 5) * 0.95
    return max(int(found), 1)
