"""Faxes by T.38 through Local channels of the server between: passed on, and by its gateway on either side of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from fax_kit import PATIENT, PJSIP, RECEIVER, SENDER, TOLD, Faxing
from test_fax_gateway import MIDDLE

from asterism.testing import assert_idle, free_port, running_server
from fax_pages import assert_same, page, write_pages

FAX = "t38_udptl=yes\nt38_udptl_ec={}\n"
PLAN = """
[trunk]
exten => fax,1,NoOp()
{first} same => n,Dial(Local/{inner}@inside/{options},20)
[inside]
exten => chain,1,Dial(Local/end@inside/n,20)
exten => end,1,NoOp()
{second} same => n,Dial(PJSIP/fax@two,20)
"""
GATEWAY = " same => n,Set(FAXOPT(gateway)=yes)\n"


async def send(
    folder: Path, plan: str, corrections: tuple[str, str], letters: tuple[str, str] = ("", "")
) -> tuple[str, str]:
    """Send a page through the server between; how each side had it. An empty correction stands for no T.38."""
    sent = page(60)
    file, target = write_pages(folder / "1.tif", sent), folder / "received.tif"
    first, middle, last = (free_port() for _ in range(3))
    legs = [FAX.format(one) if one else "" for one in corrections]
    configs = [
        {
            "pjsip.conf": PJSIP.format(port=first, peer=middle, codec="ulaw", options=legs[0]),
            "extensions.conf": SENDER.format(files=file, letters=letters[0], before=PATIENT, told=TOLD),
        },
        {"pjsip.conf": MIDDLE.format(port=middle, peers=(first, last), options=legs), "extensions.conf": plan},
        {
            "pjsip.conf": PJSIP.format(port=last, peer=middle, codec="ulaw", options=legs[1]),
            "extensions.conf": RECEIVER.format(file=target, letters=letters[1], before="", told=TOLD),
        },
    ]
    async with (
        running_server(configs[0]) as sender,
        running_server(configs[1]) as between,
        running_server(configs[2]) as receiver,
    ):
        world = Faxing(sender, receiver)
        await world.call()
        one, other = await world.told(90)
        assert (one.status, one.text, other.status, other.pages) == ("SUCCESS", "OK", "SUCCESS", "1"), (one, other)
        await world.idle()
        await assert_idle(between)
        assert not between.media.udptl.open_ports
        assert not len(between.pbx.faxes)
    assert_same(target, sent)
    return one.mode, other.mode


async def all_of(folder: Path, *faxes: Callable[[Path], Awaitable[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Faxes at the same time: each takes as long as on the line."""
    for number in range(len(faxes)):
        (folder / str(number)).mkdir()
    return await asyncio.gather(*(fax(folder / str(number)) for number, fax in enumerate(faxes)))


async def test_t38_is_passed_through(tmp_path: Path) -> None:
    """By one Local channel and by two, whoever asks; and by one that leaves the call."""
    ways = (("end", "n", "z"), ("chain", "n", "z"), ("chain", "n", ""), ("end", "", "z"), ("end", "", ""))
    plans = [(PLAN.format(inner=inner, options=each, first="", second=""), asks) for inner, each, asks in ways]
    faxes = [partial(send, plan=plan, corrections=("redundancy", "fec"), letters=(asks, "")) for plan, asks in plans]
    assert await all_of(tmp_path, *faxes) == [("T38", "T38")] * len(ways)


async def test_the_gateway_is_used_where_the_other_side_has_t38(tmp_path: Path) -> None:
    before = PLAN.format(inner="end", options="n", first=GATEWAY, second="")
    behind = PLAN.format(inner="end", options="n", first="", second=GATEWAY)
    assert await all_of(
        tmp_path,
        partial(send, plan=before, corrections=("", "redundancy")),
        partial(send, plan=behind, corrections=("redundancy", "")),
    ) == [("audio", "T38"), ("T38", "audio")]


async def test_the_gateway_is_used_where_it_is_beside_t38_and_stays_in_the_call(tmp_path: Path) -> None:
    behind = PLAN.format(inner="end", options="n", first="", second=GATEWAY)
    keeps = PLAN.format(inner="end", options="", first="", second=GATEWAY)
    assert await all_of(
        tmp_path,
        partial(send, plan=behind, corrections=("", "redundancy")),
        partial(send, plan=keeps, corrections=("redundancy", "")),
    ) == [("audio", "T38"), ("T38", "audio")]
