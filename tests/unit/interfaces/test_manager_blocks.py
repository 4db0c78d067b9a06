"""The kept text of a channel is always that of the channel as it is now."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.interfaces.manager.blocks import ChannelBlocks
from asterism.interfaces.manager.wire import encode, encode_fields
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.party import PartyId


def channel() -> Any:
    return SimpleNamespace(
        name="PJSIP/a-1", state=ChannelState.RING, caller=PartyId("101", "Ann"), connected=PartyId(), language="en",
        accountcode="", context="default", exten="102", priority=1, uniqueid="1.2", linkedid="1.2", application="Dial",
        appdata="PJSIP/b",
    )  # fmt: skip


CHANGES = {
    "name": "PJSIP/a-2", "state": ChannelState.UP, "caller": PartyId("7", "Bob"), "connected": PartyId("8"),
    "language": "de", "accountcode": "x", "context": "other", "exten": "h", "priority": 2, "linkedid": "0.9",
}  # fmt: skip


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_change_shows(name: str) -> None:
    one, blocks = channel(), ChannelBlocks()
    before = blocks.text(one)
    assert blocks.text(one) is before
    setattr(one, name, CHANGES[name])
    assert blocks.text(one) == encode_fields(events.channel_fields(one)) != before


def test_every_field_of_a_channel_is_watched() -> None:
    """A new field of channel_fields() must be one that :class:`ChannelBlocks` compares."""
    read: set[str] = set()

    class Watched:
        def __getattr__(self, name: str) -> object:
            read.add(name)
            return getattr(model, name)

    model = channel()
    events.channel_fields(Watched())  # type: ignore[arg-type]
    assert read == {*CHANGES, "uniqueid"}


@pytest.mark.parametrize(
    "event", [event for event in events.ALL if event.tail is not None], ids=lambda event: event.name
)
def test_the_two_ways_to_render_agree(event: events.EventType) -> None:
    one = channel()
    args = (one, "NAME", "some\r\nvalue") if event is events.VAR_SET else (one,)
    assert event.tail is not None
    assert ChannelBlocks().text(one) + encode_fields(event.tail(*args)) == encode_fields(event.render(*args))


def test_a_message_of_nothing_is_a_blank_line() -> None:
    assert encode([]) == "\r\n"
    assert encode([("A", None), ("B", 1)]) == "A: \r\nB: 1\r\n\r\n"
