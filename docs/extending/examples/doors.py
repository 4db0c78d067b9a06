"""A notifier: the event package ``door``. ``Set(DOOR(front)=open)`` opens a door, and whoever subscribed is told."""

from asterism import Channel
from asterism.applications.pubsub.api import BodyGenerator, Notifier
from asterism.applications.pubsub.base import Subscription
from asterism.applications.pubsub.module import PubSubServer
from asterism.applications.pubsub.registry import pubsub
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx

STATES = ("open", "closed")


class DoorNotifier(Notifier):
    """Tells the states of doors."""

    event = "door"
    accept = "text/plain"
    default_expires = 600

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self._watchers: dict[str, dict[Subscription, None]] = {}

    def set(self, door: str, state: str) -> None:
        """A door has a new state: tell those who watch it."""
        self.states[door] = state
        for subscription in tuple(self._watchers.get(door, ())):
            subscription.notify(state)

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int:
        """Only doors that there are; decides and changes nothing."""
        return 200 if resource in self.states else 404

    def on_subscribe(self, subscription: Subscription) -> None:
        """Keep it, and give it the first state. After a restart the door may be gone."""
        state = self.states.get(subscription.resource)
        if state is None:
            subscription.end("noresource")
            return
        self._watchers.setdefault(subscription.resource, {})[subscription] = None
        subscription.notify(state)

    def on_terminated(self, subscription: Subscription) -> None:
        """Forget it."""
        watchers = self._watchers.get(subscription.resource, {})
        watchers.pop(subscription, None)
        if not watchers:
            self._watchers.pop(subscription.resource, None)


class DoorText(BodyGenerator):
    """Writes a state as it is: the text of the default methods."""

    content_type = "text/plain"
    states = str


class Doors(Module):
    """``DOOR(name)``, and the event package."""

    name = "doors"
    requires = ("pubsub",)
    description = "Event package door"

    def load(self, server: PubSubServer) -> None:
        """Register everything."""
        self._notifier = DoorNotifier()
        found = pubsub(server)
        found.register_body_generator(DoorText())
        found.register_notifier(self._notifier)
        server.pbx.register_marked(self)

    @function("DOOR", Documentation("The state of a door; writing changes it.", "DOOR(name)"))
    def door(self, channel: Channel | None, args: str) -> str:
        """Empty for a door that there is not."""
        return self._notifier.states.get(args.strip(), "")

    @function_writer("DOOR")
    def set_door(self, channel: Channel | None, args: str, value: str) -> None:
        """``Set(DOOR(name)=open)``."""
        if value not in STATES or not args.strip():
            raise FunctionError("a door is open or closed")
        self._notifier.set(args.strip(), value)
