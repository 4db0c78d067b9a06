"""The record of an event: the channel as it is at that moment."""

from __future__ import annotations

import json

from fake_technology import FakeServer

from asterism.pbx.records.cel.rows import extra_of, record_of
from asterism.pbx.vocabulary.party import PartyId, Redirecting


def test_extra_is_json_in_the_order_given_whatever_is_in_it() -> None:
    text = extra_of(hangupcause=16, hangupsource='a"b\\', name="Zoë\r\nEvent: X")
    assert text.startswith('{"hangupcause":16,"hangupsource":"a\\"b')
    assert "\n" not in text
    assert "Zoë" in text
    assert json.loads(text) == {"hangupcause": 16, "hangupsource": 'a"b\\', "name": "Zoë\r\nEvent: X"}


async def test_a_record_has_everything_that_the_channel_knows() -> None:
    server = FakeServer()
    channel = server.sip.incoming("alice", "6002")
    channel.caller = PartyId("6001", "Alice")
    channel.ani = PartyId("5001")
    channel.redirecting = Redirecting(from_=PartyId("6009"))
    channel.dialed, channel.userfield, channel.peeraccount = "6002", "mine", "acc2"
    channel.application, channel.appdata, channel.amaflags = "Dial", "PJSIP/bob", 2
    record = record_of(channel, "ANSWER", peer="PJSIP/bob-1", extra="{}", at=5.0)
    assert (record.event, record.time, record.peer, record.extra) == ("ANSWER", 5.0, "PJSIP/bob-1", "{}")
    assert (record.cid_name, record.cid_num, record.cid_ani) == ("Alice", "6001", "5001")
    assert (record.cid_rdnis, record.cid_dnid, record.userfield) == ("6009", "6002", "mine")
    assert (record.appname, record.appdata, record.amaflags) == ("Dial", "PJSIP/bob", 2)
    assert (record.exten, record.context, record.peeraccount) == (channel.exten, channel.context, "acc2")
    assert (record.channame, record.uniqueid, record.linkedid) == (channel.name, channel.uniqueid, channel.linkedid)


async def test_a_new_channel_has_dialled_nothing_yet() -> None:
    channel = FakeServer().sip.incoming("alice", "6002")
    channel.dialed = "6002"
    record = record_of(channel, "CHAN_START", new=True)
    assert (record.cid_ani, record.cid_dnid) == ("", "")


async def test_what_was_before_is_told_of_an_end() -> None:
    channel = FakeServer().sip.incoming("alice", "h")
    record = record_of(
        channel, "APP_END", application=("Dial", "PJSIP/bob"), place=("internal", "6002", 3), linkedid="x.1"
    )
    assert (record.appname, record.appdata, record.context, record.exten) == ("Dial", "PJSIP/bob", "internal", "6002")
    assert record.linkedid == "x.1"
