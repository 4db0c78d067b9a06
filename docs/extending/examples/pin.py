"""A dialplan application and a dialplan function: asking callers for a PIN."""

from asterism import Channel
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import application, function, function_writer
from asterism.pbx.vocabulary.module import PbxModule


class Pin(PbxModule):
    """``AskPin`` reads digits; ``PIN_VALID`` compares them with what ``Set(PIN_VALID(user)=...)`` stored."""

    name = "app_pin"
    description = "PINs of callers"

    def __init__(self) -> None:
        self._pins: dict[str, str] = {}

    @application(
        "AskPin",
        Documentation(
            "Ask the caller for a PIN.",
            "AskPin(count[,seconds])",
            "Answers the call if need be and leaves the digits in the variable PIN.",
            (
                Argument("count", "How many digits; # ends it earlier.", required=True),
                Argument("seconds", "How long to wait for each digit; 5 by default."),
            ),
            ("PIN_VALID",),
        ),
    )
    async def ask_pin(self, channel: Channel, args: str) -> None:
        """``args`` is what stands in the parentheses, variables already replaced."""
        count, _, seconds = args.partition(",")
        if not count.strip().isdigit():
            raise FunctionError("AskPin needs a number of digits")
        await channel.answer()
        digits = await channel.read_digits(int(count), float(seconds or 5))
        channel.set_variable("PIN", digits)

    @function("PIN_VALID", Documentation("1 if the caller's PIN is that of a user, else 0.", "PIN_VALID(user)"))
    def pin_valid(self, channel: Channel | None, args: str) -> str:
        """``channel`` is ``None`` where there is none, as for a manager's Getvar of a global variable."""
        if channel is None:
            raise FunctionError("PIN_VALID needs a channel")
        given = channel.get_variable("PIN")
        return "1" if given and self._pins.get(args.strip()) == given else "0"

    @function_writer("PIN_VALID")
    def set_pin(self, channel: Channel | None, args: str, value: str) -> None:
        """``Set(PIN_VALID(user)=value)``."""
        self._pins[args.strip()] = value
