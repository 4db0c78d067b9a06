"""``domain_alias``: another name of a domain; the section's name is the alias."""

from __future__ import annotations

from asterism.data.kinds import TEXT
from asterism.data.options import ConfiguredObject, option


class DomainAlias(ConfiguredObject, type="domain_alias"):
    """Makes user@alias mean user@domain when endpoints and AORs are looked up."""

    REALTIME = "ps_domain_aliases"

    domain = option(TEXT, "", "The domain that this one stands for.")
