"""Starting the servers to be measured, each on the same port, one after the other."""

from __future__ import annotations

import compileall
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import asterism as asterism_package
from bench.configuration import SERVER, write_asterisk, write_kamailio
from bench.peers import ASTERISK_ROOT

_PROBE = (
    "OPTIONS sip:ping@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKprobe{n}\r\n"
    "From: <sip:probe@127.0.0.1>;tag=p{n}\r\nTo: <sip:ping@127.0.0.1>\r\nCall-ID: probe-{n}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def wait_ready(process: subprocess.Popen[bytes], seconds: float = 30.0) -> float:
    """Ask until the server answers; returns the seconds it took."""
    started = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.settimeout(0.02)
        number = 0
        while time.monotonic() - started < seconds:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with status {process.returncode}")
            number += 1
            probe.sendto(_PROBE.format(port=probe.getsockname()[1], n=number).encode(), SERVER)
            try:
                probe.recv(65536)
            except OSError:
                continue
            return time.monotonic() - started
    raise RuntimeError("the server does not answer")


def _check_port() -> None:
    """Refuse a port that is in use: another server there would be measured instead of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(SERVER)
        except OSError as error:
            raise RuntimeError(f"{SERVER[0]}:{SERVER[1]} is in use: {error.strerror}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def asterism(folder: Path, files: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Our own server; ``files`` replace configuration files, by name."""
    _check_port()
    conf = write_asterisk(folder / "etc", folder)
    for name, text in (files or {}).items():
        (folder / "etc" / name).write_text(text)
    # As pip leaves an installed package; where bytecode may not be written, each start would compile it.
    compileall.compile_dir(Path(asterism_package.__file__).parent, quiet=1)
    command = [sys.executable, "-m", "asterism.command.main", "-f", "-q", "-C", str(conf)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def asterisk(folder: Path, files: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Asterisk from its folder, in a chroot; ``files`` replace configuration files, by name."""
    del folder
    _check_port()
    state = ASTERISK_ROOT / "bench"
    write_asterisk(ASTERISK_ROOT / "etc/asterisk", state, visible_state="/bench")
    for name, text in (files or {}).items():
        (ASTERISK_ROOT / "etc/asterisk" / name).write_text(text)
    with Path(state / "out").open("wb") as out:
        process = subprocess.Popen(["chroot", str(ASTERISK_ROOT), "asterisk", "-f", "-g"], stdout=out, stderr=out)
        try:
            yield process
        finally:
            _end(process)


@contextmanager
def kamailio(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Debian's Kamailio."""
    _check_port()
    conf = write_kamailio(folder / "kamailio.cfg")
    command = ["kamailio", "-f", str(conf), "-DD", "-m", "64", "-Y", str(folder), "-P", str(folder / "pid")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # Its children are in its group; on a busy machine they can take long to part.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def has_asterisk() -> bool:
    """Whether ``make bench-peers`` has installed it."""
    return (ASTERISK_ROOT / "usr/sbin/asterisk").exists() and os.getuid() == 0


def has_kamailio() -> bool:
    """Whether it is on this machine."""
    return shutil.which("kamailio") is not None
