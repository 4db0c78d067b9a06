"""Fields of the manager's events of faxes, in Asterisk's order."""

from __future__ import annotations

from fake_technology import FakeServer

from asterism.media.fax.terminal import ALL_MODEMS
from asterism.pbx.calls.fax import events
from asterism.pbx.calls.fax.settings import FaxDetails


def test_fields() -> None:
    channel = FakeServer().sip.incoming("alice", "1")
    status = list(events.FAX_STATUS.render(channel, "send", "Page 1", "+49", "a.tif&b.tif"))
    assert [name for name, _ in status][-5:] == ["Linkedid", "Operation", "Status", "LocalStationID", "FileName"]
    assert dict(status)["FileName"] == "a.tif&b.tif"
    details = FaxDetails(True, 14400, 2400, ALL_MODEMS, 5000, station="1", remote="2", pages=3, rate=9600)
    details.files = ["a.tif", "b.tif"]
    for kind in (events.SEND_FAX, events.RECEIVE_FAX):
        assert list(kind.render(channel, details))[-7:] == [
            ("LocalStationID", "1"),
            ("RemoteStationID", "2"),
            ("PagesTransferred", 3),
            ("Resolution", ""),
            ("TransferRate", 9600),
            ("FileName", "a.tif"),
            ("FileName", "b.tif"),
        ]
