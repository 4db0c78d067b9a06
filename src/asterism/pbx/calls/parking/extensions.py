"""The extensions and hints that a lot brings into the dialplan, and whether an extension is one that parks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.dialplan.language.contexts import HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asterism.pbx.calls.parking.lots import Lot
    from asterism.pbx.dialplan.language.contexts import Priority
    from asterism.pbx.dialplan.language.table import Dialplan

REGISTRAR = "res_parking"
PARK = "Park"
PARKED_CALL = "ParkedCall"


def add_extensions(dialplan: Dialplan, lot: Lot) -> tuple[Callable[[], None], list[str]]:
    """Add the extensions of a lot; return what removes them, and what stood in the way of some.

    The caller tells ``dialplan.changed()``.
    """
    settings = lot.settings
    own = f"{REGISTRAR}/{lot.name}"
    lines: list[Priority] = []
    complaints: list[str] = []
    # The context is the lot's, the line that parks may be of several lots.
    if settings.parkext or settings.parkinghints:
        dialplan.table.context(settings.context, own)
    if settings.parkext and lot.enabled and not _shared(dialplan, lot):
        data = lot.name if settings.parkext_exclusive else ""
        added, problems = dialplan.add_lines(settings.context, REGISTRAR, [(settings.parkext, 1, PARK, data)])
        lines += added
        complaints += problems
    added, problems = dialplan.add_lines(settings.context, own, _spaces(lot))
    lines += added
    complaints += problems
    return lambda: dialplan.remove_lines(lines), complaints


def _spaces(lot: Lot) -> Iterator[tuple[str, int, str, str]]:
    settings = lot.settings
    for space in lot.spaces:
        if settings.parkext:
            yield str(space), 1, PARKED_CALL, f"{lot.name},{space}"
        if settings.parkinghints:
            yield str(space), HINT, lot.device(space), ""


def _shared(dialplan: Dialplan, lot: Lot) -> bool:
    """Whether another lot has brought the same line already."""
    line = _own_line(dialplan, lot.settings.context, lot.settings.parkext)
    return line is not None and not line.data and not lot.settings.parkext_exclusive


def _own_line(dialplan: Dialplan, context: str, exten: str) -> Priority | None:
    table = dialplan.table.get(context)
    extension = None if table is None else table.extensions.get((exten.lower(), None))
    line = None if extension is None else extension.priorities.get(1)
    return line if line is not None and line.registrar == REGISTRAR else None


def parking_extension(dialplan: Dialplan, context: str, exten: str, callerid: str = "") -> str | None:
    """The lot of an extension that parks, empty for that of the call; ``None``: it is none.

    Only extensions that lots have brought are: what other lines do with ``Park`` is the dialplan's to say.
    """
    line = dialplan.find(context, exten, 1, callerid)
    if line is None or line.registrar != REGISTRAR or line.application != PARK:
        return None
    return line.data
