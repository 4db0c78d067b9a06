"""Whole calls through the stack, the driver and the dial plan."""

from __future__ import annotations

from typing import Any

from call_steps import answered, dialing
from session_bench import Bench, on_bench, sdp

from asterism.core.commands import CommandCall
from asterism.stack.message import Request, Response


@on_bench
async def test_two_party_call_and_caller_hangs_up(bench: Bench) -> None:
    ok, invite, alice, bob = await answered(bench)
    assert invite.uri.user == "bob"
    assert [name for name, _ in invite.headers] == [
        "Via", "From", "To", "Contact", "Call-ID", "CSeq", "Allow", "Supported", "Session-Expires", "Min-SE",
        "Max-Forwards", "User-Agent", "Content-Type", "Content-Length",
    ]  # fmt: skip
    assert invite.get("From").startswith('"Alice Example" <sip:6001@127.0.0.1>;tag=')
    assert invite.get("To") == "<sip:bob@127.0.0.1>"
    assert invite.get("Contact") == "<sip:asterisk@127.0.0.1:5060>"
    assert b"m=audio" in ok.body
    assert b"o=- 1000 3 IN IP4 127.0.0.1" in ok.body
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    bye = await bob.next("BYE")
    assert bye.get("Reason") == "Q.850;cause=16"
    bob.respond(bye, 200)
    await bench.until(lambda: bench.idle)
    assert not bench.server.media.sessions


@on_bench
async def test_called_party_hangs_up_with_a_reason(bench: Bench) -> None:
    _ok, invite, alice, bob = await answered(bench)
    bob.user = "bob"
    to = str(invite.from_)
    bob.request(
        "BYE", "sip:asterisk@127.0.0.1:5060", "bob", to, number=7, call=invite.call_id, tag="b1",
        extra='Reason: Q.850;cause=31;text="Normal, unspecified"\r\n',
    )  # fmt: skip
    await bob.next(200)
    bye = await alice.next("BYE")
    assert bye.get("Reason") == "Q.850;cause=31"
    alice.respond(bye, 200)


