"""A subscription of a simulated phone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from asterism.stack.dialog import DialogSet
from asterism.stack.headers import SubscriptionState
from asterism.stack.message import Request, Response, make_response
from asterism.testing.waiting import PATIENCE, PhoneError, until

if TYPE_CHECKING:
    from asterism.stack.dialog import Dialog
    from asterism.testing.phone import Phone


class PhoneSubscription:
    """A subscription of a phone, made by :meth:`Phone.subscribe`.

    Attributes:
        response: the answer to the latest SUBSCRIBE.
        notifies: every NOTIFY, in order.
        status: what NOTIFYs are answered with; 0 for no answer.
    """

    def __init__(self, phone: Phone, request: Request) -> None:
        self._phone = phone
        self._dialogs = DialogSet(request)
        self._waiting: deque[Request] = deque()
        self.request = request
        self.response: Response | None = None
        self.notifies: list[Request] = []
        self.status = 200
        self.dialog: Dialog | None = None

    @property
    def state(self) -> str:
        """The state in the latest NOTIFY: ``active``, ``pending``, ``terminated``; ``""`` before the first."""
        if not self.notifies:
            return ""
        found = self.notifies[-1].typed(SubscriptionState)
        return "" if found is None else found.state

    async def next(self, timeout: float = PATIENCE) -> Request:
        """Wait for the next NOTIFY.

        Raises:
            PhoneError: none came.
        """
        await until(lambda: self._waiting, timeout, lambda: f"no NOTIFY came; {self._phone.story()}")
        return self._waiting.popleft()

    async def renew(self, expires: int = 300, **headers: str) -> Response:
        """Send a SUBSCRIBE in the dialog; returns its answer.

        Raises:
            PhoneError: there is no dialog yet, or no answer.
        """
        if self.dialog is None:
            raise PhoneError("nothing to renew: no dialog")
        request = self.dialog.create_request("SUBSCRIBE")
        for name in ("Event", "Accept"):
            for value in self.request.get_all(name):
                request.add_header(name, value)
        request.set_header("Expires", str(expires))
        for name, value in headers.items():
            request.set_header(name.replace("_", "-"), value)
        self.response = await self._phone.exchange(request)
        return self.response

    async def end(self) -> Response:
        """Unsubscribe; returns the answer."""
        return await self.renew(0)

    def repeat(self, request: Request) -> Request:
        """The SUBSCRIBE goes out again, with credentials (called by the phone)."""
        self._dialogs.request = request
        return request

    def take_response(self, response: Response) -> None:
        """The SUBSCRIBE was answered (called by the phone)."""
        self.response = response
        if response.status < 300:
            self.dialog = self._dialogs.receive_response(response)

    def on_notify(self, request: Request) -> None:
        """A NOTIFY came (called by the phone)."""
        self.notifies.append(request)
        self._waiting.append(request)
        dialog = self._dialogs.receive_notify(request)
        if self.dialog is None:
            self.dialog = dialog
        if self.status:
            transaction = self._phone.wire.layer.create_server_transaction(request)
            transaction.respond(make_response(request, self.status))
