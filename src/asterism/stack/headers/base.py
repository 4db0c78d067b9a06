"""What typed header values have in common."""

from __future__ import annotations

from typing import ClassVar, Self


class HeaderValue:
    """Base of typed values: the header's name, and how one element of it is parsed and written.

    Subclasses are immutable by convention and write themselves with ``str()``.
    """

    NAME: ClassVar[str]

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one element.

        Raises:
            ParseError: malformed.
        """
        raise TypeError(f"{cls.__name__} does not parse {len(text)} characters")
