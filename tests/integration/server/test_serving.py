"""A program of one's own that is nothing but a server: ``server.run()``."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asterism import Server
from asterism.core.errors import ModuleError
from asterism.testing import Phone
from asterism.testing.servers import free_port, write_config

GUIDE = Path(__file__).parents[3] / "docs/guide/python-extensions.md"
PJSIP = """\
[udp]
type=transport
bind=127.0.0.1:{port}
[101]
type=endpoint
context=phones
allow=ulaw
aors=101
[101]
type=aor
max_contacts=1
"""


class Address:
    """Where a server of another process is."""

    def __init__(self, port: int) -> None:
        self.port = port

    def sip_address(self, transport: str) -> tuple[str, int]:
        return ("127.0.0.1", self.port)


async def office(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The guide's program, running."""
    write_config(folder / "etc", {"pjsip.conf": PJSIP.format(port=port)})
    text = next(iter(re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)))
    # What it says itself, and when it is ready: nothing else is added.
    text = text.replace("server.run()", 'server.run(ready=lambda server: print("ready", flush=True))')
    (folder / "office.py").write_text(text)
    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "office.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    while (line := await asyncio.to_thread(process.stdout.readline)) != b"ready\n":
        assert line, "the program has ended"
    return process


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_program_and_its_calls(tmp_path: Path, signum: signal.Signals) -> None:
    port = free_port()
    process = await office(tmp_path, port)
    try:
        async with Phone("101", Address(port)) as phone:
            call = await phone.dial("711")
            await call.answered()
            process.send_signal(signum)
            await call.ended()
            _, errors = await asyncio.to_thread(process.communicate, timeout=20)
            assert (process.returncode, errors) == (0, b"")
    finally:
        process.kill()


async def test_serving_in_a_loop_of_one_s_own(tmp_path: Path) -> None:
    write_config(tmp_path, {})
    before = signal.getsignal(signal.SIGTERM)
    server = Server.from_config(tmp_path)
    ready = asyncio.Event()
    task = asyncio.create_task(server.serve(ready=lambda _server: ready.set()))
    await ready.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await task
    assert not server.booted or not server.sip.listening()
    assert signal.getsignal(signal.SIGTERM) is before

    again = Server.from_config(tmp_path)
    ready.clear()
    task = asyncio.create_task(again.serve(ready=lambda _server: ready.set()))
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert again.status.stopping


def test_a_server_that_cannot_start_says_so_to_the_program(tmp_path: Path) -> None:
    write_config(tmp_path, {"modules.conf": "[modules]\nautoload=yes\nrequire=nosuch\n"})
    with pytest.raises(ModuleError, match="nosuch"):
        Server.from_config(tmp_path).run()
    assert asyncio.events._get_running_loop() is None
