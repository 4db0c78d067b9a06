"""The module of channel event logging: ``cel.conf``, the manager's event, CELGenUserEvent, ``cel show status``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.records.cel.engine import ChannelLog
from asterism.pbx.records.cel.events import CEL
from asterism.pbx.records.cel.settings import EVENTS, FILE, CelSettings, read_settings
from asterism.pbx.records.unread import tell_unread_files
from asterism.pbx.vocabulary.inner_events import USER_EVENT
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.records.record import ChannelRecord
    from asterism.pbx.vocabulary.host import HostServer

MANAGER = "Manager Event Logging"
"""The manager, as ``cel show status`` lists it."""


class ChannelEventLogging(PbxModule):
    """Records of what happens to channels."""

    name: ClassVar[str] = "cel"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    covers: ClassVar[tuple[str, ...]] = ("cel_manager", "app_celgenuserevent")
    description: ClassVar[str] = "Channel event logging"

    def load(self, server: HostServer) -> None:
        """Read the file and begin."""
        self._server = server
        self.settings = CelSettings()
        self._unlisten: Callable[[], None] | None = None
        server.register_events(CEL)
        super().load(server)
        self.log = ChannelLog(self.pbx)
        server.owner.on_release(self._release)
        self.reload()

    def reload(self) -> None:
        """Read ``cel.conf`` again: for what happens from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is None:
            return
        self.settings = settings
        self.pbx.records.channel_dates = settings.dateformat
        listens = settings.enable and settings.manager
        if listens and self._unlisten is None:
            self._unlisten = self.pbx.records.channels.listen(self.pbx.owner, MANAGER, self._tell)
        elif not listens and self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        if settings.enable:
            tell_unread_files(self._server, "cel")
        self.log.start(settings)

    def _release(self) -> None:
        self.log.stop()
        self.pbx.records.channel_dates = ""

    def _tell(self, record: ChannelRecord) -> None:
        bus = self.pbx.bus
        if bus.listeners[CEL]:
            bus.publish(CEL, record, self.settings.show_user_defined)

    @application(
        "CELGenUserEvent",
        Documentation(
            "Record an event of the dialplan's own.",
            "CELGenUserEvent(name[,extra])",
            "Recorded where the option events of cel.conf has USER_DEFINED, and not otherwise.",
            (Argument("name", "What it is called.", True), Argument("extra", "A text that is recorded with it.")),
            ("UserEvent",),
        ),
    )
    async def user_event(self, channel: Channel, args: str) -> None:
        """``name,text``; commas in the text are a part of it."""
        name, *rest = split_arguments(args, limit=2)
        if not name.strip():
            self.pbx.log.warning("CELGenUserEvent needs the name of an event")
            return
        if self.pbx.bus.listeners[USER_EVENT]:
            self.pbx.bus.publish(USER_EVENT, channel, str(name).strip(), str(rest[0]) if rest else "")

    @command(
        "cel show status",
        Documentation(
            "Show what is recorded of channels, and where.",
            "cel show status",
            "The events and the applications of cel.conf, and who takes the records.",
            see_also=("cdr show status",),
        ),
    )
    def show_status(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError
        settings = self.settings
        lines = [f"CEL Logging: {'Enabled' if settings.enable else 'Disabled'}"]
        if settings.enable:
            tracked = ["ALL"] if settings.all_events else []
            tracked += [name for name in EVENTS if name in settings.events]
            lines += [f"CEL Tracking Event: {name}" for name in tracked]
            lines += [f"CEL Tracking Application: {name}" for name in settings.applications]
            lines += [f"CEL Event Subscriber: {name}" for name in self.pbx.records.channels.names]
        return "".join(f"{line}\n" for line in lines)
