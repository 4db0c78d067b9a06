"""What may happen to phones that call and transfer each other, to be played at random in virtual time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from fake_technology import FakeServer
from hypothesis import strategies as st
from transfer_kit import Asked, bridge_of

from asterism.pbx.bridges.bridge import HOLDING, Bridge
from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.leaving import release
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.replacing import may_replace, replace_far_end
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.errors import Goto

PHONES = ("alice", "bob", "carol", "dave")
EXTENSIONS = ("6001", "6002", "6003", "6004", "600", "601", "602", "603", "700", "999")
WHICH = st.integers(0, 7)
STEP = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(PHONES), st.sampled_from(EXTENSIONS)),
    st.tuples(st.just("answer"), WHICH, st.none()),
    st.tuples(st.just("answer"), WHICH, st.none()),
    st.tuples(st.just("refuse"), WHICH, st.sampled_from((17, 19, 34))),
    st.tuples(st.sampled_from(("hang up", "hold", "unhold", "kill")), WHICH, st.none()),
    st.tuples(st.sampled_from(("blind", "keeping blind")), WHICH, st.sampled_from(EXTENSIONS)),
    st.tuples(st.sampled_from(("blind", "keeping blind")), WHICH, st.sampled_from(EXTENSIONS)),
    st.tuples(st.sampled_from(("attended", "attended", "redirect both", "join", "replace")), WHICH, WHICH),
    st.tuples(st.just("redirect"), WHICH, st.sampled_from(EXTENSIONS)),
    st.tuples(st.just("wait"), st.sampled_from((0, 1, 12, 25)), st.none()),
)


TALK = [("call", "alice", "6002"), ("answer", 0, None)]
SECOND = ("call", "alice", "6003")
OPENINGS: tuple[list[tuple[str, Any, Any]], ...] = (
    TALK,
    [*TALK, SECOND],
    [*TALK, SECOND, ("answer", 0, None)],
    [*TALK, SECOND, ("answer", 0, None), ("join", 3, 0)],
    [*TALK, SECOND, ("answer", 0, None), ("join", 3, 0), ("call", "bob", "6004"), ("answer", 0, None)],
    [*TALK, ("call", "alice", "600")],
    [*TALK, ("call", "carol", "6004"), ("answer", 0, None)],
)


class Faults(logging.Handler):
    """Keeps what was logged as an error: something raised and was contained."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


class Scene:
    """The phones, and what is done with them."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.asked: list[tuple[TransferResult, Asked]] = []
        self.hall = Bridge(server.pbx, kind="base", uses=HOLDING, dissolve=False, permanent=True)
        for phone in PHONES:
            server.sip.scripts[phone] = lambda channel: channel.queue_control(Control.RINGING)
        server.pbx.transfer_targets.append(lambda context, exten: self.take if exten == "700" else None)

    def take(
        self, transferee: Channel, transferer: Channel, begun: Callable[[], None], done: Callable[[], None]
    ) -> bool:
        """Park it: it waits until it hangs up."""
        begun()
        bridge_of(transferee).move(transferee, self.hall)
        done()
        release(transferer)
        return True

    def live(self) -> list[Channel]:
        return [one for one in self.server.pbx.channels if one.alive]

    def pick(self, number: Any, among: Sequence[Channel] | None = None) -> Channel | None:
        channels = self.live() if among is None else among
        return channels[number % len(channels)] if channels else None

    def step(self, what: str, first: Any, second: Any) -> None:
        if what == "call":
            self.server.pbx.start(self.server.sip.incoming(first, second))
            return
        if what == "answer" or what == "refuse":
            ringing = [one for one in self.live() if one.state is ChannelState.RINGING and one.device[:5] == "PJSIP"]
            found = self.pick(first, ringing)
            if found is not None:
                if what == "answer":
                    found.queue_control(Control.ANSWER)
                else:
                    found.queue_hangup(second)
            return
        channel = self.pick(first)
        if "blind" in what or what == "attended":
            channel = self.pick(first, [one for one in self.live() if one.bridge is not None]) or channel
        if channel is not None:
            getattr(self, what.replace(" ", "_"))(channel, second)

    def hang_up(self, channel: Channel, _: None) -> None:
        if channel.device.startswith("PJSIP"):
            channel.queue_hangup(16)

    def kill(self, channel: Channel, _: None) -> None:
        channel.soft_hangup()

    def hold(self, channel: Channel, _: None) -> None:
        channel.queue_control(Control.HOLD)

    def unhold(self, channel: Channel, _: None) -> None:
        channel.queue_control(Control.UNHOLD)

    def blind(self, channel: Channel, exten: str, keeps: bool = False) -> None:
        asked = Asked()
        self.asked.append((blind(channel, "internal", exten, outcome=asked, keeps=keeps), asked))

    def keeping_blind(self, channel: Channel, exten: str) -> None:
        self.blind(channel, exten, keeps=True)

    def attended(self, channel: Channel, number: int) -> None:
        asked = Asked()
        other = self.pick(number)
        assert other is not None
        self.asked.append((attended(channel, other, outcome=asked), asked))

    def redirect(self, channel: Channel, exten: str) -> None:
        channel.redirect(Goto("internal", exten, 1))

    def redirect_both(self, channel: Channel, number: int) -> None:
        other = self.pick(number)
        assert other is not None
        for one in sorted((channel, other), key=lambda each: each.task is not None):
            one.redirect(Goto("internal", "600", 1))

    def join(self, channel: Channel, number: int) -> None:
        """Three-way: it comes into another's bridge."""
        other = self.pick(number)
        assert other is not None
        one, two = channel.bridge, other.bridge
        if isinstance(one, Bridge) and isinstance(two, Bridge) and one is not two and self.hall not in (one, two):
            one.move(channel, two)
            for left in one.channels:
                one.depart(left)

    def replace(self, channel: Channel, number: int) -> None:
        """A pick-up, or a call that comes from elsewhere in another's place."""
        other = self.pick(number)
        assert other is not None
        if may_replace(channel, other) and channel.bridge is not other.bridge:
            replace_far_end(channel, other)

    def check(self) -> None:
        """What holds at any time."""
        for bridge in self.server.pbx.bridges.values():
            assert all(one.bridge is bridge and one.alive for one in bridge.members)
            assert bridge.permanent or len(bridge.members) != 1, "somebody is alone"
        for channel in self.live():
            assert channel.bridge is None or channel in channel.bridge.members  # type: ignore[attr-defined]
            assert self.server.pbx.channels.get(channel.name) is channel
