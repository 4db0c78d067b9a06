"""The SIP service that takes PUBLISH (RFC 3903 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from asterism.applications.pubsub.api import PublishError
from asterism.applications.pubsub.publication import Part, Publication
from asterism.applications.pubsub.publication_objects import InboundPublication
from asterism.core.containment import attempt
from asterism.data.data import DataError
from asterism.sip.decision import Decision, Outcome
from asterism.sip.identifiers.lookup import user_part
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.service import Service
from asterism.stack.errors import ParseError
from asterism.stack.headers import Event as EventHeader

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import PublicationHandler
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

RETRY_AFTER = ("Retry-After", "60")
"""Header of the answer when the limit of publications is reached."""


class Wanted(NamedTuple):
    """A PUBLISH as it was read, before anything is changed."""

    handler: PublicationHandler
    target: InboundPublication
    configuration: str
    seconds: int
    publication: Publication | None = None
    """The one that its entity tag names."""
    part: Part | None = None
    """The state in its body."""


class RefusalError(PublishError):
    """A PUBLISH is refused, with these headers."""

    def __init__(self, status: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status, reason)
        self.headers = headers


class PublicationService(Service):
    """Takes publications."""

    name: ClassVar[str] = "publication"
    priority: ClassVar[int] = 81
    methods: ClassVar[frozenset[str]] = frozenset({"PUBLISH"})

    def __init__(self, core: SipCore, pubsub: PubSub) -> None:
        self._core = core
        self._tables = pubsub
        self._publications = pubsub.publications

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision] | None:
        """Whether it is taken: the steps of RFC 3903 6, in their order."""
        endpoint = rx.endpoint
        if endpoint is None:
            return None
        try:
            wanted = self._wanted(rx, endpoint)
        except RefusalError as error:
            return self._refusal(error, error.headers, endpoint)
        except (PublishError, ParseError) as error:
            return self._refusal(error, (), endpoint)
        if wanted.publication is not None or not wanted.seconds:
            return self._decision(200, wanted, endpoint)
        handler = wanted.handler
        name = f"new_publish of publication handler '{handler.event}'"
        deciding: Callable[..., Any] = handler.new_publish
        status = attempt(self._tables.log, name, 500, deciding, endpoint, wanted.target.id, wanted.configuration, rx)
        if isawaitable(status):
            return self._later(status, wanted, endpoint)
        return self._decision(status, wanted, endpoint)

    async def _later(self, waiting: Awaitable[int], wanted: Wanted, endpoint: Endpoint) -> Decision:
        return self._decision(await waiting, wanted, endpoint)

    def _wanted(self, rx: Rx, endpoint: Endpoint) -> Wanted:
        request, core = rx.request, self._core
        user = request.uri.user
        resource = user_part(user) if core.state.ignore_uri_user_options else user
        target = core.data.get(InboundPublication, resource)
        if not isinstance(target, InboundPublication):
            raise RefusalError(404, f"there is no inbound-publication '{resource}'")
        event = request.typed(EventHeader)
        handler = None if event is None else self._tables.publication_handlers.get(event.package)
        configuration = "" if handler is None else target.configuration(handler.event.lower())
        if handler is None or not configuration:
            what = "no Event header" if event is None else f"event_{event.package} is not set, or no module takes it"
            events = ", ".join(sorted(self._tables.publication_handlers))
            raise RefusalError(489, what, (("Allow-Events", events),) if events else ())
        if target.endpoint not in ("", endpoint.id):
            raise RefusalError(403, f"only endpoint '{target.endpoint}' may publish this")
        publication = self._named(rx, handler, target, endpoint)
        seconds = self._seconds(rx, handler, target)
        body = request.body
        part = None
        if body and (seconds or publication is None):
            part = self._part(rx, handler, target)
        elif publication is None:
            raise RefusalError(400, "neither a body nor SIP-If-Match")
        if publication is None and seconds:
            self._check_room(target)
        if part is not None and self._publications.size(target.id) + part.size > target.max_bytes:
            raise RefusalError(503, "its publications consist of max_bytes already", (RETRY_AFTER,))
        return Wanted(handler, target, configuration, seconds, publication, part)

    def _named(
        self, rx: Rx, handler: PublicationHandler, target: InboundPublication, endpoint: Endpoint
    ) -> Publication | None:
        """The publication that SIP-If-Match names. Who has not made it does not learn that there is one."""
        tags = rx.request.get_all("SIP-If-Match")
        if not tags:
            return None
        if len(tags) > 1:
            raise RefusalError(400, "more than one SIP-If-Match")
        found = self._publications.get(tags[0].strip())
        mine = (handler, target.id, endpoint.id)
        if found is None or (found.handler, found.resource, found.endpoint) != mine:
            raise RefusalError(412, "no publication has this entity tag")
        return found

    def _seconds(self, rx: Rx, handler: PublicationHandler, target: InboundPublication) -> int:
        expires = rx.request.expires
        seconds = handler.default_expires if expires is None else expires
        if seconds and seconds < target.min_expiration:
            least = (("Min-Expires", str(target.min_expiration)),)
            raise RefusalError(423, f"{seconds} s are fewer than min_expiration", least)
        return min(seconds, target.max_expiration) if target.max_expiration else seconds

    def _part(self, rx: Rx, handler: PublicationHandler, target: InboundPublication) -> Part:
        body, media = rx.request.body, rx.request.content_type
        if len(body) > target.max_body:
            raise RefusalError(413, f"the body has more than {target.max_body} bytes (max_body)")
        kind = "" if media is None else f"{media.type}/{media.subtype}".lower()
        if handler.accept and kind not in handler.accept:
            raise RefusalError(415, f"'{kind}' is not read", (("Accept", ", ".join(handler.accept)),))
        return Part(kind, body, self._publications.read(handler, kind, body))

    def _check_room(self, target: InboundPublication) -> None:
        if len(self._publications) >= self._core.data.single(GlobalSettings).max_publications:
            raise RefusalError(503, "the server has as many publications as [global] max_publications", (RETRY_AFTER,))
        if len(self._publications.of(target.id)) >= target.max_publications:
            raise RefusalError(503, "there are as many publications as max_publications allows", (RETRY_AFTER,))

    def _refusal(
        self, error: PublishError | ParseError, headers: tuple[tuple[str, str], ...], endpoint: Endpoint
    ) -> Decision:
        where = f"endpoint {endpoint.id}"
        return Decision(Outcome.REJECT, str(error), error.status, where, endpoint.position, headers)

    def _decision(self, status: int, wanted: Wanted, endpoint: Endpoint) -> Decision:
        where = f"inbound-publication {wanted.target.id}"
        position = wanted.target.position
        if status >= 300:
            reason = f"the publication handler of {wanted.handler.event} refuses it"
            return Decision(Outcome.REJECT, reason, status, where, position, ())
        if wanted.publication is None:
            what = "publication"
        elif not wanted.seconds:
            what = "its end"
        else:
            what = "refresh" if wanted.part is None else "change"
        reason = f"{what} of {wanted.handler.event} by {endpoint.id}"
        return Decision(Outcome.TAKE, reason, 200, where, position, wanted)

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Refuse, or do what is asked; the answer follows once that is durable."""
        endpoint = rx.endpoint
        assert endpoint is not None
        if decision.outcome is not Outcome.TAKE:
            self._tables.log.notice(
                "a PUBLISH from endpoint '%s' is refused with %d: %s", endpoint.id, decision.status, decision.reason
            )
            rx.respond(decision.status, headers=decision.data)
            return
        wanted: Wanted = decision.data
        rx.transaction_for()
        publications, publication, part = self._publications, wanted.publication, wanted.part
        done, failed = partial(_answer, rx, wanted.seconds), partial(_fail, rx)
        if publication is None:
            assert part is not None
            if not wanted.seconds:
                self._answer_passing(done, failed)
                return
            name = self._core.random(8).hex()
            publication = Publication(name, wanted.handler, endpoint.id, wanted.target.id, wanted.configuration, "")
            publications.begin(publication, wanted.seconds, part, done, failed)
        elif not wanted.seconds:
            publications.remove(publication, done, failed)
        elif part is None:
            publications.refresh(publication, wanted.seconds, done, failed)
        else:
            publications.modify(publication, wanted.seconds, part, done, failed)

    def _answer_passing(self, done: Callable[[str], None], failed: Callable[[], None]) -> None:
        """Answer a publication that is over as it begins: nothing is stored, and handlers are not called."""
        try:
            tag = self._publications.tag()
        except DataError:
            failed()
        else:
            done(tag)


def _answer(rx: Rx, seconds: int, tag: str) -> None:
    rx.respond(200, headers=(("SIP-ETag", tag), ("Expires", str(seconds))))


def _fail(rx: Rx) -> None:
    rx.respond(500)
