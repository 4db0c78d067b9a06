"""Access lists: ``acl`` of ``pjsip.conf``, for every request, and the named ones of ``acl.conf``."""

from __future__ import annotations

from asterism.data.kinds import Names
from asterism.data.network import AccessRule, Rules
from asterism.data.options import ConfiguredObject, derived, modifier, option

_LISTS = Names("names of sections in acl.conf, comma separated", accumulates=True)


class Acl(ConfiguredObject, type="acl"):
    """Rules that every SIP request must pass, whoever sends it."""

    REALTIME = "ps_acls"

    address_rules: Rules = derived(Rules())
    """``deny`` and ``permit``, in file order."""
    contact_rules: Rules = derived(Rules())
    """``contact_deny`` and ``contact_permit``, in file order."""

    acl = option(_LISTS, (), "Named lists for source addresses; may be repeated.")
    deny = modifier(AccessRule(False), "address_rules", "Source addresses that are refused.")
    permit = modifier(AccessRule(True), "address_rules", "Source addresses that are let in.")
    contact_acl = option(_LISTS, (), "Named lists for Contact addresses; may be repeated.")
    contact_deny = modifier(AccessRule(False), "contact_rules", "Contact addresses that are refused.")
    contact_permit = modifier(AccessRule(True), "contact_rules", "Contact addresses that are let in.")


class NamedAcl(ConfiguredObject, type="named_acl"):
    """One section of ``acl.conf``."""

    SOURCES = ("config,acl.conf",)
    REALTIME = "acls"

    address_rules: Rules = derived(Rules())
    """All rules, in file order."""

    deny = modifier(AccessRule(False), "address_rules", "Addresses that are refused.")
    permit = modifier(AccessRule(True), "address_rules", "Addresses that are let in.")
