"""Counting calls: GROUP, GROUP_COUNT, GROUP_MATCH_COUNT, GROUP_LIST and ``group show channels``.

A channel is in at most one group of each category, until it ends. The groups are a table of their own beside the
channels, so that a count costs the same however many calls there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.regex import RegexError, compile_regex
from asterism.pbx.dialplan.language.arguments import divide
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.core.events import EventType
    from asterism.core.regex import Regex
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

MAX_CATEGORIES = 32
"""Groups that one channel may be in."""
MAX_NAME = 256
"""Characters of the name of a group, and of a category."""
_CATEGORY = Argument("category", "Which of its groups; without it the one that has no category.")
_ROW = "%-25s  %-20s  %-20s"


class Groups:
    """Which channel is in which group, both ways."""

    def __init__(self) -> None:
        self._of: dict[Channel, dict[str, str]] = {}
        """The groups of each channel by their categories."""
        self._in: dict[tuple[str, str], set[Channel]] = {}
        """The channels of each group, by category and name."""

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[tuple[Channel, str, str]]:
        """Channel, group and category of each membership."""
        for channel, groups in self._of.items():
            for category, name in groups.items():
                yield channel, name, category

    def of(self, channel: Channel) -> dict[str, str]:
        """The groups of a channel by their categories, in the order in which they were set."""
        return self._of.get(channel, {})

    def put(self, channel: Channel, name: str, category: str) -> None:
        """Put a channel into a group, instead of the one of that category that it was in; ``""``: into none.

        Raises:
            FunctionError: the name is too long, or it is in too many groups.
        """
        if max(len(name), len(category)) > MAX_NAME:
            raise FunctionError(f"a group has at most {MAX_NAME} characters")
        groups = self._of.get(channel, {})
        if name and category not in groups and len(groups) >= MAX_CATEGORIES:
            raise FunctionError(f"a channel is in at most {MAX_CATEGORIES} groups")
        old = groups.pop(category, None)
        if old is not None:
            self._leave(channel, category, old)
        if name:
            groups[category] = name
            self._of[channel] = groups
            self._in.setdefault((category, name), set()).add(channel)
        elif not groups:
            self._of.pop(channel, None)

    def forget(self, channel: Channel) -> None:
        """A channel has ended."""
        for category, name in self._of.pop(channel, {}).items():
            self._leave(channel, category, name)

    def count(self, name: str, category: str) -> int:
        """Number of channels in a group."""
        return len(self._in.get((category, name), ()))

    def count_matching(self, name: Regex, category: Regex | None) -> int:
        """Number of channels in groups whose names, and whose categories, have a match; ``None``: no category."""
        return sum(
            len(channels)
            for (each, group), channels in self._in.items()
            if name.search(group) is not None and (not each if category is None else category.search(each) is not None)
        )

    def _leave(self, channel: Channel, category: str, name: str) -> None:
        channels = self._in[category, name]
        channels.discard(channel)
        if not channels:
            del self._in[category, name]


class GroupFunctions(PbxModule):
    """GROUP and its kin."""

    name: ClassVar[str] = "func_groupcount"
    description: ClassVar[str] = "Channel group dialplan functions"

    def load(self, server: HostServer) -> None:
        """Register the functions."""
        super().load(server)
        self.groups = Groups()
        self._listens = False

    def _ended(self, _type: EventType, published: tuple[Any, ...]) -> None:
        self.groups.forget(published[0])

    @function(
        "GROUP",
        Documentation(
            "Get or set the group that the channel counts in.",
            "GROUP([category])",
            "Calls are counted in groups, by GROUP_COUNT, to limit them. A channel is in one group of each category "
            "until it ends, or is put into another one; an empty group takes it out.",
            (_CATEGORY,),
            ("GROUP_COUNT", "GROUP_LIST", "GROUP_MATCH_COUNT"),
        ),
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """The group of the channel."""
        return self.groups.of(needs_channel(channel)).get(args.strip(), "")

    @function_writer("GROUP")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Put the channel into a group."""
        channel = needs_channel(channel)
        if channel.dead:
            return
        name, _, category = divide(value, "@")
        self.groups.put(channel, str(name).strip(), str(args or category).strip())
        if not self._listens:
            # Whoever counts no calls need not pay for it: each event that is heard costs every call.
            self._listens = True
            self.pbx.bus.subscribe(self.pbx.owner, events.HANGUP, self._ended)

    @function(
        "GROUP_COUNT",
        Documentation(
            "Count the channels in a group.",
            "GROUP_COUNT([group][@category])",
            "Without a name it is the group of the channel itself.",
            (Argument("group", "Name of the group."), _CATEGORY),
            ("GROUP", "GROUP_MATCH_COUNT"),
        ),
    )
    def read_count(self, channel: Channel | None, args: str) -> str:
        """Number of channels."""
        name, _, category = (str(part).strip() for part in divide(args, "@"))
        if not name and channel is not None:
            name = self.groups.of(channel).get(category, "")
        return str(self.groups.count(name, category) if name else 0)

    @function(
        "GROUP_MATCH_COUNT",
        Documentation(
            "Count the channels in all groups whose names match.",
            "GROUP_MATCH_COUNT(groupmatch[@category])",
            "Without a category only groups without one are counted.",
            (
                Argument("groupmatch", "Regular expression (RE2), found anywhere in the name.", True),
                Argument("category", "Regular expression for the category."),
            ),
            ("GROUP", "GROUP_COUNT"),
        ),
    )
    def read_match_count(self, channel: Channel | None, args: str) -> str:
        """Number of channels."""
        name, _, category = (str(part).strip() for part in divide(args, "@"))
        if not name:
            return "0"
        try:
            matching = compile_regex(name), compile_regex(category) if category else None
        except RegexError as error:
            raise FunctionError(f"'{args}' is no regular expression: {error}") from None
        return str(self.groups.count_matching(*matching))

    @function(
        "GROUP_LIST",
        Documentation(
            "List the groups of the channel.",
            "GROUP_LIST()",
            "With blanks between them, as group@category; those without a category first.",
            (),
            ("GROUP",),
        ),
    )
    def read_list(self, channel: Channel | None, args: str) -> str:
        """The groups."""
        groups = self.groups.of(needs_channel(channel))
        return " ".join(
            [name for category, name in groups.items() if not category]
            + [f"{name}@{category}" for category, name in groups.items() if category]
        )

    @command(
        "group show channels",
        Documentation(
            "List the channels that are counted in groups.",
            "group show channels [pattern]",
            "The pattern is a regular expression (RE2) for the names of groups.",
            see_also=("core show channels",),
        ),
    )
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) > 1:
            raise UsageError("group show channels [pattern]")
        try:
            wanted = compile_regex(call.args[0]) if call.args else None
        except RegexError as error:
            raise UsageError(f"'{call.args[0]}' is no regular expression: {error}") from None
        rows = [
            _ROW % (channel.name, name, category or "(default)")
            for channel, name, category in self.groups
            if wanted is None or wanted.search(name) is not None
        ]
        lines = [_ROW % ("Channel", "Group", "Category"), *rows, f"{len(rows)} active channels in groups"]
        return "".join(line.rstrip() + "\n" for line in lines)
