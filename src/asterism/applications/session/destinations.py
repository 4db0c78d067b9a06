"""Where a phone is sent: the addresses that ``Transfer`` names, as URIs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from asterism.applications.session.identity import sip_uri
from asterism.pbx.dialplan.language.foreign import shadow
from asterism.pbx.vocabulary.errors import RequestError
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.applications.session.technology import SessionTechnology
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.transfer import TransferOrder

_SCHEME = re.compile(r"\s*<?\s*([A-Za-z][A-Za-z0-9+.-]*):(?![0-9]+$)")
_SCHEMES = frozenset(("sip", "sips", "tel"))
"""What phones call."""


def addresses_of(session: Session, channel: Channel, order: TransferOrder) -> list[Uri]:
    """The URIs that an order to transfer names.

    Raises:
        ParseError: one of them is none, or the call that is to be replaced has no dialog.
    """
    other = order.replaced
    if other is None:
        technology: SessionTechnology = channel.technology  # type: ignore[assignment]
        return [address_of(session, technology, one) for one in order.destinations]
    peer = getattr(other.driver, "session", None)
    found = None if peer is None else replacing(peer)
    if found is None:
        raise ParseError(f"{other.name} is no answered call of SIP")
    return [found]


def address_of(session: Session, technology: SessionTechnology, destination: str) -> Uri:
    """The URI of a destination: a URI, ``extension@endpoint``, ``user@host``, or an extension of this server.

    Text from outside is the user and nothing else.

    Raises:
        ParseError: it is none, or of a scheme that phones do not call.
    """
    told = shadow(destination)
    scheme = _SCHEME.match(told)
    if scheme is not None:
        if scheme[1].lower() not in _SCHEMES:
            raise ParseError(f"a phone cannot be sent to a '{scheme[1]}' URI")
        return NameAddr.parse(destination).uri if "<" in told else Uri.parse(str(destination).strip())
    if "@" not in told:
        here = NameAddr.parse(session.contact or session.profile.uas_contact(session.flow)).uri
        user = str(destination)
        if not user.isprintable():
            raise ParseError("an extension without control characters is needed")
        return here.replace(user=user)
    at = told.rindex("@")
    try:
        return technology.find(destination).uri
    except RequestError:
        return Uri.parse(sip_uri(str(destination[:at]), str(destination[at + 1 :])))


def replacing(session: Session) -> Uri | None:
    """The peer's address with the Replaces of its call here (RFC 3891): who calls that takes this call's place."""
    dialog = session.dialog
    if dialog is None or not session.confirmed:
        return None
    value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
    return dialog.remote_target.replace(headers=f"Replaces={quote(value, safe='')}")


def referred(uri: Uri, brackets: bool = False) -> str:
    """A value of Refer-To: in brackets where the address has parts that could be taken for the header's, or always."""
    text = str(uri)
    return f"<{text}>" if brackets or any(one in text for one in ",;?") else text
