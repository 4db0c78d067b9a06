"""The media subsystem: RTP sessions, their ports, one RTCP schedule, and sounds."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from socket import SocketType
from threading import Thread
from typing import TYPE_CHECKING

from asterism.config import ConfigFile
from asterism.core.identifiers import RandomBytes
from asterism.core.log import ServerLogger
from asterism.core.module import CoreServer, Subsystem
from asterism.core.test_events import TestEvents
from asterism.media.incoming import BUFFER_SIZE
from asterism.media.ports import PortPair, PortPool
from asterism.media.readiness import Readiness
from asterism.media.relay import Views
from asterism.media.rtp import RtpSession
from asterism.media.settings import RtpSettings, read_lists
from asterism.media.soundfiles import Sounds
from asterism.media.source import Address, SourceFilter
from asterism.media.transports.srtp import Buffers
from asterism.media.transports.transport import MediaTransport
from asterism.media.udptl_port import UdptlPort
from asterism.media.udptl_ports import UdptlPorts
from asterism.traffic import mark_packets

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.media.transports.dtls import DtlsAgent
    from asterism.media.transports.dtls_server import DtlsServer
    from asterism.media.transports.ice import IceAgent
    from asterism.media.transports.ice_services import IceServices


class RtpContext:
    """State shared by the sessions of one server: settings, loop, receive buffer, the packet log's switch."""

    __slots__ = (
        "_dtls", "_expected", "_ice", "_protection", "buffer", "debug", "debug_host", "gathers", "log", "loop",
        "random", "readiness", "running", "settings", "test_events", "views",
    )  # fmt: skip

    loop: asyncio.AbstractEventLoop
    """The loop that all sessions run on: the one running when the first was opened."""
    readiness: Readiness
    """Reports which sockets have something to read."""

    def __init__(self, log: ServerLogger, settings: RtpSettings, test_events: TestEvents) -> None:
        self.log = log
        self.settings = settings
        self.test_events = test_events
        self.buffer = bytearray(BUFFER_SIZE)
        self.views = Views(self.buffer)
        self.debug = False
        """``rtp set debug``."""
        self.debug_host = ""
        """Log only packets to and from this address, or this ``address:port``."""
        self.random = RandomBytes().take
        self.gathers = settings.ice.gathers
        """Whether descriptions of calls with ICE have to wait for what servers say."""
        self.running = False
        self._dtls: DtlsServer | None = None
        self._ice: IceServices | None = None
        self._expected: set[str] = set()
        self._protection: Buffers | None = None

    @property
    def dtls(self) -> DtlsServer:
        """What the DTLS of all transports shares; its libraries are loaded when it is first asked for."""
        if self._dtls is None:
            from asterism.media.transports.dtls_server import DtlsServer

            self._dtls = DtlsServer(self.log)
        return self._dtls

    @property
    def ice(self) -> IceServices:
        """What the ICE agents of all transports share; its libraries are loaded when it is first asked for."""
        if self._ice is None:
            from asterism.media.transports.ice_services import IceServices

            self._ice = IceServices(lambda: self.settings.ice, self.loop, self.log, self.random)
        return self._ice

    def expect(self, part: str) -> None:
        """Calls with ``dtls`` or ``ice`` may follow: load its libraries in a thread, so that none waits for them."""
        if part not in self._expected:
            self._expected.add(part)
            Thread(target=import_module, args=(f"asterism.media.transports.{part}",), name=part, daemon=True).start()

    @property
    def protection(self) -> Buffers:
        """What SRTP needs once for a server; loaded when the first transport is opened."""
        if self._protection is None:
            self._protection = Buffers(self.buffer, self.views)
        return self._protection

    def start(self) -> None:
        """Take the running loop: the first session is opened."""
        self.running = True
        self.loop = asyncio.get_running_loop()
        self.readiness = Readiness(self.loop, self.log)

    def close(self) -> None:
        """Let go of the loop; sessions that are opened later begin anew."""
        if self.running:
            self.running = False
            self.readiness.close()
            if self._dtls is not None:
                self._dtls.close()
            if self._ice is not None:
                self._ice.close()
                self._ice = None

    def log_packet(
        self, verb: str, address: Address | None, payload_type: int, sequence: int, timestamp: int, size: int
    ) -> None:
        """Log one packet, if it is of the address that is watched."""
        where = "-" if address is None else f"{address[0]}:{address[1]}"
        if self.debug_host and self.debug_host not in (where, address[0] if address else ""):
            return
        direction = "to  " if verb == "Sent" else "from"
        self.log.log(
            logging.INFO, "%s RTP packet %s    %s (type %02d, seq %06d, ts %06d, len %06d)",
            verb, direction, where, payload_type, sequence, timestamp, size, extra={"verbose": 0},
        )  # fmt: skip


