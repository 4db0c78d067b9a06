"""The fuzzer that needs nothing else: seeds, random mutations of them, a watchdog, a bound on memory.

An input that reaches lines no other has reached is not told from others; what makes up for that is mutations that know
the grammar (:mod:`mutation`) and seeds that reach much by themselves.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

HANG = 5.0
"""Seconds after which an input counts as one that hangs. A machine at work takes a while for honest ones."""
GROWTH = 400
"""Megabytes that a process may grow by."""


class HangError(KeyboardInterrupt):
    """An input takes too long. No ordinary exception: event loops let only this kind through."""


@dataclass(slots=True)
class Result:
    """What became of one target."""

    target: str
    seed: int
    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    rss_start: float = 0.0
    rss_end: float = 0.0
    findings: int = 0

    def line(self) -> str:
        """For people."""
        return (
            f"{self.target}: {'ok' if not self.findings else f'{self.findings} BROKEN'}, {self.inputs} inputs in "
            f"{self.seconds:.0f} s, slowest {self.slowest:.2f} s, RSS {self.rss_start:.0f} to {self.rss_end:.0f} MB, "
            f"seed {self.seed}"
        )


def rss() -> float:
    """Megabytes of memory in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def _hangs(number: int, frame: FrameType | None) -> None:
    raise HangError(f"no end after {HANG} s")


def drive(name: str, seconds: float, seed: int, work: Path) -> Result:
    """Run one target for a time; findings become files in ``work``, at most 20 of them, each place once.

    Args:
        name: The target.
        seconds: For how long.
        seed: Of the mutations.
        work: The folder for what is found.
    """
    import fuzz_targets
    from seeds import seeds
    from whole_server import Worlds

    chance = random.Random(f"{seed} {name}")
    worlds = Worlds()
    pool = seeds(name)
    first = list(pool)
    result = Result(name, seed)
    places: set[str] = set()
    before = signal.signal(signal.SIGALRM, _hangs)
    # The second watchdog is for what holds the interpreter: it ends the process, and the input is in the file.
    current = open(work / f"{name}-current", "w+b", buffering=0)  # noqa: SIM115 (closed below)
    began, armed = time.monotonic(), -1.0
    while time.monotonic() - began < seconds and result.findings < 20:
        data = _input(name, result.inputs, first, pool, chance)
        started = time.monotonic()
        current.seek(0)
        current.truncate()
        current.write(data)
        if started > armed + 1:
            armed = started
            faulthandler.dump_traceback_later(HANG * 6, exit=True, file=sys.__stderr__)
        signal.setitimer(signal.ITIMER_REAL, HANG)
        try:
            fuzz_targets.run(name, data, worlds)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if type(error) is KeyboardInterrupt:
                raise
            _report(name, data, error, result, places, work)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        result.slowest = max(result.slowest, time.monotonic() - started)
        result.inputs += 1
        if chance.random() < 0.02 and len(data) < 6000:
            pool.append(data)
            del pool[len(first) : -400]
        if result.inputs == 100 or not result.rss_start:
            result.rss_start = rss()
        if result.inputs % 50 == 0 and rss() > result.rss_start + GROWTH:
            result.findings += 1
            print(f"{name}: memory grew to {rss():.0f} MB", flush=True)
            break
    result.seconds, result.rss_end = time.monotonic() - began, rss()
    faulthandler.cancel_dump_traceback_later()
    signal.signal(signal.SIGALRM, before)
    current.close()
    worlds.drop()
    (work / f"{name}-current").unlink(missing_ok=True)
    return result


def _input(name: str, number: int, first: list[bytes], pool: list[bytes], chance: random.Random) -> bytes:
    """The seeds themselves, then mutations."""
    import fuzz_targets

    if number < len(first):
        return first[number]
    data = chance.choice(first if chance.random() < 0.7 else pool)
    return fuzz_targets.changed(name, data, chance, pool)[:8192]


def _report(name: str, data: bytes, error: BaseException, result: Result, places: set[str], work: Path) -> None:
    text = "".join(traceback.format_exception(error))
    frames = traceback.extract_tb(error.__traceback__)
    last = [line for line in text.splitlines() if line.startswith("  File ")]
    place = f"{type(error).__name__} {last[-1] if last else frames[-1]}"
    if place in places:
        return
    places.add(place)
    result.findings += 1
    path = work / f"{name}-found-{hashlib.sha1(data).hexdigest()[:12]}"
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(text, "utf-8", "backslashreplace")
    print(f"{name}: {path}\n{text[-1500:]}", file=sys.stderr, flush=True)


def main(name: str, seconds: float, seed: int, work: Path) -> None:
    """In a process of its own: run, and leave the result as a file."""
    result = drive(name, seconds, seed, work)
    (work / f"{name}-result.json").write_text(json.dumps(asdict(result)))
    print(result.line(), flush=True)
    sys.exit(1 if result.findings else 0)
