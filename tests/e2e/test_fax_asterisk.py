"""Faxes to and from the Asterisk that `make bench-peers` installs, over T.38 and over audio: pages dot by dot."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from bench.peers import ASTERISK_ROOT
from bench.servers import has_asterisk
from fax_kit import PJSIP, TOLD

from asterism.testing import assert_idle, free_port, running_server, until
from fax_pages import assert_same, page, write_pages

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not has_asterisk(), reason="there is no Asterisk: make bench-peers, as root"),
]

FOLDERS = {
    "astetcdir": "etc", "astvarlibdir": "var", "astdbdir": "var", "astkeydir": "var", "astspooldir": "spool",
    "astrundir": "run", "astlogdir": "log",
}  # fmt: skip
MODULES = "autoload=yes\n" + "".join(
    f"noload={name}.so\n" for name in ("chan_iax2", "chan_unistim", "chan_dahdi", "pbx_dundi", "res_phoneprov")
)
EXTENSIONS = """
[trunk]
exten => fax,1,ReceiveFAX({folder}/in.tif,f)
 same => n,Hangup()
[send]
exten => s,1,SendFAX({folder}/out.tif,f)
 same => n,Hangup()
"""


@asynccontextmanager
async def asterisk(port: int, peer: int, options: str) -> AsyncIterator[tuple[Path, list[str]]]:
    """A started Asterisk in its folder: where its files are, and the beginning of a command of its console."""
    inside = f"/fax-{uuid4().hex[:8]}"
    folder = ASTERISK_ROOT / inside[1:]
    for name in {*FOLDERS.values()}:
        (folder / name).mkdir(parents=True)
    directories = "".join(f"{name} => {inside}/{where}\n" for name, where in FOLDERS.items())
    modules = next(ASTERISK_ROOT.glob("usr/lib/*/asterisk/modules")).relative_to(ASTERISK_ROOT)
    files = {
        "asterisk.conf": f"[directories]\n{directories}astmoddir => /{modules}\nastdatadir => /usr/share/asterisk\n",
        "modules.conf": f"[modules]\n{MODULES}",
        "pjsip.conf": PJSIP.format(port=port, peer=peer, codec="ulaw", options=options),
        "extensions.conf": EXTENSIONS.format(folder=inside),
        "logger.conf": "[logfiles]\nfull => notice,warning,error,verbose\n",
    }
    for name in ("rtp.conf", "udptl.conf", "res_fax.conf"):
        files[name] = ""
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    start = ["chroot", str(ASTERISK_ROOT), "asterisk", "-C", f"{inside}/etc/asterisk.conf"]
    process = launch(start)
    try:
        await until(lambda: console(start, "core waitfullybooted").startswith("Asterisk has fully"), 30)
        yield folder, start
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)
        shutil.rmtree(folder, ignore_errors=True)


def launch(start: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*start, "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def console(start: list[str], command: str) -> str:
    return subprocess.run([*start, "-rx", command], capture_output=True, text=True, check=False, timeout=20).stdout


@pytest.mark.parametrize("mode", ["T38", "audio"])
async def test_there_and_back(tmp_path: Path, mode: str) -> None:
    ours, theirs = (page(60, 1), page(50, 2)), (page(60, 5), page(50, 6))
    port, peer = free_port(), free_port()
    options = "t38_udptl=yes\nt38_udptl_ec=redundancy\n" if mode == "T38" else ""
    file, target = write_pages(tmp_path / "1.tif", *ours), tmp_path / "in.tif"
    plan = (
        f"[send]\nexten => s,1,SendFAX({file},f)\n same => n,Hangup()\n"
        f"exten => h,1,Set(GLOBAL(SENT)={TOLD})\n"
        f"[trunk]\nexten => fax,1,ReceiveFAX({target},f)\n same => n,Hangup()\n"
        f"exten => h,1,Set(GLOBAL(RECEIVED)={TOLD})\n"
    )
    config = {
        "pjsip.conf": PJSIP.format(port=port, peer=peer, codec="ulaw", options=options),
        "extensions.conf": plan,
    }
    async with asterisk(peer, port, options) as (folder, start), running_server(config) as server:
        write_pages(folder / "out.tif", *theirs)
        told = server.pbx.dialplan.globals
        await server.pbx.originate("PJSIP/fax@other", context="send", exten="s")
        await until(lambda: "SENT" in told, 90)
        assert told["SENT"] == f"SUCCESS|OK||2|14400|8031x3850||{mode}"
        await until(lambda: "0 active channels" in console(start, "core show channels"), 20)
        assert_same(folder / "in.tif", *ours)
        console(start, "channel originate PJSIP/fax@other extension s@send")
        await until(lambda: "RECEIVED" in told, 90)
        assert told["RECEIVED"] == f"SUCCESS|OK||2|14400|8031x3850||{mode}"
        await until(lambda: "0 active channels" in console(start, "core show channels"), 20)
        await assert_idle(server)
    assert_same(target, *theirs)
