"""Errors of the data access layer."""

from __future__ import annotations

from asterism.core.errors import AsterismError


class DataError(AsterismError):
    """A change that no backend takes, or that could not be committed."""


class DataRefusedError(DataError):
    """A backend does not take a value: too long, or no text in its encoding. Everything else it goes on taking."""


class DataUnavailableError(DataError):
    """A backend could not answer, and nothing is known from before: not the same as an absent object."""
