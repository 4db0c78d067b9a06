"""``make run``: the demo as its user meets it, in a process of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from server_process import COMMAND

from asterism.command.demo.configuration import create
from asterism.command.demo.main import run_demo
from asterism.testing.servers import free_port

HOST = "127.0.0.1"


def free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def words(folder: Path, *options: object) -> list[str]:
    return [*COMMAND, "demo", "--folder", str(folder), *map(str, options)]


def run(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words(folder, *options), capture_output=True, text=True, timeout=60, check=False)


def ports() -> list[object]:
    return [
        "--host", HOST, "--sip-port", free_port(), "--manager-port", free_tcp_port(),
        "--http-port", free_tcp_port(), "--https-port", free_tcp_port(),
    ]  # fmt: skip


@contextmanager
def running(folder: Path, options: Sequence[object] = ()) -> Iterator[str]:
    """The demo while it runs; gives what it printed when it was ready."""
    process = subprocess.Popen(words(folder, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "Ctrl-C" in line:
                break
        else:
            raise AssertionError("".join(printed))
        yield "".join(printed)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def page(url: str, certificate: Path | None) -> None:
    """Open the browser phone at the address that was printed; its certificate is good for that address."""
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    with urllib.request.urlopen(url, timeout=20, context=context) as answer:
        assert b"<title>Asterism phone</title>" in answer.read()


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.conf"))}


# What a phone says of each number that is offered, in parts that are tested side by side, each with a demo of its own.
HEARD = {
    "phones and tones": {
        "101": "the call was refused: 404",  # nobody is registered
        "104": "the call was refused: 404",
        "600": "our own, echoed",
        "601": "s of audio: sound",
        "602": "s of audio: a tone of 440 Hz",
    },
    "refused and said": {
        "603": "183 Session Progress\n  the call was refused: 403",
        "604": "the call was refused: 486",
        "605": "the call was refused: 503",
        "606": "s of audio: sound",
        "607": "s of audio: sound",
    },
    "services": {
        "608": "s of audio: sound",
        "609": "s of audio: sound",
        "700": "s of audio: sound",
        "800": "s of audio: sound",
    },
}


def test_what_it_prints_is_true(tmp_path: Path) -> None:
    """Addresses, accounts and numbers, of which each is tried below; the second start keeps what the first wrote."""
    folder, options = tmp_path / "demo", ports()
    with running(folder, options) as printed:
        assert f"udp {HOST}:{options[3]}" in printed
        assert f"tcp {HOST}:{options[5]}" in printed
        accounts = re.findall(r"^    (\d{3})  (\w{12})$", printed, re.M)
        assert [number for number, _ in accounts] == ["101", "102", "103", "104", "105"]
        assert len({password for _, password in accounts}) == 5
        *_, https = re.findall(r"https://\S+", printed)
        page(https, folder / "https.pem")
        *_, http = re.findall(r"http://localhost\S+", printed)
        page(http, None)
        offered = re.findall(r"--call (\d+)$", printed, re.M)
        assert offered == [number for part in HEARD.values() for number in part]
        # The shell leaves the numbers that begin with an asterisk as they are.
        numbers = re.findall(r"--call (.+)$", printed, re.M)
        assert "'**102'" in numbers
        assert [shlex.quote(word) for number in numbers for word in shlex.split(number)] == numbers
        kept = files(folder)
    assert all(password in kept["pjsip.conf"] for _, password in accounts)
    with (folder / "extensions.conf").open("a") as dial_plan:
        dial_plan.write("\n[phones]\nexten => 777,1,Busy()\n")
    edited = files(folder)
    with running(folder) as again:
        assert re.findall(r"^    (\d{3})  (\w{12})$", again, re.M) == accounts
        assert files(folder) == edited


@pytest.mark.parametrize("part", list(HEARD))
def test_everything_that_it_offers_works(tmp_path: Path, part: str) -> None:
    """Each command that it prints, tried as a user would, one after the other; answered calls leave their record."""
    folder, expected = tmp_path / "demo", HEARD[part]
    with running(folder, ports()):
        heard = {number: run(folder, "--call", number).stdout for number in expected}
    assert {number: text in heard[number] for number, text in expected.items()} == dict.fromkeys(expected, True), heard
    rows = (folder / "var/log/cdr-csv/Master.csv").read_text().splitlines()
    answered = sum("200 OK, the call is up" in said for said in heard.values())
    assert sum('"ANSWERED"' in row for row in rows) == answered, rows
    assert sum('"602"' in row and '"ANSWERED"' in row for row in rows) == ("602" in expected), rows


@pytest.mark.parametrize(
    ("kind", "flag", "where"),
    [
        (socket.SOCK_DGRAM, "--sip-port", "'bind' in [transport-udp] of pjsip.conf"),
        (socket.SOCK_STREAM, "--manager-port", "'port' in [general] of manager.conf"),
        (socket.SOCK_STREAM, "--https-port", "'tlsbindaddr' in http.conf"),
    ],
    ids=["SIP", "manager", "https"],
)
def test_a_port_that_is_taken(tmp_path: Path, kind: socket.SocketKind, flag: str, where: str) -> None:
    """Which, and how to change it: by an option while nothing is written yet, in the file afterwards."""
    folder, options = tmp_path / "demo", ports()
    port = options[options.index(flag) + 1]
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((HOST, port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        refused = run(folder, *options)
        assert refused.returncode == 1
        assert f"port {port} on {HOST} cannot be used" in refused.stderr
        assert not folder.exists()
        advice = shlex.split(refused.stderr.partition("Choose others: ")[2].partition(", or make")[0])
        assert flag in advice
        with running(Path(advice[advice.index("--folder") + 1]), advice[advice.index("--folder") + 2 :]):
            pass
    shutil.rmtree(folder)
    with running(folder, options):
        pass
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((HOST, port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        refused = run(folder)
        assert refused.returncode == 1
        assert f"port {port} on {HOST} cannot be used" in refused.stderr
        assert where in refused.stderr


# A demo whose port somebody takes between its look at the ports and the server's start. Once ready it is over.
_TAKEN_LATE = """
import socket, sys
from asterism.command import run
from asterism.command.demo.main import run_demo

