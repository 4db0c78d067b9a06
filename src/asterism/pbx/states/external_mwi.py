"""Mailboxes that another program counts, by manager or console; they are kept in the internal database."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.regex import RegexError, compile_regex
from asterism.pbx.states.mailboxes import MAX_COUNT, MessageCounts
from asterism.pbx.vocabulary.host import HostServer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.data import AstDb

FAMILY = "mwi_external"
_NAMES = Argument("Mailbox", "Its name, or /regular expression/.", required=True)
_HEADINGS = f"{'New':>6} {'Old':>6} Mailbox\n"


class MailboxServer(HostServer, Protocol):
    """A server with the internal database."""

    astdb: AstDb


class ExternalMwi(PbxModule):
    """``mwi ...``, MWIUpdate, MWIDelete, MWIGet."""

    name: ClassVar[str] = "res_mwi_external"
    covers: ClassVar[tuple[str, ...]] = ("res_mwi_external_ami",)
    description: ClassVar[str] = "Mailboxes of other programs"

    def load(self, server: HostServer) -> None:
        """Register everything; the counts kept are back."""
        self._database = cast(MailboxServer, server).astdb
        super().load(server)
        for name in self._database.keys(FAMILY):
            new, _, old = (self._database.get(FAMILY, name) or "").partition("/")
            if new.isdecimal() and old.isdecimal():
                self.pbx.mailboxes.set(name, MessageCounts(int(new), int(old)))

    def unload(self) -> None:
        """Remove the counts of these mailboxes, which are not updated any more."""
        for name in self._database.keys(FAMILY):
            self.pbx.mailboxes.remove(name)

    def _update(self, mailbox: str, new: int, old: int) -> bool:
        if "/" in mailbox or not self.pbx.mailboxes.set(mailbox, MessageCounts(new, old)):
            return False
        self._database.put(FAMILY, mailbox, f"{new}/{old}")
        return True

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._database.delete(FAMILY, name)
            self.pbx.mailboxes.remove(name)

    def _all(self) -> list[str]:
        return self._database.keys(FAMILY)

    def _like(self, expression: str) -> list[str]:
        """The mailboxes whose name matches; raises ``RegexError``."""
        wanted = compile_regex(expression)
        return [name for name in self._all() if wanted.search(name)]

    def _meant(self, call: ActionCall) -> list[str] | None:
        """The mailboxes that an action names; ``None``: it was answered with an error."""
        name = call.get("Mailbox")
        if not name:
            call.error("Missing mailbox parameter in request")
            return None
        if not name.startswith("/"):
            return [name] if name in self._all() else []
        if len(name) < 2 or not name.endswith("/"):
            call.error(f"Mailbox regex format invalid in: {name}")
            return None
        try:
            return self._like(name[1:-1])
        except RegexError:
            call.error(f"Mailbox regex format invalid in: {name}")
            return None

    # -- manager -------------------------------------------------------------------------------------

    @action(
        "MWIUpdate",
        "call",
        Documentation(
            "Tell how many messages wait in a mailbox.",
            description="The counts take the place of those before, are kept over a restart, and are told to phones.",
            arguments=(
                Argument("Mailbox", "Its name.", required=True),
                Argument("OldMessages", "How many were listened to; default 0."),
                Argument("NewMessages", "How many were not; default 0."),
            ),
        ),
    )
    def update_action(self, call: ActionCall) -> None:
        """New counts."""
        mailbox = call.get("Mailbox")
        if not mailbox:
            call.error("Missing mailbox parameter in request")
            return
        counts = []
        for field in ("OldMessages", "NewMessages"):
            text = call.get(field) or "0"
            number = _count(text)
            if number is None:
                call.error(f"Invalid {field}: {text}")
                return
            counts.append(number)
        if self._update(mailbox, counts[1], counts[0]):
            call.success()
        else:
            call.error("Could not update mailbox")

    @action(
        "MWIDelete", "call", Documentation(
            "Forget mailboxes.",
            description="Phones are told that no messages wait there. Unknown mailboxes are as good as forgotten.",
            arguments=(_NAMES,),
        ),
    )  # fmt: skip
    def delete_action(self, call: ActionCall) -> None:
        """Delete mailboxes; unknown ones are no error."""
        found = self._meant(call)
        if found is not None:
            self._delete(found)
            call.success()

    @action(
        "MWIGet",
        "call,reporting",
        Documentation(
            "List the counts of mailboxes.",
            description="Each comes as an event MWIGet, then MWIGetComplete.",
            arguments=(_NAMES,),
        ),
    )
    def get_action(self, call: ActionCall) -> None:
        """One event each."""
        found = self._meant(call)
        if found is None:
            return
        call.begin_list("Mailboxes will follow")
        for name in found:
            counts = self.pbx.mailboxes.get(name)
            call.item("MWIGet", (("Mailbox", name), ("OldMessages", counts.old), ("NewMessages", counts.new)))
        call.end_list("MWIGetComplete")

    # -- console -------------------------------------------------------------------------------------

    def _complete(self, words: list[str]) -> Iterable[str]:
        return self._all() if len(words) == 1 else ()

    @command("mwi delete all", Documentation("Forget all external mailboxes.", "mwi delete all"))
    def delete_all(self, call: CommandCall) -> str:
        """All."""
        if call.args:
            raise UsageError
        self._delete(self._all())
        return "Deleted all external MWI mailboxes.\n"

    @command("mwi delete like", Documentation("Forget external mailboxes by pattern.", "mwi delete like <pattern>"))
    def delete_like(self, call: CommandCall) -> str:
        """By regular expression."""
        found = self._matching(call)
        self._delete(found)
        return f"Deleted external MWI mailboxes matching '{call.args[0]}'.\n"

    @command(
        "mwi delete mailbox", Documentation("Forget an external mailbox.", "mwi delete mailbox <mailbox>"), "_complete"
    )  # fmt: skip
    def delete_one(self, call: CommandCall) -> str:
        """One."""
        name = self._one(call)
        self._delete([name] if name in self._all() else [])
        return f"Deleted external MWI mailbox '{name}'.\n"

    @command("mwi list all", Documentation("List the external mailboxes.", "mwi list all"))
    def list_all(self, call: CommandCall) -> str:
        """All."""
        if call.args:
            raise UsageError
        return self._listing(self._all())

    @command("mwi list like", Documentation("List external mailboxes by pattern.", "mwi list like <pattern>"))
    def list_like(self, call: CommandCall) -> str:
        """By regular expression."""
        return self._listing(self._matching(call))

    @command(
        "mwi show mailbox",
        Documentation("Show the counts of an external mailbox.", "mwi show mailbox <mailbox>"),
        "_complete",
    )
    def show_one(self, call: CommandCall) -> str:
        """One."""
        name = self._one(call)
        if name not in self._all():
            return f"External MWI mailbox '{name}' not found.\n"
        counts = self.pbx.mailboxes.get(name)
        return f"Mailbox: {name}\nNewMessages: {counts.new}\nOldMessages: {counts.old}\n"

    @command(
        "mwi update mailbox",
        Documentation(
            "Set the counts of an external mailbox.", "mwi update mailbox <mailbox> [<new> [<old>]]"
        ),
        "_complete",
    )  # fmt: skip
    def update_one(self, call: CommandCall) -> str:
        """One."""
        if not 1 <= len(call.args) <= 3:
            raise UsageError
        name, *texts = call.args
        counts = [0, 0]
        for position, (text, field) in enumerate(zip(texts, ("NewMessages", "OldMessages"), strict=False)):
            number = _count(text)
            if number is None:
                raise CommandError(f"Invalid {field}: '{text}'.")
            counts[position] = number
        if not self._update(name, *counts):
            raise CommandError(f"Could not update mailbox {name}.")
        return f"Updated mailbox {name}.\n"

    def _one(self, call: CommandCall) -> str:
        if len(call.args) != 1:
            raise UsageError
        return call.args[0]

    def _matching(self, call: CommandCall) -> list[str]:
        try:
            return self._like(self._one(call))
        except RegexError:
            raise UsageError from None

    def _listing(self, names: list[str]) -> str:
        rows = []
        for name in names:
            counts = self.pbx.mailboxes.get(name)
            rows.append(f"{counts.new:6} {counts.old:6} {name}\n")
        return _HEADINGS + "".join(rows)


def _count(text: str) -> int | None:
    """A number of messages, ``None`` for what is none."""
    if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= MAX_COUNT:
        return int(text)
    return None
