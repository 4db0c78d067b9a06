"""``logger.conf``: which channels take which levels."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from asterism.config.file import ConfigFile, Option
from asterism.config.values import is_true
from asterism.core.errors import ConfigError
from asterism.core.log import LEVEL_NAMES
from asterism.interfaces.logger.formats import DEFAULT_DATE, FORMATS

ROTATIONS = ("sequential", "rotate", "timestamp", "none")
_LEVEL = re.compile(r"(\w+|\*)(?:\((\d+|\*)\))?$")
_ASIDE = frozenset({"cc", "aoc", "pjsip_history"})  # Asterisk's levels that nothing here logs at


@dataclass(slots=True)
class ChannelSettings:
    """One line of ``[logfiles]``: the channel's name, its format, its levels."""

    name: str
    format: str = "default"
    levels: dict[str, int] = field(default_factory=dict)
    """Level names; for ``verbose`` the highest level taken, 0 meaning the server's."""


@dataclass(slots=True)
class LoggerSettings:
    """All of ``logger.conf``."""

    dateformat: str = DEFAULT_DATE
    appendhostname: bool = False
    use_callids: bool = True
    rotatestrategy: str = "sequential"
    exec_after_rotate: str = ""
    logger_queue_limit: int = 1000
    channels: list[ChannelSettings] = field(default_factory=list)


def parse_levels(name: str, text: str) -> ChannelSettings:
    """A channel from its value ``[format]level,level(n)``; raises ``ValueError`` naming what is wrong."""
    channel = ChannelSettings(name)
    text = text.strip()
    if text.startswith("["):
        word, _, text = text[1:].partition("]")
        if word.strip() not in FORMATS:
            raise ValueError(f"'{word}' is not a log format; accepted: {', '.join(FORMATS)}")
        channel.format = word.strip()
    for word in filter(None, (each.strip().lower() for each in text.split(","))):
        match = _LEVEL.match(word)
        level = match.group(1) if match else ""
        if level == "*":
            channel.levels = dict.fromkeys(LEVEL_NAMES, 0)
        elif match and level in LEVEL_NAMES:
            detail = match.group(2)
            channel.levels[level] = 10 if detail == "*" else int(detail or 0)
        elif level not in _ASIDE:
            raise ValueError(f"'{word}' is not a log level; accepted: {', '.join(LEVEL_NAMES)}, *")
    return channel


def read_settings(config: ConfigFile) -> tuple[LoggerSettings, list[ConfigError]]:
    """The settings in ``config``, and what is wrong with it; a wrong line is left out."""
    settings, errors = LoggerSettings(), []
    for section in config.sections:
        for option in section.options:
            try:
                if section.name == "general":
                    _read_general(option, settings)
                elif section.name == "logfiles":
                    settings.channels.append(parse_levels(option.name, option.value))
                else:
                    raise ConfigError(f"[{section.name}] is not a section of logger.conf", section.position)
            except ValueError as error:
                errors.append(option.error(str(error)))
            except ConfigError as error:
                errors.append(error)
    return settings, errors


def _read_general(option: Option, settings: LoggerSettings) -> None:
    name = option.name.lower()
    if name in ("dateformat", "exec_after_rotate"):
        setattr(settings, name, option.value)
    elif name in ("appendhostname", "use_callids"):
        setattr(settings, name, is_true(option.value))
    elif name == "rotatestrategy":
        if option.value not in ROTATIONS:
            raise option.error(f"'{option.value}' is not known", ", ".join(ROTATIONS))
        settings.rotatestrategy = option.value
    elif name == "logger_queue_limit":
        settings.logger_queue_limit = option.integer(1)
    elif name not in (
        "queue_log",
        "queue_log_to_file",
        "queue_log_name",
        "custom_levels",
        "queue_log_realtime_use_gmt",
    ):
        raise option.error("not an option of [general] in logger.conf")
