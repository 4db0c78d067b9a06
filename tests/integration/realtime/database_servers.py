"""Real database servers for tests: in a temporary folder, on a free port, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE = 30.0


class MissingServerError(AssertionError):
    """The database server is not installed."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DatabaseServer:
    """A server process that can be killed and started again on the same data."""

    user = ""
    scheme = ""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="asterism-db-", dir="/tmp"))
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.account: str | None = None
        if os.getuid() == 0:
            # Neither server runs as root; its own package's user is there for this.
            self.account = self.user
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.log = self.folder / "log"

    @property
    def url(self) -> str:
        raise NotImplementedError

    def program(self, name: str, *places: str) -> str:
        for place in (*places, "/usr/sbin", "/usr/bin", "/usr/local/bin"):
            found = shutil.which(name, path=place)
            if found:
                return found
        raise MissingServerError(f"'{name}' is not installed; run tests/install-peers")

    def run(self, *command: str) -> None:
        done = subprocess.run(
            command, user=self.account, cwd=self.folder, capture_output=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-2000:]

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        self.process = subprocess.Popen(
            self.command(),
            user=self.account,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            if self.ready():
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.scheme} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        """End the server and its children at once, as a crash would."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and its children: SIGSTOP freezes it, SIGCONT lets it go on."""
        assert self.process is not None
        main = psutil.Process(self.process.pid)
        for process in (*main.children(recursive=True), main):
            # Children come and go: a worker of PostgreSQL may be done by now.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(DatabaseServer):
    user = "postgres"
    scheme = "postgresql"

    def __init__(self) -> None:
        super().__init__()
        self.places = sorted((str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        self.data = self.folder / "data"
        self.run(
            self.program("initdb", *self.places), "-D", str(self.data), "-U", "asterism", "-A", "trust", "-N",
            "--locale=C", "-E", "UTF8",
        )  # fmt: skip
        self.start()

    def command(self) -> list[str]:
        return [
            self.program("postgres", *self.places), "-D", str(self.data), "-k", str(self.folder),
            "-p", str(self.port), "-h", "127.0.0.1", "-F", "-c", "max_connections=40",
        ]  # fmt: skip

    def ready(self) -> bool:
        done = subprocess.run(
            [self.program("pg_isready", *self.places), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        )
        return done.returncode == 0

    def kill(self) -> None:
        super().kill()
        # What the killed server locked it does not need any more.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    @property
    def url(self) -> str:
        return f"postgresql://asterism@127.0.0.1:{self.port}/postgres"


class MariaDb(DatabaseServer):
    user = "mysql"
    scheme = "mariadb"

    def __init__(self) -> None:
        super().__init__()
        self.data = self.folder / "data"
        self.run(
            self.program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}",
            "--auth-root-authentication-method=normal", "--skip-test-db", f"--tmpdir={self.folder}",
        )  # fmt: skip
        self.setup = self.folder / "setup.sql"
        self.setup.write_text(
            "CREATE DATABASE IF NOT EXISTS asterism CHARACTER SET utf8mb4;\n"
            "CREATE USER IF NOT EXISTS asterism@'127.0.0.1' IDENTIFIED BY 'secret';\n"
            "GRANT ALL ON asterism.* TO asterism@'127.0.0.1';\n"
        )
        self.setup.chmod(0o644)
        self.start()

    def command(self) -> list[str]:
        return [
            self.program("mariadbd"), "--no-defaults", f"--datadir={self.data}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.folder}/socket", f"--init-file={self.setup}",
            "--innodb-buffer-pool-size=16M", "--skip-name-resolve", f"--pid-file={self.folder}/pid",
            f"--tmpdir={self.folder}",
        ]  # fmt: skip

    @property
    def url(self) -> str:
        return f"mariadb://asterism:secret@127.0.0.1:{self.port}/asterism"
