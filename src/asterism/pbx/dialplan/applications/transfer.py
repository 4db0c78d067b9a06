"""Transfer: the caller is asked to call somebody else instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.transfer import Transferred, TransferStatus, transfer
from asterism.pbx.dialplan.language.foreign import shadow
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_NEXT = re.compile(r"&(?=\w+/)", re.ASCII)
"""Between two destinations: an address may have an ``&`` of its own."""
_TECHNOLOGY_ONLY = re.compile(r"\s*(?:[^\W_]+/)?\s*")


class TransferApplication(PbxModule):
    """The application."""

    name: ClassVar[str] = "app_transfer"
    description: ClassVar[str] = "Transfers a caller to another extension"

    @application(
        "Transfer",
        Documentation(
            "Have the caller call somebody else.",
            "Transfer([Technology/]destination[&Technology/destination2[&...]])",
            "A caller that was not answered is told to call the destination instead (in SIP: 302), and the call is "
            "over. One that was answered is asked to (REFER), and the application waits until its phone tells what "
            "became of it; when that fails, the call goes on here. Of several destinations the first is tried first. "
            "Afterwards TRANSFERSTATUS is SUCCESS, FAILURE, or UNSUPPORTED where the channel's technology has no "
            "transfer, and TRANSFERSTATUSPROTOCOL is 0 or the code of SIP that ended it.",
            (
                Argument(
                    "destination",
                    "An extension of this server, extension@endpoint, extension@host, or a URI (sip:, sips:, tel:). "
                    "With a technology, only a channel of that technology is transferred.",
                    True,
                ),
            ),
            ("Dial", "Hangup"),
        ),
    )
    async def transfer(self, channel: Channel, args: str) -> None:
        """Run Transfer."""
        destinations = _destinations(args)
        if not destinations:
            self.pbx.log.warning("Transfer requires an argument ([technology/]destination)")
            _tell(channel, Transferred(TransferStatus.FAILURE))
            return
        try:
            outcome = await transfer(channel, *destinations)
        except ChannelHangup:
            _tell(channel, Transferred(TransferStatus.FAILURE))
            raise
        _tell(channel, outcome)


def _destinations(args: str) -> list[str]:
    """The destinations, without those that are empty but for a technology; text from outside divides none."""
    found, begin = [], 0
    for between in _NEXT.finditer(shadow(args)):
        found.append(args[begin : between.start()])
        begin = between.end()
    return [one for one in (*found, args[begin:]) if _TECHNOLOGY_ONLY.fullmatch(one) is None]


def _tell(channel: Channel, outcome: Transferred) -> None:
    channel.set_variables({"TRANSFERSTATUS": outcome.status, "TRANSFERSTATUSPROTOCOL": str(outcome.protocol)})
