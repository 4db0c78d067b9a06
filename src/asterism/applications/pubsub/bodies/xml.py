"""Text for XML that is written by hand: the documents are small, and their bytes are a matter of record."""

from __future__ import annotations

import re

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = re.compile(r"[\w .:;@/+\-=,*#~!?()\[\]%$]*\Z", re.ASCII)
_NO_URI = re.compile(r"[\[\]#]|%(?![0-9A-Fa-f]{2})")
_NO_ID = re.compile(r"[^A-Za-z0-9.-]")


def escape(text: str) -> str:
    """``text`` as it may stand in an element or an attribute with double quotes; what XML cannot hold is ``?``."""
    if _PLAIN.match(text):
        return text
    text = _FORBIDDEN.sub("?", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def any_uri(text: str) -> str:
    """A URI as ``xs:anyURI`` takes it, escaped: the brackets of an IPv6 address become ``%5B`` and ``%5D``."""
    return escape(_NO_URI.sub(_percent, text))


def _percent(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def xml_id(text: str) -> str:
    """A name for ``xs:ID`` (an NCName) that is made of any text, each text having its own."""
    return "e-" + _NO_ID.sub(_by_number, text)


def _by_number(found: re.Match[str]) -> str:
    return f"_{ord(found[0]):x}_"


class Document:
    """An XML document whose root can be added to.

    Attributes:
        children: the lines within the root, each indented by a space for each level and without line end; one text
            may be several lines.
        tail: the same for what has to come last.
    """

    __slots__ = ("children", "name", "root", "tail")

    def __init__(self, root: str, children: list[str], tail: tuple[str, ...] = ()) -> None:
        self.root = root
        self.name = root.partition(" ")[0]
        self.children = children
        self.tail = tail

    def __str__(self) -> str:
        return f"{DECLARATION}<{self.root}>\n" + "\n".join((*self.children, *self.tail, f"</{self.name}>", ""))
