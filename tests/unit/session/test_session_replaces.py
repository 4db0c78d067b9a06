"""INVITE with Replaces (RFC 3891): which dialog it names, who may replace it, and what becomes of both calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from call_steps import answered, dialing
from session_bench import Bench, Identify, Phone, on_bench, sdp, set_options

from asterism.applications.session.replaces import find, read
from asterism.pbx.vocabulary import events
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.headers import Replaces
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri


def replaces_of(invite: Request, tag: str = "b1", more: str = "") -> str:
    """What another phone writes to replace the dialog of an INVITE of ours, in which the phone's tag is ``tag``."""
    return f"Replaces: {invite.call_id};to-tag={invite.from_.tag};from-tag={tag}{more}\r\n"


async def ringing(bench: Bench) -> tuple[Phone, Phone, Request, list[Any]]:
    """Alice calls Bob, whose phone rings."""
    alice, bob, invite, results = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 180)
    await alice.next(180)
    return alice, bob, invite, results


def carol_calls(bench: Bench, extra: str, **more: Any) -> Phone:
    carol = bench.phone(5074)
    carol.call("6002", user="anon", extra=extra, **more)
    return carol


async def final(phone: Phone) -> Response:
    for _ in range(500):
        for message in phone.messages():
            if isinstance(message, Response) and message.status >= 200:
                to = message.get("To") or ""
                phone.request("ACK", "sip:6002@127.0.0.1", phone.user, to, branch=phone.branch)
                return message
        await asyncio.sleep(0)
    raise AssertionError("no final response")


async def cancelled(bob: Phone, invite: Request) -> Request:
    cancel = await bob.next("CANCEL")
    bob.respond(cancel, 200)
    bob.respond(invite, 487)
    await bob.next("ACK")
    return cancel


@pytest.mark.parametrize("more", ["", ";early-only"])
def test_a_call_that_rings_is_answered_by_the_one_that_replaces_it(more: str, tmp_path: Any) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        alice, bob, invite, _results = await ringing(bench)
        carol = carol_calls(bench, replaces_of(invite, more=more) + "Require: replaces\r\n")
        assert (await carol.next(100)).to.tag is None
        ok = await carol.next(200)
        carol.in_dialog("ACK", ok, 1)
        assert "replaces" in (ok.get("Supported") or "").split(", ")
        heard = await alice.next(200)
        alice.in_dialog("ACK", heard, 1)
        cancel = await cancelled(bob, invite)
        assert cancel.get_all("Reason") == ["Q.850;cause=0"]
        channels = {each.name[:10]: each for each in bench.server.pbx.channels}
        assert set(channels) == {"PJSIP/alic", "PJSIP/anon"}
        assert channels["PJSIP/alic"].bridge is channels["PJSIP/anon"].bridge is not None
        assert channels["PJSIP/alic"].connected.number == channels["PJSIP/anon"].caller.number
        alice.in_dialog("BYE", heard, 2)
        carol.respond(await carol.next("BYE"), 200)
        assert channels["PJSIP/alic"].get_variable("DIALSTATUS") == "ANSWER"

    scenario(tmp_path)


@on_bench
async def test_in_an_answered_call_it_takes_the_place_of_who_was_called(bench: Bench) -> None:
    ok, invite, alice, bob = await answered(bench)
    carol = carol_calls(bench, replaces_of(invite))
    mine = await carol.next(200)
    carol.in_dialog("ACK", mine, 1)
    bye = await bob.next("BYE")
    assert bye.get_all("Reason") == ["Q.850;cause=16"]
    bob.respond(bye, 200)
    assert not [one for one in alice.messages() if isinstance(one, Request) and one.method == "BYE"]
    channels = {each.name[:10]: each for each in bench.server.pbx.channels}
    one, other = channels["PJSIP/alic"], channels["PJSIP/anon"]
    assert one.bridge is other.bridge is not None
    assert (one.connected.number, other.connected.number) == (other.caller.number, one.caller.number)
    carol.in_dialog("BYE", mine, 2)
    alice.respond(await alice.next("BYE"), 200)
    assert ok.status == 200


