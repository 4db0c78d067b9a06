"""Events of channels, dials and bridges."""

from __future__ import annotations

from fake_technology import FakeServer

from asterism.pbx.vocabulary import events


def test_every_event_type_renders_and_is_documented() -> None:
    server = FakeServer()
    server.register_events(*events.ALL)
    assert len(server.bus.types) == len(events.ALL)
