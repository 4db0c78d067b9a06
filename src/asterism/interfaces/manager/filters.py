"""Event filters: ``eventfilter`` of ``manager.conf`` and the ``Filter`` action."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asterism.core.regex import Regex, RegexError, compile_regex

MAX_FILTERS = 64
"""Filters of one connection."""
MAX_EXPRESSION = 512
"""Characters of a filter."""
MAX_MATCHED = 16384
"""Characters of an event, or of one of its fields, that an expression is held against."""

_ITEM = re.compile(r"(\w+)\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """One rule: ``matches`` tells whether it applies to an event, ``include`` whether such an event is sent."""

    include: bool
    matches: Callable[[str, str], bool]
    source: str


def parse_filter(text: str, name: str = "eventfilter") -> EventFilter:
    """A rule from its text, ``!`` in front excluding, or from the longer form in the option's name.

    ``eventfilter(action(exclude),name(VarSet),header(Variable),method(starts_with)) = DIAL``
    matches on one event name and one header. Raises ``ValueError`` when it is malformed.
    """
    if "(" in name:
        return _parse_advanced(name, text)
    include = not text.startswith("!")
    expression = _compile(text if include else text[1:])
    return EventFilter(include, lambda _name, body: _found(expression, body), text)


def _compile(text: str) -> Regex:
    if len(text) > MAX_EXPRESSION:
        raise ValueError(f"a filter has at most {MAX_EXPRESSION} characters")
    try:
        return compile_regex(text)
    except RegexError as error:
        raise ValueError(f"'{text}' is not a regular expression: {error}") from error


def _found(expression: Regex, text: str) -> bool:
    return expression.search(text[:MAX_MATCHED]) is not None


def _parse_advanced(name: str, text: str) -> EventFilter:
    items = dict(_ITEM.findall(name[name.index("(") + 1 :]))
    unknown = set(items) - {"action", "name", "header", "method"}
    if unknown:
        raise ValueError(f"'{sorted(unknown)[0]}' is not part of an event filter")
    method = items.get("method", "none" if not text else "regex")
    method = {"startsWith": "starts_with", "endsWith": "ends_with"}.get(method, method)
    tests: dict[str, Callable[[str], bool]] = {
        "exact": lambda value: value == text,
        "starts_with": lambda value: value.startswith(text),
        "ends_with": lambda value: value.endswith(text),
        "contains": lambda value: text in value,
        "none": lambda _value: True,
    }
    if method == "regex":
        expression = _compile(text)
        tests["regex"] = lambda value: _found(expression, value)
    if method not in tests:
        raise ValueError(f"'{method}' is not a match method; accepted: regex, {', '.join(tests)}")
    action = items.get("action", "include")
    if action not in ("include", "exclude"):
        raise ValueError(f"'{action}' is not an action; accepted: include, exclude")
    test, wanted, header = tests[method], items.get("name", ""), items.get("header", "").rstrip(":")

    def matches(event: str, body: str) -> bool:
        if wanted and wanted != event:
            return False
        if not header:
            return test(body)
        start = f"{header}: "
        return any(test(line[len(start) :]) for line in body.split("\r\n") if line.startswith(start))

    return EventFilter(action == "include", matches, text)


def passes(filters: Sequence[EventFilter], name: str, body: str) -> bool:
    """Whether an event gets through.

    No rules: all. Includes only: those that match one. Excludes only: all but those that match
    one. Both: the includes first, then the excludes.
    """
    if not filters:
        return True
    includes = [rule for rule in filters if rule.include]
    if includes and not any(rule.matches(name, body) for rule in includes):
        return False
    return not any(rule.matches(name, body) for rule in filters if not rule.include)
