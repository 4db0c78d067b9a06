"""Dialogs (RFC 3261 section 12): what two user agents remember of each other.

A dialog knows no transactions and sends nothing: it makes requests, checks those that come, and keeps the route
set, the targets and the sequence numbers. INVITE, SUBSCRIBE and REFER share it; what they mean is their usages'
business.
"""

from __future__ import annotations

import random
from enum import Enum
from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError
from asterism.stack.headers.address import NameAddr
from asterism.stack.message import Message, Request

if TYPE_CHECKING:
    from asterism.stack.message import Response
    from asterism.stack.uri import Uri

DialogId = tuple[str, str, str]
"""Call-ID, local tag, remote tag; a tag that an RFC 2543 peer does not have is ``""``."""

TARGET_REFRESH = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""Requests whose Contact replaces the remote target, and which carry ours."""

_UNORDERED = frozenset({"ACK", "CANCEL"})
"""Requests that repeat the sequence number of the INVITE."""


class DialogState(Enum):
    """The state of a dialog."""

    EARLY = "Early"
    CONFIRMED = "Confirmed"
    TERMINATED = "Terminated"


def received_request_id(request: Request) -> DialogId:
    """The dialog that a received request is in. Raises ParseError."""
    return request.call_id, request.to.tag or "", request.from_.tag or ""


def received_response_id(response: Response) -> DialogId:
    """The dialog that a received response is in. Raises ParseError."""
    return response.call_id, response.from_.tag or "", response.to.tag or ""


class Dialog:
    """One side of a dialog; made by :meth:`uas` or :meth:`uac`.

    Attributes:
        id: Call-ID, local tag, remote tag; each of them is there by itself too.
        call_id: the Call-ID.
        local_tag: our tag.
        remote_tag: the peer's tag, ``""`` if it has none.
        local: our address with our tag, what From says in our requests.
        remote: the peer's address with its tag.
        remote_target: where requests are aimed at: the peer's Contact.
        contact: the value of our Contact header; it may be changed at any time.
        route_set: the proxies to pass, nearest first.
        local_seq: the CSeq number of our latest request, ``None`` before the first.
        remote_seq: the highest CSeq number of the peer's requests, ``None`` before the first.
        secure: created by a request to a ``sips`` URI over a secure flow.
        initiator: we sent the request that created the dialog.
        state: early, confirmed or terminated.
    """

    __slots__ = (
        "call_id",
        "contact",
        "id",
        "initiator",
        "local",
        "local_seq",
        "local_tag",
        "remote",
        "remote_seq",
        "remote_tag",
        "remote_target",
        "route_set",
        "secure",
        "state",
    )

    id: DialogId
    call_id: str
    local_tag: str
    remote_tag: str
    local: NameAddr
    remote: NameAddr
    remote_target: Uri
    contact: str
    route_set: list[NameAddr]
    local_seq: int | None
    remote_seq: int | None
    secure: bool
    initiator: bool
    state: DialogState

    @classmethod
    def uas(cls, request: Request, local_tag: str, contact: str) -> Dialog:
        """The dialog of the side that got ``request`` (12.1.1).

        Args:
            request: INVITE, SUBSCRIBE, REFER, ... with a Contact. An RFC 2543 client may leave it out and is reached at
                its From address.
            local_tag: the To-tag of our responses.
            contact: the value of our Contact header, ``<sip:...>``.

        Raises:
            ParseError: one of the headers needed is malformed, or there is not exactly one Contact.
        """
        contacts = request.contacts or ([] if request.via.is_rfc3261 else [request.from_])
        if len(contacts) != 1:
            raise ParseError("exactly one Contact is needed to create a dialog", request=request)
        dialog = cls()
        from_ = request.from_
        dialog.call_id, dialog.local_tag, dialog.remote_tag = request.call_id, local_tag, from_.tag or ""
        dialog.id = (dialog.call_id, dialog.local_tag, dialog.remote_tag)
        dialog.local = request.to.with_tag(local_tag)
        dialog.remote = from_
        dialog.remote_target = contacts[0].uri
        dialog.contact = contact
        dialog.route_set = list(request.record_routes)
        dialog.local_seq = None
        dialog.remote_seq = request.cseq.number
        flow = request.flow
        dialog.secure = request.uri.scheme == "sips" and flow is not None and flow.secure
        dialog.initiator = False
        dialog.state = DialogState.EARLY
        return dialog

    @classmethod
    def uac(cls, request: Request, response: Response) -> Dialog:
        """The dialog of the side that sent ``request`` and got ``response`` (12.1.2).

        A provisional response without Contact leaves the Request-URI as the target until one comes.

        Raises:
            ParseError: one of the headers needed is malformed.
        """
        dialog = cls()
        to = response.to
        dialog.local = from_ = request.from_
        dialog.call_id, dialog.local_tag, dialog.remote_tag = request.call_id, from_.tag or "", to.tag or ""
        dialog.id = (dialog.call_id, dialog.local_tag, dialog.remote_tag)
        dialog.remote = to
        contacts = response.contacts
        dialog.remote_target = contacts[0].uri if contacts else request.uri
        dialog.contact = request.get("Contact") or ""
        dialog.route_set = response.record_routes[::-1]
        dialog.local_seq = request.cseq.number
        dialog.remote_seq = None
        flow = response.flow
        dialog.secure = request.uri.scheme == "sips" and flow is not None and flow.secure
        dialog.initiator = True
        dialog.state = DialogState.CONFIRMED if response.status >= 200 else DialogState.EARLY
        return dialog

    @classmethod
    def subscriber(cls, request: Request, notify: Request) -> Dialog:
        """The dialog of the side that sent ``request`` (SUBSCRIBE, REFER) and got a NOTIFY for it (RFC 6665 4.4.1).

        The NOTIFY may come before the 2xx, and from several notifiers if the request forked.

        Raises:
            ParseError: one of the headers needed is malformed, or there is not exactly one Contact.
        """
        dialog = cls.uas(notify, request.from_.tag or "", request.get("Contact") or "")
        dialog.local_seq = request.cseq.number
        dialog.initiator = True
        dialog.state = DialogState.CONFIRMED
        return dialog

    @property
    def next_hop(self) -> Uri:
        """Where requests are sent to: the nearest proxy, or else the remote target."""
        return self.route_set[0].uri if self.route_set else self.remote_target

    def create_request(self, method: str) -> Request:
        """The next request in the dialog (12.2.1.1), without Via; not for ACK and CANCEL."""
        if self.local_seq is None:
            self.local_seq = random.randint(1, 32_767)
        else:
            self.local_seq += 1
        return self._request(method, self.local_seq)

    def create_ack(self, invite: Request) -> Request:
        """The ACK to a 2xx of our ``invite`` (13.2.2.4): its CSeq number and credentials, the dialog's routes."""
        ack = self._request("ACK", invite.cseq.number)
        for name in ("Authorization", "Proxy-Authorization"):
            for value in invite.get_all(name):
                ack.add_header(name, value)
        return ack

    def receive_request(self, request: Request) -> int:
        """Check the order of a request of the peer (12.2.2) and remember its sequence number.

        Returns:
            0, or the status to refuse it with: 500 if its CSeq number is not higher than the last.
        """
        if request.method in _UNORDERED:
            return 0
        number = request.cseq.number
        if self.remote_seq is not None and number <= self.remote_seq:
            return 500
        self.remote_seq = number
        return 0

    def receive_response(self, response: Response) -> None:
        """Follow a response to the request that created the dialog, or to a later one of ours.

        A 2xx confirms an early dialog, and its Record-Route replaces the route set of the provisional ones
        (13.2.2.4). 481 and 408 inside a confirmed dialog end it (12.2.1.2).
        """
        status = response.status
        method = response.cseq.method
        if status < 300:
            if self.state is DialogState.EARLY and status >= 200 and method == "INVITE" and self.initiator:
                self.state = DialogState.CONFIRMED
                self.route_set = response.record_routes[::-1]
            if method in TARGET_REFRESH:
                self.update_target(response)
        elif status in (408, 481) and self.state is DialogState.CONFIRMED:
            self.state = DialogState.TERMINATED

    def update_target(self, message: Message) -> None:
        """Take the Contact of a target refresh request or of the response to one, if there is one."""
        contacts = message.contacts
        if contacts:
            self.remote_target = contacts[0].uri

    def confirm(self) -> None:
        """A 2xx was sent."""
        if self.state is DialogState.EARLY:
            self.state = DialogState.CONFIRMED

    def terminate(self) -> None:
        """A BYE was sent or answered, or the dialog was refused."""
        self.state = DialogState.TERMINATED

    def _request(self, method: str, number: int) -> Request:
        target = self.remote_target
        routes = self.route_set
        if routes:
            first = routes[0].uri
            if "lr" not in first.params:
                # A strict router (RFC 2543): it wants itself in the Request-URI and the target last.
                routes = [*routes[1:], NameAddr("", target)]
                target = first.replace(headers="", params={k: v for k, v in first.params.items() if k != "method"})
        headers = [("Route", str(route)) for route in routes] if routes else []
        headers += (
            ("Max-Forwards", "70"),
            ("From", str(self.local)),
            ("To", str(self.remote)),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
        )
        if self.contact and method in TARGET_REFRESH:
            headers.append(("Contact", self.contact))
        return Request(method, target, headers)


