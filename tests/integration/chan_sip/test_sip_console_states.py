"""Listings of chan_sip while phones are registered, ring, talk and have hung up: as recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sip_console_kit import World, listing, recorded, registered_world

from asterism.chan_sip.peers import peers_of
from asterism.sip.contacts import ContactStatus
from asterism.testing import until

REGISTERED, LIVE = "registered, no calls", "live call"
AGENTS = {"AlicePhone/2.1": "PHONE", "BobPhone/9": "PHONE", "CarolPhone/3": "PHONE", "ErinPhone/4": "PHONE",
          "Asterism test phone": "PHONE"}  # fmt: skip


def plain(text: str) -> str:
    """A listing without what differs from run to run: times, tags, names of phones."""
    text = re.sub(r"OK \(\d+ ms\) *(?=\S|$)", "OK (n ms) ", text, flags=re.MULTILINE)
    text = re.sub(r"^(  Expire       : )\d+$", r"\1n", text, flags=re.MULTILINE)
    text = re.sub(r"^(  (?:Our|Their) Tag: +)\S+$", r"\1tag", text, flags=re.MULTILINE)
    text = re.sub(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d", "DATE", text)
    for name, word in AGENTS.items():
        text = text.replace(name, word)
    return text


def rows(text: str, *words: str) -> list[str]:
    """The rows with these words, without Call-IDs and numbers, in order."""
    found = [line for line in text.splitlines() if all(word in line for word in words)]
    return sorted(re.sub(r"\d", "n", line[:34] + line[49:]) for line in found)


def blocks(text: str) -> list[str]:
    """The peers of ``sip show objects``, in order; twice those with an address.

    Whether ``deadpeer`` is being asked at the moment, which counts one more, is a matter of time.
    """
    found = re.sub(r"(name: deadpeer\n.*\n.*\n)refcount: [34]", r"\1refcount: n", text)
    return sorted(found.partition("-= Registry objects")[0].split("\n\n"))


async def as_said(world: World, state: str, command: str) -> None:
    assert plain(await world.said(command)) == plain(listing(state, command))


async def test_everything_about_registered_phones(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        for command in (
            "sip show peers", "sip show users", "sip show tcp", "sip show inuse", "sip show inuse all",
            "sip show peer alice", "sip show peer bob", "sip show peer carol", "sip show peer erin",
            "sip show peer alice load", "sip show peers like ^(alice|bob)$", "sip qualify peer alice",
            "sip qualify peer trunk1", "sip qualify peer carol",
        ):  # fmt: skip
            await as_said(world, REGISTERED, command)
        wanted = rows(listing(REGISTERED, "sip show channels"), "REGISTER")[0]
        found = rows(await world.said("sip show channels"), "Rx: REGISTER")
        assert found == [wanted] * 5

        def subscribed(text: str) -> list[str]:
            return [line for line in text.splitlines() if "Yes" in line]

        expected = subscribed(listing(REGISTERED, "sip show mwi"))
        for _ in range(500):
            if subscribed(await world.said("sip show mwi")) == expected:
                break
            await until(lambda: True)
        assert subscribed(await world.said("sip show mwi")) == expected
        registry = listing(REGISTERED, "sip show registry")
        ours = plain(await world.said("sip show registry"))
        assert re.sub(r"\d+ (\w)", r"n \1", ours) == re.sub(r"\d+ (\w)", r"n \1", plain(registry))


async def test_the_settings(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        await as_said(world, "idle", "sip show settings")


async def test_notify_to_registered_phones(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        for command, _ in recorded(REGISTERED):
            if command.startswith("sip notify"):
                await as_said(world, REGISTERED, command)


async def test_calls_up_to_the_limit(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        alice, bob, dave = (world.phones[name] for name in ("alice", "bob", "dave"))
        bob.auto_answer = True
        for _ in range(2):
            call = await alice.dial("6002")
            await call.answered()
        third = await dave.dial("6002")
        assert await third.refused() == 486
        state = "two calls to bob"
        await as_said(world, state, "sip show inuse")
        for words in (("Rx: ACK", "(ulaw)", "alice"), ("dave     ", "Rx: ACK")):
            assert rows(await world.said("sip show channels"), *words)[:2] == rows(
                listing(state, "sip show channels"), *words
            )


async def test_objects_and_timers(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        await world.phones["alice"].subscribe("alice", "message-summary", "application/simple-message-summary", 600)
        text = await world.said("sip show objects")
        expected = listing(REGISTERED, "sip show objects")
        assert blocks(text) == blocks(expected)
        registry = r"-= Registry objects: 2 =-\n\n(.*?)-= Dialog"
        ours, theirs = re.search(registry, text, re.DOTALL), re.search(registry, expected, re.DOTALL)
        assert ours is not None
        assert theirs is not None
        assert ours[1] == theirs[1]
        dialogs = text.partition("-= Dialog objects:\n\n")[2].split("\n\n")
        shape = "type: dialog\nobjflags: 0\nrefcount: "
        assert {one.partition("\n")[2][:-1] for one in dialogs if one} == {shape}
        numbers = re.compile(r"\d+")
        timers = await world.said("sip show sched")
        assert numbers.sub("n", timers) == numbers.sub("n", listing(REGISTERED, "sip show sched"))
        counts = dict(re.findall(r"(\w+) : (\d+)", timers))
        assert (counts["expire_register"], counts["sip_poke_peer_s"]) == ("5", "5")
        assert int(counts["__sip_autodestruct"]) >= 5


async def test_a_call_from_its_first_ring_to_its_end(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        server, alice, bob = world.server, world.phones["alice"], world.phones["bob"]
        await alice.subscribe("6002", "presence", "application/pidf+xml", 600)
        alice._digest = None  # challenged, as in the record
        dialog = await alice.subscribe("6001", "dialog", "application/dialog-info+xml", 600)
        await alice.subscribe("6050", "presence", "application/xpidf+xml", 600)
        await alice.subscribe("alice", "message-summary", "application/simple-message-summary", 600)
        state = "subscriptions, no calls"
        assert rows(await world.said("sip show subscriptions"), "alice") == rows(
            listing(state, "sip show subscriptions"), "alice"
        )

        alice._digest = None
        call = await alice.dial("6002")
        incoming = await bob.incoming()
        incoming.ring()
        await call.ringing()
        await as_said(world, "ringing", "sip show inuse")
        assert rows(await world.said("sip show channels"), "INVITE") == rows(
            listing("ringing", "sip show channels"), "INVITE"
        )

        incoming.answer()
        await call.answered()
        call.play(440)
        incoming.play(440)
        await incoming.hears(440)
        await call.hears(440)
        for command in ("sip show inuse", "sip show inuse all", "sip show peers", "sip show tcp"):
            await as_said(world, LIVE, command)
        for command, word in (("sip show channels", "(ulaw)"), ("sip show subscriptions", "alice")):
            assert rows(await world.said(command), word) == rows(listing(LIVE, command), word)
        stats = [
            re.sub(r"\d", "n", line[17 + 11 :]) for line in (await world.said("sip show channelstats")).splitlines()
        ]
        theirs = listing(LIVE, "sip show channelstats").splitlines()
        assert stats == [re.sub(r"\d", "n", line[17 + 11 :]) for line in theirs]

        assert call.dialog is not None
        assert incoming.dialog is not None
        a, b, watching = call.dialog.call_id, incoming.dialog.call_id, dialog.request.call_id
        legs = {
            a: ("A leg by full Call-ID", "A leg"), b: ("B leg", "B leg"), watching: ("dialog subscription",) * 2,
        }  # fmt: skip
        for call_id, (name, history_of) in legs.items():
            details, history = _of_leg(name, "channel"), _of_leg(history_of, "history")
            was = re.search(r"\S+@\S+", details[0])
            assert was is not None
            ours = re.sub(r"SIP/(\w+)-\d{8}", r"SIP/\1-n", plain(await world.said(f"sip show channel {call_id}")))
            assert ours.replace(call_id, "ID") == re.sub(
                r"SIP/(\w+)-\d{8}", r"SIP/\1-n", plain(details[1]).replace(was[0], "ID")
            )
            assert _events(await world.said(f"sip show history {call_id}")) == _events(history[1])
        assert (await world.said(f"sip show channel {a[:8]}")).count("Call-ID:") == 1

        await call.hangup()
        await incoming.ended()
        await until(lambda: not server.pbx.channels)
        await as_said(world, "after hangup", "sip show inuse")
        ended = rows(listing("after hangup", "sip show channels"), "BYE", "alice")
        assert rows(await world.said("sip show channels"), "Rx: BYE", "alice") == ended
        after = [line for line in (await world.said("sip show channelstats")).splitlines() if a[:11] in line]
        assert [re.sub(r"\d", "n", line[28:]) for line in after] == [
            re.sub(r"\d", "n", listing("after hangup", "sip show channelstats").splitlines()[1][28:])
        ]


def _of_leg(name: str, kind: str) -> tuple[str, str]:
    """The recorded command and text of ``sip show channel`` or ``sip show history`` of a leg."""
    for state in (f"live call, {name}", name):
        for command, text in recorded(state):
            if command.startswith(f"sip show {kind} "):
                return command, text
    raise LookupError(name)


def _events(text: str) -> list[str]:
    """The lines of a history, without numbers; our 100 goes out before the channel is made."""
    lines = [re.sub(r"^\d+\. ", "", line) for line in text.splitlines()[2:]]
    made = [re.sub(r"from .*|for \S+@\S+|call: .*|sip:\S+|\d{1,5} (?=[A-Z])|-\d{8}", "", line) for line in lines]
    # A phone of the record sends 100, ours does not; how many NOTIFYs follow is a matter of time.
    made = [line for line in made if not line.endswith("Trying")]
    return made[:13]


@pytest.mark.parametrize("name", ["alice"])
async def test_a_registration_is_taken_away(tmp_path: Path, name: str) -> None:
    async with registered_world(tmp_path) as world:
        state = f"{name} was registered"
        texts = [text for command, text in recorded(state) if command == f"sip unregister {name}"]
        assert await world.said(f"sip unregister {name}") == texts[0]
        await as_said(world, state, f"sip show peers like ^{name}")
        assert await world.said(f"sip unregister {name}") == texts[1]


async def test_a_peer_that_answers_late(tmp_path: Path) -> None:
    async with registered_world(tmp_path) as world:
        peers = peers_of(world.server)
        trunk = peers.get("trunk2")
        assert trunk is not None
        contact = peers.contact(trunk)
        assert contact is not None
        world.server.sip.location.set_reachability(contact, ContactStatus.REACHABLE, 2.3)
        await as_said(world, "trunk2 lagged", "sip show peers")
