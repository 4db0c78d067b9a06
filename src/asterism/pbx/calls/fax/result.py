"""What became of a fax: as T.30's completion code says, and as dialplan and programs are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.media.fax.terminal import Terminal, describe
from asterism.pbx.dialplan.language.foreign import foreign

if TYPE_CHECKING:
    from asterism.pbx.calls.fax.settings import FaxDetails
    from asterism.pbx.channels.channel import Channel

_TIMES = frozenset({2, 3, 4, 21, 22, 23, 28, 29, 30, 31, 32, 33, 34})
"""Completion codes of T.30 that say that a timer has expired."""
_FILES = frozenset(range(41, 47))
"""Those about the file."""
_NO_MEMORY = 47
_DROPPED = 49
"""The call has ended too early."""


@dataclass(frozen=True, slots=True)
class FaxResult:
    """What became of a fax."""

    success: bool
    """Whether all of it has passed."""
    text: str
    """In words: ``OK``, or why not."""
    error: str = ""
    """A word for the reason where it has not: ``HANGUP``, ``TIMEOUT``, ``FILE_ERROR`` ..."""
    pages: int = 0
    """Pages that the receiver has acknowledged."""
    rate: int = 0
    """Bits a second."""
    resolution: str = ""
    """Of the last page, in dots a metre: ``8031x3850``."""
    remote: str = ""
    """What the far end calls itself; text from outside."""
    mode: str = ""
    """``audio`` or ``T38``."""
    files: tuple[Path, ...] = ()
    """What was sent, or received; a fax that failed has left pages only where the far end was told that they came."""


def result_of(terminal: Terminal, mode: str, files: tuple[Path, ...], *, too_long: bool, left: bool) -> FaxResult:
    """What became of the fax of a terminal that is over.

    Args:
        terminal: not closed yet.
        mode: ``audio`` or ``T38``.
        files: of the fax.
        too_long: it was ended here because nothing happened any more.
        left: the channel was taken away from it.
    """
    code, transfer = terminal.result, terminal.transfer()
    success = code == 0 and not too_long and transfer.pages > 0
    if too_long:
        text = "Timed out: nothing came any more, or a page had no end"
    elif code is None:
        text = "The call dropped prematurely"
    elif code == 0 and not transfer.pages:
        text = "No page has passed"
    else:
        text = describe(code)
    return FaxResult(
        success, text, "" if success else _error(code, too_long, left), transfer.pages, transfer.rate,
        transfer.resolution if transfer.pages else "", terminal.remote_station, mode, files,
    )  # fmt: skip


def _error(code: int | None, too_long: bool, left: bool) -> str:
    if too_long or code in _TIMES:
        return "TIMEOUT"
    if code in _FILES:
        return "FILE_ERROR"
    if code == _NO_MEMORY:
        return "MEMORY_ERROR"
    return "HANGUP" if left or code in (None, _DROPPED) else "PROTOCOL_ERROR"


def tell_result(channel: Channel, details: FaxDetails, result: FaxResult) -> None:
    """Put a result into the channel's details, which ``FAXOPT`` reads, and its variables."""
    details.status = "SUCCESS" if result.success else "FAILED"
    details.statusstr, details.error = result.text, result.error
    details.pages, details.rate, details.resolution = result.pages, result.rate, result.resolution
    details.remote = result.remote
    for name, value in (
        ("FAXSTATUS", details.status),
        ("FAXERROR", result.error),
        ("FAXSTATUSSTRING", result.text),
        ("LOCALSTATIONID", details.station),
        ("REMOTESTATIONID", foreign(result.remote)),
        ("FAXPAGES", str(result.pages)),
        ("FAXBITRATE", str(result.rate)),
        ("FAXRESOLUTION", result.resolution),
        ("FAXMODE", result.mode),
    ):
        channel.set_variable(name, value)