class RtpSchedule:
    """One timer for the RTCP of all sessions: the interval is the same for all, so the next is always the oldest."""

    __slots__ = ("_interval", "_log", "_loop", "_timer", "due")

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self.due: OrderedDict[RtpSession, float] = OrderedDict()
        """The sessions, by when each is to report; one that has ended is just taken out."""
        self._timer: asyncio.TimerHandle | None = None
        self._interval = 5.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, session: RtpSession, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        """Have ``session`` report every ``interval`` seconds from now on."""
        self._loop, self._interval = loop, interval
        self.due[session] = loop.time() + interval
        if self._timer is None:
            self._timer = loop.call_later(interval, self._run)

    def close(self) -> None:
        """Stop the timer, which otherwise runs out after the last session."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        loop = self._loop
        if loop is None:
            return
        now = loop.time()
        while self.due:
            session, due = next(iter(self.due.items()))
            if due > now + 0.01:
                break
            self.due[session] = now + self._interval
            self.due.move_to_end(session)
            try:
                if not session.away:
                    session.rtcp.tick()
            except Exception:
                # One session's trouble must not end the reports of all the others.
                self._log.exception("no RTCP report for %s:%d", *session.local)
        if self.due and self._timer is None:
            self._timer = loop.call_at(next(iter(self.due.values())), self._run)


class Media(Subsystem):
    """The server's media: ``server.media``.

    ``sessions`` are the open RTP sessions, by when each is to send a report; empty when the server is idle.
    """

    def __init__(self, server: CoreServer, settings: RtpSettings | None = None) -> None:
        self.owner = server.owner
        self.context = RtpContext(server.log, settings or RtpSettings(), server.test_events)
        self.sounds = Sounds((Path(server.paths.data), Path(server.paths.spool)), server.log, Path(server.paths.share))
        self._pools: dict[tuple[str, int, int], PortPool] = {}
        self._schedule = RtpSchedule(server.log)
        self.sessions: Mapping[RtpSession, float] = self._schedule.due
        self.transports: dict[MediaTransport, None] = {}
        """The open media transports."""
        self.udptl = UdptlPorts(self.context)

    @property
    def settings(self) -> RtpSettings:
        """The options of ``rtp.conf`` in force."""
        return self.context.settings

    def configure(self, path: str | Path) -> None:
        """Read ``rtp.conf`` at ``path``; without the file the defaults hold. Sessions that are open keep their ports.

        Raises:
            ConfigError: an option is wrong; nothing has changed then.
            ConfigErrors: the file's syntax is wrong; nothing has changed then.
        """
        file = ConfigFile.load(path, missing_ok=True)
        lists = ConfigFile.load(Path(path).with_name("acl.conf"), missing_ok=True)
        self.use(RtpSettings.from_file(file, read_lists(lists)))

    def use(self, settings: RtpSettings) -> None:
        """Put ``settings`` in force for sessions opened from now on."""
        old, self.context.settings = self.context.settings, settings
        self.context.gathers = settings.ice.gathers
        if (old.rtp_start, old.rtp_end) != (settings.rtp_start, settings.rtp_end):
            self._pools.clear()

    def open_rtp(
        self,
        host: str = "0.0.0.0",
        *,
        symmetric: bool = False,
        ports: tuple[int, int] = (0, 0),
        tos: int = 0,
        cos: int = 0,
        transport: MediaTransport | None = None,
    ) -> RtpSession:
        """Open a session on ``host``, with the next free even port and its neighbour for RTCP.

        Args:
            host: The local IP address to bind, or the wildcard of a family.
            symmetric: Send to where packets come from, once learned (``rtp_symmetric``).
            ports: First and last port of another range than that of ``rtp.conf``; (0, 0) for that one.
            tos: Traffic class byte of the packets.
            cos: Their link priority.
            transport: Have it send and receive there; its host, ports and marks hold then.

        Raises:
            PortsExhaustedError: no pair of ports is free.
            OSError: the address cannot be bound or not be watched, or there are no file descriptors left.
            ValueError: ``host`` is not an IP address.
        """
        context = self.context
        if not context.running:
            context.start()
        settings = context.settings
        if transport is not None:
            return self._open_on(transport, SourceFilter(settings.strict, settings.probation, symmetric))
        pool, rtp, rtcp, port = self._bind(host, ports, tos, cos)
        source_filter = SourceFilter(settings.strict, settings.probation, symmetric)
        release = partial(self._release, pool, port)
        session = RtpSession(context, (rtp, rtcp), (host, port), source_filter, release)
        self._schedule.add(session, context.loop, settings.rtcp_interval)
        try:
            context.readiness.add(rtp.fileno(), session.received)
        except OSError:
            session.close()
            raise
        if context.debug:
            session.set_debug(True)
        if context.test_events.wanted:
            context.test_events.send("RTP_PORT_ALLOCATED", (("Port", port),))
        return session

    def _open_on(self, transport: MediaTransport, source_filter: SourceFilter) -> RtpSession:
        context = self.context
        pair = transport.sockets()
        session = RtpSession(context, pair, transport.local, source_filter, self._forget)
        self._schedule.add(session, context.loop, context.settings.rtcp_interval)
        transport.add(session, *pair)
        if context.debug:
            session.set_debug(True)
        return session

    def open_transport(
        self,
        host: str = "0.0.0.0",
        *,
        ports: tuple[int, int] = (0, 0),
        tos: int = 0,
        cos: int = 0,
        make_ice: Callable[[MediaTransport], IceAgent] | None = None,
        make_dtls: Callable[[MediaTransport, int], DtlsAgent] | None = None,
    ) -> MediaTransport:
        """Open a media transport on ``host``: for streams that are encrypted, use ICE, or share a port.

        Its streams are opened by :meth:`open_rtp`. Whoever opens a transport closes it, after its streams.

        Args:
            host: The local IP address to bind, or the wildcard of a family.
            ports: First and last port of another range than that of ``rtp.conf``; (0, 0) for that one.
            tos: Traffic class byte of the packets.
            cos: Their link priority.
            make_ice: Makes its ICE agent: :meth:`make_ice`, where its path may be found by ICE.
            make_dtls: Makes its DTLS agents, as :func:`~asterism.media.transports.dtls.dtls_agents` gives it, where its
                keys may be agreed on by DTLS.

        Raises:
            PortsExhaustedError: no pair of ports is free.
            OSError: the address cannot be bound or not be watched, or there are no file descriptors left.
            ValueError: ``host`` is not an IP address.
        """
        context = self.context
        if not context.running:
            context.start()
        pair = self.open_ports(host, ports=ports, tos=tos, cos=cos)
        transport = MediaTransport(
            context, context.protection, pair, (host, pair.port), self._closed, make_ice, make_dtls
        )
        self.transports[transport] = None
        try:
            transport.reception.watch()
        except OSError:
            transport.close()
            raise
        if context.test_events.wanted:
            context.test_events.send("RTP_PORT_ALLOCATED", (("Port", pair.port),))
        return transport

    def make_ice(self, transport: MediaTransport) -> IceAgent:
        """The ICE agent of a transport, by the settings in force: for :meth:`open_transport`."""
        from asterism.media.transports.ice import IceAgent

        host, port = transport.local
        return IceAgent(self.context.ice, ((host, port), (host, port + 1)), transport.send_datagram)

    def open_ports(
        self, host: str = "0.0.0.0", *, ports: tuple[int, int] = (0, 0), tos: int = 0, cos: int = 0
    ) -> PortPair:
        """Open an even port and its neighbour on ``host`` for media that is no audio; see :meth:`open_rtp`.

        Raises:
            PortsExhaustedError: no pair of ports is free.
            OSError: the address cannot be bound, or there are no file descriptors left.
            ValueError: ``host`` is not an IP address.
        """
        pool, first, second, port = self._bind(host, ports, tos, cos)
        return PortPair(first, second, port, pool.give_back)

    def open_udptl(self, host: str = "0.0.0.0", *, symmetric: bool = False, tos: int = 0, cos: int = 0) -> UdptlPort:
        """Open a port for T.38 on ``host``, in the range of ``udptl.conf``.

        Args:
            host: The local IP address to bind, or the wildcard of a family.
            symmetric: Send to where packets come from, once learned (``t38_udptl_nat``).
            tos: Traffic class byte of the packets.
            cos: Their link priority.

        Raises:
            PortsExhaustedError: no port is free.
            OSError: the address cannot be bound or not be watched, or there are no file descriptors left.
            ValueError: ``host`` is not an IP address.
        """
        return self.udptl.open(host, symmetric=symmetric, tos=tos, cos=cos)

    def _bind(
        self, host: str, ports: tuple[int, int], tos: int, cos: int
    ) -> tuple[PortPool, SocketType, SocketType, int]:
        context = self.context
        settings = context.settings
        start, end = ports if ports[1] else (settings.rtp_start, settings.rtp_end)
        pool = self._pools.get((host, start, end))
        if pool is None:
            pool = self._pools[host, start, end] = PortPool(host, start, end, context.random)
        rtp, rtcp, port = pool.bind_pair()
        if tos or cos:
            try:
                for sock in (rtp, rtcp):
                    mark_packets(sock, tos, cos)
            except OSError as error:
                context.log.warning("packets of %s:%d are not marked (tos %d, cos %d): %s", host, port, tos, cos, error)
        return pool, rtp, rtcp, port

    def _release(self, pool: PortPool, port: int, session: RtpSession) -> None:
        """A session was closed."""
        pool.give_back(port)
        self._schedule.due.pop(session, None)

    def _forget(self, session: RtpSession) -> None:
        """A session on a media transport was closed."""
        self._schedule.due.pop(session, None)

    def _closed(self, transport: MediaTransport) -> None:
        self.transports.pop(transport, None)

    def set_debug(self, on: bool, host: str = "") -> None:
        """Log every RTP packet, or only those of one address; what is open follows at once."""
        self.context.debug, self.context.debug_host = on, host
        for session in list(self.sessions):
            session.set_debug(on)

    def ports_available(self, host: str = "0.0.0.0") -> int:
        """Number of free pairs of ports on ``host``."""
        settings = self.settings
        pool = self._pools.get((host, settings.rtp_start, settings.rtp_end))
        return PortPool(host, settings.rtp_start, settings.rtp_end).size if pool is None else pool.available

    def close(self) -> None:
        """Close every session."""
        for session in list(self.sessions):
            session.close()
        for transport in list(self.transports):
            transport.close()
        self.udptl.close()
        self._schedule.close()
        self.context.close()
