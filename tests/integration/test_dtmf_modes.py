"""``dtmf_mode``: how the digits of one phone reach another, and how it is told the other's, by what is on the wire."""

from __future__ import annotations

import pytest
from call_kit import RELAYED, World, two_phones

from asterism.pbx.vocabulary import events
from asterism.testing import PhoneCall, until

EVENTS, TONES, INFO, SHORT, NOTHING = "events", "tones", "INFO", "short INFO", "nothing"
DTMF_RELAY = "application/dtmf-relay"


def config(mode: str) -> dict[str, str]:
    return {"pjsip.conf": RELAYED["pjsip.conf"].replace("[101](phone)", f"[101](phone)\ndtmf_mode={mode}")}


async def press(call: PhoneCall, how: str) -> None:
    """Ann presses 5."""
    if how == EVENTS:
        call.send_digits("5")
    elif how == TONES:
        call.play(770, 1336)
        sent = call.audio.sent
        await until(lambda: call.audio.sent > sent + 5)
        call.play()
    else:
        body = b"5\r\n" if how == SHORT else b"Signal=5\r\nDuration=160\r\n"
        assert (await call.send("INFO", body, "application/dtmf" if how == SHORT else DTMF_RELAY)).status == 200


def told(call: PhoneCall) -> list[bytes]:
    """The bodies of what Ann's phone was sent as INFO."""
    return [one.body for one in call.requests if one.method == "INFO"]


async def presses(world: World, call: PhoneCall, incoming: PhoneCall, how: str) -> None:
    """Bob presses 9, and it reaches Ann's phone in this way and in no other."""
    ended: list[str] = []
    world.server.subscribe(events.DTMF_END, lambda _, args: ended.append(args[1]))
    call.play(440)
    incoming.play(660)
    await call.hears(660)
    levels = [0.0]

    def over() -> bool:
        levels.append(min(call.audio.level(852), call.audio.level(1477)))
        return bool(ended) and (how != TONES or max(levels) > 0.04)

    incoming.send_digits("9")
    await until(over)
    if how == EVENTS:
        await call.audio.hears_digits("9")
    elif how == INFO:
        await until(lambda: told(call))
        assert [(one.method, one.get("Content-Type")) for one in call.requests] == [("INFO", DTMF_RELAY)]
        signal, duration, *_ = told(call)[0].split(b"\r\n")
        assert (signal, duration[:9]) == (b"Signal=9", b"Duration=")
        assert 60 <= int(duration[9:]) <= 100
    elif how == SHORT:
        await until(lambda: told(call))
        assert [(one.get("Content-Type"), one.body) for one in call.requests] == [("application/dtmf", b"9\r\n")]
    await call.hears(660)
    assert (max(levels) > 0.04) == (how == TONES)
    assert call.audio.digits == ("9" if how == EVENTS else "")
    assert len(told(call)) == (how in (INFO, SHORT))


@pytest.mark.parametrize(
    ("mode", "event", "agreed", "from_phone", "to_phone"),
    [
        ("rfc4733", 101, True, EVENTS, EVENTS),
        ("auto", 101, True, EVENTS, EVENTS),
        ("auto", None, False, TONES, TONES),
        ("auto_info", 101, True, EVENTS, EVENTS),
        ("auto_info", None, False, INFO, INFO),
        ("inband", 101, False, TONES, TONES),
        ("info", 101, False, INFO, INFO),
        ("short_info", 101, False, SHORT, SHORT),
        ("none", 101, False, INFO, NOTHING),
    ],
)
@pytest.mark.parametrize("calls", [True, False], ids=["it calls", "it is called"])
async def test_digits_both_ways(
    mode: str, event: int | None, agreed: bool, from_phone: str, to_phone: str, calls: bool
) -> None:
    async with two_phones(config(mode)) as world:
        world.ann.dtmf = event
        if calls:
            call, incoming = await world.connect()
            assert (call.audio.dtmf is not None) == agreed
        else:
            incoming = await world.bob.dial("101")
            call = await world.ann.incoming()
            call.answer()
            await incoming.answered()
            await call.answered()
        assert incoming.audio.dtmf is not None
        await presses(world, call, incoming, to_phone)
        await press(call, from_phone)
        await incoming.audio.hears_digits("5")
        call.play(440)
        await incoming.hears(440)
        assert incoming.audio.digits == "5"  # once
        await call.hangup()
        await incoming.ended()
