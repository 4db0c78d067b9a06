"""Several certificates on one TLS listener, as OpenSSL's client sees them."""

import asyncio
import subprocess
from dataclasses import replace

import pytest
from transport_kit import echo_manager

from asterism.certificates import host_names, split_pair
from asterism.transport import BindError, TlsSettings

CERTIFICATES = {
    "main": "DNS:main.example.org",
    "one": "DNS:one.example.com,DNS:sip.one.example.com,IP:127.0.0.1",
    "wild": "DNS:*.example.net,DNS:*.example.org",
    "exact": "DNS:exact.example.net",
    "plain": "",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Self-signed certificates with their keys in the same file, by name."""
    folder = tmp_path_factory.mktemp("sni")
    for name, names in CERTIFICATES.items():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}",
             *(["-addext", f"subjectAltName={names}"] if names else [])],
            check=True, cwd=folder, capture_output=True,
        )  # fmt: skip
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    return folder


def settings(files, *others):
    return TlsSettings(cert_file=str(files / "main.pem"), sni_certs=tuple((str(files / name), "") for name in others))


async def seen(port, *arguments):
    """Whose certificate the server shows."""
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 10)
    return output.decode().partition("CN")[2].lstrip(" =").split()[0]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_certificate_is_the_one_that_holds_the_name(run, files, version):
    async def scenario():
        tls = settings(files, "one.pem", "wild.pem", "exact.pem")
        manager, transport, _ = await echo_manager(protocol="tls", tls=tls)
        for name, expected in (
            ("one.example.com", "one"),
            ("SIP.One.Example.COM", "one"),
            ("any.example.net", "wild"),
            ("exact.example.net", "exact"),
            # One label only; and the listener's own certificate comes first where it spells the name out.
            ("a.b.example.net", "main"),
            ("main.example.org", "main"),
            ("other.example.org", "wild"),
            ("example.net", "main"),
            ("nobody.test", "main"),
        ):
            assert (name, await seen(transport.port, version, "-servername", name)) == (name, expected)
        assert await seen(transport.port, version, "-noservername") == "main"
        manager.close()

    run(scenario)


def test_a_reload_takes_the_files_anew(run, files, tmp_path):
    async def scenario():
        live = tmp_path / "live.pem"
        live.write_bytes((files / "one.pem").read_bytes())
        manager, transport, _ = await echo_manager(protocol="tls", tls=settings(files, str(live)))
        assert await seen(transport.port, "-servername", "one.example.com") == "one"
        live.write_bytes((files / "exact.pem").read_bytes())
        transport.reload_certificates()
        assert await seen(transport.port, "-servername", "one.example.com") == "main"
        assert await seen(transport.port, "-servername", "exact.example.net") == "exact"
        live.write_text("nonsense")
        with pytest.raises(BindError, match="sni_cert"):
            transport.reload_certificates()
        assert await seen(transport.port, "-servername", "exact.example.net") == "exact"
        transport.update(replace(transport.settings, tls=settings(files)))
        assert await seen(transport.port, "-servername", "exact.example.net") == "main"
        manager.close()

    run(scenario)


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("plain.pem", ""), "holds no host name"),
        (("nowhere.pem", ""), "No such file"),
        (("one.crt", ""), "sni_cert"),
        (("one.crt", "exact.key"), "sni_cert"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_option(run, files, pair, reason):
    async def scenario():
        tls = TlsSettings(
            cert_file=str(files / "main.pem"), sni_certs=((str(files / pair[0]), pair[1] and str(files / pair[1])),)
        )
        with pytest.raises(BindError, match=reason) as caught:
            await echo_manager(protocol="tls", tls=tls)
        assert caught.value.reason.startswith("sni_cert: ")

    run(scenario)


def test_names_in_certificates(files, tmp_path):
    assert host_names(files / "one.pem") == ("one.example.com", "sip.one.example.com")
    assert host_names(files / "wild.crt") == ("*.example.net", "*.example.org")
    assert host_names(files / "plain.crt") == ()
    with pytest.raises(ValueError, match="no certificate"):
        host_names(files / "one.key")
    with pytest.raises(OSError, match="No such file"):
        host_names(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["", "AAAA", "MIIB", "MAA=", "MIMAAAEA"])
def test_a_damaged_certificate_is_an_error_of_value(tmp_path, content):
    path = tmp_path / "bad.pem"
    path.write_text(f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match="cannot be read"):
        host_names(path)


@pytest.mark.parametrize("text", ["", ",key", "a,b,c"])
def test_pairs_of_another_form(text):
    with pytest.raises(ValueError, match="after a comma"):
        split_pair(text)


def test_pairs():
    assert split_pair("a.crt , b.key") == ("a.crt", "b.key")
    assert split_pair("a.pem") == ("a.pem", "")
