"""The name of the device that an endpoint is, for each technology."""

from __future__ import annotations

from asterism.sip.devices import TECHNOLOGIES, device_name, device_of
from asterism.sip.objects import Endpoint, Habits


def test_a_device_is_named_after_technology_and_endpoint() -> None:
    assert device_of(Endpoint("alice")) == "PJSIP/alice"
    old = Endpoint("bob")
    old.habits = Habits(technology="SIP")
    assert device_of(old) == "SIP/bob"


def test_two_endpoints_may_be_one_device() -> None:
    """A user and a peer of one name are two endpoints; the phone is one."""
    user = Endpoint("bob/user")
    user.habits = Habits(technology="SIP")
    user.fields = {"chan_sip": "bob"}
    assert (device_of(user), device_name(user)) == ("SIP/bob", "bob")


def test_the_technologies_are_those_that_habits_name() -> None:
    assert Habits().technology in TECHNOLOGIES
