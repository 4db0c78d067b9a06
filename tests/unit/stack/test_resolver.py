import random
from collections import Counter

import pytest

from asterism.stack import Uri
from asterism.stack.resolver import DnsCache, Naptr, Question, Resolution, Srv, Target


def resolve(uri, zone=None, **kwargs):
    """Run a resolution against a zone; the targets as text and the questions asked, in rounds."""
    zone = zone or {}
    resolution = Resolution(Uri.parse(uri), **kwargs)
    asked = []
    while not resolution.done:
        asked.append([f"{question.kind} {question.name}" for question in resolution.questions])
        resolution.take({question: zone.get(question, ()) for question in resolution.questions})
    return [f"{target.transport} {target.host} {target.port}" for target in resolution.targets], asked


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:192.0.2.1", "UDP 192.0.2.1 5060"),
        ("sip:a@192.0.2.1:5070", "UDP 192.0.2.1 5070"),
        ("sip:192.0.2.1;transport=tcp", "TCP 192.0.2.1 5060"),
        ("sip:192.0.2.1;transport=TLS", "TLS 192.0.2.1 5061"),
        ("sips:192.0.2.1", "TLS 192.0.2.1 5061"),
        ("sips:192.0.2.1;transport=tcp", "TLS 192.0.2.1 5061"),
        ("sip:[2001:db8::1]:5062", "UDP 2001:db8::1 5062"),
        ("sip:192.0.2.1;transport=ws", "WS 192.0.2.1 80"),
        ("sip:name.example;maddr=192.0.2.9", "UDP 192.0.2.9 5060"),
    ],
)
def test_numeric_hosts_need_no_questions(uri, target):
    assert resolve(uri) == ([target], [])


def test_explicit_port_means_addresses_only():
    zone = {Question("A", "pbx.example"): ["192.0.2.1", "192.0.2.2"], Question("AAAA", "pbx.example"): ["2001:db8::1"]}
    targets, asked = resolve("sip:pbx.example:5070", zone)
    assert asked == [["A pbx.example", "AAAA pbx.example"]]
    assert targets == ["UDP 192.0.2.1 5070", "UDP 192.0.2.2 5070", "UDP 2001:db8::1 5070"]


def test_families_choose_questions_and_order():
    zone = {Question("A", "x"): ["192.0.2.1"], Question("AAAA", "x"): ["2001:db8::1"]}
    assert resolve("sip:x:5060", zone, families=(6, 4))[0] == ["UDP 2001:db8::1 5060", "UDP 192.0.2.1 5060"]
    assert resolve("sip:x:5060", zone, families=(4,)) == (["UDP 192.0.2.1 5060"], [["A x"]])


def test_naptr_then_srv_then_addresses():
    zone = {
        Question("NAPTR", "example.com"): [
            Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com."),
            Naptr(50, 60, "s", "SIP+D2U", "_sip._udp.example.com."),
            Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
            Naptr(10, 50, "u", "SIP+D2U", "ignored.example.com."),
            Naptr(10, 50, "s", "SIP+D2S", "sctp.example.com."),
        ],
        Question("SRV", "_sips._tcp.example.com"): [Srv(0, 1, 5061, "tls.example.com.")],
        Question("SRV", "_sip._udp.example.com"): [Srv(0, 1, 5080, "udp.example.com.")],
        Question("A", "tls.example.com"): ["192.0.2.1"],
        Question("A", "udp.example.com"): ["192.0.2.2"],
    }
    targets, asked = resolve("sip:bob@example.com", zone)
    assert targets == ["TLS 192.0.2.1 5061", "UDP 192.0.2.2 5080"]
    assert [len(questions) for questions in asked] == [1, 3, 4]
    assert resolve("sips:bob@example.com", zone)[0] == ["TLS 192.0.2.1 5061"]
    assert resolve("sip:bob@example.com", zone, transports=("UDP",))[0] == ["UDP 192.0.2.2 5080"]


def test_without_naptr_srv_of_our_transports_in_our_order():
    zone = {
        Question("SRV", "_sip._udp.example.com"): [Srv(0, 0, 5060, "a.example.com")],
        Question("SRV", "_sip._tcp.example.com"): [Srv(0, 0, 5062, "a.example.com")],
        Question("A", "a.example.com"): ["192.0.2.1"],
    }
    targets, asked = resolve("sip:example.com", zone, transports=("TCP", "UDP"))
    assert asked[1] == ["SRV _sip._tcp.example.com", "SRV _sip._udp.example.com"]
    assert targets == ["TCP 192.0.2.1 5062", "UDP 192.0.2.1 5060"]


