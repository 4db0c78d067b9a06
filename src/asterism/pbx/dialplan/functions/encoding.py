"""Functions that encode texts: URIENCODE, BASE64_ENCODE, MD5, ..."""

from __future__ import annotations

import base64
import binascii
import hashlib
import urllib.parse
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_TEXT = (Argument("text", "", True),)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class EncodingFunctions(PbxModule):
    """Encodings and digests."""

    name = "func_uri"
    covers = ("func_base64", "func_md5", "func_sha1")
    description = "Encodings and digests in the dialplan"

    @function("URIENCODE", Documentation("A text escaped for a URI.", "URIENCODE(text)", arguments=_TEXT))
    def uri_encode(self, channel: Channel | None, args: str) -> str:
        """%XX for everything but unreserved characters."""
        return urllib.parse.quote(_bytes(args), safe="")

    @function("URIDECODE", Documentation("A text with %XX replaced.", "URIDECODE(text)", arguments=_TEXT))
    def uri_decode(self, channel: Channel | None, args: str) -> str:
        """NUL characters are left out."""
        return urllib.parse.unquote_to_bytes(_bytes(args)).replace(b"\0", b"").decode("utf-8", "surrogateescape")

    @function("BASE64_ENCODE", Documentation("A text in base 64.", "BASE64_ENCODE(text)", arguments=_TEXT))
    def base64_encode(self, channel: Channel | None, args: str) -> str:
        """UTF-8."""
        return base64.b64encode(_bytes(args)).decode("ascii")

    @function("BASE64_DECODE", Documentation("A text from base 64.", "BASE64_DECODE(text)", arguments=_TEXT))
    def base64_decode(self, channel: Channel | None, args: str) -> str:
        """NUL characters are left out."""
        text = args.strip()
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raise FunctionError("it is not base 64") from None
        return data.replace(b"\0", b"").decode("utf-8", "surrogateescape")

    @function("MD5", Documentation("The MD5 digest of a text, in hexadecimal.", "MD5(text)", arguments=_TEXT))
    def md5(self, channel: Channel | None, args: str) -> str:
        """32 digits."""
        return hashlib.md5(_bytes(args), usedforsecurity=False).hexdigest()

    @function("SHA1", Documentation("The SHA-1 digest of a text, in hexadecimal.", "SHA1(text)", arguments=_TEXT))
    def sha1(self, channel: Channel | None, args: str) -> str:
        """40 digits."""
        return hashlib.sha1(_bytes(args), usedforsecurity=False).hexdigest()
