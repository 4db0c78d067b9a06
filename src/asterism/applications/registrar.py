"""The registrar: binds contacts to the AORs of the endpoint that sends REGISTER (RFC 3261 section 10).

The 200 goes out once the bindings are committed to the store, so that what was acknowledged is not lost.
If the commit fails, nothing has changed and the answer is 500.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

from asterism.core.module import Module
from asterism.data.data import DataError, Missing
from asterism.sip.bindings import UriIndex
from asterism.sip.decision import Decision, Outcome
from asterism.sip.identifiers.lookup import names_of, user_part
from asterism.sip.nat_detection import rewrites_contact
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.contact import Contact, contact_id
from asterism.sip.resolving import TRANSPORT_PARAMETER
from asterism.sip.service import Service
from asterism.stack.digest import Credentials
from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer
    from asterism.stack.headers import NameAddr
    from asterism.stack.message import Request

_NO_AORS = Decision(Outcome.REJECT, "the endpoint has no AORs", 403)
_ON_FLOW = frozenset(("WS", "WSS"))
"""Transports whose clients can be reached over their own connection only (RFC 7118 section 5.1)."""
_LONG_LIST = 800
"""Characters of URIs in a 200 above which it may be much larger than its REGISTER: about as long as one is."""
SPARE_CONTACTS = 16
"""So many contacts a REGISTER may name beyond those that are bound and those that may be: to remove what is gone."""
_COMMAS = 32
"""Commas that one Contact may have on average (in ``methods``, say), where they are counted before it is parsed."""
MAX_URI = 511
"""Characters of a contact's URI: what Asterisk's own table takes. Answers list all of them."""
MAX_PATH = 2048
"""Characters of the Path of one REGISTER."""
MAX_TEXT = 255
"""Characters that are kept of other texts of the request."""
_NO_ENDPOINT = Decision(Outcome.REJECT, "no endpoint: the sender was not identified", 403)


class Plan(Decision):
    """The changes that a REGISTER asks for: bindings to set and to remove; neither for a query."""

    __slots__ = (
        "aor", "bindings", "changed", "current", "expires", "index", "now", "outbound", "reasons", "removed", "slack",
    )  # fmt: skip

    def __init__(self, aor: Aor, now: float, slack: int = 0) -> None:
        # Not through the base class: one is made for every REGISTER.
        self.outcome = Outcome.TAKE
        self.reason = "the bindings are updated"
        self.status = 200
        self.object = f"aor {aor.id}"
        self.position = aor.position
        self.data = None
        self.aor = aor
        self.now = now
        self.slack = slack
        """Seconds that bindings last longer than the answer says."""
        self.changed: dict[str, Contact] = {}
        """Bindings that are new or refreshed, by id."""
        self.removed: dict[str, Contact] = {}
        """Bindings that are taken away, by id; one that is also in ``changed`` was named twice."""
        self.reasons: dict[str, str] = {}
        """Why, for those that the request does not name."""
        self.current: dict[str, Contact] = {}
        """All bindings as they will be, by URI."""
        self.index: UriIndex | None = None
        """Finds a binding by an equivalent URI; made when one is looked for."""
        self.bindings: Sequence[Contact] = ()
        """The bindings listed in the 200."""
        self.outbound = False
        """Whether the contacts are reached over the flow of the request (RFC 5626)."""
        self.expires: int | None = None
        """The Expires of the 200; ``None`` when the request has none."""


class Registrar(Service):
    """Handles REGISTER."""

    name: ClassVar[str] = "registrar"
    priority: ClassVar[int] = 50
    methods: ClassVar[frozenset[str]] = frozenset({"REGISTER"})

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._location = core.location

    def extensions(self) -> frozenset[str]:
        """Paths (RFC 3327) and flows (RFC 5626)."""
        return frozenset({"path", "outbound"})

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision]:
        """Find the AOR and work out the change of its bindings."""
        endpoint = rx.endpoint
        if endpoint is None:
            return _NO_ENDPOINT
        if not endpoint.aors:
            return _NO_AORS
        aor_id = self._aor_id(rx.request, endpoint)
        if not aor_id:
            return Decision(Outcome.REJECT, "the endpoint does not list the AOR", 404, f"endpoint {endpoint.id}")
        aor = self._core.data.get(Aor, aor_id)
        if isinstance(aor, Aor):
            return self._plan(rx, endpoint, aor)
        if aor is Missing.NOT_LOADED:
            return self._retrieve(rx, endpoint, aor_id)
        return Decision(Outcome.REJECT, f"the AOR '{aor_id}' does not exist", 404, f"endpoint {endpoint.id}")

    async def _retrieve(self, rx: Rx, endpoint: Endpoint, aor_id: str) -> Decision:
        aor = await self._core.data.retrieve(Aor, aor_id)
        if aor is None:
            return Decision(Outcome.REJECT, f"the AOR '{aor_id}' does not exist", 404, f"endpoint {endpoint.id}")
        return self._plan(rx, endpoint, aor)

    def _aor_id(self, request: Request, endpoint: Endpoint) -> str:
        """The AOR that To names (or the credentials, by ``identify_by``), if the endpoint lists it."""
        core = self._core
        aors = endpoint.aors
        uri = request.to.uri
        for method in endpoint.identify_by:
            if method == "auth_username":
                for value in request.get_all("Authorization"):
                    try:
                        given = Credentials.parse(value)
                    except ParseError:
                        continue
                    for name in names_of(core, core.user_hashes.name_of(given), given.realm):
                        if name in aors:
                            return name
        user = user_part(uri.user) if core.state.ignore_uri_user_options else uri.user
        # The bare name is by far the most common: it is tried without making the others.
        if user in aors and (core.state.disable_multi_domain or len(aors) == 1):
            return user
        return next((name for name in names_of(core, user, uri.host) if name in aors), "")

    # Planning.

    def _plan(self, rx: Rx, endpoint: Endpoint, aor: Aor) -> Decision:
        request, habits = rx.request, endpoint.habits
        if not aor.max_contacts:
            return self._refuse(403, "max_contacts is 0", aor)
        if habits.transports and rx.flow.transport not in habits.transports:
            return self._refuse(403, f"it may not register over {rx.flow.transport}", aor)
        if habits.domains and request.to.uri.host.lower() not in habits.domains:
            return self._refuse(403, f"{request.to.uri.host} is no domain of this server", aor)
        now = self._location.wall_clock()
        plan = Plan(aor, now, habits.expiry_slack)
        current = plan.current
        for item in self._core.data.find_staged(Contact, "aor", aor.id):
            if item.expiration_time > now:
                current[item.uri] = item
        limit = aor.max_contacts + len(current) + SPARE_CONTACTS
        commas = 0
        for name, value in request.headers:
            if name == "Contact":
                commas += value.count(",") + 1
        if commas > limit * _COMMAS:
            return self._refuse(403, "too many contacts in one request", aor)
        try:
            contacts = request.contacts
            star = not contacts and request.contact_star
            expires = request.expires
        except ParseError as error:
            return self._refuse(400, error.message, aor)
        if expires is not None:
            plan.expires = _clamped(expires, aor)
        if star:
            if expires != 0:
                return self._refuse(400, "Contact * needs Expires: 0", aor)
            plan.removed = {item.id: item for item in current.values()}
            return plan
        paths = request.get_all("Path") if aor.support_path else ()
        if paths and not request.has_option("Supported", "path"):
            return self._refuse(420, "Path without Supported: path", aor)
        path = ", ".join(paths)
        if len(path) > MAX_PATH:
            return self._refuse(400, "the Path is too long", aor)
        if len(contacts) > limit:
            return self._refuse(403, "too many contacts in one request", aor)
        rewriting = endpoint.rewrite_contact and not path and rx.flow.transport not in _ON_FLOW
        if rewriting and endpoint.detect_nat:
            rewriting = rewrites_contact(endpoint, request)
        ours = _of_sender(contacts, request) if rewriting and len(contacts) > 1 else None
        for contact in contacts:
            rewrite = rewriting and (ours is None or id(contact) in ours)
            refusal = self._plan_contact(rx, endpoint, plan, contact, rewrite, path)
            if refusal is not None:
                return refusal
        if plan.changed and len(current) > aor.max_contacts and not self._make_room(plan):
            text = f"registration by '{endpoint.id}' would exceed max_contacts of {aor.max_contacts}"
            return self._refuse(403, text, aor)
        plan.bindings = list(current.values())
        if habits.expires_told and plan.bindings:
            plan.expires = max(self._told_left(one, plan) for one in plan.bindings)
        return plan

    def _told_left(self, binding: Contact, plan: Plan) -> int:
        """The seconds that the answer says a binding lasts: of one that this request has set, those that it got."""
        left = max(binding.expiration_time - int(plan.now), 0)
        return left - plan.slack if binding.id in plan.changed else left

    def _plan_contact(
        self,
        rx: Rx,
        endpoint: Endpoint,
        plan: Plan,
        contact: NameAddr,
        rewrite: bool,
        path: str,
    ) -> Decision | None:
        """Add one Contact to the plan; a decision when it makes the whole request fail."""
        aor, current = plan.aor, plan.current
        request = rx.request
        uri = contact.uri
        if uri.scheme not in {"sip", "sips"}:
            return self._refuse(416, f"a contact cannot be a {uri.scheme} URI", aor)
        if (endpoint.contact_rules or endpoint.contact_acl) and not self._contact_allowed(endpoint, uri):
            return self._refuse(403, f"contact address {uri.host} is denied", aor)
        flow = rx.flow
        if uri.headers:
            uri = uri.replace(headers="")
        given = uri
        if rewrite:
            uri = _rewritten(uri, rx)
        if flow.name in self._core.state.symmetric and not path:
            uri = uri.replace(params={**uri.params, TRANSPORT_PARAMETER: flow.name})
        text = str(uri)
        if len(text) > MAX_URI:
            return self._refuse(400, "the URI of a contact is too long", aor)
        call_id, cseq = request.call_id, request.cseq.number
        if len(call_id) > MAX_TEXT:
            call_id = sha256(call_id.encode("utf-8", "surrogateescape")).hexdigest()
        seconds = _lifetime(contact, plan.expires, aor)
        known = current.get(text)
        if known is None and current:
            index = plan.index
            if index is None:
                index = plan.index = UriIndex(current.values())
            known = index.equivalent(uri)
            if known is None and not seconds:
                known = index.registered_as(given, call_id)
        # The same CSeq is the same request again: the answer to it was lost.
        if known is not None and known.call_id == call_id and known.cseq > cseq and known.id not in plan.changed:
            return self._refuse(500, "CSeq is lower than in the REGISTER before", aor)
        if not seconds:
            if known is not None:
                del current[known.uri]
                plan.changed.pop(known.id, None)
                plan.removed[known.id] = known
                if plan.index is not None:
                    plan.index.remove(known)
            return None
        if (
            flow.reliable
            and "reg-id" in contact.params
            and "+sip.instance" in contact.params
            and request.has_option("Supported", "outbound")
            and len(request.vias) == 1
        ):
            plan.outbound = True
        now = int(plan.now)
        if known is not None:
            binding = known.replace()
        else:
            binding = Contact.blank(contact_id(aor.id, text))
            binding.aor = aor.id
            binding.uri = text
            binding.registered_at = now
        via = request.vias[-1]
        binding.expiration_time = now + seconds + plan.slack
        binding.lifetime = seconds
        binding.path = path
        binding.original_uri = "" if uri is given else str(given)[:MAX_URI]
        agent = request.get("User-Agent") or ""
        binding.user_agent = agent if len(agent) <= MAX_TEXT and agent.isascii() else readable(agent)
        binding.endpoint = endpoint.id
        binding.reg_server = self._location.server_name
        binding.via_addr = via.host[:MAX_TEXT]
        binding.via_port = via.port or 0
        binding.call_id = call_id
        binding.cseq = cseq
        binding.qualify_frequency = aor.qualify_frequency
        binding.qualify_timeout = aor.qualify_timeout
        binding.qualify_2xx_only = aor.qualify_2xx_only
        binding.authenticate_qualify = aor.authenticate_qualify
        binding.outbound_proxy = aor.outbound_proxy
        binding.q = _preference(contact) if "q" in contact.params else 1.0
        binding.prune_on_boot = flow.reliable and (endpoint.rewrite_contact or flow.transport in _ON_FLOW)
        current[binding.uri] = binding
        plan.changed[binding.id] = binding
        if plan.index is not None:
            plan.index.add(binding)
        return None

    def _contact_allowed(self, endpoint: Endpoint, uri: Uri) -> bool:
        security = self._core.state.security
        return security is None or bool(security.acls.endpoint_allows_contact(endpoint, uri))

    def _make_room(self, plan: Plan) -> bool:
        """Keep to ``max_contacts``, dropping other contacts where the AOR allows it; whether that is enough."""
        aor, current = plan.aor, plan.current
        excess = len(current) - aor.max_contacts
        rest = [item for item in current.values() if item.id not in plan.changed]
        victims: list[Contact] = []
        if aor.remove_unavailable:
            state = self._location.state
            victims = [item for item in rest if not state(item).available]
            rest = [item for item in rest if state(item).available]
        unavailable = len(victims)
        if aor.remove_existing:
            victims += sorted(rest, key=_expiration)
        if len(victims) < excess:
            return False
        for index, victim in enumerate(victims[:excess]):
            del current[victim.uri]
            plan.removed[victim.id] = victim
            plan.reasons[victim.id] = "remove_unavailable" if index < unavailable else "remove_existing"
        return True

    def _refuse(self, status: int, reason: str, aor: Aor) -> Decision:
        return Decision(Outcome.REJECT, reason, status, f"aor {aor.id}", aor.position)

    # Carrying out.

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Store the bindings and answer; refuse without storing anything."""
        if not isinstance(decision, Plan):
            self._log_refusal(decision, rx)
            headers = (("Unsupported", "path"),) if decision.status == 420 else ()
            rx.respond(decision.status, headers=headers)
            return
        plan = decision
        if len(plan.bindings) > 1 and not self._may_list(plan, rx):
            return
        data = self._core.data
        embedded = data.embedded(Contact)
        if not embedded:
            # A database may take its time: the transaction sends a 100 meanwhile (RFC 4320).
            rx.transaction_for()
        if plan.changed or plan.removed:
            try:
                removed = plan.removed
                if removed and plan.changed:
                    removed = {key: item for key, item in removed.items() if key not in plan.changed}
                data.change_now(plan.changed.values(), removed.values())
                for key in removed:
                    self._location.removing(key, plan.reasons.get(key, "request"))
            except DataError as error:
                self._core.log.error("the bindings of AOR '%s' cannot be stored: %s", plan.aor.id, error)
                rx.respond(500)
                return
        answer = rx.hold(200, self._headers(plan, rx))
        if rx.flow.reliable:
            answer = partial(self._settled, plan, rx, answer)
        # In a database, what others have changed meanwhile may fail for itself.
        ids = None if embedded else {*plan.changed, *plan.removed, *[item.id for item in plan.bindings]}
        data.on_settled(Contact, answer, partial(rx.respond, 500), ids)

    def _may_list(self, plan: Plan, rx: Rx) -> bool:
        """Whether an answer may list the bindings; otherwise the request was challenged again.

        A datagram's source is anybody's word, and must not be sent much more than the request had.
        """
        prove = self._core.state.prove_source
        if rx.flow.reliable or prove is None or sum(len(item.uri) for item in plan.bindings) < _LONG_LIST:
            return True
        return prove(rx)

    def _settled(self, plan: Plan, rx: Rx, answer: Callable[[], None]) -> None:
        """Answer over a connection, and tie the contacts to it that can be reached no other way."""
        flow, core = rx.flow, self._core
        now = self._location.wall_clock()
        for contact in plan.changed.values():
            flow.kept_until = max(flow.kept_until, core.layer.timers.clock() + contact.expiration_time - now)
            if contact.prune_on_boot or plan.outbound:
                core.flows.bind(contact, flow)
        answer()

    def _headers(self, plan: Plan, rx: Rx) -> list[tuple[str, str]]:
        now = plan.now
        headers = [("Date", _date(int(now)))]
        for contact in plan.bindings:
            left = self._told_left(contact, plan) if plan.slack else max(int(contact.expiration_time - now), 0)
            # A q of 1 is what a contact without one has (section 20.10).
            q = f";q={contact.q:.3g}" if contact.q != 1.0 else ""
            # As its user agent knows it.
            uri = contact.original_uri or contact.uri
            if TRANSPORT_PARAMETER in uri:
                uri = _without_transport(uri)
            headers.append(("Contact", f"<{uri}>{q};expires={left}"))
        if plan.expires is not None:
            headers.append(("Expires", str(plan.expires)))
        if plan.aor.support_path:
            headers.extend(("Path", path) for path in rx.request.get_all("Path"))
            headers.append(("Supported", "path"))
        if plan.outbound:
            headers.append(("Require", "outbound"))
        return headers

    def _log_refusal(self, decision: Decision, rx: Rx) -> None:
        endpoint = rx.endpoint
        if endpoint is not None and decision.status in (403, 404):
            host, port = rx.flow.remote
            self._core.log.warning(
                "REGISTER from endpoint '%s' (%s:%s) refused: %s", endpoint.id, host, port, decision.reason
            )


