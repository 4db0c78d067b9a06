"""Who is shown whom, in each mode, as members come, talk and go."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fake_technology import FakeServer, run, settle
from video_kit import Camera, Room

from asterism.pbx.bridges.video import VideoMode, one_for_all
from asterism.pbx.channels.channel import Channel


def room(
    mode: VideoMode,
) -> Callable[[Callable[[Room], Coroutine[Any, Any, None]]], Callable[[], None]]:
    """Make a test of a coroutine that is given a room in that mode."""

    def decorate(test: Callable[[Room], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        def wrapper() -> None:
            async def scenario(server: FakeServer) -> None:
                one = Room(server, mode)
                await test(one)
                one.bridge.dismiss()
                await settle()
                assert not server.pbx.bridges.clock

            run(scenario)

        wrapper.__name__ = test.__name__
        return wrapper

    return decorate


def talk(one: Room, name: str, seconds: float = 3.0) -> None:
    for _ in range(round(seconds / 0.02)):
        one.video.hear({one.phones[name]: 1000.0})


def updates(one: Room) -> list[tuple[str, str, str]]:
    """Mode, source and previous source of each event, by the names of phones."""
    found = one.server.fields("BridgeVideoSourceUpdate")
    names = {channel.uniqueid: name for name, channel in one.phones.items()}

    def name(event: dict[str, str], field: str) -> str:
        return names.get(event.get(field, ""), event.get(field, ""))

    return [
        (each["BridgeVideoSourceMode"], name(each, "BridgeVideoSource"), name(each, "BridgePreviousVideoSource"))
        for each in found
    ]


@pytest.mark.parametrize(
    ("source", "previous", "shown"),
    [
        (None, None, {}),
        ("a", None, {"a": "a", "b": "a", "c": "a"}),
        ("a", "b", {"a": "b", "b": "a", "c": "a"}),
        ("x", "b", {"a": "x", "b": "x", "c": "x"}),
    ],
)
def test_one_source_is_shown_to_all(source: str | None, previous: str | None, shown: dict[str, str]) -> None:
    assert one_for_all(["a", "b", "c"], source, previous) == shown


@room(VideoMode.NONE)
async def test_nobody_is_shown_where_none_is_chosen(one: Room) -> None:
    one.come("ann", "bob", "carol")
    talk(one, "bob")
    assert one.sees() == {"ann": "-", "bob": "-", "carol": "-"}
    assert (one.bridge.video_mode, one.bridge.video_source, updates(one)) == ("none", "", [])
    assert not one.video.listens


@room(VideoMode.TALKER)
async def test_all_see_the_talker_who_sees_the_one_before(one: Room) -> None:
    one.come("ann")
    assert one.sees() == {"ann": "ann"}, "alone it sees itself"
    one.come("bob", "carol")
    one.come("dave", video=False)
    assert one.sees() == {"ann": "bob", "bob": "ann", "carol": "ann", "dave": ""}
    talk(one, "carol")
    assert one.sees() == {"ann": "carol", "bob": "carol", "carol": "ann", "dave": ""}
    talk(one, "bob")
    assert one.sees() == {"ann": "bob", "bob": "carol", "carol": "bob", "dave": ""}
    talk(one, "dave", 10)
    assert one.sees()["ann"] == "bob", "whoever has no video is not shown"
    assert one.bridge.video_source == one.phones["bob"].uniqueid
    assert updates(one) == [("talker", "ann", ""), ("talker", "carol", "ann"), ("talker", "bob", "carol")]


@room(VideoMode.TALKER)
async def test_the_talker_leaves_and_the_one_before_is_shown(one: Room) -> None:
    one.come("ann", "bob", "carol")
    for name in ("bob", "carol"):
        talk(one, name)
    one.go("carol")
    assert one.sees() == {"ann": "bob", "bob": "ann"}
    one.go("bob")
    assert one.sees() == {"ann": "ann"}
    one.go("ann")
    assert one.bridge.video_source == ""


@room(VideoMode.TALKER)
async def test_a_whole_picture_is_asked_for_at_each_change_and_for_who_comes(one: Room) -> None:
    one.come("ann", "bob")
    ann, bob = (one.phone(name).videos[0] for name in ("ann", "bob"))
    before = ann.fan.asked
    one.come("carol")
    assert ann.fan.asked == before + 1, "carol has seen nothing of it"
    before = bob.fan.asked
    talk(one, "bob")
    assert bob.fan.asked == before + 1
    for _ in range(5):
        one.bridge.connect_media()
    assert bob.fan.asked == before + 1, "nothing has changed"
    one.phone("carol").videos[0].hold = True
    one.bridge.connect_media()
    assert bob.fan.asked == before + 1
    one.phone("carol").videos[0].hold = False
    one.bridge.connect_media()
    assert bob.fan.asked == before + 2, "carol was on hold and has missed something"


@room(VideoMode.NONE)
async def test_a_source_is_set_by_hand_and_released(one: Room) -> None:
    one.come("ann", "bob", "carol")
    one.video.set_source(one.phones["bob"])
    assert one.sees() == {"ann": "bob", "bob": "bob", "carol": "bob"}
    one.video.set_source(one.phones["ann"])
    one.video.set_source(one.phones["ann"])
    assert one.sees() == {"ann": "ann", "bob": "ann", "carol": "ann"}
    one.video.set_source(None)
    assert one.sees() == {"ann": "-", "bob": "-", "carol": "-"}
    assert updates(one) == [("single", "bob", ""), ("single", "ann", "bob"), ("single", "", "ann")]


@room(VideoMode.TALKER)
async def test_a_release_goes_back_to_what_was_chosen(one: Room) -> None:
    one.come("ann", "bob", "carol")
    one.video.set_source(one.phones["carol"])
    talk(one, "bob")
    assert one.sees() == dict.fromkeys(("ann", "bob", "carol"), "carol")
    one.video.set_source(None)
    assert one.bridge.video_mode == "talker"
    talk(one, "bob")
    assert one.sees() == {"ann": "bob", "bob": "ann", "carol": "bob"}


@room(VideoMode.NONE)
async def test_a_source_without_video_is_a_source_that_shows_nothing(one: Room) -> None:
    one.come("ann", "bob")
    one.come("dave", video=False)
    one.video.set_source(one.phones["dave"])
    assert (one.bridge.video_source, one.sees()["ann"]) == (one.phones["dave"].uniqueid, "-")


@room(VideoMode.NONE)
async def test_that_a_source_has_left_is_told_with_the_next_change(one: Room) -> None:
    """As in the record: the leaver's own events name it still, and the first event after it is forgotten does not."""
    one.come("ann", "bob")
    ann = one.phones["ann"]
    one.video.set_source(ann)
    one.go("ann")
    assert one.sees() == {"bob": "-"}
    assert one.server.fields("BridgeLeave")[-1]["BridgeVideoSource"] == ann.uniqueid
    one.video.forget(ann)
    assert len(updates(one)) == 1
    one.go("bob")
    assert one.server.names("VarSet")[-2:] == ["BridgeVideoSourceUpdate", "BridgeLeave"]
    last = one.server.fields("BridgeVideoSourceUpdate")[-1]
    assert (last["BridgePreviousVideoSource"], "BridgeVideoSource" in last) == (ann.uniqueid, False)
    assert last["BridgeNumChannels"] == "0"


