"""PJSIP_HEADER_PARAM: parameters of the From header, or of its URI (``isup-oli``, ``cpc``, ...)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asterism.applications.session.functions import session_of
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

MOST = 20
"""Parameters that are put on a call."""
_NAME = re.compile(r"[A-Za-z0-9!%*'+.`~_-]{1,64}\Z")
_VALUES = {
    "uri": re.compile(r"[A-Za-z0-9\[\]/:&+$!~*'().%_-]{0,256}\Z"),
    "header": re.compile(r"[A-Za-z0-9!%*'+.`~_-]{0,256}\Z"),
}
"""Values that need no quoting (RFC 3261 section 25.1: paramchar, token)."""


class HeaderParameters:
    """The function."""

    @function("PJSIP_HEADER_PARAM", Documentation(
        "Read or set a parameter of the From header of a PJSIP call",
        "PJSIP_HEADER_PARAM(header_name,parameter_type,parameter_name)",
        "On a call that came in it is read from its INVITE. On a call being made (in a pre-dial handler) it is set, "
        "and what was set is read; an empty value is a parameter without one.",
        (Argument("header_name", "From is the only one.", True),
         Argument("parameter_type", "Whose parameter.", True, (
             ("header", "the header's"), ("uri", "that of the URI in it"))),
         Argument("parameter_name", "Such as isup-oli.", True)), ("PJSIP_HEADER",),
    ), foreign=True)  # fmt: skip
    def read(self, channel: Channel | None, args: str) -> str:
        """The value; empty for a parameter without one, and where there is none."""
        session = session_of(channel)
        kind, name = _parts(args)
        if isinstance(session, OutgoingSession):
            return next((value for where, one, value in session.from_params if (where, one) == (kind, name)), "")
        if not isinstance(session, IncomingSession):
            return ""
        try:
            sender = NameAddr.parse(session.request.get("From") or "")
        except ParseError:
            return ""
        params = sender.uri.params if kind == "uri" else sender.params
        return params.get(name) or ""

    @function_writer("PJSIP_HEADER_PARAM")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Put a parameter on the INVITE to be sent."""
        session = session_of(channel)
        if not isinstance(session, OutgoingSession):
            raise FunctionError("only a call being made takes parameters")
        kind, name = _parts(args)
        if name == "tag" and kind == "header":
            raise FunctionError("the tag is the server's own")
        if not _VALUES[kind].match(value):
            raise FunctionError(f"'{value}' cannot be a parameter's value")
        kept = [one for one in session.from_params if one[:2] != (kind, name)]
        if len(kept) >= MOST:
            raise FunctionError(f"a call has at most {MOST} such parameters")
        session.from_params = [*kept, (kind, name, str(value))]


def _parts(args: str) -> tuple[str, str]:
    header, kind, name = [*(one.strip() for one in args.split(",")), "", "", ""][:3]
    if header.lower() not in ("from", "f"):
        raise FunctionError("only the From header has parameters to set")
    if kind.lower() not in _VALUES:
        raise FunctionError("a parameter is of the header or of the uri")
    if not _NAME.match(name):
        raise FunctionError("it needs the name of a parameter")
    return kind.lower(), str(name).lower()
