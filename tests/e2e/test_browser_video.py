"""Video of browsers, by frames decoded: each codec, lost packets, conferences with one and with many streams."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from browser_driver import until_told
from browser_phone_kit import PhonePage, browser_server, media_chromium, page_url
from peers import LIMIT, Baresip, own_host

from asterism.applications.session.picture_updates import CONTENT_TYPE
from asterism.media.transports.outlet import Outlet
from asterism.pbx.calls.conference.conference import Conference
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, until

pytestmark = pytest.mark.e2e

USERS = ("104", "105", "106")
STREAMS = """
(async () => {
  const found = [];
  for (const one of (await window.connections.at(-1).getStats()).values())
    if (one.type === 'inbound-rtp' && one.kind === 'video')
      found.push([one.framesDecoded ?? 0, one.nackCount ?? 0, one.packetsLost ?? 0]);
  return found;
})()
"""
OPEN = """
window.connections.at(-1).getTransceivers().filter((one) =>
  one.receiver.track.kind === 'video' && ['sendrecv', 'recvonly'].includes(one.currentDirection)).length
"""
KEY_FRAMES = """
(async () => {
  let found = 0;
  for (const one of (await window.connections.at(-1).getStats()).values())
    if (one.type === 'outbound-rtp' && one.kind === 'video') found += one.keyFramesEncoded;
  return found;
})()
"""
WISH = b"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>"
CONFERENCE = "[default]\nexten => 700,1,Answer()\n same => n,ConfBridge(room,{mode})\n"


class Viewer(PhonePage):
    """A page with a call with video."""

    async def streams(self) -> list[tuple[int, int, int]]:
        """Of each stream that comes: frames decoded, requests for lost packets, packets that never came."""
        return [tuple(one) for one in await self.run(STREAMS)]  # type: ignore[attr-defined]

    async def sees(self, count: int = 1, frames: int = 20) -> None:
        """Wait until so many streams have so many more frames decoded each."""

        async def decoded() -> list[int]:
            return sorted((one[0] for one in await self.streams()), reverse=True)[:count]

        first = await until_told(decoded, lambda now: len(now) == count and min(now), f"{count} streams")
        await until_told(
            decoded,
            lambda now: all(one >= other + frames for one, other in zip(now, first, strict=False)),
            f"{frames} more frames than {first}",
        )

    async def call(self, number: str) -> None:
        await self.page.call("Page.bringToFront", {})
        if not await self.run("document.getElementById('with-camera').checked"):
            await self.click("#with-camera")
        await self.dial(number)

    async def take(self) -> None:
        """Answer with the camera."""
        await self.state(1, "incoming")
        await self.page.call("Page.bringToFront", {})
        await self.do(1, "answer")
        await self.state(1, "talking")
        if await self.run("document.querySelector('#line-1 [data-do=camera]').getAttribute('aria-pressed')") != "true":
            await self.do(1, "camera")


@asynccontextmanager
async def viewers(folder: Path, *users: str, more: str = "", **conf: str) -> AsyncIterator[tuple[Server, list[Viewer]]]:
    async with browser_server(folder, more, **conf) as server:
        async with media_chromium(folder) as browser:
            found = []
            for user in users:
                page = await Viewer.open(browser, page_url(server))
                await page.sign_in(user, "secret")
                found.append(page)
            yield server, found
            for page in found:
                if await page.run("document.querySelector('#line-1').dataset.state") == "talking":
                    await page.do(1, "hangUp")
                    await page.until("document.querySelector('#line-1').dataset.state !== 'talking'")
        await assert_idle(server)


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264", "av1"])
async def test_two_browsers_see_each_other(codec: str, tmp_path: Path) -> None:
    more = "".join(f"[{user}](+)\nallow=!all,opus,{codec}\n" for user in USERS)
    async with viewers(tmp_path, "104", "105", more=more) as (_server, (one, two)):
        await one.call("105")
        await two.take()
        await asyncio.gather(one.sees(), two.sees())


async def test_lost_packets_are_asked_for_and_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, emit, lost = random.Random(7), Outlet.emit, []

    def lossy(self: Outlet, data: bytes, *more: object) -> None:
        if len(data) > 400 and chance.random() < 0.03:
            lost.append(len(data))
        else:
            emit(self, data, *more)  # type: ignore[arg-type]

    async with viewers(tmp_path, "104", "105") as (server, (one, two)):
        await one.call("105")
        await two.take()
        await one.sees()
        monkeypatch.setattr(Outlet, "emit", lossy)
        for each in (one, two):
            await each.sees(frames=60)
        transports = list(server.media.transports)
        histories = [one.socket_of(each).history for one in transports for each in one.sessions]
        assert [history is None for history in histories] == [True, False] * 2  # of video alone
        monkeypatch.undo()
        found = [*await one.streams(), *await two.streams()]
        assert all(asked for _, asked, _ in found)
        assert sum(missed for _, _, missed in found) < len(lost) / 3


def conference(mode: str, most: int = 3) -> dict[str, str]:
    profiles = f"[{mode}]\ntype=bridge\nvideo_mode={mode}\n"
    more = "".join(f"[{user}](+)\nmax_video_streams={most}\n" for user in USERS)
    return {"more": more, "extensions": CONFERENCE.format(mode=mode), "confbridge": profiles}


def _is_shown(room: Conference, uniqueid: str) -> bool:
    return room.bridge.video_source == uniqueid


async def test_who_talks_is_seen_by_the_others(tmp_path: Path) -> None:
    async with viewers(tmp_path, *USERS, **conference("follow_talker", 1)) as (server, pages):
        for page in pages:
            await page.call("700")
            await page.state(1, "talking")
        room = server.pbx.conferences.get("room")
        assert room is not None
        for talker in (1, 2):
            for number, page in enumerate(pages):
                muted = await page.run("document.querySelector('#line-1 [data-do=mute]').getAttribute('aria-pressed')")
                if (muted == "true") is (number == talker):
                    await page.page.call("Page.bringToFront", {})
                    await page.do(1, "mute")
            shown = next(one for one in room.users if one.name.startswith(f"PJSIP/{USERS[talker]}-"))
            await until(partial(_is_shown, room, shown.uniqueid), LIMIT, f"{talker} is shown")
            for page in pages:
                await page.sees()


async def test_each_sees_all_others_who_come_and_go(tmp_path: Path) -> None:
    async with viewers(tmp_path, *USERS, **conference("sfu")) as (_server, pages):
        for page in pages:
            await page.call("700")
            await page.state(1, "talking")
        for page in pages:
            await page.sees(2)
        await pages[1].do(1, "hangUp")
        for page in (pages[0], pages[2]):
            await page.sees(1)
            await page.until(f"{OPEN} === 1", "the other stream's end")
        await pages[1].until("document.querySelector('#line-1').dataset.state === 'free'", "a free line")
        await pages[1].call("700")
        for page in pages:
            await page.sees(2)


async def test_a_phone_and_a_browser_ask_each_other_for_whole_pictures(tmp_path: Path) -> None:
    more = "[101](+)\nallow=vp8\n"
    async with viewers(tmp_path, "104", more=more) as (server, (page,)), Phone("101", server, "secret") as phone:
        phone.video = ["VP8"]
        await phone.register()
        await page.call("101")
        call = await phone.incoming()
        call.answer()
        await call.answered()
        video = call.video
        await until(lambda: len(video.seen) > 20, LIMIT, "video of the browser")
        # What this phone shows is no picture: the browser goes on asking, by what the phone may know.
        video.show("phone")
        await until(lambda: video.requests, LIMIT, "a PLI")
        await until(lambda: any(one.method == "INFO" for one in call.requests), LIMIT, "an INFO")
        for ask in ("INFO", "PLI"):
            before = int(str(await page.run(KEY_FRAMES)))
            turns = count()

            async def made(ask: str = ask, turns: Iterator[int] = turns) -> int:
                if next(turns) % 30 == 0:  # the browser makes a few in a second at most
                    if ask == "INFO":
                        assert (await call.send("INFO", WISH, CONTENT_TYPE)).status == 200
                    else:
                        video.ask_whole()
                return int(str(await page.run(KEY_FRAMES)))

            await until_told(made, lambda now, before=before: now > before, f"a whole picture after {ask}")  # type: ignore[misc]
        await call.hangup()


def _decodes(phone: Baresip, begun: int) -> bool:
    """Whether it has decoded a picture since it had logged so much; a busy browser sends smaller ones."""
    return re.search(r"receiving with resolution \d+ x \d+ ", phone.log()[begun:]) is not None


async def test_a_browser_and_baresip_see_and_hear_each_other(tmp_path: Path) -> None:
    """C6, both ways of calling."""
    host = own_host()
    more = (
        f"[transport-two]\ntype=transport\nprotocol=udp\nbind={host}:5060\n"
        "[201](phone)\nallow=!all,ulaw,vp8\nauth=201\naors=201\n[201](auth)\nusername=201\npassword=secret201\n"
        "[201](aor)\n"
    )
    extensions = "[default]\nexten => _X0X,1,Dial(PJSIP/${EXTEN},20)\n"
    async with (
        viewers(tmp_path, "104", more=more, extensions=extensions) as (_server, (page,)),
        Baresip(tmp_path / "baresip", "201", host, 440, video="320x240") as phone,
    ):
        await phone.registered()
        phone.command("dial", f"sip:104@{host}")
        await page.take()
        await phone.event("CALL_ESTABLISHED")
        begun = 0
        for turn in (1, 2):
            line = await page.line("talking")
            await page.sees()
            await page.hears(line, 440)
            await until(partial(_decodes, phone, begun), LIMIT, phone.story)
            await phone.hears_in_call(660)
            await page.do(line, "hangUp")
            await phone.event("CALL_CLOSED", turn)
            begun = len(phone.log())
            if turn == 1:
                await page.call("201")
                await phone.event("CALL_INCOMING")
                phone.command("accept")
