"""ENUMLOOKUP, ENUMQUERY, ENUMRESULT: numbers in the DNS (RFC 6116), and enum.conf."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.config import ConfigFile
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError
from asterism.pbx.dialplan.functions import enumrules, nameservers
from asterism.pbx.dialplan.functions.common import integer
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import waiting_function
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

FILE = "enum.conf"
MOST_ZONES = 10
MOST_KEPT = 50
"""Answers that are kept for a channel; the oldest is dropped."""
_KEY = "enum"
"""Where ``channel.data`` has them."""
_NUMBER = Argument("number", "With or without +.", True)
_METHOD = Argument("method-type", "sip (the default), tel, h323, iax2, ..., or ALL.")
_ZONE = Argument("zone-suffix", f"The domain below which to look; by default those of {FILE}, else {enumrules.ZONE}.")


@dataclass(slots=True)
class EnumSettings:
    """``enum.conf``: the zones to look in, in their order, and the label of infrastructure ENUM."""

    search: list[str] = field(default_factory=list)
    branch: str = enumrules.BRANCH


def read_settings(file: ConfigFile) -> tuple[EnumSettings, list[ConfigError]]:
    """The settings of a file that has been read, and what is wrong in it."""
    found, problems = EnumSettings(), []
    for option in file.options("general"):
        name, value = option.name.lower(), option.value.strip()
        if name == "search" and value and len(found.search) < MOST_ZONES:
            found.search.append(value)
        elif name == "ienum_branchlabel" and value.isalnum():
            found.branch = value
        else:
            accepted = f"search (at most {MOST_ZONES}), ienum_branchlabel"
            problems.append(option.error("it is no setting, or has no such value", accepted))
    return found, problems


class EnumFunctions(PbxModule):
    """ENUM in the dialplan."""

    name: ClassVar[str] = "func_enum"
    aliases: ClassVar[tuple[str, ...]] = ("enum",)
    description: ClassVar[str] = "Numbers in the DNS"

    timeout = nameservers.TIMEOUT

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._server: Any = server
        self._settings = EnumSettings()
        self.reload()
        return super().load(server)

    def reload(self) -> None:
        """Read ``enum.conf`` again; a file with a syntax error changes nothing."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is not None:
            self._settings = settings

    @waiting_function(
        "ENUMLOOKUP",
        Documentation(
            "The URI of a number in the DNS, or how many there are.",
            "ENUMLOOKUP(number[,method-type[,options[,record#[,zone-suffix]]]])",
            "Empty where there is none.",
            (
                _NUMBER,
                _METHOD,
                Argument(
                    "options",
                    values=(
                        ("c", "how many records there are; -1 when no server answers"),
                        ("u", "the whole URI, with its scheme"),
                        ("s", "the number is an ISN: number*organisation"),
                        ("i", "in the tree of infrastructure ENUM"),
                        ("d", "the number as it is, not turned round"),
                    ),
                ),
                Argument("record#", "Which record, from 1, the default."),
                _ZONE,
            ),
            ("ENUMQUERY",),
        ),
        foreign=True,
    )
    async def lookup(self, channel: Channel | None, args: str) -> str:
        """``number,method,options,record,zone``."""
        number, method, options, record, zone = [*(one.strip() for one in args.split(",", 4)), "", "", "", ""][:5]
        options = options.lower()
        wanted = integer(record, "the number of a record") if record else 1
        try:
            found = await self._uris(number, method, zone, options)
        except FunctionError:
            if "c" in options:
                return "-1"
            raise
        if "c" in options:
            return str(len(found))
        if not 0 < wanted <= len(found):
            return ""
        uri = found[wanted - 1]
        return uri if "u" in options else enumrules.without_scheme(uri)

    @waiting_function(
        "ENUMQUERY",
        Documentation(
            "Ask for the URIs of a number; what ENUMRESULT then tells.",
            "ENUMQUERY(number[,method-type[,zone-suffix]])",
            "What is read is the id that ENUMRESULT takes.",
            (_NUMBER, _METHOD, _ZONE),
            ("ENUMRESULT", "ENUMLOOKUP"),
        ),
        effects=True,
    )
    async def query(self, channel: Channel | None, args: str) -> str:
        """Ask, and keep the answer."""
        channel = needs_channel(channel)
        number, method, zone = [*(one.strip() for one in args.split(",", 2)), "", ""][:3]
        found = await self._uris(number, method, zone, "")
        kept: dict[str, tuple[str, list[str]]] = channel.data.setdefault(_KEY, {})
        key = str(secrets.randbelow(2**31))
        kept[key] = method, found
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
        return key

    @waiting_function(
        "ENUMRESULT",
        Documentation(
            "One of the URIs that ENUMQUERY found.",
            "ENUMRESULT(id,resultnum)",
            "Without its scheme, unless ALL were asked for.",
            (
                Argument("id", "What ENUMQUERY gave.", True),
                Argument("resultnum", "Which one, from 1.", True, (("getnum", "how many there are"),)),
            ),
            ("ENUMQUERY",),
        ),
        foreign=True,
    )
    async def result(self, channel: Channel | None, args: str) -> str:
        """``id,resultnum``."""
        key, _, number = args.partition(",")
        found = needs_channel(channel).data.get(_KEY, {}).get(str(key).strip())
        if found is None:
            raise FunctionError(f"there is no query '{key}' of this channel")
        method, results = found
        if number.strip().lower() == "getnum":
            return str(len(results))
        index = integer(number, "the number of a result")
        if not 0 < index <= len(results):
            raise FunctionError(f"there are {len(results)} results, and no number {index}")
        uri: str = results[index - 1]
        return uri if method.lower() == "all" else enumrules.without_scheme(uri)

    async def _uris(self, number: str, method: str, zone: str, options: str) -> list[str]:
        """The URIs, of the first zone that has any."""
        servers = getattr(self._server, "name_servers", ())
        text = enumrules.application_string(str(number), options)
        for each in [str(zone)] if zone else self._settings.search or [enumrules.ZONE]:
            name = enumrules.domain(str(number), each, options, self._settings.branch)
            records = nameservers.naptr(await nameservers.ask(name, "NAPTR", servers, self.timeout))
            found = enumrules.uris(records, method or "sip", text)
            if found:
                return found
        return []
