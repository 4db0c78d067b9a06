"""Transfers over each transport: blind (T7) and attended (T2), with what is heard."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest

from asterism.testing import Phone, PhoneCall, assert_idle, running_server, until

_SPEC = importlib.util.spec_from_file_location(
    "transports_kit", Path(__file__).parents[1] / "transport" / "transports_kit.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_KIT = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_KIT)

EXTENSIONS = """
[default]
exten => _10X,1,Dial(PJSIP/${EXTEN},5)
"""
BOB, CAROL = 697, 941


async def _answered(phone: Phone, tone: float) -> PhoneCall:
    call = await phone.incoming()
    call.ring()
    call.answer()
    await call.answered()
    call.play(tone)
    return call


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls", "ws"])
async def test_blind_and_attended(protocol: str, tmp_path: Path) -> None:
    certificates = await asyncio.to_thread(_KIT.make_certificates, tmp_path)
    options = certificates if protocol == "tls" else {}
    section = _KIT.transport(protocol, "127.0.0.1", **({} if protocol == "ws" else {"port": 0}), **options)
    extra = "direct_media=no\nrewrite_contact=yes\n"
    files = {"pjsip.conf": section + _KIT.accounts("101", "102", "103", extra=extra), "extensions.conf": EXTENSIONS}
    if protocol == "ws":
        files["http.conf"] = _KIT.http_conf()
    async with running_server(files) as server:
        phones = [Phone(number, server, "secret", transport=protocol) for number in ("101", "102", "103")]
        async with phones[0] as ann, phones[1] as bob, phones[2] as carol:
            for phone in phones:
                await phone.register()
            first = await ann.dial("102")
            one = await _answered(bob, BOB)
            await first.answered()
            # Attended, with the call to Carol answered.
            second = await ann.dial("103")
            two = await _answered(carol, CAROL)
            await second.answered()
            assert (await first.refer(f"<sip:103@127.0.0.1?{second.replaces()}>")).status == 202
            await two.hears(BOB)
            await one.hears(CAROL)
            await until(lambda: first.told[-1:] == ["SIP/2.0 200 OK"])
            await second.ended()
            await first.hangup()
            # Blind: Bob sends Carol to Ann.
            assert (await one.refer("<sip:101@127.0.0.1>")).status == 202
            three = await _answered(ann, BOB)
            await three.hears(CAROL)
            await two.hears(BOB)
            await until(lambda: one.told[-1:] == ["SIP/2.0 200 OK"])
            await one.hangup()
            await two.hangup()
            await three.ended()
            await assert_idle(server)
