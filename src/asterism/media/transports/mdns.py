"""Names that end with ``.local``, behind which browsers hide their addresses (RFC 6762), by aioice's protocol."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from aioice.mdns import MDNS_PORT, MDnsProtocol, is_mdns_hostname

_MOST = 32
"""Names that are asked for at one time; further ones are not resolved."""
_WAIT = 2.0
"""Seconds that a name is asked for."""


class MulticastProtocol(MDnsProtocol):
    """Does not take what is not well-formed for an error of ours."""

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Take a message of anybody in the network."""
        try:
            super().datagram_received(data, addr)
        except Exception as error:
            # dnspython has many ways to say that it is nothing.
            logging.getLogger(__name__).debug("mDNS message of %s: %s", addr, error)


async def _open(loop: asyncio.AbstractEventLoop) -> MDnsProtocol:
    """A socket on the port of mDNS, which others of this machine have too. Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind(("", MDNS_PORT))
        return (await loop.create_datagram_endpoint(MulticastProtocol, sock=sock))[1]
    except BaseException:
        sock.close()
        raise


class NameResolver:
    """Asks the local network for names; its socket is open only while something is asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        self._loop = loop
        self._log = log
        self._opening: asyncio.Task[MDnsProtocol] | None = None
        self._asking = 0

    async def resolve(self, name: str) -> str | None:
        """The IPv4 address of a name; ``None``: it is none of mDNS, nobody has answered, or too many are asked for."""
        if not is_mdns_hostname(name) or self._asking >= _MOST:
            return None
        self._asking += 1
        try:
            async with asyncio.timeout(_WAIT + 0.5):
                if self._opening is None:
                    self._opening = self._loop.create_task(_open(self._loop))
                protocol = await asyncio.shield(self._opening)
                return await protocol.resolve(name, _WAIT)
        except (OSError, TimeoutError) as error:
            self._log.debug("mDNS: '%s' is not resolved: %s", name, error)
            return None
        finally:
            self._asking -= 1
            if not self._asking:
                self.close()

    def close(self) -> None:
        """Close the socket; those who wait get no answer."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        if opening.done() and not opening.cancelled() and opening.exception() is None:
            opening.result().transport.close()
        else:
            opening.cancel()
