"""The module ``chan_sip`` in a server."""

from __future__ import annotations

from asterism.chan_sip.module import ChanSip
from asterism.server.discovery import builtin_modules


def test_it_is_found() -> None:
    assert ChanSip in set(builtin_modules())
