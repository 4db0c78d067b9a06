"""How calls begin and end: every way a call may fail, by the record, and who is told what."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from call_kit import CONFIG, two_phones

from asterism.testing import Phone, assert_idle, until

RECORD = Path(__file__).resolve().parents[1] / "data" / "record" / "cause_mapping.txt"
ANSWERS = re.compile(
    r"callee answers (\d+) .*-> DIALSTATUS=(\w+) +HANGUPCAUSE=(\d+) +caller receives SIP/2.0 (\d+) (.+?)  Reason: (.+)"
)
HANGUPS = re.compile(r"Hangup\((\d+)\) before answer -> SIP/2.0 (\d+) (.+?)  Reason: (.+)")


def recorded(pattern: re.Pattern[str]) -> list[tuple[str, ...]]:
    text = RECORD.read_text()
    return pattern.findall(text[text.index("# Asterisk 22.10") :])


def seen(call) -> tuple[int, str, str]:
    """Code, phrase and reasons of the final response that the caller got."""
    response = call.responses[-1]
    return response.status, response.reason, "; ".join(response.get_all("Reason"))


def test_the_record_is_read():
    assert len(recorded(ANSWERS)) == 40
    assert len(recorded(HANGUPS)) == 80


async def test_every_refusal_of_the_callee_as_recorded():
    async with two_phones() as world:
        for refusal, dialstatus, cause, code, phrase, reason in recorded(ANSWERS):
            world.dialled.clear()
            call = await world.ann.dial("102")
            (await world.bob.incoming()).reject(int(refusal))
            await call.refused()
            assert (refusal, *world.dialled, *seen(call)) == (refusal, (dialstatus, cause), int(code), phrase, reason)


async def test_every_cause_of_the_dial_plan_as_recorded():
    async with two_phones() as world:
        for cause, code, phrase, reason in recorded(HANGUPS):
            call = await world.ann.dial(f"8{int(cause):03}")
            await call.refused()
            assert (cause, *seen(call)) == (cause, int(code), phrase, reason)


@pytest.mark.parametrize("number", ["103", "104"], ids=["unregistered", "no such endpoint"])
async def test_a_phone_that_is_not_there(number):
    async with two_phones() as world:
        call = await world.ann.dial(number)
        assert await call.refused() == 404
        assert world.dialled == [("CHANUNAVAIL", "3")]
        assert seen(call) == (404, "Not Found", "Q.850;cause=3")


async def test_an_unregistered_phone_is_called_no_more():
    async with two_phones() as world:
        await world.bob.unregister()
        assert await (await world.ann.dial("102")).refused() == 404
        assert world.dialled == [("CHANUNAVAIL", "3")]


async def test_r3_a_phone_whose_registration_expired_is_called_no_more():
    """The contact may still be stored: expired ones are swept every half minute."""
    pjsip = CONFIG["pjsip.conf"].replace("max_contacts=2", "max_contacts=2\nminimum_expiration=1")
    async with two_phones({"pjsip.conf": pjsip}, register=False) as world:
        await world.ann.register()
        await world.bob.register(1)
        await until(lambda: not world.server.sip.location.contacts("102"))
        assert await (await world.ann.dial("102")).refused() == 404
        assert world.dialled == [("CHANUNAVAIL", "3")]
        await world.bob.register()
        call, incoming = await world.connect()
        await call.hangup()
        await incoming.ended()


async def test_an_unreachable_phone():
    """Nothing comes back from where it was, so nobody answers within the Dial's second."""
    async with two_phones() as world:
        world.bob.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", world.bob.port))
            call = await world.ann.dial("122")
            assert await call.refused() == 603
        assert world.dialled == [("NOANSWER", "0")]


async def test_a_phone_whose_port_is_closed():
    """Its host says so, which is a hint: it may be starting again, so the INVITE is repeated as ever."""
    async with two_phones() as world:
        world.bob.close()
        call = await world.ann.dial("122")
        assert await call.refused() == 603
        assert [status for status, _ in world.dialled] == ["NOANSWER"]


async def test_no_answer():
    async with two_phones() as world:
        call = await world.ann.dial("122")
        incoming = await world.bob.incoming()
        incoming.ring()
        assert await call.refused() == 603
        assert await incoming.ended() == "cancelled"
        assert world.dialled == [("NOANSWER", "0")]


async def test_an_extension_that_does_not_exist():
    async with two_phones() as world:
        call = await world.ann.dial("999")
        assert await call.refused() == 404
        assert "Reason" not in dict(call.responses[-1].headers)


@pytest.mark.parametrize(("number", "code", "cause"), [("601", 486, 17), ("602", 503, 34)], ids=["busy", "congestion"])
async def test_busy_and_congestion_of_the_dial_plan(number, code, cause):
    async with two_phones() as world:
        call = await world.ann.dial(number)
        assert await call.refused() == code
        assert call.responses[-1].get("Reason") == f"Q.850;cause={cause}"


async def test_ringing_and_caller_id():
    async with two_phones() as world:
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        caller = incoming.request.from_
        assert (caller.display, caller.uri.user) == ("Ann Example", "101")
        assert incoming.request.uri.user == "102"
        incoming.ring()
        ringing = await call.ringing()
        assert ringing.to.tag
        assert not ringing.body
        incoming.answer()
        await call.answered()
        # The caller's dialog is the server's own: nothing of the callee's identifiers leaks into it.
        assert call.request.call_id != incoming.request.call_id
        assert call.responses[-1].contacts[0].uri.port == world.ann.server[1]
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize("side", ["caller", "callee"])
async def test_either_side_hangs_up(side):
    async with two_phones() as world:
        call, incoming = await world.connect()
        one, other = (call, incoming) if side == "caller" else (incoming, call)
        await one.hangup()
        assert await other.ended() == "BYE received"
        bye = other.requests[-1]
        assert bye.method == "BYE"
        assert bye.get("Reason") == "Q.850;cause=16"
        assert [one.method for one in other.requests].count("BYE") == 1


async def test_the_caller_gives_up_while_it_rings():
    async with two_phones() as world:
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.ringing()
        await call.cancel()
        assert call.status == 487
        assert await incoming.ended() == "cancelled"


async def test_the_caller_gives_up_before_the_phone_answers_at_all():
    async with two_phones() as world:
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        await call.cancel()
        assert call.status == 487
        incoming.ring()  # CANCEL may be sent only after a provisional response: RFC 3261 section 9.1
        assert await incoming.ended() == "cancelled"


async def test_all_phones_of_a_number_ring_and_one_takes_the_call():
    async with two_phones() as world, Phone("102", world.server, "bob's secret") as desk:
        await desk.register()
        call = await world.ann.dial("132")
        first, second = await world.bob.incoming(), await desk.incoming()
        first.ring()
        second.ring()
        second.answer()
        await call.answered()
        assert await first.ended() == "cancelled"
        await call.hangup()
        assert await second.ended() == "BYE received"


async def test_the_same_two_phones_call_many_times_and_nothing_stays():
    async with two_phones() as world:
        for _ in range(20):
            call, incoming = await world.connect()
            await call.hangup()
            await incoming.ended()
        await assert_idle(world.server)
