"""Bodies of call completion: the state that a NOTIFY tells, and the presence that suspends a request."""

from __future__ import annotations

from contextlib import suppress

from asterism.applications.pubsub.bodies.call_completion import (
    QUEUED,
    READY,
    availability_text,
    completion_text,
    read_availability,
    read_completion,
)
from asterism.stack.errors import ParseError

SEEDS = (
    b"cc-state: queued\r\n",
    b"cc-state: ready\r\ncc-service-retention: true\r\ncc-URI: sip:200@192.0.2.1:5060;m=BS\r\n",
    b"CC-STATE :ready\ncc-uri: <sips:a@b>;x\nX: 1\n",
    availability_text("sip:a@b", True).encode(),
    availability_text('sip:"<&>@b', False).encode(),
    b'<!DOCTYPE p [<!ENTITY a "open">]><p xmlns="urn:ietf:params:xml:ns:pidf"><basic>&a;</basic></p>',
)


def completion(data: bytes) -> None:
    """Read as either; a state that was read and written is read the same again."""
    with suppress(ParseError):
        assert read_availability(data) in (True, False)
    found = read_completion(data)
    assert found.state in (QUEUED, READY)
    assert read_completion(completion_text(found).encode()) == found
