"""Calls that are refused, and with what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from call_steps import refused
from session_bench import Bench, on_bench, sdp

PIDF = "--b\r\nContent-Type: application/pidf+xml\r\n{}\r\n<presence/>\r\n"
IN_PARTS = "--b\r\nContent-Type: application/sdp\r\n\r\n{}\r\n"


@on_bench
async def test_unknown_extension(bench: Bench) -> None:
    response = await refused(bench, "5")
    assert response.status == 404
    assert not response.has("Reason")
    assert not [m for m in bench.phone(5071).messages() if m.start_line().startswith("SIP/2.0 100")]


@on_bench
async def test_no_shared_codec(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()

    body = sdp("18 101").replace("a=rtpmap:0 PCMU/8000\r\n", "a=rtpmap:18 G729/8000\r\n")
    assert (await refused(bench, "770", body=body)).status == 488


@on_bench
async def test_bad_bodies(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()

    assert (await refused(bench, "770", body="v=0\r\nthis is not sdp\r\n", call="x1")).status == 400


@on_bench
async def test_other_body_type(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()

    response = await refused(bench, "770", body="hello", content_type="text/plain")
    assert (response.status, response.get("Accept")) == (415, "application/sdp")


@pytest.mark.parametrize(
    ("body", "kind", "more", "status"),
    [
        (PIDF.format("") + IN_PARTS.format(sdp()) + "--b--", "multipart/mixed;boundary=b", "", 200),
        (IN_PARTS.format(sdp()) + "--b--", "multipart/related;boundary=b", "", 200),
        (PIDF.format("") + IN_PARTS.format(sdp()) + "--b--", "multipart/alternative;boundary=b", "", 200),
        (
            PIDF.format("Content-Disposition: render;handling=required\r\n") + IN_PARTS.format(sdp()) + "--b--",
            "multipart/mixed;boundary=b", "", 415,
        ),
        (PIDF.format("") + "--b--", "multipart/mixed;boundary=b", "", 415),
        (PIDF.format("Content-Disposition: x;handling=optional\r\n") + "--b--", "multipart/mixed;boundary=b", "", 200),
        ("hello", "text/plain", "x;handling=optional", 200),
        ("hello", "text/plain", "x;handling=required", 415),
        ("hello", "text/plain", "x", 415),
        ("hello", "multipart/mixed", "", 400),
    ],
)  # fmt: skip
def test_descriptions_among_other_bodies(body: str, kind: str, more: str, status: int, tmp_path: Path) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()

        extra = f"Content-Disposition: {more}\r\n" if more else ""
        response = await refused(bench, "770", body=body, content_type=kind, extra=extra)
        assert response.status == status
        # An answer where the offer was understood, else an offer of our own.
        codecs = {200: "0 8 101" if "sdp" in body else "0 8 9 101"}.get(status)
        assert response.body.decode().partition("RTP/AVP ")[2].partition("\r")[0] == (codecs or "")
        assert response.get("Accept") == ("application/sdp" if status == 415 else None)

    scenario(tmp_path)


@on_bench
async def test_an_encoded_body_is_refused(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()

    response = await refused(bench, "770", body=sdp(), extra="Content-Encoding: gzip\r\n")
    assert (response.status, response.get("Accept-Encoding"), response.get("Accept")) == (415, "identity", None)


@on_bench
async def test_hangup_causes(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "1")
    async def hang_up(channel: Any) -> None:
        await channel.hangup(58)

    response = await refused(bench, "1")
    assert (response.status, response.get("Reason")) == (488, "Q.850;cause=58")


@on_bench
async def test_session_interval_too_small(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()

    response = await refused(bench, "770", extra="Supported: timer\r\nSession-Expires: 60\r\n")
    assert (response.status, response.get("Min-SE")) == (422, "90")


@on_bench
async def test_request_of_no_dialog(bench: Bench) -> None:
    alice = bench.phone(5071)
    alice.request("BYE", "sip:127.0.0.1:5060", "alice", "<sip:x@127.0.0.1>;tag=nobody", call="none")
    await alice.next(481)


@on_bench
async def test_unknown_extension_required(bench: Bench) -> None:
    response = await refused(bench, "5", extra="Require: 100rel, foo, bar\r\n")
    assert (response.status, response.get("Unsupported")) == (420, "foo, bar")
