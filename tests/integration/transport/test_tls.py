import asyncio
import socket
import ssl
import subprocess
from contextlib import suppress
from dataclasses import replace

import pytest
from transport_kit import Client, echo_manager, options, request_to, until

from asterism.stack import parse_message
from asterism.transport import BindError, TlsSettings


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority, and certificates for ``localhost`` (server) and ``phone`` (client) that it signed."""
    folder = tmp_path_factory.mktemp("pki")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        "req",
        "-x509",
        *key,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=Test CA",
        "-days",
        "2",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    )  # Python 3.13 insists on it
    for name, alternative in (
        ("localhost", "DNS:localhost,IP:127.0.0.1"),
        ("phone", "DNS:phone"),
        ("other", "DNS:other"),
        ("wild", "DNS:*.example.com"),
    ):
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")  # fmt: skip
    return folder


def settings(pki, name="localhost", **kwargs):
    return TlsSettings(
        cert_file=str(pki / f"{name}.pem"),
        priv_key_file=str(pki / f"{name}.key"),
        ca_list_file=str(pki / "ca.pem"),
        **kwargs,
    )


def client_context(pki, certificate=""):
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    if certificate:
        context.load_cert_chain(pki / f"{certificate}.pem", pki / f"{certificate}.key")
    return context


async def ask(port, context, server_hostname="localhost"):
    """Send OPTIONS over TLS with Python's own client; the status, or the exception."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=server_hostname)
        writer.write(options(transport="TLS"))
        data = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        return parse_message(data).status
    except (OSError, asyncio.IncompleteReadError) as error:
        return error


def test_answers_over_tls(run, pki):
    async def scenario():
        manager, transport, user = await echo_manager(protocol="tls", tls=settings(pki))
        assert await ask(transport.port, client_context(pki)) == 200
        flow = user.requests[0].flow
        assert (flow.transport, flow.secure, flow.reliable) == ("TLS", True, True)
        await until(lambda: transport.connections == 0)
        manager.close()

    run(scenario)


@pytest.mark.parametrize(
    ("server_name", "certificate", "outcome"),
    [("localhost", "localhost", 200), ("localhost", "other", "transport_error"), ("", "localhost", 200)],
)
def test_we_verify_the_server_that_we_connect_to(run, pki, server_name, certificate, outcome):
    async def scenario():
        server, listener, _ = await echo_manager(protocol="tls", tls=settings(pki, certificate))
        manager, _, _ = await echo_manager(protocol="tls", tls=settings(pki, "phone", verify_server=True))
        client = Client()
        flow = manager.flow_for("127.0.0.1", listener.port, "tls", server_name=server_name)
        manager.layer.send_request(request_to(listener.port), flow, client)
        assert await client.outcome == outcome
        server.close()
        manager.close()

    run(scenario)


async def outcome_at(pki, certificate, tls, server_name):
    """What becomes of a request to a server with that certificate."""
    server, listener, _ = await echo_manager(protocol="tls", tls=settings(pki, certificate))
    manager, _, _ = await echo_manager(protocol="tls", tls=tls)
    client = Client()
    flow = manager.flow_for("127.0.0.1", listener.port, "tls", server_name=server_name)
    manager.layer.send_request(request_to(listener.port), flow, client)
    outcome = await client.outcome
    server.close()
    manager.close()
    return outcome


@pytest.mark.parametrize(
    ("server_name", "allowed", "outcome"),
    [
        ("sip.example.com", True, 200),
        ("sip.example.com", False, "transport_error"),
        ("a.sip.example.com", True, "transport_error"),
    ],
)
def test_wildcards_prove_a_server_where_they_may(run, pki, server_name, allowed, outcome):
    async def scenario():
        tls = settings(pki, "phone", verify_server=True, allow_wildcards=allowed)
        assert await outcome_at(pki, "wild", tls, server_name) == outcome

    run(scenario)


@pytest.mark.parametrize(("known", "outcome"), [(True, 200), (False, "transport_error")])
def test_without_authorities_of_our_own_those_of_the_system_count(run, pki, monkeypatch, known, outcome):
    monkeypatch.setenv("SSL_CERT_FILE", str(pki / ("ca.pem" if known else "phone.pem")))

    async def scenario():
        tls = replace(settings(pki, "phone", verify_server=True), ca_list_file="")
        assert await outcome_at(pki, "localhost", tls, "localhost") == outcome

    run(scenario)


