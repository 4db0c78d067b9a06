"""Header names and typed header values, one family per file."""

from __future__ import annotations

from asterism.stack.headers.address import NameAddr
from asterism.stack.headers.cseq import CSeq, RAck
from asterism.stack.headers.names import canonical
from asterism.stack.headers.via import MAGIC_COOKIE, Via

__all__ = ["MAGIC_COOKIE", "CSeq", "NameAddr", "RAck", "Via", "canonical"]
