"""A fax machine: T.30 by libspandsp, behind a modem in audio or behind T.38 packets.

A terminal has no clock. :class:`AudioTerminal` gets and gives samples, :class:`T38Terminal` is told how much time has
passed; whoever drives it keeps the pace. Nothing of it calls back while a function of the library runs: what happened
is in :meth:`Terminal.events` afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, IntFlag
from pathlib import Path
from typing import Any, NamedTuple

from asterism.media.fax.documents import LARGEST, MOST_ROWS, pages_written
from asterism.media.fax.library import Spandsp, spandsp

RATE = 8000
"""Samples a second of everything here."""
MOST_LOG_LINES = 500
"""Lines of the library's log that are kept until they are fetched."""
LONGEST_IDENT = 20
"""Characters of a station's identification (T.30 5.3.6.2.4)."""
LONGEST_HEADER = 50
"""Characters of the text in the line above each page."""
RATES = (2400, 4800, 7200, 9600, 12000, 14400)
"""Bit rates that the modems have."""


class Modem(IntFlag):
    """Modems for pages; V.21, for all else, is always there."""

    V27 = 0x01
    """V.27 ter: 2400 and 4800 bit/s."""
    V29 = 0x02
    """7200 and 9600 bit/s."""
    V17 = 0x04
    """7200 to 14400 bit/s."""


ALL_MODEMS = Modem.V17 | Modem.V27 | Modem.V29
_FASTEST = {Modem.V27: 4800, Modem.V29: 9600, Modem.V17: 14400}
LONGEST_PATH = 255
"""Octets of a file's path that the library reads."""

_COMPRESSIONS = 0x02 | 0x04 | 0x08
"""T.4 in one and two dimensions, T.6 (with error correction only)."""
_RESOLUTIONS = 0x01 | 0x02 | 0x04 | 0x10000 | 0x20000 | 0x40000
"""Standard, fine and super-fine; 4, 8 and 16 pixels a millimetre."""
_SIZES = 0x01 | 0x02 | 0x04 | 0x10000 | 0x20000 | 0x40000
"""A4, B4 and A3 wide; any length."""
_SILENCE = 60
"""The largest sample of silence; the softest modem is ten times as loud."""
_STORED_AS_T6 = 3
_LOG_FLOW = 5
_LOG_LABELS = 0x0400 | 0x0800
"""The library's log with severity and protocol in each line."""


@dataclass(frozen=True, slots=True)
class FaxTerms:
    """What a terminal says of itself and allows."""

    station: str = ""
    """Its identification: digits, ``+`` and spaces, at most 20."""
    header: str = ""
    """Text of the line above each page that is sent; without it there is none."""
    ecm: bool = True
    """Error correction (T.30 Annex A)."""
    modems: Modem = ALL_MODEMS
    maxrate: int = 14400
    minrate: int = 2400

    @property
    def usable_modems(self) -> Modem:
        """The modems whose highest bit rate is between the lowest and the highest that may be.

        None can be held below its highest rate, which it begins with. V.27 ter, the slowest, is always slow enough;
        and the library has it wherever it has V.17, as T.30 knows no machine with the one without the other.
        """
        found = Modem(0)
        for one, fastest in _FASTEST.items():
            if one in self.modems and self.minrate <= fastest and (fastest <= self.maxrate or one is Modem.V27):
                found |= one
        return found

    def within(self, rate: int) -> Modem:
        """The modems for a line that passes so many bits a second, 0: any number; V.27 ter where that leaves none."""
        if not rate:
            return self.usable_modems
        return replace(self, maxrate=min(self.maxrate, rate)).usable_modems or Modem.V27


class Happened(Enum):
    """Kind of an event of T.30."""

    NEGOTIATED = "negotiated"
    """Both sides know what the other can (phase B)."""
    PAGE = "page"
    """A page has passed (phase D)."""
    OVER = "over"
    """The call is over for T.30 (phase E); the event's number is the completion code, 0 for success."""


class FaxEvent(NamedTuple):
    """Something that T.30 tells."""

    kind: Happened
    number: int


