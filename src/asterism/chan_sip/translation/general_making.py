"""What makes the objects of ``[general]``: sections whose options have the places of the lines that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip.reading import canonical
from asterism.chan_sip.translation.rules import Made
from asterism.config.file import Option
from asterism.core.errors import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asterism.chan_sip.reading import SipConf


class GeneralObject:
    """One object of a type of ``pjsip.conf`` that ``[general]`` makes.

    Args:
        conf: what ``sip.conf`` says.
        kind: the type.
        name: the object's id.
        position: where it begins; ``None``: where ``[general]`` does.
    """

    def __init__(self, conf: SipConf, kind: str, name: str, position: Position | None = None) -> None:
        self._conf = conf
        self.position = position or conf.general.position or Position("", 0)
        self._made = Made(kind, name, self.position)
        self.section = self._made.section
        self.section.options.append(Option("type", kind, self.position))

    def put(self, name: str, value: str, *origins: str) -> None:
        """Set an option unless it is the default; it has the place of the first of the ``origins`` that is set."""
        self._made.put(name, value, self._conf.position(None, *origins) if origins else self.position)

    def add(self, name: str, value: str, *origins: str) -> None:
        """Set an option also where the value is the default."""
        self.section.options.append(Option(name, value, self._conf.position(None, *origins)))

    @property
    def empty(self) -> bool:
        """Whether no option is set."""
        return len(self.section.options) == 1


def lines_of(conf: SipConf, name: str) -> Iterator[Option]:
    """The lines of ``[general]`` and ``[authentication]`` that add to an option; those that are wrong left out."""
    taken = frozenset(getattr(conf.general, name))
    return (line for line in conf.general_lines if canonical(line.name) == name and line.value in taken)


def yes_no(value: bool) -> str:
    """A boolean as ``pjsip.conf`` has it."""
    return "yes" if value else "no"
