"""Options of endpoints and of ``[global]`` that change what a call says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from call_steps import answered, dialing
from session_bench import Bench, MemoryFlow, on_bench, sdp, set_options

from asterism.applications.session.identity import EndpointProfile
from asterism.media.formats import FORMATS, G726_NON_STANDARD
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.party import PartyId
from asterism.sip.objects.codecs import CodecList
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.objects.system import SystemSettings
from asterism.stack.message import Request, Response
from asterism.stack.sdp import SessionDescription
from asterism.transport.settings import TransportSettings


def change(bench: Bench, name: str, **options: Any) -> None:
    """Set options of an endpoint, of ``[global]`` with an empty name."""
    data = bench.server.data
    item = data.get(Endpoint, name) if name else data.get(GlobalSettings, "global")
    set_options(item, **options)


def caller_channel(bench: Bench) -> Any:
    """Alice's channel."""
    return next(one for one in bench.server.pbx.channels if one.name.startswith("PJSIP/alice"))


def statuses(messages: list[Request | Response]) -> list[int]:
    """The provisional statuses after 100."""
    return [one.status for one in messages if isinstance(one, Response) and 100 < one.status < 200]


def ringing_after_progress(expected: list[int], **options: Any) -> Any:
    """A test: the dialplan shows progress, then ringing, and again."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "", **options)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def early(channel: Any) -> None:
            for condition in (Control.RINGING, Control.PROGRESS, Control.RINGING):
                channel.indicate(condition)
            await channel.answer()
            await channel.wait(99)

        alice.call("770")
        before = alice.messages
        await bench.until(lambda: any(isinstance(one, Response) and one.status == 200 for one in before()))
        found = statuses(before())
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)
        assert found == expected

    return test


test_a_180_after_a_183_is_kept_back = ringing_after_progress([180, 183])
test_a_180_after_a_183_is_sent_when_asked_for = ringing_after_progress(
    [180, 183, 180], allow_sending_180_after_183=True
)


def empty_reinvite(expected: list[str], **options: Any) -> Any:
    """A test: a re-INVITE without an offer, in a call of one codec."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "", **options)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(99)

        alice.call("770", body=sdp("8 101"))
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("INVITE", ok, 2)
        again = await alice.next(200)
        offer = SessionDescription.parse(again.body)
        assert offer.media[0].formats == expected
        # What is not answered is not used.
        alice.in_dialog("ACK", again, 2, body=sdp("0 101", version=2))
        session = next(iter(bench.server.media.sessions))
        wanted = "ulaw" if "0" in expected else "alaw"
        alice.in_dialog("BYE", ok, 3)
        if "0" in expected:
            assert session.format is FORMATS[wanted]

    return test


test_an_empty_reinvite_gets_every_codec = empty_reinvite(["0", "8", "9", "101"], all_codecs_on_empty_reinvite=True)


@on_bench
async def test_an_empty_reinvite_gets_the_codecs_agreed(bench: Bench) -> None:
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(99)

    alice.call("770", body=sdp("8 101"))
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("INVITE", ok, 2)
    again = await alice.next(200)
    assert SessionDescription.parse(again.body).media[0].formats == ["8", "101"]
    alice.in_dialog("ACK", again, 2, body=sdp("8 101", version=2))
    alice.in_dialog("BYE", ok, 3)


@on_bench
async def test_numbers_are_marked_as_telephone_numbers(bench: Bench) -> None:
    change(bench, "trunk", user_eq_phone=True, from_user="")
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/5551212@trunk", 5073)
    assert str(invite.uri) == "sip:5551212@127.0.0.1:5073;user=phone"
    assert invite.get("To") == "<sip:5551212@127.0.0.1;user=phone>"
    assert str(invite.from_.uri) == "sip:6001@pbx.example.test;user=phone"
    assert invite.get("P-Asserted-Identity") == '"Alice Example" <sip:6001@pbx.example.test;user=phone>'
    trunk.respond(invite, 486)
    await alice.next(486)


