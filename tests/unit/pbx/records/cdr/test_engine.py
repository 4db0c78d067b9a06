"""Which records there are, when each begins and ends, and that none is lost: events on a clock of our own."""

from __future__ import annotations

from typing import Any

import pytest
from cdr_kit import Kept, Leg, Room, holding, numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from asterism.pbx.records.cdr.engine import MAX_KEPT, MAX_OPEN
from asterism.pbx.records.cdr.settings import Settings
from asterism.pbx.records.record import Disposition
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import DialStatus


def talking(kept: Kept, **options: Any) -> tuple[Leg, Leg, Room]:
    alice, bob, room = kept.channel("A"), kept.channel("B", task=False), Room()
    kept.runs(alice, "Dial", "B")
    kept.calls(alice, bob)
    kept.outcome(alice, bob, DialStatus.ANSWER)
    kept.enters(room, bob, alice)
    return alice, bob, room


def test_an_answered_call_is_one_record_of_the_caller() -> None:
    kept = Kept()
    alice, bob, _ = talking(kept)
    answered = alice.answered_at
    kept.leaves(alice)
    over = kept.now
    kept.ends(bob)
    kept.ends(alice)
    (record,) = kept.records
    assert (record.start, record.answer, record.end) == (alice.created, answered, over)
    assert kept.pairs() == [("A", "B", "ANSWERED")]
    assert kept.engine.parties == {}


@pytest.mark.parametrize(
    ("status", "options", "disposition"),
    [
        (DialStatus.BUSY, {}, "BUSY"),
        (DialStatus.CONGESTION, {}, "CONGESTION"),
        (DialStatus.CONGESTION, {"congestion": False}, "FAILED"),
        (DialStatus.CHANUNAVAIL, {}, "FAILED"),
        (DialStatus.NOANSWER, {}, "NO ANSWER"),
        (DialStatus.CANCEL, {}, "NO ANSWER"),
        (DialStatus.CANCEL, {"canceldispositionenabled": True}, "CANCEL"),
    ],
)
def test_how_a_call_ends_without_an_answer(status: DialStatus, options: dict[str, bool], disposition: str) -> None:
    kept = Kept(**options)
    alice, bob = kept.channel("A"), kept.channel("B")
    kept.calls(alice, bob)
    kept.outcome(alice, bob, status)
    for leg in (bob, alice):
        kept.ends(leg)
    assert kept.pairs() == [("A", "B", disposition)]


def test_who_called_nobody_has_a_record_only_if_unanswered_calls_have() -> None:
    for unanswered in (True, False):
        kept = Kept(unanswered=unanswered)
        kept.ends(kept.channel("A"), 17)
        assert kept.pairs() == ([("A", "", "BUSY")] if unanswered else [])


def test_a_caller_that_goes_on_has_another_record_and_h_has_none() -> None:
    kept = Kept()
    alice, bob, _ = talking(kept)
    kept.leaves(alice)
    kept.ends(bob)
    kept.runs(alice, "VoiceMail", exten="vm")
    started = kept.now
    kept.ends_dialplan(alice)
    kept.runs(alice, "NoOp", exten="h")
    kept.ends(alice)
    assert [(one.lastapp, one.dst) for one in kept.records] == [("Dial", "100"), ("VoiceMail", "vm")]
    assert (kept.records[1].start, kept.records[1].answer) == (started, started)


def test_with_endbeforehexten_no_a_record_goes_on_while_h_runs() -> None:
    kept = Kept(endbeforehexten=False)
    alice = kept.channel("A", up=True)
    kept.runs(alice, "Playback")
    kept.ends_dialplan(alice)
    kept.runs(alice, "NoOp", exten="h")
    kept.ends(alice)
    (record,) = kept.records
    assert (record.dst, record.lastapp, record.end) == ("h", "NoOp", kept.now)


def test_a_dial_after_a_busy_one_is_a_record_whose_number_follows_the_called_channel() -> None:
    kept = Kept()
    alice, bob = kept.channel("A"), kept.channel("B")
    kept.calls(alice, bob)
    kept.outcome(alice, bob, DialStatus.BUSY)
    kept.ends(bob)
    kept.runs(alice, "Dial", "C")
    carol = kept.channel("C")
    kept.calls(alice, carol)
    kept.outcome(alice, carol, DialStatus.ANSWER)
    kept.ends(carol)
    kept.ends(alice)
    assert numbers(kept.records) == [1, 4]


