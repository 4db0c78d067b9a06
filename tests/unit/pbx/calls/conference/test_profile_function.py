"""CONFBRIDGE: profiles of one channel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.pbx.calls.conference.chosen import OwnProfiles, own_profiles
from asterism.pbx.calls.conference.menus import Action, Menu
from asterism.pbx.calls.conference.profile_function import ProfileFunction
from asterism.pbx.calls.conference.profiles import BridgeProfile, Profiles, ProfileSettings, UserProfile
from asterism.pbx.vocabulary.flow import FunctionError


def made() -> tuple[ProfileFunction, Any]:
    profiles = Profiles()
    profiles.use(
        ProfileSettings(
            {"t": UserProfile("t", admin=True)},
            {"b": BridgeProfile("b", 5)},
            {"m": Menu("m", {"1": (Action("no_op"),)})},
        )
    )
    function = ProfileFunction()
    function.pbx = SimpleNamespace(conferences=SimpleNamespace(profiles=profiles))
    return function, SimpleNamespace(data={})


def test_options_are_set_one_by_one() -> None:
    function, channel = made()
    function.write(channel, "user, Quiet", "yes")
    function.write(channel, "User,pin", "12")
    function.write(channel, "bridge,sound_join", "hello")
    function.write(channel, "menu,*1", "toggle_mute")
    assert own_profiles(channel) == OwnProfiles(
        UserProfile(quiet=True, pin="12"),
        BridgeProfile(sounds={"sound_join": "hello"}),
        Menu("", {"*1": (Action("toggle_mute"),)}),
    )


def test_a_template_is_where_it_begins_and_clear_forgets() -> None:
    function, channel = made()
    function.write(channel, "user,quiet", "yes")
    function.write(channel, "user,template", "t")
    function.write(channel, "user,marked", "yes")
    function.write(channel, "menu,template", "m")
    function.write(channel, "bridge,template", "b")
    own = own_profiles(channel)
    assert own.user == UserProfile("t", admin=True, marked=True)
    assert (own.bridge, own.menu) == (BridgeProfile("b", 5), Menu("m", {"1": (Action("no_op"),)}))
    for kind in ("user", "bridge", "menu"):
        function.write(channel, f"{kind},clear", "1")
    assert own_profiles(channel) == OwnProfiles()


@pytest.mark.parametrize(
    ("args", "value", "said"),
    [
        ("", "", "is not bridge, menu or user"),
        ("room,quiet", "yes", "'room' is not bridge"),
        ("user", "yes", "it needs an option"),
        ("user,nosuch", "yes", "has no option 'nosuch'"),
        ("user,quiet", "perhaps", "quiet: 'perhaps' is not yes or no"),
        ("bridge,mixing_interval", "3", "not one of the intervals"),
        ("menu,1", "dance", "'dance' is no action"),
        ("menu,x", "no_op", "is not up to 11"),
        ("user,template", "nosuch", "there is no user profile 'nosuch'"),
    ],
)
def test_what_cannot_be_set_changes_nothing(args: str, value: str, said: str) -> None:
    function, channel = made()
    with pytest.raises(FunctionError, match=said):
        function.write(channel, args, value)
    assert own_profiles(channel) == OwnProfiles()


def test_without_a_channel() -> None:
    with pytest.raises(FunctionError):
        made()[0].write(None, "user,quiet", "yes")
