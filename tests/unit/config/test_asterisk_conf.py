"""asterisk.conf, typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.config import AsteriskConf
from asterism.core.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "asterisk.conf"
    path.write_text(text)
    return path


def test_defaults_are_those_of_asterisk(tmp_path: Path) -> None:
    conf = AsteriskConf.load(tmp_path / "asterisk.conf", missing_ok=True)
    assert conf.directories.etc == tmp_path
    assert conf.directories.db == Path("/var/lib/asterisk")
    assert conf.directories.run == Path("/var/run/asterisk")
    assert conf.options.defaultlanguage == "en"
    assert conf.options.mindtmfduration == 80
    with pytest.raises(ConfigError):
        AsteriskConf.load(tmp_path / "asterisk.conf")


def test_directories_follow_each_other(tmp_path: Path) -> None:
    conf = AsteriskConf.load(
        write(tmp_path, "[directories](!)\nastetcdir => /etc/x\n[directories]\nastvarlibdir=/v\nastrundir=run\n")
    )
    assert conf.directories.varlib == conf.directories.db == conf.directories.data == Path("/v")
    assert conf.directories.agi == Path("/v/agi-bin")
    assert conf.directories.run == tmp_path / "run"
    assert conf.directories.etc == tmp_path


def test_the_last_value_wins_across_includes(tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("maxcalls=7\nsystemname=two\n")
    text = "[options]\nmaxcalls=3\nsystemname=one\nverbose=yes\n#include more.conf\n[files]\nastctl=my.ctl\n"
    conf = AsteriskConf.load(write(tmp_path, text))
    assert (conf.options.maxcalls, conf.options.systemname) == (7, "two")
    assert conf.options.verbose == 1
    assert conf.options.astctl == "my.ctl"
    assert conf.problems == []


def test_bad_values_are_reported_and_keep_the_default(tmp_path: Path) -> None:
    conf = AsteriskConf.load(write(tmp_path, "[options]\nmaxcalls=many\nstore_synchronous=maybe\nnew_thing=1\n"))
    assert conf.options.maxcalls == 0
    assert conf.options.store_synchronous == "normal"
    assert [problem.option for problem in conf.problems] == ["maxcalls", "store_synchronous"]
    assert conf.options.unknown == {"new_thing": "1"}
