import asyncio
import socket
from contextlib import ExitStack, contextmanager

import pytest
from transport_kit import Client, echo_manager, options, request_to, until

from asterism.stack import Limits, parse_message
from asterism.stack.framing import StreamFramer
from asterism.transport import BindError, TransportSettings


class Stream:
    """A plain TCP peer that reads whole messages."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.framer = StreamFramer()
        self.items = []

    @classmethod
    async def open(cls, port, host="127.0.0.1"):
        return cls(*await asyncio.open_connection(host, port))

    async def read(self):
        while not self.items:
            data = await asyncio.wait_for(self.reader.read(65536), 5)
            if not data:
                return None
            self.items += self.framer.feed(data)
        return self.items.pop(0)

    async def ended(self):
        """Whether the other side closes the connection (in order or not)."""
        try:
            return await asyncio.wait_for(self.reader.read(65536), 5) == b""
        except ConnectionError:
            return True

    def close(self):
        self.writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_messages_however_they_are_cut(run, host):
    async def scenario():
        manager, transport, user = await echo_manager(protocol="tcp", host=host)
        peer = await Stream.open(transport.port, host)
        data = b"".join(options(str(number), transport="TCP") for number in range(3))
        peer.writer.write(data[:50])
        await peer.writer.drain()
        peer.writer.write(data[50:700])
        await peer.writer.drain()
        peer.writer.write(data[700:])
        answers = [parse_message(await peer.read()) for _ in range(3)]
        assert [(answer.status, answer.call_id) for answer in answers] == [(200, "0"), (200, "1"), (200, "2")]
        flow = user.requests[0].flow
        assert (flow.transport, flow.reliable, flow.secure, flow.local) == ("TCP", True, False, (host, transport.port))
        peer.close()
        await until(lambda: transport.connections == 0)
        manager.close()

    run(scenario)


def test_ping_is_answered_by_pong(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp")
        peer = await Stream.open(transport.port)
        peer.writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(peer.reader.readexactly(2), 5) == b"\r\n"
        peer.close()
        manager.close()

    run(scenario)


@pytest.mark.parametrize(
    "data",
    [b"X" * 40_000, b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", b"A: b\r\nContent-Length: 9999999\r\n\r\n", b"\n\n"],
)
def test_what_cannot_be_framed_closes_the_connection_only(run, data):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp")
        good, bad = await Stream.open(transport.port), await Stream.open(transport.port)
        bad.writer.write(data)
        assert await bad.ended()
        good.writer.write(options(transport="TCP"))
        assert parse_message(await good.read()).status == 200
        for peer in (good, bad):
            peer.close()
        manager.close()

    run(scenario)


def test_connection_is_opened_once_and_reused(run):
    async def scenario():
        server, listener, _ = await echo_manager(protocol="tcp")
        manager, transport, _ = await echo_manager(protocol="tcp")
        flow = manager.flow_for("127.0.0.1", listener.port, "tcp")
        for _ in range(3):
            client = Client()
            assert manager.flow_for("127.0.0.1", listener.port, "tcp") is flow
            request = request_to(listener.port)
            manager.layer.send_request(request, flow, client)
            assert await client.outcome == 200
        assert request.via.port == transport.port
        assert (listener.connections, transport.connections) == (1, 1)
        # The server reaches its peer over the same connection.
        client, back = Client(), server.flow_for(*flow.local, "tcp")
        server.layer.send_request(request_to(transport.port), back, client)
        assert await client.outcome == 200
        assert listener.connections == 1
        server.close()
        await until(lambda: flow.closed)
        assert manager.flow_for("127.0.0.1", listener.port, "tcp") is not flow
        manager.close()

    run(scenario)


def test_refused_connection_is_a_transport_error(run):
    async def scenario():
        server, listener, _ = await echo_manager(protocol="tcp")
        port = listener.port
        server.close()
        manager, _, _ = await echo_manager(protocol="tcp")
        client = Client()
        manager.layer.send_request(request_to(port), manager.flow_for("127.0.0.1", port, "tcp"), client)
        assert await client.outcome == "transport_error"
        manager.close()

    run(scenario)


def test_closed_connection_fails_what_waits_on_it(run):
    async def scenario():
        manager, _, _ = await echo_manager(protocol="tcp")
        gone = asyncio.Event()

        async def hang_up(reader, writer):
            await reader.read(10)
            writer.close()
            gone.set()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client()
        manager.layer.send_request(request_to(port), manager.flow_for("127.0.0.1", port, "tcp"), client)
        assert await client.outcome == "transport_error"
        await gone.wait()
        server.close()
        manager.close()

    run(scenario)


def test_connections_per_address_are_limited(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp", max_connections_per_address=2)
        first, second = await Stream.open(transport.port), await Stream.open(transport.port)
        await until(lambda: transport.connections == 2)
        third = await Stream.open(transport.port)
        assert await third.ended()
        first.close()
        await until(lambda: transport.connections == 1)
        fourth = await Stream.open(transport.port)
        fourth.writer.write(options(transport="TCP"))
        assert parse_message(await fourth.read()).status == 200
        for peer in (second, third, fourth):
            peer.close()
        manager.close()

    run(scenario)


def test_idle_and_slow_peers_are_closed(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp", idle_timeout=0.3, message_timeout=0.1)
        start = asyncio.get_running_loop().time()
        idle, slow = await Stream.open(transport.port), await Stream.open(transport.port)

        async def drip():
            for byte in options(transport="TCP"):
                slow.writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await slow.ended()
        assert 0.05 < asyncio.get_running_loop().time() - start < 2
        assert await idle.ended()
        assert asyncio.get_running_loop().time() - start > 0.25
        dripping.cancel()
        for peer in (idle, slow):
            peer.close()
        await until(lambda: len(manager.timers) == 0)
        manager.close()

    run(scenario)


def test_a_peer_that_does_not_read_is_closed(run):
    async def scenario():
        manager, transport, user = await echo_manager(protocol="tcp", write_buffer=100_000)
        peer = await Stream.open(transport.port)
        peer.writer.write(options(transport="TCP"))
        await peer.read()
        flow = user.requests[0].flow
        for _ in range(10_000):
            flow.send(b"x" * 10_000)
            if flow.closed:
                break
        assert flow.closed
        flow.send(b"more")
        assert transport.connections == 0
        peer.close()
        manager.close()

    run(scenario)


def test_bind_error_names_the_section(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp")
        with pytest.raises(BindError, match="transport 'two': cannot bind tcp"):
            await manager.bind(TransportSettings("two", "tcp", "127.0.0.1", transport.port))
        manager.close()

    run(scenario)


def test_what_a_message_may_hold_can_be_set(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp", limits=Limits(message=500))
        manager.layer.limits = Limits(message=500)
        short, long = await Stream.open(transport.port), await Stream.open(transport.port)
        short.writer.write(options(transport="TCP"))
        assert parse_message(await short.read()).status == 200
        long.writer.write(options(transport="TCP").replace(b"Content-Length: 0", b"Content-Length: 400"))
        assert parse_message(await long.read()).status == 513
        long.writer.write(b"x" * 400 + options(transport="TCP"))
        assert parse_message(await long.read()).status == 200
        long.writer.write(options(transport="TCP").replace(b"Content-Length: 0", b"Content-Length: 2000000"))
        assert parse_message(await long.read()).status == 513
        assert await long.ended()
        manager.layer.limits = Limits(uri=8)
        short.writer.write(options(transport="TCP"))
        assert parse_message(await short.read()).status == 414
        for peer in (short, long):
            peer.close()
        manager.close()

    run(scenario)


@contextmanager
def unanswering():
    """The port of a listener whose queue is full: connecting to it takes for ever."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_opening_a_connection_has_a_time_limit(run):
    async def scenario():
        with unanswering() as port:
            manager, transport, _ = await echo_manager(protocol="tcp", connect_timeout=0.2)
            client = Client()
            manager.layer.send_request(request_to(port), manager.flow_for("127.0.0.1", port, "tcp"), client)
            assert await asyncio.wait_for(client.outcome, 5) == "transport_error"
            assert transport.connections == 0
            manager.close()

    run(scenario)