class Transfer(NamedTuple):
    """What has passed so far."""

    rate: int
    ecm: bool
    pages: int
    """Pages sent, or received."""
    x_resolution: int
    """Pixels a metre."""
    y_resolution: int
    width: int
    length: int
    bad_rows: int
    longest_bad_run: int = 0

    @property
    def resolution(self) -> str:
        """The resolution in dots a metre: ``8031x3850`` is 204 by 98 an inch."""
        return f"{self.x_resolution}x{self.y_resolution}"


class Terminal:
    """What terminals of both kinds have. To be closed; after that it does nothing."""

    def __init__(self, *, sending: bool, terms: FaxTerms) -> None:
        """Make one.

        Raises:
            MissingFaxLibraryError: the library is not there.
        """
        found = spandsp()
        self._spandsp: Spandsp = found
        self._ffi, self._lib = found
        self.sending = sending
        self.terms = terms
        self.closed = False
        self.result: int | None = None
        """The completion code of T.30 once it is over; 0 for success."""
        self.path: Path | None = None
        """Its file."""
        self.unreadable = False
        """Whether a page was sent without its rows, as they cannot be decoded."""
        self._events: list[FaxEvent] = []
        self._log: list[str] = []
        self._state = self._make()
        if self._state == self._ffi.NULL:
            raise MemoryError("libspandsp has made no terminal")
        self._t30 = self._t30_state()
        callback = self._ffi.callback
        # cffi's callbacks live as long as these references.
        self._callbacks: list[Any] = [
            callback("phase_handler_t", self._phase_b, error=0),
            callback("phase_handler_t", self._phase_d, error=0),
            callback("end_handler_t", self._phase_e),
        ]
        lib, null = self._lib, self._ffi.NULL
        lib.t30_set_phase_b_handler(self._t30, self._callbacks[0], null)
        lib.t30_set_phase_d_handler(self._t30, self._callbacks[1], null)
        lib.t30_set_phase_e_handler(self._t30, self._callbacks[2], null)
        self._configure()

    # -- made by the kinds of terminals ---------------------------------------------------------------------

    def _make(self) -> Any:
        raise NotImplementedError

    def _t30_state(self) -> Any:
        raise NotImplementedError

    def _logs(self) -> list[Any]:
        """The logging states."""
        return [self._lib.t30_get_logging_state(self._t30)]

    def _free(self) -> None:
        raise NotImplementedError

    # -- for all -------------------------------------------------------------------------------------------

    def _configure(self) -> None:
        lib, t30, terms = self._lib, self._t30, self.terms
        lib.t30_set_tx_ident(t30, _ascii(terms.station, LONGEST_IDENT))
        if terms.header:
            lib.t30_set_tx_page_header_info(t30, _ascii(terms.header, LONGEST_HEADER))
        lib.t30_set_ecm_capability(t30, terms.ecm)
        lib.t30_set_supported_modems(t30, int(terms.usable_modems))
        lib.t30_set_supported_compressions(t30, _COMPRESSIONS)
        lib.t30_set_supported_resolutions(t30, _RESOLUTIONS)
        lib.t30_set_supported_image_sizes(t30, _SIZES)
        lib.t30_set_rx_encoding(t30, _STORED_AS_T6)

    def _phase_b(self, state: Any, data: Any, result: int) -> int:
        self._events.append(FaxEvent(Happened.NEGOTIATED, result))
        return 0

    def _phase_d(self, state: Any, data: Any, result: int) -> int:
        if self.sending:
            stats = self._statistics()
            # Each row takes a bit at least: where the file could not be read, the page ended before.
            self.unreadable = self.unreadable or stats.image_size * 8 < stats.length
        self._events.append(FaxEvent(Happened.PAGE, result))
        return 0

    def _phase_e(self, state: Any, data: Any, result: int) -> None:
        if self.result is None:
            self.result = result
            self._events.append(FaxEvent(Happened.OVER, result))

    def use_file(self, path: Path) -> None:
        """The TIFF file that is sent, or written.

        Raises:
            ValueError: its path is too long for the library, which would take another file.
        """
        name = os.fsencode(path)
        if len(name) > LONGEST_PATH:
            raise ValueError(f"the path of a fax has at most {LONGEST_PATH} octets: {path}")
        self.path = path
        if self.sending:
            self._lib.t30_set_tx_file(self._t30, name, -1, -1)
        else:
            self._lib.t30_set_rx_file(self._t30, name, -1)

    def events(self) -> list[FaxEvent]:
        """What has happened since the last time."""
        events, self._events = self._events, []
        return events

    @property
    def too_much(self) -> bool:
        """Whether the far end sends more than a page can have, or than a file may; see :mod:`.documents`.

        Over T.38 it is as fast as it likes, and a bit is enough for a row, of which the library keeps all dots.
        """
        if self.sending or self.closed or self.path is None:
            return False
        if self.transfer().length > MOST_ROWS:
            return True
        try:
            return self.path.stat().st_size > LARGEST
        except OSError:
            return False

    @property
    def unwritten(self) -> int:
        """Pages that have come and could not be written: the library acknowledges them all the same."""
        if self.sending or self.path is None:
            return 0
        return max(self.transfer().pages - pages_written(self.path), 0)

    @property
    def active(self) -> bool:
        """Whether T.30 still has something to do."""
        return not self.closed and bool(self._lib.t30_call_active(self._t30))

    @property
    def remote_station(self) -> str:
        """The identification of the far end; empty where it has told none."""
        if self.closed:
            return ""
        found = self._lib.t30_get_rx_ident(self._t30)
        return "" if found == self._ffi.NULL else self._ffi.string(found).decode("latin-1").strip()

    def transfer(self) -> Transfer:
        """What has passed so far."""
        if self.closed:
            return Transfer(0, False, 0, 0, 0, 0, 0, 0)
        stats = self._statistics()
        return Transfer(
            stats.bit_rate,
            bool(stats.error_correcting_mode),
            stats.pages_tx if self.sending else stats.pages_rx,
            stats.x_resolution,
            stats.y_resolution,
            stats.width,
            stats.length,
            stats.bad_rows,
            stats.longest_bad_row_run,
        )

    def _statistics(self) -> Any:
        stats = self._ffi.new("t30_stats_t *")
        self._lib.t30_get_transfer_statistics(self._t30, stats)
        return stats

    def debug(self) -> None:
        """Have the library tell what it does; :meth:`log_lines` gives it."""

        def heard(_level: int, text: Any) -> None:
            if len(self._log) < MOST_LOG_LINES:
                self._log.append(self._ffi.string(text).decode("utf-8", "replace").strip())

        handler = self._ffi.callback("message_handler_t", heard)
        self._callbacks.append(handler)
        for state in self._logs():
            self._lib.span_log_set_message_handler(state, handler)
            self._lib.span_log_set_level(state, _LOG_FLOW | _LOG_LABELS)

    def log_lines(self) -> list[str]:
        """What the library has told since the last time."""
        lines, self._log = self._log, []
        return lines

    def hang_up(self) -> None:
        """The far end is gone, or we are: T.30 ends now, and closes its file. It may block on the file."""
        if not self.closed:
            self._lib.t30_terminate(self._t30)

    def close(self) -> None:
        """Free everything. Nothing of it may run in another thread now."""
        if self.closed:
            return
        self.closed = True
        self._free()


