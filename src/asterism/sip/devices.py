"""The devices that endpoints are: by these names channels, hints and events know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.sip.objects.endpoint import Endpoint

TECHNOLOGIES = ("PJSIP", "SIP")
"""The technologies that an endpoint's channels may be of (:attr:`~asterism.sip.objects.habits.Habits.technology`)."""
_NAME_FIELD = "chan_sip"
"""The extended option that tells the device's name, where the technology is not PJSIP."""


def device_of(endpoint: Endpoint) -> str:
    """The device of an endpoint, ``PJSIP/alice``: its channels are named after it, hints and states name it.

    Empty for an endpoint that is not one peer: the one of guests of sip.conf.
    """
    name = device_name(endpoint)
    return f"{endpoint.habits.technology}/{name}" if name else ""


def device_name(endpoint: Endpoint) -> str:
    """The device's name without the technology; a user and a peer of one name are two endpoints and one device."""
    if endpoint.habits.technology == "PJSIP":
        return endpoint.id
    return endpoint.fields.get(_NAME_FIELD, "")
