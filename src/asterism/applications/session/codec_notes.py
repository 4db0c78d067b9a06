"""Which of the codecs that endpoints allow cannot be converted on this machine, and what to install."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from asterism.applications.session.module import SessionServer
from asterism.core.module import Module
from asterism.media.codecs.discovery import reason
from asterism.media.formats import FORMATS
from asterism.sip.objects.codecs import NAMES
from asterism.sip.objects.endpoint import Endpoint


class CodecNote(NamedTuple):
    """What is to be said of one codec."""

    first: Endpoint
    """The first endpoint that allows it."""
    text: str


def codec_notes(endpoints: Iterable[Endpoint]) -> list[CodecNote]:
    """One note for each codec of audio that is allowed by name and cannot be converted, or not wholly."""
    users: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        if len(endpoint.allow) == len(NAMES):  # allow=all asks for what there is
            continue
        for name in endpoint.allow:
            if name in FORMATS:
                users.setdefault(name, []).append(endpoint)
    notes: list[CodecNote] = []
    for name, using in users.items():
        why = reason(FORMATS[name])
        if why:
            more = f" and {len(using) - 1} more" if len(using) > 1 else ""
            text = f"codec {name} (endpoint {using[0].id}{more}) can be passed on, but not converted: {why}"
            notes.append(CodecNote(using[0], text))
    return notes


class CodecNotes(Module):
    """Logs at the start what is missing of the codecs that are configured."""

    name = "codec_notes"
    part_of = ("session",)
    requires = ("session",)
    description = "Notes on codecs without a library"

    def load(self, server: SessionServer) -> None:
        """Keep the server."""
        self._server = server

    def start(self) -> None:
        """Say it, now that the endpoints are there."""
        for note in codec_notes(self._server.data.all(Endpoint)):
            self._server.log.warning("%s", note.text)
