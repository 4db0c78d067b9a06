"""Variables of chan_sip with their effect: what calls set, what calls read, and that text of callers stays text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sip_dialplan_kit import World, recorded_world

from asterism.stack.message import Request
from asterism.testing import PhoneCall, until

EXTRA = r"""
[internal]
exten => 801,1,Set(_SIPFROMDOMAIN=override.example.test)
 same => n,Set(_SIP_MAX_FORWARDS=12)
 same => n,Set(_SIP_URI_OPTIONS=user=phone\;x-a=b)
 same => n,Set(_SIPTRANSFER_REPLACES=c@d\;to-tag=1\;from-tag=2)
 same => n,Set(_SIP_CODEC=alaw)
 same => n,Dial(SIP/5551212@trunk1,20,b(seen^s^1))
exten => 802,1,Set(_SIPFROMDOMAIN=evil>\;x=<)
 same => n,Set(_SIP_MAX_FORWARDS=0)
 same => n,Set(_SIP_URI_OPTIONS=${URIDECODE(${SIP_HEADER(X-Evil)})})
 same => n,Set(_SIPADDHEADER03=X-Var: ${URIDECODE(${SIP_HEADER(X-Evil)})})
 same => n,SIPAddHeader(X-Name: ${URIDECODE(${SIP_HEADER(X-Evil)})})
 same => n,SIPAddHeader(${SIP_HEADER(X-Name)}: v)
 same => n,SIPAddHeader(X-Good: yes)
 same => n,Dial(SIP/5551212@trunk1,20)
exten => 803,1,Set(SIP_CODEC_INBOUND=alaw)
 same => n,Answer()
 same => n,Wait(5)
exten => 804,1,Set(SIP_CODEC=gsm)
 same => n,Answer()
 same => n,Wait(5)
exten => 805,1,SIPAddHeader(X-Refer: ours)
 same => n,Answer()
 same => n,Transfer(SIP/6001@127.0.0.1:5)
exten => 806,1,NoOp([${CHANNEL(ruri)}][${CHANNEL(rtpqos,video,all)}][${CHANNEL(rtpqos,text,rtt)}])
 same => n,NoOp([${CHANNEL(t38)}][${CHANNEL(secure_signaling)}][${CHANNEL(secure_media)}][${CHANNEL(peername)}])
 same => n,Hangup(17)
exten => 807,1,Set(CHANNEL(secure_bridge_signaling)=1)
 same => n,Dial(SIP/5551212@trunk1,20)
 same => n,NoOp(${DIALSTATUS} ${HANGUPCAUSE})
 same => n,Hangup(17)
exten => 808,1,Answer()
 same => n,Wait(5)
exten => h,1,NoOp(QOS ${RTPAUDIOQOS})
 same => n,NoOp(LINES ${RTPAUDIOQOSJITTER}${RTPAUDIOQOSLOSS}${RTPAUDIOQOSRTT})
 same => n,NoOp(BRIDGED ${RTPAUDIOQOSBRIDGED})
 same => n,NoOp(VIDEO [${RTPVIDEOQOS}][${RTPTEXTQOS}])
exten => 810,1,Dial(SIP/bob,20,g)
 same => n,NoOp(BRIDGED ${RTPAUDIOQOSBRIDGED})
 same => n,Hangup()
exten => 811,1,Answer()
 same => n,SIPDtmfMode(inband)
 same => n,SendDTMF(5,,400)
 same => n,Wait(5)
exten => 809,1,Set(__GET_TRANSFERRER_DATA=X-)
 same => n,Dial(SIP/bob,20)
exten => 555,1,NoOp()
 same => n,NoOp(SIPTRANSFER=${SIPTRANSFER} CONTEXT=${SIPREFERRINGCONTEXT})
 same => n,NoOp(BY=${SIPREFERREDBYHDR} TO=${SIPREFERTOHDR})
 same => n,NoOp(KEYS=${HASHKEYS(TRANSFER_DATA)} REASON=${HASH(TRANSFER_DATA,X-Reason)})
 same => n,NoOp(OTHER=[${HASH(TRANSFER_DATA,Subject)}])
 same => n,NoOp(BLINDTRANSFER=${CUT(BLINDTRANSFER,-,1)})
 same => n,Hangup()
