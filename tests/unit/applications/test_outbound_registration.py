"""Registration at other servers, on a virtual clock: what goes over the wire, when, and what is shown of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.applications.outbound_registration.module import OutboundRegistrationModule
from asterism.core.commands import CommandCall
from asterism.core.errors import CommandError
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.digest import Credentials, ha1
from asterism.stack.message import Request, make_response

REGISTRAR = ("127.0.0.1", 15270)
CONF = """
[trunk1]
type=endpoint
context=from-trunk
[mytrunk]
type=registration
outbound_auth=mytrunk-auth
server_uri=sip:127.0.0.1:15270
client_uri=sip:1000@127.0.0.1:15270
contact_user=1000
retry_interval=20
forbidden_retry_interval=60
expiration=120
max_retries=5
max_random_initial_delay=0
line=yes
endpoint=trunk1
[mytrunk-auth]
type=auth
username=1000
password=regpass
"""


class Registrar:
    """Answers what arrives at one fake address."""

    def __init__(self, rig: Rig, address: tuple[str, int] = REGISTRAR) -> None:
        self.rig = rig
        self.flow: FakeFlow = rig.transports.flow_for(*address)

    def request(self) -> Request:
        """The one REGISTER that came since."""
        found = [message for message in self.flow.take() if isinstance(message, Request)]
        assert len(found) == 1, found
        return found[0]

    def answer(self, request: Request, status: int, *headers: tuple[str, str]) -> None:
        response = make_response(request, status, to_tag="reg")
        for name, value in headers:
            response.add_header(name, value)
        self.rig.layer.receive(response.to_bytes(), self.flow, self.rig.now)

    def challenge(self, request: Request, *values: str) -> Request:
        self.answer(
            request,
            401,
            *(("WWW-Authenticate", value) for value in values or ['Digest realm="r", nonce="n", qop="auth"']),
        )
        return self.request()

    def accept(self, request: Request, seconds: int = 120, *headers: tuple[str, str]) -> None:
        self.answer(request, 200, ("Contact", f"{request.get('Contact')};expires={seconds}"), *headers)

    def silent(self) -> bool:
        return not self.flow.take()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Rig, Registrar, OutboundRegistrationModule]]:
    def build(conf: str = CONF, **replace: str) -> tuple[Rig, Registrar, OutboundRegistrationModule]:
        for name, value in replace.items():
            conf = re.sub(rf"^{name}=.*\n", "", conf, flags=re.MULTILINE)
            conf = conf.replace("type=registration\n", f"type=registration\n{name}={value}\n", 1)
        rig = Rig(tmp_path / "etc", conf, modules=(*MODULES, OutboundRegistrationModule))
        module = rig.modules[-1]
        assert isinstance(module, OutboundRegistrationModule)
        rig.record()
        module.start()
        rig.advance(0)
        return rig, Registrar(rig), module

    return build


Make = Callable[..., tuple[Rig, Registrar, OutboundRegistrationModule]]


def statuses(rig: Rig) -> list[object]:
    return [dict(fields)["Status"] for name, fields in rig.events if name == "Registry"]


def run(rig: Rig, line: str) -> str:
    words = line.split()
    for count in range(len(words), 0, -1):
        found = rig.commands.get(" ".join(words[:count]))
        if found is not None:
            result = found.run(CommandCall(words[count:], lambda text: None))
            assert isinstance(result, str)
            return result
    raise AssertionError(line)


def test_the_register_is_as_recorded(make: Make, record: Path) -> None:
    _rig, registrar, _ = make()
    request = registrar.request()
    text = (record / "sip_wire_register_options.txt").read_text()
    text = text[text.index("# Asterisk 22.10 -- outbound registration") :]
    recorded = text[text.index("REGISTER sip:") :].split("----")[0].strip().splitlines()
    names = [line.split(":")[0] for line in recorded[1:]]
    sent = request.to_bytes().decode().split("\r\n")
    assert sent[0] == recorded[0]
    assert [line.split(":")[0] for line in sent[1:] if line] == names
    assert re.fullmatch(r"<sip:1000@192\.0\.2\.1:5060;line=[a-z0-9]{7,}>", request.get("Contact") or "")
    assert re.fullmatch(r"<sip:1000@127\.0\.0\.1>;tag=.+", request.get("From") or "")
    assert request.get("To") == "<sip:1000@127.0.0.1>"
    assert request.expires == 120


def test_challenge_registration_and_refresh(make: Make) -> None:
    rig, registrar, module = make()
    first = registrar.request()
    second = registrar.challenge(first)
    credentials = Credentials.parse(second.get("Authorization") or "")
    assert credentials.verify(ha1("1000", "r", "regpass"), "REGISTER")
    assert second.call_id == first.call_id
    assert second.cseq.number == first.cseq.number + 1
    assert not registrar.flow.sent
    registrar.accept(second, 60)
    assert rig.events == [
        ("Registry", [
            ("ChannelType", "PJSIP"), ("Username", "sip:1000@127.0.0.1:15270"),
            ("Domain", "sip:127.0.0.1:15270"), ("Status", "Registered"),
        ]),
    ]  # fmt: skip
    client = module.registrations.get("mytrunk")
    assert client is not None
    assert client.remaining() == 60
    assert client.next_attempt == 50
    rig.advance(49.9)
    assert registrar.silent()
    rig.advance(0.2)
    refresh = registrar.request()
    assert refresh.call_id == first.call_id
    assert refresh.cseq.number == second.cseq.number + 1
    assert refresh.get("Contact") == first.get("Contact")


def test_a_short_lifetime_is_refreshed_half_way(make: Make) -> None:
    rig, registrar, _ = make(expiration="8")
    registrar.accept(registrar.request(), 8)
    rig.advance(3.9)
    assert registrar.silent()
    rig.advance(0.2)
    registrar.request()


def test_the_expires_header_counts_where_the_contact_is_not_found(make: Make) -> None:
    _rig, registrar, module = make()
    registrar.answer(registrar.request(), 200, ("Contact", "<sip:someone@198.51.100.7>;expires=5"), ("Expires", "90"))
    client = module.registrations.get("mytrunk")
    assert client is not None
    assert client.remaining() == 90


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_up_to_max_retries(make: Make, status: int) -> None:
    rig, registrar, module = make(max_retries="2")
    for _ in range(2):
        registrar.answer(registrar.request(), status)
        rig.advance(19.9)
        assert registrar.silent()
        rig.advance(0.2)
    registrar.answer(registrar.request(), status)
    rig.advance(1000)
    assert registrar.silent()
    assert statuses(rig) == ["Rejected"] * 3
    client = module.registrations.get("mytrunk")
    assert client is not None
    assert client.given_up


def test_retry_after_is_heeded(make: Make) -> None:
    rig, registrar, _ = make()
    registrar.answer(registrar.request(), 503, ("Retry-After", "7 (busy)"))
    rig.advance(6.9)
    assert registrar.silent()
    rig.advance(0.2)
    registrar.request()


def test_no_answer_is_tried_again(make: Make) -> None:
    rig, registrar, _ = make()
    first = registrar.request()
    rig.advance(33)
    assert statuses(rig) == ["Rejected"]
    registrar.flow.take()
    rig.advance(19.2)
    assert registrar.request().cseq.number == first.cseq.number + 1


def test_success_starts_the_count_of_retries_anew(make: Make) -> None:
    rig, registrar, _ = make(max_retries="1")
    registrar.answer(registrar.request(), 503)
    rig.advance(20)
    registrar.accept(registrar.request(), 60)
    rig.advance(50)
    registrar.answer(registrar.request(), 503)
    rig.advance(20)
    registrar.request()


@pytest.mark.parametrize(
    ("status", "options", "delay"),
    [
        (403, {"forbidden_retry_interval": "60"}, 60),
        (403, {"forbidden_retry_interval": "0"}, None),
        (403, {"forbidden_retry_interval": "0", "fatal_retry_interval": "33"}, 33),
        (404, {}, None),
        (404, {"fatal_retry_interval": "45"}, 45),
        (404, {"fatal_retry_interval": "45", "max_retries": "0"}, None),
        (480, {}, 20),
    ],
)
def test_intervals_by_status(make: Make, status: int, options: dict[str, str], delay: int | None) -> None:
    rig, registrar, _ = make(**options)
    registrar.answer(registrar.request(), status)
    if delay is None:
        rig.advance(5000)
        assert registrar.silent()
    else:
        rig.advance(delay - 0.1)
        assert registrar.silent()
        rig.advance(0.2)
        registrar.request()


@pytest.mark.parametrize(("permanent", "again"), [("yes", False), ("no", True)])
def test_refused_credentials(make: Make, permanent: str, again: bool) -> None:
    rig, registrar, module = make(auth_rejection_permanent=permanent)
    second = registrar.challenge(registrar.request())
    registrar.answer(second, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n2", qop="auth"'))
    assert statuses(rig) == ["Rejected"]
    rig.advance(20.1)
    assert registrar.silent() is not again
    rig.advance(5000)
    registrar.flow.take()
    if not again:
        module.reload()
        rig.advance(0)
        registrar.request()


def test_a_stale_nonce_is_answered_once_more(make: Make) -> None:
    _, registrar, _ = make()
    second = registrar.challenge(registrar.request())
    third = registrar.challenge(second, 'Digest realm="r", nonce="n2", qop="auth", stale=true')
    assert Credentials.parse(third.get("Authorization") or "").nonce == "n2"


def test_several_realms_and_algorithms(make: Make) -> None:
    conf = CONF.replace("outbound_auth=mytrunk-auth", "outbound_auth=mytrunk-auth,other").replace(
        "password=regpass\n", "password=regpass\nrealm=one\nsupported_algorithms_uac=SHA-256,MD5\n"
    )
    conf += "[other]\ntype=auth\nusername=2\npassword=two\nrealm=two\n"
    _, registrar, _ = make(conf)
    second = registrar.challenge(
        registrar.request(),
        'Digest realm="one", nonce="a", algorithm=SHA-256, qop="auth"',
        'Digest realm="one", nonce="b", algorithm=MD5, qop="auth"',
        'Digest realm="two", nonce="c", algorithm=MD5, qop="auth"',
        'Digest realm="three", nonce="d", algorithm=MD5, qop="auth"',
    )
    given = [Credentials.parse(value) for value in second.get_all("Authorization")]
    assert [(item.realm, item.nonce, item.algorithm) for item in given] == [
        ("one", "a", "SHA-256"),
        ("two", "c", "MD5"),
    ]
    assert given[0].verify(ha1("1000", "one", "regpass", "SHA-256"), "REGISTER")
    assert given[1].verify(ha1("2", "two", "two"), "REGISTER")


def test_the_global_algorithms_count_without_own_ones(make: Make) -> None:
    _, registrar, _ = make("[global]\ntype=global\ndefault_auth_algorithms_uac=SHA-256\n" + CONF)
    second = registrar.challenge(
        registrar.request(), 'Digest realm="r", nonce="a"', 'Digest realm="r", nonce="b", algorithm=SHA-256'
    )
    assert Credentials.parse(second.get("Authorization") or "").algorithm == "SHA-256"


def test_interval_too_brief(make: Make) -> None:
    rig, registrar, _module = make(expiration="10")
    first = registrar.request()
    registrar.answer(first, 423, ("Min-Expires", "300"))
    second = registrar.request()
    assert second.expires == 300
    assert second.cseq.number == first.cseq.number + 1
    registrar.accept(second, 300)
    rig.advance(290)
    assert registrar.request().expires == 300


def test_a_challenge_after_interval_too_brief_is_answered(make: Make) -> None:
    rig, registrar, module = make(expiration="10")
    second = registrar.challenge(registrar.request())
    registrar.answer(second, 423, ("Min-Expires", "300"))
    third = registrar.request()
    assert third.expires == 300
    assert third.get("Authorization") is None  # its count was used
    fourth = registrar.challenge(third)
    assert fourth.expires == 300
    assert Credentials.parse(fourth.get("Authorization") or "").count == 2
    assert [fourth.cseq.number - one.cseq.number for one in (second, third)] == [2, 1]
    registrar.accept(fourth, 300)
    assert statuses(rig) == ["Registered"]
    client = module.registrations.get("mytrunk")
    assert client is not None
    assert client.remaining() == 300


def test_the_count_of_a_nonce_rises_over_requests(make: Make) -> None:
    rig, registrar, _module = make()
    counts = []
    for _ in range(3):
        answered = registrar.challenge(registrar.request())
        counts.append(Credentials.parse(answered.get("Authorization") or "").count)
        registrar.accept(answered, 60)
        rig.advance(50)
    assert counts == [1, 2, 3]


def test_a_security_agreement_is_made(make: Make) -> None:
    rig, registrar, _module = make(security_negotiation="mediasec", security_mechanisms="sdes-srtp\\;mediasec")
    first = registrar.request()
    assert first.get("Security-Verify") is None
    registrar.answer(first, 494, ("Security-Server", "sdes-srtp;mediasec"))
    second = registrar.request()
    assert second.get("Security-Verify") == "sdes-srtp;mediasec"
    assert second.cseq.number == first.cseq.number + 1
    third = registrar.challenge(second)
    assert third.get("Security-Verify") == "sdes-srtp;mediasec"
    registrar.accept(third, 60)
    assert statuses(rig) == ["Registered"]


@pytest.mark.parametrize("listed", [(), (("Security-Server", "sdes-srtp;mediasec"),)])
def test_a_security_agreement_that_is_not_reached_is_a_refusal(make: Make, listed: tuple[tuple[str, str], ...]) -> None:
    rig, registrar, _module = make(security_negotiation="mediasec", security_mechanisms="sdes-srtp\\;mediasec")
    registrar.answer(registrar.request(), 494, *listed)
    if listed:
        registrar.answer(registrar.request(), 494, *listed)
    assert registrar.silent()
    assert statuses(rig) == ["Rejected"]


def test_options_on_the_wire(make: Make) -> None:
    conf = CONF.replace("line=yes\nendpoint=trunk1\n", "").replace("contact_user=1000\n", "")
    _rig, registrar, _ = make(
        conf + "[t2]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5070\n",
        contact_header_params="a=b\\;c=d",
        support_path="yes",
        support_outbound="yes",
        user_agent="Another",
        transport="t2",
        server_uri="sip:198.51.100.9:5080",
        outbound_proxy="sip:127.0.0.1:15270\\;lr",
        security_negotiation="mediasec",
        security_mechanisms="sdes-srtp\\;mediasec",
    )
    request = registrar.request()
    assert str(request.uri) == "sip:198.51.100.9:5080"
    assert request.get_all("Route") == ["<sip:127.0.0.1:15270;lr>"]
    assert request.get("Contact") == "<sip:s@192.0.2.1:5060>;a=b;c=d"
    assert request.get("Supported") == "path, outbound"
    assert request.get("User-Agent") == "Another"
    assert request.get("Require") == request.get("Proxy-Require") == "mediasec"
    assert request.get("Security-Client") == "sdes-srtp;mediasec"
    registrar.answer(
        request, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'), ("Security-Server", "sdes-srtp;mediasec")
    )
    again = registrar.request()
    assert again.get("Security-Verify") == "sdes-srtp;mediasec"


def test_service_route_is_used_for_requests_of_the_endpoint(make: Make) -> None:
    rig, registrar, _ = make()
    registrar.accept(registrar.request(), 120, ("Service-Route", "<sip:p1.test;lr>, <sip:p2.test;lr>"))
    endpoint = rig.data.get(Endpoint, "trunk1")
    assert isinstance(endpoint, Endpoint)
    request = rig.sip.create_request("MESSAGE", "sip:x@127.0.0.1", endpoint)
    assert request.get_all("Route") == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]
    run(rig, "pjsip send unregister mytrunk")
    registrar.answer(registrar.request(), 200)
    assert not rig.sip.create_request("MESSAGE", "sip:x@127.0.0.1", endpoint).routes


def test_calls_to_the_line_are_recognised(make: Make) -> None:
    rig, registrar, _ = make()
    contact = registrar.request().contacts[0].uri
    line = contact.param("line")
    seen: list[str] = []

    from asterism.sip.service import Service

    class Spy(Service):
        name = "spy"
        priority = 1

        def on_request(self, rx: Any) -> bool:
            seen.append(rx.endpoint.id)
            rx.respond_stateless(200)
            return True

    rig.sip.register_service(Spy())
    flow = FakeFlow(REGISTRAR)
    assert (
        rig.only(rig.receive(rig.request("MESSAGE", f"sip:1000@192.0.2.1;line={line}", "stranger"), flow)).status == 200
    )
    assert (
        rig.only(rig.receive(rig.request("MESSAGE", "sip:1000@192.0.2.1;line=guess", "stranger"), flow)).status == 401
    )
    assert seen == ["trunk1"]


def test_register_takes_the_old_one_back_first(make: Make) -> None:
    rig, registrar, _ = make()
    registrar.accept(registrar.request())
    assert run(rig, "pjsip send register mytrunk") == ""
    gone = registrar.request()
    assert gone.expires == 0
    registrar.answer(gone, 200)
    rig.advance(0)
    again = registrar.request()
    assert again.expires == 120
    assert again.cseq.number == gone.cseq.number + 1
    registrar.accept(again)
    assert statuses(rig) == ["Registered", "Unregistered", "Registered"]


def test_unregister_ends_the_refreshes(make: Make) -> None:
    rig, registrar, _module = make()
    registrar.accept(registrar.request())
    run(rig, "pjsip send unregister mytrunk")
    registrar.accept(registrar.challenge(registrar.request()))
    rig.advance(1000)
    assert registrar.silent()
    assert statuses(rig) == ["Registered", "Unregistered"]
    assert "Unregistered     0\n" in run(rig, "pjsip show registrations")
    assert run(rig, "pjsip send unregister *all") == "Unregister all queued\n"
    assert run(rig, "pjsip send register *all") == "Re-register all queued\n"
    rig.advance(0)
    assert registrar.request().expires == 120


def test_unregister_while_a_request_is_on_its_way(make: Make) -> None:
    rig, registrar, module = make()
    first = registrar.request()
    run(rig, "pjsip send unregister mytrunk")
    assert registrar.silent()
    registrar.accept(first)
    assert registrar.request().expires == 0
    rig.advance(1000)
    registrar.flow.take()
    client = module.registrations.get("mytrunk")
    assert client is not None
    assert client.next_attempt == 0


async def test_what_is_on_its_way_when_the_module_goes_is_taken_back_once_it_is_answered(make: Make) -> None:
    _rig, registrar, module = make()
    first = registrar.request()
    task = asyncio.get_running_loop().create_task(module.unload())
    await asyncio.sleep(0)
    assert registrar.silent()
    registrar.accept(first)
    gone = registrar.challenge(registrar.request())
    assert gone.expires == 0
    assert not task.done()
    registrar.answer(gone, 200)
    await task


async def test_what_is_taken_back_for_a_change_is_not_made_anew_when_the_module_goes(
    make: Make, tmp_path: Path
) -> None:
    rig, registrar, module = make()
    registrar.accept(registrar.request())
    path = tmp_path / "etc" / "pjsip.conf"
    path.write_text(path.read_text().replace("contact_user=1000", "contact_user=1001"))
    rig.data.reload()
    gone = registrar.request()
    task = asyncio.get_running_loop().create_task(module.unload())
    await asyncio.sleep(0)
    assert not task.done()
    registrar.answer(gone, 200)
    await task
    rig.advance(0)
    assert registrar.silent()


def test_changed_objects_register_anew(make: Make, tmp_path: Path) -> None:
    rig, registrar, module = make()
    registrar.accept(registrar.request())
    path = tmp_path / "etc" / "pjsip.conf"
    path.write_text(path.read_text().replace("retry_interval=20", "retry_interval=21"))
    rig.data.reload()
    assert registrar.silent()
    client = module.registrations.get("mytrunk")
    assert client is not None
    assert client.config.retry_interval == 21
    path.write_text(path.read_text().replace("contact_user=1000", "contact_user=1001"))
    rig.data.reload()
    gone = registrar.request()
    assert gone.expires == 0
    registrar.answer(gone, 200)
    rig.advance(0)
    again = registrar.request()
    assert again.contacts[0].uri.user == "1001"
    registrar.accept(again)
    path.write_text("[global]\ntype=global\n")
    rig.data.reload()
    assert registrar.request().expires == 0
    assert len(module.registrations) == 0
    assert not module.registrations.lines


def test_a_lost_connection_is_registered_anew(make: Make) -> None:
    rig, _, _ = make(
        CONF + "[t]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1:5060\n",
        server_uri="sip:127.0.0.1:15271\\;transport=tcp",
    )
    flow = rig.transports.flows["127.0.0.1", 15271]
    registrar = Registrar(rig, ("127.0.0.1", 15271))
    request = registrar.request()
    assert "transport=tcp" in (request.get("Contact") or "")
    registrar.accept(request)
    assert flow.kept_until > rig.now
    flow.closed = True
    del rig.transports.flows["127.0.0.1", 15271]
    flow.failed(None)
    rig.advance(0)
    assert Registrar(rig, ("127.0.0.1", 15271)).request().expires == 120


TWO = (
    CONF
    + """