def test_a_conference_has_a_record_for_each_pair_and_the_last_one_its_own() -> None:
    kept = Kept()
    room = Room()
    first, second, third = (kept.channel(name, up=True) for name in "ABC")
    kept.enters(room, first, second, third)
    for leg in (second, third, first):
        kept.ends(leg)
    found = sorted((one.channel, one.dstchannel) for one in kept.records)
    assert found == [("A", "B"), ("A", "C"), ("B", "C"), ("C", "")]
    own = next(one for one in kept.records if one.channel == "C")
    assert own.end < next(one.end for one in kept.records if one.channel == "B")


def test_who_prefers_to_be_the_first_party_is() -> None:
    kept = Kept()
    room = Room()
    first, second = (kept.channel(name, up=True) for name in "AB")
    kept.engine.parties[second].preferred = True  # type: ignore[index]
    kept.enters(room, first, second)
    for leg in (first, second):
        kept.ends(leg)
    assert ("B", "A", "ANSWERED") in kept.pairs()


def test_who_waits_in_a_holding_bridge_is_alone() -> None:
    kept = Kept()
    room = holding()
    first, second = (kept.channel(name, up=True) for name in "AB")
    kept.enters(room, first, second)
    for leg in (first, second):
        kept.ends(leg)
    assert kept.pairs() == [("A", "", "ANSWERED"), ("B", "", "ANSWERED")]


def test_an_originated_call_that_nobody_answers() -> None:
    kept = Kept()
    bob = kept.channel("B")
    kept.calls(None, bob)
    kept.ends(bob, 16)
    assert kept.pairs() == [("B", "", "NO ANSWER")]


def test_dial_changes_can_be_ignored() -> None:
    kept = Kept(ignoredialchanges=True)
    alice, bob = kept.channel("A"), kept.channel("B")
    kept.calls(alice, bob)
    kept.outcome(alice, bob, DialStatus.BUSY)
    for leg in (bob, alice):
        kept.ends(leg, 17)
    assert kept.pairs() == [("A", "", "BUSY")]


def test_bridges_can_be_ignored() -> None:
    kept = Kept(ignorestatechanges=True)
    alice, bob, room = talking(kept)
    carol = kept.channel("C", up=True)
    kept.enters(room, carol)
    kept.leaves(alice)
    for leg in (carol, bob, alice):
        kept.ends(leg)
    assert kept.pairs() == [("C", "", "ANSWERED"), ("A", "B", "ANSWERED")]


def test_channels_may_have_records_only_where_they_ask_for_them() -> None:
    kept = Kept(channeldefaultenabled=False)
    first, second = kept.channel("A", up=True), kept.channel("B", up=True)
    kept.engine.parties[second].disabled = False  # type: ignore[index]
    for leg in (first, second):
        kept.ends(leg)
    assert kept.pairs() == [("B", "", "ANSWERED")]


def test_a_second_that_was_begun_counts_when_the_file_says_so() -> None:
    for option, billed in ((False, 1), (True, 2)):
        kept = Kept(initiatedseconds=option)
        alice = kept.channel("A", up=True)
        kept.now += 0.5
        kept.ends(alice)
        assert (kept.records[0].duration, kept.records[0].billsec) == (1, billed)


def test_a_forked_record_goes_on_beside_the_first() -> None:
    kept = Kept()
    alice, bob, _ = talking(kept)
    assert kept.engine.fork(alice)  # type: ignore[arg-type]
    kept.ends(bob)
    kept.ends(alice)
    assert kept.pairs() == [("A", "B", "ANSWERED")] * 2
    assert kept.records[0].start == kept.records[1].start


def test_options_of_a_fork() -> None:
    kept = Kept()
    alice = kept.channel("A", up=True)
    kept.engine.parties[alice].details[0].set("tag", "x")  # type: ignore[index]
    kept.now += 10
    kept.engine.fork(alice, answer=True, end=True)  # type: ignore[arg-type]
    ended = kept.now
    kept.now += 10
    kept.engine.fork(alice, reset=True, clean=True)  # type: ignore[arg-type]
    kept.ends(alice)
    first, second, third = kept.records
    assert (first.end, second.start, second.answer) == (ended, first.start, ended)
    assert third.start == third.answer == ended + 10
    assert [dict(one.variables) for one in kept.records] == [{"tag": "x"}, {"tag": "x"}, {}]


def test_a_reset_begins_all_open_records_anew() -> None:
    kept = Kept()
    alice = kept.channel("A", up=True)
    kept.engine.parties[alice].details[0].set("tag", "x")  # type: ignore[index]
    kept.engine.fork(alice)  # type: ignore[arg-type]
    kept.now += 10
    kept.engine.reset(alice, keep=True)  # type: ignore[arg-type]
    now = kept.now
    kept.ends(alice)
    assert [(one.start, one.answer, dict(one.variables)) for one in kept.records] == [(now, now, {"tag": "x"})] * 2