@on_bench
async def test_in_an_answered_call_it_takes_the_place_of_the_caller(bench: Bench) -> None:
    ok, invite, alice, bob = await answered(bench)
    carol = carol_calls(bench, f"Replaces: {ok.call_id};to-tag={ok.to.tag};from-tag={ok.from_.tag}\r\n")
    mine = await carol.next(200)
    carol.in_dialog("ACK", mine, 1)
    bye = await alice.next("BYE")
    assert bye.get_all("Reason") == ["Q.850;cause=16"]
    alice.respond(bye, 200)
    await bench.turn()
    names = sorted(each.name[:9] for each in bench.server.pbx.channels)
    assert names == ["PJSIP/ano", "PJSIP/bob"]
    carol.in_dialog("BYE", mine, 2)
    bob.respond(await bob.next("BYE"), 200)
    assert invite.method == "INVITE"


@on_bench
async def test_codes_of_replaces_that_name_no_dialog_to_be_replaced(bench: Bench) -> None:
    """RFC 3891 3; each leaves the call alone."""
    ok, invite, alice, bob = await answered(bench)
    call_id, ours = invite.call_id, invite.from_.tag
    for extra, status in (
        (f"Replaces: {call_id};to-tag=b1;from-tag={ours}\r\n", 481),  # the wrong way round
        (f"Replaces: x{call_id};to-tag={ours};from-tag=b1\r\n", 481),
        (replaces_of(invite, tag="b2"), 481),
        (replaces_of(invite, tag="0"), 481),
        (replaces_of(invite, more=";early-only"), 486),
        (replaces_of(invite) + replaces_of(invite), 400),
        (f"Replaces: {call_id};to-tag={ours}\r\n", 400),
        (f"Replaces: {call_id};from-tag={ours}\r\n", 400),
        (f"Replaces: {call_id};to-tag={ours};to-tag=x;from-tag=b1\r\n", 400),
        ("Replaces: \r\n", 400),
        ("Replaces: ;to-tag=a;from-tag=b\r\n", 400),
        (f"Replaces: {call_id};to-tag={ours};from-tag=b1,{call_id};to-tag={ours};from-tag=b1\r\n", 400),
        (f"Replaces: {'a' * 8000};to-tag={ours};from-tag=b1\r\n", 481),
        (f"Replaces: {call_id}\0;to-tag={ours};from-tag=b1\r\n", 400),
    ):
        carol = carol_calls(bench, extra, call=f"c{next(bench.numbers)}")
        carol.read = len(carol.flow.sent) - len(carol.messages()[-1:])
        response = await final(carol)
        assert response.status == status, (extra, response.start_line())
        carol.read = len(carol.flow.sent)
        await bench.turn()
        assert len(bench.server.pbx.channels) == 2
    assert not bob.messages()
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_an_unknown_dialog_is_refused_as_recorded(bench: Bench) -> None:
    """100, then 481 with a Reason; a channel that came and went."""
    names: list[str] = []
    for event in (events.NEWCHANNEL, events.HANGUP):
        bench.server.subscribe(event, lambda kind, _published: names.append(kind.name))
    carol = carol_calls(bench, "Replaces: no;to-tag=a;from-tag=b\r\n")
    await carol.next(100)
    response = await final(carol)
    assert (response.status, response.get_all("Reason")) == (481, ["Q.850;cause=0"])
    await bench.turn()
    assert names == ["Newchannel", "Hangup"]


@on_bench
async def test_a_dialog_that_is_over_is_declined(bench: Bench) -> None:
    ok, invite, alice, bob = await answered(bench)
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)
    await bench.until(lambda: not len(bench.server.pbx.channels))
    assert (await final(carol_calls(bench, replaces_of(invite)))).status == 603


@on_bench
async def test_a_call_of_the_peer_that_is_not_answered_is_not_replaced(bench: Bench) -> None:
    """RFC 3891 3: only early dialogs that the receiver has begun."""
    alice, _bob, _invite, _results = await ringing(bench)
    heard = parse_last(alice, 180)
    extra = f"Replaces: {heard.call_id};to-tag={heard.to.tag};from-tag={heard.from_.tag}\r\n"
    assert (await final(carol_calls(bench, extra))).status == 481


def parse_last(phone: Phone, status: int) -> Response:
    phone.read = 0
    found = [one for one in phone.messages() if isinstance(one, Response) and one.status == status]
    phone.read = len(phone.flow.sent)
    return found[-1]