@on_bench
async def test_names_are_not_marked_as_telephone_numbers(bench: Bench) -> None:
    change(bench, "trunk", user_eq_phone=True)
    alice, trunk, invite, _ = await dialing(bench, "PJSIP/reception@trunk", 5073)
    assert str(invite.uri) == "sip:reception@127.0.0.1:5073"
    assert str(invite.from_.uri) == "sip:pbxuser@pbx.example.test"
    trunk.respond(invite, 486)
    await alice.next(486)


@pytest.mark.parametrize(
    ("own", "local_net", "expected"),
    [
        ("", (), "203.0.113.7"),
        ("", ("127.0.0.0/8",), "127.0.0.1"),
        ("192.0.2.5", (), "192.0.2.5"),
    ],
)
def test_descriptions_name_the_outside_address(tmp_path, own: str, local_net: tuple[str, ...], expected: str) -> None:
    from ipaddress import ip_network

    settings = TransportSettings(
        name="udp",
        protocol="udp",
        host="127.0.0.1",
        port=5060,
        external_media_host="203.0.113.7",
        local_nets=tuple(map(ip_network, local_net)),
    )

    @on_bench
    async def test(bench: Bench) -> None:
        bench.transports.transports["udp"] = SimpleNamespace(settings=settings, protocol="udp")
        change(bench, "bob", media_address=own)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        offer = SessionDescription.parse(invite.body)
        assert offer.connection.address == expected
        # Our socket has an address of ours all the same.
        assert {one.local[0] for one in bench.server.media.sessions} == {"127.0.0.1"}
        bob.respond(invite, 486)
        await alice.next(486)

    test(tmp_path)


@on_bench
async def test_a_diverted_call_says_by_whom(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)
    seen: list[str] = []

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        seen.append(channel.redirecting.from_.number)
        await channel.dial("PJSIP/bob", 40)

    diversion = 'Diversion: "Carol" <sip:6003@x>;reason=no-answer, <sip:6004@x>;reason=user-busy\r\n'
    alice.call("900", extra=diversion)
    invite = await bob.next("INVITE")
    assert seen == ["6003"]
    assert invite.get_all("Diversion") == [
        '"Carol" <sip:6003@127.0.0.1>;reason=no-answer',
        "<sip:6004@127.0.0.1>;reason=user-busy",
    ]
    bob.respond(invite, 486)
    await alice.next(486)


@on_bench
async def test_the_history_of_a_diverted_call(bench: Bench) -> None:
    change(bench, "bob", send_history_info=True, send_diversion=False)
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 40)

    diversion = 'Diversion: "Carol" <sip:6003@x>;reason=no-answer, <sip:6004@x>;reason=unconditional\r\n'
    alice.call("900", extra=diversion)
    invite = await bob.next("INVITE")
    assert invite.get("Diversion") is None
    assert invite.get_all("History-Info") == [
        "<sip:6004@127.0.0.1?Reason=SIP%3Bcause%3D302>;index=1",
        '"Carol" <sip:6003@127.0.0.1?Reason=SIP%3Bcause%3D408>;index=1.1',
        "<sip:bob@127.0.0.1:5072>;index=1.1.1",
    ]
    bob.respond(invite, 486)
    await alice.next(486)


MOVED = sdp().replace("31800", "31900")


