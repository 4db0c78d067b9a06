"""Text for XML that is written by hand: the documents are small, and their bytes are a matter of record."""

from __future__ import annotations

import re

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = re.compile(r"[\w .:;@/+\-=,*#~!?()\[\]%$]*\Z", re.ASCII)


def escape(text: str) -> str:
    """``text`` as it may stand in an element or an attribute with double quotes; what XML cannot hold is ``?``."""
    if _PLAIN.match(text):
        return text
    text = _FORBIDDEN.sub("?", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


class Document:
    """An XML document whose root can be added to.

    ``children`` are the lines within the root, each indented by a space for each level and without line end.
    """

    __slots__ = ("children", "name", "root")

    def __init__(self, root: str, children: list[str]) -> None:
        self.root = root
        self.name = root.partition(" ")[0]
        self.children = children

    def __str__(self) -> str:
        return f"{DECLARATION}<{self.root}>\n" + "\n".join((*self.children, f"</{self.name}>", ""))
