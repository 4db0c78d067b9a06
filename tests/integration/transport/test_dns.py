import asyncio
import logging

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from asterism.stack import Uri
from asterism.stack.resolver import DnsCache, Question
from asterism.transport.dns import DnsResolver, _from_hosts_file

ZONE = {
    ("example.test.", "NAPTR"): ['10 10 "s" "SIP+D2U" "" _sip._udp.example.test.'],
    ("_sip._udp.example.test.", "SRV"): ["10 1 5070 backup.example.test.", "5 1 5060 main.example.test."],
    ("main.example.test.", "A"): ["192.0.2.1"],
    ("main.example.test.", "AAAA"): ["2001:db8::1"],
    ("backup.example.test.", "A"): ["192.0.2.2"],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from the zone; ``silent`` names get no answer."""

    def __init__(self):
        self.asked = []
        self.silent = False
        self.soa = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = (question.name.to_text(), question.to_text().split()[-1])
        self.asked.append(key)
        if self.silent:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        if key == ("alias.test.", "A"):
            response.answer.append(dns.rrset.from_text("alias.test.", 5, "IN", "CNAME", "main.example.test."))
            response.answer.append(dns.rrset.from_text("main.example.test.", 60, "IN", "A", "192.0.2.1"))
        elif key in ZONE:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", key[1], *ZONE[key]))
        elif not any(name == key[0] for name, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if self.soa and not response.answer:
            data = f"ns.test. admin.test. 1 3600 600 86400 {self.soa}"
            response.authority.append(dns.rrset.from_text("test.", 9000, "IN", "SOA", data))
        self.transport.sendto(response.to_wire(), address)


async def started(**options):
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    return server, DnsResolver(["127.0.0.1"], port=port, **options)


def test_resolves_through_a_real_server_and_keeps_the_answers(run):
    async def scenario():
        server, resolver = await started()
        uri = Uri.parse("sip:bob@example.test")
        expected = [
            ("UDP", "192.0.2.1", 5060, "example.test"),
            ("UDP", "2001:db8::1", 5060, "example.test"),
            ("UDP", "192.0.2.2", 5070, "example.test"),
        ]
        assert await resolver.resolve(uri) == expected
        assert len(server.asked) == 6
        assert await resolver.resolve(uri) == expected
        assert len(server.asked) == 6
        server.transport.close()

    run(scenario)


def test_unknown_names_lead_nowhere_and_are_remembered(run):
    async def scenario():
        server, resolver = await started()
        for _ in range(2):
            assert await resolver.resolve(Uri.parse("sip:nowhere.test:5060")) == []
        assert len(server.asked) == 2
        server.transport.close()

    run(scenario)


@pytest.mark.parametrize(
    ("name", "kind", "soa", "records", "seconds"),
    [
        ("main.example.test", "A", 0, ["192.0.2.1"], 60),
        ("alias.test", "A", 0, ["192.0.2.1"], 5),
        ("nowhere.test", "A", 0, [], 30),
        ("nowhere.test", "A", 7, [], 7),
        ("backup.example.test", "AAAA", 7, [], 7),
        ("nowhere.test", "A", 9000, [], 300),
    ],
)
def test_answers_are_kept_for_as_long_as_the_zone_says(run, name, kind, soa, records, seconds):
    async def scenario():
        times = [0.0]
        server, resolver = await started(cache=DnsCache(lambda: times[-1]))
        server.soa = soa
        for time, asked in ((0.0, 1), (seconds - 0.1, 1), (seconds, 2)):
            times.append(time)
            assert await resolver.ask(Question(kind, name)) == records
            assert len(server.asked) == asked
        server.transport.close()

    run(scenario)


def test_one_query_in_flight_per_question(run):
    async def scenario():
        server, resolver = await started()
        question = Question("A", "main.example.test")
        answers = await asyncio.gather(*(resolver.ask(question) for _ in range(20)))
        assert answers == [["192.0.2.1"]] * 20
        assert len(server.asked) == 1
        server.transport.close()

    run(scenario)


def test_a_silent_server_is_a_failure_in_bounded_time(run, caplog):
    async def scenario():
        server, resolver = await started(timeout=0.2)
        server.silent = True
        with caplog.at_level(logging.WARNING):
            assert await resolver.resolve(Uri.parse("sip:main.example.test:5060"), families=(4,)) == []
        assert "no answer for A 'main.example.test'" in caplog.text
        resolver.close()
        server.transport.close()

    run(scenario)


def test_names_that_are_no_names(run):
    async def scenario():
        server, resolver = await started(timeout=0.2)
        assert await resolver.resolve(Uri("sip", "a", "x" * 70 + ".test", 5060)) == []
        assert await resolver.resolve(Uri("sip", "a", "a..test", 5060)) == []
        server.transport.close()

    run(scenario)


def test_hosts_file(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost PBX.test # comment other.test\n::1 localhost\n\nbroken\n")
    assert _from_hosts_file(Question("A", "pbx.test"), str(path)) == ["127.0.0.1"]
    assert _from_hosts_file(Question("AAAA", "localhost"), str(path)) == ["::1"]
    assert _from_hosts_file(Question("A", "other.test"), str(path)) == []
    assert _from_hosts_file(Question("A", "x"), str(tmp_path / "absent")) == []
