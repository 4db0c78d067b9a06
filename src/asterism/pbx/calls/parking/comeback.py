"""Where a call goes that was parked too long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asterism.pbx.calls.parking.extensions import REGISTRAR
from asterism.pbx.calls.parking.settings import BOTH, CALLEE, CALLER
from asterism.pbx.dialplan.language.patterns import fold
from asterism.pbx.dialplan.language.places import Place

if TYPE_CHECKING:
    from asterism.pbx.calls.parking.lots import ParkedCall
    from asterism.pbx.calls.parking.settings import LotSettings
    from asterism.pbx.dialplan.language.contexts import Priority
    from asterism.pbx.dialplan.language.table import Dialplan

PARK_DIAL = "park-dial"
"""The context of the extensions that dial the devices that parked."""
MOST_DEVICES = 5000
"""Extensions kept there; the oldest goes for the newest."""
_DIALLED = re.compile(r"[A-Za-z0-9]+/[\w.@+:;=~*#-]{1,200}").fullmatch
"""Matches dial strings in which no character means anything to the dialplan."""


def flat(parker: str) -> str:
    """A dial string as the name of an extension."""
    return parker.replace("/", "_")


def letters(settings: LotSettings, who: str) -> frozenset[str]:
    """Capital letters of Dial for what a party of a retrieved call may do by digits; ``who`` is caller or callee."""
    by_letter = {
        "T": settings.parkedcalltransfers,
        "K": settings.parkedcallreparking,
        "H": settings.parkedcallhangup,
        "X": settings.parkedcallrecording,
    }
    return frozenset(letter for letter, whom in by_letter.items() if whom in (who, BOTH))


def dial_options(settings: LotSettings) -> str:
    """What may be done by digits, as options of the Dial with which a call comes back: it is the calling party."""
    called = (letter.lower() for letter in letters(settings, CALLER))
    return "".join(sorted((*letters(settings, CALLEE), *called)))


class Comebacks:
    """The places where calls come back to."""

    def __init__(self, dialplan: Dialplan) -> None:
        self._dialplan = dialplan
        self._lines: dict[str, Priority] = {}

    def place(self, call: ParkedCall) -> Place:
        """Where a call goes; the extension that dials its parker is made by :meth:`prepare`."""
        settings, channel = call.lot.settings, call.channel
        if call.comeback is not None:
            asked = call.comeback
            return Place(asked.context or channel.context, asked.exten or channel.exten, asked.priority)
        name = flat(call.parker)
        if settings.comebacktoorigin and _DIALLED(call.parker):
            return Place(PARK_DIAL, name, 1)
        wanted = ((settings.comebackcontext, name), (settings.comebackcontext, "s"), ("default", "s"))
        for context, exten in wanted:
            if exten and self._dialplan.exists(context, exten, 1, channel.caller.number):
                return Place(context, exten, 1)
        return Place(settings.comebackcontext, name or "s", 1)

    def prepare(self, call: ParkedCall) -> None:
        """Have the extension of the call's parker dial it."""
        name, settings = flat(call.parker), call.lot.settings
        arguments = [call.parker, str(settings.comebackdialtime or ""), dial_options(settings)]
        data = ",".join(arguments).rstrip(",")
        key = fold(name)
        line = self._lines.get(key)
        dialplan = self._dialplan
        if line is not None:
            extension = line.extension
            if (extension.name, line.data) == (name, data) and extension.priorities.get(1) is line:
                return
            dialplan.remove_lines((line,))  # another time limit, or a name that only differs in case or hyphens
            del self._lines[key]
        elif len(self._lines) >= MOST_DEVICES:
            dialplan.remove_lines((self._lines.pop(next(iter(self._lines))),))
        added, _ = dialplan.add_lines(PARK_DIAL, REGISTRAR, [(name, 1, "Dial", data)])
        for one in added:
            self._lines[key] = one

    def clear(self) -> None:
        """Forget all of these extensions."""
        self._dialplan.remove_lines(self._lines.values())
        self._lines.clear()
