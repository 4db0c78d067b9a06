"""A server in a process of its own, for tests of what only a process has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

COMMAND = (sys.executable, "-m", "asterism.command.main")

ASTERISK_CONF = """\
[directories]
astetcdir => {root}/etc
astmoddir => {root}/modules
astvarlibdir => {root}/lib
astdbdir => {root}/lib
astkeydir => {root}/lib
astdatadir => {root}/lib
astagidir => {root}/lib/agi
astspooldir => {root}/spool
astrundir => {root}/run
astlogdir => {root}/log
"""


class ServerProcess:
    """``asterism -f`` on a configuration below ``root``."""

    def __init__(self, root: Path, **files: str) -> None:
        self.root = root
        self.etc = root / "etc"
        self.etc.mkdir(parents=True, exist_ok=True)
        self.conf = self.etc / "asterisk.conf"
        if not self.conf.exists():
            self.conf.write_text(ASTERISK_CONF.format(root=root))
        for name, text in files.items():
            (self.etc / f"{name}.conf").write_text(text)
        self.process: subprocess.Popen[str] | None = None

    def start(self, *flags: str) -> Self:
        """Start it and wait until it has fully booted."""
        self.launch(*flags)
        self.wait_booted()
        return self

    def launch(self, *flags: str) -> None:
        """Start it and do not wait."""
        command = [*COMMAND, "-f", "-C", str(self.conf), *flags]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def wait_booted(self, seconds: float = 30.0) -> None:
        """Wait for ``core waitfullybooted``; not before there is a socket to ask at, since asking costs a process."""
        deadline = time.monotonic() + seconds
        while True:
            if self._listens():
                result = self.rx("core waitfullybooted")
                if result.returncode == 0:
                    assert result.stdout == "Asterisk has fully booted.\n"
                    return
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()  # what it printed is read to its end
                raise AssertionError(f"the server did not boot: {self.output()}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        """Whether it can be asked anything, as far as a file tells: where the folder is another, it may be."""
        run = self.root / "run"
        return f"astrundir => {run}\n" not in self.conf.read_text() or (run / "asterism.ctl").exists()

    def rx(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run one console command."""
        words = [*COMMAND, "-C", str(self.conf), "-rx", command]
        return subprocess.run(words, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """End it with a signal; returns its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def output(self) -> str:
        """Everything it printed; call it once it has ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