@room(VideoMode.SFU)
async def test_each_is_shown_everybody_else(one: Room) -> None:
    one.come("ann", "bob", most=9)
    await settle()
    assert one.sees() == {"ann": "bob", "bob": "ann"}
    one.come("carol", "dave", most=9)
    await settle()
    assert one.sees() == {
        "ann": "bob,carol,dave", "bob": "ann,carol,dave", "carol": "ann,bob,dave", "dave": "ann,bob,carol",
    }  # fmt: skip
    assert not updates(one)
    assert one.bridge.video_mode == "sfu"


@room(VideoMode.SFU)
async def test_who_leaves_frees_a_stream_that_the_next_one_gets(one: Room) -> None:
    one.come("ann", "bob", "carol", "dave", most=9)
    await settle()
    one.go("carol")
    await settle()
    assert one.sees() == {"ann": "bob,dave", "bob": "ann,dave", "dave": "ann,bob"}
    kept = one.phone("ann").videos[:]
    one.come("erin", most=9)
    await settle()
    assert one.sees()["ann"] == "bob,dave,erin"
    assert one.phone("ann").videos[:2] == kept, "who was shown stays where it was shown"
    one.go("bob")
    await settle()
    assert one.sees()["ann"] == "erin,dave", "the phone's own stream stays, and shows somebody"


@room(VideoMode.SFU)
async def test_streams_are_limited_and_nobody_is_asked_again_and_again(one: Room) -> None:
    one.come("ann", most=2)
    one.come("bob", "carol", "dave", most=9)
    await settle()
    assert one.sees()["ann"] == "bob,carol"
    asked = len(one.phone("ann").asked)
    for _ in range(5):
        one.bridge.connect_media()
        await settle()
    assert len(one.phone("ann").asked) == asked
    one.go("bob")
    await settle()
    assert one.sees()["ann"] == "dave,carol", "whoever had no place gets the one that is free"


