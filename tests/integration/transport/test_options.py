"""The options of transport sections, as peers see them."""

import asyncio
import contextlib
import re
import socket
import ssl

import pytest
from transports_kit import EXTENSIONS, accounts, transport

from asterism.command.check import check
from asterism.stack import parse_message
from asterism.stack.framing import KeepAlive
from asterism.testing import Phone, free_port, running_server, until
from asterism.transport.tcp import TcpTransport


def write_pjsip(server, text):
    (server.paths.etc / "pjsip.conf").write_text(text)


async def test_keep_alives_go_out_and_pongs_keep_the_connection(certificates):
    text = transport("tcp") + transport("tls", **certificates) + "[global]\nkeep_alive_interval=1\n" + accounts("101")
    async with running_server({"pjsip.conf": text}) as server:
        for protocol in ("tcp", "tls"):
            async with Phone("101", server, "secret", transport=protocol) as phone:
                await phone.register()
                await until(lambda p=phone: p.wire.keepalives == [KeepAlive.PING], 5)  # type: ignore[misc]
                bound = next(one for one in server.sip.transports.transports.values() if one.protocol == protocol)
                await until(lambda b=bound: b.counters["keepalives"], 5)  # type: ignore[misc]


async def test_a_registration_keeps_its_connection_open_and_an_idle_one_is_closed():
    async with running_server({"pjsip.conf": transport("tcp") + accounts("101")}) as server:
        (tcp,) = (one for one in server.sip.transports.transports.values() if one.protocol == "tcp")
        object.__setattr__(tcp.settings, "idle_timeout", 0.3)
        async with Phone("101", server, "secret", transport="tcp") as phone:
            await phone.register()
            reader, writer = await asyncio.open_connection(*server.sip_address("tcp"))
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            assert tcp.connections == 1  # type: ignore[attr-defined]
            assert not phone.wire.flow(phone.server).closed


async def test_alias_lets_calls_take_the_connection_of_an_authenticated_peer():
    # The Via names a port on which nobody listens, as that of a phone behind a NAT.
    async with (
        running_server({"pjsip.conf": transport("udp") + transport("tcp") + accounts("101", "102"),
                        "extensions.conf": EXTENSIONS}) as server,
        Phone("101", server, "secret", transport="tcp") as ann,
        Phone("102", server, "secret") as bob,
    ):  # fmt: skip
        nowhere = free_port()
        ann.contact = f"<sip:101@127.0.0.1:{nowhere};transport=tcp>"
        ann.wire.layer.sent_by = lambda flow: f"127.0.0.1:{nowhere}"
        await ann.register()
        await bob.register()
        call = await bob.dial("101")
        incoming = await ann.incoming()
        assert ";alias" in incoming.request.get("Via")
        incoming.answer()
        await call.answered()
        await call.hangup()


async def test_alias_is_not_honoured_before_authentication():
    async with running_server({"pjsip.conf": transport("tcp") + accounts("101")}) as server:
        nowhere = free_port()
        async with Phone("101", server, "wrong", transport="tcp") as phone:
            phone.wire.layer.sent_by = lambda flow: f"127.0.0.1:{nowhere}"
            await phone.try_register()
            (tcp,) = (one for one in server.sip.transports.transports.values() if one.protocol == "tcp")
            assert ("127.0.0.1", nowhere, "") not in tcp._by_remote  # type: ignore[attr-defined]


async def test_who_does_not_authenticate_in_time_loses_the_connection():
    text = transport("tcp", auth_timeout=1) + accounts("101")
    async with running_server({"pjsip.conf": text}) as server:
        (tcp,) = server.sip.transports.transports.values()
        assert isinstance(tcp, TcpTransport)
        object.__setattr__(tcp.settings, "auth_timeout", 0.3)
        async with (
            Phone("101", server, "secret", transport="tcp") as good,
            Phone("101", server, "wrong", transport="tcp") as bad,
        ):
            await good.register()
            await bad.try_register()
            assert tcp.connections == 2
            await until(lambda: tcp.connections == 1, 5)
            assert not good.wire.flow(good.server).closed
            assert not tcp._unproven


async def test_connections_of_those_who_have_not_authenticated_are_limited():
    text = transport("tcp", auth_limit=1) + accounts("101")
    async with running_server({"pjsip.conf": text}) as server:
        (tcp,) = server.sip.transports.transports.values()
        assert isinstance(tcp, TcpTransport)
        async with Phone("101", server, "secret", transport="tcp") as phone:
            await phone.register()
            # Proved, so it does not count.
            first = await asyncio.open_connection(*server.sip_address("tcp"))
            await until(lambda: tcp.connections == 2, 5)
            second, writer = await asyncio.open_connection(*server.sip_address("tcp"))
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(second.read(1), 5) == b""
            assert tcp.connections == 2
            first[1].close()
            writer.close()
            await until(lambda: tcp.connections == 1, 5)
            assert not tcp._unproven


