"""RFC 3263 with a real DNS server: where names lead, fail-over, caching."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from dns_kit import Peer, dns_server
from transports_kit import accounts, transport

from asterism.testing import Phone, free_port, running_server, until

pytestmark = pytest.mark.e2e  # dnsmasq

SYSTEM = "[system]\ntimer_t1=10\ntimer_b=300\n[global]\nkeep_alive_interval=0\n"


@asynccontextmanager
async def peers(*statuses):
    opened = [await Peer.open(*status) if isinstance(status, tuple) else await Peer.open(status) for status in statuses]
    try:
        yield opened
    finally:
        for peer in opened:
            peer.close()


def sip_server(dns, extra="", system=SYSTEM):
    return running_server(
        {
            "pjsip.conf": system + transport("udp") + transport("tcp") + extra,
            "resolver_unbound.conf": f"[general]\nnameserver=127.0.0.1@{dns.port}\n",
            "extensions.conf": "[default]\nexten => 300,1,Dial(PJSIP/trunk,5)\n",
        }
    )


def srv(*ports, name="_sip._udp.example.test"):
    """SRV records in this order of priority, all on one host."""
    records = [f"srv-host={name},host.example.test,{port},{rank},1" for rank, port in enumerate(ports)]
    return ["host-record=host.example.test,127.0.0.1", *records]


@pytest.mark.parametrize("failure", [0, 503])
async def test_a_target_that_fails_gives_way_to_the_next(failure):
    async with (
        peers(failure, 200) as (bad, good),
        dns_server(*srv(bad.port, good.port)) as dns,
        sip_server(dns) as server,
    ):
        for _ in range(2):
            answer = await server.sip.send_request("OPTIONS", "sip:bob@example.test")
            assert answer.status == 200
        assert bad.requests
        assert len(good.requests) == 2
        # The second request went to the good one at once, and under a branch of its own.
        assert {one.call_id for one in bad.requests} == {good.requests[0].call_id}
        assert bad.requests[0].via.branch != good.requests[0].via.branch
        assert bad.requests[0].cseq == good.requests[0].cseq


async def test_what_is_not_a_failure_of_the_target_is_final():
    async with (
        peers(404, 200) as (first, second),
        dns_server(*srv(first.port, second.port)) as dns,
        sip_server(dns) as server,
    ):
        assert (await server.sip.send_request("OPTIONS", "sip:bob@example.test")).status == 404
        assert not second.requests


async def test_a_refused_connection_gives_way_to_the_next():
    closed = free_port()
    async with dns_server(*srv(closed, closed + 1, name="_sip._tcp.example.test")) as dns, sip_server(dns) as server:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Answering(), "127.0.0.1", closed + 1)
        answer = await server.sip.send_request("OPTIONS", "sip:bob@example.test;transport=tcp")
        assert answer.status == 200
        listener.close()


class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        from asterism.stack import make_response, parse_message

        if data.strip():
            self.transport.write(make_response(parse_message(data), 200).to_bytes())  # type: ignore[arg-type]


async def test_when_all_fail_the_last_outcome_is_told():
    async with (
        peers(503, (503, [("Retry-After", "60")])) as (first, second),
        dns_server(*srv(first.port, second.port)) as dns,
        sip_server(dns) as server,
    ):
        assert (await server.sip.send_request("OPTIONS", "sip:bob@example.test")).status == 503
        assert len(first.requests) == len(second.requests) == 1


async def test_silence_is_408_and_a_failed_connection_503():
    async with peers(0) as (silent,), dns_server() as dns, sip_server(dns) as server:
        uri = f"sip:bob@127.0.0.1:{silent.port}"
        assert (await server.sip.send_request("OPTIONS", uri)).status == 408
        assert len(silent.requests) > 1
        uri = f"sip:bob@127.0.0.1:{free_port()};transport=tcp"
        assert (await server.sip.send_request("OPTIONS", uri)).status == 503


async def test_naptr_chooses_the_transport():
    closed = free_port()
    records = [
        "naptr-record=example.test,10,10,s,SIP+D2T,,_sip._tcp.example.test",
        "naptr-record=example.test,20,10,s,SIP+D2U,,_sip._udp.example.test",
    ]
    async with (
        peers(200) as (peer,),
        dns_server(*records, *srv(closed, name="_sip._tcp.example.test"), *srv(peer.port)[1:]) as dns,
        sip_server(dns) as server,
    ):
        listener = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", closed)
        assert (await server.sip.send_request("OPTIONS", "sip:bob@example.test")).status == 200
        assert not peer.requests
        listener.close()
        await listener.wait_closed()
        server.sip.transports.transports["tcp-127.0.0.1"].close()
        server.sip.transports.unbind("tcp-127.0.0.1")
        # Without TCP of our own, the record for it does not count.
        assert (await server.sip.send_request("OPTIONS", "sip:bob@example.test")).status == 200
        assert len(peer.requests) == 1


async def test_answers_are_kept_for_their_time_and_asked_for_again():
    async with peers(200) as (peer,), dns_server(*srv(peer.port), ttl=1) as dns, sip_server(dns) as server:
        uri = "sip:bob@example.test"
        assert (await server.sip.send_request("OPTIONS", uri)).status == 200
        await until(lambda: "query[SRV] _sip._udp.example.test" in dns.asked)
        count = len(dns.asked)
        assert (await server.sip.send_request("OPTIONS", uri)).status == 200
        assert len(dns.asked) == count
        await asyncio.sleep(1.2)  # the records' own time to live is what is tested
        assert (await server.sip.send_request("OPTIONS", uri)).status == 200
        await until(lambda: len(dns.asked) > count)


async def test_a_name_with_a_port_has_addresses_only():
    async with peers(200) as (peer,), dns_server(*srv(1)) as dns, sip_server(dns) as server:
        uri = f"sip:bob@host.example.test:{peer.port}"
        assert (await server.sip.send_request("OPTIONS", uri)).status == 200
        await until(lambda: "query[A] host.example.test" in dns.asked)
        assert not [line for line in dns.asked if "SRV" in line or "NAPTR" in line]


@pytest.mark.parametrize(
    "host", ["nowhere.test", ".1", "a..test", "x" * 64 + ".test", "-", "1.2.3", "_sip._udp.test", "xn--.test"]
)
async def test_names_that_lead_nowhere_do_no_harm(host):
    async with dns_server(*srv(1)) as dns, sip_server(dns) as server:
        from asterism.core.errors import AsterismError

        try:
            answer = await server.sip.send_request("OPTIONS", f"sip:bob@{host}", timeout=5)
        except AsterismError:
            return  # not a URI: the caller is told
        assert answer.status in (408, 503)


async def test_a_call_goes_to_the_next_target_when_the_first_is_silent():
    extra = accounts("101") + "[trunk]\ntype=endpoint\nallow=!all,ulaw\naors=trunk\n"
    extra += "[trunk]\ntype=aor\ncontact=sip:bob@example.test\n"
    async with (
        peers(0, 486) as (silent, busy),
        dns_server(*srv(silent.port, busy.port)) as dns,
        sip_server(dns, extra) as server,
        Phone("101", server, "secret") as ann,
    ):
        call = await ann.dial("300")
        assert await call.refused() == 486
        invites = [one for one in busy.requests if one.method == "INVITE"]
        assert invites
        assert silent.requests[0].call_id == invites[0].call_id
        assert [one.method for one in busy.requests if one.method == "ACK"] == ["ACK"]


async def test_many_requests_for_one_name_ask_once():
    async with peers(200) as (peer,), dns_server(*srv(peer.port)) as dns, sip_server(dns) as server:
        sent = [server.sip.send_request("OPTIONS", "sip:bob@example.test") for _ in range(50)]
        assert {answer.status for answer in await asyncio.gather(*sent)} == {200}
        assert dns.asked.count("query[SRV] _sip._udp.example.test") == 1


async def test_large_requests_go_over_tcp_if_wanted_and_fall_back_to_udp():
    system = SYSTEM.replace("[system]\n", "[system]\ndisable_tcp_switch=no\n")
    async with peers(200) as (peer,), dns_server() as dns, sip_server(dns, system=system) as server:
        uri = f"sip:bob@127.0.0.1:{peer.port}"
        listener = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", peer.port)
        body = "x" * 2000
        answer = await server.sip.send_request("MESSAGE", uri, body=body, content_type="text/plain")
        assert answer.status == 200
        assert answer.via.transport == "TCP"
        assert not peer.requests
        answer = await server.sip.send_request("MESSAGE", uri, body="short", content_type="text/plain")
        assert answer.via.transport == "UDP"
        for flow in list(server.sip.transports.transports["tcp-127.0.0.1"]._connections):
            flow.close()
        listener.close()
        await listener.wait_closed()
        answer = await server.sip.send_request("MESSAGE", uri, body=body, content_type="text/plain")
        assert (answer.status, answer.via.transport) == (200, "UDP")
        assert len(peer.requests) == 2


@pytest.mark.parametrize(("switch", "size", "protocol"), [("", 5000, "UDP"), ("no", 1150, "UDP"), ("no", 1301, "TCP")])
async def test_large_requests_leave_udp_above_1300_bytes_and_only_if_wanted(switch, size, protocol):
    system = SYSTEM.replace("[system]\n", f"[system]\ndisable_tcp_switch={switch}\n") if switch else SYSTEM
    async with peers(200) as (peer,), dns_server() as dns, sip_server(dns, system=system) as server:
        listener = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", peer.port)
        sent = []
        server.sip.transports.on_trace = lambda direction, data, flow: sent.append(data) if direction == "out" else None
        uri = f"sip:bob@127.0.0.1:{peer.port}"
        await server.sip.send_request("MESSAGE", uri, body="x" * 500, content_type="text/plain")
        # The next one differs in its body, the digits of numbers, and what its Via and Contact say of TCP.
        body = "x" * (500 + size - len(sent.pop()))
        answer = await server.sip.send_request("MESSAGE", uri, body=body, content_type="text/plain")
        assert abs(len(sent.pop()) - size) <= 24
        assert answer.via.transport == protocol
        listener.close()
