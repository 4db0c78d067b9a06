"""REDIRECTING() in the dialplan: the caller gets 181, the called phone a Diversion."""

from __future__ import annotations

import pytest
from call_kit import PJSIP, RELAYED, two_phones

from asterism.stack.message import make_response
from asterism.testing import Phone

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


@pytest.mark.parametrize("method", ["user", "uri_core"])
async def test_displays_show_the_target_of_a_302(method: str) -> None:
    """The caller gets 181 and learns whom it talks to; the target learns who calls."""
    pjsip = RELAYED["pjsip.conf"].replace(
        "[phone](!)\n", f"[phone](!)\nsend_pai=yes\ntrust_id_outbound=yes\nredirect_method={method}\n"
    )
    pjsip = pjsip.replace("[103](phone)\n", '[103](phone)\ncallerid="Cat Example" <103>\n')
    extensions = "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN},30)\n"
    async with (
        two_phones({"pjsip.conf": pjsip, "extensions.conf": extensions}) as world,
        Phone("103", world.server, "bob's secret", username="102") as cat,
    ):
        await cat.register()
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        assert incoming.server_transaction is not None
        moved = make_response(incoming.request, 302, "", world.bob.tag_of(incoming))
        moved.add_header("Contact", f"<sip:103@{cat.host}:{cat.port}>")
        incoming.server_transaction.respond(moved)
        world.bob.wire.arm()
        target = await cat.incoming()
        assert "101" in (target.request.get("P-Asserted-Identity") or "")
        target.ring()
        await call.ringing()
        target.answer()
        await call.answered()
        assert 181 in [response.status for response in call.responses]
        (answer,) = [response for response in call.responses if response.status == 200]
        if method == "user":
            assert "103" in (answer.get("P-Asserted-Identity") or "")
            assert "Cat Example" in (answer.get("P-Asserted-Identity") or "")
        await call.hangup()
        await target.ended()
