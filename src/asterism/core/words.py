"""Words that listings and events share."""

from __future__ import annotations


def yes_or_no(value: object) -> str:
    """``Yes`` or ``No``, as the manager and the console have it."""
    return "Yes" if value else "No"
