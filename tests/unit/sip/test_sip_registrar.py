"""The registrar, as recorded: what is answered, what is stored, what is told."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from sip_rig import FakeFlow, Rig

from asterism.applications.registrar import MAX_PATH, MAX_URI, SPARE_CONTACTS, readable
from asterism.data import DataError
from asterism.sip.objects.contact import Contact
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri


def uris(rig: Rig, aor: str = "alice") -> list[str]:
    return [contact.uri for contact in rig.sip.location.contacts(aor)]


def bind(rig: Rig, *headers: str, user: str = "alice", **more: object) -> Response:
    return rig.ask("REGISTER", *headers, user=user, **more)  # type: ignore[arg-type]


def test_register_is_challenged_then_bound(rig: Rig) -> None:
    first = rig.only(rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:alice@192.0.2.10>")))
    assert first.status == 401
    assert first.to.tag == first.via.branch
    assert rig.layer.live_transactions == rig.layer.finished_transactions == 0
    response = bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 300")
    assert (response.status, response.get("Contact")) == (200, "<sip:alice@192.0.2.10>;expires=299")
    assert response.get("Expires") == "300"
    assert (response.get("Date") or "").endswith("GMT")
    assert response.get("Server") == "Asterism 0.0"
    assert uris(rig) == ["sip:alice@192.0.2.10"]


def test_the_200_waits_for_the_commit(rig: Rig) -> None:
    challenge = rig.only(rig.receive(rig.request("REGISTER")))
    authorization = rig.answer(challenge, "REGISTER", "sip:pbx.test", "alice", "alicepw")
    text = rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:a@192.0.2.10>", authorization)
    rig.layer.receive(text.replace("\n", "\r\n").encode(), rig.flow, rig.now)
    assert rig.flow.take() == []
    assert uris(rig) == []
    rig.commit()
    assert rig.only(rig.flow.take()).status == 200
    assert uris(rig) == ["sip:a@192.0.2.10"]


def test_a_failed_commit_is_a_500_and_binds_nothing(rig: Rig) -> None:
    challenge = rig.only(rig.receive(rig.request("REGISTER")))
    authorization = rig.answer(challenge, "REGISTER", "sip:pbx.test", "alice", "alicepw")
    text = rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:a@192.0.2.10>", authorization)
    rig.layer.receive(text.replace("\n", "\r\n").encode(), rig.flow, rig.now)
    rig.store.write("INSERT INTO no_such_table VALUES (1)")
    rig.commit()
    assert rig.only(rig.flow.take()).status == 500
    assert uris(rig) == []


def test_a_retransmission_before_the_commit_is_absorbed_and_after_it_answered(rig: Rig) -> None:
    challenge = rig.only(rig.receive(rig.request("REGISTER")))
    authorization = rig.answer(challenge, "REGISTER", "sip:pbx.test", "alice", "alicepw")
    text = rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:a@192.0.2.10>", authorization)
    data = text.replace("\n", "\r\n").encode()
    rig.layer.receive(data, rig.flow, rig.now)
    rig.layer.receive(data, rig.flow, rig.now)
    assert rig.flow.take() == []
    rig.commit()
    assert rig.only(rig.flow.take()).status == 200
    rig.layer.receive(data, rig.flow, rig.now)
    assert rig.only(rig.flow.take()).status == 200
    assert rig.layer.live_transactions == 0


def test_two_registers_in_one_batch_see_each_other(make_rig, phones: str) -> None:
    rig = make_rig(phones.replace("max_contacts=2", "max_contacts=1"))
    flow = FakeFlow()
    texts = []
    for name in ("a", "b"):
        challenge = rig.only(rig.receive(rig.request("REGISTER")))
        authorization = rig.answer(challenge, "REGISTER", "sip:pbx.test", "alice", "alicepw")
        texts.append(
            rig.request("REGISTER", "sip:pbx.test", "alice", f"Contact: <sip:{name}@192.0.2.10>", authorization)
        )
    for text in texts:
        rig.layer.receive(text.replace("\n", "\r\n").encode(), flow, rig.now)
    rig.commit()
    assert [message.status for message in flow.take()] == [403, 200]
    assert len(uris(rig)) == 1


@pytest.mark.parametrize(
    ("asked", "granted"), [("30", 60), ("99999", 3600), ("300", 300)], ids=["raised", "lowered", "as asked"]
)
def test_expiry_is_clamped(rig: Rig, asked: str, granted: int) -> None:
    response = bind(rig, "Contact: <sip:alice@192.0.2.10>", f"Expires: {asked}")
    assert response.get("Expires") == str(granted)
    assert f"expires={granted - 1}" in (response.get("Contact") or "")


def test_default_expiry_and_no_expires_header(rig: Rig) -> None:
    response = bind(rig, "Contact: <sip:alice@192.0.2.10>")
    assert response.get("Contact") == "<sip:alice@192.0.2.10>;expires=599"
    assert response.get("Expires") is None


def test_several_contacts_with_their_own_expiry(rig: Rig) -> None:
    response = bind(rig, "Contact: <sip:m1@192.0.2.10>;expires=100, <sip:m2@192.0.2.10>;q=0.5", "Expires: 200")
    assert set(response.get_all("Contact")) == {
        "<sip:m1@192.0.2.10>;expires=99",
        "<sip:m2@192.0.2.10>;q=0.5;expires=199",
    }
    # Later REGISTERs and queries are told the same (RFC 3261 10.3).
    assert {one.rpartition("=")[0] for one in bind(rig).get_all("Contact")} == {
        "<sip:m1@192.0.2.10>;expires",
        "<sip:m2@192.0.2.10>;q=0.5;expires",
    }


def test_query_lists_bindings(rig: Rig) -> None:
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 300")
    rig.advance(100)
    response = bind(rig)
    assert response.get_all("Contact") == ["<sip:alice@192.0.2.10>;expires=199"]
    assert response.get("Expires") is None


@pytest.mark.parametrize(("lifetime", "granted"), [("soon", 299), ("-1", 299), ("", 299), ("9" * 5000, 3599)])
def test_a_lifetime_that_is_no_number_is_as_good_as_none(rig: Rig, lifetime: str, granted: int) -> None:
    """It must not remove the binding (RFC 3261 20.10), nor may a long one be too much."""
    response = bind(rig, f"Contact: <sip:m1@192.0.2.10>;expires={lifetime}", "Expires: 300")
    assert (response.status, response.get("Contact")) == (200, f"<sip:m1@192.0.2.10>;expires={granted}")


def test_unregister_one_and_all(rig: Rig) -> None:
    bind(rig, "Contact: <sip:m1@192.0.2.10>, <sip:m2@192.0.2.10>")
    response = bind(rig, "Contact: <sip:m1@192.0.2.10>;expires=0")
    assert len(response.get_all("Contact")) == 1
    assert uris(rig) == ["sip:m2@192.0.2.10"]
    response = bind(rig, "Contact: *", "Expires: 0")
    assert (response.status, response.get("Contact"), response.get("Expires")) == (200, None, "0")
    assert uris(rig) == []


@pytest.mark.parametrize(
    "headers",
    [
        ("Contact: *", "Expires: 60"),
        ("Contact: *",),
        ("Contact: *, <sip:a@192.0.2.10>", "Expires: 0"),
        ("Contact: <sip:a@[bad>",),
        ("Contact: nonsense", "Expires: 60"),
        ("Contact: <sip:a@192.0.2.10>", "Expires: soon"),
    ],
)
def test_malformed_contacts_are_400_and_store_nothing(rig: Rig, headers: tuple[str, ...]) -> None:
    assert bind(rig, *headers).status == 400
    assert rig.data.all(Contact) == []


@pytest.mark.parametrize(
    ("user", "auth_user", "to", "status"),
    [
        ("alice", "alice", "<sip:bob@pbx.test>", 404),
        ("alice", "alice", "<sip:nosuch@pbx.test>", 404),
        ("noaor", "alice", "<sip:noaor@pbx.test>", 403),
        ("open", "open", "<sip:closed@pbx.test>", 403),
    ],
    ids=["another's AOR", "unknown AOR", "no AORs", "max_contacts=0"],
)
def test_refusals_store_nothing(rig: Rig, user: str, auth_user: str, to: str, status: int) -> None:
    response = bind(rig, "Contact: <sip:a@192.0.2.10>", user=user, auth_user=auth_user, to=to)
    assert response.status == status
    assert rig.data.all(Contact) == []


def test_adding_and_removing_in_one_request(rig: Rig) -> None:
    for name in ("a", "b"):
        assert bind(rig, f"Contact: <sip:{name}@192.0.2.10>").status == 200
    # Two are allowed: what is taken away makes room, and what stays is refreshed.
    change = "Contact: <sip:c@192.0.2.10>;expires=100, <sip:a@192.0.2.10>;expires=0, <sip:b@192.0.2.10>;expires=90"
    response = bind(rig, change)
    assert response.status == 200
    assert set(response.get_all("Contact")) == {
        "<sip:b@192.0.2.10>;expires=89",
        "<sip:c@192.0.2.10>;expires=99",
    }
    assert sorted(uris(rig)) == ["sip:b@192.0.2.10", "sip:c@192.0.2.10"]
    # All or nothing: a request that asks for too much removes nothing either.
    assert bind(rig, "Contact: <sip:b@192.0.2.10>;expires=0, <sip:d@192.0.2.10>, <sip:e@192.0.2.10>").status == 403
    assert sorted(uris(rig)) == ["sip:b@192.0.2.10", "sip:c@192.0.2.10"]


def test_several_aors_of_an_endpoint(make_rig, phones: str) -> None:
    more = "[desk]\ntype=aor\nmax_contacts=1\n[sales@pbx.test]\ntype=aor\nmax_contacts=1\n"
    rig = make_rig(phones.replace("aors=alice\n", "aors=alice, desk,sales@pbx.test\n") + more)
    for aor, to in (("desk", "desk@pbx.test"), ("sales@pbx.test", "sales@pbx.test"), ("alice", "alice@pbx.test")):
        assert bind(rig, f"Contact: <sip:{to[:2]}@192.0.2.10>", to=f"<sip:{to}>").status == 200
        assert uris(rig, aor) == [f"sip:{to[:2]}@192.0.2.10"]
    assert bind(rig, "Contact: <sip:x@192.0.2.10>", to="<sip:sales@elsewhere.test>").status == 404
    assert bind(rig, "Contact: *", "Expires: 0", to="<sip:desk@pbx.test>").status == 200
    assert (uris(rig, "desk"), uris(rig, "alice")) == ([], ["sip:al@192.0.2.10"])


def test_who_does_not_answer_goes_before_who_expires_first(make_rig, phones: str) -> None:
    from asterism.sip.contacts import ContactStatus

    rig = make_rig(phones.replace("max_contacts=2", "max_contacts=3\nremove_existing=yes\nremove_unavailable=yes"))
    for name, lifetime in (("a", 100), ("b", 200), ("c", 300)):
        bind(rig, f"Contact: <sip:{name}@192.0.2.10>;expires={lifetime}")
    gone = next(one for one in rig.sip.location.contacts("alice") if one.uri.startswith("sip:c@"))
    rig.sip.location.set_reachability(gone, ContactStatus.UNREACHABLE)
    assert bind(rig, "Contact: <sip:d@192.0.2.10>;expires=400").status == 200
    assert sorted(uri[4] for uri in uris(rig)) == ["a", "b", "d"]
    assert bind(rig, "Contact: <sip:e@192.0.2.10>;expires=400").status == 200
    assert sorted(uri[4] for uri in uris(rig)) == ["b", "d", "e"]


def test_a_tel_contact_is_416(rig: Rig) -> None:
    assert bind(rig, "Contact: <tel:+123>").status == 416


def test_one_contact_too_many(rig: Rig) -> None:
    for name in ("a", "b"):
        assert bind(rig, f"Contact: <sip:{name}@192.0.2.10>").status == 200
    assert bind(rig, "Contact: <sip:c@192.0.2.10>").status == 403
    assert sorted(uris(rig)) == ["sip:a@192.0.2.10", "sip:b@192.0.2.10"]
    assert bind(rig, "Contact: <sip:a@192.0.2.10>").status == 200


def test_remove_existing_replaces(rig: Rig) -> None:
    for host in ("192.0.2.21", "192.0.2.22"):
        flow = FakeFlow((host, 5066))
        assert bind(rig, "Contact: <sip:bob@10.0.0.1:5060>", user="bob", flow=flow).status == 200
    assert uris(rig, "bob") == ["sip:bob@192.0.2.22:5066"]


def test_remove_unavailable_drops_what_does_not_answer(make_rig, phones: str) -> None:
    from asterism.sip.contacts import ContactStatus

    rig = make_rig(phones.replace("max_contacts=2", "max_contacts=1\nremove_unavailable=yes"))
    bind(rig, "Contact: <sip:a@192.0.2.10>")
    assert bind(rig, "Contact: <sip:b@192.0.2.10>").status == 403
    rig.sip.location.set_reachability(rig.sip.location.contacts("alice")[0], ContactStatus.UNREACHABLE)
    assert bind(rig, "Contact: <sip:b@192.0.2.10>").status == 200
    assert uris(rig) == ["sip:b@192.0.2.10"]


def test_rewritten_contact_over_a_connection_names_its_transport(rig: Rig) -> None:
    flow = FakeFlow(("192.0.2.30", 40000), "TCP")
    response = bind(rig, "Contact: <sip:bob@10.0.0.1:5060;transport=tcp>", user="bob", flow=flow)
    assert uris(rig, "bob") == ["sip:bob@192.0.2.30:40000;transport=TCP"]
    # The phone finds its own contact in the answer.
    assert response.get("Contact") == "<sip:bob@10.0.0.1:5060;transport=tcp>;expires=3599"
    assert rig.data.all(Contact)[0].prune_on_boot


def test_a_rewritten_contact_has_no_other_address(rig: Rig) -> None:
    flow = FakeFlow(("192.0.2.30", 40000), "UDP")
    bind(rig, "Contact: <sip:bob@10.0.0.1:5060;maddr=198.51.100.9>", user="bob", flow=flow)
    assert uris(rig, "bob") == ["sip:bob@192.0.2.30:40000"]


def test_equivalent_uris_are_one_binding(rig: Rig) -> None:
    bind(rig, "Contact: <sip:alice@phone.TEST;transport=udp>")
    bind(rig, "Contact: <sip:alice@Phone.test;transport=UDP>")
    assert len(uris(rig)) == 1


def test_a_late_register_does_not_count(rig: Rig) -> None:
    assert bind(rig, "Contact: <sip:a@192.0.2.10>", call_id="same", cseq=50).status == 200
    assert bind(rig, "Contact: <sip:a@192.0.2.10>", "Expires: 0", call_id="same", cseq=49).status == 500
    assert uris(rig) == ["sip:a@192.0.2.10"]
    assert bind(rig, "Contact: <sip:a@192.0.2.10>", "Expires: 0", call_id="same", cseq=51).status == 200
    assert uris(rig) == []


def test_path_is_kept_and_echoed(rig: Rig) -> None:
    flow = FakeFlow(("198.51.100.7", 5060))
    headers = ("Contact: <sip:t@192.0.2.10>", "Path: <sip:198.51.100.9;lr>")
    assert bind(rig, *headers, user="trunk", flow=flow).status == 420
    response = bind(rig, *headers, "Supported: path", user="trunk", flow=flow)
    assert (response.status, response.get("Path")) == (200, "<sip:198.51.100.9;lr>")
    contact = rig.sip.location.contacts("trunk")[-1]
    assert contact.path == "<sip:198.51.100.9;lr>"
    assert rig.sip.create_request("OPTIONS", contact).get("Route") == "<sip:198.51.100.9;lr>"
    assert uris(rig, "trunk")[0] == "sip:198.51.100.1:5080"


@pytest.mark.parametrize(("interval", "later"), [("0", 1), ("7", 8), ("", 31)])
def test_expired_contacts_are_removed_at_intervals(make_rig, phones: str, interval: str, later: int) -> None:
    option = f"contact_expiration_check_interval={interval}\n" if interval else ""
    rig = make_rig(f"[global]\ntype=global\n{option}{phones}")
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    rig.advance(60 + later - 2)
    assert len(rig.data.all(Contact)) == 1
    rig.advance(2)
    assert rig.data.all(Contact) == []


def test_a_shorter_interval_counts_at_once(make_rig, phones: str) -> None:
    rig = make_rig(f"[global]\ntype=global\ncontact_expiration_check_interval=1000\n{phones}")
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    rig.sip.location.check_every(5)
    rig.advance(67)
    assert rig.data.all(Contact) == []


def test_expiry_removes_the_binding_and_tells(make_rig, phones: str) -> None:
    rig = make_rig(f"[global]\ntype=global\ncontact_expiration_check_interval=1\n{phones}")
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    events = rig.record()
    rig.advance(40)
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    events.clear()
    rig.advance(58)
    assert uris(rig) == ["sip:alice@192.0.2.10"]
    assert events == []
    rig.advance(4)
    assert rig.data.all(Contact) == []
    assert [name for name, _ in events] == ["PeerStatus", "ContactStatus"]
    assert rig.store.read("SELECT count(*) FROM contact") == [(0,)]


def test_events_of_register_refresh_and_unregister(rig: Rig) -> None:
    events = rig.record()
    bind(rig, "Contact: <sip:alice@192.0.2.10>")
    assert [name for name, _ in events] == ["ChallengeSent", "SuccessfulAuth", "ContactStatus", "PeerStatus"]
    assert events[2][1] == [
        ("URI", "sip:alice@192.0.2.10"),
        ("ContactStatus", "NonQualified"),
        ("AOR", "alice"),
        ("EndpointName", "alice"),
        ("RoundtripUsec", 0),
    ]
    assert events[3][1] == [("ChannelType", "PJSIP"), ("Peer", "PJSIP/alice"), ("PeerStatus", "Reachable")]
    events.clear()
    bind(rig, "Contact: <sip:alice@192.0.2.10>")
    assert [name for name, _ in events] == ["ChallengeSent", "SuccessfulAuth"]
    events.clear()
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 0")
    assert [name for name, _ in events] == ["ChallengeSent", "SuccessfulAuth", "PeerStatus", "ContactStatus"]
    assert ("ContactStatus", "Removed") in events[3][1]


def test_bindings_survive_a_restart_and_expiry_counts_on(make_rig) -> None:
    rig = make_rig()
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 100")
    bind(rig, "Contact: <sip:bob@10.0.0.1>", user="bob", flow=FakeFlow(("192.0.2.30", 4000), "TCP"))
    rig.store.close()
    again = make_rig(wall=rig.wall + 70)
    assert uris(again) == ["sip:alice@192.0.2.10"]
    assert uris(again, "bob") == []
    again.advance(32)
    assert uris(again) == []
    again.advance(30)
    assert again.data.all(Contact) == []


def test_contact_acl(make_rig, phones: str) -> None:
    rig = make_rig(phones.replace("[alice](phone)", "[alice](phone)\ncontact_deny=10.0.0.0/8"))
    assert bind(rig, "Contact: <sip:alice@10.1.2.3>").status == 403
    assert bind(rig, "Contact: <sip:alice@192.0.2.10>").status == 200


@pytest.mark.parametrize("maddr", ["10.1.2.3", "[::ffff:10.1.2.3]"])
def test_a_contact_is_judged_by_where_its_requests_go(make_rig, phones: str, maddr: str) -> None:
    """``maddr`` takes the place of the host (RFC 3261 19.1.1)."""
    rig = make_rig(phones.replace("[alice](phone)", "[alice](phone)\ncontact_deny=10.0.0.0/8"))
    assert bind(rig, f"Contact: <sip:alice@192.0.2.10;maddr={maddr}>").status == 403
    assert bind(rig, "Contact: <sip:alice@192.0.2.10;maddr=192.0.2.11>").status == 200
    rig = make_rig(phones + "[all]\ntype=acl\ncontact_deny=10.0.0.0/8\n")
    assert bind(rig, f"Contact: <sip:alice@192.0.2.10;maddr={maddr}>").status == 403


def test_contacts_are_in_order_of_preference(make_rig, phones: str) -> None:
    rig = make_rig(phones.replace("max_contacts=2", "max_contacts=9"))
    bind(rig, "Contact: <sip:a@192.0.2.10>;q=0.3")
    bind(rig, "Contact: <sip:b@192.0.2.10>")
    bind(rig, "Contact: <sip:c@192.0.2.10>;q=0.7")
    bind(rig, "Contact: <sip:d@192.0.2.10>;q=nan", "Contact: <sip:e@192.0.2.10>;q=2")
    order = [contact.uri[4] for contact in rig.sip.location.contacts("alice")]
    assert order == ["b", "d", "e", "c", "a"]
    bind(rig, "Contact: <sip:a@192.0.2.10>")
    assert [contact.uri[4] for contact in rig.sip.location.contacts("alice")] == ["a", "b", "d", "e", "c"]


def test_contacts_of_connections_are_forgotten_at_start(make_rig, phones: str) -> None:
    rig = make_rig()
    flow = FakeFlow(("192.0.2.30", 40000), "TCP")
    bind(rig, "Contact: <sip:bob@10.0.0.1:5060;transport=tcp>", user="bob", flow=flow)
    bind(rig, "Contact: <sip:a@192.0.2.10>")
    rig.store.close()
    again = make_rig()
    assert [contact.uri for contact in again.sip.location.all() if not contact.permanent] == ["sip:a@192.0.2.10"]


# REGISTER again: the same request is answered as before, an older one is not.


def test_the_same_call_id_and_cseq_again_is_answered_as_before(rig: Rig) -> None:
    answers = [bind(rig, "Contact: <sip:a@192.0.2.10>", "Expires: 300", call_id="same", cseq=7) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 200]
    assert {each.get("Contact") for each in answers} == {"<sip:a@192.0.2.10>;expires=299"}
    assert {each.get("Expires") for each in answers} == {"300"}
    assert uris(rig) == ["sip:a@192.0.2.10"]
    # So is one that takes away what is gone by now, and one that only asks.
    for headers in (("Contact: <sip:a@192.0.2.10>", "Expires: 0"), ("Contact: *", "Expires: 0"), ()):
        assert [bind(rig, *headers, call_id="same", cseq=8).status for _ in range(2)] == [200, 200]
        assert uris(rig) == []


def test_the_same_register_again_over_a_new_connection_counts_for_that(make_rig, phones: str) -> None:
    rig = make_rig()
    for port in (40000, 40001):
        flow = FakeFlow(("192.0.2.30", port), "WS")
        contact = "Contact: <sip:alice@x1.invalid;transport=ws>"
        assert bind(rig, contact, flow=flow, call_id="same", cseq=7).status == 200
    assert list(rig.transports.bound.values()) == [flow]


def test_a_contact_named_twice_counts_as_named_last(rig: Rig) -> None:
    response = bind(rig, "Contact: <sip:a@192.0.2.10>;expires=100, <sip:a@192.0.2.10>;expires=200")
    assert response.get_all("Contact") == ["<sip:a@192.0.2.10>;expires=199"]
    response = bind(rig, "Contact: <sip:a@192.0.2.10>;expires=0, <sip:A@192.0.2.10>, <sip:a@192.0.2.10>;expires=300")
    assert response.status == 200
    assert sorted(uris(rig)) == ["sip:A@192.0.2.10", "sip:a@192.0.2.10"]
    response = bind(rig, "Contact: <sip:b@192.0.2.10>, <sip:b@192.0.2.10>;expires=0, <sip:a@192.0.2.10>;expires=0")
    assert response.status == 200
    assert uris(rig) == ["sip:A@192.0.2.10"]
    assert rig.store.read("SELECT uri FROM contact") == [("sip:A@192.0.2.10",)]


# rewrite_contact: the contact that stands for the sender, and that one only.


@pytest.fixture
def nat(make_rig, phones: str) -> Rig:
    return make_rig(phones.replace("max_contacts=1\nremove_existing=yes", "max_contacts=5"))


def bind_bob(rig: Rig, *contacts: str, port: int = 33000, host: str = "203.0.113.5", **more: object) -> Response:
    """Bob's phone calls itself 192.0.2.10:5060, as the Via of the rig's requests does."""
    flow = FakeFlow((host, port))
    return bind(rig, "Contact: " + ", ".join(contacts), user="bob", flow=flow, **more)


def test_of_several_contacts_only_the_sender_s_is_rewritten(nat: Rig) -> None:
    response = bind_bob(
        nat,
        "<sip:bob@198.51.100.99>",
        "<sip:bob@192.0.2.10>",
        "<sip:bob@192.0.2.11:5060>",
        "<sip:line2@192.0.2.10:5060>",
    )
    assert response.status == 200
    assert sorted(uris(nat, "bob")) == [
        "sip:bob@192.0.2.11:5060",
        "sip:bob@198.51.100.99",
        "sip:bob@203.0.113.5:33000",
        "sip:line2@203.0.113.5:33000",
    ]
    assert {each.partition(">")[0] for each in response.get_all("Contact")} == {
        "<sip:bob@198.51.100.99",
        "<sip:bob@192.0.2.10",
        "<sip:bob@192.0.2.11:5060",
        "<sip:line2@192.0.2.10:5060",
    }


def test_without_one_at_the_via_the_first_contact_is_the_sender_s(nat: Rig) -> None:
    bind_bob(nat, "<sip:bob@10.0.0.2:5062>;expires=0", "<sip:bob@10.0.0.3>", "<sip:bob@10.0.0.4>")
    assert sorted(uris(nat, "bob")) == ["sip:bob@10.0.0.4", "sip:bob@203.0.113.5:33000"]


def test_a_phone_that_changes_its_address_removes_and_adds(nat: Rig) -> None:
    first = bind_bob(nat, "<sip:bob@192.0.2.10:5060>", call_id="c", cseq=1)
    assert first.get("Contact") == "<sip:bob@192.0.2.10:5060>;expires=3599"
    # Another address and another mapping: the old contact is named as the phone knows it.
    response = bind_bob(
        nat, "<sip:bob@192.0.2.10:5060>;expires=0", "<sip:bob@10.9.9.9:5060>", port=33001, call_id="c", cseq=3
    )
    assert response.status == 200
    assert uris(nat, "bob") == ["sip:bob@10.9.9.9:5060"]
    # The same way round the other, where the mapping stayed.
    response = bind_bob(nat, "<sip:bob@192.0.2.10:5060>", "<sip:bob@10.9.9.9:5060>;expires=0", call_id="c", cseq=5)
    assert uris(nat, "bob") == ["sip:bob@203.0.113.5:33000"]
    response = bind_bob(nat, "<sip:bob@192.0.2.10:5060>;expires=0", port=33009, call_id="c", cseq=7)
    assert response.get_all("Contact") == []
    assert uris(nat, "bob") == []


def test_phones_at_two_places_with_one_private_address_are_two(nat: Rig) -> None:
    for host, name in (("203.0.113.5", "one"), ("203.0.113.6", "two")):
        assert bind_bob(nat, "<sip:bob@192.0.2.10:5060>", host=host, call_id=name, cseq=1).status == 200
    assert sorted(uris(nat, "bob")) == ["sip:bob@203.0.113.5:33000", "sip:bob@203.0.113.6:33000"]
    # From a third mapping it is not known which is meant, unless the Call-ID tells.
    bind_bob(nat, "<sip:bob@192.0.2.10:5060>;expires=0", host="203.0.113.7", call_id="three")
    assert len(uris(nat, "bob")) == 2
    bind_bob(nat, "<sip:bob@192.0.2.10:5060>;expires=0", host="203.0.113.7", call_id="two", cseq=9)
    assert uris(nat, "bob") == ["sip:bob@203.0.113.5:33000"]


# Bounds.


def test_contacts_are_counted_before_work_is_done(make_rig, phones: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make_rig(phones)
    lines = ["m: " + ",".join(f"<sip:{line}{each}>" for each in range(125)) for line in range(6)]
    parsed = []
    monkeypatch.setattr(Request, "contacts", property(lambda self: parsed.append(self)))
    assert bind(rig, *lines).status == 403
    assert parsed == []
    monkeypatch.undo()
    # Some may be named that are not bound any more; commas of other kinds do not count.
    gone = [f"Contact: <sip:old{each}@192.0.2.10>;expires=0" for each in range(SPARE_CONTACTS)]
    methods = '"' + ",".join(f"M{each}" for each in range(60)) + '"'
    assert bind(rig, *gone, f"Contact: <sip:a@192.0.2.10>;methods={methods}").status == 200
    assert bind(rig, *gone, *gone, "Contact: <sip:b@192.0.2.10>").status == 403
    assert uris(rig) == ["sip:a@192.0.2.10"]


def test_many_contacts_are_not_compared_each_with_each(make_rig, phones: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 200
    rig = make_rig(phones.replace("max_contacts=2", f"max_contacts={count}"))
    compared = []
    matches = Uri.matches
    monkeypatch.setattr(Uri, "matches", lambda one, other: compared.append(one) or matches(one, other))
    for end in ("", ";x"):
        lines = [f"Contact: <sip:a@h{each}{end}>,<sip:a@g{each}{end}>" for each in range(count // 2)]
        assert bind(rig, *lines).status == 200
    assert len(uris(rig)) == count
    assert count <= len(compared) <= 2 * count


@pytest.mark.parametrize(
    "headers",
    [
        (f"Contact: <sip:a@192.0.2.10;x={'y' * MAX_URI}>",),
        (f"Contact: <sip:{'a' * MAX_URI}@192.0.2.10>",),
        ("Contact: <sip:a@192.0.2.10>", "Supported: path", f"Path: <sip:192.0.2.9;lr;x={'y' * MAX_PATH}>"),
    ],
    ids=["parameter", "user", "path"],
)
def test_a_binding_has_a_bounded_size(make_rig, phones: str, headers: tuple[str, ...]) -> None:
    rig = make_rig(phones.replace("max_contacts=2", "max_contacts=2\nsupport_path=yes"))
    assert bind(rig, *headers).status == 400
    assert uris(rig) == []


def test_long_and_unreadable_texts_do_not_hinder_a_registration(rig: Rig) -> None:
    agent = "caf\N{REPLACEMENT CHARACTER} " + "x" * 3000
    for cseq in (1, 3):
        assert (
            bind(rig, "Contact: <sip:a@192.0.2.10>", f"User-Agent: {agent}", call_id="c" * 2000, cseq=cseq).status
            == 200
        )
    assert bind(rig, "Contact: <sip:a@192.0.2.10>", call_id="c" * 2000, cseq=2).status == 500
    contact = rig.data.all(Contact)[0]
    assert contact.user_agent.startswith("caf\N{REPLACEMENT CHARACTER} xxx")
    assert readable("caf\udcff") == "caf?"
    assert max(len(contact.user_agent), len(contact.call_id)) <= 255


# Failure.


def test_no_backend_that_takes_changes_is_a_500_and_binds_nothing(
    tmp_path: Path, phones: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    (folder / "sorcery.conf").write_text("[res_pjsip]\ncontact=config,contacts.conf\n")
    rig = Rig(folder, phones)
    response = bind(rig, "Contact: <sip:a@192.0.2.10>")
    assert (response.status, response.get("Contact")) == (500, None)
    assert uris(rig) == []
    assert not rig.store.in_batch
    assert (
        "the bindings of AOR 'alice' cannot be stored: no backend of contact takes changes" in capsys.readouterr().err
    )
    assert bind(rig).status == 200


def test_a_request_is_stored_as_a_whole_or_not_at_all(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bind(rig, "Contact: <sip:a@192.0.2.10>").status == 200
    backend = rig.data._tables[Contact].backends[0]

    def check(item: Contact) -> None:
        if item.uri.startswith("sip:c@"):
            raise DataError("too large")

    monkeypatch.setattr(backend, "check", check)
    change = "Contact: <sip:a@192.0.2.10>;expires=0, <sip:b@192.0.2.10>, <sip:c@192.0.2.10>"
    assert bind(rig, change).status == 500
    assert uris(rig) == ["sip:a@192.0.2.10"]
    assert not rig.store.in_batch


def test_a_locked_store_is_a_500_that_does_not_stop_the_loop(rig: Rig, tmp_path: Path) -> None:
    other = sqlite3.connect(rig.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert bind(rig, "Contact: <sip:a@192.0.2.10>").status == 500
    assert time.monotonic() - began < 1
    assert uris(rig) == []
    other.execute("ROLLBACK")
    other.close()
    assert bind(rig, "Contact: <sip:a@192.0.2.10>").status == 200


# Events.


def test_what_is_registered_again_after_it_expired_counts_as_added(make_rig, phones: str) -> None:
    rig = make_rig(f"[global]\ntype=global\ncontact_expiration_check_interval=1000\n{phones}")
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    events, added, removed = rig.record(), [], []
    rig.sip.location.on_added.append(lambda contact: added.append(contact.uri))
    rig.sip.location.on_removed.append(lambda contact: removed.append(contact.uri))
    rig.advance(100)
    assert (uris(rig), len(rig.data.all(Contact))) == ([], 1)
    events.clear()
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    told = [
        dict(fields).get("ContactStatus") or dict(fields)["PeerStatus"]
        for name, fields in events
        if name in ("ContactStatus", "PeerStatus")
    ]
    assert (added, removed) == (["sip:alice@192.0.2.10"], ["sip:alice@192.0.2.10"])
    assert told == ["Unreachable", "Removed", "NonQualified", "Reachable"]
    assert uris(rig) == ["sip:alice@192.0.2.10"]
    rig.advance(30)
    events.clear()
    bind(rig, "Contact: <sip:alice@192.0.2.10>", "Expires: 60")
    assert len(added) == 1
    assert not {"ContactStatus", "PeerStatus"} & {name for name, _ in events}
