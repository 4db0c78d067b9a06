"""What the dialplan reads of SIP calls and puts on them."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.testing import Phone, running_server, until

PJSIP = """
[101]
type=endpoint
context=phones
allow=(ulaw|alaw)
auth=101
aors=101
set_var=CALLERID(name)=Ann of the list
set_var=COLOUR=blue
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
EXTENSIONS = """
[globals]
BASE = PJSIP
DEVICE = ${BASE}/101

[phones]
exten => 600,1,Set(PJSIP_HEADER(add,X-One)=1)
 same => n,Set(PJSIP_HEADER(add,X-Two)=2)
 same => n,Set(PJSIP_HEADER(remove,X-Two)=)
 same => n,Set(PJSIP_HEADER(update,X-One)=first)
 same => n,Set(NAME=${CALLERID(name)}/${COLOUR}/${DEVICE}/${CALLERID(ani2)})
 same => n,Set(FROM=${PJSIP_HEADER(read,From)})
 same => n,Set(USER=${PJSIP_PARSE_URI(${FROM},user)}/${PJSIP_PARSE_URI_FROM(FROM,user)})
 same => n,Set(URIS=${CHANNEL(pjsip,local_uri)} ${CHANNEL(pjsip,remote_uri)})
 same => n,Answer()
 same => n,Set(RTCP=${CHANNEL(rtcp,all)} ${CHANNEL(rtcp,local_maxjitter)} ${CHANNEL(rtcp,rxmes,audio)})
 same => n,Set(VIDEO=[${CHANNEL(rtp,dest,video)}])
 same => n,UserEvent(Seen,Name: ${NAME},User: ${USER},Uris: ${URIS},Rtcp: ${RTCP},Video: ${VIDEO})
 same => n,Playback(LONG)
 same => n,Set(CHANNEL(language)=LONG)
 same => n,Playback(hello-world)
 same => n,Wait(5)
""".replace("LONG", "é" * 250)


@asynccontextmanager
async def call(**more):
    async with (
        running_server({"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}) as server,
        Phone("101", server, "secret") as phone,
    ):
        seen = []
        server.bus.subscribe(server.owner, USER_EVENT, lambda kind, args: seen.append(dict(kind.render(*args))))
        await phone.register()
        call = await phone.dial("600")
        await call.answered()
        yield call, seen
        await call.hangup()


async def test_the_dialplan_knows_the_call_and_marks_its_responses():
    async with call() as (placed, seen):
        await until(lambda: seen, 5, "the dialplan did not get there")
        responses = [one for one in placed.responses if one.status > 100]
        assert responses
        for response in responses:
            assert [value for name, value in response.headers if name == "X-One"] == ["first"]
            assert not response.has("X-Two")
        [event] = seen
        assert event["Name"] == "Ann of the list/blue/PJSIP/101/0"
        assert event["User"] == "101/101"
        assert event["Uris"].startswith("<sip:600@")
        assert "<sip:101@" in event["Uris"]
        assert event["Rtcp"].startswith("ssrc=")
        assert event["Rtcp"].endswith(" 0.000000 0.000000")
        assert event["Video"] == "[]"


DIALLED = ('qx" = "x" | "', "qCHANNEL(state)", "qa,b")


@pytest.mark.parametrize(
    ("general", "seen"),
    [
        ("", ['0//x" = "x" | "|', "0//CHANNEL(state)|", "0//a,b|"]),
        ("[general]\nsubstituted_syntax = yes\n", ["1//x = x | |", "0/Ring/CHANNEL(state)|", "0//a|b"]),
    ],
)
async def test_what_is_dialled_is_syntax_with_the_option_only(general: str, seen: list[str]) -> None:
    extensions = f"""{general}
[phones]
exten => _q.,1,Set(RESULT=$["${{EXTEN:1}}" = "x"])
 same => n,Set(READ=${{${{EXTEN:1}}}})
 same => n,Gosub(sub,s,1(${{EXTEN:1}}))
 same => n,UserEvent(Seen,All: ${{RESULT}}/${{READ}}/${{ARGS}})
[sub]
exten => s,1,Set(ARGS=${{ARG1}}|${{ARG2}})
 same => n,Return()
"""
    config = {"pjsip.conf": PJSIP, "extensions.conf": extensions}
    async with running_server(config) as server, Phone("101", server, "secret") as phone:
        found: list[str] = []
        server.bus.subscribe(server.owner, USER_EVENT, lambda kind, args: found.append(dict(kind.render(*args))["All"]))  # type: ignore[arg-type]
        await phone.register()
        for number in DIALLED:
            await (await phone.dial(number)).refused()
        assert found == seen
