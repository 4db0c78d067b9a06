"""Who sent a request: in the order of chan_sip."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.chan_sip.identifier import GUEST
from asterism.server.server import Server
from asterism.sip.objects import Endpoint
from asterism.sip.rx import Rx
from asterism.stack.flow import Flow
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.testing import free_port, running_server


class Silent(Flow):
    """Sends nothing."""

    __slots__ = ()

    def send(self, data: bytes) -> None:
        """Nothing."""


PHONES = """
[dyn]
type=friend
secret=pw
host=dynamic
[old]
type=user
secret=pw
[both]
type=user
secret=pw
[both]
type=peer
host=198.51.100.7
[trunk]
type=peer
host=198.51.100.1
port=5070
[any]
type=peer
host=198.51.100.2
insecure=port
[default]
type=peer
host=dynamic
defaultip=198.51.100.3
[tcp]
type=peer
host=198.51.100.4
transport=tcp
"""


def config(general: str = "") -> dict[str, str]:
    bind = f"udpbindaddr=127.0.0.1:{free_port()}\n"
    pjsip = "[pj]\ntype=endpoint\nauth=pj\n[pj]\ntype=auth\nusername=pj\npassword=x\n"
    return {"sip.conf": f"[general]\n{bind}{general}\n{PHONES}", "pjsip.conf": pjsip}


def found(
    server: Server, method: str, user: str, source: tuple[str, int] = ("203.0.113.9", 5060), to: str = "x",
    transport: str = "UDP", extra: str = "",
) -> str:  # fmt: skip
    text = (
        f"{method} sip:x@h SIP/2.0\r\nVia: SIP/2.0/{transport} h;branch=z9hG4bK1\r\nFrom: <sip:{user}@h>;tag=1\r\n"
        f"To: <sip:{to}@h>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n{extra}Content-Length: 0\r\n\r\n"
    )
    request = parse_message(text.encode())
    assert isinstance(request, Request)
    flow = Silent(transport, ("192.0.2.1", 5060), source, reliable=transport != "UDP")
    request.flow = flow
    endpoint = server.sip.identifiers.identify(Rx(server.sip, request, flow, 0.0))
    assert endpoint is None or isinstance(endpoint, Endpoint)
    return "" if endpoint is None else endpoint.id


async def test_a_register_is_by_to_and_only_of_those_that_register(tmp_path: Path) -> None:
    async with running_server(config(), tmp_path) as server:
        assert found(server, "REGISTER", "whoever", to="dyn") == "dyn"
        for name in ("old", "trunk", "nobody"):
            assert found(server, "REGISTER", name, to=name) == "", name
        assert found(server, "REGISTER", "pj", to="nobody") == "pj"


@pytest.mark.parametrize(
    ("user", "source", "expected"),
    [
        ("dyn", ("203.0.113.9", 1), "dyn"),
        ("old", ("203.0.113.9", 1), "old"),
        ("both", ("203.0.113.9", 1), "both/user"),
        ("trunk", ("203.0.113.9", 5070), GUEST),
        ("trunk", ("198.51.100.1", 5070), "trunk"),
        ("12345", ("198.51.100.1", 5070), "trunk"),
        ("12345", ("198.51.100.1", 5060), GUEST),
        ("12345", ("198.51.100.2", 33333), "any"),
        ("12345", ("198.51.100.3", 5060), "default"),
        ("12345", ("198.51.100.7", 5060), "both"),
        ("pj", ("203.0.113.9", 1), "pj"),
        ("", ("198.51.100.1", 5070), "trunk"),
    ],
)
async def test_others_are_by_user_then_peer_then_address(
    user: str, source: tuple[str, int], expected: str, tmp_path: Path
) -> None:
    async with running_server(config(), tmp_path) as server:
        assert found(server, "INVITE", user, source) == expected


async def test_connections_come_from_any_port(tmp_path: Path) -> None:
    async with running_server(config(), tmp_path) as server:
        assert found(server, "INVITE", "1", ("198.51.100.4", 40000), transport="TCP") == "tcp"
        assert found(server, "INVITE", "1", ("198.51.100.4", 40000)) == GUEST


async def test_guests_only_where_they_are_allowed(tmp_path: Path) -> None:
    async with running_server(config("allowguest=no"), tmp_path) as server:
        assert found(server, "INVITE", "stranger") == ""


async def test_by_credentials_with_match_auth_username(tmp_path: Path) -> None:
    extra = 'Authorization: Digest username="dyn", realm="asterisk", nonce="n", uri="sip:x@h", response="r"\r\n'
    async with running_server(config("match_auth_username=yes"), tmp_path) as server:
        assert found(server, "INVITE", "caller", extra=extra) == "dyn"
        assert found(server, "INVITE", "dyn", extra="") == "dyn"


async def test_without_sip_conf_nobody_is_asked(tmp_path: Path) -> None:
    async with running_server({"pjsip.conf": config()["pjsip.conf"]}, tmp_path) as server:
        asked = {name: subjects for name, _, subjects in server.sip.identifiers.ordered}
        assert asked["chan_sip"] == asked["chan_sip_guest"] == {}
        assert server.sip.state.receptions == {}


async def test_the_order_cannot_be_moved(tmp_path: Path) -> None:
    files = config()
    files["pjsip.conf"] += "[global]\ntype=global\nendpoint_identifier_order=chan_sip_guest,username,chan_sip\n"
    async with running_server(files, tmp_path) as server:
        names = [name for name, _ in server.sip.identifiers]
        assert (names[1], names[-1]) == ("chan_sip", "chan_sip_guest")


async def options_of(server: Server, user: str, method: str = "OPTIONS") -> tuple[bool, bool]:
    """Whether a stranger's request in a name is let in, and whether it is the guest's."""
    text = (
        f"{method} sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:{user}@h>;tag=1\r\n"
        f"To: <sip:x@h>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    request = parse_message(text.encode())
    assert isinstance(request, Request)
    transport = next(name for name in server.sip.state.receptions if name.endswith("/udp"))
    flow = Silent("UDP", ("192.0.2.1", 5060), ("203.0.113.9", 5060), reliable=False)
    flow.name = transport
    request.flow = flow
    rx = Rx(server.sip, request, flow, 0.0)
    endpoint = server.sip.identifiers.identify(rx)
    assert endpoint is None or isinstance(endpoint, Endpoint)
    authenticator = server.sip.state.authenticator
    assert authenticator is not None
    let_in = endpoint is not None and not authenticator.requires_authentication(endpoint, rx)
    return let_in, endpoint is not None and endpoint.id == GUEST


async def test_what_nobody_is_challenged_for_tells_no_names(tmp_path: Path) -> None:
    """The answer to OPTIONS is the same for names of sip.conf, of pjsip.conf, those kept out, and unknown ones."""
    files = config("allowguest=no")
    files["sip.conf"] += "[kept-out]\ntype=friend\nhost=dynamic\nsecret=pw\ndeny=0.0.0.0/0\n"
    async with running_server(files, tmp_path / "1") as server:
        for name in ("dyn", "old", "trunk", "pj", "kept-out", "stranger"):
            assert await options_of(server, name) == (True, True), name
        assert await options_of(server, "stranger", "MESSAGE") == (False, False)
        assert await options_of(server, "stranger", "INVITE") == (False, False)
    async with running_server(config("allowguest=no\nauth_options_requests=yes"), tmp_path / "2") as server:
        for name in ("dyn", "pj", "stranger"):
            assert await options_of(server, name) == (False, False), name
    async with running_server(config("allowguest=no\nauth_message_requests=no"), tmp_path / "3") as server:
        assert await options_of(server, "stranger", "MESSAGE") == (True, True)
        assert await options_of(server, "dyn", "MESSAGE") == (True, False)


@pytest.mark.parametrize(
    ("user", "source", "asked"),
    [
        ("friend", ("203.0.113.9", 5060), True),
        ("friend", ("198.51.100.20", 5060), False),
        ("friend", ("198.51.100.20", 40000), False),
        ("roams", ("198.51.100.20", 5060), True),
        ("roams", ("198.51.100.21", 5060), False),
        ("user", ("203.0.113.9", 5060), False),
        ("dyn", ("198.51.100.20", 5060), True),
    ],
)
async def test_a_name_in_from_is_no_proof(user: str, source: tuple[str, int], asked: bool, tmp_path: Path) -> None:
    """``insecure=invite`` lets in who comes from the peer's address, not who writes its name into From."""
    files = config("allowguest=no")
    files["sip.conf"] += (
        "[friend]\ntype=friend\nhost=198.51.100.20\nsecret=pw\ninsecure=port,invite\n"
        "[roams]\ntype=friend\nhost=dynamic\ndefaultip=198.51.100.21\nsecret=pw\ninsecure=invite\n"
        "[user]\ntype=user\nsecret=pw\ninsecure=invite\n"
    )
    async with running_server(files, tmp_path) as server:
        text = (
            f"INVITE sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:{user}@h>;tag=1\r\n"
            "To: <sip:x@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        request = parse_message(text.encode())
        assert isinstance(request, Request)
        request.flow = flow = Silent("UDP", ("192.0.2.1", 5060), source, reliable=False)
        rx = Rx(server.sip, request, flow, 0.0)
        endpoint = server.sip.identifiers.identify(rx)
        authenticator = server.sip.state.authenticator
        assert isinstance(endpoint, Endpoint)
        assert authenticator is not None
        assert authenticator.requires_authentication(endpoint, rx) is asked


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("::1", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::3]", "2001:db8::3"),
        ("::ffff:198.51.100.30", "198.51.100.30"),
    ],
)
async def test_an_address_is_one_however_it_is_written(host: str, source: str, tmp_path: Path) -> None:
    files = config("allowguest=no")
    files["sip.conf"] += (
        f"[fixed]\ntype=peer\nhost={host}\n[usual]\ntype=peer\nhost=dynamic\ndefaultip={host}\nport=5099\n"
    )
    async with running_server(files, tmp_path) as server:
        assert found(server, "INVITE", "1", (source, 5060)) == "fixed"
        assert found(server, "INVITE", "1", (source, 5099)) == "usual"
