"""The recorded listings of chan_sip, and the recorded configuration on ports of the moment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server

RECORD = Path(__file__).resolve().parents[1] / "data" / "record"
CONFIGS = RECORD / "configs" / "asterisk16"
OPTIONS = (
    "[directories]\n"
    + "".join(f"ast{name}dir=.\n" for name in ("db", "run", "log", "spool", "data", "varlib"))
    + "[options]\nshow_secrets=yes\n"
)
"""For asterisk.conf: the recorded listings show passwords."""


def recorded(state: str) -> list[tuple[str, str]]:
    """Command and text of every listing in a state, in order; the texts end as the command's output does."""
    text = (RECORD / "chan_sip_cli.txt").read_text()
    found = re.findall(
        rf"^### \[Asterisk 16\.28\] \*CLI> (.*?)   \(state: {re.escape(state)}\)\n(.*?)\n(?=^### |^--- |\n^####|\Z)",
        text, re.DOTALL | re.MULTILINE,
    )  # fmt: skip
    return [(command, block.removeprefix("\n") if block == "\n" else block) for command, block in found]


def first_usage(text: str) -> str:
    """A usage text without its prose: its first line."""
    return text.partition("\n")[0] + "\n" if text.startswith("Usage:") else text


def listing(state: str, command: str) -> str:
    """The text of one listing."""
    return next(text for words, text in recorded(state) if words == command)


def configuration(ports: Mapping[int, int]) -> dict[str, str]:
    """The recorded files, each recorded port replaced; TLS, for which there is no certificate, is left out."""
    sip = (CONFIGS / "sip.conf").read_text().replace("tlsenable=yes", "tlsenable=no")
    for was, now in ports.items():
        sip = sip.replace(f":{was}", f":{now}").replace(f"port={was}", f"port={now}")
    return {
        "pjsip.conf": "; no type=transport here: they are those of sip.conf\n",
        "sip.conf": sip,
        "sip_notify.conf": (CONFIGS / "sip_notify.conf").read_text(),
        "extensions.conf": (CONFIGS / "extensions.conf").read_text(),
        "asterisk.conf": OPTIONS,
    }


async def said(server: Server, command: str) -> str:
    """What a command prints."""
    written: list[str] = []
    await CommandRunner(server).run(command, written.append)
    return "".join(written)


def as_recorded(text: str, ports: Mapping[int, int]) -> str:
    """A text with the recorded ports in place of those of the moment, which have as many digits."""
    for was, now in ports.items():
        text = text.replace(str(now), str(was))
    return text
