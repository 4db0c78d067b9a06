"""With which profiles a channel enters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.pbx.calls.conference.chosen import Chosen, ProfileError, choose, own_profiles
from asterism.pbx.calls.conference.menus import Menu
from asterism.pbx.calls.conference.profiles import BridgeProfile, Profiles, ProfileSettings, UserProfile


def profiles() -> Profiles:
    found = Profiles()
    found.use(ProfileSettings({"u": UserProfile("u")}, {"b": BridgeProfile("b")}, {"m": Menu("m")}))
    return found


def test_named_ones_come_before_own_ones_and_these_before_the_default() -> None:
    channel: Any = SimpleNamespace(data={})
    default = choose(channel, profiles(), "", "", "")
    assert default == Chosen(UserProfile("default_user"), BridgeProfile("default_bridge"), Menu("default_menu"))
    own_profiles(channel).user = UserProfile(quiet=True)
    assert choose(channel, profiles(), "b", "", "m") == Chosen(UserProfile(quiet=True), BridgeProfile("b"), Menu("m"))
    assert choose(channel, profiles(), "", "u", "").user == UserProfile("u")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_unknown_ones(position: int) -> None:
    names = [""] * 3
    names[position] = "nosuch"
    with pytest.raises(ProfileError, match="'nosuch'"):
        choose(SimpleNamespace(data={}), profiles(), *names)  # type: ignore[arg-type]
