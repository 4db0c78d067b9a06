"""What a channel was given for its next conference: profiles made by ``CONFBRIDGE``, by name, or the default ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.menus import Menu
    from asterism.pbx.calls.conference.profiles import BridgeProfile, Profiles, UserProfile
    from asterism.pbx.channels.channel import Channel

_KEY = "confbridge"
"""Where ``channel.data`` keeps them."""


class ProfileError(AsterismError):
    """There is no profile of that name."""


@dataclass(slots=True)
class OwnProfiles:
    """The profiles of one channel; ``None`` where it was given none."""

    user: UserProfile | None = None
    bridge: BridgeProfile | None = None
    menu: Menu | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """With what a channel enters."""

    user: UserProfile
    bridge: BridgeProfile
    menu: Menu


def own_profiles(channel: Channel) -> OwnProfiles:
    """The profiles of a channel, to be changed."""
    found: OwnProfiles = channel.data.setdefault(_KEY, OwnProfiles())
    return found


def choose(channel: Channel, profiles: Profiles, bridge: str, user: str, menu: str) -> Chosen:
    """The profiles that are named; where a name is empty, the channel's own, or the default one.

    Raises:
        ProfileError: there is none of a name.
    """
    own: OwnProfiles = channel.data.get(_KEY) or OwnProfiles()
    found_user = profiles.users.get(user) if user else own.user or profiles.default_user
    found_bridge = profiles.bridges.get(bridge) if bridge else own.bridge or profiles.default_bridge
    found_menu = profiles.menus.get(menu) if menu else own.menu or profiles.default_menu
    if found_bridge is None:
        raise ProfileError(f"there is no bridge profile '{bridge}'")
    if found_user is None:
        raise ProfileError(f"there is no user profile '{user}'")
    if found_menu is None:
        raise ProfileError(f"there is no menu '{menu}'")
    return Chosen(found_user, found_bridge, found_menu)
