"""PJSIP_MEDIA_OFFER, PJSIP_DTMF_MODE, PJSIP_SEND_SESSION_REFRESH, codec parameters that pass from party to party."""

from __future__ import annotations

from typing import Any

from session_bench import Bench, on_bench, sdp

from asterism.media.formats import ALAW, OPUS, ULAW
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request
from asterism.stack.sdp import SessionDescription


def function(bench: Bench, channel: Any, name: str, args: str = "", value: str | None = None) -> str:
    environment = bench.server.pbx.dialplan.environment
    if value is None:
        return environment.function(channel, name, args)
    environment.write(channel, name, args, value)
    return ""


async def answered(bench: Bench, body: str) -> tuple[Any, Any]:
    """Alice is answered; her phone and her channel."""
    channels: list[Any] = []

    @bench.server.pbx.extension("internal", "700")
    async def answer(channel: Any) -> None:
        await channel.answer()
        channels.append(channel)
        await channel.wait(999)

    alice = bench.phone(5071)
    alice.call("700", body=body)
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    await bench.until(lambda: channels)
    return alice, channels[0]


def requests(phone: Any) -> list[Request]:
    return [one for one in phone.messages() if isinstance(one, Request)]


def section(message: Request) -> list[str]:
    return str(SessionDescription.parse(message.body).media[0]).split("\r\n")[:-1]


@on_bench
async def test_a_written_offer_goes_out_with_the_refresh(bench: Bench) -> None:
    alice, channel = await answered(bench, sdp())
    assert function(bench, channel, "PJSIP_MEDIA_OFFER", "audio") == "ulaw,alaw"
    function(bench, channel, "PJSIP_MEDIA_OFFER", "audio", "!all,alaw")
    assert function(bench, channel, "PJSIP_MEDIA_OFFER", "audio") == "alaw"
    assert not requests(alice)
    function(bench, channel, "PJSIP_SEND_SESSION_REFRESH", "", "invite")
    invite = await alice.next("INVITE")
    # As Asterisk 22 writes it.
    assert section(invite)[0].endswith("RTP/AVP 8 101")
    assert section(invite)[1:] == [
        "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:140",
        "a=sendrecv",
    ]  # fmt: skip
    alice.respond(invite, 200, body=sdp(version=3))
    await alice.next("ACK")
    (rtp,) = bench.server.media.sessions
    assert rtp.formats == (ALAW,)


@on_bench
async def test_an_update_is_sent_when_asked_for(bench: Bench) -> None:
    alice, channel = await answered(bench, sdp())
    function(bench, channel, "PJSIP_MEDIA_OFFER", "audio", "!all,ulaw")
    function(bench, channel, "PJSIP_SEND_SESSION_REFRESH", "", "update")
    update = await alice.next("UPDATE")
    alice.respond(update, 488)
    await bench.turn()
    (rtp,) = bench.server.media.sessions
    assert rtp.formats == (ULAW, ALAW)  # as before: the peer did not take it


@on_bench
async def test_nothing_is_sent_while_the_media_stay_the_same(bench: Bench) -> None:
    alice, channel = await answered(bench, sdp())
    for method in ("invite", "update", ""):
        function(bench, channel, "PJSIP_SEND_SESSION_REFRESH", "", method)
    await bench.turn()
    assert not requests(alice)


@on_bench
async def test_another_dtmf_mode_is_told_at_once(bench: Bench) -> None:
    alice, channel = await answered(bench, sdp())
    assert function(bench, channel, "PJSIP_DTMF_MODE") == "rfc4733"
    function(bench, channel, "PJSIP_DTMF_MODE", "", "info")
    assert function(bench, channel, "PJSIP_DTMF_MODE") == "info"
    invite = await alice.next("INVITE")
    assert section(invite)[0].endswith("RTP/AVP 0 8")
    alice.respond(invite, 200, body=sdp("0 8", version=3))
    await alice.next("ACK")
    channel.send_digit("5", 100)
    info = await alice.next("INFO")
    assert b"Signal=5" in info.body
    alice.respond(info, 200)


@on_bench
async def test_an_unknown_mode_or_codec_changes_nothing(bench: Bench) -> None:
    alice, channel = await answered(bench, sdp())
    function(bench, channel, "PJSIP_DTMF_MODE", "", "telepathy")
    function(bench, channel, "PJSIP_MEDIA_OFFER", "audio", "!all,nonsense")
    function(bench, channel, "PJSIP_MEDIA_OFFER", "audio", "!all")
    function(bench, channel, "PJSIP_SEND_SESSION_REFRESH", "", "carrier pigeon")
    assert function(bench, channel, "PJSIP_DTMF_MODE") == "rfc4733"
    assert function(bench, channel, "PJSIP_MEDIA_OFFER", "audio") == "ulaw,alaw"
    await bench.turn()
    assert not requests(alice)


@on_bench
async def test_opus_parameters_of_the_caller_are_offered_to_the_callee(bench: Bench) -> None:
    for name in ("alice", "bob"):
        endpoint = bench.server.data.get(Endpoint, name)
        endpoint.allow = ("opus", "ulaw")
    bench.sessions.profiles.clear()

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice, bob = bench.phone(5071), bench.phone(5072)
    offer = sdp("111 0").replace("a=ptime", "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1;x=y\r\na=ptime")
    alice.call("900", body=offer)
    invite = await bob.next("INVITE")
    assert "a=fmtp:107 useinbandfec=1" in section(invite)
    bob.respond(invite, 200, body=sdp("96").replace("a=ptime", "a=rtpmap:96 opus/48000/2\r\na=ptime"))
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    assert "a=fmtp:111 useinbandfec=1" in section(ok)  # type: ignore[arg-type]
    assert all(one.format is OPUS for one in bench.server.media.sessions)
