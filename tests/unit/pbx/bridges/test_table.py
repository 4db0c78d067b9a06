"""Which technology a bridge gets, and which are suspended."""

from __future__ import annotations

from fake_technology import FakeServer, FakeStream, audio_of, run, set_audio

from asterism.media.formats import ALAW, ULAW, Format
from asterism.pbx.bridges.bridge import Bridge


def bridged(server: FakeServer, one: Format = ULAW, two: Format = ULAW, features: bool = False) -> Bridge:
    streams = iter([FakeStream(one), FakeStream(two)])
    server.sip.stream = lambda: next(streams)
    bridge = Bridge(server.pbx)
    for phone in ("alice", "bob"):
        bridge.enter(server.sip.incoming(phone, "1"), features=features)
    return bridge


def test_packets_of_one_format_make_it_native() -> None:
    async def scenario(server: FakeServer) -> None:
        assert bridged(server).technology == "native_rtp"
        assert bridged(server, two=ALAW).technology == "simple_bridge"
        assert bridged(server, features=True).technology == "simple_bridge"
        # A choice shows in the events after it only.
        assert {event["BridgeTechnology"] for event in server.fields("BridgeEnter")} == {"simple_bridge"}

    run(scenario)


def test_what_is_suspended_is_not_chosen_but_kept() -> None:
    async def scenario(server: FakeServer) -> None:
        technologies = server.pbx.bridges.technologies
        native = technologies.named("Native_RTP")
        assert native is not None
        before = bridged(server)
        technologies.suspend(native, True)
        assert (before.technology, bridged(server).technology) == ("native_rtp", "simple_bridge")
        technologies.suspend(native, False)
        assert bridged(server).technology == "native_rtp"
        assert technologies.named("none") is None

    run(scenario)


def test_parties_that_no_technology_is_left_for_are_told_of() -> None:
    async def scenario(server: FakeServer) -> None:
        warned: list[str] = []
        server.log.warning = lambda text, *args: warned.append(text % args)
        technologies = server.pbx.bridges.technologies
        for kind in technologies.kinds:
            technologies.suspend(kind, True)
        alice, bob = bridged(server).channels
        assert [alice.name in text and bob.name in text for text in warned] == [True]
        for kind in technologies.kinds:
            technologies.suspend(kind, False)

    run(scenario)


def test_a_changed_stream_is_another_choice() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = bridged(server)
        alice, bob = bridge.channels
        set_audio(alice, FakeStream(ALAW))
        bridge.connect_media()
        assert bridge.technology == "simple_bridge"
        assert audio_of(bob).relayed_to is audio_of(alice)

    run(scenario)


def test_the_best_comes_first() -> None:
    async def scenario(server: FakeServer) -> None:
        kinds = server.pbx.bridges.technologies.kinds
        assert [kind.name for kind in kinds] == ["native_rtp", "holding_bridge", "simple_bridge", "softmix"]

    run(scenario)
