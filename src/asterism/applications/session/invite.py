"""The INVITE of a call of ours: what it says before the supplements add to it."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from asterism.applications.session.identity import sip_uri
from asterism.core.identifiers import random_uuid
from asterism.sip.phone_numbers import as_phone
from asterism.stack.errors import ParseError
from asterism.stack.headers import Replaces
from asterism.stack.message import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.applications.session.uac import OutgoingSession
    from asterism.pbx.channels.channel import Channel

REFERRED_BY = "SIPREFERREDBYHDR"
"""The variable with the Referred-By of the REFER that has transferred a party."""


def make_invite(session: OutgoingSession, before: Request | None) -> Request:
    """The INVITE to the session's target, along its path.

    ``before`` is the one that was refused, where this one only goes elsewhere or says it in other words.
    """
    target = session.target if not session.target.headers else session.target.replace(headers="")
    request = Request("INVITE", as_phone(target) if session.endpoint.user_eq_phone else target)
    request.headers = [
        *(_new_identity(session) if before is None else _identity_again(session, before)),
        *zip(repeat("Route"), session.path),
        ("Allow", session.core.state.capabilities.allow),
        ("Supported", f"{session.profile.supported}, histinfo"),
    ]
    if session.target.headers:
        request.headers.extend(_replacing(session))
    return request


def _replacing(session: OutgoingSession) -> list[tuple[str, str]]:
    """The Replaces that the dialled URI asks for (RFC 3891 4); its other headers are left out (RFC 3261 19.1.5)."""
    if any(name == "Replaces" for name, _ in session.added_headers):
        return []
    try:
        found = Replaces.in_uri(session.target)
    except ParseError as error:
        session.core.log.warning("a call to %s replaces none: %s", session.target.host_port, error.message)
        return []
    return [] if found is None else [("Require", "replaces"), ("Replaces", str(found))]


def _new_identity(session: OutgoingSession) -> list[tuple[str, str]]:
    profile, target, random = session.profile, session.target, session.core.random
    ours, to = session.local_address, session.to_uri
    if session.endpoint.habits.own_number:
        ours = session.core.layer.sent_by(session.flow).removesuffix(":5060")
        to = to or str(target.replace(params={}, headers="", password=None))
    sender = profile.from_header(session.caller, ours, session.from_domain, session.from_user)
    if session.from_params:
        sender = _with_params(sender, session.from_params)
    return [
        ("From", f"{sender};tag={random_uuid(random)}"),
        ("To", f"<{to or sip_uri(target.user, target.host, session.endpoint.user_eq_phone)}>"),
        ("Contact", profile.uac_contact(session.caller, session.flow)),
        ("Call-ID", session.call_id or random_uuid(random)),
        ("CSeq", f"{int.from_bytes(random(4), 'big') % 32767 + 1} INVITE"),
    ]


def _with_params(sender: str, params: Sequence[tuple[str, str, str]]) -> str:
    """An address in angle brackets with parameters of its URI, and behind it."""
    found = {"uri": "", "header": ""}
    for kind, name, value in params:
        found[kind] += f";{name}={value}" if value else f";{name}"
    head, bracket, rest = sender.rpartition(">")
    return f"{head}{found['uri']}{bracket}{rest}{found['header']}"


def _identity_again(session: OutgoingSession, before: Request) -> list[tuple[str, str]]:
    """Identifying headers of the previous INVITE, with the next CSeq: it is the same call."""
    return [
        ("From", str(before.get("From"))),
        ("To", str(before.get("To"))),
        ("Contact", session.profile.uac_contact(session.caller, session.flow)),
        ("Call-ID", before.call_id),
        ("CSeq", f"{before.cseq.number + 1} INVITE"),
    ]


def add_referred_by(request: Request, channel: Channel) -> None:
    """Tell the phone that a transferred party calls who has transferred it (RFC 3892), as its REFER said."""
    value = channel.get_variable(REFERRED_BY)
    if value:
        request.add_header("Referred-By", "".join(char for char in value if char.isprintable()))
