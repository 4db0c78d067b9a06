import asyncio

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
        short, long = await Stream.open(transport.port), await Stream.open(transport.port)
        short.writer.write(options(transport="TCP"))
        assert parse_message(await short.read()).status == 200
        long.writer.write(options(transport="TCP").replace(b"Content-Length: 0", b"Content-Length: 400"))
        assert await long.ended()
        manager.layer.limits = Limits(uri=8)
        short.writer.write(options(transport="TCP"))
        assert parse_message(await short.read()).status == 414
        for peer in (short, long):
            peer.close()
        manager.close()

    run(scenario)
