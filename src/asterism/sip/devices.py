"""The devices that endpoints are: by these names channels, hints and events know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.sip.objects.endpoint import Endpoint

TECHNOLOGIES = ("PJSIP", "SIP")
"""The technologies that an endpoint's channels may be of (:attr:`~asterism.sip.objects.habits.Habits.technology`)."""
_NAME_FIELD = "chan_sip"
"""The extended option that tells the device's name where the endpoint's is another."""


def device_of(endpoint: Endpoint) -> str:
    """The device of an endpoint, ``PJSIP/alice``: its channels are named after it, hints and states name it."""
    return f"{endpoint.habits.technology}/{device_name(endpoint)}"


def device_name(endpoint: Endpoint) -> str:
    """The device's name without the technology."""
    fields = endpoint.fields
    return fields.get(_NAME_FIELD, endpoint.id) if fields else endpoint.id
