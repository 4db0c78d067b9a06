"""What a REFER asks for, read from the request (RFC 3515 2.1, RFC 3891, RFC 3892, RFC 4488); nothing is done here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.stack.errors import ParseError
from asterism.stack.headers import Diversion, ReferredBy, ReferSub, ReferTo, Replaces

if TYPE_CHECKING:
    from asterism.stack.message import Request
    from asterism.stack.uri import Uri

LONGEST = 4096
"""Characters of a Refer-To or Referred-By that is read."""
MOST_HEADERS = 100
"""Headers of a REFER that the dialplan may read afterwards."""
MOST_TEXT = 16_384
"""Characters of those, names and values together."""

_FEATURE = "X-Digium-Call-Feature"
_TO_VOICEMAIL = "feature_send_to_vm"
SEND_TO_VM = "send_to_vm"
"""The reason of redirection of a call that is sent to the voicemail of whoever transfers it."""


class Wanted(NamedTuple):
    """A REFER that can be carried out.

    Attributes:
        uri: the URI of Refer-To.
        replaces: the dialog whose place the transferred party takes; ``None``: a blind transfer.
        referred_by: the value of Referred-By, empty if there is none.
        subscribed: whether the sender wants to be told what becomes of it.
        voicemail: whether the call is to go to the sender's voicemail.
    """

    uri: Uri
    replaces: Replaces | None
    referred_by: str
    subscribed: bool
    voicemail: bool


def read(request: Request) -> Wanted:
    """What a REFER asks for.

    Raises:
        ParseError: it cannot be carried out, with the status that says so: 400 for anything but one Refer-To with a SIP
            URI, a malformed Replaces in it, or Referred-By or Refer-Sub that are malformed or there twice; 501 for
            another method than INVITE.
    """
    refer_to = ReferTo.parse(_only(request, "Refer-To"))
    uri = refer_to.uri
    if not uri.is_sip:
        raise ParseError("Refer-To is no SIP URI")
    if refer_to.method.upper() != "INVITE":
        raise ParseError("Refer-To asks for another method than INVITE", status=501)
    if uri.headers.lower().count("replaces=") > 1:
        raise ParseError("more than one Replaces in Refer-To")
    referred_by = _only(request, "Referred-By", needed=False)
    if referred_by:
        ReferredBy.parse(referred_by)
    wanted = _only(request, "Refer-Sub", needed=False)
    subscribed = not wanted or ReferSub.parse(wanted).wanted
    return Wanted(uri, refer_to.replaces, referred_by, subscribed, _to_voicemail(request))


def _only(request: Request, name: str, *, needed: bool = True) -> str:
    values = request.get_list(name) if name != "Refer-Sub" else request.get_all(name)
    if len(values) > 1 or (needed and not values):
        raise ParseError(f"{'no' if not values else 'more than one'} {name}")
    value = values[0] if values else ""
    if len(value) > LONGEST:
        raise ParseError(f"{name} is too long")
    return value


def _to_voicemail(request: Request) -> bool:
    """Whether a phone says, in one of the two ways that there are, that this goes to its own voicemail."""
    if (request.get(_FEATURE) or "").strip().lower() == _TO_VOICEMAIL:
        return True
    for value in request.get_all("Diversion")[:1]:
        try:
            return (Diversion.parse(value).param("reason") or "").lower() == SEND_TO_VM
        except ParseError:
            return False
    return False


def headers_with(request: Request, prefix: str) -> dict[str, str]:
    """The headers of a REFER whose names begin with ``prefix``, ``*`` being all; the first of each name.

    They are bounded: those beyond :data:`MOST_HEADERS` or :data:`MOST_TEXT` are left out.
    """
    wanted = "" if prefix == "*" else prefix.lower()
    found: dict[str, str] = {}
    left = MOST_TEXT
    for name, value in request.headers:
        if not name.lower().startswith(wanted) or name in found:
            continue
        left -= len(name) + len(value)
        if left < 0 or len(found) >= MOST_HEADERS:
            break
        found[name] = value
    return found
