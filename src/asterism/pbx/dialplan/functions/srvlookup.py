"""SRVQUERY and SRVRESULT: the servers of a service (RFC 2782)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions import nameservers
from asterism.pbx.dialplan.functions.common import integer
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import waiting_function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

MOST_KEPT = 50
"""Answers that are kept for a channel; the oldest is dropped."""
_KEY = "srv"
"""Where ``channel.data`` has them."""


class SrvFunctions(PbxModule):
    """SRV records in the dialplan."""

    name: ClassVar[str] = "func_srv"
    description: ClassVar[str] = "SRV records in the dialplan"

    timeout = nameservers.TIMEOUT

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._server: Any = server
        return super().load(server)

    @waiting_function(
        "SRVQUERY",
        Documentation(
            "Ask for the servers of a service; what SRVRESULT then tells.",
            "SRVQUERY(service)",
            "What is read is the id that SRVRESULT takes.",
            (Argument("service", "Such as _sip._udp.example.com.", True),),
            ("SRVRESULT",),
        ),
        effects=True,
    )
    async def query(self, channel: Channel | None, args: str) -> str:
        """Ask anew."""
        await self._ask(needs_channel(channel), str(args).strip())
        return args.strip()

    @waiting_function(
        "SRVRESULT",
        Documentation(
            "One of the servers that SRVQUERY found.",
            "SRVRESULT(id,resultnum[,field])",
            "They are in the order in which to try them: by priority, and at random by weight. A service that SRVQUERY "
            "was not asked for is asked for first.",
            (
                Argument("id", "What SRVQUERY gave.", True),
                Argument("resultnum", "Which one, from 1.", True, (("getnum", "how many there are"),)),
                Argument(
                    "field",
                    "",
                    False,
                    (("host", "its name, the default"), ("port", ""), ("priority", ""), ("weight", "")),
                ),
            ),
            ("SRVQUERY",),
        ),
        foreign=True,
    )
    async def result(self, channel: Channel | None, args: str) -> str:
        """``id,resultnum,field``."""
        service, number, field = [*(one.strip() for one in args.split(",", 2)), "", ""][:3]
        channel, field = needs_channel(channel), field.lower() or "host"
        if not (service and number):
            raise FunctionError("it needs an id and the number of a result")
        if field not in ("host", "port", "priority", "weight"):
            raise FunctionError("a field is host, port, priority or weight")
        found = channel.data.get(_KEY, {}).get(str(service))
        if found is None:
            found = await self._ask(channel, str(service))
        if number.lower() == "getnum":
            return str(len(found))
        index = integer(number, "the number of a result")
        if not 0 < index <= len(found):
            raise FunctionError(f"there are {len(found)} results, and no number {index}")
        return str(getattr(found[index - 1], field))

    async def _ask(self, channel: Channel, service: str) -> list[nameservers.SrvRecord]:
        if not service:
            raise FunctionError("it needs a service")
        servers = getattr(self._server, "name_servers", ())
        found = nameservers.srv(await nameservers.ask(service, "SRV", servers, self.timeout))
        kept: dict[str, list[nameservers.SrvRecord]] = channel.data.setdefault(_KEY, {})
        kept.pop(service, None)
        kept[service] = found
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
        return found
