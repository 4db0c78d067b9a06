"""Loads driven by SIPp at a fixed rate, and what the server spends on them.

CPU per operation is far steadier than a maximum rate on a shared machine, and servers measured one after
the other in one session can be compared. A measurement counts only if nothing failed or was sent twice.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
import time
from pathlib import Path

from asterism.media.soundfiles.search import SHIPPED
from asterism.testing.tone import ulaw_tone
from bench.configuration import ACCOUNTS, CALLEE_PORT, CONVERTED, SERVER
from bench.measurement import Measurement
from bench.process import cpu_seconds, datagrams_sent
from bench.secured import SECURED
from bench.secured import measure as measure_secured

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
CALLS = ("call", "slow-call")
MEDIA = {
    "rtp": 200, "conference": 100, "recorded-calls": 200, "g722-calls": 200, "opus-calls": 200, "srtp": 200,
    "srtp-to-rtp": 200,
}  # fmt: skip
"""Datagrams per call and second: between two parties, and between one and the mix."""
_SERVICES = {
    "rtp": "callee", "conference": "conference", "recorded-calls": "recorded", "g722-calls": "g722",
    "opus-calls": "opus",
}  # fmt: skip
RTP_SECONDS = 6.0  # steady media that is measured
RTP_RAMP = 50  # calls started per second
RTP_CALL_SECONDS = 12  # media in call_rtp.xml


class Sipp:
    """One SIPp process with its statistics file."""

    def __init__(self, arguments: list[str], folder: Path, name: str) -> None:
        self._statistics = folder / f"{name}.csv"
        common = ["-i", "127.0.0.1", "-nostdin", "-trace_stat", "-stf", str(self._statistics), "-fd", "1"]
        self.process = subprocess.Popen(
            ["sipp", *arguments, *common], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def total(self, column: str) -> int:
        """The last value of a statistics column."""
        with self._statistics.open() as handle:
            return int(list(csv.DictReader(handle, delimiter=";"))[-1][column])

    def end(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def _scenario(operation: str, folder: Path) -> list[str]:
    if operation == "options":
        return ["-sf", str(SCENARIOS / "options.xml"), "-s", "ping", "-p", "5095"]
    if operation == "register":
        users = folder / "users.csv"
        rows = [f"u{n};[authentication username=u{n} password=pw{n}]" for n in range(1, ACCOUNTS + 1)]
        users.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
        return ["-sf", str(SCENARIOS / "register.xml"), "-inf", str(users), "-p", "5095"]
    if operation in CALLS:
        return ["-sn", "uac", "-s", "callee", "-p", "5091"]
    return media_scenario(folder, _SERVICES[operation], 5091)


def media_scenario(folder: Path, service: str, port: int) -> list[str]:
    """SIPp's arguments for calls to ``service`` from ``port`` that talk for twelve seconds."""
    tone = b"\xff\x7f"
    if service == "conference":
        tone = b"".join(ulaw_tone(440))
    elif service in CONVERTED:
        tone = speech()  # what a codec costs depends on what is said
    (folder / "tone.ulaw").write_bytes(tone * (240_000 // len(tone)))
    return ["-sf", str(SCENARIOS / "call_rtp.xml"), "-s", service, "-p", str(port)]


def speech() -> bytes:
    """Somebody who speaks, u-law: a sound that is shipped."""
    return (SHIPPED / "en/welcome.ulaw").read_bytes()


def callee(folder: Path, service: str, *, echo: bool = True) -> Sipp:
    """Start the called side: of one codec for the services that are converted, else SIPp's own.

    Args:
        folder: where its files go.
        service: what is called.
        echo: whether it sends back what it hears.
    """
    words = ["-sn", "uas"]
    if service in CONVERTED:
        number, name = CONVERTED[service]
        text = (SCENARIOS / "callee.xml").read_text()
        (folder / "callee.xml").write_text(text.replace("NUMBER", str(number)).replace("MAPPED", name))
        words = ["-sf", str(folder / "callee.xml")]
    return Sipp([*words, "-p", str(CALLEE_PORT), *(["-rtp_echo"] if echo else [])], folder, "callee")


def measure(operation: str, pid: int, rate: int, count: int) -> Measurement:
    """Run ``count`` operations at ``rate`` a second against the server process ``pid``."""
    if operation in SECURED:
        return measure_secured(operation, pid, count)
    called: Sipp | None = None
    client: Sipp | None = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            if operation in CALLS or (operation in MEDIA and operation != "conference"):
                called = callee(folder, _SERVICES.get(operation, "callee"), echo=operation in MEDIA)
                time.sleep(0.5)
            rate = RTP_RAMP if operation in MEDIA else rate
            target = f"{SERVER[0]}:{SERVER[1]}"
            before, started = cpu_seconds(pid), time.monotonic()
            words = [*_scenario(operation, folder), target, "-r", str(rate), "-m", str(count), "-l", "10000"]
            client = Sipp(words, folder, "client")
            result = Measurement(operation, 0.0, 0.0, 0)
            if operation in MEDIA:
                _measure_media(pid, count, result, MEDIA[operation])
            client.process.wait(timeout=count / rate * 4 + 90)
            _judge(operation, pid, client, before, started, rate, count, result)
            if called is not None:
                time.sleep(1.5)
                seen = called.total("SuccessfulCall(C)") + called.total("CurrentCall")
                if seen < count:
                    result.complaints.append(f"the callee saw {seen} of {count} calls")
            return result
        except subprocess.TimeoutExpired:
            return Measurement(operation, 0.0, 0.0, 0, ["the load did not end"])
        finally:
            for process in (client, called):
                if process is not None:
                    process.end()


def _measure_media(pid: int, count: int, result: Measurement, due: int) -> None:
    time.sleep(count / RTP_RAMP + 2)
    before, sent, begun = cpu_seconds(pid), datagrams_sent(), time.monotonic()
    time.sleep(RTP_SECONDS)
    spent, sent, wall = cpu_seconds(pid) - before, datagrams_sent() - sent, time.monotonic() - begun
    # Each packet is two datagrams: phone to server, server to phone.
    result.microseconds = spent / max(sent / 2, 1) * 1e6
    if sent < 0.97 * due * count * wall:
        result.complaints.append(f"only {sent / count / wall:.0f} datagrams per call and second of {due}")


def _judge(
    operation: str, pid: int, client: Sipp, before: float, started: float, rate: int, count: int, result: Measurement
) -> None:
    good, bad = client.total("SuccessfulCall(C)"), client.total("FailedCall(C)")
    wall = time.monotonic() - started
    result.good, result.achieved = good, good / wall
    if operation not in MEDIA:
        result.microseconds = (cpu_seconds(pid) - before) / max(good, 1) * 1e6
        seconds = count / rate
        if good / wall < 0.95 * rate * seconds / (seconds + 0.5):
            result.complaints.append(f"{good / wall:.0f} a second of {rate} offered")
    if bad or good != count:
        result.complaints.append(f"{good} good and {bad} failed of {count}")
    if client.total("Retransmissions(C)"):
        result.complaints.append(f"{client.total('Retransmissions(C)')} retransmissions")
