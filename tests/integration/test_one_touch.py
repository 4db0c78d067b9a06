"""A phone's button for recording (INFO with ``Record``), and the key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from call_kit import PJSIP, RELAYED, World, two_phones
from manager_kit import MANAGER, manager

from asterism.stack.message import Response
from asterism.testing import PhoneCall, until

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 103,1,Dial(PJSIP/102,30,X)
"""
FEATURES = "[general]\ncourtesytone=beep\nfeaturedigittimeout=500\n[featuremap]\nautomixmon=*3\n"
MAY = RELAYED["pjsip.conf"].replace("[101](phone)", "[101](phone)\none_touch_recording=yes")
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS, "features.conf": FEATURES, "pjsip.conf": MAY}


async def press(call: PhoneCall, value: str) -> Response:
    """Send INFO with a Record header."""
    assert call.dialog is not None
    for _ in range(2):
        request = call.dialog.create_request("INFO")
        request.add_header("Record", value)
        response = await call.phone.exchange(request, call.phone.target_of(call.dialog.next_hop))
        if response.status not in (401, 407) or not call.phone.take_challenge(response):
            break
    return response


def files(world: World) -> list[str]:
    return [path.name for path in (Path(world.server.paths.spool) / "monitor").glob("*")]


async def test_a_button_begins_and_ends_it_and_says_twice_what_it_says_once() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        call.play(440)
        await incoming.hears(440)
        for _ in range(2):
            assert (await press(call, "on")).status == 200
            assert len(world.server.pbx.recordings) == 1
        (recording,) = world.server.pbx.recordings
        assert recording.channel.name.startswith("PJSIP/102")
        started = await client.event("MixMonitorStart")
        assert started["Channel"] == recording.channel.name
        await until(lambda: incoming.audio.level(1000) > 0.05)  # the courtesy tone
        for _ in range(2):
            assert (await press(call, "off")).status == 200
            assert not len(world.server.pbx.recordings)
        await recording.wait(5)
        (name,) = files(world)
        assert re.fullmatch(r"auto-\d{10}-101-102\.wav", name)
        assert (await press(call, "perhaps")).status == 400
        assert (await press(incoming, "on")).status == 403  # 102 may not
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(
    "changed",
    [
        {"features.conf": FEATURES.replace("automixmon=*3", "automixmon=")},
        {"pjsip.conf": MAY + "[101](+)\nrecord_on_feature=other\nrecord_off_feature=other\n"},
        {"pjsip.conf": PJSIP},
    ],
    ids=["without a code", "another feature", "may not"],
)
async def test_403_as_recorded_where_there_is_no_such_feature_or_it_may_not(changed: dict[str, str]) -> None:
    async with two_phones({**FILES, **changed}) as world:
        call, incoming = await world.connect()
        for value in ("on", "off"):
            response = await press(call, value)
            assert response.status == 403
            assert response.get("Reason") == "Q.850;cause=16"
        assert not len(world.server.pbx.recordings)
        await call.hangup()
        await incoming.ended()


async def test_each_way_has_a_feature_of_its_own_and_may_be_an_application() -> None:
    changed = {
        "features.conf": FEATURES + "[applicationmap]\nnote => *7,self,Set,NOTED=yes\n",
        "pjsip.conf": MAY + "[101](+)\nrecord_off_feature=note\n",
    }
    async with two_phones({**FILES, **changed}) as world:
        call, incoming = await world.connect()
        assert (await press(call, "on")).status == 200
        assert (await press(call, "off")).status == 200
        (ann,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        await until(lambda: ann.variables.get("NOTED") == "yes")
        assert len(world.server.pbx.recordings) == 1
        await call.hangup()
        await incoming.ended()


async def test_the_key_records_the_other_party_and_ends_it() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("103")
        call.play(440)
        await incoming.hears(440)
        sent = call.audio.sent
        call.send_digits("*3")
        await until(lambda: len(world.server.pbx.recordings) == 1)
        (recording,) = world.server.pbx.recordings
        assert recording.channel.name.startswith("PJSIP/102")
        assert incoming.audio.digits == ""
        await until(lambda: call.audio.sent > sent + 60)  # the digits are over
        call.send_digits("*3")
        await until(lambda: not len(world.server.pbx.recordings))
        await recording.wait(5)
        assert len(files(world)) == 1
        await call.hangup()
        await incoming.ended()
