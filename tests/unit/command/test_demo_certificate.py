"""The demo's certificate: made once, kept, and another before it ends."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from asterism.command.demo import certificate
from asterism.command.demo.certificate import keep_certificate

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


def days(number: float) -> datetime.datetime:
    """So many days later."""
    return NOW + datetime.timedelta(days=number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "https.pem"
    assert keep_certificate(found, ["192.0.2.7", "pbx.example"], NOW)
    return found


def names(path: Path) -> list[str]:
    found = (
        x509.load_pem_x509_certificate(path.read_bytes())
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    return [str(one.value) for one in found]


def test_it_is_for_this_machine_and_its_owner_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*path.parent.iterdir()] == [path]
    assert {"localhost", "127.0.0.1", "::1", "192.0.2.7", "pbx.example"} <= set(names(path))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    made = x509.load_pem_x509_certificate(path.read_bytes())
    lasts = made.not_valid_after_utc - made.not_valid_before_utc
    assert lasts <= datetime.timedelta(days=825)  # what phones of Apple take


def test_it_is_kept_until_a_month_is_left(path: Path) -> None:
    made = path.read_bytes()
    assert not keep_certificate(path, [], days(789))
    assert path.read_bytes() == made
    path.chmod(0o644)
    assert keep_certificate(path, ["192.0.2.8"], days(791))
    assert path.read_bytes() != made
    assert path.stat().st_mode & 0o777 == 0o600
    assert "192.0.2.8" in names(path)
    assert not keep_certificate(path, [], days(800))
    # And when it has ended, too.
    assert keep_certificate(path, [], days(5000))


def test_one_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's certificate, or what is none that we could read, whenever that ends."""
    path = tmp_path / "https.pem"
    with monkeypatch.context() as other:
        other.setattr(certificate, "_SUBJECT", "pbx.example")
        keep_certificate(path, [], NOW)
    for text in (path.read_bytes(), b"see http.conf"):
        path.write_bytes(text)
        assert not keep_certificate(path, [], days(5000))
        assert path.read_bytes() == text
    path.write_bytes(b"")  # of a start that was broken off
    assert keep_certificate(path, [], NOW)
