"""Linphone, with an account at each of two servers, connects its two calls itself (attended transfer, RFC 5589 7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, own_host
from two_servers_kit import BY_HEADER, Half, servers

from asterism.hostport import format_host_port
from asterism.testing import until

pytestmark = pytest.mark.e2e


def registered(place: Half) -> bool:
    return bool(place.server.sip.location.contacts("xander"))


async def test_linphone_transfers_between_two_servers(tmp_path: Path) -> None:
    async with servers(BY_HEADER, hosts=(own_host(), own_host())) as (here, there):
        for place in (here, there):
            await place.xander.unregister()
        one, two = (format_host_port(*place.xander.server) for place in (here, there))
        phone = Linphone(tmp_path, "xander", one, "udp")
        phone.register_also(two)
        async with phone:
            await until(lambda: registered(here) and registered(there), LIMIT, lambda: f"{phone.said}")
            phone.say(f"call sip:alice@{one}")
            alice = await here.phone.incoming(LIMIT)
            alice.answer()
            await alice.answered(LIMIT)
            await phone.tells("for call 1 (audio)")
            phone.say("pause 1")
            await phone.tells("is now paused")
            phone.say(f"call sip:carol@{two}")
            carol = await there.phone.incoming(LIMIT)
            carol.answer()
            await carol.answered(LIMIT)
            await phone.tells("for call 2 (audio)")
            phone.say("transfer 1 --to-call 2")
            alice.play(440)
            carol.play(660)
            await alice.hears(660, timeout=LIMIT)
            await carol.hears(440, timeout=LIMIT)
            for place in (here, there):
                await until(lambda: len(place.server.pbx.channels) == 2, LIMIT, "a leg of the transferer is left")  # noqa: B023
            await alice.hangup()
            await carol.ended()
