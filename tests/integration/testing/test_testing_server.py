"""A server in process and two simulated phones: they register, call each other and hear each other."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from asterism.media.rtp import RtpSession
from asterism.testing import Phone, PhoneError, assert_idle, idle_counts, running_server
from asterism.testing.tone import prompt


def account(name: str, codecs: str = "ulaw,alaw") -> str:
    return f"""
[{name}]
type=endpoint
direct_media=no
context=default
disallow=all
allow={codecs}
auth={name}
aors={name}

[{name}]
type=auth
username={name}
password=secret

[{name}]
type=aor
max_contacts=1
"""


EXTENSIONS = """
[default]
exten => 101,1,Dial(PJSIP/101,30)
exten => 102,1,Dial(PJSIP/102,30)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Playback(beep&welcome)
"""


@asynccontextmanager
async def office(codecs: str = "ulaw,alaw"):
    config = {"pjsip.conf": account("101") + account("102", codecs), "extensions.conf": EXTENSIONS}
    async with (
        running_server(config) as server,
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.register()
        await bob.register()
        yield server, ann, bob
        await assert_idle(server)


async def call(ann: Phone, bob: Phone):
    outgoing = await ann.dial("102")
    incoming = await bob.incoming()
    incoming.ring()
    await outgoing.ringing()
    incoming.answer()
    await outgoing.answered()
    await incoming.answered()
    return outgoing, incoming


@pytest.mark.parametrize("codecs", ["ulaw,alaw", "alaw"])
def test_two_phones_hear_each_other(codecs):
    async def main():
        async with office(codecs) as (server, ann, bob):
            before = idle_counts(server)
            outgoing, incoming = await call(ann, bob)
            outgoing.play(440)
            incoming.play(660)
            await incoming.hears(440)
            await outgoing.hears(660)
            # through the server's relay, never from phone to phone
            assert ann.port not in {port for _, port in incoming.audio.sources}
            assert incoming.audio.sources == {(incoming.remote_description.host, incoming.remote_description.port)}
            assert len(incoming.audio.ssrcs) == 1
            assert idle_counts(server)["channels"] == before["channels"] + 2
            outgoing.send_digits("12#")
            await incoming.audio.hears_digits("12#")
            await outgoing.hangup()
            assert await incoming.ended() == "BYE received"

    asyncio.run(main())


def test_without_the_relay_nothing_is_heard(monkeypatch):
    async def main():
        async with office() as (_, ann, bob):
            monkeypatch.setattr(RtpSession, "relay_to", lambda self, other: True)
            outgoing, incoming = await call(ann, bob)
            outgoing.play(440)
            with pytest.raises(PhoneError, match="heard 0 packets"):
                await incoming.hears(440, timeout=0.5)
            await incoming.hangup()
            await outgoing.ended()
            monkeypatch.undo()

    asyncio.run(main())


def test_echo_and_prompt():
    async def main():
        async with office() as (_, ann, _bob):
            echo = await ann.dial("600")
            await echo.answered()
            echo.play(700)
            await echo.hears(700)
            await echo.hangup()
            call = await ann.dial("601")
            await call.hears(1000)  # the beep
            await call.hears_sound(prompt("beep"))
            with pytest.raises(PhoneError, match="was not heard"):
                await call.hears_sound(prompt("goodbye"), timeout=0.3)
            await call.hangup()

    asyncio.run(main())


def test_a_wrong_password_is_refused():
    async def main():
        async with office() as (server, *_), Phone("101", server, "wrong") as thief:
            assert (await thief.try_register()).status == 401
            refused = await thief.dial("102")
            assert await refused.refused() == 401

    asyncio.run(main())


async def test_a_file_without_suffix_is_refused() -> None:
    """No file that is read has such a name: a test would run against less than was written."""
    with pytest.raises(ValueError, match=r"is 'pjsip.conf' meant\?"):
        async with running_server({"pjsip": "[101]\ntype=endpoint\n"}):
            pass
