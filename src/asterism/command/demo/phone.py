"""A simulated phone for the demo: dials an extension and says what it heard, or answers calls with a tone."""

from __future__ import annotations

import asyncio
import sys

from asterism.command.demo.configuration import ACCOUNTS, Demo
from asterism.testing import Phone, PhoneCall, PhoneError, detect, until

_LISTEN_SECONDS = 2.0
_RING_SECONDS = 40.0
_CALLER_TONE = 660
_ANSWER_TONE = 440


def run_phone(demo: Demo, *, caller: str, call: str | None, answer: bool) -> int:
    """Run ``asterism demo --call NUMBER`` or ``--answer``; returns the exit status."""
    account = caller or (ACCOUNTS[0] if answer else ACCOUNTS[-1])
    if account not in demo.passwords:
        print(f"asterism demo: there is no account {account} in {demo.folder}/pjsip.conf", file=sys.stderr)
        return 2
    try:
        asyncio.run(_answer(demo, account) if call is None else _call(demo, account, call))
    except _NobodyThereError:
        where = f"{demo.host} port {demo.sip_port}"
        text = f"asterism demo: nothing answers at {where}: is the demo of '{demo.folder}' running?"
        print(text, file=sys.stderr)
        return 1
    except PhoneError as error:
        print(f"asterism demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


class _NobodyThereError(Exception):
    """No server listens where the demo's configuration says."""


async def _look_for_server(phone: Phone) -> None:
    try:
        # Any answer will do, also that it wants credentials.
        await phone.exchange(phone.create_request("OPTIONS", phone.uri()))
    except PhoneError:
        raise _NobodyThereError from None


def _phone(demo: Demo, account: str) -> Phone:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(demo.host, demo.host)
    return Phone(account, (host, demo.sip_port), demo.passwords[account], host=host)


async def _call(demo: Demo, account: str, number: str) -> None:
    async with _phone(demo, account) as phone:
        await _look_for_server(phone)
        call = await phone.dial(number)
        print(f"{account} dials {number} ...", flush=True)
        await until(lambda: call.established or call.over, _RING_SECONDS, lambda: f"nobody answered; {phone.story()}")
        for status in call.provisional:
            print(f"  {status} {'Ringing' if status == 180 else 'Session Progress'}")
        if not call.established:
            reason = call.responses[-1].reason if call.responses else "no answer"
            print(f"  the call was refused: {call.status} {reason}")
            _report(call)
            return
        print("  200 OK, the call is up")
        call.play(_CALLER_TONE)
        await asyncio.sleep(_LISTEN_SECONDS)
        _report(call)
        if not call.over:
            await call.hangup()
            print("  hung up")
        else:
            print("  the server hung up")


def _report(call: PhoneCall) -> None:
    packets = call.audio.packets
    if not packets:
        print("  nothing was heard")
        return
    found = detect(b"".join(packets[-50:]), (_ANSWER_TONE, _CALLER_TONE))
    seconds = len(packets) / 50
    what = " and ".join(f"a tone of {frequency} Hz" for frequency in found) or "sound"
    print(f"  heard {seconds:.1f} s of audio: {what}{' (our own, echoed)' if _CALLER_TONE in found else ''}")


async def _answer(demo: Demo, account: str) -> None:
    async with _phone(demo, account) as phone:
        await _look_for_server(phone)
        await phone.register()
        print(f"{account} is registered and answers with a tone of {_ANSWER_TONE} Hz; Ctrl-C ends it", flush=True)
        while True:
            call = await phone.incoming(timeout=86_400)
            print(f"  call from {call.request.from_.uri.user}", flush=True)
            call.ring()
            call.answer()
            call.play(_ANSWER_TONE)
