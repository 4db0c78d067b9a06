"""The options of profiles: what each takes."""

from __future__ import annotations

import dataclasses

import pytest

from asterism.pbx.calls.conference.options import BRIDGE_OPTIONS, SOUNDS, USER_OPTIONS
from asterism.pbx.calls.conference.profiles import BridgeProfile, UserProfile


def test_defaults_of_the_tables_are_those_of_the_profiles() -> None:
    user, bridge = UserProfile(), BridgeProfile()
    assert [field.name for field in dataclasses.fields(user)][1:] == list(USER_OPTIONS)
    assert {name: getattr(user, name) for name in USER_OPTIONS} == {n: s.default for n, s in USER_OPTIONS.items()}
    plain = [name for name in BRIDGE_OPTIONS if name not in SOUNDS]
    assert [field.name for field in dataclasses.fields(bridge)][1:-1] == plain
    assert {name: getattr(bridge, name) for name in plain} == {n: BRIDGE_OPTIONS[n].default for n in plain}
    assert {name: bridge.sound(name.removeprefix("sound_")) for name in SOUNDS} == {
        name: BRIDGE_OPTIONS[name].default for name in SOUNDS
    }
    assert all(spec.help for spec in (*USER_OPTIONS.values(), *BRIDGE_OPTIONS.values()))


@pytest.mark.parametrize(("text", "value"), [("yes", 0), ("no", -1), ("on", 0), ("0", 0), ("4", 4)])
def test_whom_to_tell_the_number_of_users(text: str, value: int) -> None:
    assert UserProfile().having("announce_user_count_all", text).announce_user_count_all == value


@pytest.mark.parametrize("spec", [*USER_OPTIONS.values(), *BRIDGE_OPTIONS.values()], ids=lambda spec: spec.name)
def test_what_is_written_is_read_again(spec: object) -> None:
    assert spec.kind.parse(spec.kind.format(spec.default), spec.default) == spec.default  # type: ignore[attr-defined]


def test_rates_and_intervals() -> None:
    bridge = BridgeProfile().having("internal_sample_rate", "auto").having("maximum_sample_rate", "16000")
    bridge = bridge.having("mixing_interval", "40")
    assert (bridge.internal_sample_rate, bridge.maximum_sample_rate, bridge.mixing_interval) == (0, 16000, 40)