async def test_symmetric_transport_is_remembered_and_never_shown_to_the_phone():
    text = transport("udp", name="first") + transport("udp", name="second", symmetric_transport="yes")
    async with running_server({"pjsip.conf": text + accounts("101", "102"), "extensions.conf": EXTENSIONS}) as server:
        ports = {name: port for name, _, _, port in server.sip.listening()}
        async with (
            Phone("101", ("127.0.0.1", ports["second"]), "secret") as ann,
            Phone("102", ("127.0.0.1", ports["first"]), "secret") as bob,
        ):
            answer = await ann.register()
            assert "x-ast-txp" not in answer.get("Contact")
            (contact,) = server.sip.location.contacts("101")
            assert contact.parsed.param("x-ast-txp") == "second"
            await bob.register()
            assert server.sip.location.contacts("102")[0].parsed.param("x-ast-txp") is None
            call = await bob.dial("101")
            incoming = await ann.incoming()
            assert incoming.request.via.port == ports["second"]
            assert "x-ast-txp" not in str(incoming.request.uri)
            incoming.reject()
            await call.refused()


async def test_outbound_flows_are_bound_and_confirmed():
    text = transport("udp") + transport("tcp") + accounts("101", "102")
    async with (
        running_server({"pjsip.conf": text, "extensions.conf": EXTENSIONS}) as server,
        Phone("101", server, "secret", transport="tcp") as ann,
        Phone("102", server, "secret") as bob,
    ):
        instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
        ann.contact = f"<sip:101@192.0.2.1:5070;transport=tcp;ob>;reg-id=1;{instance}"
        request = ann.create_request("REGISTER", ann.uri(), ann.uri("101"))
        request.add_header("Supported", "outbound, path")
        answer = await ann.request(request)
        assert (answer.status, answer.get("Require")) == (200, "outbound")
        await bob.register()
        call = await bob.dial("101")
        (await ann.incoming()).reject()
        await call.refused()


async def test_external_address_is_what_strangers_see():
    options = {
        "external_signaling_address": "203.0.113.9",
        "external_signaling_port": 5099,
        "external_media_address": "203.0.113.8",
        "local_net": "127.0.0.1/32",
    }
    text = transport("udp", "0.0.0.0", **options) + accounts("101", "102")  # type: ignore[arg-type]
    async with running_server({"pjsip.conf": text, "extensions.conf": EXTENSIONS}) as server:
        port = server.sip_address("udp")[1]
        async with (
            Phone("101", ("127.0.0.1", port), "secret") as inside,
            Phone("102", ("127.0.0.1", port), "secret", host="127.0.0.2") as outside,
        ):
            await inside.register()
            await outside.register()
            call = await inside.dial("102")
            incoming = await outside.incoming()
            assert (incoming.request.via.host, incoming.request.via.port) == ("203.0.113.9", 5099)
            assert incoming.request.contacts[0].uri.host_port == "203.0.113.9:5099"
            assert b"\r\nc=IN IP4 203.0.113.8\r\n" in incoming.request.body
            incoming.reject()
            await call.refused()
            call = await outside.dial("101")
            incoming = await inside.incoming()
            assert (incoming.request.via.host, incoming.request.via.port) == ("127.0.0.1", port)
            assert b"\r\nc=IN IP4 127.0.0.1\r\n" in incoming.request.body
            incoming.reject()
            await call.refused()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_tos_and_cos_mark_the_packets(host):
    text = transport("udp", host, tos="cs3", cos=3) + transport("tcp", host, tos="ef") + accounts("101")
    async with running_server({"pjsip.conf": text}) as server:
        (udp,) = (one for one in server.sip.transports.transports.values() if one.protocol == "udp")
        assert udp._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 3  # type: ignore[attr-defined]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as peer:
            level, option, kind = (
                (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS)
                if family == socket.AF_INET6
                else (socket.IPPROTO_IP, 13, socket.IP_TOS)  # 13: IP_RECVTOS
            )
            peer.setsockopt(level, option, 1)
            peer.bind((host, 0))
            peer.setblocking(False)
            request = server.sip.create_request(
                "OPTIONS", f"sip:x@{f'[{host}]' if ':' in host else host}:{peer.getsockname()[1]}"
            )
            server.sip.send(request, Nobody())
            received = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().add_reader(
                peer, lambda: received.done() or received.set_result(peer.recvmsg(4096, 256))
            )
            _, ancillary, _, _ = await asyncio.wait_for(received, 5)
            asyncio.get_running_loop().remove_reader(peer)
            classes = [data[0] for at, what, data in ancillary if (at, what) == (level, kind)]
            assert classes == [0x60]


