"""Scenario C8: foreign phones of three codecs and rates in one conference; one leaves, and the others go on."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from linphone import Linphone
from peers import LIMIT, Baresip, finish_sipp, own_host, server_process, start_sipp, write_wav

from asterism.testing import level, until
from asterism.testing.tone import ulaw_tone

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 700,1,Answer()
 same => n,ConfBridge(room,,quiet)
"""
CONFBRIDGE = "[general]\n[quiet]\ntype=user\nquiet=yes\n"
WIDE, FULL, NARROW, FOURTH = 440, 660, 1000, 1500
"""Tones of a baresip with G.722, a Linphone with Opus, a baresip with A-law, and a SIPp with u-law."""
TONES = (WIDE, FULL, NARROW, FOURTH)


def shares(samples: bytes) -> dict[int, float]:
    """How much of each tone is in the last second."""
    return {tone: round(level(samples[-16000:], tone), 2) for tone in TONES}


def hears_only(samples: bytes, own: int, left: tuple[int, ...] = ()) -> bool:
    """Whether the last second is the others' tones, and nothing else to speak of."""
    found = shares(samples)
    others = [tone for tone in TONES if tone != own and tone not in left]
    return (
        len(samples) >= 16000
        and min(found[tone] for tone in others) > 0.4 / len(others)
        and all(found[tone] < 0.03 for tone in (own, *left))
    )


def recorded(path: Path) -> bytes:
    """The latest of what Linphone has heard, as linear samples of 8 kHz; the file's header comes with its end."""
    data = path.read_bytes()[44:] if path.exists() else b""
    samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2")[-2 * 48000 :]
    return soxr.resample(samples, 48000, 8000).tobytes() if len(samples) else b""


def phone_account(user: str, codec: str) -> str:
    return (
        f"[{user}]\ntype=endpoint\ncontext=phones\nallow=!all,{codec}\nauth={user}\naors={user}\n"
        f"[{user}]\ntype=auth\nusername={user}\npassword=secret{user}\n[{user}]\ntype=aor\nmax_contacts=1\n"
    )


async def test_c8(tmp_path: Path) -> None:
    host, third = own_host(), own_host()
    folder = tmp_path / "sipp"
    folder.mkdir()
    (folder / "tone.ulaw").write_bytes(b"".join(ulaw_tone(FOURTH)) * 20)
    accounts = (
        phone_account("104", "alaw")
        + phone_account("103", "opus")
        + (
            f"[sipp]\ntype=endpoint\ncontext=phones\nallow=!all,ulaw\n[sipp]\ntype=identify\nendpoint=sipp\nmatch={third}\n"
        )
    )
    linphone = Linphone(tmp_path / "full", "103", f"{host}:5060", "udp", password="secret103")
    async with (
        server_process(
            tmp_path / "server", host, EXTENSIONS, accounts, "allow=!all,g722\n", {"confbridge": CONFBRIDGE}
        ) as server,
        Baresip(tmp_path / "wide", "101", host, WIDE, codec="g722") as wide,
        Baresip(tmp_path / "narrow", "104", host, NARROW) as narrow,
        linphone,
    ):
        await wide.registered()
        await narrow.registered()
        await linphone.use_codec("opus", 48000)
        write_wav(tmp_path / "said.wav", FULL, rate=48000, seconds=60)
        for number, phone in enumerate((wide, narrow), 1):
            phone.command("dial", f"sip:700@{host}")
            await phone.event("CALL_ESTABLISHED")
            # Answer waits for a caller's audio: the next one might be in the room before.
            await until(partial(_has, server, number), LIMIT)
        linphone.say(f"record {tmp_path}/heard.wav")
        linphone.say(f"play {tmp_path}/said.wav")
        linphone.say(f"call sip:700@{host}")
        await linphone.tells("Media streams established")
        process = await start_sipp("talk", f"{host}:5060", third, "-s", "700", "-m", "1", folder=folder)
        parties: list[tuple[int, Any]] = [
            (WIDE, wide.heard), (NARROW, narrow.heard), (FULL, partial(recorded, tmp_path / "heard.wav")),
        ]  # fmt: skip

        async def hear(left: tuple[int, ...] = ()) -> None:
            for own, heard in parties:

                def told(own: int = own, heard: Any = heard) -> str:
                    return f"{own} Hz hears {shares(heard())} of {len(heard())}; {linphone.said[-3:]}"

                await until(lambda own=own, heard=heard: hears_only(heard(), own, left), LIMIT, told)  # type: ignore[misc]

        await hear()
        await finish_sipp(process, folder, "talk")
        await hear((FOURTH,))
        listed = (await asyncio.to_thread(server.rx, "confbridge list room")).stdout
        assert [line.split()[0].partition("-")[0] for line in listed.splitlines()[2:]] == [
            "PJSIP/101", "PJSIP/104", "PJSIP/103",
        ]  # fmt: skip
        linphone.say("terminate")
        await linphone.tells("ended")
        parties.pop()
        await hear((FOURTH, FULL))
        wide.command("hangup")
        narrow.command("hangup")
        await until(partial(_empty, server), LIMIT)


def _has(server: Any, users: int) -> bool:
    return len(server.rx("confbridge list room").stdout.splitlines()) == 2 + users


def _empty(server: Any) -> bool:
    return len(server.rx("confbridge list").stdout.splitlines()) == 2
