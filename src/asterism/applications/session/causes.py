"""SIP status codes and Q.850 causes: which stands for which, and how the Reason header writes them.

The tables are those observed on the wire (reference "Hangup cause and SIP status"), which differ
from RFC 3398 in places that dial plans rely on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.sip.objects.habits import Answer, Refused

if TYPE_CHECKING:
    from asterism.sip.objects.habits import Habits

# Q.850 causes that this file names; the rest are only numbers to it.
UNALLOCATED = 1
NORMAL_CLEARING = 16
USER_BUSY = 17
NO_USER_RESPONSE = 18
NO_ANSWER = 19
ANSWERED_ELSEWHERE = 26
CONGESTION = 34
BEARER_NOT_AVAILABLE = 58
INTERWORKING = 127

_CAUSE_OF_STATUS = {
    401: 21,
    403: 21,
    404: UNALLOCATED,
    407: 21,
    408: NO_USER_RESPONSE,
    409: 41,
    410: 22,
    420: 3,
    480: NO_ANSWER,
    483: NO_ANSWER,
    484: 28,
    485: UNALLOCATED,
    486: USER_BUSY,
    488: 58,
    500: 38,
    501: 29,
    502: 27,
    503: CONGESTION,
    504: 102,
    505: INTERWORKING,
    600: USER_BUSY,
    603: 21,
    604: UNALLOCATED,
    606: 58,
}

_STATUS_OF_CAUSE = {
    1: 404,
    2: 404,
    3: 404,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    23: 302,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 500,
    42: 503,
    58: 488,
    66: 503,
    127: 500,
}

COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""The Reason that tells a phone not to count a call as missed."""


def cause_of_status(status: int) -> int:
    """The Q.850 cause a final response stands for; 0 for a success."""
    cause = _CAUSE_OF_STATUS.get(status)
    if cause is not None:
        return cause
    if status < 400:
        return 0
    return CONGESTION if 500 <= status < 600 else INTERWORKING


def status_of_cause(cause: int) -> int:
    """The final response that a hang-up with ``cause`` sends on an unanswered call."""
    return _STATUS_OF_CAUSE.get(cause, 603)


def refused_as(status: int, habits: Habits) -> Refused:
    """What a final response of a called peer comes to, as its driver takes it."""
    table = habits.refusals
    if table is None:
        return Refused(cause_of_status(status))
    return table.get(status) or table[5 if 500 <= status < 600 else 4]


def answer_of(cause: int, habits: Habits) -> Answer:
    """The final response that tells a cause to a caller, as its driver tells it."""
    table = habits.answers
    return Answer(status_of_cause(cause)) if table is None else table.get(cause) or table[0]


@lru_cache(maxsize=256)
def reason_lines(cause: int) -> tuple[tuple[str, str], ...]:
    """The Reason header lines (RFC 3326) that tell ``cause``."""
    q850 = ("Reason", f"Q.850;cause={cause}")
    return (("Reason", COMPLETED_ELSEWHERE), q850) if cause == ANSWERED_ELSEWHERE else (q850,)


@lru_cache(maxsize=256)
def cause_of_reason(value: str) -> int | None:
    """The Q.850 cause in one Reason header value, or ``None`` when it carries none.

    A value may hold several reasons with commas; the first of protocol Q.850 counts. A SIP
    reason with cause 200 (answered elsewhere) counts as a normal clearing, as observed.
    """
    fallback: int | None = None
    for reason in _split_reasons(value):
        protocol, *params = reason.split(";")
        for param in params:
            name, _, text = param.partition("=")
            if name.strip().lower() != "cause":
                continue
            number = text.strip()
            if not (number.isascii() and number.isdigit() and len(number) <= 3):
                continue
            name = protocol.strip().upper()
            if name == "Q.850" and int(number) <= INTERWORKING:
                return int(number)
            if name == "SIP" and number == "200":
                fallback = NORMAL_CLEARING
    return fallback


def _split_reasons(value: str) -> list[str]:
    """Split at commas that are not inside quotes; quoted text is dropped, as no cause is in it."""
    if '"' in value:
        value = "".join(value.split('"')[::2])
    return value.split(",")
