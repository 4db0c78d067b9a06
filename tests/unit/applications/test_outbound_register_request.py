"""The REGISTER of a registration, as drivers differ in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asterism.applications.outbound_registration.request import Identity, make_register
from asterism.sip.objects import Registration
from asterism.sip.objects.habits import PJSIP


@pytest.mark.parametrize(("with_port", "address"), [(False, "<sip:a@d.example>"), (True, "<sip:a@d.example:5082>")])
def test_from_and_to_may_have_the_port_of_the_address(with_port: bool, address: str) -> None:
    config = Registration("r", server_uri="sip:h.example:5070", client_uri="sip:a@d.example:5082")
    config.habits = replace(PJSIP, registers_port=with_port)
    request = make_register(config, Identity("call", 1, ""), "tag", 60, 70, "")
    assert (request.get("From"), request.get("To")) == (f"{address};tag=tag", address)
