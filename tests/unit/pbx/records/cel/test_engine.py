"""Channel event logging while phones do what they like: each channel's records are a life, and nothing is kept."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fake_technology import FakeServer, settle
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scene_kit import OPENINGS, SECOND, STEP, TALK, Faults, Scene
from transfer_kit import nothing_left, transfer_server

from asterism.config import ConfigFile
from asterism.pbx.calls import local_events
from asterism.pbx.calls.parking import events as parking_events
from asterism.pbx.records.cel.engine import ChannelLog
from asterism.pbx.records.cel.settings import CelSettings, read_settings
from asterism.pbx.records.record import ChannelRecord
from asterism.pbx.vocabulary import events, inner_events
from asterism.pbx.vocabulary.controls import ChannelState, Control
from virtual_loop import VirtualLoop

OFF = CelSettings()


def settings_of(*lines: str) -> CelSettings:
    found, problems = read_settings(ConfigFile.parse("\n".join(["[general]", "enable=yes", *lines]), "cel.conf"))
    assert problems == []
    return found


EVERYTHING = settings_of("events=ALL", "apps=dial,wait")


class Listening:
    """A server whose records are kept."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.log = ChannelLog(server.pbx)
        self.records: list[ChannelRecord] = []
        server.pbx.records.channels.listen(server.owner, "test", self.records.append)

    def kinds(self) -> list[str]:
        return [record.event for record in self.records]

    def check_counts(self) -> None:
        """Of each call so many channels are remembered as there are."""
        counted = Counter(channel.linkedid for channel in self.server.pbx.channels)
        assert self.log.counts == (len(self.server.pbx.channels), len(counted))
        assert self.log.linkedids == dict(counted)

    def check_lives(self) -> None:
        """The records of each channel make sense, from its beginning to its end."""
        channels: dict[str, list[ChannelRecord]] = {}
        ended: set[str] = set()
        for record in self.records:
            assert record.linkedid not in ended or record.event == "LINKEDID_END"
            if record.event == "LINKEDID_END":
                assert record.linkedid not in ended
                ended.add(record.linkedid)
            else:
                channels.setdefault(record.uniqueid, []).append(record)
        assert ended == {record.linkedid for record in self.records}
        for life in channels.values():
            kinds = [record.event for record in life]
            assert kinds[0] == "CHAN_START"
            assert kinds[-2:] == ["HANGUP", "CHAN_END"]
            assert all(kinds.count(once) == 1 for once in ("CHAN_START", "HANGUP", "CHAN_END"))
            assert kinds.count("ANSWER") <= 1
            _alternate(life, "APP_START", "APP_END", "appname")
            _alternate(life, "BRIDGE_ENTER", "BRIDGE_EXIT", "extra")
            _alternate(life, "STREAM_BEGIN", "STREAM_END", "")


def _alternate(life: Sequence[ChannelRecord], begins: str, ends: str, same: str) -> None:
    """What begins, ends before it begins again, and at last; both are of the ``same``."""
    open_: ChannelRecord | None = None
    for record in life:
        if record.event == begins:
            assert open_ is None
            open_ = record
        elif record.event == ends:
            assert open_ is not None
            one, two = ((_what(each, same)) for each in (open_, record))
            assert one == two
            open_ = None
    assert open_ is None


def _what(record: ChannelRecord, same: str) -> object:
    return json.loads(record.extra)["bridge_id"] if same == "extra" else getattr(record, same) if same else None


def play(steps: Sequence[tuple[str, Any, Any]], begins: int) -> None:
    """Play the steps; the log begins with step ``begins``."""
    faults = Faults()

    async def main() -> None:
        server = transfer_server()
        server.log.addHandler(faults)
        scene, listening = Scene(server), Listening(server)
        try:
            for number, (what, first, second) in enumerate(steps):
                if number == begins:
                    listening.log.start(EVERYTHING)
                if what == "wait":
                    await asyncio.sleep(first)
                else:
                    scene.step(what, first, second)
                await settle(60)
                if number >= begins:
                    listening.check_counts()
            for channel in scene.live():
                scene.hang_up(channel, None)
            await settle(80)
            scene.hall.dismiss()
            await asyncio.sleep(4000)
            nothing_left(server)
            assert listening.log.counts == (0, 0)
            if begins == 0:
                listening.check_lives()
            assert faults.found == []
        finally:
            server.log.removeHandler(faults)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(OPENINGS), st.lists(STEP, min_size=2, max_size=20), st.sampled_from((0, 0, 3)))
@example(TALK, [("keeping blind", 1, "6003"), ("hang up", 0, None)], 0)
@example(TALK, [SECOND, ("attended", 0, 2)], 0)
def test_each_channel_lives_once_and_nothing_is_kept(
    opening: list[tuple[str, Any, Any]], steps: list[tuple[str, Any, Any]], begins: int
) -> None:
    play([*opening, *steps], begins)


