"""Call detail records as Asterisk 22.10 was recorded: each scenario played with phones, and its rows compared."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cdr_record_kit import World, recorded, recorded_world, sections, told
from sip_console_kit import said

from asterism.pbx.vocabulary import events
from asterism.testing import PhoneCall, until

Play = Callable[[World], Awaitable[None]]


async def _talk(world: World, number: str, *, members: int = 2) -> tuple[PhoneCall, PhoneCall]:
    call = await world.alice.dial(number)
    incoming = await world.bob.incoming()
    incoming.ring()
    incoming.answer()
    await call.answered()
    await world.bridged(members)
    return call, incoming


async def answered(world: World) -> None:
    call, incoming = await _talk(world, "6002")
    await call.hangup()
    await incoming.ended()


async def no_answer(world: World) -> None:
    call = await world.alice.dial("6102")
    (await world.bob.incoming()).ring()
    await call.refused()


async def busy(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).reject(486)
    await call.refused()


async def cancelled(world: World) -> None:
    call = await world.alice.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    await call.cancel()
    await incoming.ended()


async def declined(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).reject(603)
    await call.refused()


def refused(number: str) -> Play:
    async def play(world: World) -> None:
        await (await world.alice.dial(number)).refused()

    return play


async def disabled(world: World) -> None:
    await (await world.alice.dial("7801")).ended()


async def forked_record(world: World) -> None:
    await (await world.alice.dial("7800")).ended()


async def forked_call(world: World) -> None:
    call = await world.alice.dial("7802")
    first, second = await world.bob.incoming(), await world.carol.incoming()
    first.ring()
    second.ring()
    first.answer()
    await call.answered()
    await world.bridged()
    await first.hangup()
    await call.ended()


async def two_dials(world: World) -> None:
    call = await world.alice.dial("7803")
    (await world.bob.incoming()).reject(486)
    second = await world.carol.incoming()
    second.answer()
    await call.answered()
    await world.bridged()
    await call.hangup()
    await second.ended()


async def blind_transfer(world: World) -> None:
    call, incoming = await _talk(world, "6002")
    await call.refer(f"<{world.alice.uri('6003')}>")
    third = await world.carol.incoming()
    third.answer()
    await call.ended()
    await world.bridged()
    await incoming.hangup()
    await third.ended()


async def attended_transfer(world: World) -> None:
    call, incoming = await _talk(world, "6002")
    await call.hold()
    second = await world.alice.dial("6003")
    third = await world.carol.incoming()
    third.answer()
    await second.answered()
    await world.bridged(4)
    await call.refer(f"<{world.alice.uri('6003')}?{second.replaces()}>")
    await call.ended()
    await until(lambda: len(world.server.pbx.channels) == 2)
    await incoming.hangup()
    await third.ended()


def _phones(world: World) -> int:
    return sum(channel.name.startswith("PJSIP/") for channel in world.server.pbx.channels)


async def _fewer(world: World, before: int) -> None:
    await until(lambda: _phones(world) < before)


async def conference(world: World) -> None:
    first = await world.alice.dial("7804")
    await first.answered()
    await world.bridged(1)
    second = await world.bob.dial("7804")
    await second.answered()
    await world.bridged(2)
    third = await world.carol.dial("7804")
    await third.answered()
    await world.bridged(3)
    for call in (second, third, first):
        before = _phones(world)
        await call.hangup()
        await _fewer(world, before)


async def local_optimized(world: World) -> None:
    call, incoming = await _talk(world, "7001")
    await until(lambda: len(world.server.pbx.channels) == 2)
    await call.hangup()
    await incoming.ended()


async def local_kept(world: World) -> None:
    call, incoming = await _talk(world, "7002", members=4)
    await call.hangup()
    await incoming.ended()


async def originated(world: World) -> None:
    task = asyncio.ensure_future(
        world.server.pbx.originate(
            "PJSIP/bob", context="internal", exten="6003", caller_id='"Orig" <5000>', accountcode="oacc"
        )
    )
    incoming = await world.bob.incoming()
    incoming.answer()
    third = await world.carol.incoming()
    third.answer()
    await task
    await world.bridged()
    await incoming.hangup()
    await third.ended()


async def parked(world: World) -> None:
    call = await world.alice.dial("7400")
    await call.answered()
    await world.bridged(1)
    (space,) = (one.space for one in world.server.pbx.parking.calls.values())
    retriever = await world.carol.dial(str(space))
    await retriever.answered()
    await world.bridged(2)
    await retriever.hangup()
    await call.ended()


async def picked_up(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).ring()
    await call.ringing()
    picker = await world.carol.dial("*8")
    await picker.answered()
    await call.answered()
    await world.bridged()
    await call.hangup()
    await picker.ended()


SCENARIOS: dict[str, Play] = {
    "answered, caller hangs up": answered,
    "no answer: Dial(PJSIP/bob,3)": no_answer,
    "busy (486)": busy,
    "caller cancels while ringing": cancelled,
    "callee declines (603)": declined,
    "Dial of an endpoint that does not exist (7808)": refused("7808"),
    "Congestion(1)": refused("7805"),
    "Busy(1)": refused("7806"),
    "Hangup() without answer": refused("7807"),
    "CDR_PROP(disable)=1": disabled,
    "extension that does not exist": refused("nosuch"),
    "7800: CDR(userfield), accountcode, amaflags, ForkCDR(), ResetCDR(v), CELGenUserEvent": forked_record,
    "Dial(PJSIP/bob&PJSIP/carol): bob answers": forked_call,
    "two Dials: bob busy, then carol answers": two_dials,
    "blind transfer: alice calls bob, REFERs bob to 6003; bob hangs up": blind_transfer,
    "attended transfer: alice calls bob, calls carol, REFER with Replaces; bob hangs up": attended_transfer,
    "conference: alice, bob, carol in ConfBridge": conference,
    "Dial(Local/6002@internal) with optimisation": local_optimized,
    "Dial(Local/6002@internal/n)": local_kept,
    "Originate PJSIP/bob to 6003, bob hangs up": originated,
    "parked by Park(), retrieved by carol": parked,
    "pickup *8 by carol": picked_up,
}
DEFAULTS: dict[str, Play] = {
    "no answer": no_answer,
    "busy": busy,
    "caller cancels": cancelled,
    "Dial of a missing endpoint": refused("7808"),
    "Congestion(1)": refused("7805"),
    "Hangup() without answer": refused("7807"),
    "Dial(PJSIP/bob&PJSIP/carol), bob answers": forked_call,
}


ROOM = "[brd]\ntype=bridge\n[usr]\ntype=user\nquiet=yes\n"


@pytest.mark.parametrize("title", SCENARIOS)
async def test_a_call_leaves_the_rows_of_the_record(title: str) -> None:
    async with recorded_world(confbridge=ROOM) as world:
        await SCENARIOS[title](world)
        assert told(await world.over()) == recorded(title)


@pytest.mark.parametrize("title", DEFAULTS)
async def test_with_the_defaults_who_called_nobody_has_no_row(title: str) -> None:
    async with recorded_world("[general]\n") as world:
        await DEFAULTS[title](world)
        assert told(await world.over()) == recorded(f"unanswered=no, congestion=no (the defaults): {title}")


def _hangup_extension(before: bool) -> str:
    return "[general]\nunanswered=yes\ncongestion=yes\n" + (
        "endbeforehexten=yes\ninitiatedseconds=yes\n" if before else "endbeforehexten=no\n"
    )


@pytest.mark.parametrize(
    ("before", "title"),
    [
        (True, "endbeforehexten=yes, initiatedseconds=yes: answered Hangup(), then Wait in h not counted"),
        (False, "endbeforehexten=no: the same"),
    ],
)
async def test_the_record_ends_before_h_or_with_it(before: bool, title: str) -> None:
    async with recorded_world(_hangup_extension(before)) as world:
        await (await world.alice.dial("7820")).ended()
        (record,) = await world.over()
        assert told([record]) == recorded(title)
        if before:
            assert (record.duration, record.billsec) == (0, 1)


async def test_what_cdr_reads_of_a_record_that_goes_on() -> None:
    read: list[str] = []
    async with recorded_world() as world:
        world.server.bus.subscribe(
            world.server.owner, None,
            lambda kind, args: read.extend(args) if kind.name == "UserEvent" else None,
        )  # fmt: skip
        call = await world.alice.dial("7800")
        await call.ended()
        await world.over()
    (text,) = (re.search(r"\d{4}-.*\|", str(part)) for part in read if "|" in str(part))
    ((_, expected),) = sections("fields").items()
    assert text is not None
    assert _timeless(text[0]) == _timeless(expected.strip())


def _timeless(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"\b\d{10}\.\d{6}\b", "EPOCH", text)
    text = re.sub(r"\b\d{10}\.\d+\b", "UNIQUEID", text)
    text = re.sub(r"\b0\.\d{6}\b", "SECONDS", text)
    return re.sub(r"UNIQUEID\|\d+\|", "UNIQUEID|SEQUENCE|", text)


async def test_the_console_as_recorded() -> None:
    recorded_console = sections("console")
    async with recorded_world() as world:
        server = world.server
        assert "Call data records:           Enabled" in await said(server, "core show settings")
        ours = await said(server, "cdr show status")
        head, _, names = ours.partition("  -------------------\n")
        expected, _, theirs = recorded_console["cdr show status   (state: idle)"].partition("  -------------------\n")
        assert head == expected
        assert names.count("    ")
        assert theirs.count("    ")
        assert await said(server, "cdr show active") == recorded_console["cdr show active   (state: idle)"]
        call, _ = await _talk(world, "6002")
        alice, bob = sorted(channel.name for channel in server.pbx.channels)
        for command, title in (
            ("cdr show active", "cdr show active   (state: one call up)"),
            (f"cdr show active {alice}", "cdr show active PJSIP/alice-00000111   (state: one call up)"),
        ):
            shown = recorded_console[title].replace("PJSIP/alice-00000111", alice).replace("PJSIP/bob-00000112", bob)
            assert _clockless(await said(server, command)) == _clockless(shown)
        await call.hangup()
        await world.over()


def _clockless(text: str) -> str:
    return re.sub(r"\d\d:\d\d:\d\d|\b\d{8}\b", "TIME", text)


async def test_the_console_with_batches_as_recorded() -> None:
    batch = "[general]\nunanswered=yes\ncongestion=yes\nbatch=yes\nsize=3\ntime=3\n"
    async with recorded_world(batch) as world:
        ours = await said(world.server, "cdr show status")
        expected = sections("console")["cdr show status   (state: batch=yes size=3 time=3)"]
        end = "* Registered Backends"
        assert ours.partition(end)[0] == expected.partition(end)[0]
        assert (
            await said(world.server, "cdr submit")
            == sections("console")["cdr submit   (state: batch, nothing queued)"] + "\n"
        )


async def test_dial_with_c_begins_the_record_anew() -> None:
    lines = "[internal]\nexten => 1,1,Answer()\n same => n,Set(CDR(tag)=x)\n same => n,Wait(.4)\n"
    for options in ("", "C"):
        async with recorded_world(extensions=f"{lines} same => n,Dial(PJSIP/bob,20,{options})\n") as world:
            call = await world.alice.dial("1")
            incoming = await world.bob.incoming()
            incoming.answer()
            await world.bridged()
            created = min(channel.created for channel in world.server.pbx.channels)
            await call.hangup()
            (record,) = await world.over()
            assert (record.start - created >= 0.4) is bool(options)
            assert record.answer is not None
            assert (record.answer == record.start) is bool(options)
            assert dict(record.variables) == ({} if options else {"tag": "x"})


async def test_a_reload_in_the_midst_of_calls_loses_none() -> None:
    async with recorded_world("[general]\nunanswered = no\n") as world:
        server, conf = world.server, Path(world.server.paths.etc) / "cdr.conf"
        call, incoming = await _talk(world, "6002")
        conf.write_text("[general]\nunanswered = yes\n")
        await said(server, "module reload cdr")
        assert not world.records
        conf.write_text("[general]\nenable = no\n")
        await said(server, "module reload cdr")
        assert [(one.dstchannel[:9], str(one.disposition)) for one in world.records] == [("PJSIP/bob", "ANSWERED")]
        conf.write_text("[general]\nenable = yes\n")
        await said(server, "module reload cdr")
        await incoming.hangup()
        await call.ended()
        first, second = await world.over()
        assert (first.channel, first.dstchannel, first.start) == (second.channel, second.dstchannel, second.start)
        assert second.end > first.end


async def test_a_subscriber_that_raises_harms_neither_call_nor_record() -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("no")

    async with recorded_world() as world:
        for kind in (events.NEWCHANNEL, events.DIAL_BEGIN, events.BRIDGE_ENTER, events.HANGUP):
            world.server.bus.subscribe(world.server.owner, kind, broken)
        world.server.pbx.records.calls.listen(world.server.owner, "broken", broken)
        await answered(world)
        assert told(await world.over()) == recorded("answered, caller hangs up")


async def test_without_the_file_a_call_has_no_record_and_functions_do_no_harm() -> None:
    async with recorded_world(cdr="") as world:
        assert "Disabled" in await said(world.server, "cdr show status")
        assert "Call data records:           Disabled" in await said(world.server, "core show settings")
        await forked_record(world)
        await answered(world)
        assert await world.over() == []
