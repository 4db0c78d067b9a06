"""Errors of the data access layer."""

from __future__ import annotations

from asterism.core.errors import AsterismError


class DataError(AsterismError):
    """A change that no backend takes, or that could not be committed."""


class DataUnavailableError(DataError):
    """A backend could not answer, and nothing is known from before: not the same as an absent object."""
