"""A publication handler: door openers publish the states of their doors, which become devices, ``Door:front``."""

from asterism.applications.pubsub.api import PublicationHandler, PublishError
from asterism.applications.pubsub.module import PubSubServer
from asterism.applications.pubsub.publication import Publication
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.vocabulary.device_state import DeviceState

DEVICES = {b"open": DeviceState.INUSE, b"closed": DeviceState.NOT_INUSE}


class DoorHandler(PublicationHandler):
    """Takes publications of the event package ``door``."""

    event = "door"
    accept = ("text/plain",)
    default_expires = 600

    def __init__(self, server: PubSubServer) -> None:
        self._states = server.pbx.device_states
        self._doors: dict[str, dict[Publication, DeviceState]] = {}
        """Of each door what each opener says, the newest last."""

    def state(self, door: str) -> DeviceState:
        """The state of ``Door:door``, for hints: what was said last."""
        said = self._doors.get(door)
        return DeviceState.UNKNOWN if said is None else tuple(said.values())[-1]

    def read(self, content_type: str, body: bytes) -> DeviceState:
        """The state that a body says; changes nothing."""
        found = DEVICES.get(body.strip())
        if found is None:
            raise PublishError(400, "a door is open or closed")
        return found

    def on_publish(self, publication: Publication) -> None:
        """A new publication."""
        self.on_changed(publication)

    def on_changed(self, publication: Publication) -> None:
        """The same, with another state."""
        said = self._doors.setdefault(publication.resource, {})
        said.pop(publication, None)
        said[publication] = publication.state
        self._states.changed(f"Door:{publication.resource}")

    def on_terminated(self, publication: Publication) -> None:
        """Removed, or not refreshed in time."""
        said = self._doors.get(publication.resource, {})
        said.pop(publication, None)
        if not said:
            self._doors.pop(publication.resource, None)
        self._states.changed(f"Door:{publication.resource}")


class DoorPublications(Module):
    """Registers the handler, and the devices."""

    name = "door_publication"
    requires = ("pubsub",)
    description = "Publications of doors"

    def load(self, server: PubSubServer) -> None:
        """Register both."""
        handler = DoorHandler(server)
        pubsub(server).register_publication_handler(handler)
        server.pbx.device_states.register_provider(server.owner, "Door", handler.state)
