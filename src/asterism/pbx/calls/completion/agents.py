"""The caller's side: whether it is free, and how it is called back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.pbx.calls.completion.monitors import FREE
from asterism.pbx.calls.completion.parameters import kept
from asterism.pbx.calls.originate import OriginateRequest, originate, start
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.party import PartyId

if TYPE_CHECKING:
    from asterism.pbx.calls.completion.transaction import Transaction
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

_RECALLED = FREE | {DeviceState.INVALID}
"""States in which the caller is called back. INVALID too: a caller without states can only be tried."""


class Agent:
    """Acts for the caller of one transaction. Override what is asked of it.

    Attributes:
        kind: ``generic`` or ``native``.
        device: the caller, as events have it.
        most: how many requests the caller may have at a time.
        token: what a native caller subscribes to.
        number: the caller's.
    """

    kind: ClassVar[str] = ""

    def __init__(self, pbx: Host, device: str, most: int) -> None:
        self.pbx = pbx
        self.device = device
        self.most = most
        self.token = ""
        self.number = ""
        self.transaction: Transaction | None = None

    def acknowledged(self) -> None:
        """The request has been accepted."""

    def callee_ready(self) -> None:
        """The called party is free: tell ``transaction.caller_is_busy()`` or ``transaction.recall()``."""
        raise NotImplementedError

    def callee_busy(self) -> None:
        """The called party is not free any more, and the caller has not called yet."""

    def watch_caller(self) -> None:
        """The caller is busy: tell ``transaction.caller_is_free()`` when it is not."""

    def recall(self) -> None:
        """Have the caller call again."""

    def ended(self) -> None:
        """The transaction has ended: release everything."""


class GenericAgent(Agent):
    """Goes by the state of the caller's device and calls it back."""

    kind: ClassVar[str] = "generic"

    def __init__(self, pbx: Host, caller: Channel, destination: str) -> None:
        super().__init__(pbx, caller.device, 1)
        self._destination = destination or caller.device
        self._caller = caller.caller
        self._unwatch: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    def callee_ready(self) -> None:
        """Recall the caller if its device is free, else report it busy."""
        transaction = self.transaction
        if transaction is None:
            return
        if self.pbx.device_states.get(self.device) in _RECALLED:
            transaction.recall()
        else:
            transaction.caller_is_busy()

    def watch_caller(self) -> None:
        """Watch the caller's device until it is free."""
        self._unwatch = self.pbx.device_states.watch(self.device, self._changed)

    def _changed(self, _device: str, state: DeviceState) -> None:
        if state in _RECALLED and self.transaction is not None:
            self._stop_watching()
            self.transaction.caller_is_free()

    def _stop_watching(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def ended(self) -> None:
        """Stop watching, and give up a recall that was not answered."""
        self._stop_watching()
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self.transaction = None

    def recall(self) -> None:
        """Call the caller; when it answers, its channel runs the extension that was dialled."""
        self._task = self.pbx.loop.create_task(self._recall())

    async def _recall(self) -> None:
        try:
            await self._call_back()
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self.pbx.log, f"the recall of {self.device}")
            if self.transaction is not None:
                self.transaction.fail("the recall failed")

    async def _call_back(self) -> None:
        transaction = self.transaction
        assert transaction is not None
        parameters = transaction.parameters
        callback = parameters.cc_callback_sub
        if not callback and parameters.cc_callback_macro:
            # What a macro was is a subroutine today.
            callback = f"macro-{parameters.cc_callback_macro}^s^1"
        request = OriginateRequest(
            self._destination,
            transaction.context,
            transaction.exten,
            timeout=parameters.cc_recall_timer,
            predial=callback,
            variables=[
                ("CC_EXTEN", transaction.exten),
                ("CC_CONTEXT", transaction.context),
                ("CC_INTERFACES", transaction.interfaces_of(transaction.context, transaction.exten)),
            ],
            prepare=self._prepare,
        )
        result = await originate(self.pbx, request)
        self._task = None
        transaction = self.transaction  # another coroutine may have ended it meanwhile
        if result.channel is None:
            if transaction is not None:
                transaction.fail(f"the caller did not answer the recall to {self._destination}")
            return
        if transaction is None:
            result.channel.hang_up()
            return
        start(self.pbx, result.channel, request)

    def _prepare(self, channel: Channel) -> None:
        """Set the parties: the caller's phone shows the dialled extension, the called party the original caller."""
        transaction = self.transaction
        if transaction is None:
            return
        kept(channel).recall = transaction
        transaction.linkedid = channel.linkedid
        kept(channel).parameters = transaction.parameters
        if self._caller:
            channel.set_caller(self._caller)
        channel.set_connected(PartyId(transaction.exten), tell=False)
