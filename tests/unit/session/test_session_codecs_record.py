"""Types of media, transports, packet lengths and the order of codecs in descriptions, as Asterisk 22.10 has them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sdp_record import FOLDER, blocks, final_response, shape
from session_bench import Bench, on_bench, set_options

from asterism.media.formats import FORMATS
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.sip.objects.endpoint import Endpoint

RECORD = "sdp_codecs.txt"
NOTHING_TAKEN = {
    # Asterisk accepts a call that has no stream at all; this server refuses it.
    "avp: incoming offer transport protocol TCP/RTP/AVP",
    "avp: incoming offer transport protocol FOO/BAR",
}
ULAW_ALONE = "p30: incoming offer m=application TCP/BFCP"
"""The length of packets in allow holds there for an offer of that codec alone; here it never does."""
NOT_OFFERED = "out_remote_first: caller offers G722 GSM PCMU, callee answers PCMU only"
"""A codec that was not offered is taken there; here such an answer has none."""


def options_of(name: str) -> dict[str, Any]:
    allow = {"p30": "ulaw:30,alaw", "avp": "ulaw,alaw", "wide": "g722,ulaw,gsm,alaw", "asym": "ulaw,alaw"}
    found: dict[str, Any] = {"allow": allow.get(name, "alaw,ulaw,g722")}
    direction, _, preference = name.partition("_")
    if direction in ("in", "out"):
        found["incoming_call_offer_pref" if direction == "in" else "outgoing_call_offer_pref"] = preference
    found |= {
        "p30": {"use_ptime": "yes"}, "prefonly": {"preferred_codec_only": "yes"},
        "asym": {"asymmetric_rtp_codec": "yes"},
    }.get(name, {})  # fmt: skip
    return found


def prepare(bench: Bench, phone: str, name: str) -> None:
    set_options(bench.server.data.get(Endpoint, phone), **options_of(name))


def text(step: tuple[str, str]) -> str:
    return step[1].strip().replace("\n", "\r\n") + "\r\n"


@pytest.mark.parametrize(
    ("endpoint", "title", "steps"), blocks(RECORD, "incoming"), ids=[one[1] for one in blocks(RECORD, "incoming")]
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

        prepare(bench, "alice", endpoint)
        alice = bench.phone(5071)
        alice.call("700", body=text(steps[0]))
        final = await final_response(alice)
        recorded = steps[1][1].strip()
        if title in NOTHING_TAKEN or recorded.startswith("SIP/2.0 4"):
            assert final.status == (400 if recorded.startswith("SIP/2.0 400") else 488)
            return
        if title == ULAW_ALONE:
            recorded = recorded.replace("a=ptime:30", "a=ptime:20")
        assert shape(final.body.decode()) == shape(recorded)
        alice.in_dialog("ACK", final, 1)
        alice.in_dialog("BYE", final, 2)
        await alice.next(200)

    test(tmp_path)


@pytest.mark.parametrize(
    ("endpoint", "title", "steps"), blocks(RECORD, "outgoing"), ids=[one[1] for one in blocks(RECORD, "outgoing")]
)
def test_what_is_offered_to_a_peer_is_as_recorded(
    endpoint: str, title: str, steps: list[tuple[str, str]], tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        prepare(bench, "bob", endpoint)
        names = re.search(r"originated with: (\S+)", title)
        formats = tuple(FORMATS[name] for name in names[1].split(",")) if names else ()
        bob = bench.phone(5072)
        request = OriginateRequest("PJSIP/bob", "internal", "900", formats=formats)
        task = asyncio.ensure_future(originate(bench.server.pbx, request))
        invite = await bob.next("INVITE")
        assert shape(invite.body.decode()) == shape(steps[0][1])
        bob.respond(invite, 486)
        await task

    test(tmp_path)


def calls() -> list[tuple[str, str, list[str]]]:
    """The endpoint that is called, title, and the descriptions: offered, offered on, answered, answered on."""
    parts = re.split(r"^# two legs wide -> (\w+): (.*)\n", (FOLDER / RECORD).read_text(), flags=re.M)[1:]
    found = []
    for endpoint, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        found.append((endpoint, f"{endpoint}: {title}", re.split(r"---- (?:SEND|RECV) ----\n", body)[1:]))
    return found


@pytest.mark.parametrize(("endpoint", "title", "steps"), calls(), ids=[one[1] for one in calls()])
def test_what_two_parties_are_told_of_each_other(endpoint: str, title: str, steps: list[str], tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 20)

        prepare(bench, "alice", "wide")
        prepare(bench, "bob", endpoint)
        alice, bob = bench.phone(5071), bench.phone(5072)
        alice.call("6002", body=text(("", steps[0])))
        invite = await bob.next("INVITE")
        assert shape(invite.body.decode()) == shape(steps[1])
        bob.respond(invite, 200, body=text(("", steps[2])))
        await bob.next("ACK")
        final = await final_response(alice)
        if title == NOT_OFFERED:
            assert final.status == 503
            bob.respond(await bob.next("BYE"), 200)
            return
        assert final.status == 200
        assert shape(final.body.decode()) == shape(steps[3])
        alice.in_dialog("ACK", final, 1)
        alice.in_dialog("BYE", final, 2)
        await bob.next("BYE")

    test(tmp_path)