def several_answers(options: dict[str, bool], system: dict[str, bool], tags: tuple[str, str], port: int) -> Any:
    """A test: a 183 and then another one with other media; ``port`` is where ours then go."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", **options)
        settings = bench.server.data.single(SystemSettings)
        set_options(settings, **system)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 183, body=sdp(), tag=tags[0])
        await alice.next(183)
        bob.respond(invite, 183, body=MOVED, tag=tags[1])
        rtp = next(one.media.port("audio") for one in bench.sessions.live if one.endpoint.id == "bob")
        assert rtp.remote == ("127.0.0.1", port)
        bob.respond(invite, 486, tag=tags[1])
        await alice.next(486)

    return test


BOTH = {"accept_multiple_sdp_answers": True}
test_the_first_answer_of_a_branch_counts = several_answers({}, {}, ("b1", "b1"), 31800)
test_the_endpoint_alone_does_not_let_answers_change = several_answers(BOTH, {}, ("b1", "b1"), 31800)
test_the_system_alone_does_not_let_answers_change = several_answers({}, BOTH, ("b1", "b1"), 31800)
test_answers_may_change = several_answers(BOTH, BOTH, ("b1", "b1"), 31900)
test_another_branch_takes_over = several_answers({}, {}, ("b1", "b2"), 31900)
NONE = {"follow_early_media_fork": False}
test_another_branch_does_not_take_over_by_endpoint = several_answers(NONE, {}, ("b1", "b2"), 31800)
test_another_branch_does_not_take_over_by_system = several_answers({}, NONE, ("b1", "b2"), 31800)


def final_answer(options: dict[str, bool], tag: str, port: int) -> Any:
    """A test: a 183, then a 200 with other media."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", **options)
        set_options(bench.server.data.single(SystemSettings), **options)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 183, body=sdp())
        await alice.next(183)
        bob.respond(invite, 200, body=MOVED, tag=tag)
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        rtp = next(one.media.port("audio") for one in bench.sessions.live if one.endpoint.id == "bob")
        assert rtp.remote == ("127.0.0.1", port)
        alice.in_dialog("BYE", ok, 2)
        bob.respond(await bob.next("BYE"), 200)

    return test


test_a_200_has_the_last_word = final_answer({}, "b1", 31900)
test_a_200_has_the_last_word_where_answers_may_change = final_answer(BOTH, "b1", 31900)
test_a_200_of_another_branch_has_its_own = final_answer({}, "b2", 31900)
test_a_200_of_another_branch_has_its_own_where_no_other_is_followed = final_answer(NONE, "b2", 31900)


@on_bench
async def test_channels_have_the_tenant_of_their_endpoint(bench: Bench) -> None:
    change(bench, "alice", tenantid="one")
    change(bench, "bob", tenantid="two")
    _ok, _, alice, bob = await answered(bench)
    found = {channel.device: channel.tenantid for channel in bench.server.pbx.channels}
    assert found == {"PJSIP/alice": "one", "PJSIP/bob": "two"}
    alice.in_dialog("BYE", _ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_a_diversion_is_not_told_to_who_does_not_want_it(bench: Bench) -> None:
    change(bench, "bob", send_diversion=False)
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 40)

    alice.call("900", extra="Diversion: <sip:6003@x>;reason=no-answer\r\n")
    invite = await bob.next("INVITE")
    assert invite.get("Diversion") is None
    bob.respond(invite, 486)
    await alice.next(486)


@on_bench
async def test_a_redirected_call_says_by_whom(bench: Bench) -> None:
    change(bench, "bob", redirect_method="uri_core")
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    other = bench.phone(5079)
    bob.receive(
        f"SIP/2.0 302 x\r\nVia: {invite.get('Via')}\r\nFrom: {invite.get('From')}\r\nTo: {invite.get('To')};tag=x\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: {invite.get('CSeq')}\r\n"
        "Contact: <sip:6003@127.0.0.1:5079>\r\nContent-Length: 0\r\n\r\n"
    )
    again = await other.next("INVITE")
    # As recorded.
    assert again.get("Diversion") == '"Bob Example" <sip:6002@127.0.0.1>;reason=unknown'
    other.respond(again, 486)
    await alice.next(486)


