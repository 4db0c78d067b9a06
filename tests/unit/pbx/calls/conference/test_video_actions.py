"""The action that sets whose video a conference is shown: its answers."""

from __future__ import annotations

from typing import Any

from conference_kit import RECORD
from fake_manager import FakeCall
from fake_technology import FakeServer, run
from video_kit import VideoConference

from asterism.core.commands import marks_of
from asterism.pbx.calls.conference.actions import ConferenceActions


def test_a_source_is_set_by_name_and_what_is_wrong_is_told() -> None:
    async def scenario(server: FakeServer) -> None:
        any_server: Any = server
        any_server.register_marked = lambda _: None
        module = ConferenceActions()
        module.load(any_server)
        ((_, method),) = [found for found in marks_of(module) if found[0].name == "ConfbridgeSetSingleVideoSrc"]

        def act(**fields: str) -> tuple[str, str] | None:
            call: Any = FakeCall(dict(fields))
            method(call)
            answer: tuple[str, str] | None = call.answer
            return answer

        assert act() == ("Error", "No Conference name provided.")
        assert act(Conference="room") == ("Error", "No channel name provided.")
        assert act(Conference="room", Channel="x") == ("Error", "No active conferences.")
        room = VideoConference(server)
        ann, bob = await room.come("ann"), await room.come("bob")
        assert act(Conference="other", Channel="x") == ("Error", "No Conference by that name found.")
        wrong = ("Error", "No Channel by that name found in Conference.")
        assert act(Conference="room", Channel="PJSIP/an") == wrong
        assert not server.fields("BridgeVideoSourceUpdate")
        assert act(Conference="room", Channel=bob.channel.name.lower()) == (
            "Success",
            "Conference single video source set.",
        )
        assert (room.shown(), room.conference.video.source) == ("bob", bob.channel)
        await room.go(bob)
        assert act(Conference="room", Channel=bob.channel.name) == wrong
        assert act(Conference="room", Channel=ann.channel.name) == ("Success", "Conference single video source set.")
        await room.end()

    run(scenario)


def test_the_event_has_the_fields_of_the_record() -> None:
    blocks = (RECORD.read_text(encoding="utf-8").split("Event: BridgeVideoSourceUpdate\n"))[1:]
    recorded = [[line.partition(":")[0] for line in block.split("\n\n")[0].splitlines()] for block in blocks]
    assert len(recorded) == 2, "a source is set; it has left"

    async def scenario(server: FakeServer) -> None:
        room = VideoConference(server)
        alice, bob = await room.come("alice"), await room.come("bob")
        room.conference.set_video_source(alice.channel)
        await room.go(alice)
        await room.go(bob)
        told = [list(fields) for fields in server.fields("BridgeVideoSourceUpdate")]
        assert [["Privilege", *fields] for fields in told] == recorded

    run(scenario)