def test_without_srv_the_host_itself():
    zone = {Question("A", "pbx.example"): ["192.0.2.1"]}
    assert resolve("sip:pbx.example", zone)[0] == ["UDP 192.0.2.1 5060"]
    assert resolve("sips:pbx.example", zone)[0] == ["TLS 192.0.2.1 5061"]
    assert resolve("sip:pbx.example;transport=tcp", zone) == (
        ["TCP 192.0.2.1 5060"],
        [["NAPTR pbx.example"], ["SRV _sip._tcp.pbx.example"], ["A pbx.example", "AAAA pbx.example"]],
    )


def test_nothing_found():
    assert resolve("sip:nowhere.example")[0] == []


def test_srv_root_target_means_no_service():
    zone = {Question("SRV", "_sip._udp.x.example"): [Srv(0, 0, 0, ".")], Question("A", "x.example"): ["192.0.2.1"]}
    assert resolve("sip:x.example;transport=udp", zone)[0] == []


def test_srv_priorities_and_weights():
    records = [Srv(20, 0, 1, "last"), Srv(10, 75, 2, "often"), Srv(10, 25, 3, "seldom"), Srv(10, 0, 4, "hardly")]
    zone = {Question("SRV", "_sip._udp.x.example"): records}
    zone |= {Question("A", record.target): [f"192.0.2.{record.port}"] for record in records}  # type: ignore[list-item]
    generator = random.Random(7)
    first = Counter()
    for _ in range(1000):
        targets, _ = resolve("sip:x.example;transport=udp", zone, choose=lambda total: generator.randint(0, total))
        assert targets[-1] == "UDP 192.0.2.1 1"
        assert len(targets) == 4
        first[targets[0]] += 1
    assert 680 < first["UDP 192.0.2.2 2"] < 810
    assert 180 < first["UDP 192.0.2.3 3"] < 310
    assert first["UDP 192.0.2.4 4"] < 40


def test_bounded_against_a_hostile_zone():
    records = [Srv(0, 0, 5060, f"h{number}.example") for number in range(500)]
    zone = {Question("SRV", "_sip._udp.x.example"): records}
    zone |= {Question("A", record.target): [f"10.0.{n}.1" for n in range(100)] for record in records}  # type: ignore[misc]
    targets, asked = resolve("sip:x.example;transport=udp", zone)
    assert len(asked[2]) == 32
    assert len(targets) == 32


def test_target_keeps_the_name_for_the_certificate():
    resolution = Resolution(Uri.parse("sips:pbx.example:5061"))
    resolution.take({Question("A", "pbx.example"): ["192.0.2.1"]})
    assert resolution.targets == [Target("TLS", "192.0.2.1", 5061, "pbx.example")]
    resolution.take({})
    assert len(resolution.targets) == 1


def test_it_is_the_uris_own_name_whatever_the_zone_says():
    resolution = Resolution(Uri.parse("sips:bob@example.com"), families=(4,))
    zone = {
        Question("SRV", "_sips._tcp.example.com"): [Srv(0, 0, 5061, "a.evil"), Srv(1, 0, 5061, "192.0.2.1")],
        Question("A", "a.evil"): ["192.0.2.1"],
    }
    while not resolution.done:
        resolution.take({question: zone.get(question, ()) for question in resolution.questions})  # type: ignore[misc]
    assert resolution.targets == [Target("TLS", "192.0.2.1", 5061, "example.com")]


