"""PJSIP_HEADER_PARAM: set on a call being made, read of one that came in."""

from __future__ import annotations

import pytest

from asterism.stack.headers import NameAddr
from asterism.stack.message import Request
from asterism.stack.uri import Uri
from asterism.testing import Phone, running_server, until

PJSIP = """
[101]
type=endpoint
context=phones
allow=ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
EXTENSIONS = """
[phones]
exten => 600,1,Dial(PJSIP/101,10,b(params^s^1))
exten => 601,1,Set(GLOBAL(HEARD)=${PJSIP_HEADER_PARAM(From,uri,isup-oli)}|${PJSIP_HEADER_PARAM(from,header,x)}|\
${PJSIP_HEADER_PARAM(From,uri,none)})
 same => n,Set(PJSIP_HEADER_PARAM(From,uri,x)=1)
 same => n,Answer()
 same => n,Wait(5)
[params]
exten => s,1,Set(PJSIP_HEADER_PARAM(From,uri,isup-oli)=27)
 same => n,Set(PJSIP_HEADER_PARAM(From,uri,isup-oli)=28)
 same => n,Set(PJSIP_HEADER_PARAM(From,header,x-myparam)=fun)
 same => n,Set(PJSIP_HEADER_PARAM(From,uri,lone)=)
 same => n,Set(GLOBAL(READ)=${PJSIP_HEADER_PARAM(From,uri,isup-oli)}|${PJSIP_HEADER_PARAM(From,uri,no)})
 same => n,Set(PJSIP_HEADER_PARAM(To,uri,a)=b)
 same => n,Set(PJSIP_HEADER_PARAM(From,body,a)=b)
 same => n,Set(PJSIP_HEADER_PARAM(From,header,tag)=b)
 same => n,Set(PJSIP_HEADER_PARAM(From,uri,a)=b>;evil=1)
 same => n,Set(PJSIP_HEADER_PARAM(From,uri,a b)=1)
 same => n,Return()
"""


class Marked(Phone):
    """A phone whose From has parameters once it has been told so."""

    marked = False

    def create_request(self, method: str, target: Uri, to: Uri | None = None, call_id: str = "") -> Request:
        request = super().create_request(method, target, to, call_id)
        if self.marked:
            request.headers = [
                (name, value.replace(">", ";isup-oli=62>", 1) + ";x=7" if name == "From" else value)
                for name, value in request.headers
            ]
        return request


async def test_parameters_are_sent_and_read(caplog: pytest.LogCaptureFixture) -> None:
    config = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}
    async with running_server(config) as server, Marked("101", server, "secret") as phone:
        await phone.register()
        caller = await phone.dial("600")
        called = await phone.incoming()
        sender = called.request.get("From")
        address = NameAddr.parse(sender)
        assert dict(address.uri.params) == {"isup-oli": "28", "lone": None}
        assert address.params["x-myparam"] == "fun"
        assert "evil" not in sender
        assert server.pbx.dialplan.globals["READ"] == "28|"
        await caller.cancel()
        await until(lambda: not len(server.pbx.channels))
        phone.marked = True
        call = await phone.dial("601")
        await call.answered()
        assert server.pbx.dialplan.globals["HEARD"] == "62|7|"
        await call.hangup()
