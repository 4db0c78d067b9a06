"""The realm of challenges whose auth object names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.rx import Rx


def usual_realm(rx: Rx) -> str:
    """The realm for a request: that of the transport's reception, which may go by the domains of From and To.

    It does not depend on whether anybody of that name exists.
    """
    state = rx.core.state
    reception = state.receptions.get(rx.flow.name)
    if reception is None:
        return state.default_realm
    if reception.realms:
        try:
            hosts = (rx.request.from_.uri.host, rx.request.to.uri.host)
        except ParseError:
            hosts = ("", "")
        for host in hosts:
            if host in reception.realms:
                return host
    return reception.realm or state.default_realm