@pytest.mark.parametrize(
    ("uri", "asked", "target"),
    [
        ("sips:x", ["SRV _sips._tcp.x"], "TLS 192.0.2.1 5061"),
        ("sips:x;transport=udp", ["SRV _sips._tcp.x"], "TLS 192.0.2.1 5061"),
        ("sip:x;transport=tls", ["SRV _sips._tcp.x"], "TLS 192.0.2.1 5061"),
        ("sip:y;maddr=x;transport=tcp", ["SRV _sip._tcp.x"], "TCP 192.0.2.1 5060"),
        ("sip:x;transport=ws", ["A x", "AAAA x"], "WS 192.0.2.1 80"),
        ("sips:x;transport=ws", ["A x", "AAAA x"], "WSS 192.0.2.1 443"),
        ("sip:x;transport=sctp", ["A x", "AAAA x"], "SCTP 192.0.2.1 5060"),
    ],
)
def test_explicit_transports(uri, asked, target):
    targets, questions = resolve(uri, {Question("A", "x"): ["192.0.2.1"]})
    assert (targets, questions[asked[0].startswith("SRV")]) == ([target], asked)


def test_naptr_says_where_the_servers_of_a_transport_that_was_asked_for_are():
    zone = {
        Question("NAPTR", "x.example"): [
            Naptr(10, 10, "s", "SIP+D2U", "_sip._udp.udp.example."),
            Naptr(20, 10, "s", "SIP+D2T", "_sip._tcp.pool.example."),
        ],
        Question("SRV", "_sip._tcp.pool.example"): [Srv(0, 0, 5070, "192.0.2.1")],
        Question("SRV", "_sip._udp.udp.example"): [Srv(0, 0, 5071, "192.0.2.2")],
        Question("SRV", "_sip._tcp.x.example"): [Srv(0, 0, 5072, "192.0.2.3")],
    }
    assert resolve("sip:x.example;transport=tcp", zone)[0] == ["TCP 192.0.2.1 5070"]


def test_naptr_of_websockets_and_of_what_does_not_lead_to_srv():
    zone = {
        Question("NAPTR", "x"): [Naptr(1, 1, "s", "SIPS+D2W", "w.x."), Naptr(1, 0, "a", "SIP+D2U", "a.x.")],
        Question("SRV", "w.x"): [Srv(0, 0, 8443, "h.x")],
        Question("SRV", "a.x"): [Srv(0, 0, 1, "h.x")],
        Question("A", "h.x"): ["192.0.2.1"],
    }
    assert resolve("sip:x", zone, transports=("UDP", "WSS"))[0] == ["WSS 192.0.2.1 8443"]


def test_sips_takes_nothing_that_is_not_secure():
    zone = {
        Question("NAPTR", "x"): [Naptr(1, 1, "s", "SIP+D2T", "t.x.")],
        Question("SRV", "t.x"): [Srv(0, 0, 5060, "h.x")],
        Question("SRV", "_sip._udp.x"): [Srv(0, 0, 5060, "h.x")],
        Question("A", "h.x"): ["192.0.2.1"],
    }
    assert resolve("sips:x", zone)[0] == []


def test_weight_zero_comes_first_only_by_lot():
    records = [Srv(0, 5, 1, "a"), Srv(0, 0, 2, "b")]
    zone = {
        Question("SRV", "_sip._udp.x"): records,
        Question("A", "a"): ["192.0.2.1"],
        Question("A", "b"): ["192.0.2.2"],
    }
    for lot, first in ((0, "UDP 192.0.2.2 2"), (1, "UDP 192.0.2.1 1"), (5, "UDP 192.0.2.1 1")):
        assert resolve("sip:x;transport=udp", zone, choose=lambda total, lot=lot: min(lot, total))[0][0] == first


def test_cache_keeps_answers_for_their_time():
    now = [0.0]
    cache = DnsCache(lambda: now[0], limit=2, longest=100)
    one, two, three = (Question("A", name) for name in "abc")
    cache.put(one, ["192.0.2.1"], 10)
    cache.put(two, [], 1e9)
    cache.put(three, ["x"], 0)
    assert (cache.get(one), cache.get(two), cache.get(three)) == (["192.0.2.1"], [], None)
    now[0] = 10
    assert cache.get(one) is None
    now[0] = 100
    assert cache.get(two) is None
    for question in (one, two, three):
        cache.put(question, [], 10)
    assert len(cache) == 2
    assert cache.get(one) is None
    cache.clear()
    assert len(cache) == 0


def test_answers_too_large_to_keep_are_not_kept():
    cache = DnsCache(lambda: 0.0)
    cache.put(Question("A", "x" * 256), ["192.0.2.1"], 60)
    cache.put(Question("A", "many.example"), ["192.0.2.1"] * 257, 60)
    assert len(cache) == 0
