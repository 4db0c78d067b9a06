"""The console at a terminal: editing, completion, colours, log lines, and servers that come and go."""

from __future__ import annotations

import resource
import stat
import subprocess
import sys
import time
from pathlib import Path

from server_process import COMMAND, ServerProcess
from terminal import Terminal

PJSIP = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[alice]
type=endpoint
context=default
[albert]
type=endpoint
context=default
"""
FILES = {
    "logger": "[logfiles]\nfull => notice,warning,error\n",
    "pjsip": PJSIP,
    "extensions": "[default]\nexten => 1,1,Answer()\n",
}


def test_commands_completion_and_history_at_a_terminal(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **FILES) as server, Terminal(["-C", str(server.conf), "-r"], tmp_path) as console:
        console.expect("Connected to Asterisk")
        console.expect("*CLI>")
        console.type("core show upt\t\r")
        console.expect("System uptime: ")
        # Names of endpoints come from the live server.
        console.expect("*CLI>")
        console.type("pjsip show endpoint al\t")
        console.expect("albert")
        console.expect("*CLI> pjsip show endpoint al")
        console.type("\x15pjsip show endpoint ali\t\r")
        console.expect("alice")
        console.expect("ParameterName")
        console.type("\x1b[A\x1b[A")  # twice up: the command before the last
        console.expect("core show uptime")
        console.type("\x15help\r")
        console.expect("-- Show the commands, or how one is used")
        console.expect("*CLI>")
        console.type("dialplan show 1\t\r")  # extensions, as well as contexts
        console.expect("'1' =>")
        console.type("\x15exit\r")
        assert console.wait() == 0
        history = (tmp_path / "asterism_history").read_text()
        assert "core show uptime" in history


def test_colours_are_for_terminals_only(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **FILES) as server:
        plain = server.rx("core show application Dial").stdout
        assert "\x1b" not in plain
        with Terminal(["-C", str(server.conf), "-r"], tmp_path) as console:
            console.expect("*CLI>")
            console.type("core show application Dial\r")
            console.expect("[Synopsis]")
            assert "\x1b[1;36m[Synopsis]\x1b[0m" in console.raw
            console.type("exit\r")
            assert console.wait() == 0
        with Terminal(["-C", str(server.conf), "-rn"], tmp_path) as console:
            console.expect("*CLI>")
            console.type("core show application Dial\r")
            console.expect("[Synopsis]")
            assert "m[Synopsis]" not in console.raw
            console.type("exit\r")
            assert console.wait() == 0


def test_log_lines_come_at_the_console_s_own_verbosity(tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path, **FILES) as server,
        Terminal(["-C", str(server.conf), "-rvvvv"], tmp_path) as talkative,
        Terminal(["-C", str(server.conf), "-r"], tmp_path) as quiet,
    ):
        talkative.expect("*CLI>")
        quiet.expect("*CLI>")
        server.rx("channel originate Nothing/x application Wait 1")
        talkative.expect("Could not call Nothing/x")
        quiet.expect("was not answered")
        quiet.type("core set verbose 4\r")
        quiet.expect("Console verbose was OFF and is now 4.")
        assert "Could not call" not in quiet.raw
        server.rx("channel originate Nothing/y application Wait 1")
        quiet.expect("Could not call Nothing/y")
        # The server's own level is another one.
        assert "Root console verbosity:      0" in server.rx("core show settings").stdout


def test_the_console_comes_back_after_a_restart_and_leaves_after_a_stop(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **FILES) as server, Terminal(["-C", str(server.conf), "-r"], tmp_path) as console:
        console.expect("*CLI>")
        server.rx("core restart now")
        console.expect("Disconnected from Asterisk server")
        console.expect("Reconnected.")
        console.expect("*CLI>")
        console.type("core show version\r")
        console.expect("built by asterism")
        console.type("core stop now\r")
        console.expect("it stopped")
        assert console.wait() == 0
        assert server.process is not None
        assert server.process.wait(timeout=20) == 0


def test_a_patient_console_waits_for_any_server(tmp_path: Path) -> None:
    first = ServerProcess(tmp_path, **FILES).start()
    with Terminal(["-C", str(first.conf), "-R"], tmp_path) as console:
        console.expect("*CLI>")
        assert first.stop() == 0
        first.__exit__(None, None, None)
        console.expect("Disconnected from Asterisk server")
        with ServerProcess(tmp_path):
            console.expect("Reconnected.")
            console.type("core show uptime\r")
            console.expect("System uptime: ")
            console.type("exit\r")
            assert console.wait() == 0


def test_c_is_a_server_with_a_console_and_ends_with_it(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, **{**FILES, "logger": "[logfiles]\nconsole => notice,warning,error\n"})
    with (server.etc / "pjsip.conf").open("a") as file:
        file.write("\n[wrong]\ntype=endpoint\nno_such_option=yes\n")
    with Terminal(["-C", str(server.conf), "-cvvv"], tmp_path) as console:
        console.expect("no_such_option")
        console.expect("Asterisk Ready.")
        console.expect("*CLI>")
        console.type("core show uptime\r")
        console.expect("System uptime: ")
        console.type("channel originate Nothing/z application Wait 1\r")
        console.expect("was not answered")
        assert console.raw.count("was not answered") == 1  # not by the log channel and the console both
        console.type("exit\r")
        console.expect("it stopped")
        assert console.wait() == 0
    assert not (tmp_path / "run/asterism.ctl").exists()


def test_without_a_terminal_the_lines_of_the_input_are_run(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **FILES) as server:
        result = subprocess.run(
            [*COMMAND, "-C", str(server.conf), "-r"],
            input="core show uptime seconds\nnosuch\nexit\ncore stop now\n",
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        first, second, third = result.stdout.splitlines()
        assert first.startswith("System uptime: ")
        assert second.startswith("Last reload: ")
        assert third.startswith("No such command 'nosuch'")
        assert server.rx("core show uptime").returncode == 0


def test_the_socket_s_permissions_and_the_startup_commands(tmp_path: Path) -> None:
    server = ServerProcess(
        tmp_path, **FILES, cli="[startup_commands]\ndatabase put start up yes = yes\ndatabase put start no no = no\n"
    )
    server.conf.write_text(server.conf.read_text() + "[files]\nastctlpermissions = 0660\nastctlowner = nobody-here\n")
    with server:
        # An owner that does not exist is reported, and the socket stays its owner's alone.
        assert stat.S_IMODE((tmp_path / "run/asterism.ctl").stat().st_mode) == 0o600
        deadline = time.monotonic() + 10
        while "1 results" not in (shown := server.rx("database show start").stdout) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert shown.startswith("/start/up ")
        assert "nobody-here" in (tmp_path / "log/full").read_text()
    server.conf.write_text(server.conf.read_text().replace("astctlowner = nobody-here\n", ""))
    with ServerProcess(tmp_path):
        assert stat.S_IMODE((tmp_path / "run/asterism.ctl").stat().st_mode) == 0o660


def spent() -> float:
    """Seconds of the processor that the children of this process, which have ended, have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_rx_is_quick(tmp_path: Path) -> None:
    """The processor's time, the best of several runs: other tests share the machine. The target is 150 ms when idle."""
    with ServerProcess(tmp_path, **FILES) as server:
        words = [sys.executable, "-m", "asterism.command.main", "-C", str(server.conf), "-rx", "core show version"]
        times = []
        for _ in range(8):
            started = spent()
            result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
            times.append(spent() - started)
        assert result.stdout.startswith("Asterisk ")
        assert min(times) < 0.4, times