@room(VideoMode.SFU)
async def test_streams_that_a_phone_has_by_itself_are_used_and_not_ended(one: Room) -> None:
    one.come("ann", most=9)
    ann = one.phone("ann")
    ann.videos += [Camera("ann again"), Camera("ann a third time")]
    ann.own = 3
    one.come("bob", "carol", most=9)
    await settle()
    assert one.sees()["ann"] == "bob,carol,-"
    assert ann.asked == []
    one.come("dave", "erin", most=9)
    await settle()
    assert one.sees()["ann"] == "bob,carol,dave,erin"
    assert one.sees()["erin"] == "ann,bob,carol,dave", "each is shown once, by its first camera"
    for name in ("bob", "carol", "erin"):
        one.go(name)
    await settle()
    assert one.sees()["ann"].replace("-", "").strip(",") == "dave"
    assert len(ann.videos) == 3


@room(VideoMode.SFU)
async def test_who_only_looks_is_not_shown(one: Room) -> None:
    one.come("ann", most=9)
    one.phone("ann").looks = True
    one.come("bob", "carol", most=9)
    await settle()
    assert one.sees() == {"ann": "bob,carol", "bob": "carol", "carol": "bob"}


@room(VideoMode.TALKER)
async def test_who_only_looks_is_not_shown_when_it_talks(one: Room) -> None:
    one.come("ann", "bob")
    one.phone("ann").looks = True
    one.bridge.connect_media()
    one.come("carol")
    talk(one, "ann")
    assert one.sees() == {"ann": "bob", "bob": "carol", "carol": "bob"}


@room(VideoMode.SFU)
async def test_a_phone_that_refuses_sees_what_it_can(one: Room) -> None:
    one.come("ann", "bob", most=9)
    one.phone("ann").takes = False
    one.come("carol", "dave", most=9)
    await settle()
    assert one.sees() == {"ann": "bob", "bob": "ann,carol,dave", "carol": "ann,bob,dave", "dave": "ann,bob,carol"}
    assert len(one.phone("ann").asked) == 2, "once for each who came"


@room(VideoMode.SFU)
async def test_who_goes_on_elsewhere_has_one_stream_again(one: Room) -> None:
    one.come("ann", "bob", "carol", most=9)
    await settle()
    ann: Channel = one.phones["ann"]
    assert len(one.phone("ann").videos) == 2
    phone = one.phone("ann")
    one.go("ann")
    await settle()
    assert phone.asked[-1] == (1, 1)
    assert len(phone.videos) == 1
    assert ann.alive


@room(VideoMode.SFU)
async def test_a_source_by_hand_ends_the_streams_of_everybody(one: Room) -> None:
    one.come("ann", "bob", "carol", most=9)
    await settle()
    one.video.set_source(one.phones["bob"])
    await settle()
    assert one.sees() == dict.fromkeys(("ann", "bob", "carol"), "bob")
    one.video.set_source(None)
    await settle()
    assert one.sees() == {"ann": "bob,carol", "bob": "ann,carol", "carol": "ann,bob"}


@room(VideoMode.TALKER)
async def test_who_is_away_or_waits_is_not_shown_and_sees_nothing(one: Room) -> None:
    one.come("ann", "bob", "carol")
    one.bridge.set_away(one.phones["ann"], True)
    assert one.sees() == {"ann": "-", "bob": "-", "carol": "-"}, "a menu takes a moment: nobody else is shown for it"
    ann = one.phone("ann").videos[0].fan
    before = ann.asked
    one.bridge.set_away(one.phones["ann"], False)
    assert one.sees() == {"ann": "bob", "bob": "ann", "carol": "ann"}
    assert ann.asked == before + 1
    one.bridge.set_away(one.phones["ann"], True)
    talk(one, "carol")
    assert one.sees() == {"ann": "-", "bob": "carol", "carol": "-"}, "ann was shown before"
    one.bridge.set_away(one.phones["ann"], False)
    assert one.sees() == {"ann": "carol", "bob": "carol", "carol": "ann"}
    talk(one, "ann")
    one.bridge.set_voices([(one.phones["bob"], True, True)])
    assert one.sees() == {"ann": "carol", "bob": "-", "carol": "ann"}


@room(VideoMode.SFU)
async def test_whoever_is_away_for_a_moment_keeps_its_streams_and_those_of_the_others(one: Room) -> None:
    one.come("ann", "bob", "carol", most=9)
    await settle()
    asked = [one.phone(name).asked[:] for name in one.phones]
    before = one.sees()
    one.bridge.set_away(one.phones["ann"], True)
    await settle()
    assert one.sees() == {"ann": "-,-", "bob": "-,carol", "carol": "-,bob"}
    one.bridge.set_away(one.phones["ann"], False)
    await settle()
    assert one.sees() == before
    assert [one.phone(name).asked for name in one.phones] == asked


@room(VideoMode.TALKER)
async def test_the_loudness_comes_from_the_mix(one: Room) -> None:
    one.come("ann", "bob", "carol")
    mixer: Any = one.bridge._mixer
    assert mixer._mixer.on_levels is not None
    one.go("ann")
    one.go("bob")
    assert mixer._mixer.on_levels is None, "with one camera there is nothing to choose"