def run(scenario: Any) -> None:
    async def main() -> None:
        server = transfer_server()
        await scenario(server, Listening(server))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


HEARD = (
    events.NEWCHANNEL, events.NEWSTATE, events.HANGUP, events.BRIDGE_ENTER, events.BRIDGE_LEAVE, events.DTMF_END,
    events.DIAL_BEGIN, events.DIAL_END, events.MUSIC_ON_HOLD_START, inner_events.APPLICATION, inner_events.LINKEDID,
    inner_events.SOUND_BEGIN, local_events.LOCAL_OPTIMIZATION_BEGIN, parking_events.PARKED_CALL,
)  # fmt: skip


def test_what_is_not_recorded_is_not_listened_to() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        others = {kind: len(server.bus.listeners[kind]) for kind in HEARD}

        def heard() -> set[str]:
            return {kind.name for kind in HEARD if len(server.bus.listeners[kind]) > others[kind]}

        assert heard() == set()
        listening.log.start(settings_of())  # no events
        assert heard() == set()
        listening.log.start(settings_of("events=CHAN_START,DTMF", "apps=dial"))
        assert heard() == {"Newchannel", "Hangup", "Linkedid", "DTMFEnd"}
        listening.log.start(EVERYTHING)
        assert len(heard()) == len(HEARD)
        listening.log.start(OFF)
        assert heard() == set()
        assert listening.log.counts == (0, 0)

    run(scenario)


def test_only_the_events_that_are_named_are_recorded() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        listening.log.start(settings_of("events=CHAN_END,APP_END,LINKEDID_END", "apps=Dial"))
        channel = server.sip.incoming("alice", "602")
        server.pbx.start(channel)
        await settle(60)
        assert listening.kinds() == ["CHAN_END", "LINKEDID_END"]

    run(scenario)


def test_channels_that_were_there_before_are_counted() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        channel = server.sip.incoming("alice", "600")
        server.pbx.start(channel)
        await settle(60)
        listening.log.start(EVERYTHING)
        assert listening.log.counts == (1, 1)
        listening.log.start(EVERYTHING)
        assert listening.log.counts == (1, 1)
        channel.queue_hangup(16)
        await settle(60)
        assert listening.kinds() == ["APP_END", "HANGUP", "CHAN_END", "LINKEDID_END"]

    run(scenario)


def test_a_channel_that_ends_while_nothing_is_recorded_is_forgotten() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        listening.log.start(EVERYTHING)
        channel = server.sip.incoming("alice", "600")
        server.pbx.start(channel)
        await settle(60)
        listening.log.stop()
        assert listening.log.counts == (0, 0)
        channel.queue_hangup(16)
        await settle(60)
        listening.log.start(EVERYTHING)
        assert listening.log.counts == (0, 0)

    run(scenario)


def test_a_digit_is_recorded_where_it_was_dialled_and_not_where_it_goes() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        listening.log.start(settings_of("events=DTMF"))
        scene = Scene(server)
        for step in TALK:
            scene.step(*step)
            await settle(60)
        alice = next(iter(server.pbx.channels))
        alice.queue_digit("5", 120)
        await settle(60)
        assert [(one.channame, one.extra) for one in listening.records] == [
            (alice.name, '{"digit":"5","duration_ms":120}')
        ]

    run(scenario)


def test_a_forwarded_call_is_told_of_its_caller() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        listening.log.start(settings_of("events=FORWARD"))
        caller = server.sip.incoming("alice", "6002")
        server.sip.scripts["bob"] = lambda channel: channel.queue_control(Control.FORWARD, "PJSIP/carol")
        server.pbx.start(caller)
        await settle(60)
        assert [(one.channame, one.extra) for one in listening.records] == [(caller.name, '{"forward":"PJSIP/carol"}')]

    run(scenario)


def test_the_status_of_a_call_is_that_of_the_last_dial_and_an_answer_stays() -> None:
    async def scenario(server: FakeServer, listening: Listening) -> None:
        listening.log.start(settings_of("events=HANGUP"))
        server.dialplan(("610", 1, "Dial", "PJSIP/bob&PJSIP/carol,10"))
        caller = server.sip.incoming("alice", "610")
        server.pbx.start(caller)
        await settle(60)
        bob = next(one for one in server.pbx.channels if one.device == "PJSIP/bob")
        bob.queue_control(Control.ANSWER)
        await settle(60)
        assert caller.state is ChannelState.UP
        caller.queue_hangup(16)
        await settle(60)
        told = {one.channame: json.loads(one.extra)["dialstatus"] for one in listening.records}
        assert told.pop(caller.name) == "ANSWER"
        assert set(told.values()) == {""}

    run(scenario)
