"""``asterism check``: certificates of DTLS-SRTP that are of no use, and faxes that cannot come."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.command.check import check
from asterism.media.fax import library


def told(folder: Path, options: str, extensions: str = "exten => 1,1,Answer()") -> list[list[str]]:
    """Problems and notes about one endpoint, and its dialplan."""
    endpoint = "[101]\ntype=endpoint\ncontext=phones\nallow=ulaw\nauth=101\n{}\n[101]\ntype=auth\nusername=101\n"
    (folder / "pjsip.conf").write_text(f"{endpoint.format(options)}password=x\n")
    (folder / "extensions.conf").write_text(f"[phones]\n{extensions}\n")
    return [[str(one).replace(f"{folder}/", "") for one in found] for found in check(folder)]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("dtls_cert_file=/nowhere/cert.pem", "No such file or directory: '/nowhere/cert.pem'"),
        ("dtls_cert_file={}/wrong.pem", "there is no certificate in {}/wrong.pem"),
        ("dtls_verify=certificate\ndtls_ca_file=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ("dtls_cipher=NONE-OF-THEM", "NONE-OF-THEM"),
    ],
)
def test_dtls_that_no_call_can_have(tmp_path: Path, options: str, reason: str) -> None:
    (tmp_path / "wrong.pem").write_text("no certificate")
    problems, _ = told(tmp_path, f"media_encryption=dtls\n{options.format(tmp_path)}")
    (problem,) = problems
    assert problem.startswith("pjsip.conf:1: endpoint '101': no call can have DTLS-SRTP: ")
    assert problem.endswith(reason.format(tmp_path).replace(f"{tmp_path}/", "")) or reason in problem


@pytest.mark.parametrize("options", ["media_encryption=dtls", "webrtc=yes", "dtls_cert_file=/nowhere/cert.pem"])
def test_dtls_that_is_all_right(tmp_path: Path, options: str) -> None:
    assert told(tmp_path, options)[0] == []


@pytest.mark.parametrize("encryption", ["sdes", "dtls"])
def test_t38_where_media_must_be_encrypted(tmp_path: Path, encryption: str) -> None:
    options = f"t38_udptl=yes\nmedia_encryption={encryption}\n"
    assert any("it has no T.38" in note for note in told(tmp_path, options)[1])
    assert not any("T.38" in note for note in told(tmp_path, f"{options}media_encryption_optimistic=yes")[1])
    assert not any("T.38" in note for note in told(tmp_path, "t38_udptl=yes")[1])


@pytest.mark.parametrize(
    ("extensions", "noted"),
    [
        ("exten => 1,1,Answer()", True),
        ("exten => fax,1,Answer()", False),
        ("include => more\n[more]\nexten => fax,1,Answer()", False),
        ("exten => _[a-z].,1,Answer()", False),
    ],
)
def test_fax_detect_without_its_extension(tmp_path: Path, extensions: str, noted: bool) -> None:
    notes = told(tmp_path, "fax_detect=yes", extensions)[1]
    assert any("context 'phones' has no extension fax" in note for note in notes) is noted


def test_fax_applications_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "exten => 1,1,ReceiveFAX(x.tif)\nexten => 2,1,SendFAX(x.tif)\nexten => 3,1,Answer()"
    assert not any("fails here" in note for note in told(tmp_path, "", lines)[1])
    monkeypatch.setattr(library, "why_missing", lambda: "install the package libspandsp2")
    notes = [note for note in told(tmp_path, "", lines)[1] if "fails here" in note]
    assert notes == [
        "extensions.conf:2: ReceiveFAX fails here: install the package libspandsp2",
        "extensions.conf:3: SendFAX fails here: install the package libspandsp2",
    ]
