"""The domains that this server serves: ``domain`` lines of ``sip.conf``, and its own with ``autodomain``."""

from __future__ import annotations

import socket
from typing import NamedTuple

from asterism.applications.session.identity import WILDCARDS
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.translation.general_transports import binds, host_of

MOST = 1000
"""Domains that are looked at."""


class Domain(NamedTuple):
    """One domain."""

    name: str
    context: str = ""
    """Context of its calls; empty: as everywhere."""
    configured: bool = True
    """Whether a line says it, instead of autodomain."""


def domains(general: SipGeneral | None) -> list[Domain]:
    """All of them, those of the file first and in its order."""
    if general is None:
        return []
    found: dict[str, Domain] = {}
    for line in general.domain[:MOST]:
        name, _, context = line.partition(",")
        if name.strip():
            found.setdefault(name.strip().lower(), Domain(name.strip(), context.strip()))
    if general.autodomain:
        for name in _own(general):
            found.setdefault(name.lower(), Domain(name, configured=False))
    return list(found.values())


def _own(general: SipGeneral) -> list[str]:
    """Names and addresses of this server: where it listens, how it is seen from outside, what the system calls it."""
    names = [bind.host for bind in binds(general).values()]
    names += [host_of(one) for one in (general.externaddr, general.externhost, general.fromdomain) if one]
    names.append(socket.gethostname())
    return [name for name in names if name and name not in WILDCARDS]


def is_local(general: SipGeneral | None, name: str) -> bool:
    """Whether it is one of them, in any case."""
    wanted = name.lower()
    return any(one.name.lower() == wanted for one in domains(general))