def test_without_verification_any_certificate_does(run, pki):
    async def scenario():
        server, listener, _ = await echo_manager(protocol="tls", tls=settings(pki, "other"))
        manager, _, _ = await echo_manager(protocol="tls", tls=settings(pki, "phone"))
        client = Client()
        flow = manager.flow_for("127.0.0.1", listener.port, "tls", server_name="no such..name")
        manager.layer.send_request(request_to(listener.port), flow, client)
        assert await client.outcome == 200
        server.close()
        manager.close()

    run(scenario)


def test_client_certificate_can_be_required(run, pki):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki, require_client_cert=True))
        assert isinstance(await ask(transport.port, client_context(pki)), Exception)
        assert await ask(transport.port, client_context(pki, "phone")) == 200
        manager.close()

    run(scenario)


@pytest.fixture(scope="module")
def stranger(pki):
    """A certificate that nobody vouches for."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         "stranger.key", "-out", "stranger.pem", "-subj", "/CN=phone", "-days", "2"],
        check=True, cwd=pki, capture_output=True,
    )  # fmt: skip
    return "stranger"


@pytest.mark.parametrize(
    ("options", "outcomes"),
    [
        ({}, (True, True, True)),
        ({"verify_client": True}, (True, True, False)),
        ({"require_client_cert": True}, (False, True, False)),
    ],
)
def test_client_certificates(run, pki, stranger, options, outcomes):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki, **options))
        for certificate, good in zip(("", "phone", stranger), outcomes, strict=True):
            assert (await ask(transport.port, client_context(pki, certificate)) == 200) is good, certificate
        manager.close()

    run(scenario)


def test_authorities_may_be_files_of_a_folder(run, pki, stranger, tmp_path):
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", "ca.pem"], cwd=pki, check=True, capture_output=True, text=True
    ).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes((pki / "ca.pem").read_bytes())

    async def scenario():
        tls = replace(settings(pki, require_client_cert=True), ca_list_file="", ca_list_path=str(tmp_path))
        manager, transport, _ = await echo_manager(protocol="tls", tls=tls)
        assert await ask(transport.port, client_context(pki, "phone")) == 200
        assert isinstance(await ask(transport.port, client_context(pki, stranger)), Exception)
        manager.close()

    run(scenario)


@pytest.mark.parametrize(("cipher", "good"), [("AES256-GCM-SHA384", True), ("AES128-GCM-SHA256", False)])
def test_ciphers_of_tls_1_2(run, pki, cipher, good):
    async def scenario():
        tls = settings(pki, cipher="TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
        manager, transport, _ = await echo_manager(protocol="tls", tls=tls)
        context = client_context(pki)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"ECDHE-ECDSA-{cipher}")
        assert (await ask(transport.port, context) == 200) is good
        manager.close()

    run(scenario)


@pytest.mark.parametrize(("password", "good"), [("secret", True), ("wrong", False), ("", False)])
def test_a_key_may_have_a_passphrase(run, pki, tmp_path, password, good):
    key = str(tmp_path / "locked.key")
    subprocess.run(
        ["openssl", "pkey", "-in", "localhost.key", "-aes256", "-passout", "pass:secret", "-out", key],
        cwd=pki, check=True, capture_output=True,
    )  # fmt: skip

    async def scenario():
        tls = replace(settings(pki), priv_key_file=key, password=password)
        if good:
            manager, transport, _ = await echo_manager(protocol="tls", tls=tls)
            assert await ask(transport.port, client_context(pki)) == 200
            manager.close()
        else:
            with pytest.raises(BindError, match="cert_file"):
                await echo_manager(protocol="tls", tls=tls)

    run(scenario)


def test_new_certificate_is_used_after_reload_and_connections_go_on(run, pki, tmp_path):
    async def scenario():
        for suffix in ("pem", "key"):
            (tmp_path / f"live.{suffix}").write_bytes((pki / f"localhost.{suffix}").read_bytes())
        tls = TlsSettings(cert_file=str(tmp_path / "live.pem"), priv_key_file=str(tmp_path / "live.key"))
        manager, transport, _ = await echo_manager(protocol="tls", tls=tls)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", transport.port, ssl=client_context(pki), server_hostname="localhost"
        )
        (tmp_path / "live.pem").write_text("broken")
        with pytest.raises(BindError, match=r"transport 'main': .*cert_file"):
            transport.reload_certificates()
        assert await ask(transport.port, client_context(pki)) == 200
        for suffix in ("pem", "key"):
            (tmp_path / f"live.{suffix}").write_bytes((pki / f"other.{suffix}").read_bytes())
        transport.reload_certificates()
        assert isinstance(await ask(transport.port, client_context(pki)), ssl.SSLCertVerificationError)
        assert await ask(transport.port, client_context(pki), "other") == 200
        writer.write(options("old", transport="TLS"))
        assert parse_message(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).call_id == "old"
        writer.close()
        manager.close()

    run(scenario)


def test_minimum_version(run, pki):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki, method="tlsv1_3"))
        old = client_context(pki)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert isinstance(await ask(transport.port, old), Exception)
        assert await ask(transport.port, client_context(pki)) == 200
        manager.close()

    run(scenario)


def test_an_idle_connection_is_told_goodbye(run, pki):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki), idle_timeout=0.2)

        def listen():
            with (
                socket.create_connection(("127.0.0.1", transport.port), 5) as raw,
                client_context(pki).wrap_socket(
                    raw, server_hostname="localhost", suppress_ragged_eofs=False
                ) as connection,
            ):
                # Without TLS's own goodbye this raises: somebody in between might have cut the line.
                return connection.recv(10)

        assert await asyncio.to_thread(listen) == b""
        manager.close()

    run(scenario)


def test_what_waits_for_a_handshake_is_bounded(run, pki):
    async def scenario():
        # Connections wait in its queue: they stand, and nobody says anything.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki), write_buffer=2000)
            flow = manager.flow_for("127.0.0.1", silent.getsockname()[1], "tls")
            flow.send(b"x" * 1500)
            await until(lambda: transport.connections == 1)
            assert not flow.closed
            flow.send(b"x" * 1500)
            assert flow.closed
            manager.close()

    run(scenario)


def test_plain_text_and_silence_are_closed(run, pki):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki), handshake_timeout=0.1)
        for data in (options(transport="TLS"), b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", transport.port)
            writer.write(data)
            with suppress(ConnectionError):
                while await asyncio.wait_for(reader.read(4096), 5):
                    pass
            writer.close()
        await until(lambda: transport.connections == 0 and len(manager.timers) == 0)
        assert await ask(transport.port, client_context(pki)) == 200
        manager.close()

    run(scenario)


@pytest.mark.parametrize(
    ("tls", "text"),
    [
        (None, "cert_file: a certificate is needed"),
        (TlsSettings(cert_file="/nonexistent.pem"), "cert_file: .*No such file"),
        ({"cipher": "NO-SUCH"}, "cipher: "),
        ({"method": "sslv2"}, "method: "),
        ({"ca_list_file": "/nonexistent"}, "ca_list_file: "),
    ],
)
def test_configuration_errors_name_section_and_option(run, pki, tls, text):
    async def scenario():
        chosen = replace(settings(pki), **tls) if isinstance(tls, dict) else tls
        with pytest.raises(BindError, match=f"transport 'main': cannot bind tls .*{text}"):
            await echo_manager(protocol="tls", tls=chosen)

    run(scenario)


def test_messages_of_every_size_survive_the_record_layer(run, pki):
    async def scenario():
        manager, transport, user = await echo_manager(protocol="tls", tls=settings(pki))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", transport.port, ssl=client_context(pki), server_hostname="localhost"
        )
        for size in (0, 1, 16_000, 30_000):
            body = b"x" * size
            data = options(str(size), transport="TLS").replace(b"Content-Length: 0", b"Content-Length: %d" % size)
            writer.write(data + body)
            answer = parse_message(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5))
            assert answer.call_id == str(size)
        assert [len(request.body) for request in user.requests] == [0, 1, 16_000, 30_000]
        writer.close()
        manager.close()

    run(scenario)


def test_half_open_handshakes_are_limited_and_cost_no_session_before_they_begin(run, pki):
    async def scenario():
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(pki), max_half_open=8)
        silent = [await asyncio.open_connection("127.0.0.1", transport.port) for _ in range(6)]
        await until(lambda: transport.counters["dropped"] == 4)
        assert transport.connections == 2
        assert [flow._tls for flow in transport._connections] == [None, None]
        assert await ask(transport.port, client_context(pki)) == 200
        for _, writer in silent:
            writer.close()
        manager.close()

    run(scenario)
