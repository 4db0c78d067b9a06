"""A body generator: presence as JSON, for pages in a browser; and a supplement that adds to it."""

import json
from typing import Any

from asterism.applications.pubsub.api import BodyGenerator, BodySupplement
from asterism.applications.pubsub.base import Subscription
from asterism.applications.pubsub.module import PubSubServer
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module

TYPE = "application/vnd.example.presence+json"


class JsonGenerator(BodyGenerator):
    """Writes what the packages ``presence`` and ``dialog`` tell."""

    content_type = TYPE
    states = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> dict[str, Any]:
        """The body in a form that supplements can add to."""
        return {"extension": state.exten, "state": state.state.name.lower(), "version": subscription.version}

    def text(self, body: dict[str, Any]) -> str:
        """The body as it is sent."""
        return json.dumps(body)


class MessageSupplement(BodySupplement):
    """Adds what a ``CustomPresence`` in the hint says, but not for lobby phones."""

    content_type = TYPE

    def concerns(self, subscription: Subscription) -> bool:
        """Asked once for each subscription."""
        return not subscription.endpoint.id.startswith("lobby")

    def supplement(self, body: dict[str, Any], subscription: Subscription, state: ExtensionInfo) -> None:
        """Add to the body, in place."""
        if state.presence.message:
            body["message"] = state.presence.message


class PresenceJson(Module):
    """Registers both."""

    name = "presence_json"
    requires = ("pubsub",)
    description = "Presence as JSON"

    def load(self, server: PubSubServer) -> None:
        """Register both."""
        found = pubsub(server)
        found.register_body_generator(JsonGenerator())
        found.register_body_supplement(MessageSupplement())
