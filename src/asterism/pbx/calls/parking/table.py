"""The lots of a server: those of the file and dynamic ones, with what they bring into the dialplan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asterism.core.errors import ConfigError, Position
from asterism.pbx.calls.parking.extensions import add_extensions
from asterism.pbx.calls.parking.lots import Lot
from asterism.pbx.calls.parking.settings import DEFAULT, FILE, MOST_LOTS, ParkingSettings, derive, is_lot_name
from asterism.pbx.vocabulary.device_state import DeviceState

if TYPE_CHECKING:
    from asterism.pbx.calls.parking.settings import LotSettings
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host


class LotTable:
    """The lots by name."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self._lots: dict[str, Lot] = {}
        self.settings = ParkingSettings({})

    def __iter__(self) -> Iterator[Lot]:
        return iter(list(self._lots.values()))

    def __len__(self) -> int:
        return len(self._lots)

    def get(self, name: str) -> Lot | None:
        """The lot of that name."""
        return self._lots.get(name)

    @property
    def idle_bridges(self) -> int:
        """Bridges of lots without a call."""
        return sum(lot.bridge is not None and not lot.bridge.members for lot in self._lots.values())

    def use(self, settings: ParkingSettings) -> list[str]:
        """Put other settings in force; what is parked stays, by the settings that it was parked with.

        Returns what stood in the way of some extensions.
        """
        self.settings = settings
        for lot in self._lots.values():
            if lot.remove_lines is not None:
                lot.remove_lines()
                lot.remove_lines = None
        old, self._lots = self._lots, {}
        for name, one in settings.lots.items():
            lot = old.pop(name) if name in old else Lot(one)
            lot.dynamic, lot.enabled = False, True
            self._change(lot, one)
            self._lots[name] = lot
        for name, lot in old.items():
            # A dynamic lot in use goes on unless the file has its extensions now.
            lot.enabled = lot.dynamic and not any(lot.settings.overlaps(one) for one in settings.lots.values())
            if lot.calls:
                self._lots[name] = lot
            else:
                lot.close()
        return self._add_lines()

    def make(self, name: str, channel: Channel) -> Lot | None:
        """A dynamic lot as the variables of a channel say; ``None`` where they make none, which is logged."""
        template = self._lots.get(channel.get_variable("PARKINGDYNAMIC") or DEFAULT) or self._lots.get(DEFAULT)
        if template is None or not is_lot_name(name):
            return None
        try:
            settings = derive(
                template.settings,
                name,
                context=channel.get_variable("PARKINGDYNCONTEXT") or "",
                parkext=channel.get_variable("PARKINGDYNEXTEN") or "",
                parkpos=channel.get_variable("PARKINGDYNPOS") or "",
            )
            return self.add_dynamic(settings)
        except ConfigError as error:
            self._pbx.log.warning("Parking lot '%s' cannot be made for %s: %s", name, channel.name, error)
            return None

    def add_dynamic(self, settings: LotSettings) -> Lot:
        """Make a dynamic lot.

        Raises:
            ConfigError: its extensions are another lot's or the dialplan's, or there are too many lots.
        """
        rival = next((lot for lot in self if lot.settings.overlaps(settings)), None)
        where = Position(FILE, 0)
        if rival is not None:
            raise ConfigError(f"an extension of it is one of lot '{rival.name}'", where)
        if len(self._lots) >= MOST_LOTS:
            unused = next((lot for lot in self if lot.dynamic and not lot.calls), None)
            if unused is None:
                raise ConfigError("there are too many parking lots", where)
            del self._lots[unused.name]
            unused.close()
        lot = Lot(settings, dynamic=True)
        lot.remove_lines, complaints = add_extensions(self._pbx.dialplan, lot)
        if complaints:
            lot.close()
            self._pbx.dialplan.changed()
            raise ConfigError(complaints[0], where)
        self._lots[settings.name] = lot
        self._pbx.dialplan.changed()
        return lot

    def drop_unused(self, lot: Lot) -> None:
        """Forget a lot that is disabled, once its last call has left."""
        if not lot.enabled and not lot.calls and self._lots.get(lot.name) is lot:
            del self._lots[lot.name]
            lot.close()
            self._add_lines()  # an extension that parks may have been another lot's as well

    def clear(self) -> None:
        """Forget every lot."""
        for lot in self._lots.values():
            lot.close()
        self._lots.clear()
        self._pbx.dialplan.changed()

    def state(self, name: str) -> DeviceState:
        """The state of ``701@parkedcalls`` as a device; invalid where no lot has such a space."""
        number, _, context = name.partition("@")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return DeviceState.INVALID
        space = int(number)
        found = [lot.state(space) for lot in self if lot.settings.context == context and lot.has_space(space)]
        return DeviceState.INVALID if not found else max(found, key=DeviceState.INUSE.__eq__)

    def _change(self, lot: Lot, settings: LotSettings) -> None:
        """Give a lot other settings; calls stay where they are, even outside of its spaces now."""
        before, lot.settings = lot.settings, settings
        if before.context != settings.context:
            for space in lot.calls:
                for one in (before, settings):
                    self._pbx.device_states.changed(f"park:{space}@{one.context}")

    def _add_lines(self) -> list[str]:
        """Add the extensions of all lots that have none in the dialplan."""
        complaints: list[str] = []
        for lot in sorted(self._lots.values(), key=lambda lot: not lot.enabled):
            if lot.remove_lines is None:
                lot.remove_lines, problems = add_extensions(self._pbx.dialplan, lot)
                if lot.enabled:
                    complaints += [f"parking lot '{lot.name}': {problem}" for problem in problems]
        self._pbx.dialplan.changed()
        return complaints
