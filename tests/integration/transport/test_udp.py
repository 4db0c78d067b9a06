import asyncio
import dataclasses
import errno
import ipaddress
import logging
import socket

import pytest
from transport_kit import Client, Echo, Peer, echo_manager, options, request_to, until

from asterism.stack import parse_message
from asterism.stack.transactions import TimerConfig
from asterism.transport import BindError, NoTransportError, TransportManager, TransportSettings, stun
from asterism.transport import udp as udp_module


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_on_an_ephemeral_port(run, host):
    async def scenario():
        manager, transport, _ = await echo_manager(host=host)
        peer = Peer(host)
        assert transport.port > 0
        peer.send(options(), host, transport.port)
        response = parse_message(await peer.receive())
        assert (response.status, response.via.rport, response.via.received) == (200, peer.port, host)
        peer.close()
        manager.close()

    run(scenario)


def test_several_binds_at_once_and_both_families_on_one_port(run):
    async def scenario():
        manager, first, user = await echo_manager(host="0.0.0.0")
        await manager.bind(TransportSettings("six", host="::", port=first.port))
        await manager.bind(TransportSettings("other", host="127.0.0.1"))
        assert set(manager.transports) == {"main", "six", "other"}
        for name, host in (("main", "127.0.0.1"), ("six", "::1"), ("other", "127.0.0.1")):
            peer = Peer(host)
            peer.send(options(name), host, manager.transports[name].port)
            await peer.receive()
            flow = user.requests[-1].flow
            assert (flow.name, flow.local) == (name, (host, manager.transports[name].port))
            peer.close()
        manager.close()

    run(scenario)


def test_without_rport_the_answer_goes_to_the_port_in_via(run):
    async def scenario():
        manager, transport, _ = await echo_manager()
        sender, listener = Peer(), Peer()
        sender.send(options(via="", sent_by=f"127.0.0.1:{listener.port}"), "127.0.0.1", transport.port)
        assert parse_message(await listener.receive()).status == 200
        sender.close()
        listener.close()
        manager.close()

    run(scenario)


def test_bind_errors_name_the_section(run):
    async def scenario():
        manager, transport, _ = await echo_manager()
        with pytest.raises(
            BindError, match=rf"transport 'second': cannot bind udp to 127.0.0.1:{transport.port}: .*in use"
        ):
            await manager.bind(TransportSettings("second", host="127.0.0.1", port=transport.port))
        with pytest.raises(BindError, match=r"transport 'named': .*not an IP address"):
            await manager.bind(TransportSettings("named", host="localhost"))
        with pytest.raises(BindError, match=r"transport 'main': .*already"):
            await manager.bind(TransportSettings("main", host="127.0.0.1"))
        with pytest.raises(BindError, match=r"transport 'odd': .*unknown protocol"):
            await manager.bind(TransportSettings("odd", protocol="sctp", host="127.0.0.1"))
        with pytest.raises(BindError, match="transport 'far'"):
            await manager.bind(TransportSettings("far", host="192.0.2.77"))
        assert list(manager.transports) == ["main"]
        manager.close()

    run(scenario)


def test_a_burst_is_drained_in_batches(run, monkeypatch):
    monkeypatch.setattr(udp_module, "_BATCH", 4)

    async def scenario():
        manager, transport, user = await echo_manager()
        peer = Peer()
        for number in range(100):
            peer.send(options(str(number)), "127.0.0.1", transport.port)
        answers = [parse_message(await peer.receive()).call_id for _ in range(100)]
        assert sorted(answers, key=int) == [str(number) for number in range(100)]
        assert transport.counters["received"] == 100
        assert len({id(request.flow) for request in user.requests}) == 1
        peer.close()
        manager.close()

    run(scenario)


def test_garbage_keepalives_and_a_crashing_user_harm_nobody(run, caplog):
    async def scenario():
        manager, transport, user = await echo_manager()
        peer = Peer()
        for data in (b"\r\n\r\n", b"\0\0\0\0", b"", b"\xff" * 2000, b"hello", options().replace(b"bob@", b"crash@")):
            peer.send(data, "127.0.0.1", transport.port)
        peer.send(options("last"), "127.0.0.1", transport.port)
        with caplog.at_level(logging.ERROR):
            while parse_message(await peer.receive()).call_id != "last":
                pass
        assert len([record for record in caplog.records if "was not handled" in record.message]) == 1
        assert transport.counters["keepalives"] == 3
        assert len(user.malformed) == 2
        peer.close()
        manager.close()

    run(scenario)


def test_request_and_answer_between_two_managers(run):
    async def scenario():
        server, transport, _ = await echo_manager(host="0.0.0.0")
        manager, _, _ = await echo_manager(host="0.0.0.0")
        seen = []
        manager.on_trace = lambda direction, data, flow: seen.append((direction, data[:7], flow.remote))
        client = Client()
        flow = manager.flow_for("127.0.0.1", transport.port)
        transaction = manager.layer.send_request(request_to(transport.port), flow, client)
        assert await client.outcome == 200
        assert (transaction.request.via.host, transaction.request.via.port) == (
            "127.0.0.1",
            manager.transports["main"].port,
        )
        remote = ("127.0.0.1", transport.port)
        assert seen == [("out", b"OPTIONS", remote), ("in", b"SIP/2.0", remote)]
        server.close()
        manager.close()

    run(scenario)