class Nobody:
    def on_response(self, transaction, response):
        pass

    def on_timeout(self, transaction):
        pass

    def on_transport_error(self, transaction):
        pass


async def test_transports_with_allow_reload_follow_the_file_and_others_do_not():
    def text(port, tos, allow):
        return transport("udp", name="fixed", port=port, tos=tos) + transport(
            "tcp", name="moving", port=port, tos=tos, allow_reload=allow
        )

    first, second = free_port(), free_port()
    async with running_server({"pjsip.conf": text(first, 0, "yes") + accounts("101")}) as server:
        bound = server.sip.transports.transports
        write_pjsip(server, text(second, 0, "yes") + accounts("101"))
        await server.reload("res_pjsip")
        assert {name: one.port for name, one in bound.items()} == {"fixed": first, "moving": second}
        async with Phone("101", server, "secret", transport="tcp") as phone:
            await phone.register()
            write_pjsip(server, text(second, "ef", "yes") + accounts("101"))
            await server.reload("res_pjsip")
            assert (bound["fixed"].settings.tos, bound["moving"].settings.tos) == (0, 0xB8)
            # The connection went on.
            await phone.register()
            assert bound["moving"].connections == 1  # type: ignore[attr-defined]
        blocker = socket.create_server(("127.0.0.1", 0))
        write_pjsip(server, text(blocker.getsockname()[1], "ef", "yes") + accounts("101"))
        await server.reload("res_pjsip")
        assert bound["moving"].port == second
        assert not bound["moving"].closed
        blocker.close()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"cert_file": "/nowhere.pem"}, "cert_file"),
        ({}, "cert_file"),
        ({"ca_list_file": "/nowhere.pem"}, "ca_list_file"),
        ({"cipher": "NONSENSE"}, "cipher"),
    ],
)
async def test_a_bad_certificate_is_told_and_the_other_transports_serve(options, named, certificates, capsys):
    given = options if named == "cert_file" else certificates | options
    text = transport("tls", name="secure", **given) + transport("udp") + accounts("101")
    async with running_server({"pjsip.conf": text}) as server:
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "ERROR" in line]
        assert re.match(r".*pjsip\.conf:\d+: transport 'secure': cannot bind tls to 127.0.0.1:0: ", line)
        assert line.endswith(f"(option '{named}'); the server goes on without it")
        async with Phone("101", server, "secret") as phone:
            assert (await phone.register()).status == 200


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
async def test_a_busy_port_or_an_absent_address_is_told_and_the_other_transports_serve(protocol, host, capsys):
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as blocker:
        blocker.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            blocker.listen()
        port = blocker.getsockname()[1]
        text = transport(protocol, host, "broken", port) + transport("udp", name="good") + accounts("101")
        async with running_server({"pjsip.conf": text}) as server:
            (line,) = [line for line in capsys.readouterr().out.splitlines() if "ERROR" in line]
            assert f"transport 'broken': cannot bind {protocol} to {host}:{port}: " in line
            async with Phone("101", server, "secret") as phone:
                assert (await phone.register()).status == 200
            blocker.close()
            if host == "127.0.0.1":
                # What was in the way has gone.
                await server.sip.reload()
                assert set(server.sip.transports.transports) == {"good", "broken"}


async def test_slow_and_half_open_connections_starve_nobody(certificates):
    text = transport("tcp") + transport("tls", **certificates) + accounts("101")
    async with running_server({"pjsip.conf": text}) as server:
        for one in server.sip.transports.transports.values():
            object.__setattr__(one.settings, "handshake_timeout", 1.0)
            object.__setattr__(one.settings, "message_timeout", 1.0)
        crowd = []
        for protocol in ("tcp", "tls"):
            for _ in range(150):
                # From another address than the phone's, which has its own allowance.
                reader, writer = await asyncio.open_connection(
                    *server.sip_address(protocol), local_addr=("127.0.0.7", 0)
                )
                writer.write(b"\x16\x03\x01" if protocol == "tls" else b"INVITE sip:x@y SIP/2.0\r\nVia: ")
                crowd.append((reader, writer))
        for protocol in ("tcp", "tls"):
            async with Phone("101", server, "secret", transport=protocol) as phone:
                start = asyncio.get_running_loop().time()
                await phone.register()
                assert asyncio.get_running_loop().time() - start < 1
                await phone.unregister()

        async def gone(reader):
            try:
                return await asyncio.wait_for(reader.read(), 5) == b""
            except ConnectionError:
                return True

        assert all(await asyncio.gather(*(gone(reader) for reader, _ in crowd)))
        for _, writer in crowd:
            writer.close()