@on_bench
async def test_caller_cancels(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002")
    invite = await bob.next("INVITE")
    bob.respond(invite, 180)
    await alice.next(180)
    alice.cancel()
    assert (await alice.next(200)).cseq.method == "CANCEL"
    refused = await alice.next(487)
    assert refused.get("Reason") == "Q.850;cause=0"
    cancel = await bob.next("CANCEL")
    assert cancel.get("Reason") == "Q.850;cause=127"
    bob.respond(cancel, 200)
    bob.respond(invite, 487)
    await bob.next("ACK")


@on_bench
async def test_cancel_waits_for_a_provisional(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002")
    invite = await bob.next("INVITE")
    alice.cancel()
    await alice.next(487)
    assert not [m for m in bob.messages() if isinstance(m, Request) and m.method == "CANCEL"]
    bob.respond(invite, 180)
    await bob.next("CANCEL")
    # The answer was faster than the CANCEL: it is acknowledged and ended.
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_called_party_is_busy(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)
    causes: list[Any] = []

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        result = await channel.dial("PJSIP/bob", 20)
        causes.append(result)

    alice.call("6002")
    invite = await bob.next("INVITE")
    bob.respond(invite, 486, "Busy Here")
    await bob.next("ACK")
    assert (await alice.next(486)).get("Reason") == "Q.850;cause=17"
    assert len(causes) == 1
    alice.request("ACK", "sip:6002@127.0.0.1", "alice", "<sip:6002@127.0.0.1>;tag=x", branch=alice.branch)


@on_bench
async def test_delayed_offer(bench: Bench) -> None:
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(60)

    alice.call("770", body="")
    ok = await alice.next(200)
    assert b"RTP/AVP 0 8 9 101\r\n" in ok.body
    alice.in_dialog("ACK", ok, 1, body=sdp("8 101"))
    (session,) = bench.sessions.live
    assert session.media.port("audio").format.name == "alaw"
    assert session.media.port("audio").remote == ("127.0.0.1", 31800)
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)


@on_bench
async def test_hold_and_in_dialog_requests(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2, body=sdp(direction="sendonly", version=2))
    held = await alice.next(200)
    assert held.body.endswith(b"a=recvonly\r\n")
    assert b"o=- 1000 4 IN" in held.body
    alice.in_dialog("ACK", ok, 2)
    alice.in_dialog("INVITE", ok, 3, body=sdp(version=3))
    resumed = await alice.next(200)
    assert resumed.body.endswith(b"a=sendrecv\r\n")
    assert b"o=- 1000 5 IN" in resumed.body
    alice.in_dialog("ACK", ok, 3)
    alice.in_dialog("UPDATE", ok, 4, body=sdp(version=9))
    assert b"o=- 1000 5 IN" in (await alice.next(200)).body
    alice.in_dialog("OPTIONS", ok, 5)
    assert (await alice.next(200)).get("Accept-Encoding") == "identity"
    alice.in_dialog("INFO", ok, 6, body="Signal=5\r\nDuration=100\r\n", content_type="application/dtmf-relay")
    assert (await alice.next(200)).cseq.method == "INFO"
    alice.in_dialog("INFO", ok, 7, body="x", content_type="text/bogus")
    await alice.next(415)
    alice.in_dialog("UPDATE", ok, 8, body="x", content_type="text/bogus")
    assert (await alice.next(415)).get("Accept") == "application/sdp"
    alice.in_dialog("INVITE", ok, 9, body=sdp("18"))
    refused_offer = await alice.next(488)
    assert refused_offer.get("Warning") == '390 SIP "No SDP answer"'
    assert refused_offer.get("Reason") == "Q.850;cause=0"
    alice.in_dialog("BYE", ok, 10)
    await alice.next(200)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_no_ack_ends_the_call(bench: Bench) -> None:
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(3600)

    alice.call("770")
    await alice.next(200)
    bench.advance(33)
    await alice.next(200)
    bye = await alice.next("BYE")
    alice.respond(bye, 200)


@on_bench
async def test_forked_answers(bench: Bench) -> None:
    ok, invite, alice, bob = await answered(bench)
    bob.respond(invite, 200, body=sdp(), tag="other")
    ack = await bob.next("ACK")
    bye = await bob.next("BYE")
    assert ack.to.tag == bye.to.tag == "other"
    bob.respond(bye, 200)
    bob.respond(invite, 200, body=sdp())
    assert (await bob.next("ACK")).to.tag == "b1"
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_trunk_identity_and_user_at_endpoint(bench: Bench) -> None:
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/5551212@trunk", 5073)
    assert str(invite.uri) == "sip:5551212@127.0.0.1:5073"
    assert invite.get("From").startswith("<sip:pbxuser@pbx.example.test>;tag=") or '"Alice' in invite.get("From")
    assert invite.from_.uri.user == "pbxuser"
    assert invite.get("To") == "<sip:5551212@127.0.0.1>"
    assert invite.get("Contact") == "<sip:pbxuser@127.0.0.1:5060>"
    assert invite.get("P-Asserted-Identity") == '"Alice Example" <sip:6001@pbx.example.test>'
    names = [name for name, _ in invite.headers]
    assert names.index("Min-SE") < names.index("P-Asserted-Identity") < names.index("Max-Forwards")
    alice.cancel()
    trunk.respond(invite, 100)
    trunk.respond(await trunk.next("CANCEL"), 200)
    trunk.respond(invite, 487)


@on_bench
async def test_redirect_inside_the_driver(bench: Bench) -> None:
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/1@trunk", 5073)
    trunk.respond(invite, 302, extra="Contact: <sip:2@127.0.0.1:5079>\r\n", contact=False)
    await trunk.next("ACK")
    other = bench.phone(5079)
    again = await other.next("INVITE")
    assert str(again.uri) == "sip:2@127.0.0.1:5079"
    other.respond(again, 486)
    await other.next("ACK")
    await alice.next(486)


@on_bench
async def test_redirect_without_contact_is_refused(bench: Bench) -> None:
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/1@trunk", 5073)
    trunk.respond(invite, 302, contact=False)
    await trunk.next("ACK")
    await bench.until(lambda: [m for m in alice.messages() if isinstance(m, Response) and m.status >= 400])


@on_bench
async def test_reliable_provisional_of_the_called_one(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    assert "100rel" in invite.get("Supported")
    bob.respond(invite, 183, body=sdp(), extra="Require: 100rel\r\nRSeq: 17\r\n")
    prack = await bob.next("PRACK")
    assert prack.get("RAck") == f"17 {invite.cseq.number} INVITE"
    bob.respond(prack, 200)
    assert b"m=audio" in (await alice.next(183)).body
    bob.respond(invite, 200)
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_caller_requires_reliable_provisionals(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002", extra="Require: 100rel\r\n")
    invite = await bob.next("INVITE")
    bob.respond(invite, 180)
    ringing = await alice.next(180)
    assert ringing.get("Require") == "100rel"
    bench.advance(0.6)
    assert (await alice.next(180)).get("RSeq") == ringing.get("RSeq")
    alice.in_dialog("PRACK", ringing, 2, extra=f"RAck: {ringing.get('RSeq')} 1 INVITE\r\n")
    await alice.next(200)
    alice.in_dialog("PRACK", ringing, 3, extra="RAck: 1 1 INVITE\r\n")
    await alice.next(481)
    alice.cancel()
    await alice.next(487)
    bob.respond(await bob.next("CANCEL"), 200)
    bob.respond(invite, 487)


@on_bench
async def test_session_timer_refreshes_and_expires(bench: Bench) -> None:
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(9999)

    alice.call("770", extra="Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n")
    ok = await alice.next(200)
    assert ok.get("Session-Expires") == "1800;refresher=uas"
    assert not ok.has("Require")
    alice.in_dialog("ACK", ok, 1)
    bench.advance(901)
    refresh = await alice.next("INVITE")
    assert refresh.get("Session-Expires") == "1800;refresher=uac"
    alice.respond(refresh, 200, body=sdp(), extra="Session-Expires: 1800;refresher=uas\r\n")
    await alice.next("ACK")
    # From now on the phone refreshes; it does not.
    bench.advance(1790)
    alice.respond(await alice.next("BYE"), 200)


@on_bench
async def test_the_session_timer_ends_with_the_call(bench: Bench) -> None:
    alice = bench.phone(5071)
    before = len(bench.timers)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(9999)

    alice.call("770", extra="Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    await bench.until(lambda: bench.idle)
    bench.advance(64)  # all of the transactions' timers
    assert len(bench.timers) == before


@on_bench
async def test_unanswered_invite_times_out(bench: Bench) -> None:
    alice, _, _, _ = await dialing(bench, "PJSIP/bob", 5072)
    bench.advance(33)
    assert (await alice.next(408)).get("Reason") == "Q.850;cause=18"


@on_bench
async def test_broken_way_is_503(bench: Bench) -> None:
    alice, bob, _, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.flow.failed(ConnectionRefusedError())
    bench.advance(0.01)
    assert (await alice.next(503)).get("Reason") == "Q.850;cause=34"


@on_bench
async def test_remote_party_id(bench: Bench) -> None:
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/anon", 5074)
    assert invite.get("From").startswith('"Alice Example" <sip:6001@127.0.0.1>')
    assert invite.get("Remote-Party-ID") == '"Alice Example" <sip:6001@127.0.0.1>;party=calling;privacy=off;screen=no'
    trunk.respond(invite, 603)
    assert (await alice.next(403)).get("Reason") == "Q.850;cause=21"


@on_bench
async def test_challenged_invite_is_sent_again_with_credentials(bench: Bench) -> None:
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/1@trunk", 5073)
    trunk.respond(invite, 407, extra='Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n', contact=False)
    await trunk.next("ACK")
    again = await trunk.next("INVITE")
    assert again.cseq.number == invite.cseq.number + 1
    assert again.call_id == invite.call_id
    assert 'username="trunkuser"' in again.get("Proxy-Authorization")
    assert again.body == invite.body
    trunk.respond(again, 200, body=sdp("8 101"))
    ack = await trunk.next("ACK")
    assert ack.cseq.number == again.cseq.number
    assert ack.has("Proxy-Authorization")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    bye = await trunk.next("BYE")
    assert bye.cseq.number == again.cseq.number + 1
    trunk.respond(bye, 200)


@on_bench
async def test_busy_sip_dialog_glare(bench: Bench) -> None:
    ok, _, alice, bob = await answered(bench)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "alice")
    session.refresh()
    ours = await alice.next("INVITE")
    alice.in_dialog("INVITE", ok, 2, body=sdp(version=2))
    await alice.next(491)
    alice.respond(ours, 491)
    alice.in_dialog("INVITE", ok, 3, body=sdp(version=2))
    await alice.next(200)
    alice.in_dialog("ACK", ok, 3)
    alice.in_dialog("BYE", ok, 4)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_console_listings(bench: Bench) -> None:
    run = {entry.name: entry.item.run for entry in bench.server.commands}
    none = run["pjsip show channels"](CommandCall([], print))
    assert none == "No objects found.\n\n"
    ok, _, alice, bob = await answered(bench)
    shown = run["pjsip show channels"](CommandCall([], print)).split("\n")
    assert shown[1] == "  Channel:  <ChannelId........................................>  <State.....>  <Time.....>"
    assert shown[5].startswith("  Channel: PJSIP/alice-")
    assert shown[5].index("Up") == 65
    assert shown[-4:] == ["", "Objects found: 2", "", ""]
    stats = run["pjsip show channelstats"](CommandCall([], print)).split("\n")
    assert " ulaw        0       0    0   0.000      0       0    0   0.000   0.000" in stats[5]
    assert run["pjsip show channel"](CommandCall(["nosuch"], print)) == "Unable to find object nosuch.\n\n"
    listed = run["pjsip list channels"](CommandCall(["like", "bob"], print))
    assert listed.endswith("\nObjects found: 1\n\n")
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_channel_items_and_functions(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)
    seen: dict[str, str] = {}

    @bench.server.pbx.extension("internal", "770")
    async def look(channel: Any) -> None:
        expand = bench.server.pbx.dialplan.expand
        for text in (
            "${PJSIP_HEADER(read,X-Colour)}", "${PJSIP_HEADERS(X-)}", "${DEPT}",
            "${SIPDOMAIN}", "${PJSIP_DIAL_CONTACTS(bob)}", "${PJSIP_DIAL_CONTACTS(lonely)}",
            "${PJSIP_PARSE_URI(sip:u@h:5099,port)}", "${PJSIP_ENDPOINT(trunk,from_user)}",
            "${PJSIP_AOR(bob,max_contacts)}",
        ):  # fmt: skip
            seen[text] = expand(text, channel)
        for item in ("pjsip,call-id", "endpoint", "pjsip,remote_addr", "rtp,secure", "bogus"):
            seen[item] = channel.driver.channel_item(item)
        channel.set_variable("X", "1")
        await bench.server.pbx.applications.get("PJSIPHangup")(channel, "437")

    alice.call("770", extra="X-Colour: blue\r\n")
    assert (await alice.next(437)).has("Reason")
    assert list(seen.values()) == [
        "blue", "X-Colour", "sales", "127.0.0.1", "PJSIP/bob/sip:bob@127.0.0.1:5072", "", "5099", "pbxuser", "0",
        "call-5071", "alice", "127.0.0.1:5071", "", None,
    ]  # fmt: skip
    assert not bob.messages()


@on_bench
async def test_another_branch_answers_with_another_codec(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 183, body=sdp("0"), tag="first")
    await alice.next(183)
    bob.respond(invite, 200, body=sdp("8 101"), tag="second")
    assert (await bob.next("ACK")).to.tag == "second"
    ok = await alice.next(200)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "bob")
    assert [one.name for one in session.media.port("audio").formats] == ["alaw"]
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    bye = await bob.next("BYE")
    assert bye.to.tag == "second"
    bob.respond(bye, 200)


@on_bench
async def test_a_branch_that_answers_when_the_call_is_over_is_ended(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 200, body=sdp("0 101"), tag="first")
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)
    await bench.until(lambda: bench.idle)

    bob.respond(invite, 200, body=sdp("0 101"), tag="second")
    ack = await bob.next("ACK")
    bye = await bob.next("BYE")
    assert ack.to.tag == bye.to.tag == "second"
    assert bye.cseq.number == invite.cseq.number + 1
    assert bye.get_all("Reason") == ["Q.850;cause=16"]
    assert bench.idle
    bob.respond(bye, 200)


@on_bench
async def test_hold_is_passed_through(bench: Bench) -> None:
    alice, called, invite, _ = await dialing(bench, "PJSIP/passing", 5076)
    called.respond(invite, 200, body=sdp("0 101"))
    await called.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("INVITE", ok, 2, body=sdp(direction="sendonly", version=2))
    await alice.next(200)
    alice.in_dialog("ACK", ok, 2)
    held = await called.next("INVITE")
    assert held.body.endswith(b"a=sendonly\r\n")
    called.respond(held, 200, body=sdp("0 101", direction="recvonly", version=2))
    await called.next("ACK")
    alice.in_dialog("INVITE", ok, 3, body=sdp(version=3))
    alice.in_dialog("ACK", ok, 3)
    resumed = await called.next("INVITE")
    assert resumed.body.endswith(b"a=sendrecv\r\n")
    called.respond(resumed, 200, body=sdp("0 101", version=3))
    await called.next("ACK")
    alice.in_dialog("BYE", ok, 4)
    called.respond(await called.next("BYE"), 200)


@on_bench
async def test_text_within_a_call(bench: Bench) -> None:
    ok, _, alice, bob = await answered(bench)
    alice.in_dialog("MESSAGE", ok, 2, body="in dialog hello", content_type="text/plain")
    await alice.next(202)
    text = await bob.next("MESSAGE")
    assert (text.get("Content-Type"), text.body) == ("text/plain", b"in dialog hello")
    bob.respond(text, 200)
    alice.in_dialog("MESSAGE", ok, 3, body="<x/>", content_type="text/html")
    await alice.next(415)
    alice.in_dialog("BYE", ok, 4)
    bob.respond(await bob.next("BYE"), 200)
