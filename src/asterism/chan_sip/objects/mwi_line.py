"""``mwi =>``: a mailbox of another server whose messages are counted here."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import re
from dataclasses import dataclass

from asterism.chan_sip.objects.register_line import MAX_LINE, host_and_port
from asterism.data.kinds import Lines, Strings
from asterism.hostport import format_host_port

GRAMMAR = "user[:secret[:authuser]]@host[:port]/mailbox"
CONTEXT = "SIP_Remote"
"""Context of the mailboxes here that the counts go to."""

_transport = re.compile(r"[A-Za-z]+://").match
_bad = re.compile(r"[\x00-\x20\x7f@,]").search


@dataclass(frozen=True, slots=True)
class MwiLine:
    """One line, taken apart."""

    user: str
    host: str
    """A name or an address (IPv6 without brackets)."""
    mailbox: str
    """The mailbox here, without its context."""
    port: int = 0
    """Port of the host; 0 where none is given."""
    secret: str = ""
    auth_user: str = ""
    """User of the credentials; ``""`` for ``user``."""

    @classmethod
    def parse(cls, text: str) -> MwiLine:
        """Take a line apart. Raises ``ValueError`` with what is wrong.

        The host begins after the last ``@``, so that a secret may have one.
        """
        text = text.strip()
        if len(text) > MAX_LINE:
            raise ValueError(f"it has more than {MAX_LINE} characters")
        if "\0" in text:
            raise ValueError("it has a NUL character")
        before, at, after = text.rpartition("@")
        if not at:
            raise ValueError("there is no '@' and host")
        if _transport(before):
            raise ValueError("it has a transport; mailboxes are subscribed to by UDP only")
        words = before.split(":")
        if len(words) > 3:
            raise ValueError("there are more than two ':' before the host; a secret cannot have any")
        user, secret, auth_user = (*words, "", "")[:3]
        if not user.strip():
            raise ValueError("there is no user")
        place, slash, mailbox = after.partition("/")
        host, port = host_and_port(place)
        mailbox = mailbox.strip()
        if not slash or not mailbox:
            raise ValueError("there is no '/' and mailbox")
        if _bad(mailbox):
            raise ValueError(f"'{mailbox}' is no mailbox: a name without context, blanks and commas")
        return cls(user.strip(), host, mailbox, port, secret, auth_user.strip())

    def __str__(self) -> str:
        """The line, its secret included."""
        secret = f":{self.secret}" if self.secret or self.auth_user else ""
        auth_user = f":{self.auth_user}" if self.auth_user else ""
        return f"{self.user}{secret}{auth_user}@{format_host_port(self.host, self.port or None)}/{self.mailbox}"


class MwiLinesKind(Lines):
    """Lines of ``mwi``, as they are written; each adds one."""

    def __init__(self) -> None:
        super().__init__(GRAMMAR)

    def parse(self, text: str, current: Strings) -> Strings:
        return (*current, self.check(text))  # an empty line is a wrong one

    def check(self, name: str) -> str:
        MwiLine.parse(name)
        return name