def test_retransmission_and_timeout_on_the_real_clock(run):
    async def scenario():
        manager, _, _ = await echo_manager(TimerConfig(t1=0.02, timer_b=0.15))
        peer, client = Peer(), Client()
        manager.layer.send_request(request_to(peer.port), manager.flow_for("127.0.0.1", peer.port), client)
        copies = [await peer.receive() for _ in range(3)]
        assert len(set(copies)) == 1
        assert await client.outcome == "timeout"
        peer.close()
        manager.close()

    run(scenario)


def test_send_failure_is_a_transport_error(run):
    async def scenario():
        manager, _, _ = await echo_manager()
        client = Client()
        request = request_to(5060)
        request.set_body(b"x" * 70_000, "text/plain")
        manager.layer.send_request(request, manager.flow_for("127.0.0.1", 5060), client)
        assert await client.outcome == "transport_error"
        manager.close()

    run(scenario)


def test_unbinding_fails_what_is_under_way(run):
    async def scenario():
        manager, _, _ = await echo_manager()
        peer, client = Peer(), Client()
        manager.layer.send_request(request_to(peer.port), manager.flow_for("127.0.0.1", peer.port), client)
        flow = manager.flow_for("127.0.0.1", peer.port)
        manager.unbind("main")
        assert await client.outcome == "transport_error"
        assert flow.closed
        flow.send(b"too late")
        with pytest.raises(NoTransportError):
            manager.flow_for("127.0.0.1", 5060)
        manager.unbind("main")
        peer.close()
        manager.close()

    run(scenario)


def test_flow_for_chooses_by_name_family_and_protocol(run):
    async def scenario():
        manager, _, _ = await echo_manager()
        await manager.bind(TransportSettings("second", host="127.0.0.1"))
        assert manager.flow_for("127.0.0.1", 5060).name == "main"
        assert manager.flow_for("127.0.0.1", 5060, name="second").name == "second"
        assert manager.flow_for("127.0.0.1", 5060) is manager.flow_for("127.0.0.1", 5060)
        for arguments in (("::1", 5060), ("127.0.0.1", 5060, "tls"), ("127.0.0.1", 5060, "udp", "absent")):
            with pytest.raises(NoTransportError):
                manager.flow_for(*arguments)
        manager.close()

    run(scenario)


def test_external_address_is_shown_outside_only(run):
    async def scenario():
        manager, transport, _ = await echo_manager(
            external_host="203.0.113.5", external_port=5555, local_nets=(ipaddress.ip_network("127.0.0.0/8"),)
        )
        assert transport.sent_by(manager.flow_for("127.0.0.1", 5060)) == f"127.0.0.1:{transport.port}"
        assert transport.sent_by(manager.flow_for("198.51.100.1", 5060)) == "203.0.113.5:5555"
        manager.close()

    run(scenario)


@pytest.mark.parametrize("crowded", [False, True])
def test_other_settings_show_in_the_next_via(run, monkeypatch, crowded):
    async def scenario():
        manager, transport, _ = await echo_manager(external_host="203.0.113.5")
        flow = manager.flow_for("198.51.100.1", 5060)
        for _ in range(2):
            assert manager.layer.sent_by(flow) == f"203.0.113.5:{transport.port}"
        if crowded:
            # The transport keeps another flow to that peer from now on.
            monkeypatch.setattr(udp_module, "_MAX_FLOWS", 1)
            assert manager.flow_for("198.51.100.2", 5060) is not flow
        transport.update(dataclasses.replace(transport.settings, external_host="203.0.113.6"))
        assert manager.layer.sent_by(flow) == f"203.0.113.6:{transport.port}"
        manager.close()

    run(scenario)


def test_traffic_class_is_set(run):
    async def scenario():
        manager, transport, _ = await echo_manager(tos=184)
        assert transport._socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 184
        manager.close()

    run(scenario)


class _FullSocket:
    """A socket whose buffer is full until told otherwise."""

    def __init__(self, real):
        self.real = real
        self.full = True

    def sendto(self, data, address):
        if self.full:
            raise BlockingIOError
        return self.real.sendto(data, address)

    def __getattr__(self, name):
        return getattr(self.real, name)


