"""``res_parking.conf``: the parking lots."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asterism.config import ConfigFile
from asterism.core.errors import ConfigError, Position
from asterism.data import OptionSpec
from asterism.data.kinds import YES_NO, Choice, Integer, Kind, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.config import Option, Section

FILE = "res_parking.conf"
DEFAULT = "default"
"""The lot that there always is, and that calls without another one are parked in."""
LOT_KEY = "parkinglot"
"""Where ``channel.data`` keeps ``CHANNEL(parkinglot)``."""
MOST_LOTS = 1000
MOST_SPACES = 10_000
"""Spaces of one lot."""
LONGEST_NAME = 80
_LONGEST_TIME = 10_000_000
_LAST_SPACE = 999_999_999
_SYNTAX = frozenset(',;@&|()[]{}$"\\')
"""Characters that mean something in the dialplan: names of lots and extensions that park have none."""

NOBODY, CALLER, CALLEE, BOTH = "no", "caller", "callee", "both"
"""Whom an option is about: the caller who retrieves a call, the call that was parked, both or neither."""


class Spaces(Kind[tuple[int, int]]):
    """A range of extensions, ``701-720``."""

    accepted = f"first-last, numbers, at most {MOST_SPACES} of them"

    def parse(self, text: str, current: tuple[int, int]) -> tuple[int, int]:
        """Read it; raises ``ValueError``."""
        first, dash, last = (part.strip() for part in text.partition("-"))
        numbers = [part for part in (first, last) if part.isascii() and part.isdigit() and len(part) < 10]
        if not dash or len(numbers) != 2:
            raise ValueError(f"'{text}' is no range of extensions")
        start, stop = map(int, numbers)
        if start < 1 or stop > _LAST_SPACE or start > stop:
            raise ValueError(f"'{text}' has no extensions")
        if stop - start >= MOST_SPACES:
            raise ValueError(f"'{text}' has more than {MOST_SPACES} extensions")
        return start, stop

    def format(self, value: tuple[int, int]) -> str:
        """The range as it is written."""
        return f"{value[0]}-{value[1]}"


_NAME = Text("a name")
_NAMES = frozenset({"parkext", "context", "comebackcontext", "courtesytone", "parkedmusicclass"})
_WHO = Choice(NOBODY, CALLER, CALLEE, BOTH)


def _spec(name: str, kind: Kind[Any], default: object, text: str) -> tuple[str, OptionSpec]:
    return name, OptionSpec(kind, default, text, name)


OPTIONS: Mapping[str, OptionSpec] = MappingProxyType(dict((
    _spec("parkext", _NAME, "",
          "Extension that parks calls. With it the lot adds its own extensions to `context`: this one, and one for "
          "each space that retrieves the call there."),
    _spec("parkext_exclusive", YES_NO, False,
          "Whether `parkext` parks in this lot, whichever lot the call belongs to."),
    _spec("parkpos", Spaces(), (701, 750), "The spaces, which are extensions."),
    _spec("context", _NAME, "parkedcalls", "Context of the extensions. Include it where phones dial."),
    _spec("parkinghints", YES_NO, False, "Whether each space gets a hint, for lamps: `park:701@parkedcalls`."),
    _spec("parkingtime", Integer(0, _LONGEST_TIME), 45,
          "Seconds that a call stays parked; then it comes back. 0: no limit."),
    _spec("comebacktoorigin", YES_NO, True,
          "Whether a call that comes back dials the device that parked it. Otherwise it goes to `comebackcontext`."),
    _spec("comebackdialtime", Integer(0, _LONGEST_TIME), 30,
          "Seconds that a call that comes back rings. 0: no limit."),
    _spec("comebackcontext", _NAME, "parkedcallstimeout",
          "Where calls go when their time is over with `comebacktoorigin=no`: to the extension named after the device "
          "that parked it (`PJSIP_bob`), or `s`."),
    _spec("courtesytone", _NAME, "", "A sound that is played when a call is retrieved."),
    _spec("parkedplay", _WHO, CALLER, "Who hears `courtesytone`."),
    _spec("parkedcalltransfers", _WHO, NOBODY, "Who may transfer a retrieved call by digits."),
    _spec("parkedcallreparking", _WHO, NOBODY, "Who may park a retrieved call again by digits."),
    _spec("parkedcallhangup", _WHO, NOBODY, "Who may end a retrieved call by digits."),
    _spec("parkedcallrecording", _WHO, NOBODY, "Who may record a retrieved call by digits."),
    _spec("findslot", Choice("first", "next"), "first",
          "Which space is taken: the first free one, or the next free one after the space that was taken last."),
    _spec("parkedmusicclass", _NAME, "", "Music that parked calls hear."),
)))  # fmt: skip
"""The options of a lot; the one of ``[general]`` is ``parkeddynamic``."""
DYNAMIC = "parkeddynamic"


@dataclass(frozen=True, slots=True)
class LotSettings:
    """One lot; times in seconds, 0 for no limit. The options are those of :data:`OPTIONS`."""

    name: str
    parkext: str = ""
    parkext_exclusive: bool = False
    parkpos: tuple[int, int] = (701, 750)
    context: str = "parkedcalls"
    parkinghints: bool = False
    parkingtime: int = 45
    comebacktoorigin: bool = True
    comebackdialtime: int = 30
    comebackcontext: str = "parkedcallstimeout"
    courtesytone: str = ""
    parkedplay: str = CALLER
    parkedcalltransfers: str = NOBODY
    parkedcallreparking: str = NOBODY
    parkedcallhangup: str = NOBODY
    parkedcallrecording: str = NOBODY
    findslot: str = "first"
    parkedmusicclass: str = ""

    def overlaps(self, other: LotSettings) -> bool:
        """Whether both want one extension: a space of both, or ``parkext`` of one in the other's way."""
        if self.context != other.context:
            return False
        first, last = self.parkpos
        if first <= other.parkpos[1] and other.parkpos[0] <= last:
            return True
        if self.parkext and self.parkext == other.parkext and (self.parkext_exclusive or other.parkext_exclusive):
            return True
        return _within(self.parkext, other.parkpos) or _within(other.parkext, self.parkpos)


