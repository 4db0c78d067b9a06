"""What was acknowledged is not lost: the server is killed with -9 under a load of REGISTERs and started again."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from server_process import ServerProcess

from asterism.testing import Phone, until

PHONES = 24
LIFETIME = 300
GRANTED = LIFETIME - 1
"""What a 200 shows of it: the registrar counts from the moment before, as recorded."""


def configuration(host: str) -> str:
    sections = [f"[udp]\ntype=transport\nprotocol=udp\nbind={host}:5060\n"]
    for user in users():
        sections += [
            f"[{user}]\ntype=endpoint\nauth={user}\naors={user}\n",
            f"[{user}]\ntype=auth\nusername={user}\npassword={user}\n",
            f"[{user}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n",
        ]
    return "".join(sections)


def users() -> list[str]:
    return [f"phone{number}" for number in range(PHONES)]


class Subscriber:
    """A phone that registers and unregisters without a pause, and remembers what it was promised."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.promised: str | None = None
        """The contact that the last 200 confirmed; ``None`` for none."""
        self.promised_at = 0.0
        self.asked: list[str | None] = []
        """What was asked for and not answered when the server died: it may have been done or not."""
        self.acknowledged = 0

    async def run(self) -> None:
        while True:
            gone = self.acknowledged % 5 == 4
            contact = None if gone else f"sip:{self.phone.user}@127.0.0.1:{self.phone.port};n={self.acknowledged}"
            request = self.phone.create_request("REGISTER", self.phone.uri(), self.phone.uri(self.phone.user))
            request.set_header("Contact", "*" if gone else f"<{contact}>")
            request.add_header("Expires", "0" if gone else str(LIFETIME))
            self.asked = [contact]
            response = await self.phone.request(request, timeout=60)
            assert response.status == 200, self.phone.story()
            self.promised, self.promised_at, self.asked = contact, time.time(), []
            self.acknowledged += 1

    async def check(self) -> None:
        """Ask the server what it knows."""
        request = self.phone.create_request("REGISTER", self.phone.uri(), self.phone.uri(self.phone.user))
        request.remove_header("Contact")
        response = await self.phone.request(request)
        assert response.status == 200, self.phone.story()
        found = [str(contact.uri) for contact in response.contacts]
        allowed = [[] if one is None else [one] for one in (self.promised, *self.asked)]
        assert found in allowed, f"{self.phone.user}: {found}, promised {self.promised}, asked {self.asked}"
        if found == [self.promised]:
            left = int(response.contacts[0].params["expires"] or 0)
            expected = self.promised_at + GRANTED - time.time()
            assert expected - 2 <= left <= expected + 1, f"{left} s left of {expected:.1f}"


@pytest.mark.parametrize("round_", [1, 2, 3])
async def test_kill_9_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, round_: int) -> None:
    host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"
    server = ServerProcess(tmp_path, pjsip=configuration(host), logger="[logfiles]\nfull => error\n")
    moment = random.uniform(0.05, 0.7)
    async with AsyncExitStack() as stack:
        stack.callback(server.__exit__, None, None, None)
        await asyncio.to_thread(server.start)
        subscribers = [Subscriber(await stack.enter_async_context(Phone(user, (host, 5060), user))) for user in users()]
        load = [asyncio.create_task(one.run()) for one in subscribers]
        # Every phone has registered and unregistered at least once before the random moment begins.
        await until(lambda: all(one.acknowledged >= 5 for one in subscribers), 60)
        await asyncio.sleep(moment)
        for task in load:
            assert not task.done(), task.exception()
        assert server.process is not None
        server.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.process.wait)
        await asyncio.sleep(0)  # what was sent before the end is still in the phones' sockets
        await settle(subscribers)
        for task in load:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        server.output()
        gone = sum(one.promised is None for one in subscribers)
        await asyncio.to_thread(server.start)
        for one in subscribers:
            try:
                await one.check()
            except AssertionError as error:
                raise AssertionError(f"killed {moment:.3f} s into the load, {gone} unregistered: {error}") from error


async def settle(subscribers: list[Subscriber]) -> None:
    """Until no phone has anything left to read."""
    before = -1
    while (now := sum(len(one.phone.wire.messages) for one in subscribers)) != before:
        before = now
        await asyncio.sleep(0.05)