async def test_a_wrong_server_certificate_is_refused_where_it_is_verified(certificates, tmp_path):
    from transports_kit import make_certificates

    stranger = make_certificates(tmp_path)
    trust = certificates["cert_file"].replace("server.pem", "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wrong = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates["cert_file"], certificates["priv_key_file"])
    wrong.load_cert_chain(stranger["cert_file"], stranger["priv_key_file"])
    seen = []

    async def answer(reader, writer):
        data = await reader.readuntil(b"\r\n\r\n")
        seen.append(parse_message(data))
        from asterism.stack import make_response

        writer.write(make_response(seen[-1], 200).to_bytes())  # type: ignore[arg-type]

    text = transport("tls", **certificates, ca_list_file=trust, verify_server="yes")
    async with running_server({"pjsip.conf": text}) as server:
        for tls, status in ((context, 200), (wrong, 503)):
            listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
            port = listener.sockets[0].getsockname()[1]
            response = await server.sip.send_request("OPTIONS", f"sip:x@127.0.0.1:{port};transport=tls")
            assert response.status == status
            listener.close()
        assert len(seen) == 1


async def test_limits_of_connections_are_options(tmp_path):
    limits = {
        "max_connections": 5, "max_connections_per_address": 2, "idle_timeout": 60, "message_timeout": 1,
        "handshake_timeout": 2, "connect_timeout": 3,
    }  # fmt: skip
    text = transport("tcp", name="narrow", **limits) + "[web]\ntype=transport\nprotocol=ws\nidle_timeout=99\n"  # type: ignore[arg-type]
    http = "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=0\n"
    async with running_server({"pjsip.conf": text + accounts("101"), "http.conf": http}) as server:
        bound = server.sip.transports.transports
        assert {name: getattr(bound["narrow"].settings, name) for name in limits} == limits
        assert bound["web"].settings.idle_timeout == 99
        assert bound["web"].settings.max_connections_per_address == 1024
        crowd = [await asyncio.open_connection(*server.sip_address("tcp")) for _ in range(3)]
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(crowd[2][0].read(), 5) == b""
        # A message that never becomes whole makes room again.
        crowd[0][1].write(b"INVITE sip:x@y SIP/2.0\r\nVia: ")
        assert await asyncio.wait_for(crowd[0][0].read(), 5) == b""
        assert bound["narrow"].connections == 1  # type: ignore[attr-defined]
        for _, writer in crowd:
            writer.close()


@pytest.mark.parametrize("option", ["max_connections", "idle_timeout"])
def test_limits_are_never_nothing(option, tmp_path):
    (tmp_path / "pjsip.conf").write_text(transport("tcp", **{option: 0}))  # type: ignore[arg-type]
    assert [problem.option for problem in check(tmp_path)[0]] == [option]


async def test_the_wildcard_of_ipv6_serves_both_families():
    text = transport("udp", "::") + transport("tcp", "::") + accounts("101", "102")
    async with running_server({"pjsip.conf": text, "extensions.conf": EXTENSIONS}) as server:
        ports = {item.protocol: item.port for item in server.sip.transports.transports.values()}
        for protocol in ("udp", "tcp"):
            async with (
                Phone("101", ("127.0.0.1", ports[protocol]), "secret", transport=protocol) as ann,
                Phone("102", ("::1", ports[protocol]), "secret", transport=protocol, host="::1") as bob,
            ):
                assert (await ann.register()).status == 200
                assert (await bob.register()).status == 200
                call = await bob.dial("101")
                incoming = await ann.incoming()
                assert "127.0.0.1" in incoming.request.get("Via")
                assert "::" not in str(incoming.request.contacts[0].uri)
                incoming.answer()
                await call.answered()
                await call.hangup()
                await incoming.ended()
                await ann.unregister()
                await bob.unregister()


async def test_the_wildcards_of_both_families_can_stand_side_by_side():
    port = free_port()
    for order in (("0.0.0.0", "::"), ("::", "0.0.0.0")):
        text = "".join(transport(protocol, host, "", port) for protocol in ("udp", "tcp") for host in order)
        async with running_server({"pjsip.conf": text + accounts("101")}) as server:
            assert len(server.sip.transports.transports) == 4
            for host in ("127.0.0.1", "::1"):
                async with Phone("101", (host, port), "secret", host=host) as phone:
                    assert (await phone.register()).status == 200
