"""``externaddr`` and ``externhost``: what peers outside are told, when the name leads elsewhere, and when it fails."""

from __future__ import annotations

from names_kit import name_server

from asterism.server.server import Server
from asterism.testing import free_port, running_server, until
from asterism.testing.servers import write_config

NAME = ("pbx.example.test.", "A")


def sip_conf(extra: str) -> str:
    return f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\nlocalnet=10.0.0.0/8\n{extra}\n"


def told(server: Server) -> tuple[str, str]:
    settings = server.sip.transports.transports["sip.conf/udp"].settings
    return settings.external_host, settings.external_media_host


async def test_the_name_of_externhost_is_looked_up_again_and_again() -> None:
    async with name_server({NAME: ["203.0.113.9"]}) as names:
        config = {"sip.conf": sip_conf("externhost=pbx.example.test\nexternrefresh=1"), **names.config}
        async with running_server(config) as server:
            await until(lambda: told(server) == ("203.0.113.9", "203.0.113.9"), 5, lambda: str(told(server)))
            names.zone[NAME] = ["203.0.113.10"]
            await until(lambda: told(server) == ("203.0.113.10", "203.0.113.10"), 8, lambda: str(told(server)))
            # Without an answer the last address stays.
            del names.zone[NAME]
            asked = len(names.asked)
            await until(lambda: len(names.asked) > asked + 1, 8)
            assert told(server) == ("203.0.113.10", "203.0.113.10")


async def test_the_name_of_externaddr_is_looked_up_once_and_a_reload_keeps_it() -> None:
    async with name_server({NAME: ["203.0.113.9"]}) as names:
        text = sip_conf("externaddr=pbx.example.test:5080\nexternrefresh=1")
        config = {"sip.conf": text, **names.config}
        async with running_server(config) as server:
            await until(lambda: told(server)[0] == "203.0.113.9", 5, lambda: str(told(server)))
            assert server.sip.transports.transports["sip.conf/udp"].settings.external_port == 5080
            await server.modules.reload("chan_sip")
            assert told(server) == ("203.0.113.9", "203.0.113.9")
            write_config(server.paths.etc, {"sip.conf": text.replace("pbx.example.test", "203.0.113.77")})
            await server.modules.reload("chan_sip")
            assert told(server) == ("203.0.113.77", "203.0.113.77")
