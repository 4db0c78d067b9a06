"""The profiles of endpoints, made when first needed and again when an endpoint's object is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.identity import EndpointProfile

if TYPE_CHECKING:
    from asterism.applications.session.registry import Sessions
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint


class Profiles:
    """Profiles by endpoint name."""

    def __init__(self, core: SipCore, registry: Sessions) -> None:
        self._core = core
        self._registry = registry
        self._profiles: dict[str, EndpointProfile] = {}

    def of(self, endpoint: Endpoint) -> EndpointProfile:
        """The profile of an endpoint."""
        found = self._profiles.get(endpoint.id)
        if found is None or found.endpoint is not endpoint:
            found = self._profiles[endpoint.id] = EndpointProfile(self._core, endpoint, self._registry)
        return found

    def clear(self) -> None:
        """Forget all, after the global settings or the supplements changed."""
        self._profiles.clear()
