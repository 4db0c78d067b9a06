"""Who is behind a NAT, and what is done for whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.sip.contacts import Contact
from asterism.sip.nat_detection import contact_behind_nat
from asterism.stack.message import Response

CONF = """
[alice]
type=endpoint
aors=alice
force_rport=yes
rewrite_contact=yes
detect_nat=signalling
[alice]
type=aor
max_contacts=1
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "etc", CONF, modules=MODULES)
    yield made
    made.store.close()


def register(rig: Rig, via: str, contact: str = "sip:alice@192.168.1.5") -> Response:
    text = (
        f"REGISTER sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{abs(hash(via))}\n"
        f"From: <sip:alice@192.0.2.1>;tag=1\nTo: <sip:alice@192.0.2.1>\nCall-ID: {via}\nCSeq: 1 REGISTER\n"
        f"Contact: <{contact}>\nExpires: 300\nContent-Length: 0\n\n"
    )
    flow = FakeFlow(("192.0.2.10", 40000))
    found = rig.receive(text, flow)
    if not found:  # the answer went where the Via says
        found = [each for one in rig.transports.flows.values() for each in one.take()]
    (response,) = found
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("via", "bound"),
    [
        ("192.168.1.5:5060", "sip:alice@192.0.2.10:40000"),
        ("192.0.2.10:5060", "sip:alice@192.0.2.10:40000"),
        ("192.0.2.10:40000", "sip:alice@192.168.1.5"),
    ],
)
def test_a_contact_is_rewritten_for_who_is_behind_nat(rig: Rig, via: str, bound: str) -> None:
    assert register(rig, via).status == 200
    assert [contact.uri for contact in rig.sip.location.contacts("alice")] == [bound]


def test_a_binding_tells_whether_it_came_from_behind_nat() -> None:
    for uri, via, expected in (
        ("sip:a@192.0.2.10:40000", "192.168.1.5", True),
        ("sip:a@192.168.1.5:5060", "192.168.1.5", False),
        ("sip:a@192.168.1.50:5060", "192.168.1.5", True),
        ("sip:a@[2001:db8::1]:5060", "2001:db8::1", False),
        ("sip:a@192.168.1.5", "", False),
    ):
        assert contact_behind_nat(Contact("x", uri=uri, via_addr=via)) is expected
