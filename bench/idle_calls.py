"""``python -m bench idle-calls``: what an established call of two legs that does nothing keeps in memory."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from bench import servers
from bench.configuration import CALLEE_PORT, SERVER
from bench.load import Sipp
from bench.memory import SETTLE_SECONDS, counts, verdict
from bench.process import resident_mib

STEPS = (100, 600)
"""Established calls between which the growth is measured."""
RATE = 20
"""Calls a second: finished transactions are kept for 32 s, so what they had is used again before the last call."""
HOLD_SECONDS = 600
CHANNELS = "channels"


def run(folder: Path, share: int = 1) -> bool:
    """Measure and print the bytes per call; whether all calls stood."""
    conf, good = folder / "etc/asterisk.conf", True
    stood, sizes = 0, []
    running: list[Sipp] = []
    with servers.asterism(folder) as process, tempfile.TemporaryDirectory() as name:
        servers.wait_ready(process)
        print(f"\nIdle relayed calls: {resident_mib(process.pid):.1f} MiB at start")
        try:
            running.append(Sipp(["-sn", "uas", "-p", str(CALLEE_PORT)], Path(name), "callee"))
            time.sleep(0.5)
            for number, calls in enumerate(max(step // share, 1) for step in STEPS):
                more = str(calls - stood)
                words = ["-sn", "uac", "-s", "callee", "-p", str(CALLEE_PORT + 1 + number), "-r", str(RATE)]
                words += ["-d", str(HOLD_SECONDS * 1000), "-m", more, "-l", more, f"{SERVER[0]}:{SERVER[1]}"]
                running.append(Sipp(words, Path(name), f"caller{number}"))
                time.sleep((calls - stood) / RATE + SETTLE_SECONDS)
                stood = counts(conf).get(CHANNELS, 0) // 2
                good = verdict(stood == calls, f"{stood} calls stand", str(calls)) and good
                sizes.append((stood, resident_mib(process.pid)))
                print(f"  {sizes[-1][1]:.1f} MiB")
        except subprocess.CalledProcessError as error:
            return verdict(False, f"the console failed: {error}", "counts")
        finally:
            for each in running:
                each.end()
    (few, small), (many, large) = sizes
    if many <= few:
        return False
    print(f"  {(large - small) * 1024 * 1024 / (many - few):.0f} bytes per idle call, both legs")
    return good
