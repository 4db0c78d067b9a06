"""``res_fax.conf``, and what a channel's dialplan sets in its place (``FAXOPT``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asterism.core.errors import ConfigError
from asterism.data import OptionSpec
from asterism.data.kinds import YES_NO, Choice, Integer, Kind
from asterism.media.fax.terminal import ALL_MODEMS, LONGEST_HEADER, LONGEST_IDENT, RATES, FaxTerms, Modem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.config import ConfigFile
    from asterism.pbx.channels.channel import Channel

FILE = "res_fax.conf"
_KEY = "fax"
"""Where ``channel.data`` keeps what ``FAXOPT`` has set and tells."""
_LONGEST_TIMEOUT = 60_000
_MODEMS = {"v17": Modem.V17, "v27": Modem.V27, "v29": Modem.V29}


class Modems(Kind[Modem]):
    """Modems, joined by commas."""

    accepted = "v17, v27, v29, joined by commas"

    def parse(self, text: str, current: Modem) -> Modem:
        """Read them; raises ``ValueError``."""
        found = Modem(0)
        for word in text.replace("/", ",").split(","):
            name = word.strip().lower().removesuffix("ter").replace(".", "")
            if name not in _MODEMS:
                raise ValueError(f"'{word.strip()}' is no modem")
            found |= _MODEMS[name]
        return found

    def format(self, value: Modem) -> str:
        """The modems as they are written."""
        return modem_names(value)


def modem_names(modems: Modem) -> str:
    """Modems as settings have them: ``v17,v27,v29``."""
    return ",".join(name for name, one in _MODEMS.items() if one in modems)


_RATE = Choice(*map(str, RATES))
MODEMS = Modems()


def _spec(name: str, kind: Kind[Any], default: object, text: str) -> tuple[str, OptionSpec]:
    return name, OptionSpec(kind, default, text, name)


OPTIONS: Mapping[str, OptionSpec] = MappingProxyType(dict((
    _spec("maxrate", _RATE, "14400",
          "The highest bit rate of pages: faster modems (V.17: 14400, V.29: 9600, V.27 ter: 4800) are not used."),
    _spec("minrate", _RATE, "4800",
          "The lowest bit rate that a page begins with: slower modems are not used, but for V.27 ter beside V.17, "
          "which T.30 cannot leave out. Bad lines may be slower."),
    _spec("statusevents", YES_NO, False, "Whether the manager is told of each step of a fax (`FAXStatus`)."),
    _spec("modems", MODEMS, ALL_MODEMS, "The modems that are used."),
    _spec("ecm", YES_NO, True, "Whether pages are sent and received with error correction, where the far end can."),
    _spec("t38timeout", Integer(1, _LONGEST_TIMEOUT), 5000,
          "Milliseconds that the far end has to change to T.38, or to answer when it is asked to."),
)))  # fmt: skip
"""The options of ``[general]``."""


@dataclass(frozen=True, slots=True)
class FaxSettings:
    """The values of :data:`OPTIONS`."""

    maxrate: int = 14400
    minrate: int = 4800
    statusevents: bool = False
    modems: Modem = ALL_MODEMS
    ecm: bool = True
    t38timeout: int = 5000


def why_not_rates(maxrate: int, minrate: int, modems: Modem) -> str:
    """Why rates and modems do not go together; empty when they do."""
    if minrate > maxrate:
        return f"the lowest rate, {minrate}, is above the highest, {maxrate}"
    if not FaxTerms(modems=modems, maxrate=maxrate, minrate=minrate).usable_modems:
        return f"none of the modems {modem_names(modems)} has its highest rate between {minrate} and {maxrate}"
    return ""


def read_settings(file: ConfigFile) -> tuple[FaxSettings, list[ConfigError]]:
    """What ``res_fax.conf`` says, and what is wrong in it; a wrong line leaves the option's default in force."""
    problems: list[ConfigError] = []
    values: dict[str, Any] = {name: spec.default for name, spec in OPTIONS.items()}
    place = None
    for section in file:
        if section.name.lower() != "general":
            problems.append(ConfigError(f"there is no section [{section.name}]", section.position, "", "general"))
            continue
        place = section.position
        for option in section:
            name = {"modem": "modems"}.get(option.name.lower(), option.name.lower())
            spec = OPTIONS.get(name)
            if spec is None:
                problems.append(option.error(f"'{option.name}' is unknown", ", ".join(OPTIONS)))
                continue
            try:
                values[name] = spec.kind.parse(option.value.strip(), values[name])
            except ValueError as error:
                problems.append(option.error(str(error), spec.kind.accepted))
    values["maxrate"], values["minrate"] = int(values["maxrate"]), int(values["minrate"])
    why = why_not_rates(values["maxrate"], values["minrate"], values["modems"])
    if why and place is not None:
        problems.append(ConfigError(f"{why}: the rates and modems of this file are not used", place))
        for name in ("maxrate", "minrate", "modems"):
            values[name] = getattr(FaxSettings(), name)
    return FaxSettings(**values), problems


@dataclass(slots=True)
class FaxDetails:
    """What is known of a channel's faxes: its settings before one, its result after it (``FAXOPT``)."""

    ecm: bool
    maxrate: int
    minrate: int
    modems: Modem
    t38timeout: int
    station: str = ""
    header: str = ""
    negotiate_both: bool = False
    gateway: bool = False
    gateway_timeout: int = 0
    """Seconds after which the gateway gives up waiting for a fax; 0: never."""
    faxdetect: str = ""
    """What ``FAXOPT(faxdetect)`` was set to, as it is read back."""
    files: list[str] = field(default_factory=list)
    session: int | None = None
    status: str = ""
    statusstr: str = ""
    error: str = ""
    pages: int = 0
    rate: int = 0
    resolution: str = ""
    remote: str = ""

    def terms(self) -> FaxTerms:
        """What a terminal is to say of itself."""
        return FaxTerms(self.station, self.header, self.ecm, self.modems, self.maxrate, self.minrate)


def details_of(channel: Channel, settings: FaxSettings) -> FaxDetails:
    """The details of a channel, which begin as the settings."""
    found = channel.data.get(_KEY)
    if not isinstance(found, FaxDetails):
        found = channel.data[_KEY] = FaxDetails(
            settings.ecm, settings.maxrate, settings.minrate, settings.modems, settings.t38timeout
        )
    return found


def shortened(text: str, header: bool = False) -> str:
    """A station's identification, or a header, as long as it may be."""
    return text[: LONGEST_HEADER if header else LONGEST_IDENT]
