"""ChanIsAvail: whether a device could be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.dialing import MAX_DESTINATIONS
from asterism.pbx.dialplan.language.arguments import split_arguments, split_names
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_FREE = (DeviceState.UNKNOWN, DeviceState.NOT_INUSE)


class Availability(PbxModule):
    """The application."""

    name: ClassVar[str] = "app_chanisavail"
    description: ClassVar[str] = "Check channel availability"

    @application(
        "ChanIsAvail",
        Documentation(
            "Find out whether a channel to a device can be made.",
            "ChanIsAvail(Technology/Resource[&Technology2/Resource2[&...]][,options])",
            "For the first destination to which a channel can be made, AVAILCHAN is the name of the channel that was "
            "made to try, which is gone at once; AVAILORIGCHAN is the destination as written. Both are empty if there "
            "is none. AVAILSTATUS is the number of the device's state, 0 where no option asks for it, and "
            "AVAILCAUSECODE the Q.850 cause of the last try: 0 when it succeeded. Nobody is called.",
            (
                Argument("Technology/Resource", "Destinations, joined with &.", True),
                Argument(
                    "options",
                    "Letters.",
                    values=(
                        ("a", "Try all; the variables have all that are available, joined with &."),
                        ("s", "A device that is in use at all is not available; AVAILSTATUS is its state."),
                        ("t", "The same, by the channels of the device alone, whatever its technology says."),
                    ),
                ),
            ),
            ("Dial", "DEVICE_STATE"),
        ),
    )
    async def chan_is_avail(self, channel: Channel, args: str) -> None:
        """Run ChanIsAvail."""
        destinations, letters, *_ = [*split_arguments(args, limit=2), ""]
        letters = letters.strip()
        for letter in letters:
            if letter not in "ast":
                self.pbx.dialplan.log.warning("ChanIsAvail: option '%s' is not supported", letter)
        names = split_names(destinations)[:MAX_DESTINATIONS]
        if not names:
            self.pbx.dialplan.log.warning("ChanIsAvail needs a destination: Technology/Resource")
        await self.pbx.prepare(names)
        channel.check()
        found: list[tuple[Channel, str, DeviceState]] = []
        state, cause = DeviceState.UNKNOWN, 0
        for name in names:
            if "t" in letters:
                state = self._seen(name)
            elif "s" in letters:
                state = self.pbx.device_states.get(name)
            if state not in _FREE:
                continue
            try:
                made = self.pbx.request(name, channel)
            except RequestError as error:
                cause = int(error.cause)
                continue
            found.append((made, name, state))
            cause = 0
            if "a" not in letters:
                break
        channel.set_variables(
            {
                "AVAILCHAN": "&".join(made.name for made, _, _ in found),
                "AVAILORIGCHAN": "&".join(name for _, name, _ in found),
                "AVAILSTATUS": "&".join(str(int(one)) for _, _, one in found) or str(int(state)),
                "AVAILCAUSECODE": str(cause),
            }
        )
        for made, _, _ in found:
            made.queue_hangup(Cause.CALL_REJECTED)  # as in Asterisk 22: a leg that was never called ends by itself
            made.hang_up()

    def _seen(self, name: str) -> DeviceState:
        """The state that the channels of a device amount to."""
        states = [each.state for each in self.pbx.channels.of_device(name) if not each.dead]
        if not states:
            return DeviceState.UNKNOWN
        return DeviceState.RINGING if all(one is ChannelState.RINGING for one in states) else DeviceState.INUSE