def test_what_waits_for_a_connection_is_bounded(run):
    async def scenario():
        with unanswering() as port:
            manager, _, _ = await echo_manager(protocol="tcp", write_buffer=1000)
            flow = manager.flow_for("127.0.0.1", port, "tcp")
            errors = []
            flow.on_error.append(lambda _, error: errors.append(str(error)))
            flow.send(b"x" * 600)
            assert not flow.closed
            flow.send(b"x" * 600)
            assert flow.closed
            assert errors == ["too much to send before the connection stood"]
            manager.close()

    run(scenario)


def test_connections_altogether_are_limited(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp", host="0.0.0.0", max_connections=2)
        peers = [await Stream.open(transport.port, f"127.0.0.{number}") for number in (1, 2)]
        await until(lambda: transport.connections == 2)
        third = await Stream.open(transport.port, "127.0.0.3")
        assert await third.ended()
        assert transport.counters["dropped"] == 1
        for peer in (*peers, third):
            peer.close()
        manager.close()

    run(scenario)


def test_connections_leave_from_the_bound_address_with_its_marks_and_probes(run):
    async def scenario():
        server, listener, user = await echo_manager(protocol="tcp")
        manager, _, _ = await echo_manager(
            protocol="tcp", host="127.0.0.2", tos=0x60, cos=3, tcp_keepalive=(7, 2, 3)
        )  # fmt: skip
        client = Client()
        flow = manager.flow_for("127.0.0.1", listener.port, "tcp")
        manager.layer.send_request(request_to(listener.port), flow, client)
        assert await client.outcome == 200
        assert user.requests[0].flow.remote[0] == "127.0.0.2"
        opened = flow._wire.get_extra_info("socket")
        options_set = [
            opened.getsockopt(*each)
            for each in (
                (socket.IPPROTO_IP, socket.IP_TOS),
                (socket.SOL_SOCKET, socket.SO_PRIORITY),
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
            )
        ]
        assert options_set == [0x60, 3, 1, 7, 2, 3]
        server.close()
        manager.close()

    run(scenario)


def test_a_pong_is_not_answered(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp")
        peer = await Stream.open(transport.port)
        peer.writer.write(b"\r\n" + options(transport="TCP"))
        assert parse_message(await peer.read()).status == 200
        assert transport.counters["keepalives"] == 1
        peer.close()
        manager.close()

    run(scenario)


def test_an_alias_never_takes_the_place_of_a_connection(run):
    async def scenario():
        manager, transport, user = await echo_manager(protocol="tcp")
        peers = [await Stream.open(transport.port) for _ in range(2)]
        for peer in peers:
            peer.writer.write(options(transport="TCP"))
            await peer.read()
        first, second = (request.flow for request in user.requests)
        first.alias(5999)
        second.alias(5999)
        second.alias(first.remote[1])
        assert manager.flow_for("127.0.0.1", 5999, "tcp") is first
        assert manager.flow_for("127.0.0.1", first.remote[1], "tcp") is first
        for port in range(6000, 6010):
            first.alias(port)
        assert len(first.aliases) == 4
        peers[0].close()
        await until(lambda: first.closed)
        # What the first had is nobody's, until the second says so again.
        flow = manager.flow_for("127.0.0.1", 6000, "tcp")
        assert flow not in (first, second)
        assert first not in transport._by_remote.values()
        for peer in peers:
            peer.close()
        manager.close()

    run(scenario)


def test_connections_that_say_nothing_are_limited_and_keep_nobody_out(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp", max_half_open=8)
        good = await Stream.open(transport.port)
        good.writer.write(options(transport="TCP"))
        assert parse_message(await good.read()).status == 200
        silent = [await Stream.open(transport.port) for _ in range(5)]
        # A quarter for one address: three of them had to go, and who spoke stays.
        for peer in silent[:3]:
            assert await peer.ended()
        assert transport.connections == 3
        late = await Stream.open(transport.port)
        for peer in (late, good):
            peer.writer.write(options(transport="TCP"))
            assert parse_message(await peer.read()).status == 200
        for peer in (*silent, good, late):
            peer.close()
        await until(lambda: not transport.connections)
        assert not transport._half_open
        assert not transport._waiting
        manager.close()

    run(scenario)


def test_a_stranger_who_does_not_read_is_left_less_room_than_who_registered(run):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tcp", write_buffer=4_000_000)
        peer = await Stream.open(transport.port)
        peer.writer.write(options(transport="TCP"))
        assert parse_message(await peer.read()).status == 200
        (flow,) = transport._connections
        flow._wire.pause_reading()
        flow._wire.set_write_buffer_limits(high=10_000_000)
        flow.kept_until = flow._last_seen + 100
        sent = 0
        while flow._wire.get_write_buffer_size() < 2_000_000 and sent < 10_000_000:
            flow.send(b"x" * 100_000)
            sent += 100_000
        assert not flow.closed
        flow.kept_until = 0.0
        flow.send(b"x")
        assert flow.closed
        peer.close()
        manager.close()

    run(scenario)
