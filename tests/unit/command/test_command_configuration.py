"""asterism init, check and db, and the generated reference."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from asterism.command.check import check, run_check
from asterism.command.database import run_database
from asterism.command.demo.certificate import keep_certificate
from asterism.command.init import run_init
from asterism.command.main import main

ROOT = Path(__file__).parents[3]


def test_a_starter_configuration_is_whole_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "etc"
    assert main(["init", str(folder)]) == 0
    assert run_check(["--no-bind", str(folder)]) == 0
    assert "no problems found" in capsys.readouterr().out
    pjsip = folder / "pjsip.conf"
    assert pjsip.stat().st_mode & 0o077 == 0
    text = pjsip.read_text()
    (folder / "rtp.conf").unlink()
    assert run_init([str(folder)]) == 0
    assert pjsip.read_text() == text
    assert (folder / "rtp.conf").exists()
    assert "kept" in capsys.readouterr().out


def test_the_commented_parts_of_the_starter_are_right_too(tmp_path: Path) -> None:
    run_init([str(tmp_path)])
    for path in tmp_path.glob("*.conf"):
        lines = []
        for line in path.read_text().splitlines():
            bare = line[1:] if line.startswith(";") and line[1:2] not in (" ", "-", "") else line
            lines.append(bare)
        path.write_text("\n".join(lines) + "\n")
    (tmp_path / "modules.conf").write_text("[modules]\nautoload=yes\n")
    problems, _ = check(tmp_path)
    # Of the certificate it has only the name.
    assert {problem.option for problem in problems} <= {"cert_file"}, [str(problem) for problem in problems]


def test_check_names_everything_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "pjsip.conf": "[a]\ntype=endpoint\ndtmf_mode=loud\nnonsense=1\n[b]\ntype=endpoint\naors=b\nsend_aoc=yes\n"
        "[c]\ntype=spaceship\n[d]\ntype=endpont\n[e]\ncontext=x\n",
        "extensions.conf": "[x]\nexten => 1\n",
        "rtp.conf": "[general]\nrtpstart=many\n",
        "manager.conf": "[general]\nport=many\n",
        "sorcery.conf": "[x]\naor=realtime,nowhere\nauth/cache=memory_cache,colour=1\nauth=realtime,ps_auths\n",
        "extconfig.conf": "[settings]\nps_auths => carrier_pigeon,x\nps_aors => odbc,unknown\n",
        "res_config_sqlalchemy.conf": "[db]\nurl=nonsense\n",
        "modules.conf": "[modules]\nautoloaad=yes\n",
        "broken.conf": "[oops\n",
        "logger.conf": "[oops\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert run_check([str(tmp_path)]) == 1
    out = capsys.readouterr().out
    for expected in (
        "pjsip.conf:3: endpoint 'a': option 'dtmf_mode' cannot be 'loud': it is not one of the accepted words; ",
        "pjsip.conf:4: endpoint 'a': there is no option 'nonsense'",
        "pjsip.conf:11: section 'd' has an unknown type 'endpont'; did you mean 'endpoint'?",
        "pjsip.conf:13: section 'e' has no type",
        "extensions.conf:2:",
        "rtp.conf:2:",
        "manager.conf:2:",
        "sorcery.conf:2: option 'aor': extconfig.conf does not say in which database the family 'nowhere' is",
        "sorcery.conf:3: option 'auth/cache': memory_cache has no option 'colour'",
        "extconfig.conf:2: option 'ps_auths': there is no driver 'carrier_pigeon'; accepted: sqlalchemy, odbc",
        "extconfig.conf:3: option 'ps_aors': there is no database 'unknown'",
        "res_config_sqlalchemy.conf:2: option 'url': it is not a URL",
        "modules.conf:2: option 'autoloaad'",
        "logger.conf:1:",
        "note: ",
        "problems found in",
    ):
        assert expected in out, expected
    assert len(out.splitlines()) == len(set(out.splitlines()))
    # Neither what is none of ours nor a file that is not read.
    assert "spaceship" not in out
    assert "broken.conf" not in out


def test_names_of_objects_that_do_not_exist(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[b]\ntype=endpoint\naors=b,c\nauth=b\ntransport=t\n[b]\ntype=aor\n")
    problems, _ = check(tmp_path)
    assert [problem.message for problem in problems] == [
        "endpoint 'b': option 'aors' names the aor 'c', which does not exist",
        "endpoint 'b': option 'auth' names the auth 'b', which does not exist",
        "endpoint 'b': option 'transport' names the transport 't', which does not exist",
    ]


_DTLS = (
    "[{0}]\ntype=endpoint\nallow=ulaw\nauth={0}\nmedia_encryption=dtls\n{1}\n[{0}]\ntype=auth\nusername=a\npassword=b\n"
)


def test_names_of_certificates_count_from_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from where the program happens to be started, as in ``http.conf``."""
    keep_certificate(tmp_path / "own.pem", ())
    (tmp_path / "pjsip.conf").write_text(
        "[tls]\ntype=transport\nprotocol=tls\nbind=127.0.0.1\ncert_file=own.pem\npriv_key_file=own.pem\n"
        "sni_cert=own.pem,own.pem\nca_list_file=own.pem\n" + _DTLS.format("101", "dtls_cert_file=own.pem")
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert check(tmp_path)[0] == []


def test_certificates_that_do_not_fit_or_are_absent_are_problems(tmp_path: Path) -> None:
    tls = "[tls]\ntype=transport\nprotocol=tls\nbind=127.0.0.1\ncert_file={}\nsni_cert={}\n"
    (tmp_path / "bad.pem").write_text("nonsense")
    (tmp_path / "pjsip.conf").write_text(tls.format(tmp_path / "bad.pem", "/other.pem"))
    problems, notes = check(tmp_path)
    assert [problem.option for problem in problems] == ["cert_file"]
    assert notes == []
    (tmp_path / "pjsip.conf").write_text(tls.format("/nowhere.pem", "/nowhere.pem, /nowhere.key"))
    problems, notes = check(tmp_path)
    assert notes == []
    assert ["No such file" in str(problem) for problem in problems] == [True]
    (tmp_path / "pjsip.conf").write_text(tls.format("/nowhere.pem", "a, b, c"))
    assert "after a comma its key" in str(check(tmp_path)[0][0])


def test_a_command_without_its_configuration_says_how_to_name_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who tries ``asterism -rx`` on the demo, or ``asterism`` on nothing, learns what to do."""
    absent = str(tmp_path / "asterisk.conf")
    for words in (["-f", "-C", absent], ["-C", absent, "-rx", "core show version"]):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert f"cannot read '{absent}': No such file or directory" in said
        assert "-C FILE " in said


def test_wrong_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check([str(tmp_path / "nowhere")]) == 2
    assert run_check(["a", "b"]) == 2
    assert run_init([]) == 2
    assert run_database([]) == 2
    assert run_database(["show", str(tmp_path)]) == 1
    assert "no database is defined" in capsys.readouterr().err


def test_tables_are_made_and_extended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    (tmp_path / "extconfig.conf").write_text("[settings]\nps_aors => sqlite3,db\nps_contacts => sqlite3,db,bindings\n")
    (tmp_path / "res_config_sqlalchemy.conf").write_text("[db]\nurl=sqlite:///x.sqlite3\n")
    assert run_database(["show", str(tmp_path)]) == 1
    assert run_database(["upgrade", str(tmp_path)]) == 0
    assert run_database(["show", str(tmp_path)]) == 0
    with sqlite3.connect(tmp_path / "var" / "x.sqlite3") as db:
        db.execute("INSERT INTO ps_aors (id, max_contacts) VALUES ('a', 1)")
        db.execute("ALTER TABLE ps_aors DROP COLUMN remove_existing")
    db.close()
    capsys.readouterr()
    assert run_database(["upgrade", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "database 'db': 2 tables\n  added column remove_existing to ps_aors\n"
    with sqlite3.connect(tmp_path / "var" / "x.sqlite3") as db:
        assert db.execute("SELECT id, max_contacts, remove_existing FROM ps_aors").fetchall() == [("a", 1, None)]
        assert db.execute("SELECT count(*) FROM bindings").fetchall() == [(0,)]
    db.close()
    assert run_database(["upgrade", str(tmp_path)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_the_reference_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    stale = [name for name, text in generate.pages().items() if (generate.FOLDER / name).read_text() != text]
    assert stale == [], "run python docs/generate.py"