class DialogSet:
    """The dialogs that one INVITE (or SUBSCRIBE) of ours has brought: a forked request makes several.

    Attributes:
        request: the latest copy of the request (it is sent again after a challenge).
        dialogs: by remote tag, in order of appearance.
    """

    __slots__ = ("dialogs", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.dialogs: dict[str, Dialog] = {}

    def receive_response(self, response: Response) -> Dialog | None:
        """The dialog of a response, made if it is new.

        Returns:
            ``None`` for 100, for a provisional response without To-tag, and for a refusal, which ends all early dialogs
            without a 2xx of their own.

        Raises:
            ParseError: a header needed for the dialog is malformed.
        """
        status = response.status
        if status >= 300:
            for dialog in self.dialogs.values():
                if dialog.state is DialogState.EARLY:
                    dialog.terminate()
            return None
        tag = response.to.tag or ""
        if status == 100 or (status < 200 and not tag):
            return None
        known = self.dialogs.get(tag)
        if known is None:
            known = self.dialogs[tag] = Dialog.uac(self.request, response)
        else:
            known.receive_response(response)
        return known

    def receive_notify(self, notify: Request) -> Dialog | None:
        """The dialog of a NOTIFY, made if its notifier is new; ``None``: it is for no request of ours (answer 481).

        The caller has the dialog check the sequence number, unless it was just made.

        Raises:
            ParseError: a header needed for the dialog is malformed.
        """
        request = self.request
        if notify.call_id != request.call_id or notify.to.tag != request.from_.tag:
            return None
        tag = notify.from_.tag or ""
        known = self.dialogs.get(tag)
        if known is None:
            known = self.dialogs[tag] = Dialog.subscriber(request, notify)
        return known
