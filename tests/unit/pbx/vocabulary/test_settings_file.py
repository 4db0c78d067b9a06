"""Settings in a file: read, missing, wrong in part, not to be read at all."""

from __future__ import annotations

from types import SimpleNamespace

from asterism.config import ConfigFile
from asterism.pbx.vocabulary.settings_file import load_settings


class Log:
    def __init__(self):
        self.said = []

    def error(self, message, *args):
        self.said.append(("error", message % args))

    def warning(self, message, *args):
        self.said.append(("warning", message % args))


def host(folder):
    return SimpleNamespace(paths=SimpleNamespace(etc=folder), log=Log())


def read(file: ConfigFile):
    general = file.options("general")
    return general.get("word", "none"), [option.error("is wrong") for option in general if option.name != "word"]


def test_read_and_told_what_is_wrong(tmp_path):
    (tmp_path / "x.conf").write_text("[general]\nword=yes\nother=1\n")
    server = host(tmp_path)
    assert load_settings(server, "x.conf", read) == "yes"
    ((level, text),) = server.log.said
    assert level == "warning"
    assert "x.conf:3" in text
    assert "is wrong" in text


def test_missing(tmp_path):
    server = host(tmp_path)
    assert load_settings(server, "x.conf", read) == "none"
    assert server.log.said == []


def test_not_to_be_read(tmp_path):
    (tmp_path / "x.conf").write_text("[general\n")
    server = host(tmp_path)
    assert load_settings(server, "x.conf", read) is None
    ((level, text),) = server.log.said
    assert level == "error"
    assert text.startswith("x.conf is not used: ")
