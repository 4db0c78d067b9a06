"""Offers and answers with encryption, AVPF, ICE, RTCP on one port and BUNDLE, as Asterisk 22.10 has them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sdp_record import blocks, final_response, shape
from session_bench import Bench, on_bench, set_options

from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.sip.objects.endpoint import Endpoint

RECORD = "sdp_security.txt"
DTLS = {"media_encryption": "dtls", "dtls_setup": "actpass", "dtls_auto_generate_cert": "yes"}
OPTIONS: dict[str, dict[str, Any]] = {
    "sdes": {"media_encryption": "sdes"},
    "sdesopt": {"media_encryption": "sdes", "media_encryption_optimistic": "yes"},
    "sdes32": {"media_encryption": "sdes", "srtp_tag_32": "yes"},
    "dtls": DTLS,
    "dtlsact": {**DTLS, "dtls_setup": "active"},
    "dtlspas": {**DTLS, "dtls_setup": "passive"},
    "dtlsopt": {**DTLS, "media_encryption_optimistic": "yes", "dtls_fingerprint": "SHA-1"},
    "avpf": {"use_avpf": "yes"},
    "avpfsdes": {"media_encryption": "sdes", "use_avpf": "yes"},
    "forceavp": {"media_encryption": "sdes", "force_avp": "yes"},
    "ice": {"ice_support": "yes"},
    "p30": {},
    "mux": {"rtcp_mux": "yes"},
    "bundle": {"bundle": "yes", "max_video_streams": "2", "allow": "ulaw,h264,vp8"},
    "webrtc": {"webrtc": "yes", "allow": "opus,ulaw,vp8,h264"},
}
REFUSED = "SIP/2.0 488 Not Acceptable Here"
OTHERWISE = {
    "dtls: incoming offer SHA-384 fingerprint": REFUSED,  # it has the length of another hash
    # What Asterisk takes and this server does not, or the other way round: without proof of who the peer is, or in the
    # clear where encryption is demanded.
    "dtls: incoming offer UDP/TLS/RTP/SAVP without fingerprint": REFUSED,
    "webrtc: incoming offer RTP/AVP offer": REFUSED,
    "dtlsopt: incoming offer RTP/AVP": ["m=audio PORT RTP/AVP 0 8 101"],
    "dtlsopt: incoming offer RTP/AVP with fingerprint": [
        "m=audio PORT RTP/AVP 0 8 101", "a=connection:new", "a=setup:active", "a=fingerprint:SHA-1 DIGEST",
    ],
}  # fmt: skip


def ordered(lines: list[str]) -> list[str]:
    """The lines with those of payload types first in each section: Asterisk has some of them behind all others."""
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    found = []
    for section in sections:
        types = [line for line in section if line.startswith(("a=rtpmap", "a=fmtp"))]
        found += section[:1] + types + [line for line in section[1:] if line not in types]
    return found


def prepare(bench: Bench, name: str, options: dict[str, Any]) -> None:
    endpoint = bench.server.data.get(Endpoint, name)
    assert isinstance(endpoint, Endpoint)
    set_options(endpoint, **{"allow": "ulaw,alaw", **options})
    endpoint.validate(frozenset(options))
    settings = bench.server.media.settings
    bench.server.media.use(replace(settings, ice=replace(settings.ice, loopback=True)))


@pytest.mark.parametrize(
    ("endpoint", "title", "steps"),
    blocks(RECORD, "incoming"),
    ids=[title for _, title, _ in blocks(RECORD, "incoming")],
)
def test_what_is_offered_is_answered_as_recorded(
    endpoint: str, title: str, steps: list[tuple[str, str]], tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            await channel.answer()
            await asyncio.sleep(100)

        prepare(bench, "alice", OPTIONS[endpoint])
        (_, offer), (_, recorded) = steps
        alice = bench.phone(5071)
        alice.call("700", body=offer.strip().replace("\n", "\r\n") + "\r\n")
        final = await final_response(alice)
        wanted = OTHERWISE.get(title, recorded.strip())
        if wanted == REFUSED:
            assert final.status == 488
            return
        assert final.status == 200
        answer = final.body.decode()
        if isinstance(wanted, str):
            assert ordered(shape(answer)) == ordered(shape(wanted))
        else:
            assert shape(answer)[: len(wanted)] == wanted
        ports = re.findall(r"^m=\w+ (\d+)", answer, re.M)
        recorded_ports = re.findall(r"^m=\w+ (\d+)", recorded, re.M)
        if len(recorded_ports) == 2 and "0" not in recorded_ports:
            assert (ports[0] == ports[1]) == (recorded_ports[0] == recorded_ports[1])
        alice.in_dialog("ACK", final, 1)
        alice.in_dialog("BYE", final, 2)
        await alice.next(200)

    test(tmp_path)


@pytest.mark.parametrize(
    ("endpoint", "title", "steps"),
    blocks(RECORD, "outgoing"),
    ids=[title for _, title, _ in blocks(RECORD, "outgoing")],
)
def test_what_is_offered_to_a_peer_is_as_recorded(
    endpoint: str, title: str, steps: list[tuple[str, str]], tmp_path: Path
) -> None:
    """An answer without what was demanded ends the call; any other is taken."""

    @on_bench
    async def test(bench: Bench) -> None:
        prepare(bench, "bob", OPTIONS[endpoint])
        bob = bench.phone(5072)
        task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
        invite = await bob.next("INVITE")
        # Which of the free numbers digits get is the affair of each server.
        assert shape(invite.body.decode()) == shape(re.sub(r"\b105\b", "102", steps[0][1]))
        if len(steps) == 1:
            bob.respond(invite, 486)
            await task
            return
        bob.respond(invite, 200, body=steps[1][1].strip().replace("\n", "\r\n") + "\r\n")
        await bob.next("ACK")
        found = await task
        if title in UNUSABLE:
            assert found.channel is None
        else:
            assert found.channel is not None
            found.channel.hang_up()
        bob.respond(await bob.next("BYE"), 200)

    test(tmp_path)


UNUSABLE = {
    "sdes: outgoing offer answered RTP/AVP without crypto",
    "sdes: outgoing offer answered RTP/SAVP without crypto",
    "dtls: outgoing offer answered without fingerprint",
}
