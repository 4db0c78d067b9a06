"""Options of endpoints that concern the transport of media."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from secure_phone import call, echo, wait_for
from session_bench import Bench, on_bench, set_options

from asterism.media.transports import dtls
from asterism.media.transports.protection import State
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.sdp import SessionDescription

DIGEST = ":".join(["AB"] * 32)
HEAD = "v=0\r\no=ua 1000 1 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"


def described(protocol: str, *lines: str) -> str:
    return HEAD + "\r\n".join([f"m=audio 31800 {protocol} 0", "a=rtpmap:0 PCMU/8000", *lines]) + "\r\n"


def change(bench: Bench, name: str, **options: Any) -> None:
    endpoint = bench.server.data.get(Endpoint, name)
    assert isinstance(endpoint, Endpoint)
    set_options(endpoint, **options)
    endpoint.validate(frozenset(options))


async def offered(bench: Bench) -> str:
    """What Bob is offered."""
    bob = bench.phone(5072)
    task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
    invite = await bob.next("INVITE")
    bob.respond(invite, 486)
    await task
    return invite.body.decode()


async def answered(bench: Bench, body: str) -> int:
    """How an offer of Alice is answered: the status."""

    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()
        await channel.hangup()

    alice = bench.phone(5071)
    alice.call("700", body=body)
    for _ in range(500):
        for message in alice.messages():
            status = getattr(message, "status", 0)
            if status == 200:
                alice.read = len(alice.flow.sent)
                alice.in_dialog("ACK", message, 1)  # type: ignore[arg-type]
                alice.respond(await alice.next("BYE"), 200)
            if status >= 200:
                return int(status)
        await asyncio.sleep(0)
    raise AssertionError("no final response")


@on_bench
async def test_force_avp_offers_dtls_without_its_own_profile(bench: Bench) -> None:
    change(bench, "bob", media_encryption="dtls", force_avp="yes")
    text = await offered(bench)
    assert " RTP/SAVP 0" in text
    assert "a=fingerprint:SHA-256 " in text


@on_bench
async def test_the_profile_of_an_offer_is_taken_as_it_is(bench: Bench) -> None:
    change(bench, "alice", media_encryption="dtls", media_use_received_transport="yes")
    body = described("RTP/SAVPF", f"a=fingerprint:SHA-256 {DIGEST}", "a=setup:actpass")
    assert await answered(bench, body) == 200


@on_bench
async def test_suites_are_offered_in_the_order_of_the_option(bench: Bench) -> None:
    change(bench, "bob", media_encryption="sdes", srtp_suites=("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"))
    lines = [line.split()[:2] for line in (await offered(bench)).split("\r\n") if line.startswith("a=crypto")]
    assert lines == [["a=crypto:1", "AEAD_AES_256_GCM"], ["a=crypto:2", "AES_CM_128_HMAC_SHA1_80"]]


@on_bench
async def test_a_dtls_association_has_a_name_where_the_peers_offer_gives_it_one(bench: Bench) -> None:
    """``a=tls-id`` (RFC 8842 5): ours stays with the association, and another one has another."""
    change(bench, "alice", media_encryption="dtls")
    echo(bench)
    alice = bench.phone(5071)
    lines = f"a=fingerprint:SHA-256 {DIGEST}", "a=setup:actpass"
    first, other = (f"a=tls-id:{one * 20}" for one in "xy")
    names: list[tuple[str | None, str | None]] = []
    ok = await call(alice, "700", described("UDP/TLS/RTP/SAVP", *lines, first))
    answers = [ok]
    for number, name in enumerate((first, other, other, ""), 2):
        offer = described("UDP/TLS/RTP/SAVP", *lines, *([name] if name else [])).replace("1000 1 ", f"1000 {number} ")
        alice.in_dialog("INVITE", ok, number, body=offer)
        answers.append(await wait_for(alice, 200))
        alice.in_dialog("ACK", ok, number)
    for answer in answers:
        (section,) = SessionDescription.parse(answer.body).media
        names.append((section.attribute("connection"), section.attribute("tls-id")))
    one, two = names[0][1], names[2][1]
    assert one is not None
    assert two is not None
    assert len({one, two, "x" * 20, "y" * 20}) == 4
    assert min(len(one), len(two)) >= 20
    assert names == [("new", one), ("existing", one), ("new", two), ("existing", two), ("existing", None)]
    alice.in_dialog("BYE", ok, 9)
    await alice.next(200)


@on_bench
async def test_our_offer_names_a_dtls_association_as_before(bench: Bench) -> None:
    change(bench, "alice", media_encryption="dtls")
    channels = echo(bench)
    alice = bench.phone(5071)
    lines = f"a=fingerprint:SHA-256 {DIGEST}", "a=setup:active", f"a=tls-id:{'x' * 20}"
    ok = await call(alice, "700", described("UDP/TLS/RTP/SAVP", *lines))
    channels[0].driver.session.refresh("INVITE")
    offer = await wait_for(alice, "INVITE")
    before, now = (SessionDescription.parse(one.body).media[0] for one in (ok, offer))
    assert (now.attribute("tls-id"), now.attribute("connection")) == (before.attribute("tls-id"), "existing")
    alice.respond(offer, 200, body=described("UDP/TLS/RTP/SAVP", *lines))
    await wait_for(alice, "ACK")
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)


@on_bench
async def test_what_is_to_be_encrypted_later_does_not_go_on_in_the_clear(bench: Bench) -> None:
    """``a=setup:holdconn`` in a call that began in the clear (RFC 4145 4)."""
    change(bench, "alice", media_encryption="dtls", media_encryption_optimistic=True, rtcp_mux=True)
    echo(bench)
    alice = bench.phone(5071)
    ok = await call(alice, "700", described("RTP/AVP", "a=rtcp-mux"))
    assert [one.state for one in bench.server.media.transports] == [State.PLAIN]
    later = described("UDP/TLS/RTP/SAVP", f"a=fingerprint:SHA-256 {DIGEST}", "a=setup:holdconn", "a=rtcp-mux")
    alice.in_dialog("INVITE", ok, 2, body=later.replace("1000 1 ", "1000 2 "))
    again = await wait_for(alice, 200)
    alice.in_dialog("ACK", ok, 2)
    assert b"UDP/TLS/RTP/SAVP 0" in again.body
    assert [one.state for one in bench.server.media.transports] == [State.WAITING]
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


@pytest.mark.parametrize(
    ("option", "value", "field", "wanted"),
    [
        ("dtls_verify", "yes", "verify", "yes"),
        ("dtls_rekey", "60", "rekey", 60),
        ("dtls_auto_generate_cert", "yes", "auto_generate", True),
        ("dtls_cert_file", "/etc/cert.pem", "cert_file", "/etc/cert.pem"),
        ("dtls_private_key", "/etc/key.pem", "private_key", "/etc/key.pem"),
        ("dtls_cipher", "ECDHE+AESGCM", "cipher", "ECDHE+AESGCM"),
        ("dtls_ca_file", "/etc/ca.pem", "ca_file", "/etc/ca.pem"),
        ("dtls_ca_path", "/etc/ca", "ca_path", "/etc/ca"),
        ("dtls_fingerprint", "SHA-1", "fingerprint", "sha-1"),
        ("srtp_suites", ("AEAD_AES_128_GCM",), "suites", ("AEAD_AES_128_GCM",)),
    ],
)
def test_an_option_of_dtls_reaches_its_agents(
    option: str, value: object, field: str, wanted: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def made(server: object, settings: Any) -> Any:
        seen.append(settings)
        raise ValueError("enough was seen")

    monkeypatch.setattr(dtls, "dtls_agents", made)

    @on_bench
    async def test(bench: Bench) -> None:
        bench.server.media.use(replace(bench.server.media.settings, dtls_mtu=300))
        change(bench, "bob", media_encryption="dtls", **{option: value})
        found = await originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900"))
        assert found.channel is None
        assert getattr(seen[0], field) == wanted
        assert seen[0].mtu == 300

    test(tmp_path)
