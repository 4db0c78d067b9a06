"""The programs that the end-to-end tests drive: the server as a process, baresip phones, SIPp scenarios."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import wave
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import soxr
from server_process import ServerProcess

from asterism.testing import level, make_tone, until

SCENARIOS = Path(__file__).parent / "scenarios"
LIMIT = 20.0
"""Seconds that any step of a foreign program may take."""


def own_host() -> str:
    """A loopback address that no other test uses, so that every port of it is free."""
    return f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"


def require(program: str) -> str:
    """The path of a program; its absence fails the test, since `tests/install-peers` installs it."""
    found = shutil.which(program)
    assert found, f"{program} is not installed: run tests/install-peers"
    return found


def write_wav(path: Path, *frequencies: float, seconds: float = 30.0, rate: int = 8000, channels: int = 1) -> None:
    """Tones as a WAV file, the same in each channel."""
    # A second of them, whatever the rate: they are made for 8 kHz.
    tone = array("h", make_tone(*(one * 8000 / rate for one in frequencies), seconds=rate / 8000))
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(array("h", [one for one in tone for _ in range(channels)]).tobytes() * int(seconds))


def heard_in(path: Path) -> bytes:
    """Linear samples of 8 kHz of a WAV file, the first channel; it may still be written."""
    data = path.read_bytes() if path.exists() else b""
    start = data.find(b"data") + 8  # the header's length fields are filled in only when the file is closed
    if start < 44:
        return b""
    channels, rate = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
    samples = np.frombuffer(data[start : start + (len(data) - start) // 4 * 4], "<i2")[::channels]
    return soxr.resample(samples, rate, 8000).tobytes() if len(samples) else b""


def seconds_of(path: Path, frequency: float) -> float:
    """How many seconds of a recording are a tone and next to nothing else, wherever they are.

    In pieces of a twentieth of a second: programs on a busy machine stretch their audio, or leave out parts of it.
    """
    size = 400
    samples = np.frombuffer(heard_in(path), "<i2").astype(np.float64)
    pieces = samples[: len(samples) // size * size].reshape(-1, size)
    found = 2 / size * abs(pieces @ np.exp(-2j * np.pi * frequency / 8000 * np.arange(size))) ** 2
    return float(np.count_nonzero(found > 0.8 * (pieces**2).sum(axis=1)) * size / 8000)


def share_of(path: Path, frequency: float) -> float:
    """The most that a loud second of a recording is at ``frequency``, 0 to 1; the recording may still go on."""
    if not path.exists():
        return 0.0
    data = path.read_bytes()
    start = data.find(b"data") + 8  # the header's length fields are filled in only when the file is closed
    if start < 44:
        return 0.0
    samples = array("h", data[start : start + (len(data) - start) // 2 * 2])
    samples = samples[:: int.from_bytes(data[22:24], "little")]
    rate = int.from_bytes(data[24:28], "little")
    seconds = [samples[at : at + rate] for at in range(0, len(samples) - rate + 1, max(1, rate // 4))]
    power = [sum(value * value for value in one) for one in seconds]
    loud = [one for one, sums in zip(seconds, power, strict=True) if sums * 4 > max(power) > 0]
    return max((level(one.tobytes(), frequency * 8000 / rate) for one in loud), default=0.0)


@asynccontextmanager
async def server_process(
    root: Path,
    host: str,
    extensions: str,
    pjsip: str = "",
    options: str | Mapping[str, str] = "",
    files: Mapping[str, str] | None = None,
) -> AsyncIterator[ServerProcess]:
    """``asterism -f`` on an address of its own, with two phones' accounts; ``options`` are lines of both endpoints.

    Where they differ, those of each are told by its name.

    ``files`` are further files, without ``.conf``.
    """
    sections = [f"[udp]\ntype=transport\nprotocol=udp\nbind={host}:5060\n", pjsip]
    for user in ("101", "102"):
        lines = options if isinstance(options, str) else options.get(user, "")
        sections += [
            f"[{user}]\ntype=endpoint\ncontext=phones\nallow=!all,ulaw,alaw\nauth={user}\naors={user}\n{lines}",
            f'callerid="Phone {user}" <{user}>\n',
            f"[{user}]\ntype=auth\nusername={user}\npassword=secret{user}\n",
            f"[{user}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n",
        ]
    server = ServerProcess(
        root,
        pjsip="".join(sections),
        extensions=extensions,
        logger="[logfiles]\nconsole => warning,error\n",
        **(files or {}),
    )
    try:
        await asyncio.to_thread(server.start)
        yield server
        await until(
            lambda: server.rx("core show channels count").stdout.startswith("0 active channels"),
            LIMIT,
            lambda: server.rx("core show channels").stdout,
        )
        assert await asyncio.to_thread(server.stop) == 0
        output = server.output()
        assert "ERROR" not in output, output
    finally:
        server.__exit__(None, None, None)


CODECS = {
    "g711": ("pcmu,pcma", 8000, 1),
    "g722": ("g722", 16000, 1),
    "opus": ("opus/48000/2", 48000, 2),
    "gsm": ("gsm", 8000, 1),
    "g726": ("g726-32", 8000, 1),
}
"""A phone's only codecs by the module that has them, and the rate and channels of the sounds that it plays."""


