"""Who may register what, over real sockets: every refusal leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest
from call_kit import EXTENSIONS

from asterism.core.commands import CommandCall
from asterism.stack.digest import ClientSession, challenges, ha1
from asterism.stack.headers.address import NameAddr
from asterism.stack.parser import parse_message
from asterism.testing import Phone, idle_counts, running_server, until

PJSIP = """
[global]
type=global
default_realm=pbx.example.test

[alice]
type=endpoint
auth=alice
aors=alice
[alice]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=2
minimum_expiration=60
maximum_expiration=3600
default_expiration=600

[bob]
type=endpoint
auth=bob
aors=bob
[bob]
type=auth
username=bob
password=bobpw
[bob]
type=aor
max_contacts=1
remove_existing=yes

[hasty]
type=endpoint
auth=hasty
aors=hasty
[hasty]
type=auth
username=hasty
password=hastypw
nonce_lifetime=1
[hasty]
type=aor
max_contacts=1

[homeless]
type=endpoint
auth=homeless
[homeless]
type=auth
username=homeless
password=homelesspw
"""

CONFIG = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}


def registrar():
    return running_server(CONFIG)


def bindings(server) -> list[str]:
    return [contact.uri for aor in ("alice", "bob") for contact in server.sip.location.contacts(aor)]


def console(server, line: str) -> str:
    words = line.split()
    for count in range(len(words), 0, -1):
        command = server.commands.get(" ".join(words[:count]))
        if command is not None:
            written: list[str] = []
            result = command.run(CommandCall(words[count:], written.append))
            return "".join(written) + (result if isinstance(result, str) else "")
    raise AssertionError(f"no command {line!r}")


def assert_stateless(server) -> None:
    """Neither a live transaction nor a remembered one."""
    assert server.sip.layer.live_transactions == 0
    assert server.sip.layer.finished_transactions == 0


async def test_registered_and_listed():
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        response = await alice.register(300)
        (contact,) = response.contacts
        assert (str(contact.uri), contact.params["expires"]) == (f"sip:alice@127.0.0.1:{alice.port}", "299")
        assert response.get("Expires") == "300"
        assert (response.get("Date") or "").endswith(" GMT")
        uri = f"sip:alice@127.0.0.1:{alice.port}"
        assert f"  Contact:  alice/{uri}" in console(server, "pjsip show contacts")
        assert uri in console(server, "pjsip show aor alice")
        assert uri in console(server, "pjsip show aors")
        assert uri in console(server, "pjsip show endpoint alice")
        assert "Unavailable" not in console(server, "pjsip show endpoint alice").split("Aor:")[0]
        bob_line = next(one for one in console(server, "pjsip show endpoints").splitlines() if " bob " in one)
        assert "Unavailable" in bob_line
        await alice.unregister()
        assert bindings(server) == []
        assert uri not in console(server, "pjsip show contacts")


async def test_the_first_challenge_is_as_recorded():
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        request = alice.create_request("REGISTER", alice.uri())
        response = await alice.exchange(request)
        assert response.status == 401
        assert response.to.tag == response.via.branch
        (challenge,) = challenges(response)
        assert (challenge.realm, challenge.algorithm, challenge.stale) == ("pbx.example.test", "MD5", False)
        assert 'qop="auth"' in (response.get("WWW-Authenticate") or "")
        assert_stateless(server)


@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("ghost", "any")], ids=["password", "user"])
async def test_wrong_password_and_unknown_user_look_the_same(user, password):
    async with registrar() as server, Phone(user, server, password) as phone:
        for _ in range(3):
            response = await phone.try_register(60)
            assert response.status == 401
            (challenge,) = challenges(response)
            assert not challenge.stale
            assert [name for name, _ in response.headers if name not in ("Via", "From", "To")] == [
                "Call-ID", "CSeq", "WWW-Authenticate", "Server", "Content-Length",
            ]  # fmt: skip
        assert bindings(server) == []
        assert_stateless(server)


async def authorize(phone: Phone, expires: int = 60):
    """A REGISTER with credentials made by hand, and those credentials."""
    request = phone.create_request("REGISTER", phone.uri(), phone.uri(phone.user))
    request.add_header("Expires", str(expires))
    response = await phone.exchange(request)
    (challenge,) = challenges(response)
    digest = ClientSession(challenge, phone.user, ha1(phone.user, challenge.realm, phone.password, "MD5"), "cnonce")
    return str(digest.authorize("REGISTER", str(phone.uri()), b"")), digest


async def send_with(phone: Phone, credentials: str):
    request = phone.create_request("REGISTER", phone.uri(), phone.uri(phone.user))
    request.add_header("Expires", "60")
    request.remove_header("Authorization")
    request.add_header("Authorization", credentials)
    return await phone.exchange(request)


async def test_replayed_credentials_are_stale():
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        credentials, digest = await authorize(alice)
        assert (await send_with(alice, credentials)).status == 200
        await alice.unregister()
        replayed = await send_with(alice, credentials)
        assert replayed.status == 401
        assert challenges(replayed)[0].stale
        assert bindings(server) == []
        # The same nonce goes on with the next count.
        assert (await send_with(alice, str(digest.authorize("REGISTER", str(alice.uri()), b"")))).status == 200


async def test_an_expired_nonce_is_stale():
    async with registrar() as server, Phone("hasty", server, "hastypw") as hasty:
        credentials, _ = await authorize(hasty)
        await asyncio.sleep(1.1)  # its lifetime is one second
        response = await send_with(hasty, credentials)
        assert response.status == 401
        assert challenges(response)[0].stale
        assert not server.sip.location.contacts("hasty")
        assert_stateless(server)


async def test_a_nonce_of_before_the_restart_is_stale(tmp_path):
    async with running_server(CONFIG, tmp_path) as server, Phone("bob", server, "bobpw") as bob:
        credentials, _ = await authorize(bob)
    async with running_server(CONFIG, tmp_path) as server, Phone("bob", server, "bobpw") as bob:
        response = await send_with(bob, credentials)
        assert response.status == 401
        assert bindings(server) == []


@pytest.mark.parametrize(
    ("user", "aor", "status"),
    [("alice", "bob", 404), ("alice", "nosuchaor", 404), ("homeless", "homeless", 403)],
    ids=["another's", "no such", "none of its own"],
)
async def test_addresses_that_are_not_the_endpoint_s(user, aor, status):
    async with registrar() as server, Phone(user, server, f"{user}pw") as phone:
        assert (await phone.try_register(60, aor=aor)).status == status
        assert bindings(server) == []


@pytest.mark.parametrize(
    ("contact", "expires"),
    [
        ("*", "60"),
        ("*", ""),
        ("*, <sip:alice@127.0.0.1>", "0"),
        ("<sip:a@[bad>", "60"),
        ("<sip:alice@127.0.0.1", "60"),
        ("<sip:alice@127.0.0.1:99999>", "60"),
        ("<>", "60"),
        ("nonsense", "60"),
        ("<sip:alice@127.0.0.1>", "soon"),
        ("<sip:alice@127.0.0.1>, <sip:", "60"),
    ],
)
async def test_malformed_contacts_are_400_and_change_nothing(contact, expires):
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        await alice.register()
        before = bindings(server)
        request = alice.create_request("REGISTER", alice.uri(), alice.uri("alice"))
        request.set_header("Contact", contact)
        if expires:
            request.add_header("Expires", expires)
        assert (await alice.request(request)).status == 400
        assert bindings(server) == before


async def test_one_contact_too_many_is_refused_or_takes_the_place_of_the_oldest():
    async with registrar() as server, Phone("alice", server, "alicepw") as alice, Phone("bob", server, "bobpw") as bob:
        for number, status in ((1, 200), (2, 200), (3, 403)):
            request = alice.create_request("REGISTER", alice.uri(), alice.uri("alice"))
            request.set_header("Contact", f"<sip:alice-{number}@127.0.0.1:{alice.port}>")
            assert (await alice.request(request)).status == status
        assert bindings(server) == [f"sip:alice-{number}@127.0.0.1:{alice.port}" for number in (1, 2)]
        for number in (1, 2):
            request = bob.create_request("REGISTER", bob.uri(), bob.uri("bob"))
            request.set_header("Contact", f"<sip:bob-{number}@127.0.0.1:{bob.port}>")
            assert (await bob.request(request)).status == 200
        assert bindings(server)[2:] == [f"sip:bob-2@127.0.0.1:{bob.port}"]


@pytest.mark.parametrize(("asked", "granted"), [(1, 60), (99999, 3600), (300, 300)])
async def test_lifetimes_stay_within_the_aor_s_bounds(asked, granted):
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        response = await alice.register(asked)
        assert response.get("Expires") == str(granted)
        assert int(NameAddr.parse(response.get("Contact") or "").params["expires"] or 0) in (granted - 1, granted)


async def test_options_is_answered_without_a_transaction():
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        response = await alice.exchange(alice.create_request("OPTIONS", alice.uri()))
        assert response.status == 401
        assert_stateless(server)
        response = await alice.request(alice.create_request("OPTIONS", alice.uri()))
        assert response.status == 200
        for name in ("Allow", "Accept", "Supported"):
            assert response.get(name), name
        assert "INVITE" in (response.get("Allow") or "")
        assert_stateless(server)


async def test_hundreds_of_refusals_leave_no_trace():
    async with (
        registrar() as server,
        Phone("ghost", server, host="127.0.0.3") as ghost,
        Phone("alice", server, "wrong", host="127.0.0.4") as mallory,
        Phone("bob", server, "bobpw") as bob,
    ):
        before = idle_counts(server)
        for _ in range(150):
            assert (await ghost.exchange(ghost.create_request("REGISTER", ghost.uri()))).status == 401
            assert (await ghost.exchange(ghost.create_request("INVITE", ghost.uri("600")))).status == 401
            assert (await mallory.try_register()).status == 401
        assert all(count <= before[name] for name, count in idle_counts(server).items())
        assert_stateless(server)
        assert bindings(server) == []
        await bob.register()


async def test_a_source_that_only_fails_is_dropped_and_the_others_are_not():
    async with (
        registrar() as server,
        Phone("ghost", server, host="127.0.0.3") as ghost,
        Phone("bob", server, "bobpw") as bob,
    ):
        data = ghost.create_request("REGISTER", ghost.uri()).to_bytes()
        top = f"\r\nVia: SIP/2.0/UDP 127.0.0.3:{ghost.port};rport;branch=z9hG4bK%d\r\n".encode()

        def answers() -> list[bytes]:
            return [data for mark, data in ghost.wire.messages if mark == "<"]

        ghost.wire.send(data.replace(b"\r\n", top % 0, 1), ghost.server)  # type: ignore[attr-defined]
        await until(answers)
        # With a nonce that was sent to it the source has proved where it is; its credentials are wrong each time.
        (challenge,) = challenges(parse_message(answers()[0]))
        guesses = ClientSession(challenge, "bob", ha1("bob", challenge.realm, "guess"), "cnonce")
        for number in range(1, 601):
            header = f"\r\nAuthorization: {guesses.authorize('REGISTER', str(ghost.uri()))}".encode()
            ghost.wire.send(data.replace(b"\r\n", header + top % number, 1), ghost.server)  # type: ignore[attr-defined]
            if number % 25 == 0:
                await until(lambda: len(answers()) >= min(number, 501) + 1)  # noqa: B023
        await bob.register()
        answered = answers()
        assert len(answered) == 502
        assert all(b" 401 " in one[:20] for one in answered)


async def test_a_retransmitted_register_is_answered_the_same_and_bound_once():
    async with registrar() as server, Phone("alice", server, "alicepw") as alice:
        await alice.register()
        data = next(data for mark, data in reversed(alice.wire.messages) if mark == ">")
        replies = [data for mark, data in alice.wire.messages if mark == "<"]
        alice.wire.send(data, alice.server)  # type: ignore[attr-defined]
        await until(lambda: len([1 for mark, _ in alice.wire.messages if mark == "<"]) == len(replies) + 1)
        assert alice.wire.messages[-1][1] == replies[-1]
        assert len(bindings(server)) == 1
