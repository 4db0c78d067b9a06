"""What the tests of transfers by foreign phones have in common: a server, and two phones beside the foreign one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from peers import LIMIT, Baresip, own_host, write_wav
from transport_peers import accounts, make_certificates, transport

from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server

EXTENSIONS = """
[default]
exten => _10X,1,Dial(PJSIP/${EXTEN},3)
 same => n,Hangup(${HANGUPCAUSE})
"""
BY_KEYS = """
[default]
exten => _10X,1,Dial(PJSIP/${EXTEN},3,tT)
 same => n,Hangup(${HANGUPCAUSE})
"""
FEATURES = """
[general]
transferannouncesound =
transferinvalidsound =
transferdigittimeout = 8
transferdialattempts = 1
xfersound =
xferfailsound =
atxfernoanswertimeout = 3
atxfercallbackretries = 1
[featuremap]
atxfer = *2
"""
BOB, CAROL, MUSIC = 660, 880, 1500
"""Hertz: what the two simulated phones say, and the music on hold."""


@dataclass
class World:
    """A server, and two simulated phones beside the foreign one, which is 101."""

    host: str
    server: Server
    bob: Phone
    carol: Phone

    async def answered(self, phone: Phone, tone: float) -> PhoneCall:
        """A phone takes the next call."""
        call = await phone.incoming(timeout=LIMIT)
        call.ring()
        call.answer()
        await call.answered()
        call.play(tone)
        return call


@asynccontextmanager
async def world(
    folder: Path,
    extensions: str = EXTENSIONS,
    files: Mapping[str, str] | None = None,
    extra: str = "",
    *,
    password: bool = True,
) -> AsyncIterator[World]:
    """All of it, and nothing left of it afterwards.

    ``files`` are further ones, ``extra`` lines of each endpoint, ``password``: whether 101 needs its own.
    """
    host = own_host()
    certificates = await asyncio.to_thread(make_certificates, folder)
    sections = [transport("udp", host, port=5060), transport("tcp", host, port=5060)]
    sections += [transport("tls", host, port=5061, **certificates)]
    text = "".join(sections) + accounts("101", "102", "103", extra=f"direct_media=no\n{extra}")
    if not password:
        text = text.replace("auth=101\n", "", 1)
    async with (
        running_server({"pjsip.conf": text, "extensions.conf": extensions, **(files or {})}) as server,
        Phone("102", server, "secret") as bob,
        Phone("103", server, "secret") as carol,
    ):
        await bob.register()
        await carol.register()
        yield World(host, server, bob, carol)
        await assert_idle(server, timeout=LIMIT)


def baresip(folder: Path, address: str) -> Baresip:
    """101 as baresip; it says a tone of 440 Hz."""
    phone = Baresip(folder / "ann", "101", address, 440)
    path = phone.folder / "accounts"
    path.write_text(path.read_text().replace("secret101", "secret"))
    return phone


def keys_and_music(folder: Path) -> dict[str, str]:
    """The keys, and music that is one tone."""
    music = folder / "music"
    music.mkdir()
    write_wav(music / "tone.wav", MUSIC)
    return {"features.conf": FEATURES, "musiconhold.conf": f"[default]\nmode=files\ndirectory={music}\n"}
