"""What a peer of ``sip.conf`` becomes, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from asterism.chan_sip.reading import SipConf, read
from asterism.chan_sip.translation.names import Names
from asterism.chan_sip.translation.translate import sections_of
from asterism.config.file import ConfigFile
from asterism.data.options import ConfiguredObject
from asterism.sip.objects import Aor, Auth, Endpoint

O = TypeVar("O", bound=ConfiguredObject)  # noqa: E741 - an object


@dataclass
class Peer:
    """The objects of a peer."""

    conf: SipConf
    endpoint: Endpoint
    aor: Aor | None
    auths: dict[str, Auth]


def made(cls: type[O], conf: SipConf) -> dict[str, O]:
    """The objects of a type; an option that it refuses raises."""
    return {
        section.name: cls.from_options(section.name, section.options, section.position)
        for section in sections_of(conf, Names(), cls.TYPE)
    }


def peer(lines: str = "", general: str = "", kind: str = "friend") -> Peer:
    """The objects of ``[x]`` with these lines."""
    text = f"[general]\n{general}\n[x]\ntype={kind}\n{lines}\n"
    conf = read(ConfigFile.parse(text, "sip.conf"))
    assert conf.problems == []
    assert conf.warnings == []
    auths = {name: auth for name, auth in made(Auth, conf).items() if name.startswith("x/")}
    return Peer(conf, made(Endpoint, conf)["x"], made(Aor, conf).get("x"), auths)
