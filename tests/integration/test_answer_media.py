"""Answer waits for the caller's audio; what is refused before that is logged."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from call_kit import PJSIP, two_phones

from asterism.core.log import ServerLogger
from asterism.interfaces.console import protocol
from asterism.pbx.dialplan.applications.progress import MEDIA_SECONDS
from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.testing import running_server, until
from lateness import Lateness

EXTENSIONS = """
[phones]
exten => 700,1,Answer()
 same => n,UserEvent(next)
 same => n,Wait(5)
exten => 701,1,Answer(,i)
 same => n,UserEvent(next)
 same => n,Wait(5)
exten => 702,1,Answer(800)
 same => n,UserEvent(next)
 same => n,Wait(5)
"""


@contextmanager
def logged(log: ServerLogger) -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(f"{record.levelname} {record.getMessage()}")
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)


@pytest.mark.parametrize(
    ("number", "speaks", "least", "most"),
    [
        ("700", False, MEDIA_SECONDS, MEDIA_SECONDS + 0.4),
        ("700", True, 0.0, MEDIA_SECONDS - 0.1),
        ("701", False, 0.0, MEDIA_SECONDS - 0.1),
        ("702", True, 0.8, 1.2),
    ],
)
async def test_answer_waits_for_audio_but_not_for_long(number: str, speaks: bool, least: float, most: float) -> None:
    loop = asyncio.get_running_loop()
    async with two_phones({"extensions.conf": EXTENSIONS}) as world:
        came: asyncio.Future[float] = loop.create_future()
        world.server.subscribe(USER_EVENT, lambda _type, _args: came.set_result(loop.time()))
        dialled = loop.time()
        call = await world.ann.dial(number)
        await call.answered()
        begun = loop.time()
        if speaks:
            call.play(440.0)
        async with Lateness() as late:
            took = await asyncio.wait_for(came, 10) - begun
        assert least <= took + (begun - dialled)
        assert took <= most + late.total
        await call.hangup()


async def test_an_invite_to_an_unknown_extension_is_logged() -> None:
    async with two_phones({"extensions.conf": EXTENSIONS}) as world:
        with logged(world.server.log) as lines:
            call = await world.ann.dial("999")
            await call.refused()
        (line,) = [line for line in lines if "999" in line]
        assert line.startswith("NOTICE 101: Call (UDP:127.0.0.1:")
        assert line.endswith("to extension '999' rejected because extension not found in context 'phones'.")


async def test_a_refused_offer_is_logged() -> None:
    text = PJSIP.replace("[101](phone)\n", "[101](phone)\ndisallow=all\nallow=g722\n")
    async with two_phones({"extensions.conf": EXTENSIONS, "pjsip.conf": text}) as world:
        with logged(world.server.log) as lines:
            call = await world.ann.dial("700")
            await call.refused()
        (line,) = [line for line in lines if line.startswith("WARNING 101: Call ")]
        assert line.endswith("no stream of its offer can be taken: audio: offered ulaw, alaw; allowed g722")


async def test_a_stop_that_is_waited_for_ends_the_wait_when_it_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server({}) as server:
        monkeypatch.setattr(type(server.pbx), "active_calls", property(lambda _self: 1))
        path = server.paths.run / protocol.SOCKET_NAME
        reader, writer = await asyncio.open_unix_connection(str(path))
        decoder = protocol.Decoder()

        async def frames() -> list[tuple[bytes, bytes]]:
            return decoder.feed(await asyncio.wait_for(reader.read(65536), 5))

        await frames()
        writer.write(
            protocol.encode(protocol.RUN, json.dumps({"command": "core stop gracefully", "wait": True}).encode())
        )
        await until(lambda: server.status.waiting is not None)
        assert await frames() == [(protocol.OUTPUT, b"")]
        assert server.abort_stop()
        while (protocol.DONE, b"0") not in await frames():
            pass
        writer.close()
