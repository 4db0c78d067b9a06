"""Session-Expires and Min-SE (RFC 4028), RSeq (RFC 3262)."""

from __future__ import annotations

from typing import ClassVar, Self

from asterism.stack.errors import ParseError
from asterism.stack.grammar import parse_number
from asterism.stack.headers.base import ParamValue


class _Number(ParamValue):
    """A number with parameters."""

    __slots__ = ()

    @classmethod
    def _check(cls, value: str) -> None:
        parse_number(value, cls.NAME)

    def __int__(self) -> int:
        return int(self.value)


class SessionExpires(_Number):
    """The session interval, and the side that refreshes."""

    NAME: ClassVar[str] = "Session-Expires"
    __slots__ = ()

    @classmethod
    def make(cls, seconds: int, refresher: str = "") -> Self:
        """Build a value; ``refresher`` is ``uac``, ``uas`` or empty."""
        return cls(str(seconds), {"refresher": refresher} if refresher else None)

    @property
    def seconds(self) -> int:
        """The interval."""
        return int(self.value)

    @property
    def refresher(self) -> str:
        """``uac``, ``uas`` or ``""``."""
        return (self.param("refresher") or "").lower()


class MinSE(_Number):
    """The shortest session interval that is accepted."""

    NAME: ClassVar[str] = "Min-SE"
    __slots__ = ()

    @property
    def seconds(self) -> int:
        """The interval."""
        return int(self.value)


class RSeq(_Number):
    """The number of a reliable provisional response."""

    NAME: ClassVar[str] = "RSeq"
    __slots__ = ()

    @classmethod
    def _check(cls, value: str) -> None:
        if parse_number(value, "RSeq") == 0:
            raise ParseError("RSeq is zero")
