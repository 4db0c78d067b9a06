"""Several certificates on one TLS listener, chosen by the name that the client asks for (SNI, RFC 6066).

Nothing but the standard library: transports and the HTTP listener, which must not know each other, both use it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
_OID, _OCTETS, _SEQUENCE, _DNS_NAME, _EXTENSIONS = 0x06, 0x04, 0x30, 0x82, 0xA3


def split_pair(text: str) -> tuple[str, str]:
    """Certificate and key file of ``certificate[, key]``; the key is ``""`` if it is in the certificate's file.

    Raises:
        ValueError: it is not of that form.
    """
    certificate, *keys = (part.strip() for part in text.split(","))
    if not certificate or len(keys) > 1:
        raise ValueError("it is not a certificate file, and after a comma its key file")
    return certificate, keys[0] if keys else ""


def host_names(path: str | Path) -> tuple[str, ...]:
    """The host names in the subjectAltName of a file's first certificate, in lower case; none for one without.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no certificate in it.
    """
    found = _PEM.search(Path(path).read_text("ascii", "replace"))
    if found is None:
        raise ValueError(f"there is no certificate in {path}")
    try:
        certificate = _only(ssl.PEM_cert_to_DER_cert(found[0]), _SEQUENCE)
        signed = _only(certificate, _SEQUENCE)
        for extension in (each for tag, each in _items(signed) if tag == _EXTENSIONS):
            for _, content in _items(_only(extension, _SEQUENCE)):
                parts = list(_items(content))
                if parts[0] == (_OID, _SUBJECT_ALT_NAME):
                    names = _items(_only(parts[-1][1], _SEQUENCE))
                    return tuple(name.decode("ascii").lower() for tag, name in names if tag == _DNS_NAME)
    except (IndexError, ValueError) as error:
        raise ValueError(f"the certificate in {path} cannot be read: {error}") from error
    return ()


def choose_by_name(default: ssl.SSLContext, cert_file: str, others: Sequence[tuple[str, ssl.SSLContext]]) -> None:
    """Have a server's context answer with the certificate that holds the name asked for, else with its own.

    A name that is spelled out comes before ``*.domain``, and what comes first before what comes later.

    Args:
        default: the listener's context; its choice is replaced, so that this may be called again.
        cert_file: its certificate.
        others: further certificates and the contexts that hold them.

    Raises:
        OSError: a file cannot be read.
        ValueError: one has no certificate, or a further one holds no host name by which it could be chosen.
    """
    if not others:
        default.sni_callback = None
        return
    contexts: dict[str, ssl.SSLContext] = dict.fromkeys(host_names(cert_file), default)
    for path, context in others:
        names = host_names(path)
        if not names:
            raise ValueError(f"the certificate in {path} holds no host name (subjectAltName)")
        for name in names:
            contexts.setdefault(name, context)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name:
            name = name.lower().rstrip(".")
            chosen = contexts.get(name) or contexts.get(f"*.{name.partition('.')[2]}")
            if chosen is not None:
                connection.context = chosen

    default.sni_callback = choose


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents of what is in ``data`` (DER)."""
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise ValueError("cut off")
        yield tag, data[position : position + length]
        position += length


def _only(data: bytes, tag: int) -> bytes:
    """The content of the first item, which must have this tag."""
    for found, content in _items(data):
        if found == tag:
            return content
        break
    raise ValueError("not a certificate")
