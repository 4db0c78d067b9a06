"""The browser phone's page in Chromium, used as people use it: with keys and clicks, and looked at by its texts.

Its microphone is a file with a tone, its camera Chromium's test picture. What is heard is measured in the page.
"""

from __future__ import annotations

import asyncio
import base64
import json
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from browser_driver import Browser, Page, chromium, until_told

from asterism.server.server import Server
from asterism.testing import running_server
from asterism.testing.tone import make_tone

if TYPE_CHECKING:
    from network import Host

KEY_CODES = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32}
# The connections of the page's calls, in their order, for the tests to look at.
WATCH = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...all) { super(...all); window.connections.push(this); }
};
"""
# Where each frequency stands out in what a line plays: its power against that of everything.
HEARD = """
(async () => {
  const stream = document.querySelector('#line-%d audio').srcObject;
  if (!stream.getAudioTracks().length) return {};
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const rate = context.sampleRate;
  await context.close();
  const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length;
  const found = {};
  for (const frequency of %s) {
    let real = 0, imaginary = 0;
    samples.forEach((one, index) => {
      const angle = 2 * Math.PI * frequency * index / rate;
      real += one * Math.cos(angle); imaginary += one * Math.sin(angle);
    });
    found[frequency] = power > 1e-7 ? 2 * (real * real + imaginary * imaginary) / samples.length ** 2 / power : 0;
  }
  return found;
})()
"""


def heard(*frequencies: float) -> Callable[[object], bool]:
    """Whether what ``HEARD`` found is exactly these."""

    def judge(found: object) -> bool:
        assert isinstance(found, dict)
        return sorted(float(one) for one, level in found.items() if level > 0.1) == sorted(frequencies)

    return judge


def tone_file(path: Path, frequency: float) -> Path:
    """A WAV file that Chromium plays as its microphone, over and over."""
    # Whole periods, so that nothing clicks where it begins anew.
    samples = make_tone(frequency, seconds=1.0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples)
    return path


@asynccontextmanager
async def media_chromium(
    folder: Path, frequency: float = 660, *more: str, asks: bool = False, host: Host | None = None
) -> AsyncIterator[Browser]:
    """A Chromium whose microphone is a tone and whose camera is a test picture; unless it ``asks``, pages get both.

    ``more`` are further flags; ``host``: see :func:`~browser_driver.chromium`.
    """
    file = tone_file(folder / f"{frequency}.wav", frequency)
    flags = [
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={file}",
        "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required", *more,
    ]  # fmt: skip
    if not asks:
        flags.append("--use-fake-ui-for-media-stream")
    async with chromium(*flags, host=host) as browser:
        yield browser


class PhonePage:
    """The page of the browser phone in one tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def open(cls, browser: Browser, url: str) -> Self:
        """Open it and wait until it can be used."""
        page = await browser.open("about:blank", "true")
        await page.call("Page.enable", {})
        await page.call("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        await page.call("Page.navigate", {"url": url})
        phone = cls(page)
        await phone.until("document.documentElement.dataset.ready")
        return phone

    async def run(self, script: str) -> object:
        return await self.page.run(script)

    async def reload(self) -> None:
        """Load the page again, and wait until the new one, not the one before, can be used."""
        await self.run("window.before = true; location.reload()")
        await self.until("!window.before && document.documentElement.dataset.ready")

    async def until(self, condition: str, what: str = "") -> None:
        """Wait until an expression is true."""
        script = f"[Boolean({condition}), document.body.innerText]"
        await until_told(lambda: self.run(script), lambda told: told[0], what or condition)  # type: ignore[index]

    # -- input ----------------------------------------------------------------------------------------

    async def key(self, key: str, modifiers: int = 0) -> None:
        """Press and let go a key of the keyboard, wherever the focus is."""
        code = KEY_CODES.get(key, ord(key[0]) if len(key) == 1 else 0)
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        await self.page.call("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **event})
        await self.page.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    async def type(self, text: str) -> None:
        for character in text:
            await self.key(character)

    async def click(self, selector: str) -> None:
        """Click in the middle of what a selector finds."""
        await self.until(f"document.querySelector({json.dumps(selector)})?.checkVisibility()", f"{selector} to click")
        place = await self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            " one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        assert isinstance(place, dict)
        await self._press(place["x"], place["y"])

    async def _press(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            await self.page.call("Input.dispatchMouseEvent", event)

    async def do(self, line: int, what: str) -> None:
        """Click a button of a line."""
        await self.click(f"#line-{line} [data-do={what}]")

    # -- the phone --------------------------------------------------------------------------------------

    async def sign_in(self, user: str, password: str, registered: bool = True) -> None:
        await self.run("document.getElementById('user').select()")
        await self.click("#user")
        await self.run("document.getElementById('user').select()")
        await self.type(user)
        await self.key("Tab")
        await self.type(password)
        await self.key("Enter")
        if registered:
            await self.until("document.getElementById('account').dataset.state === 'registered'", f"{user} registered")

    async def dial(self, number: str) -> None:
        await self.click("#number")
        await self.type(number)
        await self.key("Enter")

    async def state(self, line: int, state: str) -> None:
        """Wait until a line is in this state."""
        await self.until(f"document.querySelector('#line-{line}').dataset.state === '{state}'", f"line {line} {state}")

    async def line(self, state: str) -> int:
        """Wait until a line is in this state, and say which."""
        script = f"document.querySelector('[id^=line-][data-state={state}]')?.id.slice(5)"
        return int(str(await until_told(lambda: self.run(script), what=f"a line {state}")))

    async def text(self, selector: str) -> str:
        return str(await self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def problem(self) -> str:
        """Wait for a message of what went wrong."""
        await self.until("!document.getElementById('problem').hidden", "a problem")
        return await self.text("#problem-text")

    async def hears(self, line: int, *frequencies: float, among: tuple[float, ...] = (440, 660, 880, 1000)) -> None:
        """Wait until exactly these of ``among`` are heard on a line."""
        script = HEARD % (line, json.dumps(list(among)))
        await until_told(lambda: self.run(script), heard(*frequencies), f"{frequencies} Hz on line {line}")

    async def screenshot(self, path: Path, width: int, height: int, dark: bool = False, scale: float = 1) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        await self.page.call("Emulation.setDeviceMetricsOverride", metrics)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.page.call("Emulation.setEmulatedMedia", {"features": theme})
        answer = await self.page.call("Page.captureScreenshot", {"format": "png"})
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))


HTTP = "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=0\n"
_PJSIP = """
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[phone](!)
type=endpoint
context=default
disallow=all
allow=ulaw
direct_media=no
[browser](!,phone)
webrtc=yes
allow=!all,opus,ulaw,vp8
[auth](!)
type=auth
[aor](!)
type=aor
max_contacts=3
"""
_ACCOUNT = "[{0}]({1})\nauth={0}\naors={0}\n[{0}](auth)\nusername={0}\npassword=secret\n[{0}](aor)\n"
_EXTENSIONS = """
[default]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
 same => n,Hangup(${HANGUPCAUSE})
exten => 600,1,Answer()
 same => n,Echo()
exten => 602,1,Answer()
 same => n,PlayTones(440)
 same => n,Wait(60)
; Keeps the digits that it got, and says that it has them.
exten => 610,1,Answer()
 same => n,Read(DIGITS,,4,,,20)
 same => n,Set(GLOBAL(SAID)=${DIGITS})
 same => n,PlayTones(880)
 same => n,Wait(60)
"""


@asynccontextmanager
async def browser_server(folder: Path, more: str = "", **conf: str) -> AsyncIterator[Server]:
    """A server with phones 101 to 103 and accounts 104 to 106 for browsers.

    ``more`` stands at the end of its pjsip.conf; ``conf`` are further files, or others.
    """
    accounts = [_ACCOUNT.format(number, "phone" if number < 104 else "browser") for number in range(101, 107)]
    files = {
        "http.conf": HTTP,
        "browser_phone.conf": "[general]\nenabled=yes\n",
        "pjsip.conf": _PJSIP + "".join(accounts) + more,
        "extensions.conf": _EXTENSIONS,
        # The browser is on this machine.
        "rtp.conf": "[general]\nice_loopback=yes\n",
        **{f"{name}.conf": text for name, text in conf.items()},
    }
    async with running_server(files, folder / "etc") as server:
        yield server


def page_url(server: Server) -> str:
    """Where a server of :func:`browser_server` has the page."""
    http = server.modules.find("http")
    assert http is not None
    host, port = http.instance.address  # type: ignore[attr-defined]
    return f"http://{host}:{port}/phone/"
