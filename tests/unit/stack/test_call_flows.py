"""The call flows of RFC 3665, 3666 and 5359: every message is written as it was read, and played by both ends."""

from __future__ import annotations

import pytest
from flow_kit import NAMES, Party, load, roles

from asterism.stack import Request, parse_message
from asterism.stack.dialog import DialogState
from asterism.stack.headers import ReferTo, Replaces, SubscriptionState
from asterism.stack.sdp import Direction, SessionDescription


def play(name: str, party: str) -> Party:
    player = Party(party)
    for step in load(name):
        if step.receiver == party:
            player.receive(step)
        elif step.sender == party:
            player.send(step)
        player.net.advance(0.01)
    return player


def test_the_flows_are_there() -> None:
    assert {name.partition("-")[0] for name in NAMES} == {"rfc3665", "rfc3666", "rfc5359"}
    assert sum(len(load(name)) for name in NAMES) > 120


@pytest.mark.parametrize("name", NAMES)
def test_every_message_is_written_as_it_was_read(name: str) -> None:
    for step in load(name):
        message = parse_message(step.data)
        message.validate()
        assert message.to_bytes() == step.data, step.label
        if message.body and message.content_type is not None and message.content_type.name == "application/sdp":
            assert bytes(SessionDescription.parse(message.body)) == message.body


@pytest.mark.parametrize(("name", "party"), [(name, party) for name in NAMES for party in roles(name)])
def test_both_ends_play_it(name: str, party: str) -> None:
    player = play(name, party)
    player.net.advance(200)
    layer = player.net.layer
    assert (layer.live_transactions, layer.finished_transactions, len(player.net.timers)) == (0, 0, 0)
    assert not {"malformed", "stray", "ack_timeout", "response_error"} & set(player.net.user.kinds())
    assert not {"timeout", "transport_error"} & set(player.client.events)
    for flow in player.flows.values():
        assert flow.sent == []


def test_loose_routes_of_both_ends_pass_both_proxies() -> None:
    alice, bob = (play("rfc3665-3.2-two-proxies", party) for party in ("alice", "bob"))
    (one,), (other,) = alice.dialogs.values(), bob.dialogs.values()
    assert [route.uri.host for route in one.route_set] == ["ss1.atlanta.example.com", "ss2.biloxi.example.com"]
    assert one.route_set == other.route_set[::-1]
    assert one.id == (other.id[0], other.id[2], other.id[1])
    assert (str(one.remote_target), str(other.remote_target)) == (
        "sip:bob@client.biloxi.example.com",
        "sip:alice@client.atlanta.example.com",
    )


def test_find_me_makes_two_early_dialogs_and_confirms_one() -> None:
    alice = play("rfc5359-2.12-find-me", "alice")
    assert [(dialog.remote_tag, dialog.state) for dialog in alice.dialogs.values()] == [
        ("314159", DialogState.EARLY),
        ("777", DialogState.CONFIRMED),
    ]


def messages(name: str, method: str) -> list[Request]:
    found = [parse_message(step.data) for step in load(name)]
    return [one for one in found if isinstance(one, Request) and one.method == method]


def test_hold_is_a_direction() -> None:
    offers = [SessionDescription.parse(one.body) for one in messages("rfc5359-2.1-hold", "INVITE")]
    assert [offer.direction_of(offer.media[0]) for offer in offers] == [
        Direction.SENDRECV,
        Direction.SENDONLY,
        Direction.SENDRECV,
    ]


def test_transfers_are_read() -> None:
    (refer,) = messages("rfc5359-2.4-unattended-transfer", "REFER")
    target = refer.typed(ReferTo)
    assert target is not None
    assert str(target.uri) == "sip:carol@chicago.example.com"
    states = [one.typed(SubscriptionState) for one in messages("rfc5359-2.4-unattended-transfer", "NOTIFY")]
    assert [str(state) for state in states] == ["active;expires=60", "terminated;reason=noresource"]
    replaces = messages("rfc5359-2.5-attended-transfer", "INVITE")[1].typed(Replaces)
    assert replaces is not None
    carol = play("rfc5359-2.5-attended-transfer", "carol")
    assert (replaces.call_id, replaces.to_tag, replaces.from_tag) in carol.dialogs
