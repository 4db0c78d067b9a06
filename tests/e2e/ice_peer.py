"""One end of ICE as a program, for a host of a test's network: commands and reports are lines of JSON.

Arguments: the address to bind, and ``rtp.conf`` as text. It sends a packet of audio every 20 ms once it has a path, and
reports how many have come whenever it is asked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from asterism.config import ConfigFile
from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.test_events import TestEvents
from asterism.media.core import Media
from asterism.media.formats import ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.settings import RtpSettings
from asterism.media.stream import Frame
from asterism.media.transports.parameters import IceParameters, RemoteTransport


def tell(**report: Any) -> None:
    print(json.dumps(report), flush=True)


class End:
    """A transport with one stream."""

    def __init__(self, host: str, settings: RtpSettings) -> None:
        log = ServerLogger("ice-peer")
        nowhere = Path("/nowhere")
        server = SimpleNamespace(
            owner=Owner("ice-peer"), test_events=TestEvents(EventBus(log)), log=log,
            paths=SimpleNamespace(data=nowhere, spool=nowhere, share=nowhere),
        )  # fmt: skip
        self.media = Media(server, settings)
        self.transport = self.media.open_transport(host, make_ice=self.media.make_ice)
        assert self.transport.ice is not None
        self.ice = self.transport.ice
        self.ice.mux = True
        self.session = self.media.open_rtp(host, transport=self.transport)
        self.session.set_formats(PayloadTypes(((0, ULAW),), ()))
        self.session.sink = self._hear
        self.heard = 0
        select = self.ice.on_selected

        def selected(component: int, base: Any, address: tuple[str, int]) -> None:
            select(component, base, address)
            tell(selected=address, kind=base.kind, component=component)

        self.ice.on_selected = selected
        self.transport.on_no_path = lambda reason: tell(failed=reason)

    def _hear(self, _frame: Frame) -> None:
        self.heard += 1

    async def speak(self) -> None:
        while True:
            self.session.write(Frame(ULAW, b"\x55" * 160))
            await asyncio.sleep(0.02)

    async def do(self, command: dict[str, Any]) -> bool:
        """Carry out one command; ``False``: it was the last."""
        match command["do"]:
            case "describe":
                if command.get("restart"):
                    self.ice.restart()
                await self.ice.gather()
                tell(local=self.ice.local)
            case "apply":
                told = command["remote"]
                remote = IceParameters(told[0], told[1], tuple(told[2]), told[3])
                transport = RemoteTransport(("0.0.0.0", 9), mux=True, ice=remote)
                self.transport.apply(transport, controlling=command["controlling"])
            case "heard":
                tell(heard=self.heard)
            case "end":
                self.session.close()
                self.transport.close()
                await asyncio.sleep(0.5)
                self.media.close()
                return False
        return True


async def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    end = End(sys.argv[1], RtpSettings.from_file(ConfigFile.parse(sys.argv[2], "rtp.conf")))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    speaking = loop.create_task(end.speak())
    tell(ready=True)
    while line := await reader.readline():
        if not await end.do(json.loads(line)):
            break
    speaking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
