"""Transfers by phones: REFER within a call, over sockets, with what is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.stack.message import Response
from asterism.testing import Phone, PhoneCall, assert_idle, running_server, until

PJSIP = """
[global]
type=global
default_realm=pbx.example.test
[phone](!)
type=endpoint
context=phones
disallow=all
allow=ulaw
direct_media=no
"""
PHONES = {"101": "Ann Example", "102": "Bob Example", "103": "Carol Example"}
for _number, _name in PHONES.items():
    PJSIP += f"""
[{_number}](phone)
auth={_number}
aors={_number}
callerid="{_name}" <{_number}>
[{_number}]
type=auth
username={_number}
password=secret {_number}
[{_number}]
type=aor
max_contacts=1
"""

EXTENSIONS = """
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},3)
 same => n,Hangup(${HANGUPCAUSE})
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Busy(1)
[elsewhere]
exten => 600,1,Answer()
 same => n,Set(GLOBAL(SEEN)=${SIPREFERTOHDR}|${SIPREFERREDBYHDR}|${SIPREFERRINGCONTEXT}|${BLINDTRANSFER:0:9})
 same => n,Set(GLOBAL(DATA)=${HASHKEYS(TRANSFER_DATA)}=${HASH(TRANSFER_DATA,X-Ticket)})
 same => n,Set(GLOBAL(WHY)=${REDIRECTING(reason)} ${REDIRECTING(from-num)})
 same => n,Echo()
"""

PARKING = """
[default]
parkext = 700
parkpos = 701-702
context = phones
"""

ANN, BOB, CAROL = 440, 697, 941
"""Hertz: what each phone says."""


@dataclass
class World:
    """A server and three phones."""

    server: Server
    ann: Phone
    bob: Phone
    carol: Phone

    async def call(self, caller: Phone, callee: Phone, number: str) -> tuple[PhoneCall, PhoneCall]:
        """One phone calls another, which answers."""
        call = await caller.dial(number)
        incoming = await callee.incoming()
        incoming.ring()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        return call, incoming

    def uri(self, number: str) -> str:
        return f"<{self.ann.uri(number)}>"


@asynccontextmanager
async def three_phones(config: Mapping[str, str] | None = None) -> AsyncIterator[World]:
    files = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS, **(config or {})}
    async with running_server(files) as server:
        phones = {number: Phone(number, server, f"secret {number}") for number in PHONES}
        async with phones["101"] as ann, phones["102"] as bob, phones["103"] as carol:
            for phone in (ann, bob, carol):
                await phone.register()
            yield World(server, ann, bob, carol)
            await assert_idle(server)


async def test_the_other_side_goes_to_whom_it_is_sent() -> None:
    """T7: the transferer is told each step, hears nothing more, and ends its call itself."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        call.play(ANN)
        bob.play(BOB)
        await bob.hears(ANN)
        response = await call.refer(world.uri("103"), ("Referred-By", "<sip:101@pbx.example.test>"))
        assert (response.status, response.get("Expires")) == (202, "600")
        carol = await world.carol.incoming()
        assert carol.request.get("Referred-By") == "<sip:101@pbx.example.test>"
        carol.ring()
        await until(lambda: "SIP/2.0 180 Ringing" in call.told)
        carol.answer()
        await carol.answered()
        carol.play(CAROL)
        await until(lambda: len(call.told) == 3)
        assert call.told == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]
        last = call.requests[-1]
        assert last.get("Subscription-State") == "terminated;reason=noresource"
        await bob.hears(CAROL)
        await carol.hears(BOB)
        assert not call.over
        await call.hangup()
        await bob.hangup()
        await carol.ended()


async def test_a_phone_that_stays_silent_is_hung_up_soon_after_it_knows() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        await call.refer(world.uri("600"))
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        assert await call.ended(timeout=6) == "BYE received"
        await bob.hangup()


async def test_the_called_side_transfers_as_well() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        call.play(ANN)
        assert (await bob.refer(world.uri("103"))).status == 202
        carol = await world.carol.incoming()
        carol.ring()
        carol.answer()
        await carol.answered()
        await carol.hears(ANN)
        await until(lambda: bob.told[-1:] == ["SIP/2.0 200 OK"])
        await bob.hangup()
        await carol.hangup()
        await call.ended()


