"""The name of the device that an endpoint is, for each technology."""

from __future__ import annotations

from asterism.sip.devices import TECHNOLOGIES, device_name, device_of
from asterism.sip.objects import Endpoint, Habits


def of_sip_conf(name: str, **fields: str) -> Endpoint:
    endpoint = Endpoint(name)
    endpoint.habits = Habits(technology="SIP")
    endpoint.fields = fields
    return endpoint


def test_a_device_is_named_after_technology_and_endpoint() -> None:
    assert device_of(Endpoint("alice")) == "PJSIP/alice"
    assert device_of(of_sip_conf("bob", chan_sip="bob")) == "SIP/bob"


def test_two_endpoints_may_be_one_device() -> None:
    """A user and a peer of one name are two endpoints; the phone is one."""
    user = of_sip_conf("bob/user", chan_sip="bob")
    assert (device_of(user), device_name(user)) == ("SIP/bob", "bob")


def test_guests_are_no_device() -> None:
    assert device_of(of_sip_conf("sip.conf/guest")) == ""


def test_the_technologies_are_those_that_habits_name() -> None:
    assert Habits().technology in TECHNOLOGIES
