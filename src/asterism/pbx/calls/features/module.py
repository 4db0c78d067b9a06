"""The module of ``features.conf``: its settings, the code of pickup, ``features show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.config import ConfigFile
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.pbx.calls.features.settings import FILE, OPTIONS, FeatureSettings, read_settings
from asterism.pbx.calls.features.table import options_of
from asterism.pbx.calls.pickup import find, pick_up, shares_group
from asterism.pbx.channels.playing import play
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_SHOWN = (
    ("Pickup", "pickupexten"),
    ("Blind Transfer", "blindxfer"),
    ("Attended Transfer", "atxfer"),
    ("Disconnect Call", "disconnect"),
    ("Park Call", "parkcall"),
    ("One Touch MixMonitor", "automixmon"),
)
"""What ``features show`` lists, in Asterisk's order."""


class FeaturesModule(PbxModule):
    """Settings of features on keys."""

    name: ClassVar[str] = "features"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Features on keys, and the code of pickup"

    def load(self, server: HostServer) -> None:
        """Read the file and register the code of pickup."""
        self._server = server
        self._read = False
        super().load(server)
        server.owner.on_release(self._release)
        self.reload()

    def reload(self) -> None:
        """Read ``features.conf`` again: for calls that begin to be bridged from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is None:
            if self._read:
                return
            settings, _ = read_settings(ConfigFile(FILE))
        self._read = True
        self.pbx.features.settings = settings
        self._forget()
        code = settings.options.pickupexten
        if code:
            self.pbx.codes[code] = self._pick_up

    def use_count(self) -> int:
        """Number of channels on which something runs because of a key, or that are transferring."""
        features = self.pbx.features
        return len(features.running.keys() | features.transfers.keys())

    def _release(self) -> None:
        self._forget()
        self.pbx.features.settings = FeatureSettings()

    def _forget(self) -> None:
        for code in [code for code, body in self.pbx.codes.items() if body == self._pick_up]:
            del self.pbx.codes[code]

    def unload(self) -> None:
        """End what runs because of a key."""
        self.pbx.features.close()

    async def _pick_up(self, channel: Channel) -> None:
        options = options_of(channel)

        def wanted(target: Channel) -> bool:
            return shares_group(target, channel)

        target = find(channel, wanted)
        if target is not None and options.pickupsound:
            channel.raw_answer()
            await play(channel, options.pickupsound)
            target = find(channel, wanted)
        if target is not None:
            pick_up(channel, target)
        if options.pickupfailsound:
            channel.raw_answer()
            await play(channel, options.pickupfailsound)
        channel.hangup_cause = channel.hangup_cause or int(Cause.CALL_REJECTED)

    @command(
        "features show",
        Documentation(
            "List what can be started by keys.",
            "features show",
            "The codes of what is built in, of the applications of features.conf, and its groups.",
            see_also=("module reload",),
        ),
    )
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError
        settings = self.pbx.features.settings
        lines = [_row("Builtin Feature", "Default", "Current"), _row("-" * 15, "-" * 7, "-" * 7)]
        lines += [_row(title, OPTIONS[name].default, getattr(settings.options, name)) for title, name in _SHOWN]
        lines += ["", _row("Dynamic Feature", "Default", "Current"), _row("-" * 15, "-" * 7, "-" * 7)]
        applications = sorted(settings.applications.values(), key=lambda one: one.name)
        lines += [_row(one.name, "no def", one.code) for one in applications] or ["(none)"]
        lines += ["", "Feature Groups:", "---------------"]
        for name, group in sorted(settings.groups.items()):
            lines.append(f"===> Group: {name}")
            for member, code in sorted(group.items()):
                lines.append(f"===> --> {member} ({code or settings.applications[member].code})")
        return (
            "".join(f"{line}\n" for line in lines)
            if settings.groups
            else "".join(f"{line}\n" for line in [*lines, "(none)"])
        )


def _row(title: str, default: str, current: str) -> str:
    return f"{title:<25} {default:<7} {current:<7}"
