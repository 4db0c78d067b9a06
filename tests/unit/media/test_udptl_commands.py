"""udptl.conf in force, and the udptl commands."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.test_events import TestEvents
from asterism.media.core import Media
from asterism.media.udptl_commands import UdptlModule

CONFIG = """\
UDPTL Global options
--------------------
udptlstart:      4000
udptlend:        4009
udptlfecentries: 5
udptlfecspan:    3
use_even_ports:  no
udptlchecksums:  yes
"""


def make_module(folder: Path) -> tuple[UdptlModule, Any]:
    log = ServerLogger("test")
    log.parent, log.propagate = logging.getLogger(), True  # so that caplog sees it
    server: Any = SimpleNamespace(
        owner=Owner("test"),
        log=log,
        test_events=TestEvents(EventBus(log)),
        paths=SimpleNamespace(etc=folder, data=folder, spool=folder, share=folder),
        register_marked=lambda module: None,
    )
    server.media = Media(server)
    module = UdptlModule()
    module.load(server)
    return module, server.media.udptl


def run(command: Any, *args: str) -> str:
    found: str = command(CommandCall(list(args), SimpleNamespace()))  # type: ignore[arg-type]
    return found


def test_the_settings_are_shown_and_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module, udptl = make_module(tmp_path)
    assert "udptlend:        4999\n" in run(module.show_config)
    (tmp_path / "udptl.conf").write_text("[general]\nudptlend=4009\nudptlfecentries=5\n")
    module.reload()
    assert run(module.show_config) == CONFIG
    (tmp_path / "udptl.conf").write_text("[general]\nudptlend=many\n")
    module.reload()
    assert "udptl.conf is not used" in caplog.text
    assert udptl.settings.end == 4009
    assert module.use_count() == 0
    with pytest.raises(UsageError):
        run(module.show_config, "more")


def test_the_packet_log_is_switched(tmp_path: Path) -> None:
    module, udptl = make_module(tmp_path)
    assert run(module.set_debug, "on") == "UDPTL Debugging Enabled\n"
    assert (udptl.debug, udptl.debug_host) == (True, "")
    expected = "UDPTL Debugging Enabled for address: 192.0.2.1:4000\n"
    assert run(module.set_debug, "ip", "192.0.2.1:4000") == expected
    assert (udptl.debug, udptl.debug_host) == (True, "192.0.2.1:4000")
    assert run(module.set_debug, "off") == "UDPTL Debugging Disabled\n"
    assert (udptl.debug, udptl.debug_host) == (False, "")
    udptl.set_debug(True)
    module.unload()
    assert not udptl.debug
    for words in ([], ["ip"], ["maybe"], ["on", "off"]):
        with pytest.raises(UsageError):
            run(module.set_debug, *words)
