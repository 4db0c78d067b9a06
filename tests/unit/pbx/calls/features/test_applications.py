"""Applications on keys."""

from __future__ import annotations

import asyncio

from fake_technology import FakeServer
from features_kit import CONF, Phones, compare, run

from asterism.core.documentation import Documentation
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.channels.playing import play
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.flow import EndDialplan


def with_applications(server: FakeServer) -> None:
    async def playback(channel: Channel, args: str) -> None:
        await play(channel, args)
        channel.set_variable("PLAYBACKSTATUS", "SUCCESS")

    async def end(_channel: Channel, _args: str) -> None:
        raise EndDialplan

    async def jump(_channel: Channel, args: str) -> None:
        raise Goto("internal", args, 1)

    async def fails(_channel: Channel, _args: str) -> None:
        raise ValueError("no")

    for name, one in {"Playback": playback, "End": end, "Jump": jump, "Fail": fails}.items():
        server.pbx.register_application(name, one, Documentation(name))


def test_on_oneself_and_on_the_other_one_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        with_applications(phones.server)
        await phones.call()
        await phones.dial(phones.alice, "*7", 1)
        await phones.dial(phones.alice, "*6", 1)
        await phones.dial(phones.bob, "*6", 1)
        assert (phones.hears(phones.alice), phones.hears(phones.bob)) == (["beep"], [])
        compare(phones.server, "dynamic features: alice *7 (tone, self), *6 (note, peer/both); bob *6")

    run(scenario)


def test_who_may_and_what_the_others_hear_meanwhile() -> None:
    conf = CONF.replace("peer/both,NoOp,featurearg", "peer/caller,Wait,3,default")

    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.bob, "*6", 2)
        assert phones.digits(phones.alice) == "*6"  # it is not his
        await phones.dial(phones.alice, "*6", 1)
        assert phones.bob.away
        assert music_of(phones.alice) is not None
        await asyncio.sleep(3)
        assert phones.talk(phones.alice, phones.bob)

    run(scenario, conf)


def test_a_channel_runs_one_at_a_time() -> None:
    conf = CONF.replace("peer/both,NoOp,featurearg", "peer,Wait,3").replace("self,Playback,beep", "peer,Playback,beep")

    async def scenario(phones: Phones) -> None:
        with_applications(phones.server)
        await phones.call()
        await phones.dial(phones.alice, "*6*7", 1)
        assert phones.hears(phones.bob) == []
        await asyncio.sleep(3)
        await phones.dial(phones.alice, "*7", 1)
        assert phones.hears(phones.bob) == ["beep"]

    run(scenario, conf)


def ends_like(application: str) -> Phones:
    """The call in which Alice dials a key that runs ``application`` on her."""
    kept: list[Phones] = []

    async def scenario(phones: Phones) -> None:
        with_applications(phones.server)
        await phones.call()
        phones.server.dialplan(("500", 1, "Echo", ""))
        await phones.dial(phones.alice, "*7", 1)
        kept.append(phones)
        phones.after = phones.names(), phones.alice.exten, phones.alice.bridge  # type: ignore[attr-defined]

    run(scenario, CONF.replace("self,Playback,beep", f"self,{application}"))
    return kept[0]


def test_an_application_that_ends_the_call_jumps_or_fails() -> None:
    assert ends_like("End").after[0] == []  # type: ignore[attr-defined]
    assert ends_like("Jump(500)").after == (["alice"], "500", None)  # type: ignore[attr-defined]
    assert ends_like("Fail").after[0] == ["alice", "bob"]  # type: ignore[attr-defined]
    assert ends_like("NoSuchThing").after[0] == ["alice", "bob"]  # type: ignore[attr-defined]


def test_a_hang_up_ends_what_runs() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.alice, "*6", 1)
        assert phones.bob in phones.pbx.features.running
        phones.bob.queue_hangup(16)
        await asyncio.sleep(0.1)
        assert not phones.pbx.features.running
        assert phones.names() == []

    run(scenario, CONF.replace("NoOp,featurearg", "Wait,60"))
