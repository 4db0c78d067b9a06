"""CHANNEL() of SIP channels: which items there are, and that none fails where there is nothing to tell."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.chan_sip.items import STATISTICS, item

UNKNOWN = ["rtpqos,audio,bogus", "rtpqos,audio,local_lostpackets", "rtpqos,audio,remote_count", "rtpqos,voice,all",
           "rtpdest,voice", "rtpsource,voice"]  # fmt: skip
EVERY = [
    "peerip", "recvip", "recvport", "from", "uri", "ruri", "useragent", "peername", "t38passthrough", "t38",
    "secure_signaling", "secure_media", "rtpdest", "rtpsource", "rtpqos", "rtpqos,audio", "rtpdest,video",
    *(f"rtpqos,{kind},{name}" for kind in ("audio", "video", "text") for name in STATISTICS),
]  # fmt: skip


def _session() -> Any:
    """A call that has not begun: no dialog, no way, no media."""
    return SimpleNamespace(
        core=SimpleNamespace(log=logging.getLogger("test.items")),
        dialog=None,
        channel=None,
        endpoint=SimpleNamespace(fields={}, t38_udptl=False),
        media=SimpleNamespace(port=lambda kind: None, streams=[]),
    )


@pytest.mark.parametrize("name", EVERY)
def test_an_item_of_which_there_is_nothing_is_empty(name: str) -> None:
    assert item(_session(), name) == {"t38passthrough": "0", "t38": "DISABLED"}.get(name, "")
    assert item(_session(), f" {name.upper()} ".replace(",", " , ")) == item(_session(), name)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_argument_that_there_is_not_is_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert item(_session(), name) is None
    assert f"Unrecognized argument '{name}' to CHANNEL" in caplog.text


@pytest.mark.parametrize("name", ["rxgain", "trace", "nonsense", ""])
def test_an_item_that_there_is_not_is_the_callers_to_tell(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert item(_session(), name) is None
    assert caplog.text == ""
