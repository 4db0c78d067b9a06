"""What a call may be told before its INVITE or its answer is written: domain, Call-ID, hops, codecs, security."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from call_kit import EXTENSIONS, two_phones

from asterism.applications.session.registry import sessions
from asterism.applications.session.session import Session
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.media.formats import FORMATS
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.habits import Habits
from asterism.testing import until


class _Settings(SessionSupplement):
    name: ClassVar[str] = "settings"

    def on_outgoing_call(self, session: OutgoingSession) -> None:
        session.from_domain = "told.example.test"
        session.call_id = "chosen@example.test"
        session.max_forwards = 12
        session.media.wanted = (FORMATS["alaw"],)

    def on_describing(self, session: IncomingSession) -> None:
        session.media.answers = (FORMATS["alaw"],)


def _items(session: Session, name: str) -> str | None:
    return f"{session.endpoint.id} {name}" if name == "whose" else None


async def test_a_call_is_made_and_answered_as_supplements_settle_it():
    async with two_phones() as world:
        sessions(world.server).register_supplement(_Settings())
        call, incoming = await world.connect()
        invite = incoming.request
        assert invite.from_.uri.host == "told.example.test"
        assert invite.call_id == "chosen@example.test"
        assert invite.max_forwards == 12
        for description in (incoming.remote_description, call.remote_description):
            assert description is not None
            assert description.codecs == [8]
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(("technology", "value"), [("PJSIP", "101 whose"), ("Other", "")])
async def test_the_items_of_a_technology_answer_for_its_channels(technology: str, value: str):
    seen: list[str] = []
    async with two_phones() as world:
        undo = sessions(world.server).register_items(technology, _items)
        call, incoming = await world.connect()
        channel = next(one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        seen.append(world.server.pbx.dialplan.environment.evaluate(channel, "${CHANNEL(whose)}"))
        undo()
        seen.append(world.server.pbx.dialplan.environment.evaluate(channel, "${CHANNEL(endpoint)}"))
        await call.hangup()
        await incoming.ended()
    assert seen == [value, "101"]


SECURE = (
    EXTENSIONS
    + """
exten => 162,1,Set(CHANNEL(secure_bridge_signaling)=1)
 same => n,UserEvent(Secure,Status: [${CHANNEL(secure_bridge_signaling)}][${CHANNEL(secure_bridge_media)}],Cause: 0)
 same => n,Dial(PJSIP/102,5)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
exten => 163,1,Set(CHANNEL(secure_bridge_media)=1)
 same => n,Dial(PJSIP/102,5)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
exten => 164,1,Set(CHANNEL(secure_bridge_signaling)=yes)
 same => n,Dial(Local/102@phones,5)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
exten => 165,1,Set(CHANNEL(secure_bridge_signaling)=0)
 same => n,Goto(102,1)
"""
)


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        ("162", [("[1][]", "0"), ("CHANUNAVAIL", "58")]),
        ("163", [("CHANUNAVAIL", "58")]),
        ("164", [("CHANUNAVAIL", "58"), ("CHANUNAVAIL", "58")]),
    ],
)
async def test_who_cannot_be_called_securely_is_not_called(number: str, outcome: list[Any]):
    async with two_phones({"extensions.conf": SECURE}) as world:
        call = await world.ann.dial(number)
        await call.refused()
        assert world.dialled == outcome
        assert not world.bob.calls


async def test_a_demand_that_was_taken_back_is_none():
    async with two_phones({"extensions.conf": SECURE}) as world:
        call = await world.ann.dial("165")
        incoming = await world.bob.incoming()
        await call.cancel()
        await until(lambda: incoming.over)


TRANSFERS = (
    EXTENSIONS
    + """
exten => 171,1,Answer()
 same => n,Transfer(sip:9@127.0.0.1:5099)
exten => 172,1,Transfer(sip:9@127.0.0.1:5099)
 same => n,UserEvent(Dialled,Status: ${TRANSFERSTATUS},Cause: ${TRANSFERSTATUSPROTOCOL})
"""
)


async def test_a_transfer_in_the_words_of_the_habits():
    async with two_phones({"extensions.conf": TRANSFERS}) as world:
        endpoint = world.server.data.get(Endpoint, "101")
        assert isinstance(endpoint, Endpoint)
        endpoint.habits = Habits(refer_bare=True, redirect_name="Transfer", redirect_goes_on=True)
        call = await world.ann.dial("171")
        await call.answered()
        await until(lambda: [one for one in call.requests if one.method == "REFER"])
        (refer,) = (one for one in call.requests if one.method == "REFER")
        assert refer.get("Refer-To") == "<sip:9@127.0.0.1:5099>"
        assert refer.get("Referred-By")
        assert not [name for name in ("Event", "Expires", "Accept") if refer.has(name)]
        await call.hangup()
        refused = await world.ann.dial("172")
        assert await refused.refused() == 302
        assert refused.responses[-1].get("Contact") == "Transfer <sip:9@127.0.0.1:5099>"
        await until(lambda: world.dialled == [("SUCCESS", "0")])
