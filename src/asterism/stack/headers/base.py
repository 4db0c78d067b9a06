"""Base class of typed header values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from mypy_extensions import mypyc_attr

from asterism.stack.errors import ParseError
from asterism.stack.grammar import Params, check_value, format_params, is_token, parse_params, printable, unquote
from asterism.stack.headers.address import NameAddr
from asterism.stack.uri import Uri


@mypyc_attr(allow_interpreted_subclasses=True)
class HeaderValue:
    """Base of typed values: the header's name, and how one element of it is parsed and written.

    Values are immutable by convention, write themselves with ``str()``, and compare by what they write.
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

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash((type(self), str(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


@mypyc_attr(allow_interpreted_subclasses=True)
class ParamValue(HeaderValue):
    """A value followed by parameters: ``value;name=value``.

    Attributes:
        value: what stands before the first semicolon.
        params: lower-case names, raw values.
    """

    __slots__ = ("params", "value")

    def __init__(self, value: str, params: Mapping[str, str | None] | None = None) -> None:
        self.value = check_value(value)
        self.params: Params = {} if params is None else dict(params)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``value;params``. Raises ParseError."""
        return cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> Self:
        # For subclasses whose own "parse" begins so: compiled class methods cannot call super().
        value, semicolon, rest = text.partition(";")
        value = value.strip()
        cls._check(value)
        return cls._make(value, parse_params(semicolon + rest))

    @classmethod
    def _make(cls, value: str, params: Params) -> Self:
        # What was received is checked by who parses it, and once more when it is written.
        made = cls("", params)
        made.value = value
        return made

    @classmethod
    def _check(cls, value: str) -> None:
        if not is_token(value):
            raise ParseError(f"bad {cls.NAME}: {printable(value)!r}")

    def param(self, name: str) -> str | None:
        """A parameter, unquoted; ``""`` if it has no value, ``None`` if it is not there."""
        value = self.params.get(name)
        if value is None:
            return "" if name in self.params else None
        return unquote(value)

    def number(self, name: str) -> int | None:
        """A parameter as an unsigned number below 2**32, ``None`` if it is not there or no such number."""
        value = self.param(name)
        if not value or len(value) > 10 or not (value.isascii() and value.isdigit()):
            return None
        number = int(value)
        return number if number < 2**32 else None

    def __str__(self) -> str:
        return check_value(f"{self.value}{format_params(self.params)}")


@mypyc_attr(allow_interpreted_subclasses=True)
class AddressValue(HeaderValue):
    """A value that is one address with parameters.

    Attributes:
        address: the address.
    """

    __slots__ = ("address",)

    def __init__(self, address: NameAddr) -> None:
        self.address = address

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one address. Raises ParseError."""
        return cls(NameAddr.parse(text))

    @property
    def uri(self) -> Uri:
        """The address's URI."""
        return self.address.uri

    def param(self, name: str) -> str | None:
        """A parameter, unquoted; ``""`` if it has no value, ``None`` if it is not there."""
        return self.address.param(name)

    def __str__(self) -> str:
        return check_value(str(self.address))