@pytest.mark.parametrize(
    ("options", "identified_by", "auth", "status"),
    [
        ({"allow_transfer": False}, "username", "a", 603),
        ({"allow_replaces": "no"}, "username", "a", 603),
        ({"allow_replaces": "authenticated"}, "username", "", 603),
        ({"allow_replaces": "authenticated"}, "username", "a", 200),
        ({"allow_replaces": "authenticated"}, "ip", "", 200),
        ({}, "anonymous", "", 603),
        ({"allow_replaces": "yes"}, "anonymous", "", 200),
        ({}, "username", "", 200),
    ],
)
def test_a_dialogs_identifier_alone_is_not_enough(
    options: dict[str, Any], identified_by: str, auth: str, status: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        ok, invite, alice, bob = await answered(bench)
        set_options(bench.server.data.get(Endpoint, "anon"), **options)
        evaluate = Identify.evaluate

        def with_more(self: Identify, rx: Any) -> Any:
            rx.identified_by, rx.auth = identified_by, auth
            return evaluate(self, rx)

        monkeypatch.setattr(Identify, "evaluate", with_more)
        carol = carol_calls(bench, replaces_of(invite))
        response = await final(carol)
        assert response.status == status
        if status == 200:
            bob.respond(await bob.next("BYE"), 200)
        else:
            # The answer is the same for a dialog that there is not: who may not replace learns nothing.
            other = bench.phone(5074)
            other.read = len(other.flow.sent)
            other.call("6002", user="anon", extra="Replaces: no;to-tag=a;from-tag=b\r\n", call="other")
            assert (await final(other)).status == status
            assert not bob.messages()
        alice.in_dialog("BYE", ok, 2)

    scenario(tmp_path)


@on_bench
async def test_a_call_without_a_shared_codec_leaves_the_other_alone(bench: Bench) -> None:
    _ok, invite, _alice, bob = await answered(bench)
    response = await final(carol_calls(bench, replaces_of(invite), body=sdp("8 101")))
    assert response.status == 488
    assert not bob.messages()


@on_bench
async def test_without_an_offer_the_answer_has_one(bench: Bench) -> None:
    _alice, bob, invite, _results = await ringing(bench)
    carol = carol_calls(bench, replaces_of(invite), body="")
    ok = await carol.next(200)
    assert b"m=audio" in ok.body
    carol.in_dialog("ACK", ok, 1, sdp())
    await cancelled(bob, invite)


@on_bench
async def test_a_call_that_is_there_already_replaces_none(bench: Bench) -> None:
    ok, invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2, sdp(version=2), extra=replaces_of(invite))
    assert (await alice.next(488)).cseq.number == 2
    assert not bob.messages()


# Races


@on_bench
async def test_two_that_replace_the_same_call_that_rings(bench: Bench) -> None:
    _alice, bob, invite, _results = await ringing(bench)
    carol = carol_calls(bench, replaces_of(invite))
    other = bench.phone(5071)
    other.read = len(other.flow.sent)
    other.call("6002", extra=replaces_of(invite), call="second", tag="t9")
    assert (await final(carol)).status == 200
    late = await other.next(603)
    assert late.call_id == "second"
    await cancelled(bob, invite)


@on_bench
async def test_two_that_replace_the_same_answered_call(bench: Bench) -> None:
    _ok, invite, _alice, bob = await answered(bench)
    carol = carol_calls(bench, replaces_of(invite))
    second = bench.phone(5073)
    second.call("6002", user="trunk", extra=replaces_of(invite), call="second")
    assert (await final(carol)).status == 200
    assert (await final(second)).status == 603
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_the_phone_that_rings_answers_as_it_is_replaced(bench: Bench) -> None:
    """Its 200 crosses our CANCEL: it is acknowledged and ended."""
    alice, bob, invite, _results = await ringing(bench)
    carol = carol_calls(bench, replaces_of(invite))
    bob.respond(invite, 200, body=sdp())
    ok = await carol.next(200)
    carol.in_dialog("ACK", ok, 1)
    await bob.next("CANCEL")
    await bob.next("ACK")
    bob.respond(await bob.next("BYE"), 200)
    heard = await alice.next(200)
    alice.in_dialog("ACK", heard, 1)
    assert len({each.bridge for each in bench.server.pbx.channels}) == 1


