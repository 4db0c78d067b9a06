"""Structured documentation: what every application, function, action, event and command carries.

One record feeds ``core show application``, ``manager show command``, ``core show help``, the
reference docs and ``core-en_US.xml``. Everything a user can name has one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, parameter or field.

    ``values`` lists the words it may hold (or option letters) with their meaning.
    """

    name: str
    description: str = ""
    required: bool = False
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Documentation:
    """Documentation of one registered application, function, command or the like.

    ``synopsis`` is one line; ``syntax`` shows the call as typed (``Dial(Technology/Resource[,timeout])``);
    ``description`` is paragraphs of plain text; ``see_also`` names other registered things.
    """

    synopsis: str
    syntax: str = ""
    description: str = ""
    arguments: tuple[Argument, ...] = ()
    see_also: tuple[str, ...] = ()
