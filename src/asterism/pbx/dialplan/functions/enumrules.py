"""ENUM: from a number to a domain, and from NAPTR records to URIs (RFC 6116, RFC 3402)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asterism.core.regex import RegexError, compile_regex
from asterism.pbx.dialplan.functions.nameservers import NaptrRecord
from asterism.pbx.vocabulary.flow import FunctionError

ZONE = "e164.arpa"
BRANCH = "i"
"""The label of infrastructure ENUM's branch below a country code."""
MOST_DIGITS = 63
_TWO_DIGITS = """
    20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91
    92 93 94 95 98
"""
_GROUP = re.compile(r"\\(.)", re.DOTALL)


def country_code(digits: str) -> int:
    """How many digits the country code of an E.164 number has."""
    if digits[:1] in ("1", "7"):
        return 1
    return 2 if digits[:2] in _TWO_DIGITS.split() else 3


def domain(number: str, zone: str = ZONE, options: str = "", branch: str = BRANCH) -> str:
    """The domain of a number: ``i`` in the infrastructure tree, ``s`` of an ISN, ``d`` without turning it round.

    Raises :class:`FunctionError` for what is no number.
    """
    number, zone = number.strip(), zone.strip().strip(".") or ZONE
    if "d" in options:
        if not number:
            raise FunctionError("it needs a number")
        return f"{number}.{zone}"
    if "s" in options:
        subscriber, star, itad = number.partition("*")
        if not (star and _digits(subscriber) and _digits(itad)):
            raise FunctionError(f"'{number}' is no ISN: number*organisation")
        return f"{_reversed(subscriber)}.{itad}.{zone}"
    digits = "".join(one for one in number if one not in "+-. ()")
    if not _digits(digits):
        raise FunctionError(f"'{number}' is no number")
    if "i" not in options:
        return f"{_reversed(digits)}.{zone}"
    code = country_code(digits)
    rest = _reversed(digits[code:])
    return f"{rest}{'.' if rest else ''}{branch}.{_reversed(digits[:code])}.{zone}"


def application_string(number: str, options: str) -> str:
    """What the records' expressions are applied to: the number with its + (RFC 6116 section 3.1), or as it is."""
    number = number.strip()
    if "d" in options or "s" in options:
        return number
    return "+" + "".join(one for one in number if one in "0123456789")


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def _reversed(digits: str) -> str:
    return ".".join(reversed(digits))


def types(service: str) -> list[str]:
    """The types of an ENUM service, lower case; of ``E2U+voice:tel+sip`` they are ``voice:tel`` and ``sip``."""
    parts = service.lower().split("+")
    return [part for part in parts if part != "e2u"] if "e2u" in parts else []


def fits(service: str, method: str) -> bool:
    """Whether a service is of a type: ``sip``, ``tel``, ``voice:tel``, or ``ALL``."""
    found, method = types(service), method.strip().lower()
    return bool(found) if method == "all" else any(one == method or one.startswith(f"{method}:") for one in found)


def uris(records: Iterable[NaptrRecord], method: str, text: str) -> list[str]:
    """The URIs that the records of a type make of ``text``, in their order; those that make none are left out."""
    found = (
        rewritten(one.regexp, text) for one in records if fits(one.service, method) and one.flags.strip().lower() == "u"
    )
    return [uri for uri in found if uri]


def rewritten(expression: str, text: str) -> str | None:
    """What ``!expression!replacement!flags`` makes of ``text``; ``None`` where it does not fit or is wrong."""
    if len(expression) < 3:
        return None
    parts = re.split(rf"(?<!\\){re.escape(expression[0])}", expression[1:])
    if len(parts) != 3 or parts[2].strip().lower() not in ("", "i"):
        return None
    pattern, replacement, flags = parts
    try:
        compiled = compile_regex(pattern, longest=True, ignore_case=bool(flags.strip()))
        found = compiled.search(text)
    except RegexError:
        return None
    if found is None:
        return None
    groups = compiled.groups

    def insert(reference: re.Match[str]) -> str:
        one = reference[1]
        if one in "123456789":
            return (found.group(int(one)) or "") if int(one) <= groups else ""
        return one

    return "".join(one for one in _GROUP.sub(insert, replacement) if one.isprintable())


def without_scheme(uri: str) -> str:
    """``sip:1@host`` as ``1@host``."""
    return uri.partition(":")[2] if ":" in uri else uri
