"""STRFTIME and STRPTIME."""

from __future__ import annotations

import datetime
import time
import zoneinfo
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_ZONE = Argument("timezone", "Europe/Prague, UTC, ...; the system's by default.")


def _zone(name: str) -> datetime.tzinfo | None:
    name = name.strip()
    if not name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise FunctionError(f"unknown time zone '{name}'") from None


class TimeFunctions(PbxModule):
    """Times as text."""

    name = "func_strftime"
    description = "Times in the dialplan"

    @function(
        "STRFTIME",
        Documentation(
            "A time as text.",
            "STRFTIME([epoch[,timezone[,format]]])",
            arguments=(
                Argument("epoch", "Seconds since 1970; now by default."),
                _ZONE,
                Argument("format", "As strftime, and %1q to %9q for fractions of a second; %c by default."),
            ),
            see_also=("STRPTIME",),
        ),
    )
    def format(self, channel: Channel | None, args: str) -> str:
        """``epoch,zone,format``."""
        epoch, zone, form = ([*args.split(",", 2), "", ""])[:3]
        try:
            moment = float(epoch) if epoch.strip() else time.time()
            found = datetime.datetime.fromtimestamp(moment, _zone(zone) or datetime.datetime.now().astimezone().tzinfo)
            form = form or "%c"
            for digits in range(1, 10):
                form = form.replace(f"%{digits}q", f"{moment % 1:.9f}"[2 : 2 + digits])
            return found.strftime(form)
        except (ValueError, OverflowError, OSError) as error:
            raise FunctionError(str(error)) from None

    @function(
        "STRPTIME",
        Documentation(
            "The epoch of a time as text.",
            "STRPTIME(text,timezone,format)",
            arguments=(Argument("text", "", True), _ZONE, Argument("format", "As strptime.", True)),
            see_also=("STRFTIME",),
        ),
    )
    def parse(self, channel: Channel | None, args: str) -> str:
        """``text,zone,format``."""
        parts = args.split(",", 2)
        if len(parts) < 3 or not parts[2]:
            raise FunctionError("it takes text, timezone and format")
        text, zone, form = parts
        try:
            found = datetime.datetime.strptime(text, form)
            return str(int(found.replace(tzinfo=found.tzinfo or _zone(zone)).timestamp()))
        except (ValueError, OverflowError, OSError) as error:
            raise FunctionError(str(error)) from None
