"""Counterparts of items."""

from __future__ import annotations

import pytest

from asterism.chan_sip.migrate.items import VARIABLES, WRITTEN, channel_item, peer_item
from asterism.chan_sip.migrate.report import Outcome


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("recvport", "CUT(CHANNEL(pjsip,remote_addr),:,2)"),
        ("useragent", "PJSIP_HEADER(read,User-Agent)"),
        ("rtpsource,video", "CHANNEL(rtp,src,video)"),
        ("rtpqos,audio,all", "CHANNEL(rtcp,all,audio)"),
        ("rtpqos", "CHANNEL(rtcp,all,audio)"),
        ("secure_signaling", "CHANNEL(pjsip,secure)"),
        ("secure_bridge_media", ""),
    ],
)
def test_channel(args: str, text: str) -> None:
    found = channel_item(args)
    assert found is not None
    assert found.text == text
    assert (found.outcome is Outcome.UNTRANSLATED) == (not text)


def test_items_of_every_channel_stay() -> None:
    assert channel_item("language") is None
    assert channel_item("") is None


def test_peer() -> None:
    def item(args: str) -> tuple[str, Outcome]:
        found = peer_item(args, lambda name: f"e-{name}", lambda peer, item: "9" if item == "limit" else None)
        return found.text, found.outcome

    assert item("a,language") == ("PJSIP_ENDPOINT(e-a,language)", Outcome.TRANSLATED)
    assert item("a,limit") == ("9", Outcome.CHANGED)
    assert item("${A},limit")[1] is Outcome.UNTRANSLATED
    contact = "PJSIP_CONTACT(${PJSIP_AOR(e-a,contact)},uri)"
    assert item("a") == (f"PJSIP_PARSE_URI(${{{contact}}},host)", Outcome.CHANGED)


def test_what_has_no_counterpart_says_what_to_do() -> None:
    assert all(WRITTEN.values())
    assert all(each.why for each in VARIABLES.values() if each.outcome is not Outcome.TRANSLATED)
