"""The range of udptl.conf, and the log of UDPTL packets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from asterism.core.errors import ConfigError
from asterism.core.log import VERBOSE
from asterism.media.core import Media
from asterism.media.ports import PortsExhaustedError
from asterism.media.udptl import UdptlPacket, write_packet


def test_ports_of_the_range_are_taken_and_come_back(run: Callable[..., None], tmp_path: Path) -> None:
    async def scenario(media: Media) -> None:
        path = tmp_path / "udptl.conf"
        media.udptl.configure(path)
        path.write_text("[general]\nudptlstart=24001\nudptlend=24006\nuse_even_ports=yes\n")
        media.udptl.configure(path)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 24004))
            ports = [media.open_udptl("127.0.0.1", tos=46 << 2) for _ in range(2)]
            assert {port.local[1] for port in ports} == {24002, 24006}
            with pytest.raises(PortsExhaustedError, match="3 UDPTL ports"):
                media.open_udptl("127.0.0.1")
        assert media.open_udptl("127.0.0.1").local[1] == 24004
        assert media.open_udptl("::1").local[0] == "::1"
        ports[0].close()
        assert media.open_udptl("127.0.0.1").local == ports[0].local
        with pytest.raises(ValueError, match="address"):
            media.open_udptl("fax.example.test")
        path.write_text("[general]\nudptlfecspan=0\n")
        with pytest.raises(ConfigError):
            media.udptl.configure(path)
        assert media.udptl.settings.start == 24001
        media.close()
        assert not media.udptl.open_ports

    run(scenario)


@pytest.mark.parametrize("watched", ["::1", "[::1]:4000", "::1:4000"])
def test_an_address_of_ipv6_is_watched_with_its_port_or_without(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture, watched: str
) -> None:
    caplog.set_level(VERBOSE)

    async def scenario(media: Media) -> None:
        media.udptl.set_debug(True, watched)
        media.udptl.log_packet("Sent", ("::1", 4000), 7, 5)
        media.udptl.log_packet("Sent", ("::1", 4001), 8, 5)
        shown = [line for line in caplog.messages if "UDPTL packet" in line]
        one = "Sent UDPTL packet to [::1]:4000 (seq 7, len 5)"
        assert shown == {
            "::1": [one, "Sent UDPTL packet to [::1]:4001 (seq 8, len 5)"], "[::1]:4000": [one], "::1:4000": [],
        }[watched]  # fmt: skip

    run(scenario)


def test_packets_are_logged_when_asked_for(run: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(VERBOSE)

    async def scenario(media: Media) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fax:
            fax.bind(("127.0.0.1", 0))
            where = "{}:{}".format(*fax.getsockname())
            port = media.open_udptl("127.0.0.1")
            port.set_remote(*fax.getsockname())
            came = asyncio.Event()
            port.on_ifp = lambda *_: came.set()
            for host in ("127.0.0.1", where, "192.0.2.1", None):
                caplog.clear()
                media.udptl.set_debug(host is not None, host or "")
                port.write(b"\x06")
                came.clear()
                fax.sendto(write_packet(UdptlPacket(port.receiver.received, b"\x02")), port.local)
                await asyncio.wait_for(came.wait(), 5)
                lines = [record.getMessage() for record in caplog.records]
                number = port.sent - 1
                expected = [
                    f"Sent UDPTL packet to {where} (seq {number}, len 6)",
                    f"Got UDPTL packet from {where} (seq {number}, len 6)",
                ]
                assert lines == (expected if host in ("127.0.0.1", where) else [])

    run(scenario)
