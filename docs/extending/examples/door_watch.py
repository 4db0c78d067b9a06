"""A subscriber: doors of another server become devices of this one, ``Door:front``."""

from asterism.applications.pubsub.api import Subscriber
from asterism.applications.pubsub.module import PubSubServer
from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.stack import ParseError, Request

DEVICES = {b"open": DeviceState.INUSE, b"closed": DeviceState.NOT_INUSE}


class DoorSubscriber(Subscriber):
    """Reads what other servers tell of their doors."""

    event = "door"
    accept = ("text/plain",)
    default_expires = 600
    max_body = 100

    def __init__(self, server: PubSubServer) -> None:
        self._states = server.pbx.device_states
        self._doors: dict[str, DeviceState] = {}

    def state(self, door: str) -> DeviceState:
        """The state of ``Door:door``, for hints."""
        return self._doors.get(door, DeviceState.UNKNOWN)

    def on_notify(self, subscription: OutgoingSubscription, notify: Request) -> None:
        """Take the state; a NOTIFY without a body says something of the subscription only."""
        if not notify.body:
            return
        found = DEVICES.get(notify.body.strip())
        if found is None:
            raise ParseError("a door is open or closed")
        self._set(subscription, found)

    def on_terminated(self, subscription: OutgoingSubscription) -> None:
        """Nobody knows any more; the ``outbound-subscription`` sees to the next attempt."""
        self._set(subscription, DeviceState.UNAVAILABLE)

    def _set(self, subscription: OutgoingSubscription, state: DeviceState) -> None:
        door = subscription.options.get("door", "")
        self._doors[door] = state
        self._states.changed(f"Door:{door}")


class DoorWatch(Module):
    """Registers the subscriber, and the devices."""

    name = "door_watch"
    requires = ("pubsub_outbound_subscription",)
    description = "Doors of other servers"

    def load(self, server: PubSubServer) -> None:
        """Register both."""
        subscriber = DoorSubscriber(server)
        pubsub(server).register_subscriber(subscriber)
        server.pbx.device_states.register_provider(server.owner, "Door", subscriber.state)
