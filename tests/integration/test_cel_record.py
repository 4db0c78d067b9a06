"""Channel event logging, as Asterisk 22.10 was recorded: each run again, its records compared with the recorded ones.

Compared are the records of each channel, whole and in their order. The record's channels run in threads of their own:
how the records of several are mixed is as it happened there, and here always as in ``ORDER``. LINKEDID_END goes with
the channel that happens to end last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from cel_kit import Row, World, by_channel, order, recorded, recorded_world, runs

Run = Callable[[World], Awaitable[None]]


async def answered(world: World) -> None:
    call, incoming = await world.talk("6002")
    await call.hangup()
    await incoming.ended()


async def no_answer(world: World) -> None:
    await world.alice.dial("6102")
    incoming = await world.bob.incoming()
    incoming.ring()
    await incoming.ended()


def refused(number: str, status: int) -> Run:
    async def run(world: World) -> None:
        call = await world.alice.dial(number)
        (await world.bob.incoming()).reject(status)
        await call.refused()

    return run


async def cancelled(world: World) -> None:
    call = await world.alice.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    await call.cancel()
    await incoming.ended()


def alone(number: str) -> Run:
    async def run(world: World) -> None:
        call = await world.alice.dial(number)
        await call.refused()

    return run


def served(number: str) -> Run:
    async def run(world: World) -> None:
        call = await world.alice.dial(number)
        await call.answered()
        await call.ended()

    return run


async def forked(world: World) -> None:
    call = await world.alice.dial("7802")
    incoming, other = await world.bob.incoming(), await world.carol.incoming()
    incoming.ring()
    other.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    await other.ended()
    await world.seen("BRIDGE_ENTER", 2)
    await call.hangup()
    await incoming.ended()


async def two_dials(world: World) -> None:
    call = await world.alice.dial("7803")
    (await world.bob.incoming()).reject(486)
    incoming = await world.carol.incoming()
    incoming.answer()
    await call.answered()
    await world.seen("BRIDGE_ENTER", 2)
    await call.hangup()
    await incoming.ended()


async def blind_transfer(world: World) -> None:
    call, incoming = await world.talk("6002")
    await call.refer(f"<{world.alice.uri('6003')}>")
    third = await world.carol.incoming()
    third.answer()
    await world.seen("BRIDGE_ENTER", 4)
    await world.seen("CHAN_END", 1)
    await incoming.hangup()
    await third.ended()


async def attended_transfer(world: World) -> None:
    call, incoming = await world.talk("6002")
    await call.hold()
    await world.seen("STREAM_BEGIN")
    second, third = await world.talk("6003", world.carol)
    await call.refer(f"<{world.alice.uri('6003')}?{second.replaces()}>")
    await world.seen("LINKEDID_END")
    await incoming.hangup()
    await third.ended()


async def local(world: World, number: str = "7001") -> None:
    call = await world.alice.dial(number)
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    if number == "7001":
        await world.seen("LOCAL_OPTIMIZE")
        await world.seen("CHAN_END", 2)
    else:
        await world.seen("BRIDGE_ENTER", 4)
    await call.hangup()
    await incoming.ended()


async def originated(world: World) -> None:
    task = asyncio.ensure_future(
        world.server.originate(
            "PJSIP/bob", context="internal", exten="6003", caller_id='"Orig" <5000>', accountcode="oacc"
        )
    )
    incoming = await world.bob.incoming()
    incoming.ring()
    incoming.answer()
    third = await world.carol.incoming()
    third.answer()
    await task
    await world.seen("BRIDGE_ENTER", 2)
    await incoming.hangup()
    await third.ended()


async def parked(world: World) -> None:
    call = await world.alice.dial("7400")
    await call.answered()
    await world.seen("STREAM_BEGIN", 2)
    retriever = await world.carol.dial("704")
    await retriever.answered()
    await world.seen("BRIDGE_ENTER", 3)
    await retriever.hangup()
    await call.ended()


async def picked_up(world: World) -> None:
    call = await world.alice.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    picker = await world.carol.dial("*8")
    await picker.answered()
    await call.answered()
    await world.seen("BRIDGE_ENTER", 2)
    await call.hangup()
    await picker.ended()


async def conference(world: World) -> None:
    calls = []
    for number, phone in enumerate((world.alice, world.bob, world.carol), 1):
        calls.append(await phone.dial("7804"))
        await calls[-1].answered()
        await world.seen("BRIDGE_ENTER", number)
    for number, leaves in enumerate((1, 2, 0), 1):
        await calls[leaves].hangup()
        await world.seen("LINKEDID_END", number)


DEFAULTS = "unanswered=no, congestion=no (the defaults): "
RUNS: dict[str, Run] = {
    "answered, caller hangs up": answered,
    "no answer: Dial(PJSIP/bob,3)": no_answer,
    "busy (486)": refused("6002", 486),
    "caller cancels while ringing": cancelled,
    "callee declines (603)": refused("6002", 603),
    "Dial of an endpoint that does not exist (7808)": alone("7808"),
    "Congestion(1)": alone("7805"),
    "Busy(1)": alone("7806"),
    "Hangup() without answer": alone("7807"),
    "CDR_PROP(disable)=1": served("7801"),
    "extension that does not exist": alone("9999"),
    "7800: CDR(userfield), accountcode, amaflags, ForkCDR(), ResetCDR(v), CELGenUserEvent": served("7800"),
    "Dial(PJSIP/bob&PJSIP/carol): bob answers": forked,
    "two Dials: bob busy, then carol answers": two_dials,
    "blind transfer: alice calls bob, REFERs bob to 6003; bob hangs up": blind_transfer,
    "attended transfer: alice calls bob, calls carol, REFER with Replaces; bob hangs up": attended_transfer,
    "conference: alice, bob, carol in ConfBridge": conference,
    "Dial(Local/6002@internal) with optimisation": local,
    "Dial(Local/6002@internal/n)": lambda world: local(world, "7002"),
    "Originate PJSIP/bob to 6003, bob hangs up": originated,
    "parked by Park(), retrieved by carol": parked,
    "pickup *8 by carol": picked_up,
    DEFAULTS + "no answer": no_answer,
    DEFAULTS + "busy": refused("6002", 486),
    DEFAULTS + "caller cancels": cancelled,
    DEFAULTS + "Dial of a missing endpoint": alone("7808"),
    DEFAULTS + "Congestion(1)": alone("7805"),
    DEFAULTS + "Hangup() without answer": alone("7807"),
    DEFAULTS + "Dial(PJSIP/bob&PJSIP/carol), bob answers": forked,
    "endbeforehexten=yes, initiatedseconds=yes: answered Hangup(), then Wait in h not counted": served("7820"),
    "endbeforehexten=no: the same": served("7820"),
}
RELAYED = '{"bridge_id":"bridge1","bridge_technology":"native_rtp"}'
ELSEWHERE = '{"hangupcause":26,"hangupsource":"","dialstatus":""}'
RINGS_ON = {"exten": "h", "appname": "AppDial", "appdata": "(Outgoing Line)"}
SAID = '{{"sound":"digits/{}","format":"ulaw","language":"en"}}'
ORDER: dict[str, str] = {
    "answered, caller hangs up": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 ANSWER:bob-1 ANSWER:alice-1 BRIDGE_ENTER:bob-1
        BRIDGE_ENTER:alice-1 BRIDGE_EXIT:alice-1 BRIDGE_EXIT:bob-1 APP_END:alice-1 HANGUP:alice-1
        CHAN_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1 LINKEDID_END:bob-1
    """,
    "busy (486)": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 APP_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1
        HANGUP:alice-1 CHAN_END:alice-1 LINKEDID_END:alice-1
    """,
    "caller cancels while ringing": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 APP_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1
        HANGUP:alice-1 CHAN_END:alice-1 LINKEDID_END:alice-1
    """,
    "Dial(PJSIP/bob&PJSIP/carol): bob answers": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 CHAN_START:carol-1 ANSWER:bob-1 HANGUP:carol-1
        CHAN_END:carol-1 ANSWER:alice-1 BRIDGE_ENTER:bob-1 BRIDGE_ENTER:alice-1 BRIDGE_EXIT:alice-1
        BRIDGE_EXIT:bob-1 APP_END:alice-1 HANGUP:alice-1 CHAN_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1
        LINKEDID_END:bob-1
    """,
    "two Dials: bob busy, then carol answers": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 CHAN_START:carol-1 HANGUP:bob-1 CHAN_END:bob-1
        ANSWER:carol-1 ANSWER:alice-1 BRIDGE_ENTER:carol-1 BRIDGE_ENTER:alice-1 BRIDGE_EXIT:alice-1
        BRIDGE_EXIT:carol-1 APP_END:alice-1 HANGUP:alice-1 CHAN_END:alice-1 HANGUP:carol-1 CHAN_END:carol-1
        LINKEDID_END:carol-1
    """,
    "blind transfer: alice calls bob, REFERs bob to 6003; bob hangs up": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 ANSWER:bob-1 ANSWER:alice-1 BRIDGE_ENTER:bob-1
        BRIDGE_ENTER:alice-1 BLINDTRANSFER:alice-1 BRIDGE_EXIT:alice-1 BRIDGE_EXIT:bob-1 APP_END:alice-1
        APP_START:bob-1 CHAN_START:carol-1 ANSWER:carol-1 BRIDGE_ENTER:carol-1 BRIDGE_ENTER:bob-1 HANGUP:alice-1
        CHAN_END:alice-1 BRIDGE_EXIT:bob-1 BRIDGE_EXIT:carol-1 APP_END:bob-1 HANGUP:bob-1 CHAN_END:bob-1
        HANGUP:carol-1 CHAN_END:carol-1 LINKEDID_END:carol-1
    """,
    "attended transfer: alice calls bob, calls carol, REFER with Replaces; bob hangs up": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 ANSWER:bob-1 ANSWER:alice-1 BRIDGE_ENTER:bob-1
        BRIDGE_ENTER:alice-1 STREAM_BEGIN:bob-1 CHAN_START:alice-2 APP_START:alice-2 CHAN_START:carol-1
        ANSWER:carol-1 ANSWER:alice-2 BRIDGE_ENTER:carol-1 BRIDGE_ENTER:alice-2 BRIDGE_EXIT:bob-1
        BRIDGE_EXIT:alice-2 BRIDGE_ENTER:bob-1 STREAM_END:bob-1 BRIDGE_EXIT:alice-1 ATTENDEDTRANSFER:alice-1
        APP_END:alice-2 APP_END:alice-1 HANGUP:alice-2 CHAN_END:alice-2 LINKEDID_END:alice-2 HANGUP:alice-1
        CHAN_END:alice-1 BRIDGE_EXIT:bob-1 BRIDGE_EXIT:carol-1 HANGUP:bob-1 CHAN_END:bob-1 HANGUP:carol-1
        CHAN_END:carol-1 LINKEDID_END:carol-1
    """,
    "Dial(Local/6002@internal) with optimisation": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:6002@internal-1;1 CHAN_START:6002@internal-1;2
        APP_START:6002@internal-1;2 CHAN_START:bob-1 ANSWER:bob-1 ANSWER:6002@internal-1;2 BRIDGE_ENTER:bob-1
        BRIDGE_ENTER:6002@internal-1;2 ANSWER:6002@internal-1;1 ANSWER:alice-1 BRIDGE_ENTER:6002@internal-1;1
        BRIDGE_ENTER:alice-1 LOCAL_OPTIMIZE_BEGIN:6002@internal-1;1 BRIDGE_EXIT:alice-1
        BRIDGE_EXIT:6002@internal-1;2 BRIDGE_ENTER:alice-1 LOCAL_OPTIMIZE:6002@internal-1;1
        BRIDGE_EXIT:6002@internal-1;1 HANGUP:6002@internal-1;1 CHAN_END:6002@internal-1;1
        APP_END:6002@internal-1;2 HANGUP:6002@internal-1;2 CHAN_END:6002@internal-1;2 BRIDGE_EXIT:alice-1
        BRIDGE_EXIT:bob-1 APP_END:alice-1 HANGUP:alice-1 CHAN_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1
        LINKEDID_END:bob-1
    """,
    "Dial(Local/6002@internal/n)": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:6002@internal-1;1 CHAN_START:6002@internal-1;2
        APP_START:6002@internal-1;2 CHAN_START:bob-1 ANSWER:bob-1 ANSWER:6002@internal-1;2 BRIDGE_ENTER:bob-1
        BRIDGE_ENTER:6002@internal-1;2 ANSWER:6002@internal-1;1 ANSWER:alice-1 BRIDGE_ENTER:6002@internal-1;1
        BRIDGE_ENTER:alice-1 BRIDGE_EXIT:alice-1 BRIDGE_EXIT:6002@internal-1;1 APP_END:alice-1 HANGUP:alice-1
        CHAN_END:alice-1 BRIDGE_EXIT:6002@internal-1;2 BRIDGE_EXIT:bob-1 HANGUP:6002@internal-1;1
        CHAN_END:6002@internal-1;1 APP_END:6002@internal-1;2 HANGUP:6002@internal-1;2 CHAN_END:6002@internal-1;2
        HANGUP:bob-1 CHAN_END:bob-1 LINKEDID_END:bob-1
    """,
    "pickup *8 by carol": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 CHAN_START:carol-1 ANSWER:carol-1 PICKUP:bob-1
        ANSWER:alice-1 BRIDGE_ENTER:carol-1 LINKEDID_END:carol-1 BRIDGE_ENTER:alice-1 HANGUP:bob-1
        CHAN_END:bob-1 BRIDGE_EXIT:alice-1 BRIDGE_EXIT:carol-1 APP_END:alice-1 HANGUP:alice-1 CHAN_END:alice-1
        HANGUP:carol-1 CHAN_END:carol-1 LINKEDID_END:carol-1
    """,
    "unanswered=no, congestion=no (the defaults): busy": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 APP_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1
        HANGUP:alice-1 CHAN_END:alice-1 LINKEDID_END:alice-1
    """,
    "unanswered=no, congestion=no (the defaults): Dial(PJSIP/bob&PJSIP/carol), bob answers": """
        CHAN_START:alice-1 APP_START:alice-1 CHAN_START:bob-1 CHAN_START:carol-1 ANSWER:bob-1 HANGUP:carol-1
        CHAN_END:carol-1 ANSWER:alice-1 BRIDGE_ENTER:bob-1 BRIDGE_ENTER:alice-1 BRIDGE_EXIT:alice-1
        BRIDGE_EXIT:bob-1 APP_END:alice-1 HANGUP:alice-1 CHAN_END:alice-1 HANGUP:bob-1 CHAN_END:bob-1
        LINKEDID_END:bob-1
    """,
}
"""The order of all records, where the record's is another one."""
CHANGED: dict[str, dict[tuple[str, str], Row]] = {
    # Who transfers leaves first here, and the phones are connected directly by then.
    "blind transfer: alice calls bob, REFERs bob to 6003; bob hangs up": {
        ("PJSIP/alice-1", "BRIDGE_EXIT"): {"peer": "PJSIP/bob-1", "extra": RELAYED},
        ("PJSIP/bob-1", "BRIDGE_EXIT"): {"peer": "", "extra": RELAYED},
    },
    # Whose call was picked up by the code ends as one that was picked up by Pickup().
    "pickup *8 by carol": {
        ("PJSIP/bob-1", "HANGUP"): {"extra": ELSEWHERE, **RINGS_ON},
        ("PJSIP/bob-1", "CHAN_END"): RINGS_ON,
    },
}
"""What is different here, of the first record of a channel and a kind."""


