"""Section targets: what a description says of the transport of media, and what is agreed on it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import key_target

from asterism.applications.session.media_transport import crypto, sections
from asterism.applications.session.media_transport.lines import LocalTransport, session_lines, write
from asterism.applications.session.media_transport.terms import (
    Options,
    Protection,
    Refused,
    accept,
    offer,
    take_answer,
)
from asterism.media.transports.parameters import IceParameters
from asterism.stack.sdp import MediaDescription, SessionDescription

RECORD = Path(__file__).resolve().parents[1] / "data" / "record" / "sdp_security.txt"
OPTIONS = tuple(
    Options(encryption, optimistic, feedback=feedback, any_profile=lenient, ice=more, mux=more, bundle=more)
    for encryption, optimistic, feedback, lenient, more in itertools.product(
        ("no", "sdes", "dtls"), (True, False), (True, False), (True, False), (True, False)
    )
)
LOCAL = LocalTransport(
    (crypto.CryptoLine(1, crypto.DEFAULT_SUITES[0], bytes(30)),), ("sha-256", ":".join(["AB"] * 32)),
    ice=IceParameters("abcd", "0123456789abcdef0123456789", ("H1 1 UDP 1 127.0.0.1 4000 typ host",)),
)  # fmt: skip


def transport(data: bytes) -> None:
    """Sections as offers and as answers to ours, for endpoints of every kind."""
    description = SessionDescription.parse(data)
    for media in description.media[:4]:
        section = sections.read(description, media)
        assert len(section.crypto) <= crypto.MOST_LINES
        assert section.ice is None or len(section.ice.candidates) <= sections.MOST_CANDIDATES
        sections.disabled(media)
        for options in OPTIONS:
            for found in (accept(options, section), take_answer(options, offer(options, "a"), section)):
                if isinstance(found, Refused):
                    continue
                strict = options.encryption != "no" and not options.optimistic
                assert not strict or found.protection is not Protection.NONE
                answer = MediaDescription(media="audio", port=4000, formats=["0"])
                write(answer, found, LOCAL)
                SessionDescription.parse(f"v=0\r\n{session_lines([found.group], browser=True)}{answer}")


def _descriptions() -> tuple[bytes, ...]:
    found = re.findall(r"^v=0\n(?:[a-z]=.*\n)+", RECORD.read_text(), re.M)
    return tuple(dict.fromkeys(text.replace("\n", "\r\n").encode() for text in found))


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "transport": (transport, _descriptions()),
    "key": (key_target.key, key_target.SEEDS),
}
"""The targets, each with what to start it with."""
