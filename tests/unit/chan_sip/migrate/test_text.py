"""Lines of the dialplan: what chan_sip has in them, and what is written for it."""

from __future__ import annotations

import pytest

from asterism.chan_sip.migrate.destinations import Destinations, Peer
from asterism.chan_sip.migrate.report import Outcome
from asterism.chan_sip.migrate.text import Rewriter, World, handlers_in, variables_in

T, C, U = Outcome.TRANSLATED, Outcome.CHANGED, Outcome.UNTRANSLATED


def world() -> World:
    peers = {"alice": Peer("alice"), "bob": Peer("bob"), "trunk1": Peer("trunk1", "192.0.2.1", 5060)}
    return World(
        Destinations(peers),
        trunks={"OUT_1", "TRUNK", "MIX_1"},
        prefixes={"PRE"},
        others={"MIX_2"},
        handlers={"hdradd"},
        domains=("red.example", "blue.example"),
        constants={("alice", "callerid_name"): "Alice Example", ("alice", "chanvar[dept]"): "sales"},
    )


LINES = [
    # destinations and devices
    ("Dial(SIP/alice,20)", "Dial(PJSIP/alice,20)", T),
    ("Dial(sip/alice&SIP/bob,20,tT)", "Dial(PJSIP/alice&PJSIP/bob,20,tT)", T),
    ("Dial(SIP/${EXTEN})", "Dial(PJSIP/${EXTEN})", T),
    ("Dial(SIP/trunk1/${EXTEN:1},60)", "Dial(PJSIP/${EXTEN:1}@trunk1,60)", T),
    ("Dial(SIP/0${EXTEN:1}@trunk1,60)", "Dial(PJSIP/0${EXTEN:1}@trunk1,60)", T),
    ("Dial(SIP/${A}/${EXTEN},60)", "Dial(PJSIP/${EXTEN}@${A},60)", T),
    ("Dial(Local/9@x&SIP/alice)", "Dial(Local/9@x&PJSIP/alice)", T),
    ("Dial(PJSIP/alice)", "Dial(PJSIP/alice)", None),
    ("NoOp(SIP/2.0 200 OK)", "NoOp(SIP/2.0 200 OK)", None),
    ("Set(X=http://host/SIP/alice)", "Set(X=http://host/SIP/alice)", None),
    ('GotoIf($["${DEVICE_STATE(SIP/${ARG1})}" = "UNAVAILABLE"]?a:b)',
     'GotoIf($["${DEVICE_STATE(PJSIP/${ARG1})}" = "UNAVAILABLE"]?a:b)', T),
    ('Set(D=${IF($["${A}" = "1"]?SIP/alice:SIP/bob)})', 'Set(D=${IF($["${A}" = "1"]?PJSIP/alice:PJSIP/bob)})', T),
    ("AddQueueMember(sales,SIP/alice,1)", "AddQueueMember(sales,PJSIP/alice,1)", T),
    # trunks in variables
    ("Dial(${TRUNK}/${EXTEN:1},60)", "Dial(PJSIP/${EXTEN:1}@${TRUNK:6},60)", T),
    ("Dial(${TRUNK},60)", "Dial(${TRUNK},60)", None),
    ("Dial(${PRE}${EXTEN:1},60)", "Dial(PJSIP/${EXTEN:1}@${PRE:6},60)", T),
    ("Dial(${OUT_${ARG1}}/${P_${ARG1}}${ARG2},60)", "Dial(PJSIP/${P_${ARG1}}${ARG2}@${OUT_${ARG1}:6},60)", T),
    ("Dial(${MIX_${ARG1}}/${ARG2},60)", "Dial(${MIX_${ARG1}}/${ARG2},60)", U),
    # headers
    ("SIPAddHeader(X-One: a\\;b=${C})", "Set(PJSIP_INHERITABLE_HEADER(add,X-One)=a\\;b=${C})", T),
    ("SIPADDHEADER(${H})",
     "Set(PJSIP_INHERITABLE_HEADER(add,${CUT(H,:,1)})=${CUT(H,:,2-)})", C),
    ("SIPAddHeader(${A}${B})", "Set(PJSIP_INHERITABLE_HEADER(add,${A}${B})=)", U),
    ("Set(__SIPADDHEADER51=X-I: one)", "Set(PJSIP_INHERITABLE_HEADER(add,X-I)=one)", T),
    ("ExecIf($[1]?SIPRemoveHeader(X-Two):SIPRemoveHeader(P-Id:))",
     "ExecIf($[1]?Set(PJSIP_INHERITABLE_HEADER(remove,X-Two*)=):Set(PJSIP_INHERITABLE_HEADER(remove,P-Id)=))", T),
    ("SIPRemoveHeader()", "Set(PJSIP_INHERITABLE_HEADER(remove,*)=)", T),
    ("Set(A=${SIP_HEADER(X-A)}${SIP_HEADER(Via,2)})",
     "Set(A=${PJSIP_HEADER(read,X-A)}${PJSIP_HEADER(read,Via,2)})", T),
    ("Set(A=${SIP_HEADERS(X-)})", "Set(A=${PJSIP_HEADERS(X-)})", T),
    # media
    ("SIPDtmfMode(rfc2833)", "Set(PJSIP_DTMF_MODE()=rfc4733)", T),
    ("SIPDtmfMode(${M})", "Set(PJSIP_DTMF_MODE()=${M})", T),
    ("Set(SIP_CODEC=alaw)", "Set(PJSIP_MEDIA_OFFER(audio)=!all,alaw)", C),
    ("Set(_SIP_CODEC_OUTBOUND=alaw)", "Set(_SIP_CODEC_OUTBOUND=alaw)", U),
    ("SIPSendCustomINFO(x)", "NoOp(SIPSendCustomINFO x)", U),
    # the channel
    ("NoOp(${CHANNEL(peername)})", "NoOp(${CHANNEL(endpoint)})", T),
    ("NoOp(${CHANNEL(peerip)})", "NoOp(${CUT(CHANNEL(pjsip,remote_addr),:,1)})", C),
    ("NoOp(${CHANNEL(rtpqos,audio,local_lostpackets)})", "NoOp(${CHANNEL(rtcp,rxploss,audio)})", T),
    ("NoOp(${CHANNEL(rtpdest)})", "NoOp(${CHANNEL(rtp,dest,audio)})", T),
    ("NoOp(${CHANNEL(language)})", "NoOp(${CHANNEL(language)})", None),
    ("NoOp(${CHANNEL(t38passthrough)})", "NoOp(${CHANNEL(t38passthrough)})", U),
    ("NoOp(${SIPCALLID} ${SIPDOMAIN:0:3})",
     "NoOp(${CHANNEL(pjsip,call-id)} ${PJSIP_PARSE_URI(${CHANNEL(pjsip,request_uri)},host):0:3})", T),
    ('GotoIf($["${CHANNEL(channeltype)}" = "SIP"]?x)', 'GotoIf($["${CHANNEL(channeltype)}" = "PJSIP"]?x)', T),
    ('GotoIf($["${CHANNEL:0:3}" = "SIP"]?x)', 'GotoIf($["${CHANNEL:0:5}" = "PJSIP"]?x)', T),
    ("Set(P=${CHANNEL:4:3})", "Set(P=${CHANNEL:6:3})", C),
    # peers
    ("NoOp(${SIPPEER(${A},context)})", "NoOp(${PJSIP_ENDPOINT(${A},context)})", T),
    ("NoOp(${SIPPEER(alice,callerid_name)})", "NoOp(Alice Example)", C),
    ("NoOp(${SIPPEER(alice,chanvar[DEPT])})", "NoOp(sales)", C),
    ("NoOp(${SIPPEER(alice,curcalls)})", "NoOp(${SIPPEER(alice,curcalls)})", U),
    ('GotoIf($["${SIPPEER(bob,status):0:2}" = "OK"]?up)',
     'GotoIf($["${PJSIP_CONTACT(${PJSIP_AOR(bob,contact)},status)}" = "Reachable"]?up)', T),
    # domains
    ("NoOp(${CHECKSIPDOMAIN(BLUE.example)}${CHECKSIPDOMAIN(x.example)})", "NoOp(blue.example)", C),
    ("NoOp(${CHECKSIPDOMAIN(${D})})",
     'NoOp(${IF($["${TOLOWER(${D})}" = "red.example" | "${TOLOWER(${D})}" = "blue.example"]?${D})})', C),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "outcome"), LINES)
