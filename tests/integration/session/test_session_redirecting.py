"""REDIRECTING() in the dialplan: the caller gets 181, the called phone a Diversion."""

from __future__ import annotations

from call_kit import PJSIP, two_phones

EXTENSIONS = """
[phones]
exten => 105,1,Set(REDIRECTING(from-num,i)=105)
 same => n,Set(REDIRECTING(reason,i)=cfu)
 same => n,Set(REDIRECTING(count,i)=1)
 same => n,Set(REDIRECTING(to-num)=102)
 same => n,Dial(PJSIP/102,30)
"""


async def test_the_caller_and_the_called_phone_are_told() -> None:
    pjsip = PJSIP.replace("[102](phone)\n", "[102](phone)\nsend_diversion=yes\n")
    async with two_phones({"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS}) as world:
        call = await world.ann.dial("105")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.ringing()
        assert 181 in [response.status for response in call.responses]
        diversion = incoming.request.get("Diversion") or ""
        assert "sip:105@" in diversion
        assert "reason=unconditional" in diversion
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()