@on_bench
async def test_the_phone_that_rings_has_answered_before(bench: Bench) -> None:
    """The dialog is answered by now: without early-only it is replaced all the same, with it 486."""
    _alice, bob, invite, _results = await ringing(bench)
    bob.respond(invite, 200, body=sdp())
    early = bench.phone(5073)
    early.call("6002", user="trunk", extra=replaces_of(invite, more=";early-only"))
    assert (await final(early)).status in (486, 603)
    await bench.turn()
    carol = carol_calls(bench, replaces_of(invite))
    assert (await final(carol)).status == 200
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_the_caller_gives_up_as_the_call_is_replaced(bench: Bench) -> None:
    alice, bob, invite, _results = await ringing(bench)
    alice.cancel()
    carol = carol_calls(bench, replaces_of(invite))
    status = (await final(carol)).status
    assert status in (481, 603, 200)
    if status == 200:
        carol.respond(await carol.next("BYE"), 200)
    await cancelled(bob, invite)
    await bench.until(lambda: not len(bench.server.pbx.channels))


@on_bench
async def test_a_replaced_phone_that_owes_an_answer_is_ended(bench: Bench) -> None:
    """A re-INVITE of ours is under way to it."""
    _ok, invite, _alice, bob = await answered(bench)
    (called,) = [each for each in bench.server.pbx.channels if each.name.startswith("PJSIP/bob")]
    driver: Any = called.driver
    driver.session.refresh("INVITE")
    again = await bob.next("INVITE")
    carol = carol_calls(bench, replaces_of(invite))
    assert (await final(carol)).status == 200
    bob.respond(await bob.next("BYE"), 200)
    bob.respond(again, 200, body=sdp(version=2))
    await bench.turn()
    assert len(bench.server.pbx.channels) == 2


# Reading


def test_find_sees_a_dialog_as_its_receiver_does(tmp_path: Any) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        _ok, invite, _alice, _bob = await answered(bench)
        core, call_id, ours = bench.server.sip, invite.call_id, invite.from_.tag or ""
        found = find(core, Replaces.make(call_id, ours, "b1"))
        assert found is not None
        assert found.channel.name.startswith("PJSIP/bob")
        assert find(core, Replaces.make(call_id, "b1", ours)) is None

    scenario(tmp_path)


def test_read_takes_one_replaces() -> None:
    request = Request("INVITE", Uri.parse("sip:a@b"))
    assert read(request) is None
    request.add_header("Replaces", "c;to-tag=a;from-tag=b;early-only")
    found = read(request)
    assert found is not None
    assert (found.call_id, found.to_tag, found.from_tag, found.early_only) == ("c", "a", "b", True)
    request.add_header("Replaces", "c;to-tag=a;from-tag=b")
    with pytest.raises(ParseError):
        read(request)


# Calls of ours that replace another one


async def dialled(bench: Bench, destination: str) -> Request:
    _alice, _called, invite, _results = await dialing(bench, destination, 5072)
    return invite


@on_bench
async def test_a_dialled_uri_says_which_call_is_replaced(bench: Bench) -> None:
    """RFC 3261 19.1.5: its Replaces becomes a header, others of its headers are left out."""
    value = "c%40h%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bearly-only"
    invite = await dialled(bench, f"PJSIP/bob/sip:x@127.0.0.1:5072?Replaces={value}&Route=%3Csip%3Aevil%3E")
    assert str(invite.uri) == "sip:x@127.0.0.1:5072"
    assert invite.get_all("Replaces") == ["c@h;to-tag=1;from-tag=2;early-only"]
    assert invite.get_all("Require") == ["replaces"]
    assert not invite.has("Route")
    assert invite.get("To") == "<sip:x@127.0.0.1>"


@on_bench
async def test_a_replaces_of_a_dialled_uri_that_cannot_be_read_is_left_out(bench: Bench) -> None:
    invite = await dialled(bench, "PJSIP/bob/sip:x@127.0.0.1:5072?Replaces=c%0D%0AEvil%3A1%3Bto-tag%3D1%3Bfrom-tag%3D2")
    assert not invite.has("Replaces")
    assert not invite.has("Evil")
    assert str(invite.uri) == "sip:x@127.0.0.1:5072"


