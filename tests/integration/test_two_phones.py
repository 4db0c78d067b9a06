"""Two phones register, call each other and hear each other: what the whole server is for, on one page."""

from __future__ import annotations

import pytest
from call_kit import CONFIG, RELAYED, two_phones

from asterism.media.rtp import RtpSession
from asterism.testing import Phone, PhoneError, assert_idle, running_server, until


async def test_two_phones_register_call_and_hear_each_other():
    async with running_server(CONFIG | RELAYED) as server:
        async with Phone("101", server, "ann's secret") as ann, Phone("102", server, "bob's secret") as bob:
            await ann.register()
            await bob.register()

            call = await ann.dial("102")
            incoming = await bob.incoming()
            assert incoming.request.from_.display == "Ann Example"
            incoming.ring()
            await call.ringing()
            incoming.answer()
            await call.answered()

            call.play(440)
            incoming.play(660)
            await incoming.hears(440)
            await call.hears(660)

            # Every packet came through the server's relay, none from the other phone.
            assert {port for _, port in call.audio.sources} == {call.remote_description.port}
            assert {port for _, port in incoming.audio.sources} == {incoming.remote_description.port}
            assert incoming.audio.port not in {port for _, port in call.audio.sources}

            await call.hangup()
            assert await incoming.ended() == "BYE received"
        await assert_idle(server)


async def test_the_check_above_fails_without_the_relay(monkeypatch):
    """Otherwise it would prove nothing."""
    monkeypatch.setattr(RtpSession, "relay_to", lambda self, other: True)
    async with two_phones(RELAYED) as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        with pytest.raises(PhoneError, match="heard 0 packets"):
            await incoming.hears(440, timeout=1)
        with pytest.raises(PhoneError, match="heard 0 packets"):
            await call.hears(660, timeout=0.1)
        await call.hangup()
        await incoming.ended()


OFFICE = (
    CONFIG["pjsip.conf"]
    + """
[{other}]
type=endpoint
context=phones
allow=!all,ulaw
aors={other}
from_user={name}
[{other}]
type=aor
contact=sip:{host}:{port}
"""
)

BETWEEN_OFFICES = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => _9.,1,Dial(PJSIP/${EXTEN:1}@east,30)
exten => 600,1,Answer()
 same => n,Echo()
"""


def office(name: str, other: str, address: tuple[str, int]) -> dict[str, str]:
    """The configuration of a server with a trunk to another one."""
    host, port = address
    return {
        "pjsip.conf": OFFICE.format(name=name, other=other, host=host, port=port),
        "extensions.conf": BETWEEN_OFFICES,
    }


async def test_two_servers_in_one_process_call_each_other():
    """A phone of the west office calls one in the east; when the east stops, the west's other call goes on."""
    async with (
        running_server(office("east", "west", ("127.0.0.1", 9))) as east,
        running_server(office("west", "east", east.sip_address())) as west,
        Phone("101", west, "ann's secret") as ann,
        Phone("102", west, "bob's secret") as bob,
        Phone("102", east, "bob's secret") as eve,
    ):
        for phone in (ann, bob, eve):
            await phone.register()
        echo = await bob.dial("600")
        await echo.answered()

        call = await ann.dial("9102")
        incoming = await eve.incoming()
        incoming.answer()
        await call.answered()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        assert len(east.pbx.channels) == 2
        assert len(west.pbx.channels) == 3

        await east.stop()
        assert await incoming.ended() == "BYE received"
        assert await call.ended() == "BYE received"
        await until(lambda: len(west.pbx.channels) == 1)

        echo.play(523)
        await echo.hears(523)
        await echo.hangup()
        await assert_idle(west)


@pytest.mark.parametrize("caller", [True, False])
async def test_a_hold_that_meets_a_reinvite_of_the_server_is_tried_again(caller: bool) -> None:
    """With direct media the server moves the phones as soon as they are connected (RFC 3261 14.1)."""
    async with two_phones() as world:
        call, incoming = await world.connect()
        holder = call if caller else incoming
        await holder.hold()
        assert holder.remote_description.direction in ("recvonly", "inactive")
        await holder.unhold()
        call.play(440)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()
