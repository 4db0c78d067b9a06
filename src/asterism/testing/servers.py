"""A server in process for tests, and whether it is idle again."""

from __future__ import annotations

import math
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.config.asterisk_conf import SHARE, AsteriskConf, Directories
from asterism.testing.waiting import PATIENCE, PhoneError, until

if TYPE_CHECKING:
    from asterism.server.server import Server

_PORTS = range(31_002, 32_766)
"""Above Asterisk's RTP ports, below those that systems hand out."""
_NAME = "asterism-test-ports"
_SHARES = 16
"""As many processes at a time choose among ports of their own: workers of pytest-xdist, and other runs beside them."""


@cache
def _choices() -> tuple[int, Iterator[int]]:
    """How many ports this process may choose from, and those in random order, over and over.

    Between the choice and the use another process must not choose the same: its server would not listen there, and
    calls would reach ours instead. A share is held by the name of a socket that has no file (Linux), until the
    process is over; where all are held, or there are no such names, one is shared.
    """
    numbers = random.sample(range(_SHARES), _SHARES)
    for number in numbers:
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(f"\0{_NAME}-{number}")
        except OSError:
            held.close()
            continue
        held.detach()
        break
    else:
        number = numbers[0]
    ports = _PORTS[number::_SHARES]
    return len(ports), cycle(random.sample(ports, len(ports)))


def free_port(host: str = "127.0.0.1") -> int:
    """A UDP port that nothing is bound to now: ``pjsip.conf`` takes port 0 for 5060, so a number is needed.

    It is bound later: no port is given out again before all others were.

    Raises:
        PhoneError: none was found.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    count, choices = _choices()
    for port in islice(choices, count):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise PhoneError(f"no free port on {host}")


def write_config(folder: Path, config: Mapping[str, str]) -> None:
    """Write configuration files, by name, into ``folder``.

    Without a transport in ``pjsip.conf`` one on UDP is added, on 127.0.0.1 and a free port.

    Raises:
        ValueError: a name without suffix, which no file that is read has.
    """
    files = dict(config)
    for name in files:
        if not Path(name).suffix:
            raise ValueError(f"'{name}' is not the name of a configuration file: is '{name}.conf' meant?")
    if "type=transport" not in files.get("pjsip.conf", "").replace(" ", ""):
        files["pjsip.conf"] = (
            files.get("pjsip.conf", "")
            + f"\n[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{free_port()}\n"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


@asynccontextmanager
async def running_server(config: Mapping[str, str], folder: Path | None = None) -> AsyncIterator[Server]:
    """A server with these configuration files, started, and stopped at the end.

    Args:
        config: file name to text: ``{"pjsip.conf": ..., "extensions.conf": ...}``.
        folder: where the files and the server's state go; a temporary folder by default.

    Raises:
        ValueError: a file's name has no suffix.
    """
    from asterism.server.server import Server

    with tempfile.TemporaryDirectory(prefix="asterism-") as temporary:
        place = folder or Path(temporary)
        write_config(place, config)
        server = Server(_settings(place))
        # The machine may be busy with other tests: that is no reason to refuse a phone's request.
        server.sip.overload.lag_high = math.inf
        try:
            await server.start()
            yield server
        finally:
            await server.stop()


def _settings(place: Path) -> AsteriskConf:
    """The settings of a server in a folder, without the sounds and the music that the machine has."""
    conf = place / "asterisk.conf"
    if conf.exists():
        settings = AsteriskConf.load(conf)
    else:
        settings = AsteriskConf(directories=Directories.below(place.absolute()))
        settings.directories.varlib.mkdir(exist_ok=True)
    if settings.directories.share == SHARE:
        settings.directories.share = place.absolute() / "share"
    return settings


def idle_counts(server: Server) -> dict[str, int]:
    """Numbers of live objects in a server: all zero when nothing goes on.

    ``works`` and ``tasks`` may have an idle count of their own; see :func:`assert_idle`.
    """
    return server.counts()


async def assert_idle(server: Server, baseline: Mapping[str, int] | None = None, timeout: float = PATIENCE) -> None:
    """Wait until everything is back at ``baseline``, taken with :func:`idle_counts` before (by default zero).

    INVITE transactions are remembered for 32 seconds after a 200 for the sake of retransmissions, so ``transactions``
    count only where a baseline was given.

    Raises:
        PhoneError: something is left over; its counts are in the text.
    """

    def left() -> dict[str, int]:
        counts = idle_counts(server)
        expected = baseline or {"works": counts["works"], "tasks": counts["tasks"]}
        if "transactions" not in expected:
            counts.pop("transactions")
        return {name: count for name, count in counts.items() if count > expected.get(name, 0)}

    await until(lambda: not left(), timeout, lambda: f"left over: {left()}")