kind, port, *words = sys.argv[1:]
other, serve = socket.socket(socket.AF_INET, socket.SocketKind(int(kind))), run.serve

def serve_late(conf, ready):
    other.bind(("127.0.0.1", int(port)))
    if other.type is socket.SOCK_STREAM:
        other.listen()
    return serve(conf, ready=lambda server: (ready(server), server.request_stop()))

run.serve = serve_late
sys.exit(run_demo(words))
"""


@pytest.mark.parametrize(
    ("kind", "flag"),
    [
        (socket.SOCK_DGRAM, "--sip-port"),
        (socket.SOCK_STREAM, "--manager-port"),
        (socket.SOCK_STREAM, "--http-port"),
        (socket.SOCK_STREAM, "--https-port"),
    ],
    ids=["SIP", "manager", "http", "https"],
)
def test_a_port_that_is_taken_after_it_was_looked_at(tmp_path: Path, kind: socket.SocketKind, flag: str) -> None:
    """It is not called ready without it: the port is named, with what to do, and the server stops."""
    options = list(map(str, ports()))
    port = options[options.index(flag) + 1]
    late = [sys.executable, "-c", _TAKEN_LATE, str(int(kind)), port, "--folder", str(tmp_path / "demo"), *options]
    done = subprocess.run(late, capture_output=True, text=True, timeout=60, check=False)
    assert "is ready" not in done.stdout
    assert done.returncode == 1
    assert done.stderr.count("cannot be used") == 1
    assert f"port {port} on {HOST} cannot be used (Address already in use). Change '" in done.stderr
    advice = shlex.split(done.stderr.partition("Or make another demo: ")[2].splitlines()[0])
    assert advice[advice.index(flag) + 1] != port
    assert [word for word in options if word.isdigit() and word not in advice] == [port]


def test_the_demo_that_runs_is_not_started_again(tmp_path: Path) -> None:
    """It is told that it runs, and how to stop it; not to change its ports."""
    folder, options = tmp_path / "demo", ports()
    with running(folder, options):
        for again in (run(folder), run(folder, *options)):
            assert again.returncode == 1
            assert again.stderr.startswith(f"asterism demo: the demo of {folder} runs already.")
            assert "cannot be used" not in again.stderr
        stop = shlex.split(again.stderr.partition("to stop it: ")[2])
        assert stop[-4:] == ["-C", str(folder / "asterisk.conf"), "-rx", "core stop now"]
        subprocess.run([*COMMAND, *stop[-4:]], capture_output=True, timeout=60, check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who owns nothing, where the test's may do everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("place", ["demo", "locked/demo", "read-only/demo"])
def test_a_folder_of_somebody_else(tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each way in which it cannot be used is one line, and one that helps; no traceback."""
    folder = tmp_path / place
    folder.parent.mkdir(exist_ok=True)
    if place == "demo":
        create(folder, HOST, 5060, 5038)
        (folder / "pjsip.conf").chmod(0)
    parents = [tmp_path, *list(tmp_path.parents)[:2]]
    for path in parents if os.geteuid() == 0 else ():
        path.chmod(0o755)
    folder.parent.chmod({"demo": 0o755, "locked/demo": 0, "read-only/demo": 0o555}[place])
    with as_nobody():
        status = run_demo(["--folder", str(folder), *map(str, ports() if place != "demo" else ())])
    folder.parent.chmod(0o755)
    told = capsys.readouterr().err.splitlines()
    assert (status, len(told)) == (1, 2), told
    assert "Permission denied" in told[0]
    assert "--folder ~/demo" in told[1]