def connected_line(method: str, allow: str, expected: str) -> Any:
    """A test: after the answer the caller is connected to somebody else."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", send_pai=True, send_rpid=True, connected_line_method=method)
        alice, bob = bench.phone(5071), bench.phone(5072)

        @bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 20)

        alice.call("6002", extra=allow)
        invite = await bob.next("INVITE")
        bob.respond(invite, 200, body=sdp())
        await bob.next("ACK")
        ok = await alice.next(200)
        assert ok.get("P-Asserted-Identity") == '"Bob Example" <sip:6002@127.0.0.1>'
        session = next(one for one in bench.sessions.live if one.endpoint.id == "alice")
        session.peer_allows_update = "UPDATE" in allow
        channel = caller_channel(bench)
        # Before the ACK nothing can be sent: what counts is who it is when that has come.
        channel.set_connected(PartyId("6005", "Eve"))
        channel.set_connected(PartyId("6003", "Carol"))
        alice.in_dialog("ACK", ok, 1)
        told = await alice.next(expected)
        assert told.get("P-Asserted-Identity") == '"Carol" <sip:6003@127.0.0.1>'
        # As recorded: who is called by the one that is told, and an UPDATE without a description.
        expected_rpid = '"Carol" <sip:6003@127.0.0.1>;party=called;privacy=off;screen=no'
        assert told.get("Remote-Party-ID") == expected_rpid
        assert bool(told.body) == (expected == "INVITE")
        # Two more at once: the second is told when the first has been answered, the same again not at all.
        channel.set_connected(PartyId("6004", "Dave"))
        alice.respond(told, 200, body=sdp())
        told = await alice.next(expected)
        assert told.get("P-Asserted-Identity") == '"Dave" <sip:6004@127.0.0.1>'
        alice.respond(told, 200, body=sdp())
        channel.set_connected(PartyId("6004", "Dave"))
        alice.in_dialog("BYE", ok, 2)
        assert [one.method for one in alice.messages() if isinstance(one, Request) and one.method != "ACK"] == []
        bob.respond(await bob.next("BYE"), 200)

    return test


@on_bench
async def test_an_update_that_is_refused_becomes_a_re_invite(bench: Bench) -> None:
    """Also for the called phone, which hears who calls it now."""
    change(bench, "bob", send_rpid=True)
    ok, _, alice, bob = await answered(bench)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "bob")
    session.peer_allows_update = True
    session.channel.set_connected(PartyId("6003", "Carol"))
    told = await bob.next("UPDATE")
    assert told.get("Remote-Party-ID") == '"Carol" <sip:6003@127.0.0.1>;party=calling;privacy=off;screen=no'
    assert not told.body
    bob.respond(told, 501)
    again = await bob.next("INVITE")
    assert again.get("Remote-Party-ID") == told.get("Remote-Party-ID")
    assert again.body
    bob.respond(again, 200, body=sdp())
    await bob.next("ACK")
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_who_was_answered_before_hears_who_answers(bench: Bench) -> None:
    change(bench, "alice", send_pai=True)
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.answer()
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002")
    ok = await alice.next(200)
    assert ok.get("P-Asserted-Identity") is None
    alice.in_dialog("ACK", ok, 1)
    invite = await bob.next("INVITE")
    bob.respond(invite, 180)
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    told = await alice.next("INVITE")
    assert told.get("P-Asserted-Identity") == '"Bob Example" <sip:6002@127.0.0.1>'
    alice.respond(told, 200, body=sdp())
    await alice.next("ACK")
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)
    assert [one for one in alice.messages() if isinstance(one, Request)] == []


test_a_change_of_the_connected_party_by_reinvite = connected_line("invite", "", "INVITE")
test_a_change_of_the_connected_party_by_update = connected_line("update", "", "UPDATE")
test_an_update_where_the_peer_allows_it = connected_line("invite", "Allow: INVITE, ACK, BYE, UPDATE\r\n", "UPDATE")


@pytest.mark.parametrize("options", [{"send_connected_line": False}, {"send_pai": False}])
def test_who_does_not_want_changes_gets_none(tmp_path, options: dict[str, object]) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **{"send_pai": True, **options})
        ok, _, alice, bob = await answered(bench)
        caller_channel(bench).set_connected(PartyId("6003", "Carol"))
        alice.in_dialog("BYE", ok, 2)
        await alice.next(200)
        assert alice.messages() == []
        bob.respond(await bob.next("BYE"), 200)

    test(tmp_path)


def early_change(immediate: bool) -> Any:
    """A test: the connected party changes while it rings."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", send_rpid=True, rpid_immediate=immediate)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def ring(channel: Any) -> None:
            channel.indicate(Control.RINGING)
            channel.set_connected(PartyId("6003", "Carol"))
            channel.set_connected(PartyId("6003", "Carol"))
            try:
                await channel.answer()
                await channel.wait(99)
            except ChannelHangup:
                pass

        alice.call("770")
        await bench.until(lambda: any(isinstance(one, Response) and one.status == 200 for one in alice.messages()))
        found = [
            (one.status, "6003" in (one.get("Remote-Party-ID") or ""))
            for one in alice.messages()
            if isinstance(one, Response) and one.status > 100
        ]
        expected = [(180, False), (180, True)] if immediate else [(180, False)]
        assert found == [*expected, (200, True)]
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)

    return test