def test_what_both_parties_have_set_is_in_the_record() -> None:
    kept = Kept()
    alice, bob, _ = talking(kept)
    for leg, field, value in ((alice, "userfield", "a"), (bob, "userfield", "b"), (bob, "x", "1"), (alice, "y", "2")):
        kept.engine.parties[leg].details[-1].set(field, value)  # type: ignore[index]
    kept.ends(bob)
    assert (kept.engine.parties[alice].details[0].record or kept.records[0]).userfield == "a;b"  # type: ignore[index]
    kept.ends(alice)
    assert dict(kept.records[0].variables) == {"x": "1", "y": "2"}


def test_a_host_of_a_room_keeps_no_records_of_all_who_came_and_went() -> None:
    kept = Kept()
    room = Room()
    host, guest = kept.channel("H", up=True), kept.channel("G", up=True)
    kept.enters(room, host, guest)  # this pair goes on: no record behind it may wait for its end
    for number in range(3 * MAX_KEPT):
        visitor = kept.channel(f"V{number}", up=True)
        kept.enters(room, visitor)
        kept.ends(visitor)
    assert max(len(party.details) for party in kept.engine.parties.values()) <= MAX_KEPT + 2
    kept.ends(guest)
    kept.ends(host)
    pairs = [(one.channel, one.dstchannel) for one in kept.records]
    assert len(pairs) == len(set(pairs)) == 3 * 3 * MAX_KEPT + 1
    assert numbers(kept.records) == sorted(set(numbers(kept.records)), key=numbers(kept.records).index)


@pytest.mark.parametrize("end", [False, True])
def test_a_fork_is_of_the_record_that_goes_on_though_a_later_one_has_ended(end: bool) -> None:
    kept = Kept()
    alice, bob, busy, room = kept.channel("A"), kept.channel("B"), kept.channel("C"), Room()
    kept.calls(alice, bob)
    kept.calls(alice, busy)
    kept.engine.parties[alice].details[0].set("tag", "x")  # type: ignore[index]
    kept.outcome(alice, busy, DialStatus.BUSY)
    kept.ends(busy)
    kept.outcome(alice, bob, DialStatus.ANSWER)
    kept.enters(room, bob, alice)
    assert kept.engine.fork(alice, end=end)  # type: ignore[arg-type]
    kept.ends(bob)
    kept.ends(alice)
    assert ("A", "C", "BUSY") in kept.pairs()
    assert kept.pairs().count(("A", "B", "ANSWERED")) == (1 if end else 2)
    assert dict(kept.records[-1].variables) == {"tag": "x"}


def test_a_member_of_a_room_keeps_no_records_of_all_who_come_and_go_while_others_stay() -> None:
    kept = Kept()
    room = Room()
    host = kept.channel("H", up=True)
    kept.enters(room, host)
    guests: list[Leg] = []
    for number in range(6 * MAX_KEPT):
        guests.append(kept.channel(f"V{number}", up=True))
        kept.enters(room, guests[-1])
        if len(guests) > 4:
            kept.ends(guests.pop(-2))  # the pair that was begun last goes on, whenever there is another
        assert max(len(party.details) for party in kept.engine.parties.values()) <= MAX_KEPT + 6
    for guest in guests:
        kept.ends(guest)
    kept.ends(host)
    pairs = [(one.channel, one.dstchannel) for one in kept.records if one.dstchannel]
    assert len(pairs) == len(set(pairs))
    assert {guest for one, guest in pairs if one == "H"} == {f"V{number}" for number in range(6 * MAX_KEPT)}


def test_forks_without_end_are_refused() -> None:
    kept = Kept()
    alice = kept.channel("A", up=True)
    made = [kept.engine.fork(alice) for _ in range(3 * MAX_OPEN)]  # type: ignore[arg-type]
    assert made == [True] * (MAX_OPEN - 1) + [False] * (2 * MAX_OPEN + 1)
    kept.ends(alice)
    assert len(kept.records) == MAX_OPEN


def test_records_that_are_switched_off_end_and_on_again_take_notice_of_calls_that_are_up() -> None:
    kept = Kept()
    alice, bob, _ = talking(kept)
    kept.engine.stop()
    assert kept.pairs() == [("A", "B", "ANSWERED")]
    assert not kept.engine.running
    kept.engine.start(kept.owner, Settings(enable=True), [alice, bob])  # type: ignore[list-item]
    assert not kept.bus.listeners[events.DTMF_END]
    kept.ends(bob)
    kept.ends(alice)
    assert [one.start for one in kept.records] == [alice.created] * 2


def test_a_subscriber_that_raises_harms_no_record() -> None:
    kept = Kept()

    def broken(*_args: object) -> None:
        raise RuntimeError("no")

    kept.bus.subscribe(kept.owner, events.HANGUP, broken)
    kept.bus.subscribe(kept.owner, events.BRIDGE_LEAVE, broken)
    alice, bob, _ = talking(kept)
    kept.ends(alice)
    kept.ends(bob)
    assert kept.pairs() == [("A", "B", "ANSWERED")]