def _without_transport(uri: str) -> str:
    """A contact as its user agent knows it, without our own parameter."""
    parsed = Uri.parse(uri)
    return str(parsed.replace(params={k: v for k, v in parsed.params.items() if k != TRANSPORT_PARAMETER}))


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _clamped(seconds: int, aor: Aor) -> int:
    """An asked lifetime brought within the AOR's limits; 0 stays 0."""
    if not seconds:
        return 0
    return max(min(seconds, aor.maximum_expiration), aor.minimum_expiration)


def _lifetime(contact: NameAddr, clamped: int | None, aor: Aor) -> int:
    """Seconds that one contact is bound for, 0 to remove it; an unreadable ``expires`` is as good as none.

    ``clamped`` is what the request's Expires asks for, within the AOR's limits.
    """
    value = contact.params.get("expires")
    if value is not None and value.isascii() and value.isdigit():
        return _clamped(min(int(value), 2**32 - 1) if len(value) < 100 else 2**32 - 1, aor)
    if clamped is not None:
        return clamped
    return _clamped(aor.default_expiration, aor)


def _expiration(contact: Contact) -> int:
    return contact.expiration_time


def _preference(contact: NameAddr) -> float:
    """The q value of a Contact (RFC 3261 section 20.10), 1 where it cannot be read."""
    value = contact.params["q"] or ""
    readable = len(value) < 6 and value.isascii() and value.replace(".", "", 1).isdigit()
    return min(float(value), 1.0) if readable else 1.0