@dataclass(frozen=True, slots=True)
class ParkingSettings:
    """The whole file: lots by name, and whether lots are made for channels that name others (``parkeddynamic``)."""

    lots: Mapping[str, LotSettings] = field(default_factory=lambda: {DEFAULT: LotSettings(DEFAULT)})
    dynamic: bool = False


def is_plain(name: str) -> bool:
    """Whether a context or an extension may have this name, which may be empty: no pattern, nothing in it is syntax."""
    return len(name) <= LONGEST_NAME and name.isprintable() and not set(name) & _SYNTAX and name[:1] != "_"


def is_lot_name(name: str) -> bool:
    """Whether a lot may have this name."""
    return bool(name) and is_plain(name)


def read_settings(file: ConfigFile) -> tuple[ParkingSettings, list[ConfigError]]:
    """The lots of ``res_parking.conf`` and what is wrong in it.

    A wrong line leaves the option's default in force. A lot that cannot be (its spaces are another's) is left out.
    """
    general = file.options("general")
    problems = [
        option.error(f"'{option.name}' is unknown in [general]", DYNAMIC)
        for option in general
        if option.name.lower() != DYNAMIC
    ]
    lots: dict[str, LotSettings] = {}
    for section in file:
        if section.name.lower() == "general":
            continue
        name = section.name if section.name.lower() != DEFAULT else DEFAULT
        if not is_lot_name(name):
            problems.append(ConfigError(f"'{name}' is no name for a parking lot", section.position))
            continue
        if name in lots:
            problems.append(ConfigError(f"parking lot '{name}' is there already", section.position))
            continue
        if len(lots) >= MOST_LOTS:
            problems.append(ConfigError(f"there are more than {MOST_LOTS} parking lots", section.position))
            break
        settings = _lot(name, section, problems)
        rival = next((other for other in lots.values() if settings.overlaps(other)), None)
        if rival is not None or _within(settings.parkext, settings.parkpos):
            other = name if rival is None else rival.name
            at = section.find("parkpos") or section.find("parkext")
            problems.append(
                ConfigError(
                    f"parking lot '{name}' is left out: an extension of it is one of lot '{other}' in context "
                    f"'{settings.context}' too",
                    section.position if at is None else at.position,
                )
            )
            continue
        lots[name] = settings
    if DEFAULT not in lots:
        lots = {DEFAULT: _free_default(lots), **lots}
    return ParkingSettings(lots, general.flag(DYNAMIC)), problems


def _free_default(lots: Mapping[str, LotSettings]) -> LotSettings:
    """A default lot without extensions of its own; its context is one that no other lot has."""
    found = LotSettings(DEFAULT)
    number = 1
    while any(found.overlaps(other) for other in lots.values()):
        number += 1
        found = dataclasses.replace(found, context=f"parkedcalls{number}")
    return found


def _lot(name: str, section: Section, problems: list[ConfigError]) -> LotSettings:
    values: dict[str, Any] = {}
    for option in section:
        key = option.name.lower()
        spec = OPTIONS.get(key)
        if spec is None:
            problems.append(option.error(f"'{option.name}' is unknown", ", ".join(OPTIONS)))
            continue
        try:
            values[key] = _value(spec, option)
        except ConfigError as error:
            problems.append(error)
    return LotSettings(name, **values)


def _value(spec: OptionSpec, option: Option) -> Any:
    text = option.value.strip()
    try:
        value = spec.kind.parse(text, spec.default)
    except ValueError as error:
        raise option.error(str(error), spec.kind.accepted) from None
    if spec.name == "context" and not value:
        raise option.error("it may not be empty")
    if spec.name in _NAMES and not is_plain(value):
        raise option.error("it is too long, or has characters that it may not have")
    return value


def derive(template: LotSettings, name: str, *, context: str, parkext: str, parkpos: str) -> LotSettings:
    """Settings of a dynamic lot: those of ``template`` with what a channel's variables say, where they do.

    Raises:
        ConfigError: one of them cannot be read.
    """
    changes: dict[str, Any] = {"name": name}
    if context:
        changes["context"] = context
    if parkext:
        changes["parkext"] = parkext
    if parkpos:
        try:
            changes["parkpos"] = Spaces().parse(parkpos, template.parkpos)
        except ValueError as error:
            raise ConfigError(str(error), Position(FILE, 0)) from None
    if not (is_plain(context) and is_plain(parkext)):
        raise ConfigError("a name is too long, or has characters that it may not have", Position(FILE, 0))
    return dataclasses.replace(template, **changes)


def _within(extension: str, spaces: tuple[int, int]) -> bool:
    if not extension.isascii() or not extension.isdigit() or len(extension) > 10:
        return False
    return str(int(extension)) == extension and spaces[0] <= int(extension) <= spaces[1]
