"""Content of a NOTIFY sent by hand: headers and body, from a file of templates or as given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.config.file import ConfigFile
from asterism.core.errors import AsterismError, ConfigError
from asterism.stack.grammar import check_value, is_token
from asterism.stack.headers import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable
    from logging import Logger
    from pathlib import Path

FILE = "pjsip_notify.conf"
MAX_LINES = 100
"""Headers and lines of the body, together."""
MAX_SIZE = 16_384
"""Characters of all of them."""
RESERVED = frozenset(
    (
        "Authorization", "Call-ID", "Contact", "Content-Length", "CSeq", "From", "Proxy-Authorization", "Record-Route",
        "Route", "To", "Via",
    )
)  # fmt: skip
"""Headers that are the request's own: they say where it goes, whose it is and how long."""


class NotifyError(AsterismError):
    """A NOTIFY cannot be sent as requested."""


class Content(NamedTuple):
    """Headers and body of a NOTIFY.

    Attributes:
        headers: in order, Subscription-State among them.
        body: empty without one.
        type: the body's Content-Type.
        passed_over: names that were given and may not be.
    """

    headers: tuple[tuple[str, str], ...]
    body: str
    type: str
    passed_over: tuple[str, ...]


def content_of(lines: Iterable[tuple[str, str]], *, as_given: bool = False) -> Content:
    """The content that these headers make; ``Content`` gives a line of the body, ``Content-Type`` says what it is.

    A body without type is left out, as in Asterisk 22. ``as_given``: it is not, and Content-Type is one of the headers,
    in its place, as with ``chan_sip``.

    Raises:
        NotifyError: there is too much, or something that cannot stand in a header.
    """
    headers: list[tuple[str, str]] = []
    body: list[str] = []
    passed_over: list[str] = []
    media, state, size = "", "terminated", 0
    for number, (given, value) in enumerate(lines):
        name = canonical(given.strip())
        size += len(given) + len(value)
        if number >= MAX_LINES or size > MAX_SIZE:
            raise NotifyError(f"it has more than {MAX_LINES} lines, or more than {MAX_SIZE} characters")
        if not is_token(name):
            raise NotifyError(f"'{name}' is not the name of a header")
        try:
            check_value(value)
        except ValueError as error:
            raise NotifyError(f"the value of '{name}' has more than one line") from error
        if name.lower() == "content":
            body.append(value)
        elif name in RESERVED:
            passed_over.append(name)
        elif name == "Content-Type" and not as_given:
            media = value
        elif name == "Subscription-State":
            state = value
        else:
            headers.append((name, value))
    text = "\r\n".join(body) if media or as_given else ""
    return Content((("Subscription-State", state), *headers), text, media, tuple(passed_over))


def read_templates(file: ConfigFile, *, as_given: bool = False) -> tuple[dict[str, Content], list[ConfigError]]:
    """The templates of ``pjsip_notify.conf`` or ``sip_notify.conf`` by name, and what is wrong with the others."""
    found: dict[str, Content] = {}
    problems: list[ConfigError] = []
    for section in file:
        try:
            content = content_of(((option.name, option.value) for option in section), as_given=as_given)
        except NotifyError as error:
            problems.append(ConfigError(f"[{section.name}]: {error}", section.position))
            continue
        problems += (
            ConfigError(f"[{section.name}]: '{name}' is left out: the server writes it itself", section.position)
            for name in content.passed_over
            # Files of Asterisk say Content-Length everywhere; nothing is lost with it.
            if name != "Content-Length"
        )
        found[section.name] = content
    return found, problems


def load_templates(
    path: Path, log: Logger, before: dict[str, Content], *, as_given: bool = False
) -> dict[str, Content]:
    """The templates of a file, ``before`` where it cannot be read; what is wrong is logged."""
    try:
        file = ConfigFile.load(path, missing_ok=True)
    except ConfigError as error:
        log.error("%s", error)
        return before
    found, problems = read_templates(file, as_given=as_given)
    for problem in problems:
        log.warning("%s", problem)
    return found
