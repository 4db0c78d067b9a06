"""Options of the SIP core, each with its effect."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sip_rig import MODULES, FakeFlow, Rig, turn

from asterism.applications.qualify import QualifyModule
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.service import Service
from asterism.stack.message import Request, make_response

Make = Callable[..., Rig]
BASE = "[a]\ntype=endpoint\n"


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


def spied(rig: Rig) -> Spy:
    spy = Spy()
    rig.sip.register_service(spy)
    return spy


def endpoint(rig: Rig, name: str = "a") -> Endpoint:
    found = rig.data.get(Endpoint, name)
    assert isinstance(found, Endpoint)
    return found


def created(rig: Rig, name: str = "a", target: str = "sip:198.51.100.1:5080") -> Request:
    """A request as it goes out to an endpoint."""
    rig.sip.send(rig.sip.create_request("MESSAGE", target, endpoint(rig, name)), None, endpoint(rig, name))
    (request,) = rig.transports.flow_for("198.51.100.1", 5080).take()
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    ("global_", "own", "sender"),
    [
        ("", "", "<sip:asterisk@192.0.2.1>"),
        ("default_from_user=pbx\n", "", "<sip:pbx@192.0.2.1>"),
        ("default_from_user=pbx\n", "from_user=me\n", "<sip:me@192.0.2.1>"),
        ("", "from_user=me\nfrom_domain=example.test\n", "<sip:me@example.test>"),
        ("", "from_user=me\nfrom_domain=example.test:5070\n", "<sip:me@example.test:5070>"),
        ("", "from_user=me\nfrom_domain=[2001:db8::1]\n", "<sip:me@[2001:db8::1]>"),
        ("", "from_user=me\nfrom_domain=2001:db8::1\n", "<sip:me@[2001:db8::1]>"),
        ("", "from_user=me\nfrom_domain=[2001:db8::1]:5070\n", "<sip:me@[2001:db8::1]:5070>"),
    ],
)
def test_from(make_rig: Make, global_: str, own: str, sender: str) -> None:
    rig = make_rig(f"[global]\ntype=global\n{global_}{BASE}{own}")
    assert (created(rig).get("From") or "").partition(";")[0] == sender


def test_max_forwards_user_agent_and_outbound_proxy(make_rig: Make) -> None:
    rig = make_rig(
        f"[global]\ntype=global\nmax_forwards=9\nuser_agent=Tester/1\n{BASE}outbound_proxy=sip:198.51.100.1:5080\\;lr\n"
    )
    request = created(rig, target="sip:203.0.113.9")
    assert request.max_forwards == 9
    assert request.get("User-Agent") == "Tester/1"
    assert request.get_all("Route") == ["<sip:198.51.100.1:5080;lr>"]
    assert rig.only(rig.receive(rig.request("MESSAGE"))).get("Server") == "Tester/1"


@pytest.mark.parametrize(
    ("options", "user", "found"),
    [
        ("", "a", "a"),
        ("", "b", "b@pbx.test"),
        ("disable_multi_domain=yes\n", "b", ""),
        ("", "a;phone-context=x", ""),
        ("ignore_uri_user_options=yes\n", "a;phone-context=x", "a"),
    ],
)
def test_names_of_endpoints(make_rig: Make, options: str, user: str, found: str) -> None:
    rig = make_rig(f"[global]\ntype=global\n{options}{BASE}[b@pbx.test]\ntype=endpoint\n")
    spy = spied(rig)
    rig.receive(rig.request("MESSAGE", "sip:x", user, to="<sip:x@pbx.test>"))
    assert [name for name, _ in spy.seen] == ([found] if found else [])


def test_domain_alias(make_rig: Make) -> None:
    rig = make_rig("[b@real.test]\ntype=endpoint\n[pbx.test]\ntype=domain_alias\ndomain=real.test\n")
    spy = spied(rig)
    rig.receive(rig.request("MESSAGE", "sip:x", "b"))
    assert spy.seen == [("b@real.test", "username")]


def test_domain_alias_that_comes_later(make_rig: Make) -> None:
    rig = make_rig("[b@real.test]\ntype=endpoint\n")
    spy = spied(rig)
    rig.receive(rig.request("MESSAGE", "sip:x", "b"))
    assert spy.seen == []
    with (rig.data.files.root / "pjsip.conf").open("a") as file:
        file.write("[pbx.test]\ntype=domain_alias\ndomain=real.test\n")
    rig.data.reload()
    rig.receive(rig.request("MESSAGE", "sip:x", "b"))
    assert spy.seen == [("b@real.test", "username")]


IDENTIFY = """
[a]
type=endpoint
[by-ip]
type=endpoint
[by-header]
type=endpoint
[by-uri]
type=endpoint
[one]
type=identify
endpoint=by-ip
match=192.0.2.10:5060
[two]
type=identify
endpoint=by-header
match_header=X-Trunk: two
[three]
type=identify
endpoint=by-uri
match_request_uri=/^sip:9[0-9]+@/
"""


@pytest.mark.parametrize(
    ("order", "headers", "uri", "port", "found"),
    [
        ("ip,username", (), "sip:x", 5060, "by-ip"),
        ("ip,username", (), "sip:x", 5061, "a"),
        ("username,ip", (), "sip:x", 5060, "a"),
        ("header,username", ("X-Trunk: two",), "sip:x", 5061, "by-header"),
        ("header,username", ("X-Trunk: twofold",), "sip:x", 5061, "a"),
        ("request_uri,username", (), "sip:911@pbx", 5061, "by-uri"),
        ("request_uri,username", (), "sip:811@pbx", 5061, "a"),
    ],
)
def test_identify(make_rig: Make, order: str, headers: tuple[str, ...], uri: str, port: int, found: str) -> None:
    conf = IDENTIFY.replace("type=endpoint\n", "type=endpoint\nidentify_by=username,ip,header,request_uri\n")
    rig = make_rig(f"[global]\ntype=global\nendpoint_identifier_order={order}\n{conf}")
    spy = spied(rig)
    rig.receive(rig.request("MESSAGE", uri, "a", *headers), FakeFlow(("192.0.2.10", port)))
    assert [name for name, _ in spy.seen] == [found]


BY_TRANSPORT = """
[{0}]
type=endpoint
identify_by=ip,header,request_uri
[{0}]
type=identify
endpoint={0}
transport={1}
{2}
"""


@pytest.mark.parametrize("match", ["match=192.0.2.0/24", "match_header=X-Trunk: one", "match_request_uri=sip:x"])
@pytest.mark.parametrize(("transport", "found"), [("inside", ["in"]), ("outside", ["out"]), ("other", [])])
def test_identify_by_transport(make_rig: Make, match: str, transport: str, found: list[str]) -> None:
    conf = BY_TRANSPORT.format("in", "inside", match) + BY_TRANSPORT.format("out", "outside", match)
    rig = make_rig(f"[global]\ntype=global\nendpoint_identifier_order=ip,header,request_uri\n{conf}")
    spy = spied(rig)
    # The same source over another transport is another sender: what was found is not remembered for it.
    for name in ("outside", transport, transport):
        spy.seen.clear()
        flow = FakeFlow(("192.0.2.10", 5060))
        flow.name = name
        rig.receive(rig.request("MESSAGE", "sip:x", "a", "X-Trunk: one"), flow)
    assert [name for name, _ in spy.seen] == found


def test_a_rule_for_the_transport_goes_before_one_for_any(make_rig: Make) -> None:
    conf = BY_TRANSPORT.format("any", "", "match=192.0.2.10") + BY_TRANSPORT.format("in", "inside", "match=192.0.2.10")
    rig = make_rig(conf)
    spy = spied(rig)
    for name in ("inside", "outside"):
        flow = FakeFlow(("192.0.2.10", 5060))
        flow.name = name
        rig.receive(rig.request("MESSAGE", "sip:x", "a"), flow)
    assert [name for name, _ in spy.seen] == ["in", "any"]


def test_identify_by_leaves_methods_out(make_rig: Make) -> None:
    rig = make_rig("[a]\ntype=endpoint\nidentify_by=ip\n")
    assert rig.only(rig.receive(rig.request("MESSAGE", "sip:x", "a"))).status == 401


@pytest.mark.parametrize(
    ("options", "target", "uri", "sender"),
    [
        ("from_user=123\n", "sip:+49555@192.0.2.9", "sip:+49555@192.0.2.9;user=phone", "sip:123@192.0.2.1;user=phone"),
        ("from_domain=a.test\n", "sip:desk@192.0.2.9", "sip:desk@192.0.2.9", "sip:asterisk@a.test"),
        ("", "sip:5@192.0.2.9;user=ip", "sip:5@192.0.2.9;user=ip", "sip:asterisk@192.0.2.1"),
    ],
)
def test_user_eq_phone(make_rig: Make, options: str, target: str, uri: str, sender: str) -> None:
    rig = make_rig(f"[a]\ntype=endpoint\nuser_eq_phone=yes\n{options}")
    endpoint = rig.data.get(Endpoint, "a")
    request = rig.sip.create_request("MESSAGE", target, endpoint)  # type: ignore[arg-type]
    rig.sip.send(request, object(), endpoint)  # type: ignore[arg-type]
    [sent] = rig.transports.flow_for("192.0.2.9", 5060).take()
    assert isinstance(sent, Request)
    assert (str(sent.uri), str(sent.from_.uri)) == (uri, sender)


@pytest.mark.parametrize(("option", "published"), [("yes", 1), ("no", 0)])
def test_contact_status_on_refresh(make_rig: Make, phones: str, option: str, published: int) -> None:
    rig = make_rig(f"[global]\ntype=global\nsend_contact_status_on_update_registration={option}\n{phones}")
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 200
    rig.record()
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 200
    assert sum(name == "ContactStatus" for name, _ in rig.events) == published


@pytest.mark.parametrize(
    ("where", "options", "acl"),
    [
        ("endpoint", "contact_deny=192.0.2.0/24\n", ""),
        ("endpoint", "contact_acl=inside\n", "[inside]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n"),
        ("endpoint", "contact_deny=0.0.0.0/0\ncontact_permit=10.0.0.0/8\n", ""),
        ("acl", "contact_deny=192.0.2.0/24\n", ""),
        ("acl", "contact_acl=inside\n", "[inside]\ndeny=192.0.2.0/24\n"),
        ("acl", "contact_deny=0.0.0.0/0\ncontact_permit=10.0.0.0/8\n", ""),
    ],
)
def test_contact_addresses(make_rig: Make, phones: str, where: str, options: str, acl: str) -> None:
    if where == "endpoint":
        conf = phones.replace("[alice](phone)\n", f"[alice](phone)\n{options}")
    else:
        conf = phones + f"[closed]\ntype=acl\n{options}"
    rig = make_rig(conf, acl=acl)
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 403
    assert rig.ask("REGISTER", "Contact: <sip:alice@10.1.2.3>").status == 200


@pytest.mark.parametrize(
    ("options", "acl", "host", "status"),
    [
        ("deny=192.0.2.0/24\n", "", "192.0.2.10", 403),
        ("deny=192.0.2.0/24\n", "", "192.0.3.10", 200),
        ("deny=0.0.0.0/0\npermit=192.0.2.10\n", "", "192.0.2.10", 200),
        ("acl=named\n", "[named]\ndeny=192.0.2.0/24\n", "192.0.2.10", 403),
        ("acl=missing\n", "", "192.0.2.10", 403),
    ],
)
def test_source_addresses(make_rig: Make, options: str, acl: str, host: str, status: int) -> None:
    rig = make_rig(f"{BASE}[closed]\ntype=acl\n{options}", acl=acl)
    spied(rig)
    answer = rig.only(rig.receive(rig.request("MESSAGE", "sip:x", "a"), FakeFlow((host, 5060))))
    assert answer.status == status


def test_a_reload_takes_access_lists_and_a_wrong_one_keeps_the_old(make_rig: Make, tmp_path: Path) -> None:
    conf = "[closed]\ntype=acl\nacl=named\n[a]\ntype=endpoint\nacl=own\n"
    rig = make_rig(conf, acl="[named]\ndeny=192.0.2.10\n[own]\ndeny=192.0.2.20\n")
    spied(rig)

    def status(host: str) -> int:
        return rig.only(rig.receive(rig.request("MESSAGE", "sip:x", "a"), FakeFlow((host, 5060)))).status

    assert [status(host) for host in ("192.0.2.10", "192.0.2.20", "192.0.2.30")] == [403, 401, 200]
    path = tmp_path / "etc" / "acl.conf"
    path.write_text("[named]\ndeny=192.0.2.30\n[own]\ndeny=192.0.2.10\n")
    assert not rig.data.reload().errors
    assert [status(host) for host in ("192.0.2.10", "192.0.2.20", "192.0.2.30")] == [401, 200, 403]
    path.write_text("[named]\ndeny=nowhere\n[own]\npermit=0.0.0.0/0\n")
    (error,) = rig.data.reload().errors
    assert (error.position.line if error.position else 0, error.option) == (2, "deny")
    assert [status(host) for host in ("192.0.2.10", "192.0.2.20", "192.0.2.30")] == [200, 200, 403]


def test_authenticator_that_is_missing(make_rig: Make, phones: str) -> None:
    without = [module for module in MODULES if module.__name__ != "AuthenticatorDigest"]
    assert Rig.only(_message(make_rig, phones, without)).status == 503  # type: ignore[arg-type]


def _message(make_rig: Make, phones: str, modules: list[type]) -> Any:
    rig = make_rig(phones, modules=modules)
    spied(rig)
    return rig.receive(rig.request("MESSAGE"))


def test_allow_without_authenticator(make_rig: Make, phones: str) -> None:
    without = [module for module in MODULES if module.__name__ != "AuthenticatorDigest"]
    conf = f"[global]\ntype=global\nallow_without_authenticator=yes\n{phones}"
    assert Rig.only(_message(make_rig, conf, without)).status == 200  # type: ignore[arg-type]


def test_force_rport(make_rig: Make, phones: str) -> None:
    rig = make_rig(phones.replace("[alice](phone)\n", "[alice](phone)\nforce_rport=no\n"))
    other = FakeFlow(("192.0.2.99", 40000))
    for user, via in (("alice", "192.0.2.10:5060"), ("bob", "rport=40000")):
        text = rig.request("OPTIONS", "sip:pbx", user).replace(";rport", "")
        answer = rig.only(rig.receive(text, other))
        assert via in (answer.get("Via") or ""), user
    assert "rport" not in (rig.only(rig.receive(
        rig.request("OPTIONS", "sip:pbx", "alice").replace(";rport", ""), other)).get("Via") or "")  # fmt: skip


def test_the_first_checks_are_spread(make_rig: Make) -> None:
    conf = "[global]\ntype=global\nmax_initial_qualify_time=4\n"
    conf += "".join(
        f"[t{i}]\ntype=aor\nqualify_frequency=60\ncontact=sip:10.0.{i // 250}.{i % 250 + 1}\n" for i in range(1000)
    )
    rig = make_rig(conf, modules=(*MODULES, QualifyModule))
    qualify = rig.modules[-1]
    assert isinstance(qualify, QualifyModule)
    qualify.start()
    asked = [0]
    for _ in range(8):
        rig.advance(0.5)
        asked.append(len(rig.transports.flows))
    assert asked[-1] == 1000
    steps = [after - before for before, after in itertools.pairwise(asked)]
    assert all(60 < step < 220 for step in steps), steps
    qualify.unload()


def test_checks_go_by_the_proxy_of_the_aor(make_rig: Make) -> None:
    conf = "[t]\ntype=aor\nqualify_frequency=60\ncontact=sip:203.0.113.5\noutbound_proxy=sip:198.51.100.1:5080\\;lr\n"
    rig = make_rig(conf, modules=(*MODULES, QualifyModule))
    qualify = rig.modules[-1]
    assert isinstance(qualify, QualifyModule)
    qualify.start()
    rig.advance(61)
    request = rig.transports.flow_for("198.51.100.1", 5080).take()[0]
    assert isinstance(request, Request)
    assert str(request.uri) == "sip:203.0.113.5"
    assert request.get_all("Route") == ["<sip:198.51.100.1:5080;lr>"]
    assert ("203.0.113.5", 5060) not in rig.transports.flows
    qualify.unload()


async def test_plain_uris_are_asked_as_the_default_endpoint(make_rig: Make) -> None:
    rig = make_rig("[global]\ntype=global\ndefault_outbound_endpoint=out\n[out]\ntype=endpoint\nfrom_user=company\n")
    waiting = asyncio.ensure_future(rig.sip.send_request("MESSAGE", "sip:198.51.100.1:5080", body="hi"))
    await turn()
    flow = rig.transports.flow_for("198.51.100.1", 5080)
    (request,) = flow.take()
    assert isinstance(request, Request)
    assert request.from_.uri.user == "company"
    rig.layer.receive(make_response(request, 202, to_tag="x").to_bytes(), flow, rig.now)
    assert (await waiting).status == 202
