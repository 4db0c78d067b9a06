"""ICMP errors for our datagrams: closed ports of loopback, and errors that are none of the transaction's."""

import socket
import sys

import pytest
from transport_kit import Client, Peer, echo_manager, options, request_to, until

from asterism.stack import make_response, parse_message
from asterism.stack.transactions import TimerConfig

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="IP_RECVERR is Linux's")

HOSTS = ["127.0.0.1", "::1"]
FAST = TimerConfig(t1=0.02, timer_b=30.0)


def closed_port(host):
    peer = Peer(host)
    peer.close()
    return peer.port


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_a_request_to_a_closed_port_fails_after_the_third_repetition(run, host, method):
    async def scenario():
        manager, transport, _ = await echo_manager(FAST, host=host)
        port = closed_port(host)
        client = Client()
        request = request_to(port, host)
        request.method = method
        request.set_header("CSeq", f"1 {method}")
        manager.layer.send_request(request, manager.flow_for(host, port), client)
        assert await client.outcome == "transport_error"
        assert transport.counters["sent"] == 4
        assert manager.layer.live_transactions == 0
        manager.close()

    run(scenario)


def test_a_closed_port_that_opens_again_is_a_hint_forgotten(run):
    async def scenario():
        manager, transport, _ = await echo_manager(FAST)
        port = closed_port("127.0.0.1")
        client = Client()
        manager.layer.send_request(request_to(port), manager.flow_for("127.0.0.1", port), client)
        await until(lambda: transport.counters["errors"] >= 2)
        peer = Peer(port=port)
        request = parse_message(await peer.receive())
        peer.send(make_response(request, 200).to_bytes(), "127.0.0.1", transport.port)  # type: ignore[arg-type]
        assert await client.outcome == 200
        peer.close()
        manager.close()

    run(scenario)


@pytest.mark.parametrize("host", HOSTS)
def test_the_socket_still_serves_after_many_errors(run, host):
    """uvloop stops to watch a descriptor that has an error."""

    async def scenario():
        manager, transport, _ = await echo_manager(FAST, host=host)
        peer = Peer(host)
        for number in range(5):
            port = closed_port(host)
            client = Client()
            manager.layer.send_request(request_to(port, host), manager.flow_for(host, port), client)
            peer.send(options(str(number)), host, transport.port)
            assert parse_message(await peer.receive()).status == 200
            assert await client.outcome == "transport_error"
            peer.send(options(f"then{number}"), host, transport.port)
            assert parse_message(await peer.receive()).status == 200
        peer.close()
        manager.close()

    run(scenario)


def test_an_error_about_one_peer_does_not_keep_others_from_being_sent_to(run):
    async def scenario():
        manager, transport, _ = await echo_manager()
        dead, peer = closed_port("127.0.0.1"), Peer()
        to_peer = manager.flow_for("127.0.0.1", peer.port)
        failures = []
        to_peer.on_error.append(lambda flow, error: failures.append(error))
        to_dead = manager.flow_for("127.0.0.1", dead)
        for number in range(20):
            # No turn of the loop in between: on loopback the second meets the error of the first.
            to_dead.send(b"lost")
            to_peer.send(b"%d" % number)
        assert [int(await peer.receive()) for _ in range(20)] == list(range(20))
        assert failures == []
        await until(lambda: transport.counters["errors"] >= 20)
        peer.close()
        manager.close()

    run(scenario)


def test_only_the_transaction_whose_request_came_back_fails(run):
    async def scenario():
        manager, _, _ = await echo_manager()
        peer = Peer()
        flow = manager.flow_for("127.0.0.1", peer.port)
        other = manager.flow_for("127.0.0.1", closed_port("127.0.0.1"))
        clients = [Client() for _ in range(3)]
        transactions = [manager.layer.send_request(request_to(peer.port), flow, client) for client in clients]
        for transaction in transactions:
            transaction.repeats = 3
        data = transactions[1].request.to_bytes()
        undelivered = manager.layer.undelivered
        # The right destination but no such branch; a quote too short to tell; the right branch but another destination.
        undelivered(data.replace(transactions[1].branch.encode(), b"z9hG4bKguessed"), flow)
        undelivered(data[:40], flow)
        undelivered(b"", flow)
        undelivered(data, other)
        undelivered(transactions[0].request.to_bytes()[:200], flow)
        assert await clients[0].outcome == "transport_error"
        assert not clients[1].outcome.done()
        assert not clients[2].outcome.done()
        assert flow.closed is False
        for transaction in transactions:
            transaction.terminate()
        peer.close()
        manager.close()

    run(scenario)


def test_errors_that_arrive_while_answers_are_sent_stop_nothing(run):
    """Answers to a sender who is gone again, mixed with requests of one who is there."""

    async def scenario():
        manager, transport, user = await echo_manager()
        peer = Peer()
        for number in range(30):
            gone = Peer()
            gone.send(options(f"gone{number}"), "127.0.0.1", transport.port)
            gone.close()
            peer.send(options(f"here{number}"), "127.0.0.1", transport.port)
            assert parse_message(await peer.receive()).call_id == f"here{number}"
        assert len(user.requests) == 60
        await until(lambda: transport.counters["errors"] == 30)
        peer.close()
        manager.close()

    run(scenario)


def test_other_errors_of_the_network_are_not_taken_for_an_absent_peer():
    from asterism.transport.undelivered import _is_final

    def entry(origin, icmp_type, code):
        return bytes([113, 0, 0, 0, origin, icmp_type, code, 0]) + bytes(24)

    assert _is_final(11, entry(2, 3, 3))
    assert _is_final(11, entry(2, 12, 0))
    assert _is_final(25, entry(3, 1, 4))
    # Fragmentation needed, time exceeded, an error of this host, and one that is cut off.
    assert not _is_final(11, entry(2, 3, 4))
    assert not _is_final(11, entry(2, 11, 0))
    assert not _is_final(25, entry(3, 2, 0))
    assert not _is_final(11, entry(1, 3, 3))
    assert not _is_final(11, b"\0" * 8)


def test_closing_gives_the_descriptors_back(run):
    async def scenario():
        manager, transport, _ = await echo_manager()
        errors = transport._errors
        assert errors is not None
        manager.close()
        manager.close()
        with pytest.raises(ValueError, match="closed"):
            errors._epoll.fileno()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", transport.port))

    run(scenario)


def test_a_socket_of_both_families_learns_of_errors_of_both(run):
    async def scenario():
        manager, transport, _ = await echo_manager(FAST, host="::", dual_stack=True)
        for host in HOSTS:
            port = closed_port(host)
            client = Client()
            manager.layer.send_request(request_to(port, host), manager.flow_for(host, port), client)
            assert await client.outcome == "transport_error"
        assert transport.counters["sent"] == 8
        manager.close()

    run(scenario)
