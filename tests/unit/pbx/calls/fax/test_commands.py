"""The console's commands of faxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from faxing_kit import World, faxing

from asterism.core.errors import CommandError, UsageError
from asterism.media.fax.terminal import Transfer
from asterism.pbx.calls.fax.session import Operation
from asterism.version import __version__


def test_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        faxes = world.pbx.faxes
        assert "0 FAX sessions" in world.console("fax show sessions")
        session = faxes.begin(world.alice, Operation.RECEIVE, ("/x/a.tif",))
        session.transfer = Transfer(9600, True, 1, 8031, 7700, 1728, 100, 3)
        assert world.console("fax show sessions") == (
            "\nCurrent FAX Sessions:\n\n"
            "Channel                        Tech       FAXID      Type  Operation  State           File(s)\n"
            f"{world.alice.name:30} Spandsp    0          G.711 receive    Initialized     /x/a.tif\n"
            "\n1 FAX sessions\n\n"
        )
        one = world.console("fax show session", "0")
        assert one == (
            "\nFAX Session Details:\n--------------------\n\n"
            f"channel                : {world.alice.name}\nsession                : 0\n"
            "operation              : Receive\nstate                  : Initialized\n"
            "ECM Mode               : Yes\nData Rate              : 9600\n"
            "Image Resolution       : 8031x7700\nPage Number            : 2\n"
            "File Name              : /x/a.tif\n\nData Statistics:\nTx Pages               : 0\n"
            "Rx Pages               : 1\nLongest Bad Line Run   : 0\nTotal Bad Lines        : 3\n\n\n"
        )
        faxes.end(session, False)
        for number in ("0", "x", "9" * 30):
            with pytest.raises(CommandError):
                world.console("fax show session", number)
        stats = world.console("fax show stats")
        assert "Receive Attempts     : 1\n" in stats
        assert "Failed FAXes         : 1\n" in stats
        assert "Spandsp G.711\nSuccess              : 0\nSwitched to T.38     : 0\nCall Dropped         : 0\n" in stats
        assert stats.endswith("Unknown Error        : 0\n\n\n")
        assert world.console("fax show settings") == (
            "FAX For Asterisk Settings:\n\tECM: Enabled\n\tStatus Events: Off\n\tMinimum Bit Rate: 4800\n"
            "\tMaximum Bit Rate: 14400\n\tModem Modulations Allowed: V17,V27,V29\n\tT.38 Negotiation Timeout: 5000\n"
            "\n\nFAX Technology Modules:\n\nSpandsp (Spandsp FAX Driver) Settings:\n"
        )
        assert world.console("fax show capabilities") == (
            "\n\nRegistered FAX Technology Modules:\n\n"
            "Type            : Spandsp\nDescription     : Spandsp FAX Driver\n"
            "Capabilities    : SEND RECEIVE T.38 G.711 GATEWAY\n\n1 registered modules\n\n"
        )
        assert world.console("fax show version") == (
            f"FAX For Asterisk Components:\n\tApplications: Asterism {__version__}\n"
            "\tSpandsp FAX Driver: libspandsp.so.2\n"
        )

    faxing(tmp_path, scenario, monkeypatch)


def test_debugging_goes_to_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        assert "Enabled" in world.console("fax set debug", "on")
        assert world.pbx.faxes.begin(world.alice, Operation.SEND).debug
        for session in world.pbx.faxes:
            world.pbx.faxes.end(session, False)
        assert "Disabled" in world.console("fax set debug", "off")
        assert not world.pbx.faxes.debug

    faxing(tmp_path, scenario, monkeypatch)


def test_they_are_used_as_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        for words, args in (
            ("fax set debug", ()), ("fax set debug", ("maybe",)), ("fax show session", ()),
            *((f"fax show {name}", ("x",)) for name in ("capabilities", "sessions", "settings", "stats", "version")),
        ):  # fmt: skip
            with pytest.raises(UsageError):
                world.console(words, *args)

    faxing(tmp_path, scenario, monkeypatch)
