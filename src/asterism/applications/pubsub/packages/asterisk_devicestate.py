"""The package ``asterisk-devicestate``: servers that share states of devices (``res_pjsip_publish_asterisk``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import PublishError
from asterism.applications.pubsub.packages.asterisk_publication import (
    AsteriskHandler,
    AsteriskPublisher,
    number_in,
    text_in,
    written,
)
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.states.device_states import NOTHING_SAID
from asterism.pbx.vocabulary.device_state import parse_device_state
from asterism.sip.devices import device_of
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.pubsub.module import PubSubServer
    from asterism.applications.pubsub.registry import PubSub
    from asterism.pbx.assembly.pbx import Pbx

EVENT = "asterisk-devicestate"
OPTION = "device_state"


class DeviceStateHandler(AsteriskHandler):
    """States of devices of other servers."""

    event: ClassVar[str] = EVENT
    kind: ClassVar[str] = "devicestate"
    option: ClassVar[str] = OPTION
    publish_option: ClassVar[str] = "devicestate_publish"

    def state(self, found: dict[str, Any]) -> tuple[str, Any]:
        """Device and state."""
        state = parse_device_state(text_in(found, "state"))
        if state is None:
            raise PublishError(500, "'state' is no device state")
        if "cachable" in found:
            number_in(found, "cachable", 1)
        return text_in(found, "device"), state


class DeviceStatePublisher(AsteriskPublisher):
    """Tells other servers the states that devices have here by themselves."""

    event: ClassVar[str] = EVENT
    option: ClassVar[str] = OPTION
    publish_option: ClassVar[str] = "devicestate_publish"

    def __init__(self, tables: PubSub, pbx: Pbx, eid: str) -> None:
        super().__init__(tables, eid)
        self._states = pbx.device_states

    def names(self) -> list[str]:
        """The devices that are known by name and have a state, among them all endpoints."""
        states = self._states
        endpoints = (device_of(endpoint) for endpoint in self._tables.core.data.all(Endpoint))
        found = dict.fromkeys((*states.named(), *endpoints))
        return [device for device in found if states.own(device) not in NOTHING_SAID]

    def body(self, name: str) -> str:
        """Device and state."""
        state = self._states.own(name).name
        return written(type="devicestate", device=name, state=state, cachable=1, eid=self._eid)

    def follow(self) -> Callable[[], None]:
        """Watch all devices."""
        return self._states.observe_own(self._tables.owner, lambda device, _state: self.changed(device))


class AsteriskDeviceStateModule(Module):
    """Takes and tells states of devices."""

    name = "pubsub_asterisk_devicestate"
    aliases = ("res_pjsip_publish_asterisk",)
    requires = ("pubsub",)
    description = "Device states of and for other servers"

    def load(self, server: PubSubServer) -> None:
        """Register handler and publisher."""
        found = pubsub(server)
        handler = DeviceStateHandler(found, server.pbx.device_states.remote, server.options.entityid)
        publisher = DeviceStatePublisher(found, server.pbx, server.options.entityid)
        handler.republish, handler.ask = publisher.republish, publisher.ask
        found.register_publication_handler(handler)
        found.register_publisher(publisher)
