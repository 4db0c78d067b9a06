"""The dialog table: which usage and which work an in-dialog request belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from asterism.sip.decision import Decision
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.works import Work
    from asterism.stack.dialog import Dialog
    from asterism.stack.message import Request

DialogId = tuple[str, str, str]
"""Call-ID, local tag, remote tag (RFC 3261 section 12)."""


class DialogUsage(Protocol):
    """A usage of a dialog: a session, a subscription (RFC 5057)."""

    def on_request(self, rx: Rx) -> bool | None:
        """Handle an in-dialog request, in the dialog's work, after the CSeq check.

        ``False`` says that it belongs to another usage of the dialog. The request may be answered later.
        """

    def on_ack(self, request: Request) -> None:
        """Take the ACK to a 2xx."""


@runtime_checkable
class ExplainableUsage(Protocol):
    """A usage that can say what would become of a request."""

    def evaluate(self, rx: Rx) -> Decision | None:
        """What ``on_request`` would do; changes nothing, ``None`` where it does not say."""


class DialogEntry:
    """A dialog with its usages, its work and the endpoint at the other end.

    The work is that of the usage which is there longest: requests within the dialog are pushed to it.
    """

    __slots__ = ("_works", "dialog", "endpoint", "usages", "work")

    def __init__(self, dialog: Dialog, usage: DialogUsage, work: Work, endpoint: Endpoint | None) -> None:
        self.dialog = dialog
        self.usages = [usage]
        self._works = [work]
        self.work = work
        self.endpoint = endpoint

    def add(self, usage: DialogUsage, work: Work) -> None:
        """Add a usage."""
        if usage not in self.usages:
            self.usages.append(usage)
            self._works.append(work)

    def remove(self, usage: DialogUsage) -> bool:
        """Remove a usage; whether any is left."""
        if usage in self.usages:
            position = self.usages.index(usage)
            del self.usages[position], self._works[position]
            if self.usages:
                self.work = self._works[0]
        return bool(self.usages)


class DialogTable:
    """Dialogs by their identifier."""

    def __init__(self) -> None:
        self._entries: dict[DialogId, DialogEntry] = {}
        self._expected: dict[tuple[str, str], Callable[[Request], DialogEntry | None]] = {}
        self.limit = 100_000

    def add(self, dialog: Dialog, usage: DialogUsage, work: Work, endpoint: Endpoint | None = None) -> DialogEntry:
        """Add a dialog, or another usage to one that is there."""
        entry = self._entries.get(dialog.id)
        if entry is None:
            entry = self._entries[dialog.id] = DialogEntry(dialog, usage, work, endpoint)
        else:
            entry.add(usage, work)
        return entry

    def remove(self, dialog: Dialog, usage: DialogUsage | None = None) -> None:
        """Remove one usage, or all; the entry goes with its last usage."""
        entry = self._entries.get(dialog.id)
        if entry is None:
            return
        if usage is None or entry.usages == [usage] or not entry.remove(usage):
            del self._entries[dialog.id]

    def get(self, call_id: str, local_tag: str, remote_tag: str) -> DialogEntry | None:
        """The entry of a dialog, or ``None``."""
        return self._entries.get((call_id, local_tag, remote_tag))

    def find(self, request: Request) -> DialogEntry | None:
        """The entry an incoming request belongs to by its Call-ID and tags, or ``None``."""
        tag = request.to.tag
        if not tag:
            return None
        return self._entries.get((request.call_id, tag, request.from_.tag or ""))

    def expect(self, call_id: str, local_tag: str, begin: Callable[[Request], DialogEntry | None]) -> None:
        """Have ``begin(request)`` enter the dialogs that others begin by a request with this Call-ID and To tag.

        A SUBSCRIBE of ours is followed by such NOTIFYs (RFC 6665 4.4.1). ``None`` says that it begins none.
        """
        self._expected[call_id, local_tag] = begin

    def expect_no_more(self, call_id: str, local_tag: str) -> None:
        """Undo :meth:`expect`."""
        self._expected.pop((call_id, local_tag), None)

    def expects(self, request: Request) -> bool:
        """Whether a request may begin a dialog that is waited for; changes nothing."""
        return bool(self._expected) and (request.call_id, request.to.tag or "") in self._expected

    def begun_by(self, request: Request) -> DialogEntry | None:
        """The entry of the dialog that is waited for and begins with ``request``, if it does."""
        begin = self._expected.get((request.call_id, request.to.tag or ""))
        return None if begin is None else begin(request)

    def __iter__(self) -> Iterator[DialogEntry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)
