"""``[general]``: the rules of its options, and what makes its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from asterism.chan_sip.translation import (
    general_auth,
    general_core,
    general_endpoint,
    general_mwi,
    general_registrations,
    general_transports,
    general_untranslated,
)
from asterism.chan_sip.translation.rules import Rule
from asterism.core.errors import ConfigError

if TYPE_CHECKING:
    from asterism.chan_sip.reading import SipConf
    from asterism.chan_sip.translation.names import Names
    from asterism.config.file import Section

RULES: tuple[Rule, ...] = (
    *general_transports.RULES,
    *general_core.RULES,
    *general_registrations.RULES,
    *general_mwi.RULES,
    *general_auth.RULES,
    *general_endpoint.RULES,
    *general_untranslated.RULES,
)

SECTIONS: tuple[Callable[[SipConf, Names, str], Iterable[Section]], ...] = (
    general_core.core,
    general_transports.transports,
    general_auth.credentials,
    general_registrations.registrations,
    general_mwi.mailboxes,
)
"""What makes the objects: each gives the sections of one type of ``pjsip.conf`` (``""``: of all)."""


def problems(conf: SipConf) -> Iterator[ConfigError]:
    """What is wrong with lines that are right by themselves."""
    yield from general_registrations.problems(conf)
