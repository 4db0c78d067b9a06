"""Scenarios C1 to C5 and C7 with baresip phones that speak nothing but G.722, or Opus; C1 with GSM and G.726 too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from panoramisk import Manager
from peers import LIMIT, Baresip, own_host, server_process
from server_process import ServerProcess

from asterism.testing import free_port, until
from asterism.testing.tone import likeness, prompt

pytestmark = pytest.mark.e2e
of_each_codec = pytest.mark.parametrize("codec", ["g722", "opus"])

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30,t)
exten => 102,1,Dial(PJSIP/102,30)
exten => 500,1,Answer()
 same => n,Background(welcome)
 same => n,WaitExten(10)
exten => 2,1,Playback(invalid)
 same => n,Hangup()
exten => 601,1,Answer()
 same => n,Playback(hello-world)
 same => n,Wait(30)
"""
MANAGER = """
[general]
enabled=yes
bindaddr=127.0.0.1
port={port}
[test]
secret=test
read=all
write=all
"""


@dataclass
class World:
    """The server, a phone of one codec, and one of G.711."""

    server: ServerProcess
    host: str
    ann: Baresip
    bob: Baresip
    manager_port: int

    async def says(self, phone: Baresip, name: str, like: float = 0.7) -> None:
        """Wait until the phone has heard a prompt; its first packets may come before the phone listens."""
        words = prompt(name)[3200:12800]
        await until(lambda: likeness(phone.heard(), words) > like, LIMIT, lambda: f"no {name}; {phone.story()}")


@asynccontextmanager
async def world(root: Path, codec: str, options: str = "") -> AsyncIterator[World]:
    host, port = own_host(), free_port()
    files = {"manager": MANAGER.format(port=port)}
    allow = f"allow=!all,{codec},ulaw\n{options}"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            server_process(root / "server", host, EXTENSIONS, options=allow, files=files)
        )
        ann = await stack.enter_async_context(Baresip(root / "ann", "101", host, 440, codec=codec))
        bob = await stack.enter_async_context(Baresip(root / "bob", "102", host, 660))
        await ann.registered()
        await bob.registered()
        yield World(server, host, ann, bob, port)


# Its G726-32 is packed as that of AAL2: otherwise the likeness is 0.78.
@pytest.mark.parametrize(
    ("codec", "options", "like"),
    [("g722", "", 0.7), ("opus", "", 0.7), ("gsm", "", 0.7), ("g726", "g726_non_standard=yes\n", 0.9)],
)
async def test_c1_a_prompt(tmp_path: Path, codec: str, options: str, like: float) -> None:
    async with world(tmp_path, codec, options) as here:
        here.ann.command("dial", f"sip:601@{here.host}")
        await here.ann.event("CALL_ESTABLISHED")
        await here.says(here.ann, "hello-world", like)
        here.ann.command("hangup")
        await here.ann.event("CALL_CLOSED")


@of_each_codec
async def test_c2_called_by_the_server(tmp_path: Path, codec: str) -> None:
    async with world(tmp_path, codec) as here:
        here.server.rx("channel originate PJSIP/101 application Playback hello-world")
        await here.ann.event("CALL_INCOMING")
        here.ann.command("accept")
        await here.says(here.ann, "hello-world")
        await here.ann.event("CALL_CLOSED")
        manager = Manager(host="127.0.0.1", port=here.manager_port, username="test", secret="test")
        await manager.connect()
        action = {"Action": "Originate", "Channel": "PJSIP/101", "Application": "Playback", "Data": "invalid"}
        manager.send_action({**action, "Async": "true"})
        await here.ann.event("CALL_INCOMING", 2)
        here.ann.command("accept")
        await here.says(here.ann, "invalid")
        await here.ann.event("CALL_CLOSED", 2)
        manager.close()


@of_each_codec
async def test_c3_both_hear_each_other(tmp_path: Path, codec: str) -> None:
    async with world(tmp_path, codec) as here:
        here.ann.command("dial", f"sip:102@{here.host}")
        incoming = await here.bob.event("CALL_INCOMING")
        assert incoming["peerdisplayname"] == "Phone 101"
        await here.ann.event("CALL_RINGING")
        here.bob.command("accept")
        await here.ann.event("CALL_ESTABLISHED")
        await here.bob.hears(440)
        await here.ann.hears(660)
        here.bob.command("hangup")
        await here.ann.event("CALL_CLOSED")


@of_each_codec
async def test_c4_joined_by_the_server(tmp_path: Path, codec: str) -> None:
    async with world(tmp_path, codec) as here:
        here.server.rx("channel originate PJSIP/101 extension 102@phones")
        await here.ann.event("CALL_INCOMING")
        here.ann.command("accept")
        await here.bob.event("CALL_INCOMING")
        here.bob.command("accept")
        await here.bob.hears(440)
        await here.ann.hears(660)
        here.ann.command("hangup")
        await here.bob.event("CALL_CLOSED")


@of_each_codec
async def test_c5_cancelled(tmp_path: Path, codec: str) -> None:
    async with world(tmp_path, codec) as here:
        here.ann.command("dial", f"sip:102@{here.host}")
        await here.bob.event("CALL_INCOMING")
        await here.ann.event("CALL_RINGING")
        here.ann.command("hangup")
        await here.bob.event("CALL_CLOSED")


@of_each_codec
@pytest.mark.parametrize("mode", ["rfc4733", "inband"])
async def test_c7_a_menu(tmp_path: Path, codec: str, mode: str) -> None:
    async with world(tmp_path, codec, f"dtmf_mode={mode}\n") as here:
        here.ann.command("dial", f"sip:500@{here.host}")
        await here.ann.event("CALL_ESTABLISHED")
        await here.says(here.ann, "welcome")
        if mode == "inband":
            here.ann.presses_inband(697, 1336)
        else:
            here.ann.command("sndcode", "2")
        await here.says(here.ann, "invalid")
        await here.ann.event("CALL_CLOSED")