def expected_of(title: str) -> list[Row]:
    """The recorded rows with what is different here."""
    changes = dict(CHANGED.get(title, {}))
    found = []
    for row in recorded(title):
        row = {**row, "extra": row["extra"].replace('"format":"gsm"', '"format":"ulaw"')}
        found.append({**row, **changes.pop((row["channame"], row["eventtype"]), {})})
    if title.startswith("attended"):
        # The transferer has left when the transfer is told.
        kinds = [(row["channame"], row["eventtype"]) for row in found]
        left = found.pop(kinds.index(("PJSIP/alice-1", "BRIDGE_EXIT")))
        found.insert(kinds.index(("PJSIP/alice-1", "ATTENDEDTRANSFER")), left)
    if title.startswith("parked"):
        found = without_announcements(found)
    assert not changes
    return found


def without_announcements(rows: Iterable[Row]) -> list[Row]:
    """The rows without the number that is said to who is parked: here it is said no further when it is retrieved."""
    return [row for row in rows if not (row["channame"] == "PJSIP/alice-1" and row["eventtype"].startswith("STREAM"))]


def without_ends(rows: Iterable[Row]) -> list[Row]:
    """The rows without the ends of calls."""
    return [row for row in rows if row["eventtype"] != "LINKEDID_END"]


