"""A gateway between a fax machine in audio and one in T.38 packets, by libspandsp; it has no clock.

Audio goes in by :meth:`Gateway.hear` and out by :meth:`Gateway.say`, packets in by :meth:`Gateway.take`; those that go
out are given to the function that it was made with, not while the library runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asterism.media.fax.library import spandsp
from asterism.media.fax.terminal import FaxTerms, Transfer, set_t38_terms


class Gateway:
    """One gateway. To be closed; after that it does nothing."""

    def __init__(self, terms: FaxTerms, send: Callable[[bytes, int], object]) -> None:
        """Make one: ``send`` is called with each packet and how often the library wants it to be sent.

        Raises:
            MissingFaxLibraryError: the library is not there.
        """
        self._spandsp = spandsp()
        self._ffi, lib = self._spandsp
        self._lib = lib
        self._send = send
        self._packets: list[tuple[bytes, int]] = []
        self.closed = False
        # cffi's callbacks live as long as this reference.
        self._callback = self._ffi.callback("packet_handler_t", self._sent, error=0)
        self._state = lib.t38_gateway_init(self._ffi.NULL, self._callback, self._ffi.NULL)
        if self._state == self._ffi.NULL:
            raise MemoryError("libspandsp has made no gateway")
        self._terms = terms
        self._core = lib.t38_gateway_get_t38_core_state(self._state)
        lib.t38_gateway_set_transmit_on_idle(self._state, 1)
        lib.t38_gateway_set_ecm_capability(self._state, terms.ecm)
        lib.t38_gateway_set_supported_modems(self._state, int(terms.usable_modems))

    def _sent(self, core: Any, data: Any, octets: Any, length: int, count: int) -> int:
        self._packets.append((bytes(self._ffi.buffer(octets, length)), count))
        return 0

    def _flush(self) -> None:
        packets, self._packets = self._packets, []
        for packet, count in packets:
            self._send(packet, count)

    def agree(self, *, version: int, rate: int, largest: int, local_tcf: bool = False) -> None:
        """What was negotiated: T.38's version, the highest bit rate, and the largest packet that the far end takes."""
        set_t38_terms(self._spandsp, self._core, version=version, rate=rate, largest=largest, local_tcf=local_tcf)
        self._lib.t38_gateway_set_supported_modems(self._state, int(self._terms.within(rate)))

    def take(self, number: int, packet: bytes) -> None:
        """A packet, with its sequence number; they come in order, and what is lost is missing."""
        if not self.closed:
            self._lib.t38_core_rx_ifp_packet(self._core, packet, len(packet), number)
            self._flush()

    def hear(self, pcm: bytes) -> None:
        """Samples of the machine in audio."""
        if not self.closed and len(pcm) > 1:
            buffer = self._ffi.from_buffer("int16_t[]", bytearray(pcm))
            self._lib.t38_gateway_rx(self._state, buffer, len(pcm) // 2)
            self._flush()

    def miss(self, samples: int) -> None:
        """So many samples of it were lost."""
        if not self.closed and samples > 0:
            self._lib.t38_gateway_rx_fillin(self._state, samples)
            self._flush()

    def say(self, samples: int) -> bytes:
        """What it is to be sent for the next so many samples."""
        buffer = bytearray(2 * samples)
        if not self.closed:
            self._lib.t38_gateway_tx(self._state, self._ffi.from_buffer("int16_t[]", buffer), samples)
            self._flush()
        return bytes(buffer)

    def transfer(self) -> Transfer:
        """What has passed so far; resolutions are not known to a gateway."""
        if self.closed:
            return Transfer(0, False, 0, 0, 0, 0, 0, 0)
        stats = self._ffi.new("t38_stats_t *")
        self._lib.t38_gateway_get_transfer_statistics(self._state, stats)
        return Transfer(stats.bit_rate, bool(stats.error_correcting_mode), stats.pages_transferred, 0, 0, 0, 0, 0)

    def close(self) -> None:
        """Free everything."""
        if not self.closed:
            self.closed = True
            self._lib.t38_gateway_free(self._state)
