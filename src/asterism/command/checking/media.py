"""Checks of media: certificates of DTLS-SRTP, and faxes that cannot come as they are configured."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from asterism.core.errors import ConfigError
from asterism.pbx.dialplan.language.loader import read

if TYPE_CHECKING:
    from asterism.config.file import ConfigFile
    from asterism.data import Data

_FAX = "fax"
_APPLICATIONS = frozenset(("receivefax", "sendfax"))


def check_dtls(data: Data) -> Iterator[ConfigError]:
    """Endpoints with ``media_encryption = dtls`` whose files are absent or do not fit: calls have no media."""
    from asterism.sip.objects.endpoint import Endpoint

    endpoints = [one for one in data.all(Endpoint) if one.media_encryption == "dtls"]
    if not endpoints:
        return
    # OpenSSL is loaded when it is needed first.
    from asterism.applications.session.media_transport.opening import dtls_settings
    from asterism.media.transports.dtls_server import DtlsServer

    server = DtlsServer(logging.getLogger("asterism.check"))
    for endpoint in endpoints:
        try:
            server.check(dtls_settings(endpoint, data.files))
        except (OSError, ValueError) as error:
            text = f"endpoint '{endpoint.id}': no call can have DTLS-SRTP: {error}"
            yield ConfigError(text, endpoint.position, "media_encryption")


def fax_notes(data: Data, extensions: ConfigFile | None) -> Iterator[ConfigError]:
    """Options of endpoints that can have no effect, and fax applications without their library; no problems."""
    from asterism.media.fax.library import why_missing
    from asterism.sip.objects.endpoint import Endpoint

    table = None if extensions is None else read(extensions, lambda text, _variables: text).table
    for endpoint in data.all(Endpoint):
        name, position = f"endpoint '{endpoint.id}'", endpoint.position
        if endpoint.t38_udptl and endpoint.media_encryption != "no" and not endpoint.media_encryption_optimistic:
            text = f"{name}: it has no T.38, which is not encrypted, while media_encryption is demanded"
            yield ConfigError(text, position, "t38_udptl")
        if not endpoint.fax_detect or table is None or endpoint.context not in table.contexts:
            continue
        if table.find(endpoint.context, _FAX, 1, "") is None:
            text = f"{name}: fax_detect has no effect, as context '{endpoint.context}' has no extension fax"
            yield ConfigError(text, position, "fax_detect")
    missing = why_missing()
    if table is None or not missing:
        return
    for context in table.contexts.values():
        for extension in context.extensions.values():
            for priority in extension.priorities.values():
                if priority.application.lower() in _APPLICATIONS:
                    yield ConfigError(f"{priority.application} fails here: {missing}", priority.position, "")
