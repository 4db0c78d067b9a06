"""Dial with each of its options, RetryDial and hangup handlers, as Asterisk 22.10 was recorded: events and lines.

Compared are the events of each channel in their order, for the record's channels run in threads of their own, and the
lines likewise. The record tells a place as it was told last, behind a subroutine that of the subroutine: ``LEFT_OUT``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from dial_record_kit import AFTER, World, recorded_events, recorded_lines, recorded_world, sections
from sip_console_kit import said

from asterism.testing import PhoneCall, until

TALK = 0.15


async def caller_ends(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await call.answered()
    await _talking(world)
    await call.hangup()
    await incoming.ended()


async def called_ends(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await call.answered()
    await _talking(world)
    await incoming.hangup()
    await call.ended()


async def server_ends(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await call.ended(10)
    await incoming.ended(10)


async def called_dials_disconnect(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await call.answered()
    await _talking(world)
    incoming.send_digits("*0")
    await server_ends(world, call, incoming)


async def caller_gives_up_when_it_hears(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await until(lambda: any("tt-monkeys' " in line for line in world.lines))
    await call.cancel()
    await incoming.ended()


async def caller_ends_elsewhere(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await incoming.ended()
    await call.answered()
    await until(lambda: any("Wait(30)" in line for line in world.events))
    await call.hangup()


async def caller_ends_first(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    await call.answered()
    await _talking(world)
    await call.hangup()
    await incoming.ended(10)


async def _talking(world: World) -> None:
    await until(lambda: sum(line.startswith("BridgeEnter") for line in world.events) == 2)


ENDS: dict[str, Callable[[World, PhoneCall, PhoneCall], Awaitable[None]]] = {
    "A(beep:tt-monkeys)": caller_gives_up_when_it_hears,
    "e -- e (callee hangs up)": called_ends,
    "g -- g, callee hangs up": called_ends,
    "G(sub^f^1)": server_ends,
    "L(4000:2000:1000)": server_ends,
    "S(1)": server_ends,
    "h -- h, the callee presses *0 (features.conf disconnect)": called_dials_disconnect,
    "U(u_abort)": server_ends,
    "U(u_busy)": server_ends,
    "U(u_cong)": server_ends,
    "U(u_cont)": server_ends,
    "U(u_go)": caller_ends_elsewhere,
    "F(sub^f^1)": caller_ends_first,
    "F": caller_ends_first,
}
LEFT_OUT = {
    "b(sub^s^1(pre))": (r"^Newexten bob .*internal,7936,1\]",),
    "B(sub^s^1(precaller))": (r"^Newexten alice .*internal,7937,1\]", "^DialBegin"),
    # The recorded caller ended its call by something else than a CANCEL.
    "A(beep:tt-monkeys)": (r"^HangupRequest", r"^Hangup "),
}
DIALLED = [title for title in sections("AMI events") if title.startswith("Dial(")]
FEATURES = {"features.conf": "[featuremap]\ndisconnect => *0\n"}


def by_channel(lines: list[str], kinds: frozenset[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind in kinds:
            found.setdefault(rest.partition(" ")[0], []).append(line)
    return found


def spoken(lines: list[str]) -> dict[str, list[str]]:
    """The lines, by the channel that each is of."""
    found: dict[str, list[str]] = {}
    for line in lines:
        of = re.match(r"Executing \[[^]]*\] \w+\(\"(\w+)|<(\w+)>|(\w+) Internal", line)
        found.setdefault(next(filter(None, of.groups()), "") if of else "", []).append(line)
    return found


def without(lines: list[str], *patterns: str) -> list[str]:
    return [line for line in lines if not any(re.search(pattern, line) for pattern in patterns)]


def differences(title: str, ours: list[str], theirs: list[str]) -> str:
    if ours == theirs:
        return ""
    return "\n".join((title, "ours:", *(f"  {line}" for line in ours), "recorded:", *(f"  {line}" for line in theirs)))


def assert_as_recorded(title: str, world: World, *left_out: str) -> None:
    theirs = without(recorded_events(title), *left_out)
    kinds = frozenset(line.partition(" ")[0] for line in theirs)
    ours = by_channel(without(world.events, *left_out), kinds)
    wanted = by_channel(theirs, kinds)
    found = [differences(f"events of {name}", ours.get(name, []), wanted.get(name, [])) for name in wanted | ours]
    said, recorded = spoken(world.lines), spoken(recorded_lines(title))
    found += [differences(f"lines of '{name}'", said.get(name, []), recorded.get(name, [])) for name in recorded | said]
    assert not any(found), "\n".join((title, *filter(None, found)))


@pytest.mark.parametrize("title", DIALLED)
async def test_dial_with_an_option(title: str) -> None:
    number = re.search(r"\[(\d+)@", recorded_lines(title)[0])
    assert number is not None
    options = title.removeprefix("Dial(").partition(" -- ")[0][:-1]
    line = f"exten => {number[1]},1,Dial({options})\n same => n,{AFTER}\n same => n,Wait(.5)\n same => n,NoOp(last)"
    async with recorded_world(line, extra=FEATURES) as world:
        call = await world.alice.dial(number[1])
        incoming = await world.bob.incoming()
        if "busy" in title and "Q(" in title:
            incoming.reject(486)
            await call.ended()
        else:
            if any(" is ringing" in said for said in recorded_lines(title)):
                incoming.ring()
                await call.ringing()
            incoming.answer()
            ends = ENDS.get(_key(title), caller_ends)
            await ends(world, call, incoming)
        await until(lambda: not world.server.pbx.channels)
        assert_as_recorded(title, world, *LEFT_OUT.get(_key(title), ()))


def _key(title: str) -> str:
    """What of a title says the options, and how the call ends."""
    options, dash, rest = title.removeprefix("Dial(PJSIP/bob,10,").partition(" -- ")
    return options.removesuffix(")") + (f" -- {rest}" if dash else "")


async def test_retry_dial() -> None:
    title = "RetryDial(beep,1,2,PJSIP/bob,2), busy"
    async with recorded_world() as world:
        call = await world.alice.dial("7835")
        for _ in range(2):
            (await world.bob.incoming()).reject(486)
        assert await call.refused() == 486
        await until(lambda: not world.server.pbx.channels)
        assert_as_recorded(title, world)


async def test_hangup_handlers() -> None:
    title = next(each for each in sections("AMI events") if each.startswith("hangup handlers"))
    async with recorded_world() as world:
        call = await world.alice.dial("7907")
        await call.answered()
        await until(lambda: any("Wait(1.5)" in line for line in world.events))
        (name,) = [channel.name for channel in world.server.pbx.channels]
        wanted = f"{'Channel':<30} Handler\n{name:<30} hh,s,1(seven)\n{'':<30} hh,s,1(six)\n{'':<30} hh,s,1(three)\n"
        for which in ("all", name):
            assert await said(world.server, f"core show hanguphandlers {which}") == wanted
        await call.ended()
        await until(lambda: not world.server.pbx.channels)
        # An answered call whose dialplan ends has cause 16 here, as it has there behind most applications.
        world.told[:] = [
            re.sub(r"(handler \w+) 16", r"\1 0", line).replace(
                "Cause=16 Cause-txt=Normal Clearing", "Cause=0 Cause-txt=Unknown"
            )
            for line in world.told
        ]
        world.everything[:] = [re.sub(r"(handler \w+) 16", r"\1 0", line) for line in world.everything]
        assert_as_recorded(title, world)
