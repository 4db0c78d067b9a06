"""What every test with foreign programs needs: the usual ports of SIP on addresses of its own."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess

import pytest
from peers import own_host

_CLONE_NEWNET = 0x40000000
_PORTS = ((socket.SOCK_DGRAM, 5060), (socket.SOCK_STREAM, 5060), (socket.SOCK_STREAM, 5061))
"""Those that the programs use on their own addresses: many phones can be told no other."""


def _taken() -> str:
    """Which of the ports another program has on every address of this machine; empty: none."""
    for kind, port in _PORTS:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((own_host(), port))
            except OSError as error:
                return f"{'UDP' if kind == socket.SOCK_DGRAM else 'TCP'} port {port}: {error.strerror}"
    return ""


def _leave() -> None:
    """Have a network without other programs from now on. Raises OSError where there is no right to one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    for words in (
        "link set lo up",
        # Phones use an address of loopback only where there is another one.
        "tuntap add dev net0 mode tun", "addr add 192.0.2.1/24 dev net0", "link set net0 up",
    ):  # fmt: skip
        subprocess.run(["ip", *words.split()], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def _ports_are_free() -> None:
    """Whatever else runs on this machine, as a server that listens on 0.0.0.0:5060, is in no test's way."""
    taken = _taken()
    if taken:
        try:
            _leave()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.fail(f"another program has {taken}; and there is no right to a network without it: {error}")
