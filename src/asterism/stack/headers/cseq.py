"""CSeq (RFC 3261 20.16) and RAck (RFC 3262 7.2)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from asterism.stack.errors import ParseError
from asterism.stack.grammar import TOKEN, printable
from asterism.stack.known import keep

_cseq = re.compile(rf"\s*([0-9]{{1,20}})\s+({TOKEN})\s*").fullmatch
_rack = re.compile(rf"\s*([0-9]{{1,20}})\s+([0-9]{{1,20}})\s+({TOKEN})\s*").fullmatch


class CSeq(NamedTuple):
    """A sequence number below 2**31 and the method it counts."""

    number: int
    method: str

    @staticmethod
    def parse(text: str) -> CSeq:
        """Parse a value; recurring texts are not parsed again.

        Raises:
            ParseError: malformed, or the number is 2**31 or more (RFC 3261 8.1.1.5).
        """
        known = KNOWN_CSEQS.get(text)
        if known is not None:
            return known
        found = _cseq(text)
        if found is None:
            raise ParseError(f"bad CSeq: {printable(text)!r}")
        number = int(found.group(1))
        if number >= 2**31:
            raise ParseError(f"CSeq number out of range: {printable(text)!r}")
        cseq = CSeq(number, found.group(2))
        keep(KNOWN_CSEQS, text, cseq)
        return cseq

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


KNOWN_CSEQS: Final[dict[str, CSeq]] = {}
"""Values parsed before, by their text: most requests are the first of their dialog, or the second."""


class RAck(NamedTuple):
    """The response that a PRACK acknowledges: its RSeq, and the CSeq of the request."""

    rseq: int
    cseq: int
    method: str

    @staticmethod
    def parse(text: str) -> RAck:
        """Parse a value.

        Raises:
            ParseError: malformed, or a number out of range.
        """
        found = _rack(text)
        if found is None:
            raise ParseError(f"bad RAck: {printable(text)!r}")
        rseq, cseq, method = int(found.group(1)), int(found.group(2)), found.group(3)
        if not 1 <= rseq < 2**32 or cseq >= 2**31:
            raise ParseError(f"RAck number out of range: {printable(text)!r}")
        return RAck(rseq, cseq, method)

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"
