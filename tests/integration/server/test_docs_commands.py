"""Every command that a page prints works as printed: it is found, told apart and run, as far as a test may.

What changes the machine (pip, git, fail2ban) is looked at only. A command of a kind that is not known here fails its
test, so that nothing can be printed that nobody ran.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_process import COMMAND, ServerProcess

from asterism.testing import free_port, running_server

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "samples/README.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
]
_OTHERS = "make|git|python3?|pytest|fail2ban-regex|sqlite3|systemctl"
PROGRAM = rf"{_OTHERS}|(?:sudo )?(?:/opt/asterism/bin/|\.venv/bin/)?(?:asterism|pip)"
_CONSOLE = (
    "core|pjsip|sip|dialplan|database|module|manager|logger|rtp|rtcp"
    "|devstate|presencestate|channel|bridge|http|cli|udptl|fax"
)


def prose(page: Path) -> str:
    """A page without its fenced code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def printed() -> set[tuple[str, str]]:
    """The pages' commands, each as page and command line."""
    found = set()
    for page in PAGES:
        lines = re.findall(rf"^ {{4,}}((?:(?:{PROGRAM}) .*|\.ci/run.*))$", prose(page), re.MULTILINE)
        lines += re.findall(rf"`((?:{PROGRAM}) [^`\n]+|\.ci/run)`", prose(page))
        found |= {(str(page.relative_to(ROOT)), re.sub(r"\s{2,}#.*|; make .*", "", line).strip()) for line in lines}
    return found


def run(*command: str, folder: Path = ROOT, text: str = "") -> str:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Place:
    """A folder with a started configuration, and the server that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run(*COMMAND, "init", "etc", folder=folder)
        pjsip, manager = folder / "etc/pjsip.conf", folder / "etc/manager.conf"
        pjsip.write_text(re.sub(r"^bind = .*", f"bind = 127.0.0.1:{free_port()}", pjsip.read_text(), flags=re.M))
        manager.write_text(re.sub(r"^port = .*", f"port = {free_port()}", manager.read_text(), flags=re.M))
        (folder / "db").mkdir()
        (folder / "db/res_config_sqlalchemy.conf").write_text(f"[asterisk]\nurl = sqlite:///{folder}/db/x.sqlite3\n")
        (folder / "db/extconfig.conf").write_text("[settings]\nps_endpoints => sqlalchemy,asterisk\n")
        (folder / "db/sorcery.conf").write_text("[res_pjsip]\nendpoint = realtime,ps_endpoints\n")
        self._server: ServerProcess | None = None

    @property
    def server(self) -> ServerProcess:
        """The running server, started as the guide says: ``-f -C FILE``."""
        if self._server is None:
            self._server = ServerProcess(self.folder)
            self._server.start()
        return self._server

    def close(self) -> None:
        """Stop it."""
        if self._server is not None:
            self._server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("commands"))
    yield found
    found.close()


_PROGRAMS = {
    "run": (*COMMAND, "demo"),
    "bench": (sys.executable, "-m", "bench"),
    "bench-compiled": (sys.executable, "-m", "bench"),
    "soak": (sys.executable, "-m", "bench.soak"),
}
"""What a target gives its ARGS to."""


def make(place: Place, words: list[str]) -> None:
    """The target exists, and what it runs takes the arguments."""
    target, *settings = words
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    for name, _, value in (setting.partition("=") for setting in settings):
        if name != "ARGS":
            assert re.search(rf"^{re.escape(name)} *\?=", (ROOT / "Makefile").read_text(), re.MULTILINE), name
        elif target == "fuzz":  # its program needs an extra that is not installed for tests
            assert all(
                f'"{word}"' in (ROOT / "tests/fuzz/fuzz.py").read_text() for word in value.split() if "--" in word
            )
        else:
            run(*_PROGRAMS[target], *value.split(), "--help")


def asterism(place: Place, words: list[str]) -> None:
    """The command itself, in the test's folder and on its server."""
    words = [re.sub(r"^(?:/etc/asteris[mk](?=/|$)|demo(?=/)|DIR(?=/|$))", "etc", word) for word in words]
    match words:
        case ["-V"] | ["-h"]:
            assert run(*COMMAND, *words)
        case ["init", *folder]:
            run(*COMMAND, "init", *(folder or ["etc"]), folder=place.folder)
        case ["check", "office" | "office-new"] | ["-f", "-C", "office/asterisk.conf" | "office-new/asterisk.conf"]:
            pass  # test_from_chan_sip.py goes through that page from its beginning
        case ["-f", "-C", "samples/office/asterisk.conf"]:
            pass  # test_office.py starts it, and dials each of its extensions
        case ["-rvvv"]:
            assert "-r " in run(*COMMAND, "-h")
            assert place.server.rx("core set verbose 3").returncode == 0
        case ["migrate", *flags]:
            known = run(*COMMAND, "migrate", "--help")
            assert all(flag in known for flag in flags if flag.startswith("-"))
        case ["check", *folder]:
            run(*COMMAND, "check", *(folder or ["etc"]), folder=place.folder)
        case ["db", "show" | "upgrade" as verb, "etc"]:
            run(*COMMAND, "db", "upgrade", "db", folder=place.folder)
            assert run(*COMMAND, "db", verb, "db", folder=place.folder)
        case ["demo", *flags]:  # test_demo.py makes the calls
            known = run(*COMMAND, "demo", "--help")
            assert all(flag in known for flag in flags if flag.startswith("-"))
        case ["-f", *quiet, "-C", "etc/asterisk.conf"] if set(quiet) <= {"-q"}:
            assert place.server.rx("core waitfullybooted").returncode == 0
        case ["-rx", line] | ["-C", "etc/asterisk.conf", "-rx", line]:
            done = place.server.rx(line)
            assert done.returncode == 0
            assert "No such command" not in done.stdout
        case ["-rx"]:
            assert place.server.rx("core show version").stdout
        case ["-r", *conf]:
            assert conf in ([], ["-C", "etc/asterisk.conf"])
            conf = ["-C", str(place.server.conf)]
            assert "active channels" in run(*COMMAND, *conf, "-r", text="core show channels\n")
        case ["-c"]:  # test_console_process.py and its brothers sit at a terminal
            assert "-c " in run(*COMMAND, "-h")
        case _:
            pytest.fail(f"no test knows how to run: asterism {shlex.join(words)}")


