"""Digits that a test phone sends: each has its time, whenever it was asked for."""

from __future__ import annotations

import asyncio

from asterism import Channel
from asterism.testing import Phone, running_server, until

PJSIP = """
[101]
type=endpoint
context=phones
allow=ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""


def test_digits_right_after_others_are_digits_too() -> None:
    async def scenario() -> None:
        config = {"pjsip.conf": PJSIP, "extensions.conf": "[phones]\n"}
        async with running_server(config) as server, Phone("101", server, "secret") as ann:
            got: list[str] = []

            @server.pbx.extension("phones", "2")
            async def collect(channel: Channel) -> None:
                await channel.answer()
                while (digit := await channel.read_digit(5)) is not None:
                    got.append(digit)

            call = await ann.dial("2")
            await call.answered()
            call.send_digits("*2103")
            await until(lambda: "".join(got) == "*2103", 5, "five digits")
            call.send_digits("*1")
            await until(lambda: "".join(got) == "*2103*1", 3, lambda: f"got {got}")
            await call.hangup()

    asyncio.run(scenario())
