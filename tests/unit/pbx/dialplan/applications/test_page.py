"""Page: events and console states as recorded, and its options."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from fake_console import Console
from fake_technology import FakeServer, FakeStream, settle
from local_kit import CALL_APPLICATIONS as RECORD
from local_kit import comparable, local_server, recorded, told

from asterism.core.commands import CommandCall
from asterism.media.formats import ULAW
from asterism.pbx.calls.conference.commands import ConferenceCommands
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.page import PageApplication, parse
from asterism.pbx.dialplan.language.places import Place
from asterism.pbx.vocabulary.controls import Control
from asterism.testing import until

TITLE = "Page(PJSIP/bob&PJSIP/carol,,5)"


def section(title: str) -> list[str]:
    text = RECORD.read_text()
    start = text.index(f"### [Asterisk 22.10] *CLI> {title}\n")
    return text[start:].split("\n\n")[0].split("\n")[1:]


def page_server() -> FakeServer:
    server = local_server()
    server.media = SimpleNamespace(sounds=SimpleNamespace(find=lambda name, language: name))  # type: ignore[attr-defined]
    PageApplication().load(server)  # type: ignore[arg-type]
    server.dialplan(("7903", 1, "Page", "PJSIP/bob&PJSIP/carol,,5"))
    return server


def answers(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)
    channel.queue_control(Control.ANSWER)


async def paging(server: FakeServer, args: str = "") -> Channel:
    """Alice pages; everybody who answers does so at once."""
    if args:
        server.dialplan(("7904", 1, "Page", args))
    alice = server.sip.incoming("alice", "7904" if args else "7903", accountcode="acc1")
    server.pbx.start(alice)
    await settle(60)
    return alice


def run(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = page_server()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle(60)
        assert [channel.name for channel in server.pbx.channels] == []
        assert not server.pbx.bridges
        assert not server.pbx.conferences
        return server

    return asyncio.run(main())


def shapes(found: list[tuple[str, list[str]]]) -> list[str]:
    """Events in their order, each with its channel; those of the announcer and of parallel hang-ups left out."""
    return [
        line for line in comparable(found, lambda name: name.startswith("Confbridge"))
        if not re.match(r"SoftHangupRequest PJSIP/(bob|carol)", line)
    ]  # fmt: skip


def of_channel(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if name in line.partition("[")[0]]


def test_events_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def beep(channel: Channel, name: str) -> None:
        assert (channel.device, name) == ("PJSIP/alice", "beep")
        await settle(30)  # meanwhile the others answer

    monkeypatch.setattr("asterism.pbx.dialplan.applications.page._play", beep)

    async def scenario(server: FakeServer) -> None:
        server.sip.scripts.update(bob=answers, carol=answers)
        alice = await paging(server)
        alice.queue_hangup()
        await settle(60)

    server = run(scenario)
    wanted, ours = shapes(recorded(TITLE, RECORD)), shapes(told(server))
    # The recorded server's threads go on side by side: each channel's own events are in order, and all are there.
    for name in ("PJSIP/alice", "PJSIP/bob", "PJSIP/carol"):
        assert of_channel(ours, name) == of_channel(wanted, name), name
    assert Counter(ours) == Counter(wanted)
    whole = [name for name, _ in recorded(TITLE, RECORD) if name.startswith("Confbridge")]
    assert [name for name in server.names() if name.startswith("Confbridge")] == whole
    for name in set(whole):
        theirs = [dict(line.split(": ", 1) for line in lines if ": " in line)
                  for each, lines in recorded(TITLE, RECORD) if each == name]  # fmt: skip
        mine = server.fields(name)
        for key in ("BridgeNumChannels", "BridgeTechnology", "BridgeCreator", "Muted", "Admin", "Channel"):
            assert sorted(re.sub("-.*", "", one.get(key, "")) for one in mine) == sorted(
                re.sub("-.*", "", one.get(key, "")) for one in theirs
            ), (name, key)  # fmt: skip


def test_console_states_as_recorded() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts.update(bob=answers, carol=answers)
        await paging(server)
        (conference,) = server.pbx.conferences.values()
        console = Console(server)

        def plain(lines: list[str]) -> list[str]:
            text = "\n".join(lines).replace(conference.name, "ROOM").replace("1905880529", "ROOM")
            text = re.sub(r"-[0-9a-f]{8}(?![-0-9a-f])|[0-9a-f-]{36}|\d\d:\d\d:\d\d", "", text)
            return sorted(" ".join(line.split()) for line in text.split("\n") if "processed" not in line)

        assert plain(console.run("core show channels")) == plain(
            section("core show channels   (state: Page running)")
        )  # fmt: skip
        shown = [line for line in section("bridge show all   (state: Page running)") if "parking" not in line]
        assert plain(console.run("bridge show all")) == plain(shown)
        module = ConferenceCommands()
        module._pbx = server.pbx
        listed = module.show(CommandCall([], lambda _: None)).rstrip("\n").split("\n")
        wanted = section("confbridge list   (state: Page running)")
        assert listed[:2] == wanted[:2]
        assert [line.split()[1:] for line in listed[2:]] == [line.split()[1:] for line in wanted[2:]]
        name, rest = listed[2][:32], listed[2][32:]
        assert (name.strip(), rest) == (conference.name, wanted[2][32:])

    run(scenario)


def test_phones_that_do_not_answer_are_let_go_of_in_time_or_with_the_caller() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts.update(bob=answers)
        alice = await paging(server, "PJSIP/bob&PJSIP/carol&PJSIP/nosuch,q,0.02")
        bob, carol = server.sip.made
        await until(lambda: carol.dead)
        assert bob.alive
        alice.queue_hangup()
        await settle(60)
        assert bob.dead
        alice = await paging(server)
        *_, carol = server.sip.made
        assert carol.alive
        alice.queue_hangup()
        await settle(60)
        assert carol.dead

    run(scenario)


def test_the_caller_stays_when_all_others_have_left_and_one_who_comes_late_finds_him() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts.update(bob=answers)
        alice = await paging(server, "PJSIP/bob&PJSIP/carol,q")
        bob, carol = server.sip.made
        bob.queue_hangup()
        await settle(60)
        assert alice.alive
        answers(carol)
        await settle(60)
        assert carol.bridge is alice.bridge is not None

    run(scenario)


def test_nobody_pages_himself_and_who_is_busy_is_left_out_if_asked() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.incoming("carol", "1")
        await paging(server, "pjsip/ALICE&PJSIP/bob&PJSIP/carol,qs")
        assert [channel.device for channel in server.sip.made] == ["PJSIP/bob"]

    run(scenario)


def test_a_called_phone_has_its_subroutine_and_what_it_inherits() -> None:
    async def scenario(server: FakeServer) -> None:
        ran: list[str] = []

        async def gosub(channel: Channel, *place: object) -> str:
            ran.append(f"{channel.device} {place}")
            return ""

        server.pbx.dialplan.gosub = gosub  # type: ignore[assignment]
        server.dialplan(("7905", 1, "Set", "__A=1"))
        alice = server.sip.incoming("alice", "7904", accountcode="acc1")
        alice.set_variable("__A", "1")
        server.dialplan(("7904", 1, "Page", "PJSIP/bob,qb(sub^s^1(x))B(sub^t^1)"))
        server.pbx.start(alice)
        await settle(60)
        assert ran == ["PJSIP/alice ('sub', 't', 1, ())", "PJSIP/bob ('sub', 's', 1, ('x',))"]
        (bob,) = server.sip.made
        assert bob.variables["A"] == "1"
        assert bob.linkedid == alice.linkedid

    run(scenario)


def test_a_phone_that_forwards_is_followed_unless_told_otherwise() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts.update(bob=lambda bob: bob.queue_control(Control.FORWARD, "PJSIP/carol"), carol=answers)
        alice = await paging(server, "PJSIP/bob,qi")
        assert [channel.device for channel in server.sip.made] == ["PJSIP/bob"]
        alice.queue_hangup()
        await settle(60)
        server.dialplan(("7906", 1, "Page", "PJSIP/bob,q"))
        again = server.sip.incoming("alice", "7906")
        server.pbx.start(again)
        await settle(60)
        carol = server.sip.made[-1]
        assert carol.device == "PJSIP/carol"
        assert carol.bridge is again.bridge is not None

    run(scenario)


@pytest.mark.parametrize(("letters", "heard"), [("q", True), ("qd", False)])
def test_only_the_caller_is_heard_unless_it_is_duplex(letters: str, heard: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        server.sip.scripts.update(bob=answers)
        alice = await paging(server, f"PJSIP/bob,{letters}")
        (bob,) = server.sip.made
        assert bob.stream is not None
        assert alice.stream is not None
        assert (bob.stream.sink is None, alice.stream.sink is None) == (heard, False)

    run(scenario)


def test_options_are_read_and_what_is_wrong_is_told() -> None:
    found = parse("A(hello)b(a^b^1)B(2)dinqrsZ", "7.5")
    assert (found.timeout, found.announcement) == (7.5, "hello")
    assert (found.called_gosub, found.caller_gosub) == (Place("a", "b", 1), Place("", "", 2))
    flags = (found.duplex, found.ignore_forwards, found.quiet, found.record, found.only_free, found.spare_caller)
    assert all(flags)
    assert found.problems == ["option 'Z' is not supported"]
    found = parse("Ab", "soon")
    assert sorted(found.problems) == [
        "'soon' is no time in seconds", "option 'A' needs an argument", "option 'b' needs an argument",
    ]  # fmt: skip
    assert parse("", "0").timeout is None