@on_bench
async def test_a_redirection_does_not_have_us_replace_a_call(bench: Bench) -> None:
    _alice, trunk, invite, _results = await dialing(bench, "PJSIP/trunk", 5073)
    target = "<sip:y@127.0.0.1:5072?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>"
    trunk.respond(invite, 302, extra=f"Contact: {target}\r\n", contact=False)
    again = await bench.phone(5072).next("INVITE")
    assert str(again.uri) == "sip:y@127.0.0.1:5072"
    assert not again.has("Replaces")


# More races


@on_bench
async def test_who_replaces_another_never_acknowledges_its_answer(bench: Bench) -> None:
    """RFC 3261 13.3.1.4: after 64*T1 both calls are over."""
    ok, invite, alice, bob = await answered(bench)
    carol = carol_calls(bench, replaces_of(invite))
    await carol.next(200)
    bob.respond(await bob.next("BYE"), 200)
    for _ in range(70):
        bench.advance(0.5)
        await bench.turn()
    carol.respond(await carol.next("BYE"), 200)
    alice.respond(await alice.next("BYE"), 200)
    await bench.until(lambda: not len(bench.server.pbx.channels))
    assert ok.status == 200


@on_bench
async def test_a_caller_that_has_not_acknowledged_our_answer_is_replaced(bench: Bench) -> None:
    """RFC 3261 15: its BYE waits for the ACK."""
    alice, bob, invite, _results = await ringing(bench)
    bob.respond(invite, 200, body=sdp())
    ok = await alice.next(200)
    await bench.turn()
    carol = carol_calls(bench, f"Replaces: {ok.call_id};to-tag={ok.to.tag};from-tag={ok.from_.tag}\r\n")
    assert (await final(carol)).status == 200
    await bench.turn()
    assert not [one for one in alice.messages() if isinstance(one, Request)]
    second = carol_calls(bench, f"Replaces: {ok.call_id};to-tag={ok.to.tag};from-tag={ok.from_.tag}\r\n", call="again")
    assert (await second.next(603)).call_id == "again"
    alice.in_dialog("ACK", ok, 1)
    alice.respond(await alice.next("BYE"), 200)
    await bench.until(lambda: len(bench.server.pbx.channels) == 2)


@on_bench
async def test_the_invite_comes_again(bench: Bench) -> None:
    """A repeated INVITE takes no second place (RFC 6026: its transaction absorbs it)."""
    _ok, invite, _alice, bob = await answered(bench)
    carol = bench.phone(5074)
    carol.call("6002", user="anon", extra=replaces_of(invite))
    branch = carol.branch
    carol.request(
        "INVITE", "sip:6002@127.0.0.1", "anon", "<sip:6002@127.0.0.1>", sdp(), replaces_of(invite), branch=branch
    )  # fmt: skip
    statuses = [one.status for one in carol.messages() if isinstance(one, Response)]
    assert [one for one in statuses if one >= 200] == [200]
    assert len([one for one in bob.messages() if isinstance(one, Request) and one.method == "BYE"]) == 1


@on_bench
async def test_who_replaces_another_hangs_up_at_once(bench: Bench) -> None:
    _ok, invite, alice, bob = await answered(bench)
    carol = carol_calls(bench, replaces_of(invite))
    mine = await carol.next(200)
    carol.in_dialog("ACK", mine, 1)
    carol.in_dialog("BYE", mine, 2)
    bob.respond(await bob.next("BYE"), 200)
    alice.respond(await alice.next("BYE"), 200)
    await bench.until(lambda: not len(bench.server.pbx.channels))


@on_bench
async def test_what_is_decided_can_be_explained(bench: Bench) -> None:
    """``sip explain`` says what would happen, and changes nothing."""
    _ok, invite, _alice, bob = await answered(bench)

    async def explained(value: str) -> Any:
        text = (
            "INVITE sip:6002@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5074;branch=z9hG4bKe\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:anon@127.0.0.1>;tag=e\r\nTo: <sip:6002@127.0.0.1>\r\n"
            "Call-ID: explained\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:anon@127.0.0.1:5074>\r\n{value}Content-Length: 0\r\n\r\n"
        )
        return await bench.server.sip.explain(text)

    told = str(await explained(replaces_of(invite)))
    assert "in the place of PJSIP/bob" in told
    assert "481" in str(await explained(replaces_of(invite, tag="other")))
    assert "486" in str(await explained(replaces_of(invite, more=";early-only")))
    assert len(bench.server.pbx.channels) == 2
    assert not bob.messages()
