"""All registrations of a server at others, and the calls that come in by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from asterism.applications.outbound_registration.client import RegistrationClient
from asterism.data.data import Missing
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.registration import Registration

if TYPE_CHECKING:
    from asterism.data.data import Change
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.scheduled import ScheduledTask

_IN_PLACE = frozenset(
    {"retry_interval", "forbidden_retry_interval", "fatal_retry_interval", "max_retries", "auth_rejection_permanent",
     "max_random_initial_delay"}
)  # fmt: skip
"""Options that count from the next failure on; a change of any other one means to register anew."""


class OutboundRegistrations:
    """A client per ``registration`` object; follows the objects as they are added, changed and removed."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._clients: dict[str, RegistrationClient] = {}
        self.leaving: set[RegistrationClient] = set()
        """Those that are being taken back; their objects are gone."""
        self.lines: dict[str, str] = {}
        """Endpoint names by line token."""
        self.watchers: list[Callable[[RegistrationClient], None]] = []
        """Called with a client when an attempt of it has an outcome."""
        self._stop_observing: Callable[[], None] | None = None
        self._left: Callable[[], object] | None = None

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[RegistrationClient]:
        """The clients in the order of their names."""
        return iter([self._clients[name] for name in sorted(self._clients)])

    def get(self, name: str) -> RegistrationClient | None:
        """The client of a registration."""
        return self._clients.get(name)

    def tasks(self) -> Iterator[ScheduledTask]:
        """Scheduled tasks, one for each registration, for ``pjsip show scheduled_tasks``."""
        for client in self:
            task = client.task()
            if task is not None:
                yield task

    def start(self) -> None:
        """Begin to register, spread over each object's ``max_random_initial_delay``; does nothing the second time."""
        if self._stop_observing is not None:
            return
        self._stop_observing = self._core.data.observe(Registration, self._changed)
        for config in self._core.data.all(Registration):
            self._add(config).start()

    def retry_given_up(self) -> None:
        """Try again what was refused for good: the configuration was read anew."""
        for client in self:
            if client.given_up:
                client.start()

    def leave(self, over: Callable[[], object]) -> None:
        """Take back every registration that a registrar knows of, or may; ``over()`` is called when that is done."""
        if self._stop_observing is not None:
            self._stop_observing()
            self._stop_observing = None
        self._left = over
        for client in self:
            if client.known:
                self._drop(client.config.id, lambda: None)
        self._look()

    def close(self) -> None:
        """Drop every client without a word to its registrar."""
        self._left = None
        for client in (*self._clients.values(), *self.leaving):
            client.close()
        self._clients.clear()
        self.leaving.clear()
        self.lines.clear()

    def _look(self) -> None:
        if not self.leaving and self._left is not None:
            over, self._left = self._left, None
            over()

    def _add(self, config: Registration) -> RegistrationClient:
        client = self._clients[config.id] = RegistrationClient(self._core, config, self.watchers)
        if client.identity.line:
            self.lines[client.identity.line] = config.endpoint
        return client

    def _drop(self, name: str, over: Callable[[], None]) -> None:
        client = self._clients.pop(name, None)
        if client is None:
            over()
            return
        self.lines.pop(client.identity.line, None)
        self.leaving.add(client)

        def left() -> None:
            self.leaving.discard(client)
            over()
            self._look()

        client.unregister(left)

    def _changed(self, change: Change[Registration]) -> None:
        old, new = change.old, change.new
        if new is None:
            self._drop(change.item.id, lambda: None)
            return
        client = self._clients.get(new.id)
        if client is None or old is None:
            self._add(new).start()
        elif all(getattr(old, name) == getattr(new, name) for name in Registration.defaults() if name not in _IN_PLACE):
            client.config = new
        else:
            # The old binding goes first: with the same Contact it would take the new one along.
            self._drop(new.id, lambda: self._again(new))

    def _again(self, config: Registration) -> None:
        if self._stop_observing is not None:
            self._add(config).start(0)


class LineIdentifier:
    """Recognises calls to a registered Contact by its ``line`` parameter (``line=yes``, ``endpoint``)."""

    def __init__(self, core: SipCore, lines: dict[str, str]) -> None:
        self._core = core
        self.subjects = self._lines = lines

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Look for the token in the Request-URI and in To."""
        lines = self._lines
        request = rx.request
        name = lines.get(request.uri.param("line") or "") or lines.get(request.to.uri.param("line") or "")
        if not name:
            return None
        found = self._core.data.get(Endpoint, name)
        if found is Missing.NOT_LOADED:
            return self._core.data.retrieve(Endpoint, name)
        return found if isinstance(found, Endpoint) else None
