"""SIPp as a foreign T.38 gateway: it plays a fax that was captured between two servers of ours."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from pathlib import Path

import pytest
from fax_kit import faxing
from peers import own_host, server_process, sipp

from asterism.media.fax.library import why_missing
from asterism.media.udptl import UdptlSender
from fax_pages import assert_same, page, write_pages

pytestmark = pytest.mark.e2e

FAX = "t38_udptl=yes\nt38_udptl_ec=redundancy\n"
EXTENSIONS = """
[gateways]
exten => fax,1,ReceiveFAX({file})
 same => n,Hangup()
exten => h,1,Set(GLOBAL(TOLD)=${{FAXSTATUS}} ${{FAXMODE}} ${{FAXPAGES}})
"""
GATEWAY = """
[gateway]
type=endpoint
context=gateways
allow=!all,ulaw
{options}
[gateway]
type=identify
endpoint=gateway
match={host}
"""
Sent = list[tuple[float, bytes]]


def write_pcap(path: Path, sent: Sent) -> None:
    """A capture of UDP datagrams from one port to another, over Ethernet and IPv4."""
    begun = sent[0][0]
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for when, data in sent:
        udp = struct.pack("!4H", 4000, 4000, 8 + len(data), 0) + data
        addresses = bytes((192, 0, 2, 1, 192, 0, 2, 2))
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses
        frame = bytes(12) + b"\x08\x00" + ip + udp
        microseconds = int((when - begun) * 1e6)
        records.append(struct.pack("<4I", *divmod(microseconds, 10**6), len(frame), len(frame)) + frame)
    path.write_bytes(b"".join(records))


async def capture(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The datagrams that a server of ours sends with a fax, and when."""
    by_sender: dict[int, Sent] = {}
    make = UdptlSender.packet

    def packet(sender: UdptlSender, ifp: bytes) -> tuple[int, bytes]:
        made = make(sender, ifp)
        by_sender.setdefault(id(sender), []).append((time.monotonic(), made[1]))
        return made

    monkeypatch.setattr(UdptlSender, "packet", packet)
    async with faxing(str(file), folder / "captured.tif", options=(FAX, FAX)) as world:
        await world.call()
        sent, _ = await world.told()
        assert (sent.status, sent.mode) == ("SUCCESS", "T38")
    monkeypatch.undo()
    return max(by_sender.values(), key=lambda one: sum(len(data) for _, data in one))


@pytest.mark.skipif(os.geteuid() != 0, reason="SIPp plays captures by raw sockets")
@pytest.mark.skipif(bool(why_missing()), reason="libspandsp is not there")
async def test_a_captured_fax_is_received_from_sipp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = page(30)
    file, target = write_pages(tmp_path / "1.tif", sent), tmp_path / "received.tif"
    captured = await capture(tmp_path, file, monkeypatch)
    folder = tmp_path / "phone"
    await asyncio.to_thread(folder.mkdir)
    write_pcap(folder / "fax.pcap", captured)
    host, phone = own_host(), own_host()
    extensions, pjsip = EXTENSIONS.format(file=target), GATEWAY.format(options=FAX, host=phone)
    async with server_process(tmp_path / "server", host, extensions, pjsip) as server:
        options = ["-s", "fax", "-m", "1", "-p", "5060", "-timeout", "60s", "-recv_timeout", "50000"]
        await sipp("fax", f"{host}:5060", phone, *options, folder=folder)
        told = await asyncio.to_thread(server.rx, "dialplan show globals")
        assert "TOLD=SUCCESS T38 1" in told.stdout
    assert_same(target, sent)
