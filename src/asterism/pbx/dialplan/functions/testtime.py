"""TESTTIME: another time than now, to try a dialplan that depends on it."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.timing import TEST_TIME
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class TestTimeFunction(PbxModule):
    """The function."""

    name: ClassVar[str] = "pbx_testtime"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Another time than now, for tests of the dialplan"

    @function_writer(
        "TESTTIME",
        Documentation(
            "Have GotoIfTime, ExecIfTime and IFTIME take another time for now.",
            "TESTTIME(date,time[,zone])",
            f"For this channel: Set(TESTTIME()=2026-12-25 09:30:00) or Set(TESTTIME(2026-12-25,09:30)=). The variable "
            f"{TEST_TIME} has it in seconds since 1970; Set(TESTTIME()=) goes back to the clock.",
            (
                Argument("date", "Year, month and day.", True),
                Argument("time", "Hours, minutes and, if wanted, seconds.", True),
                Argument("zone", "The time zone of both, such as Europe/Prague; the system's by default."),
            ),
            ("GotoIfTime", "ExecIfTime", "IFTIME"),
        ),
    )
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set or take back."""
        channel = needs_channel(channel)
        parts = str(value).split() or [part.strip() for part in str(args).split(",")]
        if not any(parts):
            channel.set_variable(TEST_TIME, None)
            return
        date, time, zone = [*parts, "", ""][:3]
        try:
            moment = datetime.datetime.fromisoformat(f"{date.replace('/', '-')}T{time}")
            if zone:
                moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))
            channel.set_variable(TEST_TIME, str(int(moment.timestamp())))
        except (ValueError, OverflowError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise FunctionError(
                "it takes a date, a time and perhaps a zone: 2026-12-25 09:30:00 Europe/Prague"
            ) from None