[badtrunk]
type=registration
server_uri=sip:127.0.0.1:15271
client_uri=sip:2000@127.0.0.1:15271
retry_interval=30
expiration=120
max_random_initial_delay=0
"""
)


def test_listings_are_as_recorded(make: Make, record: Path) -> None:
    rig, registrar, _ = make(TWO.replace("max_random_initial_delay=0\n", ""))
    rig.advance(10)
    bad = Registrar(rig, ("127.0.0.1", 15271))
    request = next(item for item in registrar.flow.take() if isinstance(item, Request))
    refused = next(item for item in bad.flow.take() if isinstance(item, Request))
    bad.answer(refused, 403)
    registrar.accept(request)
    rig.advance(75.0)
    text = (record / "pjsip_cli.txt").read_text()

    def recorded(line: str) -> str:
        start = text.index(f"*CLI> {line}   (state: registered)\n")
        return text[text.index("\n", start) + 1 : text.index("\n###", start)]

    def plain(listing: str) -> str:
        return (
            re.sub(r"\(exp\. \d+s( ago)?\)", "(exp. Ns)", listing)
            .rstrip("\n")
            .replace("transport-udp", "")
            .replace(" \n", "\n")
        )

    for line in ("pjsip show registrations", "pjsip list registrations"):
        assert plain(run(rig, line)) == plain(recorded(line))
    shown = run(rig, "pjsip show registration mytrunk").splitlines()
    expected = recorded("pjsip show registration mytrunk").splitlines()
    assert [line for line in shown if "exp." not in line and not line.startswith(" transport")] == [
        line for line in expected if "exp." not in line and not line.startswith(" transport")
    ]
    assert run(rig, "pjsip show registration nosuch") == "Unable to find object nosuch.\n\n"
    with pytest.raises(CommandError, match="Unable to retrieve registration nosuch"):
        run(rig, "pjsip send register nosuch")


def act(rig: Rig, name: str, **fields: str) -> list[tuple[str, Any]]:
    said: list[tuple[str, Any]] = []
    call = SimpleNamespace(
        get=lambda key: fields.get(key, ""),
        error=lambda message: said.append(("error", message)),
        success=lambda message: said.append(("success", message)),
        begin_list=lambda message: said.append(("begin", message)),
        item=lambda event, pairs: said.append((event, pairs)),
        end_list=lambda event, pairs, items: said.append((event, (items, list(pairs)))),
    )
    found = rig.actions.get(name)
    assert found is not None
    found.run(call)
    return said


def test_manager_actions_are_as_recorded(make: Make, record: Path) -> None:
    rig, registrar, _ = make(TWO)
    bad = Registrar(rig, ("127.0.0.1", 15271))
    bad.answer(bad.request(), 403)
    registrar.accept(registrar.request())
    said = act(rig, "PJSIPShowRegistrationsOutbound")
    assert said[0] == ("begin", "Following are Events for each Outbound registration")
    assert said[-1] == ("OutboundRegistrationDetailComplete", (2, [("Registered", 1), ("NotRegistered", 1)]))
    text = (record / "pjsip_ami_actions.txt").read_text()
    text = text[text.index("AMI PJSIPShowRegistrationsOutbound\n") :].split("###")[0]
    wanted = [
        [line.split(":")[0] for line in block.splitlines()]
        for block in text.split("\n\n")
        if block.startswith("Event: ") and "Complete" not in block
    ]
    assert [["Event", "ActionID", *(name for name, _ in pairs)] for _, pairs in said[1:-1]] == wanted
    assert act(rig, "PJSIPRegister") == [("error", "Registration parameter missing.")]
    assert act(rig, "PJSIPRegister", Registration="nosuch") == [("error", "Unable to retrieve registration entry")]
    assert act(rig, "PJSIPUnregister", Registration="mytrunk") == [("success", "Unregistration sent")]
    registrar.answer(registrar.request(), 200)
    assert act(rig, "PJSIPRegister", Registration="mytrunk") == [("success", "Reregistration sent")]
    assert act(rig, "PJSIPUnregister", Registration="*all") == [("success", "Unregistrations queued.")]
    assert act(rig, "PJSIPRegister", Registration="*all") == [("success", "Reregistrations queued.")]