test_an_early_change_is_told_with_the_answer = early_change(False)
test_an_early_change_is_told_at_once_when_asked_for = early_change(True)


def contact_of_invites(expected: str, private: bool = False, **options: Any) -> Any:
    """A test: Alice (6001) calls Bob; the user part of the Contact that he is given."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "", **options)
        alice, bob = bench.phone(5071), bench.phone(5072)

        @bench.server.pbx.extension("internal", "900")
        async def dial(channel: Any) -> None:
            if private:
                channel.set_caller(PartyId("6001", "Alice", 0x23, 0x23))
            await channel.dial("PJSIP/bob", 40)

        alice.call("900")
        invite = await bob.next("INVITE")
        assert invite.get("Contact") == f"<sip:{expected}@127.0.0.1:5060>"
        bob.respond(invite, 486)
        await alice.next(486)

    return test


test_the_contact_of_a_call_has_the_default_user = contact_of_invites("asterisk")
test_the_contact_of_a_call_has_the_caller_s_number = contact_of_invites("6001", use_callerid_contact=True)
test_the_contact_of_a_call_keeps_a_withheld_number = contact_of_invites("anonymous", True, use_callerid_contact=True)
test_the_contact_of_a_withheld_number_is_anonymous = contact_of_invites("anonymous", True)


@on_bench
async def test_the_contact_of_a_call_over_ipv6_has_the_caller_s_number(bench: Bench) -> None:
    change(bench, "", use_callerid_contact=True)
    profile = EndpointProfile(bench.server.sip, bench.server.data.get(Endpoint, "bob"), bench.sessions)  # type: ignore[arg-type]
    flow = MemoryFlow(5072)
    flow.local, flow.remote = ("::1", 5060), ("::1", 5072)
    assert profile.uac_contact(PartyId("6001"), flow) == "<sip:6001@[::1]:5060>"
    assert profile.uac_contact(PartyId("60 01"), flow) == "<sip:60%2001@[::1]:5060>"


@on_bench
async def test_g726_32_is_packed_as_in_aal2_when_asked_for(bench: Bench) -> None:
    change(bench, "alice", g726_non_standard=True, allow=CodecList(("g726",)))
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(99)

    alice.call("770", body=sdp("97") + "a=rtpmap:97 G726-32/8000\r\n")
    ok = await alice.next(200)
    assert SessionDescription.parse(ok.body).media[0].attribute_all("rtpmap") == ["97 G726-32/8000"]
    alice.in_dialog("ACK", ok, 1)
    session = next(iter(bench.server.media.sessions))
    alice.in_dialog("BYE", ok, 2)
    assert session.format is G726_NON_STANDARD