def test_a_full_socket_queues_in_order_and_drops_beyond_the_bound(run, monkeypatch):
    monkeypatch.setattr(udp_module, "MAX_WAITING", 3)

    async def scenario():
        manager, transport, _ = await echo_manager()
        peer = Peer()
        full = transport.sender._socket = _FullSocket(transport._socket)
        flow = manager.flow_for("127.0.0.1", peer.port)
        flow.send(b"0")
        await until(lambda: transport.sender.blocked)
        for number in range(1, 5):
            flow.send(b"%d" % number)
        assert transport.counters["dropped"] == 2
        full.full = False
        assert [await peer.receive() for _ in range(3)] == [b"0", b"1", b"2"]
        flow.send(b"after")
        assert await peer.receive() == b"after"
        peer.close()
        manager.close()

    run(scenario)


class _FailingSocket(_FullSocket):
    """Has no room in the queue of the network card, or no way to anywhere."""

    def __init__(self, real, error):
        super().__init__(real)
        self.error = error

    def sendto(self, data, address):
        raise OSError(self.error, "no")


@pytest.mark.parametrize(("error", "counter"), [(errno.ENOBUFS, "dropped"), (errno.ENETUNREACH, "errors")])
def test_only_a_peer_out_of_reach_is_told(run, error, counter):
    async def scenario():
        manager, transport, _ = await echo_manager()
        transport.sender._socket = _FailingSocket(transport._socket, error)
        flow = manager.flow_for("127.0.0.1", 9)
        told = []
        flow.on_error.append(lambda _, error: told.append(getattr(error, "errno", None)))
        flow.send(b"x")
        await until(lambda: transport.counters[counter])
        assert told == ([] if counter == "dropped" else [error])
        manager.close()

    run(scenario)


class _RecordingSocket(_FullSocket):
    """Notes what was sent, and after how many turns of the loop."""

    def __init__(self, real):
        super().__init__(real)
        self.full = False
        self.sent = []

    def sendto(self, data, address):
        self.sent.append(data)
        return super().sendto(data, address)


def test_datagrams_are_sent_together_in_order_when_the_loop_turns(run):
    async def scenario():
        manager, transport, _ = await echo_manager()
        peer = Peer()
        noted = transport.sender._socket = _RecordingSocket(transport._socket)
        flow = manager.flow_for("127.0.0.1", peer.port)
        for number in range(5):
            flow.send(b"%d" % number)
        assert noted.sent == []
        assert [await peer.receive() for _ in range(5)] == [b"%d" % number for number in range(5)]
        for number in range(20):
            flow.send(b"%d" % number)
        assert len(noted.sent) == 5 + 16  # many do not wait for each other
        assert [await peer.receive() for _ in range(20)] == [b"%d" % number for number in range(20)]
        peer.close()
        manager.close()

    run(scenario)


def test_closing_sends_what_waits(run):
    async def scenario():
        manager, _, _ = await echo_manager()
        peer = Peer()
        manager.flow_for("127.0.0.1", peer.port).send(b"last words")
        manager.close()
        assert await peer.receive() == b"last words"
        peer.close()

    run(scenario)


def test_flows_are_bounded(run, monkeypatch):
    monkeypatch.setattr(udp_module, "_MAX_FLOWS", 10)

    async def scenario():
        manager, transport, _ = await echo_manager()
        for port in range(1000, 1100):
            transport.flow_to("127.0.0.1", port)
        assert len(transport._flows) == 10
        manager.close()

    run(scenario)


def test_a_failing_timer_does_not_stop_the_others(run, caplog):
    async def scenario():
        manager = TransportManager(Echo())
        done = asyncio.get_running_loop().create_future()

        def fail():
            raise RuntimeError("broken timer")

        manager.timers.call_later(0.01, fail)
        manager.timers.call_later(0.01, done.set_result, True)
        manager.timers.call_later(5, list)
        assert await done
        assert len(manager.timers) == 1
        manager.close()

    run(scenario)
    assert sum("broken timer" in (record.exc_text or "") for record in caplog.records) == 1


def test_an_earlier_timer_moves_the_alarm(run):
    async def scenario():
        manager = TransportManager(Echo())
        order, done = [], asyncio.get_running_loop().create_future()
        manager.timers.call_later(0.05, lambda: (order.append("late"), done.set_result(True)))
        manager.timers.call_later(0.01, order.append, "early")
        await done
        assert order == ["early", "late"]
        manager.close()

    run(scenario)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_keep_alive_by_stun_is_answered_with_the_address_seen(run, host):
    async def scenario():
        manager, transport, user = await echo_manager(host=host)
        peer = Peer(host)
        request = bytes.fromhex("000100002112a442") + bytes(range(12))
        peer.send(request, host, transport.port)
        reply = await peer.receive()
        assert reply == stun.answer(request, host, peer.port)
        assert reply[:2] == b"\x01\x01"
        # What only begins like one is told as any other nonsense; an empty datagram and leading blank lines are not.
        peer.send(request + b"x", host, transport.port)
        peer.send(b"", host, transport.port)
        peer.send(b"\r\n\r\n" + options(), host, transport.port)
        assert parse_message(await peer.receive()).status == 200
        assert user.malformed == [request + b"x"]
        assert transport.counters["keepalives"] == 2
        peer.close()
        manager.close()

    run(scenario)