VIDEO = """module vp8.so
module fakevideo.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size {size}
video_fps 15
video_bitrate 200000
"""
"""Lines of a phone that sends a test picture."""


class Baresip:
    """A baresip phone: plays a WAV file into its calls, records what it hears, obeys its control socket."""

    def __init__(
        self,
        folder: Path,
        user: str,
        server: str,
        frequency: float,
        *,
        auto_answer: bool = False,
        codec: str = "g711",
        password: str = "",
        video: str = "",
        encryption: str = "",
    ) -> None:
        """``codec`` is one of :data:`CODECS`; the password is ``secret`` and the user unless told.

        ``encryption`` is ``srtp`` (SDES if the other end has it), ``srtp-mand`` (only so) or ``dtls_srtp``.

        ``video`` is the size of the pictures of VP8 that it sends, such as ``320x240``; empty: it has no video.
        """
        self.folder, self.user, self.server = folder, user, server
        self.host = own_host()
        self.events: list[dict[str, Any]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "baresip.log"
        folder.mkdir(parents=True)
        self._codec = codec
        names, rate, channels = CODECS[codec]
        write_wav(folder / "said.wav", frequency, rate=rate, channels=channels)
        (folder / "config").write_text(
            f"sip_listen {self.host}:5060\n"
            "module_path /usr/lib/baresip/modules\n"
            f"module {codec}.so\n"
            "module aufile.so\n"
            "module aubridge.so\n"
            "module sndfile.so\n"
            f"snd_path {folder}\n"
            f"audio_source aufile,{folder}/said.wav\n"
            "audio_player aubridge,nowhere\n"
            "audio_alert aubridge,alert\n"
            f"audio_srate {rate}-{rate}\n"
            f"audio_channels {channels}-{channels}\n"
            "rtp_stats no\n"
            + ("module srtp.so\nmodule dtls_srtp.so\n" if encryption else "")
            + "module_tmp account.so\n"
            "module_app menu.so\n"
            "module_app ctrl_tcp.so\n"
            f"ctrl_tcp_listen {self.host}:4444\n" + (VIDEO.format(size=video) if video else "")
        )
        answer = "auto" if auto_answer else "manual"
        secret = password or f"secret{user}"
        (folder / "accounts").write_text(
            f"<sip:{user}@{server}>;auth_user={user};auth_pass={secret};regint=60;answermode={answer}"
            f";audio_codecs={names}{';video_codecs=vp8' if video else ''}"
            f"{f';mediaenc={encryption}' if encryption else ''}\n"
        )

    async def __aenter__(self) -> Self:
        self._process = self._start()
        end = asyncio.get_running_loop().time() + LIMIT
        while True:
            try:
                reader, self._writer = await self._connect()
                break
            except OSError:
                assert asyncio.get_running_loop().time() < end, self.story()
                await asyncio.sleep(0.02)
        self._reading = asyncio.create_task(self._read(reader))
        return self

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, 4444)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [require("baresip"), "-4", "-f", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    async def __aexit__(self, *exc_info: object) -> None:
        self._reading.cancel()
        self._writer.close()
        process = self._process
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, 5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            length = await reader.readuntil(b":")
            data = await reader.readexactly(int(length[:-1]))
            await reader.readexactly(1)
            self.events.append(json.loads(data))

    def command(self, name: str, params: str = "") -> None:
        """Run a command of baresip's menu."""
        data = json.dumps({"command": name, "params": params, "token": "test"}).encode()
        self._writer.write(b"%d:%s," % (len(data), data))

    async def registered(self) -> None:
        """Wait until it says so; its first registration may be over before anybody listens for events."""
        await until(lambda: "200 OK" in self._log.read_text(errors="replace"), LIMIT, self.story)

    async def event(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait for the ``count``-th event of a kind."""
        await until(lambda: len(self._of(kind)) >= count, LIMIT, lambda: f"no {kind}; {self.story()}")
        return self._of(kind)[count - 1]

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one.get("type") == kind]

    def log(self) -> str:
        """What it printed."""
        return self._log.read_text(errors="replace")

    def story(self) -> str:
        """What it told, for an error's text."""
        kinds = [one.get("type") or one.get("data") for one in self.events]
        return f"{self.user} told {kinds}\n{self.log()[:1500]}\n...\n{self.log()[-1500:]}"

    async def hears(self, frequency: float) -> None:
        """Wait until its recording holds a second that is mostly this tone."""
        await until(
            lambda: self._share(frequency) > 0.8,
            LIMIT,
            lambda: f"{frequency} Hz: {self._share(frequency):.2f}; {self.story()}",
        )

    async def hears_in_call(self, frequency: float) -> None:
        """Wait until half a second of its latest call is this tone, in pieces perhaps."""
        await until(
            lambda: seconds_of(self._recording(), frequency) >= 0.5,
            LIMIT,
            lambda: f"{frequency} Hz: {seconds_of(self._recording(), frequency):.2f} s; {self.story()}",
        )

    def presses_inband(self, *frequencies: float) -> None:
        """A key as the two tones that it is, for half a second, and silence."""
        _, rate, channels = CODECS[self._codec]
        path = self.folder / "key.wav"
        write_wav(path, *frequencies, seconds=1, rate=rate, channels=channels)
        with wave.open(str(path), "rb") as file:
            tone = file.readframes(rate // 2)
        with wave.open(str(path), "wb") as file:
            file.setparams((channels, 2, rate, 0, "NONE", ""))
            file.writeframes(tone + bytes(20 * len(tone)))
        self.command("ausrc", f"aufile,{path}")

    def heard(self) -> bytes:
        """What it has heard so far, as linear samples of 8 kHz."""
        return heard_in(self._recording())

    def _recording(self) -> Path:
        return max(self.folder.glob("dump-*-dec.wav"), default=self.folder / "nothing")

    def _share(self, frequency: float) -> float:
        return max((share_of(path, frequency) for path in self.folder.glob("dump-*-dec.wav")), default=0.0)


async def sipp(scenario: str, remote: str, host: str, *arguments: str, folder: Path) -> None:
    """Run a scenario to its end.

    Raises:
        AssertionError: it failed; what SIPp logged is in the text.
    """
    process = await start_sipp(scenario, remote, host, *arguments, folder=folder)
    await finish_sipp(process, folder, scenario)


async def start_sipp(
    scenario: str, remote: str, host: str, *arguments: str, folder: Path
) -> asyncio.subprocess.Process:
    """Start a scenario; a called side listens once its socket is there.

    The credentials name the URI that is asked: without ``-auth_uri`` SIPp leaves the number out, and is refused.
    """
    if "number" in arguments:
        number = arguments[arguments.index("number") + 1]
        arguments = (*arguments, "-auth_uri", f"{number}@{remote}")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    command = [
        require("sipp"), "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", host, "-mi", host, "-nostdin",
        "-timeout", "20s", "-timeout_error", "-trace_err", "-error_file", str(folder / "errors.log"),
        "-recv_timeout", "10000", *arguments, remote,
    ]  # fmt: skip
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def finish_sipp(process: asyncio.subprocess.Process, folder: Path, scenario: str) -> None:
    """Wait until a scenario has ended well."""
    try:
        status = await asyncio.wait_for(process.wait(), 40)
    except TimeoutError:
        process.kill()
        raise
    log = folder / "errors.log"
    assert status == 0, (
        f"{scenario} ended with {status}: {log.read_text(errors='replace')[:3000] if log.exists() else ''}"
    )