ONE = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(st.just("new"), ONE, ONE),
    st.tuples(st.just("new"), ONE, ONE),
    st.tuples(st.sampled_from(("call", "answer", "busy", "enter", "enter", "leave", "end", "over", "run")), ONE, ONE),
    st.tuples(st.sampled_from(("hold", "fork", "fork and end", "reset", "pick up", "prefer", "off", "on")), ONE, ONE),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60), st.booleans())
def test_whatever_happens_each_record_ends_once_and_nothing_is_left(steps: list[Any], before_h: bool) -> None:
    """Every record that began is handed on once, or was not to be written; pairs are of those that met."""
    kept = Kept(endbeforehexten=before_h)
    legs: list[Leg] = []
    ringing: set[tuple[Leg, Leg]] = set()
    met: set[tuple[str, str]] = set()
    rooms = [Room(uniqueid="0"), Room(uniqueid="1"), holding()]

    def enter(leg: Leg, room: Room) -> None:
        if leg.bridge is None:
            met.update((one.name, leg.name) for one in room.members)
            met.update((leg.name, one.name) for one in room.members)
            leg.answered_at = leg.answered_at or kept.now
            kept.enters(room, leg)

    def end(leg: Leg) -> None:
        for pair in [pair for pair in ringing if leg in pair]:
            ringing.discard(pair)
            if leg is pair[1]:
                kept.outcome(*pair, DialStatus.NOANSWER)
        kept.ends(leg)

    for what, one, other in steps:
        kept.look()
        if what == "new" and len(legs) < 6:
            legs.append(kept.channel(up=one > 3))
            continue
        if not legs:
            continue
        leg, peer = legs[one % len(legs)], legs[other % len(legs)]
        if what == "call" and leg is not peer and not any(peer in pair for pair in ringing) and peer.bridge is None:
            ringing.add((leg, peer))
            met.add((leg.name, peer.name))
            kept.calls(leg, peer)
        elif what in ("answer", "busy") and (pair := next((pair for pair in ringing if leg in pair), None)):
            ringing.discard(pair)
            kept.outcome(*pair, DialStatus.ANSWER if what == "answer" else DialStatus.BUSY)
        elif what in ("enter", "hold"):
            enter(leg, rooms[2] if what == "hold" else rooms[other % 2])
        elif what == "leave":
            kept.leaves(leg)
        elif what == "end":
            legs.remove(leg)
            end(leg)
        elif what == "over":
            kept.ends_dialplan(leg)
        elif what == "run":
            kept.runs(leg, "NoOp", exten="h" if other == 5 else "100")
        elif what == "pick up":
            kept.bus.publish(events.PICKUP, leg, peer, "*8")
        elif kept.engine.running and what in ("fork", "fork and end"):
            kept.engine.fork(leg, end=what == "fork and end", reset=bool(other % 2))
        elif kept.engine.running and what == "reset":
            kept.engine.reset(leg)
        elif kept.engine.running and what == "prefer":
            kept.engine.parties[leg].preferred = True
        elif what == "off":
            kept.engine.stop()
            assert not kept.engine.parties
        elif what == "on":
            kept.engine.start(kept.owner, kept.engine.settings, legs)  # type: ignore[arg-type]
        kept.look()
        if kept.engine.running:
            assert {channel.name for channel in kept.engine.parties} == {leg.name for leg in legs}
            for party in kept.engine.parties.values():
                assert all(detail.record is None and detail.peer is not None for detail in party.as_peer)
            held = sum(len(party.as_peer) for party in kept.engine.parties.values())
            assert held == sum(
                detail.peer is not None for party in kept.engine.parties.values() for detail in party.open()
            )
    kept.engine.start(kept.owner, kept.engine.settings, legs)  # type: ignore[arg-type]
    kept.look()
    for leg in legs:
        end(leg)
    assert not kept.engine.parties
    handed = [id(record) for record in kept.records]
    for detail in kept.seen.values():
        assert detail.record is not None
        wanted = not detail.dropped and (bool(detail.record.dstchannel) or not detail.only_called)
        assert handed.count(id(detail.record)) == wanted
    assert {id(detail.record) for detail in kept.seen.values()} >= set(handed)
    assert len(set(numbers(kept.records))) == len(handed)
    for record in kept.records:
        assert record.start <= record.end or record.answer is None
        assert (record.answer is not None) or record.disposition is not Disposition.ANSWERED
        assert not record.dstchannel or (record.channel, record.dstchannel) in met | {(b, a) for a, b in met}
