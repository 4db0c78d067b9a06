"""Responses over real connections whose request's connection has closed (RFC 3261 18.2.2)."""

import asyncio

import pytest
from transport_kit import Echo, Peer, until

from asterism.stack import make_response, parse_message
from asterism.stack.transactions import TransactionState
from asterism.transport import TransportManager, TransportSettings

INVITE = (
    "{method} sip:bob@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/TCP {host}:{port};branch=z9hG4bKone\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=f\r\nTo: <sip:bob@127.0.0.1>\r\n"
    "Call-ID: again\r\nCSeq: 1 {method}\r\nContact: <sip:a@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
)


class Later(Echo):
    """Makes a transaction of each request, to be answered by the test."""

    def __init__(self):
        super().__init__()
        self.transactions = []
        self.failed = []

    def on_request(self, request):
        self.transactions.append(self.manager.layer.create_server_transaction(request))

    def on_response_error(self, transaction):
        self.failed.append(transaction)


async def closed_transaction(host, port, method):
    """A server with a request whose connection has closed since."""
    user = Later()
    manager = user.manager = TransportManager(user)
    transport = await manager.bind(TransportSettings("main", "tcp", host))
    _, writer = await asyncio.open_connection(host, transport.port)
    shown = f"[{host}]" if ":" in host else host
    writer.write(INVITE.format(method=method, host=shown, port=port).encode())
    await until(lambda: user.transactions)
    writer.close()
    await until(lambda: transport.connections == 0)  # type: ignore[attr-defined]
    return manager, user, user.transactions[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_the_answer_comes_to_where_the_client_listens(run, host, method):
    async def scenario():
        arrived = asyncio.get_running_loop().create_future()

        async def take(reader, writer):
            arrived.set_result(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        listener = await asyncio.start_server(take, host, 0)
        manager, user, transaction = await closed_transaction(host, listener.sockets[0].getsockname()[1], method)
        transaction.respond(make_response(transaction.request, 486))
        response = parse_message(await asyncio.wait_for(arrived, 5))
        assert (response.status, response.call_id) == (486, "again")
        assert user.failed == []
        listener.close()
        manager.close()

    run(scenario)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_where_nobody_listens_the_user_is_told(run, method):
    async def scenario():
        unused = Peer()
        unused.close()
        manager, user, transaction = await closed_transaction("127.0.0.1", unused.port, method)
        transaction.respond(make_response(transaction.request, 486))
        await until(lambda: user.failed == [transaction])
        assert transaction.state is TransactionState.TERMINATED
        assert manager.layer.live_transactions == 0
        manager.close()

    run(scenario)
