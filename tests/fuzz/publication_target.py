"""Bodies of ``asterisk-devicestate`` and ``asterisk-mwi``: what another server publishes."""

from __future__ import annotations

from contextlib import suppress

from asterism.applications.pubsub.api import PublishError
from asterism.applications.pubsub.packages.asterisk_devicestate import DeviceStateHandler
from asterism.applications.pubsub.packages.asterisk_mwi import MailboxHandler
from asterism.applications.pubsub.packages.asterisk_publication import REFRESH, TYPE
from asterism.pbx.states.mailboxes import MAX_COUNT, MessageCounts
from asterism.pbx.vocabulary.device_state import DeviceState

SEEDS = (
    b'{"type":"devicestate","device":"Custom:cust","state":"INUSE","cachable":1,"eid":"02:00:00:00:00:01"}\n',
    b'{"type":"mailboxstate","uniqueid":"7001@default","old":1,"new":3,"eid":"02:00:00:00:00:01"}\n',
    b'{"type":"refresh","eid":"02:00:00:00:00:01"}',
    b'{"eid":"a","type":"mailboxstate","uniqueid":"\\ud83d\\ude00\\u0000","old":1e3,"new":-0,"new":123456789012345}',
    b'[{"type":["devicestate"],"device":{"a":{"b":[[[]]]}},"state":null,"eid":NaN}]',
    '{"type":"refresh","eid":"x"}'.encode("utf-16"),
)


def published(data: bytes) -> None:
    """What is read is a state of a name that may stand in a line; all else is refused."""
    for cls in (DeviceStateHandler, MailboxHandler):
        handler = cls.__new__(cls)
        handler._eid = "own"
        with suppress(PublishError):
            told = handler.read(TYPE, data)
            assert told.eid.isprintable()
            assert 0 < len(told.eid) <= 255
            if told.kind == REFRESH:
                assert handler.part(told) is None
                continue
            assert told.name.isprintable()
            assert 0 < len(told.name) <= 255
            told.name.encode()
            if isinstance(told.state, MessageCounts):
                assert all(0 <= count <= MAX_COUNT for count in told.state)
            else:
                assert isinstance(told.state, DeviceState)
            assert (handler.part(told) is None) is (told.eid == "own")
