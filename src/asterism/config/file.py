"""A configuration file as its readers see it: sections of options, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asterism.config.values import is_true
from asterism.core.errors import ConfigError, Position


@dataclass(slots=True)
class Option:
    """One ``name = value`` line.

    ``arrow`` tells ``=>`` from ``=``; ``inherited`` that the line came from a template.
    """

    name: str
    value: str
    position: Position
    arrow: bool = False
    inherited: bool = False

    def integer(self, low: int | None = None, high: int | None = None) -> int:
        """The value as a number within ``low..high``; raises :class:`ConfigError` otherwise."""
        accepted = f"a whole number{'' if low is None else f' from {low}'}{'' if high is None else f' up to {high}'}"
        try:
            number = int(self.value)
        except ValueError:
            raise self.error(f"'{self.value}' is not a number", accepted) from None
        if (low is not None and number < low) or (high is not None and number > high):
            raise self.error(f"{number} is out of range", accepted)
        return number

    def error(self, message: str, accepted: str = "") -> ConfigError:
        """An error at this line, ready to be raised."""
        hint = f"; accepted: {accepted}" if accepted else ""
        return ConfigError(f"option '{self.name}': {message}{hint}", self.position, self.name, accepted)


@dataclass(slots=True)
class Section:
    """A section with the options of its templates first, in the order Asterisk applies them."""

    name: str
    position: Position
    template: bool = False
    inherits: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options)

    def find(self, name: str) -> Option | None:
        """The last option called ``name`` in any case: of repeated options the last one counts."""
        key = name.lower()
        for option in reversed(self.options):
            if option.name.lower() == key:
                return option
        return None

    def get(self, name: str, default: str = "") -> str:
        """The last value of ``name``, or ``default``."""
        option = self.find(name)
        return default if option is None else option.value

    def get_all(self, name: str) -> list[str]:
        """Every value of ``name``, in order."""
        key = name.lower()
        return [option.value for option in self.options if option.name.lower() == key]

    def flag(self, name: str, default: bool = False) -> bool:
        """The last value of ``name`` as a boolean, by Asterisk's rule (nonsense is false)."""
        option = self.find(name)
        return default if option is None else is_true(option.value)

    def integer(self, name: str, default: int, low: int | None = None, high: int | None = None) -> int:
        """The last value of ``name`` as a number; raises :class:`ConfigError` with its place."""
        option = self.find(name)
        return default if option is None else option.integer(low, high)


class ConfigFile:
    """A file read with everything it includes.

    ``sections`` are those to be used, in order (templates apart); one name may occur several
    times, as in ``pjsip.conf``. ``warnings`` are lines that Asterisk would skip with a warning;
    ``paths`` every file read, the first being the file itself.
    ``not_run`` are the ``#exec`` lines that were passed over.
    """

    def __init__(self, path: str = "") -> None:
        self.path = path
        self.sections: list[Section] = []
        self.templates: list[Section] = []
        self.warnings: list[ConfigError] = []
        self.paths: list[Path] = []
        self.not_run: list[Position] = []

    @classmethod
    def load(
        cls, path: str | Path, *, root: Path | None = None, allow_exec: bool | None = False, missing_ok: bool = False
    ) -> ConfigFile:
        """Read the file at ``path``.

        Relative includes are looked up in ``root``, the configuration folder (by default the
        folder of ``path``). ``#exec`` runs only with ``allow_exec``; with ``None`` it is passed over, and its place is
        in ``not_run``. With ``missing_ok`` a file
        that does not exist reads as empty. Raises :class:`~asterism.config.errors.ConfigErrors` with everything
        that is wrong.
        """
        from asterism.config.reader import Reader

        return Reader(Path(path), root, allow_exec).load(missing_ok)

    @classmethod
    def parse(
        cls, text: str, path: str | Path = "<text>", *, root: Path | None = None, allow_exec: bool | None = False
    ) -> ConfigFile:
        """Read ``text`` as if it were the file at ``path``; otherwise like :meth:`load`."""
        from asterism.config.reader import Reader

        return Reader(Path(path), root, allow_exec).parse(text)

    def __iter__(self) -> Iterator[Section]:
        return iter(self.sections)

    def section(self, name: str) -> Section | None:
        """The first section called ``name``, in any case."""
        key = name.lower()
        return next((section for section in self.sections if section.name.lower() == key), None)

    def named(self, name: str) -> list[Section]:
        """Every section called ``name``, in any case."""
        key = name.lower()
        return [section for section in self.sections if section.name.lower() == key]

    def options(self, name: str) -> Section:
        """All options of every section called ``name`` as one section, empty if there is none.

        For files where sections of one name simply add up (``[general]``, ``[directories]``).
        """
        found = self.named(name)
        merged = Section(name, found[0].position if found else Position(self.path, 0))
        for section in found:
            merged.options.extend(section.options)
        return merged
