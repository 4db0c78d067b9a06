"""The meaning of the RTP payload types of one direction."""

from __future__ import annotations

from typing import NamedTuple

from asterism.media.formats import Format


class PayloadTypes(NamedTuple):
    """The payload types that one side receives, as it announced them in its description (RFC 3264 5.1, 6.1)."""

    formats: tuple[tuple[int, Format], ...]
    """Payload type and codec, the preferred one first."""
    events: tuple[tuple[int, int], ...] = ()
    """Clock rate and payload type of telephone-event (RFC 4733 2.1: one for each clock rate of the codecs)."""
