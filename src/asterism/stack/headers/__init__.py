"""Header names and typed header values, one family per file.

``message.typed(SessionExpires)`` and ``message.typed_all(Reason)`` read them; ``add_header(Reason.NAME,
str(value))`` writes them.
"""

from __future__ import annotations

from asterism.stack.headers.address import NameAddr
from asterism.stack.headers.base import AddressValue, HeaderValue, ParamValue
from asterism.stack.headers.cseq import CSeq, RAck
from asterism.stack.headers.dates import Date, RetryAfter
from asterism.stack.headers.dialogs import Join, ReferredBy, ReferSub, ReferTo, Replaces, TargetDialog
from asterism.stack.headers.events import Event, SipETag, SipIfMatch, SubscriptionState
from asterism.stack.headers.identity import (
    Diversion,
    HistoryInfo,
    Identity,
    PAssertedIdentity,
    Path,
    PPreferredIdentity,
    RemotePartyId,
    ServiceRoute,
)
from asterism.stack.headers.info import (
    AlertInfo,
    CallInfo,
    Geolocation,
    SecurityClient,
    SecurityServer,
    SecurityVerify,
    UserToUser,
)
from asterism.stack.headers.media_type import ContentDisposition, MediaType
from asterism.stack.headers.names import canonical
from asterism.stack.headers.reason import Privacy, Reason, SipWarning
from asterism.stack.headers.session_timer import MinSE, RSeq, SessionExpires
from asterism.stack.headers.via import MAGIC_COOKIE, Via

__all__ = [
    "MAGIC_COOKIE",
    "AddressValue",
    "AlertInfo",
    "CSeq",
    "CallInfo",
    "ContentDisposition",
    "Date",
    "Diversion",
    "Event",
    "Geolocation",
    "HeaderValue",
    "HistoryInfo",
    "Identity",
    "Join",
    "MediaType",
    "MinSE",
    "NameAddr",
    "PAssertedIdentity",
    "PPreferredIdentity",
    "ParamValue",
    "Path",
    "Privacy",
    "RAck",
    "RSeq",
    "Reason",
    "ReferSub",
    "ReferTo",
    "ReferredBy",
    "RemotePartyId",
    "Replaces",
    "RetryAfter",
    "SecurityClient",
    "SecurityServer",
    "SecurityVerify",
    "ServiceRoute",
    "SessionExpires",
    "SipETag",
    "SipIfMatch",
    "SipWarning",
    "SubscriptionState",
    "TargetDialog",
    "UserToUser",
    "Via",
    "canonical",
]