def pip(place: Place, words: list[str]) -> None:
    """What is installed is a folder of the reader's, and extras are ours."""
    verb, target = words
    assert verb == "install"
    folder, _, extra = target.rstrip("]").partition("[")
    assert folder in ("/path/to/the/checkout", ".") or folder.startswith("./"), "nothing is published under a name yet"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert not extra or extra in extras


def python(place: Place, words: list[str]) -> None:
    """Code is run; a module or program exists and takes its arguments."""
    match words:
        case ["-c", _]:
            assert run(sys.executable, *words)
        case ["-m", "bench", *_]:
            run(sys.executable, *words, "--help")
        case ["-m", "venv", _]:
            run(sys.executable, "-m", "venv", "--without-pip", str(place.folder / "venv"))
        case [name, *_]:
            # A program of a page, which another test runs, or a file of the repository.
            examples = (ROOT / "docs/stack/examples" / name, ROOT / name)
            assert any(path.is_file() for path in examples) or name == "office.py"


def sqlite(place: Place, words: list[str]) -> None:
    """The backup of the store, while the server runs."""
    name, line = words
    if shutil.which("sqlite3") is None:
        pytest.skip("sqlite3 is not installed")
    assert place.server
    (store,) = place.folder.rglob(name)
    run("sqlite3", name, line, folder=store.parent)
    assert (store.parent / line.split()[1]).stat().st_size > 0


def looked_at(place: Place, words: list[str]) -> None:
    """Of others, and not for a test to run."""


RUNNERS: dict[str, Callable[[Place, list[str]], None]] = {
    "make": make,
    "asterism": asterism,
    "pip": pip,
    "python": python,
    "python3": python,
    "sqlite3": sqlite,
    "pytest": looked_at,  # test_guide_examples.py runs the test of the guide
    "git": looked_at,
    "useradd": looked_at,
    "chown": looked_at,
    "systemctl": looked_at,
    "fail2ban-regex": looked_at,  # tests/e2e/test_fail2ban.py runs it
}


def test_commands_are_found() -> None:
    kinds = {shlex.split(line)[0].rpartition("/")[2] for _, line in printed()}
    assert kinds >= {"make", "asterism", "pip", "python", "run"}
    assert len(printed()) > 60


@pytest.mark.parametrize("line", sorted({line for _, line in printed()}))
def test_a_printed_command_works(place: Place, line: str) -> None:
    if line == ".ci/run":
        assert os.access(ROOT / line, os.X_OK)
        return
    program, *words = shlex.split(line)
    RUNNERS[program.rpartition("/")[2]](place, words)


async def test_console_commands_that_are_named_exist() -> None:
    """As one command, or as the first words of several (``core show ...``)."""
    named = {
        (str(page.relative_to(ROOT)), line)
        for page in PAGES
        for line in re.findall(rf"`((?:{_CONSOLE}) [^`\n]+)`", prose(page))
    }
    assert len(named) > 50
    sip = f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\n"  # chan_sip's commands are there with its file
    async with running_server({"sip.conf": sip}) as server:
        known = {entry.name for entry in server.commands}
    unknown = []
    for page, line in sorted(named):
        words = re.split(r"[ ,]+", re.sub(r"[\[{<(].*|\.\.\.", "", line).strip())
        begins = {" ".join(words[: length + 1]) for length in range(len(words))}
        if not begins & known and not any(name.startswith(" ".join(words)) for name in known):
            unknown.append(f"{page}: {line}")
    assert unknown == []