[seen]
exten => s,1,NoOp(CALLID=${SIPCALLID} HEADER=[${SIP_HEADER(To)}] PEER=${CHANNEL(peername)} URI=${CHANNEL(uri)})
 same => n,Return()
[elsewhere]
exten => 556,1,NoOp()
 same => n,NoOp(ELSEWHERE ${SIPREFERRINGCONTEXT})
 same => n,Hangup()
"""
QUALITY = (
    r"ssrc=\d+;themssrc=\d+;lp=\d+;rxjitter=\d\.\d{6};rxcount=\d+;txjitter=\d\.\d{6};txcount=\d+;rlp=\d+;rtt=\d\.\d{6}"
)


async def _to_trunk(world: World, number: str, *headers: tuple[str, str]) -> tuple[PhoneCall, Request]:
    world.begin()
    call = await world.phones["alice"].dial(number, headers=headers)
    incoming = await world.phones["trunk1"].incoming()
    return call, incoming.request


async def test_variables_of_the_called_channel_change_its_invite(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", "trunk1", extra=EXTRA) as world:
        call, invite = await _to_trunk(world, "801")
        await call.cancel()
        assert invite.from_.uri.host == "override.example.test"
        assert invite.max_forwards == 12
        assert str(invite.uri).endswith(";user=phone;x-a=b")
        assert invite.get("Replaces") == "c@d;to-tag=1;from-tag=2"
        assert invite.get("Require") == "replaces"
        assert re.search(rb"m=audio \d+ RTP/AVP 8 101\r", invite.body)
        seen = next(line for line in world.lines if "CALLID=" in line)
        trunk = world.phones["trunk1"]
        assert (
            seen
            == f"[s@seen:1] NoOp(CALLID={invite.call_id} HEADER=[] PEER=trunk1 URI=sip:5551212@127.0.0.1:{trunk.port})"
        )
        assert not [line for line in world.lines if line.startswith("WARNING")]


async def test_text_of_callers_adds_nothing_to_the_invite(tmp_path: Path) -> None:
    evil = ("X-Evil", "a%0d%0aX-Injected: yes%0d%0a"), ("X-Name", "Via")
    async with recorded_world(tmp_path, "alice", "trunk1", extra=EXTRA) as world:
        call, invite = await _to_trunk(world, "802", *evil)
        await call.cancel()
        names = [name for name, _ in invite.headers]
        assert [name for name in names if name.startswith("X-")] == ["X-Good"]
        assert names.count("Via") == 1
        assert invite.from_.uri.host == "pbx.example.test"
        assert str(invite.uri).partition(":15")[0] == "sip:5551212@127.0.0.1:" + str(world.phones["trunk1"].port)
        warned = [line for line in world.lines if line.startswith("WARNING")]
        assert len(warned) == 5, warned
        for name in ("SIPFROMDOMAIN", "SIP_MAX_FORWARDS", "SIP_URI_OPTIONS"):
            assert any(f"{name} is ignored" in line for line in warned)


@pytest.mark.parametrize(("number", "codecs"), [("803", [8]), ("804", [0, 8])])
async def test_the_codec_of_our_answer(number: str, codecs: list[int], tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", extra=EXTRA) as world:
        call = await world.phones["alice"].dial(number)
        await call.answered()
        assert call.remote_description is not None
        assert call.remote_description.codecs == codecs
        await call.hangup()


@pytest.mark.parametrize(("option", "header"), [("yes", "ours"), ("no", None)])
async def test_a_refer_carries_what_was_added(option: str, header: str | None, tmp_path: Path) -> None:
    general = f"\n[general](+)\nrefer_addheaders={option}\n"
    async with recorded_world(tmp_path, "alice", extra=EXTRA, sip=general) as world:
        call = await world.phones["alice"].dial("805")
        await call.answered()
        await until(lambda: any(one.method == "REFER" for one in call.requests))
        refer = next(one for one in call.requests if one.method == "REFER")
        assert refer.get("X-Refer") == header
        await call.hangup()


async def test_items_that_ended_the_old_driver(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", extra=EXTRA) as world:
        world.begin()
        call = await world.phones["alice"].dial("806")
        await call.refused()
        host, port = call.request.uri.host, call.request.uri.port
        assert world.lines[:2] == [
            f"[806@internal:1] NoOp([sip:806@{host}:{port}][][])",
            "[806@internal:2] NoOp([DISABLED][][][alice])",
        ]


async def test_security_is_demanded_of_called_peers(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", "trunk1", extra=EXTRA) as world:
        world.begin()
        call = await world.phones["alice"].dial("807")
        await call.refused()
        assert "[807@internal:3] NoOp(CHANUNAVAIL 58)" in world.lines
        assert not world.phones["trunk1"].calls


async def test_digits_as_tones_though_events_were_agreed(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", extra=EXTRA) as world:
        call = await world.phones["alice"].dial("811")
        await call.answered()
        await call.hears(770, 1336)
        assert call.audio.digits == ""
        await call.hangup()


async def test_the_quality_of_a_call(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", extra=EXTRA) as world:
        world.begin()
        call = await world.phones["alice"].dial("808")
        await call.answered()
        call.play(400)
        await call.hangup()
        await until(lambda: any("VIDEO" in line for line in world.lines))
        told = "\n".join(world.lines)
        assert re.search(rf"NoOp\(QOS {QUALITY}\)", told)
        assert "LINES minrxjitter=" in told
        assert "reported_stdevlost=" in told
        assert "NoOp(VIDEO [][])" in told


async def _connected(world: World, number: str) -> tuple[PhoneCall, PhoneCall]:
    call = await world.phones["alice"].dial(number)
    incoming = await world.phones["bob"].incoming()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    return call, incoming


async def test_the_quality_of_the_other_party(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", "bob", extra=EXTRA) as world:
        world.begin()
        call, incoming = await _connected(world, "810")
        await incoming.hangup()
        await call.ended()
        assert re.search(rf"NoOp\(BRIDGED {QUALITY}\)", "\n".join(world.lines))


async def test_what_a_transfer_tells_the_dialplan(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", "bob", extra=EXTRA) as world:
        call, incoming = await _connected(world, "809")
        world.begin()
        alice = world.phones["alice"]
        by = f"<sip:alice@127.0.0.1:{alice.server[1]}>"
        response = await incoming.refer(
            str(world.phones["bob"].uri("555")), ("Referred-By", by), ("X-Reason", "because, of"), ("Subject", "no")
        )
        assert response.status == 202
        await call.ended()
        server = alice.server[1]
        assert [line.partition(" ")[2] for line in world.lines if line.startswith("[555@")][1:] == [
            "NoOp(SIPTRANSFER=yes CONTEXT=internal)",
            f"NoOp(BY={by} TO=sip:555@127.0.0.1:{server})",
            "NoOp(KEYS=X-Reason REASON=because, of)",
            "NoOp(OTHER=[])",
            "NoOp(BLINDTRANSFER=SIP/bob)",
            "Hangup()",
        ]


async def test_transfer_context_is_where_the_target_is_looked_for(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, "alice", "bob", extra=EXTRA) as world:
        call, incoming = await _connected(world, "809")
        channel = next(one for one in world.server.pbx.channels if one.name.startswith("SIP/bob"))
        channel.set_variable("TRANSFER_CONTEXT", "elsewhere")
        assert (await incoming.refer(str(world.phones["bob"].uri("556")))).status == 202
        await call.ended()
        assert "[556@elsewhere:2] NoOp(ELSEWHERE elsewhere)" in world.lines
