"""``register`` lines and ``callbackextension`` as registrations."""

from __future__ import annotations

import pytest
from general_kit import conf, objects

from asterism.chan_sip.translation.general_registrations import problems, proxy_route
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.registration import Registration


def one(text: str) -> Registration:
    (found,) = objects(Registration, text).values()
    return found


@pytest.mark.parametrize(
    ("line", "server", "client", "contact"),
    [
        ("1234@host", "sip:host", "sip:1234@host", "s"),
        ("1234:pw@Host/200", "sip:host", "sip:1234@host", "200"),
        ("1234:pw@host:5070", "sip:host:5070", "sip:1234@host", "s"),
        ("tcp://1234:pw@host:5070", "sip:host:5070;transport=tcp", "sip:1234@host", "s"),
        ("tls://1234@host", "sip:host;transport=tls", "sip:1234@host", "s"),
        ("1234@domain@host", "sip:host", "sip:1234@domain", "s"),
        ("1234@domain:5082::@host:5070", "sip:host:5070", "sip:1234@domain:5082", "s"),
        ("us#er/x@[2001:db8::1]:5070", "sip:[2001:db8::1]:5070", "sip:us%23er/x@[2001:db8::1]", "s"),
    ],
)
def test_addresses(line: str, server: str, client: str, contact: str) -> None:
    made = one(f"register => {line}")
    assert (made.server_uri, made.client_uri, made.contact_user) == (server, client, contact)


def test_credentials() -> None:
    text = "register => a@h\nregister => b:pw@h\nregister => c:pw:d@h\nregister => e::f@h\n"
    made = list(objects(Registration, text).values())
    auths = objects(Auth, text)
    assert made[0].outbound_auth == ()
    known = [(auths[item.outbound_auth[0]].username, auths[item.outbound_auth[0]].password) for item in made[1:]]
    assert known == [("b", "pw"), ("d", "pw"), ("f", "")]


def test_credentials_of_authentication_answer_challenges_too() -> None:
    text = "[general]\nregister => a:pw@h\n[authentication]\nauth=x:y@realm\n"
    assert one(text).outbound_auth == ("sip.conf/register1/out", "sip.conf/auth1")


def test_credentials_of_its_peer_answer_challenges_too() -> None:
    text = PEER.format(line="register => prov?a:pw@h") + "auth=x:y@realm\n"
    made = one(text)
    assert made.outbound_auth == ("sip.conf/register1/out", "prov/out1")
    assert set(made.outbound_auth) <= objects(Auth, text).keys()


def test_intervals() -> None:
    made = one("register => a@h")
    assert (made.expiration, made.retry_interval, made.max_retries) == (120, 20, 2**32 - 1)
    assert (made.forbidden_retry_interval, made.auth_rejection_permanent, made.max_random_initial_delay) == (
        0,
        False,
        0,
    )
    made = one("register => a@h~300\ndefaultexpiry=99\nregistertimeout=7\nregisterattempts=3\nregister_retry_403=yes\n")
    assert (made.expiration, made.retry_interval, made.max_retries) == (300, 7, 3)
    assert made.forbidden_retry_interval == 7
    assert one("register => a@h\ndefaultexpiry=99").expiration == 99


def test_a_transport_that_there_is_is_used() -> None:
    assert one("register => a@h").transport == "sip.conf/udp"
    assert one("register => tcp://a@h").transport == ""
    assert one("tcpenable=yes\nregister => tcp://a@h").transport == "sip.conf/tcp"


PEER = """[general]
{line}
[prov]
type=peer
host=sip.example.org
port=5070
fromdomain=d.example
transport=tcp
outboundproxy=proxy.example:5071,force
"""


def test_a_peer_before_the_question_mark_gives_its_proxy_and_transport() -> None:
    made = one(PEER.format(line="register => prov?a:pw@other.example"))
    assert made.server_uri == "sip:other.example;transport=tcp"
    assert made.client_uri == "sip:a@d.example"
    assert made.outbound_proxy == "sip:proxy.example:5071;lr"


def test_a_host_may_be_a_peer() -> None:
    made = one(PEER.format(line="register => a:pw@prov/77"))
    assert (made.server_uri, made.contact_user) == ("sip:sip.example.org:5070;transport=tcp", "77")
    assert not list(problems(conf(PEER.format(line="register => a:pw@prov/77"))))


def test_callbackextension_registers_with_what_the_peer_says() -> None:
    text = PEER.format(line="") + "defaultuser=me\nsecret=in\nremotesecret=out\ncallbackextension=100\n"
    made = one(text)
    assert (made.server_uri, made.client_uri) == ("sip:sip.example.org:5070;transport=tcp", "sip:me@d.example")
    assert made.contact_user == "100"
    (auth,) = [item for name, item in objects(Auth, text).items() if name in made.outbound_auth]
    assert (auth.username, auth.password) == ("me", "out")
    assert made.position is not None
    assert made.position.line == 13


@pytest.mark.parametrize(
    ("text", "line", "what", "made"),
    [
        ("[general]\nregister => nobody?a@h", 2, "no peer 'nobody'", 1),
        ("[general]\nregister => a@prov\n[prov]\ntype=friend\nhost=dynamic", 2, "registers here", 0),
        ("[general]\n[prov]\ntype=peer\nhost=dynamic\ncallbackextension=1", 5, "no host", 0),
        ("[general]\n[prov]\ntype=peer\nhost=h\ncallbackextension=1", 5, "no defaultuser", 0),
    ],
)
def test_what_cannot_be_is_told_with_its_place(text: str, line: int, what: str, made: int) -> None:
    (problem,) = problems(conf(text))
    assert problem.position is not None
    assert problem.position.line == line
    assert what in str(problem)
    assert len(objects(Registration, text)) == made


def test_broken_lines_are_told_with_their_places_and_the_rest_is_made() -> None:
    text = "[general]\nregister => a@h\nregister => b:secret\nregister => c@\nregister => d@h:99999\nregister => e@h2\n"
    read = conf(text)
    assert [(error.position.line, error.option) for error in read.problems if error.position] == [
        (3, "register"), (4, "register"), (5, "register"),
    ]  # fmt: skip
    assert not any("secret" in str(error) for error in read.problems if "[:secret" not in str(error))
    assert [item.client_uri for item in objects(Registration, text).values()] == ["sip:a@h", "sip:e@h2"]


def test_users_conf_registers_too() -> None:
    users = "[trunk]\nhassip=yes\nregistersip=yes\nhost=sip.example.org\nusername=me\nsecret=pw\ncontact=12\n"
    (made,) = objects(Registration, "", users=users).values()
    assert (made.server_uri, made.client_uri, made.contact_user) == (
        "sip:sip.example.org", "sip:me@sip.example.org", "12",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("", ""),
        ("proxy.example", "sip:proxy.example;lr"),
        ("proxy.example:5070,force", "sip:proxy.example:5070;lr"),
        ("tls://192.0.2.1:5061", "sip:192.0.2.1:5061;transport=tls;lr"),
        ("udp://[2001:db8::1]", "sip:[2001:db8::1];lr"),
        ("no such host", ""),
    ],
)
def test_proxies(text: str, route: str) -> None:
    assert proxy_route(text) == route
