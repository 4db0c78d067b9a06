from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from server_process import COMMAND, ServerProcess

QUIET = {"logger": "[logfiles]\nfull => notice,warning,error\n"}


def asterism(*words: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30, stdin=stdin, check=False)


def test_version_and_help() -> None:
    version = asterism("-V")
    assert version.returncode == 0
    assert version.stdout.startswith("Asterism ")
    usage = asterism("-h")
    assert usage.returncode == 0
    assert "-rx" in usage.stdout.replace("-r [-x", "-rx")
    assert asterism("--nonsense").returncode == 2


def test_rx_fails_at_once_when_no_server_answers(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    result = server.rx("core show version")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Unable to connect" in result.stderr


def test_rx_prints_the_command_s_text_and_never_reads_its_input(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        with ServerProcess(tmp_path, **QUIET) as server:
            words = ("-C", str(server.conf), "-rx", "core show version")
            # The pipe stays open and empty: a command that read its standard input would hang here.
            result = asterism(*words, stdin=reader)
            assert result.returncode == 0
            # The shape of the record: "Asterisk 22.10.1 built by nobody @ host on a x86_64 running Linux on 2026-..."
            shape = r"Asterisk \S+ built by \S+ @ \S+ on a \S+ running \S+ on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n"
            assert re.fullmatch(shape, result.stdout), result.stdout
            assert server.rx("nosuch").stdout == (
                "No such command 'nosuch' (type 'core show help nosuch' for other possible commands)\n"
            )
    finally:
        os.close(reader)
        os.close(writer)


def test_two_servers_side_by_side(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "a", **QUIET) as first, ServerProcess(tmp_path / "b", **QUIET) as second:
        assert str(first.etc) in first.rx("core show settings").stdout
        assert str(second.etc) in second.rx("core show settings").stdout
        assert first.stop() == 0
        assert second.rx("core show uptime").returncode == 0


def test_a_second_server_on_the_same_files_is_refused_and_the_first_lives_on(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **QUIET) as first:
        second = ServerProcess(tmp_path)
        second.launch()
        assert second.process is not None
        assert second.process.wait(timeout=30) == 1
        assert "asterism.ctl" in second.output()
        second.__exit__(None, None, None)
        assert first.rx("core show uptime").returncode == 0


def test_a_dead_server_s_socket_is_replaced(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **QUIET) as server:
        server.stop(signal.SIGKILL)
        assert (tmp_path / "run" / "asterism.ctl").exists()
    with ServerProcess(tmp_path) as server:
        assert server.rx("core show version").returncode == 0


def test_a_long_run_folder_works(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    with ServerProcess(deep, **QUIET) as server:
        assert server.rx("core show version").returncode == 0


def test_stop_commands_and_signals_end_it_cleanly(tmp_path: Path) -> None:
    for ending in ("core stop now", "core stop gracefully", "core stop when convenient", signal.SIGTERM, signal.SIGINT):
        with ServerProcess(tmp_path, **QUIET) as server:
            assert server.process is not None
            if isinstance(ending, str):
                assert server.rx(ending).returncode == 0
                assert server.process.poll() == 0  # scripts go on with what needs the server to have ended
            else:
                assert server.stop(ending) == 0
        assert not (tmp_path / "run" / "asterism.ctl").exists()


def test_sighup_reloads(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **QUIET) as server:
        (server.etc / "logger.conf").write_text("[logfiles]\nother => error\n")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        for _ in range(100):
            if "/other " in server.rx("logger show channels").stdout:
                break
        else:
            raise AssertionError("logger.conf was not read again")


def test_asterisk_conf_includes_and_the_last_value_wins(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, **QUIET)
    with server.conf.open("a") as conf:
        conf.write("[options]\nsystemname = first\n#include more.inc\n")
    (server.etc / "more.inc").write_text("systemname = last\n")
    with server:
        settings = server.rx("core show settings").stdout
        assert "System name:                 last\n" in settings


def test_asterisk_s_flags_are_accepted(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, **QUIET)
    server.launch("-g", "-q", "-m", "-n", "-c", "-vvv", "-d")
    with_flags = server
    with_flags.wait_booted()
    assert "Root console verbosity:      3" in server.rx("core show settings").stdout
    assert server.stop() == 0
    server.__exit__(None, None, None)


def test_a_daemon_leaves_the_terminal(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, **QUIET)
    assert asterism("-C", str(server.conf)).returncode == 0
    # The daemon is nobody's child here, so only its socket tells of it.
    for _ in range(200):
        if server.rx("core waitfullybooted").returncode == 0:
            break
    assert server.rx("core stop now").returncode == 0
    for _ in range(200):
        if not (tmp_path / "run" / "asterism.pid").exists():
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0.05)
    raise AssertionError("the daemon did not stop")
