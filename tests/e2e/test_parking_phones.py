"""Parking by foreign phones: SIPp for the exact flow of a transfer to a lot, baresip for who hears whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import LIMIT, Baresip, finish_sipp, own_host, server_process, sipp, start_sipp, write_wav
from transport_peers import accounts, transport

from asterism.testing import Phone, assert_idle, level, running_server, until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[default]
exten => 102,1,Dial(PJSIP/102,20)
exten => 103,1,Dial(PJSIP/103,20)
include => parkedcalls
[phones]
exten => 101,1,Dial(PJSIP/101,30)
exten => 102,1,Dial(PJSIP/102,30)
include => parkedcalls
"""
LOT = "[default]\nparkext=700\nparkpos=701-705\nparkinghints=yes\nparkingtime={time}\ncomebackdialtime=10\n"
DIGIT = 1300


def sounds(folder: Path) -> None:
    """The digits, each a tone of a second."""
    (folder / "digits").mkdir(parents=True)
    for digit in "701":
        write_wav(folder / "digits" / f"{digit}.wav", DIGIT, seconds=1)


def hears(phone: Baresip, frequency: float) -> bool:
    """Whether a phone has heard half a second of a tone in its newest call."""
    path = sorted(phone.folder.glob("dump-*-dec.wav"))[-1]
    data = path.read_bytes()
    samples = data[data.find(b"data") + 8 :]  # 8000 Hz, 16 bits; the header is filled in only when it is closed
    return any(level(samples[at : at + 8000], frequency) > 0.8 for at in range(0, len(samples) - 8000, 2000))


async def test_a_transfer_to_the_lot_and_the_call_that_comes_back(tmp_path: Path) -> None:
    """202, NOTIFY with 100, NOTIFY with 200 once the space was said, BYE; then an INVITE that is answered."""
    host, phone = own_host(), own_host()
    text = transport("udp", host, port=5060) + accounts("101", "102", extra="direct_media=no\n")
    text = text.replace("[102]\ntype=aor\n", f"[102]\ntype=aor\ncontact=sip:102@{phone}:5070\n")
    files = {"pjsip.conf": text, "extensions.conf": EXTENSIONS, "res_parking.conf": LOT.format(time=6)}
    async with running_server(files) as server, Phone("101", server, "secret") as ann:
        sounds(Path(server.paths.data) / "sounds" / "en")
        await ann.register()
        options = ("-m", "1", "-p", "5070", "-key", "lot", "700")
        parks = await start_sipp("parks", f"{host}:5060", phone, *options, folder=tmp_path / "parks")
        await until(lambda: (tmp_path / "parks").exists(), LIMIT, "SIPp does not start")
        call = await ann.dial("102")
        await call.answered(LIMIT)
        await until(lambda: len(server.pbx.parking.calls) == 1, LIMIT, "nobody is parked")
        lamp = await ann.subscribe("701", "dialog", "application/dialog-info+xml")
        await until(lambda: any("confirmed" in one.body.decode() for one in lamp.notifies), LIMIT, "the lamp is off")
        await finish_sipp(parks, tmp_path / "parks", "parks")
        await lamp.end()
        back = await start_sipp("answer", f"{host}:5060", phone, "-m", "1", "-p", "5070", folder=tmp_path / "back")
        await until(
            lambda: any(one.exten == "PJSIP_102" for one in server.pbx.channels), LIMIT, "it does not come back"
        )
        await until(lambda: len({one.bridge for one in server.pbx.channels} - {None}) == 1, LIMIT, "they do not talk")
        await call.hangup()
        await finish_sipp(back, tmp_path / "back", "answer")
        await assert_idle(server, timeout=LIMIT)


async def test_a_call_is_retrieved_by_dialling_the_space(tmp_path: Path) -> None:
    host = own_host()
    text = transport("udp", host, port=5060) + accounts("101", "102", "103", extra="direct_media=no\n")
    files = {"pjsip.conf": text, "extensions.conf": EXTENSIONS, "res_parking.conf": LOT.format(time=60)}
    async with (
        running_server(files) as server,
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.register()
        await bob.register()
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        await incoming.refer(f"<sip:700@{host}:5060>")
        await until(lambda: len(server.pbx.parking.calls) == 1, LIMIT, "nobody is parked")
        options = ("-s", "103", "-au", "103", "-ap", "secret", "-m", "1", "-p", "5060", "-key", "number", "701")
        await sipp("call", f"{host}:5060", own_host(), *options, folder=tmp_path / "sipp")
        assert await call.ended() == "BYE received"
        await assert_idle(server, timeout=LIMIT)


async def test_a_stock_phone_parks_a_call_and_gets_it_back(tmp_path: Path) -> None:
    """Baresip transfers to 700 and dials 701: it hears the space, the other hears music; then they talk again."""
    host = own_host()
    root = tmp_path / "server"
    sounds(root / "lib/sounds/en")
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc" / "res_parking.conf").write_text(LOT.format(time=60))
    async with (
        server_process(root, host, EXTENSIONS, options="direct_media=no\n") as server,
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
        Baresip(tmp_path / "bob", "102", host, 660) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:102@{host}")
        await bob.event("CALL_INCOMING")
        bob.command("accept")
        await bob.event("CALL_ESTABLISHED")
        bob.command("transfer", f"sip:700@{host}")
        await until(lambda: "Space               :  701" in server.rx("parking show default").stdout, LIMIT, bob.story)
        await until(lambda: hears(bob, DIGIT), LIMIT, bob.story)
        await bob.event("CALL_CLOSED")
        bob.command("dial", f"sip:701@{host}")
        await bob.event("CALL_ESTABLISHED", 2)
        await until(lambda: hears(bob, 440), LIMIT, bob.story)
        assert "(none)" in server.rx("parking show default").stdout
        bob.command("hangup")
        await ann.event("CALL_CLOSED")