@pytest.mark.parametrize(
    ("number", "status"), [("601", "SIP/2.0 486 Busy Here"), ("103", "SIP/2.0 480 Temporarily Unavailable")]
)
async def test_a_transfer_that_fails_gives_the_call_back(number: str, status: str) -> None:
    """T8, T10: busy, and nobody answers."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        call.play(ANN)
        bob.play(BOB)
        await call.refer(world.uri(number))
        await until(lambda: call.told[-1:] == [status], 8)
        await bob.hears(ANN)
        await call.hears(BOB)
        # And once more, to somebody who answers.
        await call.refer(world.uri("600"))
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        await bob.hears(BOB)
        await bob.hangup()
        await call.ended(timeout=6)


async def test_an_extension_that_is_not_there_changes_nothing() -> None:
    """T9, as recorded: 202, then 404."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        call.play(ANN)
        assert (await call.refer(world.uri("999"))).status == 202
        await until(lambda: call.told == ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"])
        await bob.hears(ANN)
        await call.hangup()
        await bob.ended()


async def test_a_phone_that_leaves_at_once_is_told_nevertheless() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        await call.refer(world.uri("103"))
        await call.hangup()
        carol = await world.carol.incoming()
        carol.ring()
        carol.answer()
        await carol.answered()
        await carol.hears(BOB)
        await bob.hangup()
        await carol.ended()


async def test_two_calls_are_connected() -> None:
    """T2: attended, by Refer-To with Replaces."""
    async with three_phones() as world:
        first, bob = await world.call(world.ann, world.bob, "102")
        second, carol = await world.call(world.ann, world.carol, "103")
        bob.play(BOB)
        carol.play(CAROL)
        await second.hears(CAROL)
        target = f"<{world.ann.uri('103')}?{second.replaces()}>"
        assert (await first.refer(target)).status == 202
        await carol.hears(BOB)
        await bob.hears(CAROL)
        await until(lambda: first.told == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"])
        assert await second.ended() == "BYE received"
        await first.hangup()
        await carol.hangup()
        await bob.ended()


async def test_the_other_side_of_a_ringing_call_waits_for_it() -> None:
    """T12: blond: the transferer leaves while it rings."""
    async with three_phones() as world:
        first, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        second = await world.ann.dial("103")
        carol = await world.carol.incoming()
        carol.ring()
        ringing = await second.ringing()
        early = f"{ringing.call_id};to-tag={ringing.to.tag};from-tag={ringing.from_.tag}"
        target = f"<{world.ann.uri('103')}?Replaces={early.replace(';', '%3B').replace('=', '%3D')}>"
        assert (await first.refer(target)).status == 202
        await second.refused()
        carol.answer()
        await carol.answered()
        await carol.hears(BOB)
        await until(lambda: first.told[-1:] == ["SIP/2.0 200 OK"])
        await first.hangup()
        await carol.hangup()
        await bob.ended()


async def test_without_progress_success_is_told_at_once() -> None:
    """``refer_blind_progress=no``."""
    config = {"pjsip.conf": PJSIP.replace("direct_media=no\n", "direct_media=no\nrefer_blind_progress=no\n")}
    async with three_phones(config) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        await call.refer(world.uri("103"))
        await until(lambda: call.told == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"])
        carol = await world.carol.incoming()
        await call.hangup()
        carol.reject()
        await bob.ended()


async def test_nobody_is_told_who_wants_not_to_be() -> None:
    """``Refer-Sub: false`` (RFC 4488)."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        response = await call.refer(world.uri("600"), ("Refer-Sub", "false"), ("Require", "norefersub"))
        assert (response.status, response.get("Refer-Sub"), response.get("Expires")) == (202, "false", None)
        assert await call.ended(timeout=6) == "BYE received"
        assert call.told == []
        await bob.hangup()


async def test_the_dialplan_knows_what_the_phone_said() -> None:
    files = {
        "extensions.conf": EXTENSIONS.replace(
            "[phones]\n", "[phones]\nexten => 702,1,Set(TRANSFER_CONTEXT=elsewhere)\n"
            " same => n,Set(GET_TRANSFERRER_DATA=X-)\n same => n,Dial(PJSIP/102,3)\n"
        )
    }  # fmt: skip
    async with three_phones(files) as world:
        call, bob = await world.call(world.ann, world.bob, "702")
        headers = (
            ("Referred-By", '<sip:101@x>;cid="a,b"'),
            ("X-Ticket", "7,${CHANNEL}"),
            ("X-Digium-Call-Feature", "feature_send_to_vm"),
        )
        assert (await call.refer(world.uri("600"), *headers)).status == 202
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"], 5, lambda: str(call.told))
        seen = world.server.pbx.dialplan.globals
        await until(lambda: "WHY" in seen)
        target = world.ann.uri("600")
        assert seen["SEEN"] == f'{target}|<sip:101@x>;cid="a,b"|elsewhere|PJSIP/101'
        assert seen["DATA"] == "X-Ticket,X-Digium-Call-Feature=7,${CHANNEL}"
        assert seen["WHY"] == "send_to_vm 101"
        await call.hangup()
        await bob.hangup()


async def test_refusals_leave_the_call_as_it_is() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        call.play(ANN)
        uri = world.uri("600")
        for target, status in (
            ("<tel:+123>", 400), ("<http://x/>", 400), ("<sip:600@x>, <sip:601@x>", 400),
            ("<sip:600@x;method=BYE>", 501),
            ("<sip:600@x?Replaces=nosuch>", 400), ("<sip:600@x?Replaces=a%0d%0ab%3Bto-tag%3Da%3Bfrom-tag%3Db>", 400),
            (f"<sip:{'6' * 5000}@x>", 400),
        ):  # fmt: skip
            assert (await call.refer(target)).status == status, target
        assert (await call.refer(uri, ("Refer-To", uri))).status == 400
        assert (await call.refer(uri, ("Referred-By", "<sip:a@x>"), ("Referred-By", "<sip:b@x>"))).status == 400
        assert (await call.send("REFER")).status == 400
        unknown = f"<{world.ann.uri('600')}?Replaces=nosuch%3Bto-tag%3Da%3Bfrom-tag%3Db>"
        assert (await call.refer(unknown)).status == 202
        await until(lambda: call.told == ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"])
        await bob.hears(ANN)
        await call.hangup()
        await bob.ended()


async def test_an_endpoint_that_may_not_transfer() -> None:
    """``allow_transfer=no``."""
    config = {"pjsip.conf": PJSIP.replace("direct_media=no\n", "direct_media=no\nallow_transfer=no\n")}
    async with three_phones(config) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        assert (await call.refer(world.uri("600"))).status == 603
        await call.hangup()
        await bob.ended()


async def test_a_call_is_transferred_from_outside_its_dialog() -> None:
    """Target-Dialog (RFC 4538): only the endpoint whose call it is may, and nobody else learns that there is one."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        dialog = call.dialog
        assert dialog is not None
        named = f"{dialog.call_id};local-tag={dialog.local_tag};remote-tag={dialog.remote_tag}"

        async def ask(phone: Phone, *headers: tuple[str, str]) -> Response:
            request = phone.create_request("REFER", phone.uri("101"))
            request.add_header("Refer-To", world.uri("600"))
            for name, value in headers:
                request.add_header(name, value)
            return await phone.request(request)

        assert (await ask(world.ann)).status == 501
        swapped = f"{dialog.call_id};local-tag={dialog.remote_tag};remote-tag={dialog.local_tag}"
        for phone, target in ((world.bob, named), (world.ann, swapped), (world.ann, "x;local-tag=1;remote-tag=2")):
            assert (await ask(phone, ("Target-Dialog", target))).status == 501
        assert (await ask(world.ann, ("Target-Dialog", "x"))).status == 400
        response = await ask(world.ann, ("Target-Dialog", named), ("Require", "tdialog"))
        assert response.status == 202
        await bob.hears(BOB)
        assert call.told == []  # what becomes of it is told in the dialog of the REFER
        assert await call.ended(timeout=6) == "BYE received"
        await bob.hangup()


async def test_without_subscriptions_nobody_is_told_and_the_call_is_transferred() -> None:
    async with three_phones({"modules.conf": "[modules]\nautoload=yes\nnoload=pubsub\n"}) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        response = await call.refer(world.uri("600"))
        assert (response.status, response.get("Refer-Sub"), response.get("Expires")) == (202, "false", None)
        await bob.hears(BOB)
        assert await call.ended(timeout=6) == "BYE received"
        await bob.hangup()


async def test_what_is_not_loaded_is_not_offered() -> None:
    async with three_phones({"modules.conf": "[modules]\nautoload=yes\nnoload=session_refer\n"}) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        ok = call.responses[-1]
        assert "REFER" not in (ok.get("Allow") or "")
        assert "norefersub" not in (ok.get("Supported") or "")
        assert (await call.refer(world.uri("600"))).status == 501
        await call.hangup()
        await bob.ended()


async def test_what_is_offered_is_what_was_recorded() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        ok = call.responses[-1]
        allow = (ok.get("Allow") or "").split(", ")
        assert allow[-6:] == ["CANCEL", "UPDATE", "PRACK", "MESSAGE", "INFO", "REFER"]
        assert ok.get("Supported") == "100rel, timer, replaces, norefersub"
        assert bob.request.get("Supported") == "100rel, timer, replaces, norefersub, histinfo"
        await call.hangup()
        await bob.ended()


async def test_a_second_transfer_waits_for_the_first() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        await call.refer(world.uri("103"))
        carol = await world.carol.incoming()
        carol.ring()
        assert (await call.refer(world.uri("600"))).status == 491
        carol.answer()
        await carol.answered()
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        assert (await call.refer(world.uri("600"))).status == 403
        await carol.hangup()
        await bob.ended()
        await call.ended(timeout=6)


async def test_the_transferred_party_hangs_up_while_it_rings() -> None:
    """T11 and T6's kin: the target stops ringing, the transferer is told, nothing is left."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        await call.refer(world.uri("103"))
        carol = await world.carol.incoming()
        carol.ring()
        await until(lambda: "SIP/2.0 180 Ringing" in call.told)
        await bob.hangup()
        await carol.ended()
        await until(lambda: call.told[-1:] == ["SIP/2.0 487 Request Terminated"])
        await call.ended(timeout=6)


async def test_a_transfer_to_oneself_rings_there() -> None:
    """REFER to oneself: the phone is called by the party that it has sent away."""
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        await call.refer(world.uri("101"))
        back = await world.ann.incoming()
        back.ring()
        back.answer()
        await back.answered()
        await back.hears(BOB)
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        await call.hangup()
        await back.hangup()
        await bob.ended()


async def test_a_call_to_an_application_cannot_be_transferred() -> None:
    async with three_phones() as world:
        call = await world.ann.dial("600")
        await call.answered()
        call.play(ANN)
        await call.refer(world.uri("102"))
        await until(lambda: call.told == ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"])
        await call.hears(ANN)
        await call.hangup()


async def test_a_call_is_sent_to_an_application_that_another_call_has() -> None:
    """Attended, where the second call is to the server itself."""
    async with three_phones() as world:
        first, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        second = await world.ann.dial("600")
        await second.answered()
        await first.refer(f"<{world.ann.uri('600')}?{second.replaces()}>")
        await bob.hears(BOB)
        await until(lambda: first.told == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"])
        await second.ended()
        await first.hangup()
        await bob.hangup()


async def test_the_subscription_is_listed_while_it_lasts() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        await call.refer(world.uri("103"))
        carol = await world.carol.incoming()
        said: list[str] = []
        await CommandRunner(world.server).run("pjsip show subscriptions inbound", said.append)
        assert "Resource: 103/refer\n" in "".join(said)
        carol.reject()
        await until(lambda: call.told[-1:] == ["SIP/2.0 486 Busy Here"])
        said.clear()
        await CommandRunner(world.server).run("pjsip show subscriptions inbound", said.append)
        assert "0 active subscriptions\n" in "".join(said)
        await call.hangup()
        await bob.ended()


async def test_a_refer_while_a_reinvite_is_on_its_way() -> None:
    """Glare: the server's own re-INVITE (direct media) is not answered yet when the phone transfers."""
    config = {"pjsip.conf": PJSIP.replace("direct_media=no\n", "direct_media=yes\n")}
    async with three_phones(config) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        assert (await call.refer(world.uri("103"))).status == 202
        carol = await world.carol.incoming()
        carol.ring()
        carol.answer()
        await carol.answered()
        bob.play(BOB)
        await carol.hears(BOB)
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        await call.hangup()
        await bob.hangup()
        await carol.ended()


async def test_a_transfer_to_a_parking_extension_parks() -> None:
    async with three_phones({"res_parking.conf": PARKING}) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        bob.play(BOB)
        assert (await call.refer(world.uri("700"))).status == 202
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        await call.hangup()
        back = await world.carol.dial("701")
        await back.answered()
        back.play(CAROL)
        await back.hears(BOB)
        await bob.hears(CAROL)
        await back.hangup()
        await bob.ended()


async def test_a_uri_of_another_server_is_the_dialplans() -> None:
    """The extension is the user of the URI, whose host the dialplan reads."""
    there = "exten => 800,1,Set(GLOBAL(WHERE)=${SIPREFERTOHDR})\n same => n,Answer()\n same => n,Echo()\n"
    files = {"extensions.conf": EXTENSIONS.replace("[phones]\n", f"[phones]\n{there}", 1)}
    async with three_phones(files) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        await call.refer("<sip:800@other.example.com;transport=tcp>")
        await until(lambda: call.told[-1:] == ["SIP/2.0 200 OK"])
        assert world.server.pbx.dialplan.globals["WHERE"] == "sip:800@other.example.com;transport=tcp"
        await call.hangup()
        await bob.hangup()


def early(call: PhoneCall) -> str:
    """What the Refer-To says of a call of one's own that still rings."""
    ringing = next(one for one in call.responses if one.status == 180)
    value = f"{ringing.call_id};to-tag={ringing.to.tag};from-tag={ringing.from_.tag}"
    return f"Replaces={quote(value, safe='')}"


async def test_a_ringing_call_that_nobody_answers() -> None:
    """T13: blond: the transferer has left both calls, and is told."""
    async with three_phones() as world:
        first, bob = await world.call(world.ann, world.bob, "102")
        second = await world.ann.dial("103")
        carol = await world.carol.incoming()
        carol.ring()
        await second.ringing()
        assert (await first.refer(f"<{world.ann.uri('103')}?{early(second)}>")).status == 202
        await second.refused()
        await carol.ended(timeout=8)
        await until(lambda: first.told[-1:] == ["SIP/2.0 480 Temporarily Unavailable"])
        await first.ended(timeout=6)
        await bob.ended()


async def test_the_transferred_party_leaves_a_ringing_call() -> None:
    """T14: blond."""
    async with three_phones() as world:
        first, bob = await world.call(world.ann, world.bob, "102")
        second = await world.ann.dial("103")
        carol = await world.carol.incoming()
        carol.ring()
        await second.ringing()
        assert (await first.refer(f"<{world.ann.uri('103')}?{early(second)}>")).status == 202
        await second.refused()
        await bob.hangup()
        await carol.ended()
        await until(lambda: first.told[-1:] == ["SIP/2.0 487 Request Terminated"])
        await first.ended(timeout=6)


async def test_a_call_is_not_connected_with_itself() -> None:
    async with three_phones() as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        call.play(ANN)
        await call.refer(f"<{world.ann.uri('102')}?{call.replaces()}>")
        await until(lambda: call.told == ["SIP/2.0 100 Trying", "SIP/2.0 503 Service Unavailable"])
        await bob.hears(ANN)
        await call.hangup()
        await bob.ended()


@pytest.mark.parametrize(("allowed", "told"), [("no", "403 Forbidden"), ("identified", "200 OK")])
async def test_whose_calls_a_phone_may_connect_its_own_with(allowed: str, told: str) -> None:
    """Another endpoint's dialog is connected with by whom ``allow_replaces`` lets take its place."""
    text = PJSIP.replace("direct_media=no\n", f"direct_media=no\nallow_replaces={allowed}\n")
    async with three_phones({"pjsip.conf": text}) as world:
        call, bob = await world.call(world.ann, world.bob, "102")
        carol = await world.carol.dial("600")
        await carol.answered()
        bob.play(BOB)
        await call.refer(f"<{world.ann.uri('600')}?{carol.replaces()}>")
        await until(lambda: call.told == ["SIP/2.0 100 Trying", f"SIP/2.0 {told}"])
        if told.startswith("200"):
            await bob.hears(BOB)
            await carol.ended()
        else:
            await carol.hangup()
        await call.hangup()
        if told.startswith("200"):
            await bob.hangup()
        else:
            await bob.ended()