def _rewritten(uri: Uri, rx: Rx) -> Uri:
    """The contact as it is seen from here: the source of the request (``rewrite_contact``)."""
    host, port = rx.flow.remote
    params = dict(uri.params)
    params.pop("maddr", None)  # requests would go there instead
    if rx.flow.transport != "UDP":
        params["transport"] = rx.flow.transport
    elif "transport" in params:
        del params["transport"]
    if uri.host == host and uri.port == port and params == uri.params:
        return uri
    return uri.replace(host=host, port=port, params=params)


def _of_sender(contacts: Sequence[NameAddr], request: Request) -> frozenset[int]:
    """Identities of those contacts that stand for the sender of the request, for ``rewrite_contact``.

    They are at the address in its Via. If none is, it is the first that is not removed, as in Asterisk.
    """
    via = request.vias[-1]
    there = (via.host, via.port or 5060)
    found = [each for each in contacts if each.uri.is_sip and (each.uri.host, each.uri.port or 5060) == there]
    if not found:
        found = [each for each in contacts if each.uri.host == via.host]
    if not found:
        found = [each for each in contacts if each.params.get("expires") != "0"][:1]
    return frozenset(map(id, found))


def readable(text: str) -> str:
    """Text to show, with a mark in place of bytes that are no UTF-8: databases do not take them."""
    text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class RegistrarModule(Module):
    """Accepts registrations."""

    name = "registrar"
    aliases = ("res_pjsip_registrar", "res_sip_registrar")
    requires = ("sip_authentication",)
    description = "SIP registrar"

    def load(self, server: SipServer) -> None:
        """Register the service."""
        server.sip.register_service(Registrar(server.sip))
        server.register_marked(self)