def _ascii(text: str, longest: int) -> bytes:
    return "".join(each for each in text if " " <= each <= "~")[:longest].encode("ascii")


class AudioTerminal(Terminal):
    """A terminal behind a modem: 16-bit linear samples at 8 kHz."""

    silent = 0
    """Samples for which the far end has been silent."""

    def _make(self) -> Any:
        state = self._lib.fax_init(self._ffi.NULL, self.sending)
        if state != self._ffi.NULL:
            self._lib.fax_set_transmit_on_idle(state, 1)
        return state

    def _t30_state(self) -> Any:
        return self._lib.fax_get_t30_state(self._state)

    def _logs(self) -> list[Any]:
        return [self._lib.fax_get_logging_state(self._state), *super()._logs()]

    def _free(self) -> None:
        self._lib.fax_free(self._state)

    def hear(self, pcm: bytes) -> None:
        """Samples from the far end; half a sample at their end is no sample."""
        if self.closed or len(pcm) < 2:
            return
        data = bytearray(pcm[: len(pcm) & ~1])
        self._lib.fax_rx(self._state, self._ffi.from_buffer("int16_t[]", data), len(data) // 2)
        self.silent = 0 if max(memoryview(data).cast("h")) > _SILENCE else self.silent + len(data) // 2

    def miss(self, samples: int) -> None:
        """So many samples of the far end were lost."""
        if not self.closed and samples > 0:
            self.silent += samples
            self._lib.fax_rx_fillin(self._state, samples)

    def say(self, samples: int) -> bytes:
        """What is to be sent for the next so many samples; silence where the terminal has nothing to say."""
        if self.closed:
            return bytes(2 * samples)
        buffer = bytearray(2 * samples)
        self._lib.fax_tx(self._state, self._ffi.from_buffer("int16_t[]", buffer), samples)
        return bytes(buffer)


class T38Terminal(Terminal):
    """A terminal that speaks T.38: packets (IFP) instead of samples."""

    def __init__(self, *, sending: bool, terms: FaxTerms, send: Callable[[bytes, int], object]) -> None:
        """Make one.

        ``send`` is called with each packet and how often the library wants it to be sent; not while the library runs.
        """
        self._send = send
        self._packets: list[tuple[bytes, int]] = []
        super().__init__(sending=sending, terms=terms)

    def _make(self) -> Any:
        self._packet = self._ffi.callback("packet_handler_t", self._sent, error=0)
        return self._lib.t38_terminal_init(self._ffi.NULL, self.sending, self._packet, self._ffi.NULL)

    def _t30_state(self) -> Any:
        self.core = self._lib.t38_terminal_get_t38_core_state(self._state)
        return self._lib.t38_terminal_get_t30_state(self._state)

    def _logs(self) -> list[Any]:
        lib = self._lib
        return [
            lib.t38_terminal_get_logging_state(self._state),
            lib.t38_core_get_logging_state(self.core),
            *super()._logs(),
        ]

    def _free(self) -> None:
        self._lib.t38_terminal_free(self._state)

    def _sent(self, core: Any, data: Any, octets: Any, length: int, count: int) -> int:
        self._packets.append((bytes(self._ffi.buffer(octets, length)), count))
        return 0

    def agree(self, *, version: int, rate: int, largest: int, local_tcf: bool = False) -> None:
        """What was negotiated: T.38's version, the highest bit rate, and the largest packet that the far end takes."""
        set_t38_terms(self._spandsp, self.core, version=version, rate=rate, largest=largest, local_tcf=local_tcf)
        self._lib.t30_set_supported_modems(self._t30, int(self.terms.within(rate)))

    def take(self, number: int, packet: bytes) -> None:
        """A packet from the far end, with its sequence number; they come in order, and what is lost is missing."""
        if self.closed:
            return
        self._lib.t38_core_rx_ifp_packet(self.core, packet, len(packet), number)
        self._flush()

    def pass_time(self, samples: int) -> None:
        """So much time has passed, in samples of 8 kHz: what is due is sent."""
        if self.closed:
            return
        self._lib.t38_terminal_send_timeout(self._state, samples)
        self._flush()

    def _flush(self) -> None:
        packets, self._packets = self._packets, []
        for packet, count in packets:
            self._send(packet, count)


def set_t38_terms(
    library: Spandsp, core: Any, *, version: int, rate: int, largest: int, local_tcf: bool = False
) -> None:
    """Tell a core of T.38 what was negotiated."""
    lib = library.lib
    lib.t38_set_t38_version(core, version)
    if rate:
        lib.t38_set_fastest_image_data_rate(core, rate)
    if largest:
        lib.t38_set_max_datagram_size(core, largest)
    lib.t38_set_data_rate_management_method(core, 1 if local_tcf else 2)


def describe(code: int) -> str:
    """What a completion code of T.30 means, in the library's words."""
    ffi, lib = spandsp()
    return str(ffi.string(lib.t30_completion_code_to_str(code)).decode("latin-1"))