def test_a_phone_without_a_demo_says_so_and_makes_none(tmp_path: Path) -> None:
    words = [*COMMAND, "demo", "--folder", str(tmp_path / "none"), "--call", "600"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert "there is no demo in" in result.stderr
    assert not (tmp_path / "none").exists()


def test_an_advice_for_taken_ports_helps_with_all_of_them(tmp_path: Path) -> None:
    """Both ports are taken, and the first ones that would come to mind as well: the command that is printed works."""
    folder, options = tmp_path / "demo", ports()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, socket.socket() as next_tcp:
        sip_port, manager_port = int(str(options[3])), int(str(options[5]))
        udp.bind((HOST, sip_port))
        for each, port in ((tcp, manager_port), (next_tcp, manager_port + 10)):
            each.bind((HOST, port))
            each.listen()
        refused = run(folder, *options)
        assert refused.returncode == 1
        assert refused.stderr.count("cannot be used") == 2
        advice = shlex.split(refused.stderr.partition("Choose others: ")[2].partition(", or make")[0])
        with running(Path(advice[advice.index("--folder") + 1]), advice[advice.index("--folder") + 2 :]) as printed:
            assert f"udp {HOST}:{advice[advice.index('--sip-port') + 1]}" in printed


def test_the_same_options_again(tmp_path: Path) -> None:
    """The command that made the demo starts it again, as ``core restart now`` does; another port is refused."""
    folder, options = tmp_path / "demo", ports()
    for _ in range(2):
        with running(folder, options):
            pass
    with running(folder, options):
        console = [*COMMAND, "-C", str(folder / "asterisk.conf"), "-rx"]
        subprocess.run([*console, "core restart now"], capture_output=True, timeout=60, check=True)
        waited = [*COMMAND, "-C", str(folder / "asterisk.conf"), "-Rx", "core show version"]
        deadline = time.monotonic() + 60
        while b"built by" not in subprocess.run(waited, capture_output=True, timeout=60, check=False).stdout:
            assert time.monotonic() < deadline
    assert "exists already" in run(folder, *options[:-1], free_tcp_port()).stderr


def test_an_extension_at_the_end_of_the_file_can_be_dialled(tmp_path: Path) -> None:
    """Where a new user writes it: the last context is that of the phones."""
    folder = tmp_path / "demo"
    with running(folder, ports()):
        with (folder / "extensions.conf").open("a") as file:
            file.write("exten => 700,1,Answer()\n same => n,Playback(welcome)\n same => n,Hangup()\n")
        console = [*COMMAND, "-C", str(folder / "asterisk.conf"), "-rx", "dialplan reload"]
        subprocess.run(console, capture_output=True, timeout=60, check=True)
        called = run(folder, "--call", "700")
    assert "200 OK, the call is up" in called.stdout
    assert called.stdout.endswith("  the server hung up\n") or called.stdout.endswith("  hung up\n")


@pytest.mark.parametrize("option", [("--call", "600"), ("--answer",)], ids=["call", "answer"])
def test_a_phone_of_a_demo_that_does_not_run(tmp_path: Path, option: tuple[str, ...]) -> None:
    """It says so, soon and in one line."""
    folder = tmp_path / "demo"
    with running(folder, ports()):
        pass
    refused = run(folder, *option)
    assert refused.returncode == 1
    assert re.fullmatch(
        rf"asterism demo: nothing answers at {HOST} port \d+: is the demo of '.*' running\?\n", refused.stderr
    )
    assert refused.stdout == ""
