"""Manager events of call completion; class ``cc``."""

from __future__ import annotations

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType

_TEXTS = {
    "CoreID": "Number of the call completion.",
    "Caller": "Device of the caller.",
    "Callee": "Device of the called party.",
    "Service": "CCBS or CCNR.",
    "Expires": "Seconds that the caller has to request it.",
    "Reason": "Why, in words.",
}


def _event(name: str, synopsis: str, *names: str) -> EventType:
    return EventType(
        name,
        "cc",
        lambda *values: list(zip(names, values, strict=True)),
        Documentation(synopsis, arguments=tuple(Argument(one, _TEXTS[one]) for one in names)),
    )


CC_AVAILABLE = _event(
    "CCAvailable", "A call has failed whose completion could be requested.", "CoreID", "Callee", "Service"
)
CC_OFFER_TIMER_START = _event(
    "CCOfferTimerStart", "The caller may request completion from now on.", "CoreID", "Caller", "Expires"
)
CC_REQUESTED = _event("CCRequested", "The caller has requested completion.", "CoreID", "Caller", "Callee")
CC_REQUEST_ACKNOWLEDGED = _event(
    "CCRequestAcknowledged", "The called party is watched from now on.", "CoreID", "Caller"
)
CC_CALLER_STOP_MONITORING = _event(
    "CCCallerStopMonitoring", "The caller is free again and not watched any more.", "CoreID", "Caller"
)
CC_CALLER_START_MONITORING = _event(
    "CCCallerStartMonitoring", "The called party is free and the caller is not: it is watched.", "CoreID", "Caller"
)
CC_CALLER_RECALLING = _event("CCCallerRecalling", "The caller is called back.", "CoreID", "Caller")
CC_RECALL_COMPLETE = _event("CCRecallComplete", "The recall has reached the called party.", "CoreID", "Caller")
CC_FAILURE = _event("CCFailure", "Completion has failed, or was cancelled.", "CoreID", "Caller", "Reason")
CC_MONITOR_FAILED = _event("CCMonitorFailed", "A called party is not watched any more.", "CoreID", "Callee")

ALL = (
    CC_AVAILABLE, CC_OFFER_TIMER_START, CC_REQUESTED, CC_REQUEST_ACKNOWLEDGED, CC_CALLER_STOP_MONITORING,
    CC_CALLER_START_MONITORING, CC_CALLER_RECALLING, CC_RECALL_COMPLETE, CC_FAILURE, CC_MONITOR_FAILED,
)  # fmt: skip
