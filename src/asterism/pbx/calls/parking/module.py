"""The module of parking: ``res_parking.conf``, ``parking show``, the devices of the spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.config import ConfigFile
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.pbx.calls.parking import events
from asterism.pbx.calls.parking.lots import DEVICE_PREFIX
from asterism.pbx.calls.parking.requests import Requests
from asterism.pbx.calls.parking.settings import FILE, ParkingSettings, read_settings
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.pbx.calls.parking.lots import Lot
    from asterism.pbx.vocabulary.host import Host, HostServer

KEY = "parkcall"
"""The key of ``features.conf`` that parks."""
_RULE = "-" * 74


class ParkingModule(Module):
    """Lots, events, commands."""

    name: ClassVar[str] = "res_parking"
    description: ClassVar[str] = "Call Parking Resource"

    def load(self, server: HostServer) -> None:
        """Register everything and read ``res_parking.conf``; without the file there is the lot ``default``."""
        self._server = server
        self._pbx: Host = server.pbx
        parking = self._parking = self._pbx.parking
        server.register_events(*events.ALL)
        server.register_marked(self)
        requests = Requests(self._pbx)
        targets, actions = self._pbx.transfer_targets, self._pbx.features.actions
        targets.append(requests.transfer_target)
        actions[KEY] = requests.park_by_key

        def forget() -> None:
            targets.remove(requests.transfer_target)
            actions.pop(KEY, None)

        server.owner.on_release(forget)
        self._pbx.device_states.register_provider(server.owner, DEVICE_PREFIX, parking.lots.state, self._devices)
        self.reload()

    def reload(self) -> None:
        """Read ``res_parking.conf`` again; what is parked stays."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is None and not len(self._parking.lots):
            settings, _ = read_settings(ConfigFile(FILE))
        if settings is not None:
            self.use(settings)

    def use(self, settings: ParkingSettings) -> None:
        """Put settings in force."""
        for complaint in self._parking.lots.use(settings):
            self._server.log.warning("%s", complaint)

    def unload(self) -> None:
        """End every parked call, and remove the extensions."""
        self._parking.close()

    def use_count(self) -> int:
        """Number of parked calls."""
        return len(self._parking.calls)

    def _devices(self) -> Iterable[str]:
        return [
            lot.device(space).removeprefix(f"{DEVICE_PREFIX}:") for lot in self._parking.lots for space in lot.spaces
        ]

    def _names(self, words: list[str]) -> list[str]:
        return [lot.name for lot in self._parking.lots if len(words) == 1 and lot.name.startswith(words[0])]

    @command(
        "parking show",
        Documentation(
            "Show the parking lots, or one with its calls.",
            "parking show [lot]",
            "Without a lot also whether lots are made for calls that name others (parkeddynamic).",
            (Argument("lot", "Name of the lot."),),
        ),
        complete="_names",
    )
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        lots = self._parking.lots
        if not call.args:
            general = ["", "Parking General Options", "-" * 23, f"Dynamic Parking     :  {_yes(lots.settings.dynamic)}"]
            lines = [*general, "", *(line for lot in lots for line in (*_lot(lot), "")), ""]
            return "".join(f"{line}\n" for line in lines)
        if len(call.args) != 1:
            raise UsageError
        found = lots.get(call.args[0])
        if found is None:
            return f"Could not find parking lot '{call.args[0]}'\n\n"
        lines = ["", *_lot(found), "", "Parked Calls", "-" * 12]
        for parked in sorted(found.calls.values(), key=lambda one: one.space):
            lines += [
                f"  Space               :  {parked.space}",
                f"  Channel             :  {parked.channel.name}",
                f"  Parker Dial String  :  {parked.parker}",
                "",
            ]
        if not found.calls:
            lines += ["  (none)", ""]
        return "".join(f"{line}\n" for line in (*lines, ""))


def _lot(lot: Lot) -> list[str]:
    settings = lot.settings
    first, last = settings.parkpos
    back = f"{settings.comebackcontext} (comebacktoorigin=yes, not used)"
    return [
        f"Parking Lot: {lot.name}",
        _RULE,
        f"Parking Extension   :  {settings.parkext}",
        f"Parking Context     :  {settings.context}",
        f"Parking Spaces      :  {first}-{last}",
        f"Parking Time        :  {settings.parkingtime} sec",
        f"Comeback to Origin  :  {_yes(settings.comebacktoorigin)}",
        f"Comeback Context    :  {back if settings.comebacktoorigin else settings.comebackcontext}",
        f"Comeback Dial Time  :  {settings.comebackdialtime} sec",
        f"MusicOnHold Class   :  {settings.parkedmusicclass}",
        f"Enabled             :  {_yes(lot.enabled)}",
        f"Dynamic             :  {_yes(lot.dynamic)}",
    ]


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
