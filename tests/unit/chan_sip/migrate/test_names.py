"""Names of objects."""

from __future__ import annotations

from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.objects.peer import SipPeer


def test_names_are_those_that_people_write() -> None:
    names = PlainNames()
    names.given["tcp"] = "mine"
    peer = SipPeer("alice")
    made = (names.endpoint(peer), names.aor(peer), names.inbound_auth(peer), names.identify(peer))
    assert made == ("alice",) * 4
    assert (names.outbound_auth(peer), names.outbound_auth(peer, 2)) == ("alice-out", "alice-out2")
    assert names.endpoint(SipPeer("alice/user")) == "alice-user"
    assert [names.transport("udp"), names.transport("udp", 6), names.transport("tcp")] == [
        "transport-udp", "transport-udp6", "mine",
    ]  # fmt: skip
    assert names.identifies
    every = [
        names.general_auth(1),
        names.registration(1),
        names.mwi(1),
        names.registration_auth(1),
        names.mwi_auth(1),
        names.contact_acl(),
    ]
    assert all("/" not in name for name in every)
