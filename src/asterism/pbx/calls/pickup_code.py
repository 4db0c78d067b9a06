"""``pickupexten`` of ``features.conf``: the code by which any phone picks up a call of its pickup groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asterism.config import ConfigErrors, ConfigFile
from asterism.pbx.calls.pickup import find, pick_up, shares_group
from asterism.pbx.channels.playing import play
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

FILE = "features.conf"
PICKUPEXTEN = "*8"


@dataclass(frozen=True, slots=True)
class PickupSettings:
    """The options of ``[general]`` about pickup; sounds are names of files, empty for none."""

    pickupexten: str = PICKUPEXTEN
    pickupsound: str = ""
    pickupfailsound: str = ""


class PickupCode(PbxModule):
    """The code."""

    name: ClassVar[str] = "features"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "The code that picks up a call of one's groups"

    def load(self, server: HostServer) -> None:
        """Read the file and register the code."""
        self._server = server
        self.settings: PickupSettings | None = None
        super().load(server)
        server.owner.on_release(self._forget)
        self.reload()

    def reload(self) -> None:
        """Read ``features.conf`` again."""
        try:
            file = ConfigFile.load(Path(self._server.paths.etc) / FILE, missing_ok=True)
        except ConfigErrors as errors:
            self._server.log.error("%s is not used: %s", FILE, errors)
            if self.settings is not None:
                return
            file = ConfigFile(FILE)
        general = file.options("general")
        self.settings = PickupSettings(
            general.get("pickupexten", PICKUPEXTEN),
            general.get("pickupsound"),
            general.get("pickupfailsound"),
        )
        self._forget()
        if self.settings.pickupexten:
            self.pbx.codes[self.settings.pickupexten] = self._pick_up

    def _forget(self) -> None:
        for code in [code for code, body in self.pbx.codes.items() if body == self._pick_up]:
            del self.pbx.codes[code]

    async def _pick_up(self, channel: Channel) -> None:
        settings = self.settings
        assert settings is not None

        def wanted(target: Channel) -> bool:
            return shares_group(target, channel)

        target = find(channel, wanted)
        if target is not None and settings.pickupsound:
            channel.raw_answer()
            await play(channel, settings.pickupsound)
            target = find(channel, wanted)
        if target is not None:
            pick_up(channel, target)
        if settings.pickupfailsound:
            channel.raw_answer()
            await play(channel, settings.pickupfailsound)
        channel.hangup_cause = channel.hangup_cause or int(Cause.CALL_REJECTED)
