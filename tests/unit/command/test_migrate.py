"""``asterism migrate``: what it writes where, and when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.command.main import main

SIP = "[general]\nallowguest=no\n[a]\ntype=friend\nsecret=x\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "etc"
    made.mkdir()
    (made / "sip.conf").write_text(SIP)
    (made / "sip.conf").chmod(0o640)
    (made / "extensions.conf").write_text("[x]\nexten => 1,1,Dial(SIP/a)\nexten => 2,1,NoOp(${SIPTRANSFER})\n")
    return made


def test_it_writes_beside_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", str(folder)]) == 1
    out = folder.with_name("etc-migrated")
    assert sorted(path.name for path in out.iterdir()) == ["extensions.conf", "migration-report.txt", "pjsip.conf"]
    assert (out / "pjsip.conf").stat().st_mode & 0o777 == 0o640
    assert (folder / "sip.conf").read_text() == SIP
    printed = capsys.readouterr().out
    assert "extensions.conf:3: not translated" in printed
    assert "extensions.conf:2" not in printed
    assert "extensions.conf:2: translated: exten" in (out / "migration-report.txt").read_text()


def test_it_overwrites_nothing(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new"
    out.mkdir()
    (out / "pjsip.conf").write_text("mine")
    assert main(["migrate", str(folder), "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["pjsip.conf"]
    assert main(["migrate", str(folder), f"--out={out}", "--force", "--all"]) == 1
    assert "[a]" in (out / "pjsip.conf").read_text()
    assert "extensions.conf:2: translated" in capsys.readouterr().out


def test_all_translated_is_success(folder: Path, tmp_path: Path) -> None:
    (folder / "sip.conf").write_text("[a]\ntype=friend\nsecret=x\ncontext=x\n")
    (folder / "extensions.conf").write_text("[x]\nexten => 1,1,Dial(SIP/a)\n")
    assert main(["migrate", str(folder), "--out", str(tmp_path / "new")]) == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "one folder"),
        (["{etc}", "x"], "which of"),
        (["{etc}", "--what"], "not an option"),
        (["{etc}", "--out"], "needs a folder"),
        (["{etc}", "--out", "{etc}"], "stays as it is"),
        (["{etc}", "--out", "{etc}/sip.conf"], "not a folder"),
        (["/nowhere"], "not a folder"),
        (["{etc}/.."], "no sip.conf"),
    ],
)
def test_wrong_calls(folder: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", *(word.replace("{etc}", str(folder)) for word in words)]) == 2
    assert text in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sip.conf").write_text("[general\n[a](none)\n")
    assert main(["migrate", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "sip.conf:1" in error
    assert "sip.conf:2" in error
    assert not folder.with_name("etc-migrated").exists()


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--help"]) == 0
    assert "Usage: asterism migrate" in capsys.readouterr().out
