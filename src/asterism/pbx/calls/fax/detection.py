"""``FAXOPT(faxdetect)``: a call that turns out to be a fax goes on at the extension ``fax`` of its context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.channels.fax_tone import detect_fax, expect_request

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def set_detection(channel: Channel, text: str) -> None:
    """Have a fax detected as ``FAXOPT(faxdetect)`` says: ``yes``, or ``cng`` and ``t38``, with seconds; or ``no``."""
    words = [word.strip().lower() for word in text.split(",")]
    seconds = int(words.pop()) if words[-1].isascii() and words[-1].isdigit() else 0
    detect_fax(channel, False)
    if not {"yes", "cng"}.isdisjoint(words):
        detect_fax(channel, True, seconds, again=True)
    expect_request(channel, not {"yes", "t38"}.isdisjoint(words), seconds)