def check_ends(rows: list[Row]) -> None:
    """The end of a call is told by the last of its channels, just behind its end or before it is in another call."""
    ended = []
    for index, row in enumerate(rows):
        if row["eventtype"] != "LINKEDID_END":
            continue
        ended.append(row["linkedid"])
        before, later = rows[index - 1], rows[index + 1 :]
        assert all(each["linkedid"] != row["linkedid"] for each in later)
        if before["eventtype"] == "CHAN_END" and before["channame"] == row["channame"]:
            assert {**row, "eventtype": "CHAN_END"} == before
        else:
            assert any(each["channame"] == row["channame"] for each in later)
    assert sorted(ended) == sorted({row["linkedid"] for row in rows})


@pytest.mark.parametrize("title", RUNS)
async def test_run_is_recorded(title: str) -> None:
    expected = expected_of(title)
    calls = {row["linkedid"] for row in expected}
    async with recorded_world() as world:
        await RUNS[title](world)
        await world.seen("LINKEDID_END", len(calls))
        rows = world.rows
        times = [record.time for record in world.records]
    if title.startswith("parked"):
        said = [row for row in rows if row not in without_announcements(rows)]
        assert [row["extra"] for row in said[:3]] == [SAID.format("7"), "", SAID.format("0")]
        assert [row["userdeftype"] for row in said[:2]] == ["FILE_STREAM_BEGIN", "FILE_STREAM_END"]
        rows = without_announcements(rows)
    check_ends(rows)
    assert times == sorted(times)
    assert by_channel(without_ends(rows)) == by_channel(without_ends(expected))
    assert order(rows) == " ".join(ORDER.get(title, order(expected)).split())


def test_every_recorded_run_is_here() -> None:
    assert set(runs()) - set(RUNS) == {"queue call (q1), bob answers"}  # there is no Queue yet
