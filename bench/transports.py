"""``python -m bench transports``: the CPU of an OPTIONS over TCP, TLS and WebSocket against UDP, on one server."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from bench import servers
from bench.configuration import SERVER, pjsip
from bench.process import cpu_seconds

RATE, COUNT = 2000, 30000
ROUNDS = 5
"""In turns, as a machine's good and bad minutes would else decide about a ratio."""
TARGETS = {"udp": 1.0, "tcp": 1.1, "tls": 1.5, "ws": 1.7, "wss": 2.0}
"""The most that a request may cost, as a multiple of its cost over UDP."""
TLS_PORT = SERVER[1] + 1
PORTS = {"udp": SERVER[1], "tcp": SERVER[1], "tls": TLS_PORT, "ws": SERVER[1] + 2, "wss": SERVER[1] + 3}


def _configuration(folder: Path) -> str:
    """The benchmark's pjsip.conf with TCP and TLS transports; makes a certificate."""
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
        f"-keyout {folder / 'key.pem'} -out {folder / 'cert.pem'}".split(),
        check=True,
        capture_output=True,
    )
    return pjsip() + (
        f"\n[tcp]\ntype=transport\nprotocol=tcp\nbind={SERVER[0]}:{SERVER[1]}\n"
        f"[tls]\ntype=transport\nprotocol=tls\nbind={SERVER[0]}:{TLS_PORT}\nmethod=tlsv1_2\n"
        f"cert_file={folder / 'cert.pem'}\npriv_key_file={folder / 'key.pem'}\n"
    )


def _http(folder: Path) -> str:
    """The HTTP listener for WebSockets, with the same certificate."""
    return (
        f"[general]\nenabled=yes\nbindaddr={SERVER[0]}\nbindport={PORTS['ws']}\n"
        f"tlsenable=yes\ntlsbindaddr={SERVER[0]}:{PORTS['wss']}\n"
        f"tlscertfile={folder / 'cert.pem'}\ntlsprivatekey={folder / 'key.pem'}\n"
    )


def cost(pid: int, protocol: str, count: int) -> float | None:
    """Microseconds of server CPU per request, or ``None`` if an answer is missing."""
    before = cpu_seconds(pid)
    words = [protocol, SERVER[0], str(PORTS[protocol]), str(RATE), str(count)]
    load = subprocess.run([sys.executable, "-m", "bench.loadgen", *words], capture_output=True, text=True, timeout=120)
    if load.returncode:
        print(f"OPTIONS over {protocol}: NOT VALID: {(load.stdout + load.stderr).strip()[-300:]}")
        return None
    return (cpu_seconds(pid) - before) / count * 1e6


def run(folder: Path, count: int = COUNT) -> bool:
    """Measure in turns and print the medians; returns whether all figures count and meet their targets."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[float | None]] = {protocol: [] for protocol in TARGETS}
    with servers.asterism(folder, {"pjsip.conf": _configuration(folder), "http.conf": _http(folder)}) as process:
        servers.wait_ready(process)
        for protocol in TARGETS:
            cost(process.pid, protocol, max(count // 10, 200))
        for _ in range(ROUNDS):
            for protocol, rounds in found.items():
                rounds.append(cost(process.pid, protocol, max(count // ROUNDS, 200)))
    medians = {
        protocol: statistics.median(valid)
        for protocol, rounds in found.items()
        if (valid := [each for each in rounds if each is not None])
    }
    good = all(None not in rounds for rounds in found.values())
    for protocol, figure in medians.items():
        ratio = figure / medians.get("udp", figure)
        met = ratio <= TARGETS[protocol]
        good = good and met
        verdict = f"target {TARGETS[protocol]:.1f}: {'met' if met else 'MISSED'}"
        print(f"OPTIONS over {protocol}: {figure:.1f} us CPU, {ratio:.2f} of UDP ({verdict})")
    return good
