"""``[authentication]``: credentials that answer challenges of whatever peer or registrar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from asterism.chan_sip.objects.credential import Credential
from asterism.chan_sip.translation.general_making import GeneralObject, lines_of
from asterism.chan_sip.translation.rules import Rule

if TYPE_CHECKING:
    from asterism.chan_sip.reading import SipConf
    from asterism.chan_sip.translation.names import Names
    from asterism.config.file import Option, Section


def credentials(conf: SipConf, names: Names, kind: str) -> Iterable[Section]:
    """An auth object for each line."""
    if kind in ("", "auth"):
        for number, (line, credential) in enumerate(_lines(conf), 1):
            made = GeneralObject(conf, "auth", names.general_auth(number), line.position)
            fill(made, credential)
            yield made.section


def names_of(conf: SipConf, names: Names) -> list[str]:
    """The ids of these objects: they belong to the ``outbound_auth`` of everything."""
    return [names.general_auth(number) for number, _ in enumerate(_lines(conf), 1)]


def fill(made: GeneralObject, credential: Credential) -> None:
    """Set the options of an auth object."""
    made.put("username", credential.user)
    made.put("realm", credential.realm)
    if credential.md5:
        made.put("password_digest", f"MD5:{credential.md5}")
    else:
        made.put("password", credential.secret)


def _lines(conf: SipConf) -> Iterator[tuple[Option, Credential]]:
    for line in lines_of(conf, "auth"):
        yield line, Credential.parse(line.value)


RULES = (Rule("auth", ("auth.username", "auth.password", "auth.realm")),)
