"""The typed SIP objects of ``pjsip.conf``, one file per type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.sip.objects.acl import Acl, NamedAcl
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.contact import Contact, contact_id, permanent_contact_id
from asterism.sip.objects.domain_alias import DomainAlias
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.objects.habits import Habits
from asterism.sip.objects.identify import Identify, SourceMatch
from asterism.sip.objects.registration import Registration
from asterism.sip.objects.system import SystemSettings
from asterism.sip.objects.transport import TransportConfig
from asterism.sip.objects.wizard import Wizard, WizardBackend

if TYPE_CHECKING:
    from asterism.data.data import Data
    from asterism.data.options import ConfiguredObject

__all__ = [
    "TYPES",
    "Acl",
    "Aor",
    "Auth",
    "Contact",
    "DomainAlias",
    "Endpoint",
    "GlobalSettings",
    "Habits",
    "Identify",
    "NamedAcl",
    "Registration",
    "SourceMatch",
    "SystemSettings",
    "TransportConfig",
    "Wizard",
    "contact_id",
    "permanent_contact_id",
    "register_types",
]

TYPES: tuple[type[ConfiguredObject], ...] = (
    SystemSettings,
    GlobalSettings,
    TransportConfig,
    NamedAcl,
    Acl,
    Auth,
    Aor,
    Endpoint,
    Identify,
    DomainAlias,
    Registration,
    Contact,
)
"""Every type, in an order in which each finds what it refers to already loaded."""


def register_types(data: Data) -> None:
    """Make every type, and the backend that reads ``pjsip_wizard.conf``, known to ``data``."""
    data.register_backend(WizardBackend.name, lambda cls, arguments: WizardBackend(cls, data.files, arguments))
    for cls in TYPES:
        data.register_type(cls)
    data.register_type(Wizard)
