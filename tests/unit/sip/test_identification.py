"""Rules that name an endpoint by themselves, and how they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sip_rig import FakeFlow, Rig

from asterism.data.options import InvalidOptionError
from asterism.sip.objects.identify import Identify, Matches
from asterism.sip.service import Service

Make = Callable[..., Rig]


class Spy(Service):
    """Takes every MESSAGE and notes who sent it."""

    name = "spy"
    methods = frozenset({"MESSAGE"})

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def on_request(self, rx: Any) -> bool:
        self.seen.append((rx.endpoint.id, rx.identified_by))
        rx.respond_stateless(200)
        return True


def seen(rig: Rig, remote: tuple[str, int] = ("192.0.2.10", 5060), foreign: bool = False) -> list[tuple[str, str]]:
    spy = Spy()
    rig.sip.register_service(spy)
    flow = FakeFlow(remote, "WSS" if foreign else "UDP")
    flow.foreign = foreign
    rig.receive(rig.request("MESSAGE", "sip:9@pbx.test", "stranger", "X-Trunk: one"), flow)
    return spy.seen


@pytest.mark.parametrize("identify_by", ["username", "auth_username", "ip"])
@pytest.mark.parametrize(
    ("rule", "by"),
    [
        ("match=192.0.2.0/24", "ip"),
        ("match_header=X-Trunk: one", "header"),
        ("match_request_uri=/^sip:9@/", "request_uri"),
    ],
)
def test_a_rule_matches_whatever_the_endpoint_is_identified_by(
    make_rig: Make, rule: str, by: str, identify_by: str
) -> None:
    rig = make_rig(f"[t]\ntype=endpoint\nidentify_by={identify_by}\n[t]\ntype=identify\nendpoint=t\n{rule}\n")
    assert seen(rig) == [("t", by)]


@pytest.mark.parametrize(
    ("text", "listed", "inside", "outside"),
    [
        ("10.1.0.0:5070/16", "10.1.0.0:5070/255.255.0.0", ("10.1.2.3", 5070), ("10.1.2.3", 5071)),
        ("10.1.0.0:5070/255.255.0.0", "10.1.0.0:5070/255.255.0.0", ("10.1.9.9", 5070), ("10.2.0.1", 5070)),
        ("192.0.2.7:5062", "192.0.2.7:5062/255.255.255.255", ("192.0.2.7", 5062), ("192.0.2.7", 5060)),
        ("[2001:db8::]:5061/32", "[2001:db8::]:5061/32", ("2001:db8::5", 5061), ("2001:db8::5", 5060)),
    ],
)
def test_a_network_with_a_port(make_rig: Make, text: str, listed: str, inside: Any, outside: Any) -> None:
    rig = make_rig(f"[t]\ntype=endpoint\n[t]\ntype=identify\nendpoint=t\nmatch={text}\n")
    (item,) = rig.data.all(Identify)
    assert Matches().format(item.match) == listed
    assert Matches().parse(listed, ()) == item.match
    assert seen(rig, inside) == [("t", "ip")]
    assert seen(make_rig(f"[t]\ntype=endpoint\n[t]\ntype=identify\nendpoint=t\nmatch={text}\n"), outside) == []


@pytest.mark.parametrize("text", ["host.test/24", "10.0.0.0:0/8", "10.0.0.0:x/8", "10.0.0.0:5060/99"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises((ValueError, InvalidOptionError)):
        Matches().parse(text, ())


def test_the_address_of_a_browser_with_a_foreign_page_names_nobody(make_rig: Make) -> None:
    conf = "[t]\ntype=endpoint\n[t]\ntype=identify\nendpoint=t\nmatch=192.0.2.0/24\n"
    assert seen(make_rig(conf), foreign=True) == []
    assert seen(make_rig(conf)) == [("t", "ip")]


def test_an_expression_of_a_rule_cannot_backtrack(make_rig: Make) -> None:
    rig = make_rig("[t]\ntype=endpoint\n[t]\ntype=identify\nendpoint=t\nmatch_header=X-Trunk: /^(o+)+x$/\n")
    spy = Spy()
    rig.sip.register_service(spy)
    rig.receive(rig.request("MESSAGE", "sip:9@pbx.test", "stranger", "X-Trunk: " + "o" * 5000 + "!"))
    assert spy.seen == []


# -- an endpoint without auth ----------------------------------------------------------------------


def named(make_rig: Make, text: str) -> Rig:
    return make_rig(f"[stranger]\ntype=endpoint\n{text}")


@pytest.mark.parametrize(
    ("text", "let_in"),
    [
        ("[stranger]\ntype=identify\nendpoint=stranger\nmatch=203.0.113.1\n", False),
        ("identify_by=ip\n", False),
        ("identify_by=username,ip\n[stranger]\ntype=identify\nendpoint=stranger\nmatch=203.0.113.1\n", True),
        ("", True),
    ],
)
def test_a_trunk_that_is_known_by_its_address_is_not_named_in_from(make_rig: Make, text: str, let_in: bool) -> None:
    rig = named(make_rig, text)
    assert [endpoint for endpoint, _ in seen(rig)] == (["stranger"] if let_in else [])
    remarks = [str(remark) for remark in rig.sip.data.remarks()]
    assert len(remarks) == let_in
    assert all("may be named in From" in remark for remark in remarks)


def test_an_endpoint_with_auth_or_for_strangers_raises_no_remark(make_rig: Make) -> None:
    rig = make_rig("[a]\ntype=endpoint\nauth=a\n[a]\ntype=auth\nusername=a\npassword=b\n[anonymous]\ntype=endpoint\n")
    assert not list(rig.sip.data.remarks())