def test_a_line(text: str, expected: str, outcome: Outcome | None) -> None:
    rewriter = Rewriter(world())
    assert rewriter.rewrite(text) == expected
    assert (rewriter.outcome if rewriter.notes else None) == outcome
    if outcome in (C, U):
        assert rewriter.why


@pytest.mark.parametrize(
    "text", ["Dial(SIP/a", "${SIPPEER(", "${", "SIPAddHeader(", "${SIPPEER()}", "$[${CHANNEL(", "SIP/"]
)
def test_unclosed_text_is_no_trouble(text: str) -> None:
    assert isinstance(Rewriter(world()).rewrite(text), str)


def test_a_handler_runs_on_the_channel_that_is_called() -> None:
    assert Rewriter(world(), handler=True).rewrite("SIPAddHeader(X: y)") == "Set(PJSIP_HEADER(add,X)=y)"
    assert handlers_in(["s,1,Dial(SIP/a,20,tb(Hdr^s^1))", "s,1,NoOp(b(other^s^1))"]) == {"hdr"}


def test_what_variables_hold() -> None:
    devices, prefixes, others = variables_in("s,1,Set(A=SIP/x)")
    assert (devices, prefixes, others) == ({"A"}, set(), set())
    assert variables_in("OUT=SIP/x/")[1] == {"OUT"}
    assert variables_in("OUT=DAHDI/g0")[2] == {"OUT"}
    assert variables_in("s,1,Set(A=SIP/x/9)") == (set(), set(), set())
