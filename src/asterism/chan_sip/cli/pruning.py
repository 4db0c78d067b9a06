"""``sip prune realtime``: peers of databases are forgotten, and read again when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip.realtime.peers import is_realtime
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.like import like_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asterism.chan_sip.peers import Peers
    from asterism.chan_sip.realtime.module import SipRealtime


class PruneCommands:
    """The command. ``realtime`` gives the peers of databases, ``None`` where that module is not loaded."""

    def __init__(self, peers: Peers, realtime: Callable[[], SipRealtime | None]) -> None:
        self._peers = peers
        self._realtime = realtime

    def complete(self, typed: list[str]) -> Iterable[str]:
        """The words, and the names of peers of databases."""
        if len(typed) > 1 and typed[0] != "peer":
            return []
        names = [one.name for one in self._peers.sections() if is_realtime(one)]
        if len(typed) < 2:
            return ["peer", "all", "like", *names]
        return ["all", "like", *names] if len(typed) == 2 else []

    @command(
        "sip prune realtime", Documentation(
            "Forget peers of databases", "sip prune realtime [peer [<name>|all|like <pattern>]|all]",
            "They are read again when they are used. With like, those in whose name the regular expression is found.",
            (
                Argument("name", "One peer."),
                Argument("all", "All of them."),
                Argument("like", "Those in whose name a regular expression is found."),
            ),
        ), "complete",
    )  # fmt: skip
    def prune(self, call: CommandCall) -> str:
        """Forget one, those that a pattern matches, or all."""
        words = call.args[1:] if call.args[:1] == ["peer"] else call.args
        if words == ["all"]:
            return self._those(lambda _name: True)
        if words[:1] == ["like"]:
            if len(words) != 2:
                raise UsageError("a pattern")
            return self._those(like_pattern(words))
        if len(words) != 1:
            raise UsageError("one name, all, or like and a pattern")
        return self._one(words[0])

    def _one(self, name: str) -> str:
        peer = next((one for one in self._peers.sections() if one.name == name), None)
        if peer is None:
            return f"Peer '{name}' not found.\n"
        if not is_realtime(peer):
            return f"Peer '{name}' is not a Realtime peer, cannot be pruned.\n"
        realtime = self._realtime()
        if realtime is not None:
            realtime.prune(lambda found: found == name)
        return f"Peer '{name}' pruned.\n"

    def _those(self, wanted: Callable[[str], bool]) -> str:
        realtime = self._realtime()
        count = realtime.prune(wanted) if realtime is not None and realtime.active else 0
        return f"{count} peers pruned.\n" if count else "No peers found to prune.\n"
