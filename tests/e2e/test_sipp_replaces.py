"""INVITE with Replaces by SIPp, code by code, between simulated phones; and a stock phone that picks up a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from linphone import Linphone
from peers import LIMIT, own_host, sipp
from sipp_flows import Flow
from transport_peers import accounts, transport

from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server, until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[default]
exten => 102,1,Dial(PJSIP/102,20)
"""
REPLACES = ("Require: replaces", "Replaces: [replaces]")


@asynccontextmanager
async def call(extra: str = "") -> AsyncIterator[tuple[str, Server, PhoneCall, PhoneCall]]:
    """101 calls 102, whose phone rings; 103 is a foreign one."""
    host = own_host()
    text = transport("udp", host, port=5060) + accounts("101", "102", "103", extra=f"direct_media=no\n{extra}")
    async with (
        running_server({"pjsip.conf": text, "extensions.conf": EXTENSIONS}) as server,
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.register()
        await bob.register()
        calling = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.ring()
        await calling.ringing()
        yield host, server, calling, incoming
        await assert_idle(server, timeout=LIMIT)


def names(incoming: PhoneCall, *, swapped: bool = False, more: str = "") -> str:
    """What Replaces says of the dialog with a phone that rings, or talks."""
    dialog = incoming.dialog
    assert dialog is not None
    ours, theirs = dialog.remote_tag, dialog.local_tag
    if swapped:
        ours, theirs = theirs, ours
    return f"{dialog.call_id};to-tag={ours};from-tag={theirs}{more}"


def written(flow: Flow, folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{flow.name}.xml").write_text(flow.text())
    return folder / flow.name


async def third(host: str, flow: Flow, value: str, folder: Path) -> None:
    """103 calls by SIPp, with that Replaces."""
    scenario = written(flow, folder)
    options = ["-s", "103", "-au", "103", "-ap", "secret", "-m", "1", "-p", "5060", "-key", "number", "102"]
    await sipp(str(scenario), f"{host}:5060", own_host(), *options, "-key", "replaces", value, folder=folder)


def refused(status: int) -> Flow:
    flow = Flow(f"refused{status}").invite(1, "0 8", *REPLACES).recv(status, routes=True)
    return flow.request("ACK", 2)


def taken() -> Flow:
    return (
        Flow("taken").invite(1, "0 8", *REPLACES).recv(200, "0", routes=True).request("ACK", 2).pause(300).bye(3)
    )  # fmt: skip


@pytest.mark.parametrize("more", ["", ";early-only"])
async def test_a_call_that_rings_is_picked_up(more: str, tmp_path: Path) -> None:
    async with call() as (host, _server, calling, incoming):
        await third(host, taken(), names(incoming, more=more), tmp_path / "sipp")
        assert await incoming.ended() == "cancelled"
        assert await calling.ended() == "BYE received"


async def test_an_answered_call_is_taken_over(tmp_path: Path) -> None:
    async with call() as (host, _server, calling, incoming):
        incoming.answer()
        await calling.answered()
        await third(host, taken(), names(incoming), tmp_path / "sipp")
        assert await incoming.ended() == "BYE received"
        assert await calling.ended() == "BYE received"


async def test_every_code_and_the_call_goes_on(tmp_path: Path) -> None:
    async with call() as (host, _server, calling, incoming):
        incoming.answer()
        await calling.answered()
        await incoming.answered()
        good = names(incoming)
        for number, (value, status) in enumerate((
            (names(incoming, swapped=True), 481),
            ("nobody@nowhere;to-tag=a;from-tag=b", 481),
            (names(incoming, more=";early-only"), 486),
            (good.replace(";from-tag", ";x"), 400),
            (f"{good},{good}", 400),
        )):  # fmt: skip
            await third(host, refused(status), value, tmp_path / f"sipp{number}")
        calling.play(440)
        await incoming.hears(440)
        await calling.hangup()
        await third(host, refused(603), good, tmp_path / "over")


async def test_who_may_not_transfer(tmp_path: Path) -> None:
    async with call("allow_transfer=no\n") as (host, _server, calling, incoming):
        await third(host, refused(603), names(incoming), tmp_path / "sipp")
        incoming.answer()
        await calling.answered()
        await calling.hangup()


async def test_a_stock_phone_that_is_sent_to_a_ringing_call_takes_it(tmp_path: Path) -> None:
    """Linphone is referred to the call by its own call's far end, and sends the INVITE with Replaces itself."""
    async with call() as (host, server, calling, incoming):
        pbx = server.pbx

        @pbx.extension("default", "700")
        async def refer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(0.5)
            value = quote(names(incoming, more=";early-only"), safe="")
            await channel.transfer(f"PJSIP/sip:102@{host}:5060?Replaces={value}")

        phone = Linphone(tmp_path, "103", f"{host}:5060", "udp")
        async with phone:
            await until(lambda: server.sip.location.contacts("103"), LIMIT, "it does not register")
            phone.say(f"call sip:700@{host}:5060")
            assert await incoming.ended(LIMIT) == "cancelled"
            await calling.answered(LIMIT)
            await until(lambda: len(pbx.channels) == 2, LIMIT, "the first call goes on")
            assert len({each.bridge for each in pbx.channels}) == 1
            await calling.hangup()
