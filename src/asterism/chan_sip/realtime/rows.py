"""A row of ``sippeers`` or ``sipusers``: lines of a section of ``sip.conf``, and what is known of a registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import KINDS, canonical
from asterism.config.file import Option, Section
from asterism.core.errors import ConfigError, Position
from asterism.core.nearest import suggestion
from asterism.data.realtime.rows import decode

Row = Mapping[str, str]
"""The columns that have a value, by their names in lower case."""

KEY = "name"
REGISTRATION = ("ipaddr", "port", "regseconds", "fullcontact", "regserver", "useragent", "lastms", "path")
"""Columns that tell of a registration; ``port`` of a peer that does not register is an option."""
ALONE = ("id", KEY, "type", "dynamic", "mask", "hasvoicemail", "cancallforward")
"""Columns that are no options, and of which nothing is to be said: the usual tables have them."""
_LATER = frozenset(("allow", "permit", "contactpermit", "directmediapermit"))
"""Options whose lines go on from those of another one, which must come first."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a row says of a registration.

    ``until`` is its end in Unix seconds, 0 without one; ``contact`` the URI, made of the address where there is none.
    """

    contact: str = ""
    until: int = 0
    server: str = ""
    user_agent: str = ""
    path: str = ""


def unknown_columns(names: tuple[str, ...]) -> dict[str, str]:
    """The columns of a table that have no effect on a peer, each with what may have been meant."""
    known = [spec.name for spec in SipPeer.OPTIONS]
    found: dict[str, str] = {}
    for name in names:
        key = name.lower()
        if key in ALONE or key in REGISTRATION or key.startswith("@") or SipPeer.spec(canonical(key)) is not None:
            continue
        general = SipGeneral.spec(canonical(key)) is not None
        found[name] = " (it is one of [general])" if general else suggestion(name, known)
    return found


def section_of(row: Row, place: str, kind: str) -> tuple[Section, str]:
    """The section that a row stands for, and its kind; ``kind`` is that of a row without ``type``.

    Raises:
        ConfigError: the row's type is none.
    """
    name = row[KEY]
    position = Position(f"{place}, row '{name}'", 0)
    given = row.get("type", kind).strip().lower()
    if given not in KINDS:
        near = suggestion(given, KINDS)
        raise ConfigError(
            f"'{name}' is left out: '{given}' is no type{near}; accepted: {', '.join(KINDS)}", position, "type"
        )
    dynamic = row.get("host", "dynamic").strip().lower() == "dynamic"
    lines: list[Option] = []
    for column in sorted(row, key=lambda each: each in _LATER):
        if column in ALONE or (column in REGISTRATION and (column != "port" or dynamic)):
            continue
        # A column that nobody can mean as an option was told once, for its table.
        if SipPeer.spec(canonical(column)) is None and not column.startswith("@"):
            continue
        lines += (Option(column, decode(part), position) for part in row[column].split(";") if part)
    return Section(name, position, options=lines), given


def registration_of(row: Row) -> Registration:
    """What a row says of a registration."""
    until = _number(row.get("regseconds", ""))
    contact = decode(row.get("fullcontact", ""))
    host, port = row.get("ipaddr", ""), _number(row.get("port", ""))
    if not contact and host:
        user = row.get("defaultuser") or row.get("username") or ""
        shown = f"[{host}]" if ":" in host else host
        contact = f"sip:{user}@{shown}" if user else f"sip:{shown}"
        if port:
            contact += f":{port}"
    if not contact or not until:
        return Registration()
    return Registration(contact, until, row.get("regserver", ""), row.get("useragent", ""), decode(row.get("path", "")))


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
