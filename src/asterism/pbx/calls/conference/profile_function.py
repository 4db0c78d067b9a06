"""CONFBRIDGE: profiles for one channel, made in the dialplan."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.conference.chosen import OwnProfiles, own_profiles
from asterism.pbx.calls.conference.menus import Menu
from asterism.pbx.calls.conference.profiles import FILE, TEMPLATE, BridgeProfile, UserProfile, entry_of
from asterism.pbx.dialplan.language.arguments import split_fields
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.pbx.channels.channel import Channel

CLEAR = "clear"


class ProfileFunction(PbxModule):
    """The function."""

    name: ClassVar[str] = "func_confbridge"
    part_of: ClassVar[tuple[str, ...]] = ("app_confbridge",)
    description: ClassVar[str] = "Conference profiles of one channel"

    @function_writer(
        "CONFBRIDGE",
        Documentation(
            "Make a profile for this channel's next conference.",
            "CONFBRIDGE(type,option)",
            "What is set counts where ConfBridge names no profile of that type. Set(CONFBRIDGE(user,quiet)=yes) begins "
            "with the default of each option, Set(CONFBRIDGE(user,template)=name) with a profile of confbridge.conf. "
            "Options name files, commands and dialplan: manager clients and the like may not use it unless "
            "live_dangerously is set.",
            (
                Argument(
                    "type", "What the option belongs to.", True,
                    (("user", "a user profile"), ("bridge", "a bridge profile"), ("menu", "a menu")),
                ),
                Argument(
                    "option",
                    "An option of that type in confbridge.conf; of a menu the digits of an entry.",
                    True,
                    ((TEMPLATE, "begin anew with the profile of that name"), (CLEAR, "forget what was set")),
                ),
            ),
            ("ConfBridge", "CONFBRIDGE_INFO"),
        ),
        dangerous=True,
    )  # fmt: skip
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set an option."""
        kind, option = split_fields(args, 2)
        kind, option = kind.lower(), option.lower()
        own = own_profiles(needs_channel(channel))
        profiles = self.pbx.conferences.profiles
        templates: Mapping[str, Mapping[str, UserProfile | BridgeProfile | Menu]] = {
            "user": profiles.users, "bridge": profiles.bridges, "menu": profiles.menus,
        }  # fmt: skip
        if kind not in templates:
            raise FunctionError(f"'{kind}' is not bridge, menu or user")
        if not option:
            raise FunctionError("it needs an option")
        if option == CLEAR:
            setattr(own, kind, None)
        elif option == TEMPLATE:
            template = templates[kind].get(value.strip())
            if template is None:
                raise FunctionError(f"there is no {kind} profile '{value.strip()}' in {FILE}")
            setattr(own, kind, template)
        else:
            _set(own, kind, option, value)


def _set(own: OwnProfiles, kind: str, option: str, value: str) -> None:
    try:
        if kind == "user":
            own.user = (own.user or UserProfile()).having(option, value)
        elif kind == "bridge":
            own.bridge = (own.bridge or BridgeProfile()).having(option, value)
        else:
            own.menu = entry_of(own.menu or Menu(), option, value)
    except KeyError:
        raise FunctionError(f"a {kind} profile has no option '{option}'") from None
    except ValueError as error:
        raise FunctionError(f"{option}: {error}") from None
