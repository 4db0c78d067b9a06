"""Presence that users set themselves, ``CustomPresence:carol``: kept in the internal database, shown in hints."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.pbx.states.hints import split_devices
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.host import HostServer
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.presence_events import PRESENCE_STATE_CHANGE, PRESENCE_STATUS

if TYPE_CHECKING:
    from asterism.data import AstDb
    from asterism.pbx.channels.channel import Channel

FAMILY = "CustomPresence"
PREFIX = "CustomPresence:"
STATES = ("not_set", "unavailable", "available", "away", "xa", "chat", "dnd")

_RULE = "-" * 69


@dataclass(frozen=True, slots=True)
class Presence:
    """Presence reported by a provider: one of :data:`STATES`, and texts; ``encoded``: these are base64 in text form."""

    state: str = "not_set"
    subtype: str = ""
    message: str = ""
    encoded: bool = False

    @classmethod
    def parse(cls, text: str) -> Presence:
        """From ``state[,subtype[,message[,options]]]``; raises ``ValueError``."""
        state, subtype, message, options = (*(part.strip() for part in text.split(",", 3)), "", "", "", "")[:4]
        if state.lower() not in STATES:
            raise ValueError(f"'{state}' is not a presence state; accepted: {', '.join(STATES)}")
        encoded = "e" in options
        if encoded:
            try:
                subtype, message = (_decoded(each) for each in (subtype, message))
            except (binascii.Error, UnicodeDecodeError):
                raise ValueError("subtype and message are no base64") from None
        return cls(state.lower(), subtype, message, encoded)

    def __str__(self) -> str:
        subtype, message = self.subtype, self.message
        if self.encoded:
            subtype, message = (_encoded(each) for each in (subtype, message))
        return f"{self.state},{subtype},{message},{'e' if self.encoded else ''}"


def _encoded(text: str) -> str:
    """The base64 of the bytes of a text, also of bytes that are no UTF-8."""
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()


class PresenceServer(HostServer, Protocol):
    """A server with the internal database."""

    astdb: AstDb


class PresenceStates(PbxModule):
    """``PRESENCE_STATE``, ``presencestate list|change``, PresenceState and PresenceStateList."""

    name: ClassVar[str] = "func_presencestate"
    description: ClassVar[str] = "Presence that users set"

    def load(self, server: HostServer) -> None:
        """Register function, commands, actions and events."""
        self._database = cast(PresenceServer, server).astdb
        super().load(server)
        server.register_events(PRESENCE_STATE_CHANGE, PRESENCE_STATUS)
        presence = server.pbx.presence
        presence["CustomPresence"] = self._find
        server.owner.on_release(lambda: presence.__delitem__("CustomPresence"))

    def _find(self, name: str) -> Presence | None:
        text = self._database.get(FAMILY, name)
        if text is None:
            return None
        try:
            return Presence.parse(text)
        except ValueError:
            return None

    def _change(self, name: str, presence: Presence) -> None:
        old = self._find(name)
        self._database.put(FAMILY, name, str(presence))
        if presence == old:
            return
        provider, bus = PREFIX + name, self.pbx.bus
        bus.publish(PRESENCE_STATE_CHANGE, provider, presence)
        for watched in self.pbx.hints.all():
            if split_devices(watched.hint)[1] == provider:
                bus.publish(PRESENCE_STATUS, watched.exten, watched.context, watched.hint, presence)

    # -- dialplan ------------------------------------------------------------------------------------

    @function(
        "PRESENCE_STATE",
        Documentation(
            "What a presence provider says; writing sets a CustomPresence: provider.",
            "PRESENCE_STATE(provider,field[,options])",
            "Written values are state[,subtype[,message[,options]]]; the option 'e' says that subtype and message "
            "are base64.",
            (
                Argument("provider", "CustomPresence:name.", True),
                Argument("field", "What to read.", True, (("value", ""), ("subtype", ""), ("message", ""))),
                Argument("options", "", values=(("e", "the text as base64"),)),
            ),
        ),
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """``provider,field[,options]``."""
        provider, field, options = (*(part.strip() for part in args.split(",")), "", "", "")[:3]
        if field not in ("value", "subtype", "message"):
            raise FunctionError("it takes value, subtype or message")
        found = self._find(provider.removeprefix(PREFIX)) or Presence()
        text = {"value": found.state, "subtype": found.subtype, "message": found.message}[field]
        return _encoded(text) if "e" in options and field != "value" else text

    @function_writer("PRESENCE_STATE")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Only of ``CustomPresence:`` providers."""
        provider = args.strip()
        if not provider.startswith(PREFIX) or provider == PREFIX:
            raise FunctionError("only CustomPresence: providers can be set")
        try:
            self._change(provider[len(PREFIX) :], Presence.parse(value))
        except ValueError as error:
            raise FunctionError(str(error)) from None

    # -- console -------------------------------------------------------------------------------------

    @command("presencestate list", Documentation("List the custom presence states.", "presencestate list"))
    def list_states(self, call: CommandCall) -> str:
        """``presencestate list``."""
        if call.args:
            raise UsageError
        title = "--- Custom Presence States "
        lines = ["", _RULE, title + "-" * (len(_RULE) - len(title)), _RULE, "---"]
        names = self._database.keys(FAMILY)
        for name in names:
            found = self._find(name) or Presence()
            lines += [
                f"--- Name: '{PREFIX}{name}'",
                f"    --- State: '{found.state}'",
                f"    --- Subtype: '{found.subtype}'",
                f"    --- Message: '{found.message}'",
                f"    --- Base64 Encoded: '{'Yes' if found.encoded else 'No'}'",
                "---",
            ]
        lines += [_RULE, _RULE, ""] if names else ["No custom presence states defined"]
        return "".join(f"{line}\n" for line in lines)

    def _complete(self, words: list[str]) -> Iterable[str]:
        if len(words) == 1:
            return [PREFIX + name for name in self._database.keys(FAMILY)]
        return STATES[1:] if len(words) == 2 else ()

    @command(
        "presencestate change",
        Documentation(
            "Change a custom presence state.",
            "presencestate change <entity> <state>[,<subtype>[,message[,options]]]",
            "The entity is a 'CustomPresence:' one. The states are:\n"
            "not_set | unavailable | available | away | xa | chat | dnd\n"
            "The option 'e' says that subtype and message are base64.",
        ),
        "_complete",
    )
    def change(self, call: CommandCall) -> str:
        """``entity state[,subtype[,message[,options]]]``."""
        if len(call.args) != 2:
            raise UsageError
        entity, text = call.args
        if not entity.lower().startswith(PREFIX.lower()):
            raise CommandError("The presencestate command can only be used to set 'CustomPresence:' presence state!")
        name = entity[len(PREFIX) :]
        try:
            presence = Presence.parse(text)
        except ValueError:
            raise UsageError from None
        if not name:
            raise UsageError
        self._change(name, presence)
        return f"Changing {name} to {text.partition(',')[0]}\n"

    # -- manager -------------------------------------------------------------------------------------

    @action(
        "PresenceState",
        "call,reporting",
        Documentation(
            "Check a presence state.",
            description="Tells in the response the state of a presence provider, with its message and subtype "
            "where there are such.",
            arguments=(Argument("Provider", "CustomPresence:name.", True),),
        ),
    )
    def state_action(self, call: ActionCall) -> None:
        """One provider."""
        provider = call.get("Provider")
        if not provider:
            call.error("No provider specified")
            return
        found = self._find(provider[len(PREFIX) :]) if provider.startswith(PREFIX) else None
        if found is None:
            call.error(f"Invalid provider {provider} or provider in invalid state")
            return
        fields: list[tuple[str, object]] = [("State", found.state)]
        if found.subtype:
            fields.append(("Subtype", found.subtype))
        if found.message:
            fields.append(("Message", found.message))
        call.success("Presence State", fields)

    @action(
        "PresenceStateList",
        "call,reporting",
        Documentation(
            "List the current known presence states.",
            description="Each hint with presence comes as an event PresenceStatus, then PresenceStateListComplete.",
        ),
    )
    def list_action(self, call: ActionCall) -> None:
        """Every provider that has said something."""
        call.begin_list("Presence State Changes will follow")
        for name in self._database.keys(FAMILY):
            call.item(
                "PresenceStateChange", PRESENCE_STATE_CHANGE.render(PREFIX + name, self._find(name) or Presence())
            )
        call.end_list("PresenceStateListComplete")
